/**
 * Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 * http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */
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
