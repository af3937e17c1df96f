// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/model/runtime.h"

#include <cstring>
#include <opencv2/core.hpp>

#include "inc/errors.h"
#ifdef YOLO_WITH_ACL
#include "inc/model/acl_runtime.h"
#endif
#ifdef YOLO_WITH_LITE
#include "inc/model/lite_runtime.h"
#endif
#ifdef YOLO_WITH_OPENCV_DNN
#include "inc/model/opencv_runtime.h"
#endif
#ifdef YOLO_WITH_OPENVINO
#include "inc/model/openvino_runtime.h"
#endif

namespace yolo {
namespace {

using Creator = std::unique_ptr<Runtime> (*)(const std::string &, const ModelDescription &, const RuntimeOptions &);

struct BuiltRuntime {
  const char *name;
  Creator create;
  int instances;  // on a device; 0: it uses none, and there is one
};

const std::vector<BuiltRuntime> &Built() {
  static const std::vector<BuiltRuntime> built = {
#ifdef YOLO_WITH_ACL
      {"acl", CreateAclRuntime, kAclInstances},
#endif
#ifdef YOLO_WITH_LITE
      {"lite", CreateLiteRuntime, 1},
#endif
#ifdef YOLO_WITH_OPENCV_DNN
      {"opencv", CreateOpenCvRuntime, 0},
#endif
#ifdef YOLO_WITH_OPENVINO
      {"openvino", CreateOpenVinoRuntime, 0},
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
                                    " only; build it where CANN (ASCEND_TOOLKIT_HOME), MindSpore Lite (LITE_HOME), "
                                    "OpenVINO (OPENVINO_HOME) or OpenCV DNN is installed");
}

}  // namespace

std::vector<float> ToFloats(const void *data, size_t count, bool is_half) {
  std::vector<float> floats(count);
  if (is_half) {
    const int columns = static_cast<int>(count);
    cv::Mat target(1, columns, CV_32F, floats.data());
    // OpenCV takes no pointer to const; it only reads here.
    cv::Mat(1, columns, CV_16F, const_cast<void *>(data)).convertTo(target, CV_32F);
  } else {
    std::memcpy(floats.data(), data, count * sizeof(float));
  }
  return floats;
}

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

std::vector<std::unique_ptr<Runtime>> CreateRuntimes(const std::string &name, const std::string &model_path,
                                                     const ModelDescription &description, RuntimeOptions options) {
  const BuiltRuntime &runtime = Find(name);
  std::vector<std::unique_ptr<Runtime>> created;
  if (runtime.instances == 0) {
    created.push_back(runtime.create(model_path, description, options));
    return created;
  }
  // One on each device, then the second ones: the first batches go to different devices.
  for (int instance = 0; instance < runtime.instances; ++instance) {
    for (const int device_id : options.device_ids) {
      options.device_id = device_id;
      created.push_back(runtime.create(model_path, description, options));
    }
  }
  return created;
}

}  // namespace yolo
