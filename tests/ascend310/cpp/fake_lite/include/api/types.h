// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Our own declaration of what the app uses of MindSpore Lite's tensors.
#ifndef TESTS_CPP_FAKE_LITE_INCLUDE_API_TYPES_H_
#define TESTS_CPP_FAKE_LITE_INCLUDE_API_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data_type.h"

namespace mindspore {

enum ModelType : uint32_t { kMindIR = 0 };

class MSTensor {
 public:
  class Impl;

  MSTensor() = default;
  explicit MSTensor(const std::shared_ptr<Impl> &impl) : impl_(impl) {}

  std::string Name() const;
  enum DataType DataType() const;
  const std::vector<int64_t> &Shape() const;
  size_t DataSize() const;
  std::shared_ptr<const void> Data() const;
  void *MutableData();

 private:
  std::shared_ptr<Impl> impl_;
};

struct MSCallBackParam {};
using MSKernelCallBack = std::function<bool(const std::vector<MSTensor> &inputs, const std::vector<MSTensor> &outputs,
                                            const MSCallBackParam &op_info)>;

}  // namespace mindspore

#endif  // TESTS_CPP_FAKE_LITE_INCLUDE_API_TYPES_H_
