// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/model/runtime.h"

#include "inc/errors.h"
#ifdef YOLO_WITH_LITE
#include "inc/model/lite_runtime.h"
#endif
#ifdef YOLO_WITH_OPENCV_DNN
#include "inc/model/opencv_runtime.h"
#endif

namespace yolo {
namespace {

using Creator = std::unique_ptr<Runtime> (*)(const std::string &, const ModelDescription &, const RuntimeOptions &);

struct BuiltRuntime {
  const char *name;
  Creator create;
};

const std::vector<BuiltRuntime> &Built() {
  static const std::vector<BuiltRuntime> built = {
#ifdef YOLO_WITH_LITE
      {"lite", CreateLiteRuntime},
#endif
#ifdef YOLO_WITH_OPENCV_DNN
      {"opencv", CreateOpenCvRuntime},
#endif
  };
  return built;
}

const BuiltRuntime &Find(const std::string &name) {
  std::string known;
  for (const BuiltRuntime &runtime : Built()) {
    if (name == runtime.name) {
      return runtime;
    }
    known += (known.empty() ? "" : ", ") + std::string(runtime.name);
  }
  throw Error(ExitCode::kUsage, "--runtime " + name + ": this program was built with " +
                                    (known.empty() ? "no runtime" : known) +
                                    " only; build it where MindSpore Lite (LITE_HOME) or OpenCV DNN is installed");
}

}  // namespace

void CheckOutputs(const ModelDescription &description, const std::vector<std::vector<float>> &outputs) {
  const auto fail = [&](const std::string &found, const std::string &expected) {
    throw Error(ExitCode::kRuntime, "the runtime returned " + found + "; expected " + expected + " by " +
                                        description.path + "; export the model again");
  };
  const std::vector<OutputDescription> &expected = description.outputs;
  if (outputs.size() != expected.size()) {
    fail(std::to_string(outputs.size()) + " outputs", std::to_string(expected.size()));
  }
  for (size_t number = 0; number < outputs.size(); ++number) {
    if (outputs[number].size() != expected[number].ElementCount()) {
      fail("output \"" + expected[number].name + "\" with " + std::to_string(outputs[number].size()) + " numbers",
           ShapeText(expected[number].shape));
    }
  }
}

void CheckRuntime(const std::string &name) { Find(name); }

std::unique_ptr<Runtime> CreateRuntime(const std::string &name, const std::string &model_path,
                                       const ModelDescription &description, const RuntimeOptions &options) {
  return Find(name).create(model_path, description, options);
}

}  // namespace yolo
