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
// Our own declaration of what the app uses of MindSpore Lite's Model. tests/cpp/fake_lite/fake_lite.cc is behind it.
#ifndef TESTS_CPP_FAKE_LITE_INCLUDE_API_MODEL_H_
#define TESTS_CPP_FAKE_LITE_INCLUDE_API_MODEL_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "status.h"
#include "types.h"

namespace mindspore {

class Model {
 public:
  Model();
  ~Model();

  Status Build(const std::string &model_path, ModelType model_type,
               const std::shared_ptr<Context> &model_context = nullptr);
  Status LoadConfig(const std::string &config_path);
  Status UpdateConfig(const std::string &section, const std::pair<std::string, std::string> &config);
  Status Resize(const std::vector<MSTensor> &inputs, const std::vector<std::vector<int64_t>> &dims);
  Status Predict(const std::vector<MSTensor> &inputs, std::vector<MSTensor> *outputs,
                 const MSKernelCallBack &before = nullptr, const MSKernelCallBack &after = nullptr);
  std::vector<MSTensor> GetInputs();
  std::vector<MSTensor> GetOutputs();
  MSTensor GetOutputByTensorName(const std::string &tensor_name);

 private:
  class Recorded;
  std::unique_ptr<Recorded> recorded_;
};

}  // namespace mindspore

#endif  // TESTS_CPP_FAKE_LITE_INCLUDE_API_MODEL_H_
