// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Our own declaration of what the app uses of MindSpore Lite's data types; values as in the vendor's 2.7.
#ifndef TESTS_CPP_FAKE_LITE_INCLUDE_API_DATA_TYPE_H_
#define TESTS_CPP_FAKE_LITE_INCLUDE_API_DATA_TYPE_H_

namespace mindspore {

enum class DataType : int {
  kNumberTypeInt8 = 32,
  kNumberTypeUInt8 = 37,
  kNumberTypeFloat16 = 42,
  kNumberTypeFloat32 = 43,
};

}  // namespace mindspore

#endif  // TESTS_CPP_FAKE_LITE_INCLUDE_API_DATA_TYPE_H_
