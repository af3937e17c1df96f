// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Our own declaration of what the app uses of MindSpore Lite's Status.
#ifndef TESTS_CPP_FAKE_LITE_INCLUDE_API_STATUS_H_
#define TESTS_CPP_FAKE_LITE_INCLUDE_API_STATUS_H_

#include <cstdint>
#include <string>
#include <utility>

namespace mindspore {

enum StatusCode : uint32_t {
  kSuccess = 0,
  kLiteError = 0xFFFFFFFFu,
};

class Status {
 public:
  Status() = default;
  Status(enum StatusCode code, std::string text, std::string description = "")
      : code_(code), text_(std::move(text)), description_(std::move(description)) {}

  bool IsOk() const { return code_ == kSuccess; }
  std::string ToString() const { return text_; }
  std::string GetErrDescription() const { return description_; }

 private:
  enum StatusCode code_ = kSuccess;
  std::string text_;
  std::string description_;
};

}  // namespace mindspore

#endif  // TESTS_CPP_FAKE_LITE_INCLUDE_API_STATUS_H_
