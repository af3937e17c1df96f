// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// ONNX models on the host, by OpenCV DNN.
#ifndef ASCEND310_INFER_INC_MODEL_OPENCV_RUNTIME_H_
#define ASCEND310_INFER_INC_MODEL_OPENCV_RUNTIME_H_

#include <memory>
#include <string>

#include "inc/model/runtime.h"

namespace yolo {

/// Loads an ONNX model and runs it once on zeros, so that what OpenCV cannot run, and names or shapes that are not
/// those of the description, are reported here. Throws Error(kModel).
std::unique_ptr<Runtime> CreateOpenCvRuntime(const std::string &model_path, const ModelDescription &description,
                                             const RuntimeOptions &options);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_MODEL_OPENCV_RUNTIME_H_
