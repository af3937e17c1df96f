// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Our own declaration of what the app uses of MindSpore Lite's Model. tests/ascend310/cpp/fake_lite/fake_lite.cc is
// behind it.
#ifndef TESTS_CPP_FAKE_LITE_INCLUDE_API_MODEL_H_
#define TESTS_CPP_FAKE_LITE_INCLUDE_API_MODEL_H_

#include <memory>
#include <string>
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
  Status Predict(const std::vector<MSTensor> &inputs, std::vector<MSTensor> *outputs,
                 const MSKernelCallBack &before = nullptr, const MSKernelCallBack &after = nullptr);
  std::vector<MSTensor> GetInputs();
  std::vector<MSTensor> GetOutputs();

 private:
  class Recorded;
  std::unique_ptr<Recorded> recorded_;
};

}  // namespace mindspore

#endif  // TESTS_CPP_FAKE_LITE_INCLUDE_API_MODEL_H_
