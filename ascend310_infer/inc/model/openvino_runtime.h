// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// ONNX models on the host, by OpenVINO, whose Python package has what a C++ program needs.
#ifndef ASCEND310_INFER_INC_MODEL_OPENVINO_RUNTIME_H_
#define ASCEND310_INFER_INC_MODEL_OPENVINO_RUNTIME_H_

#include <memory>
#include <string>

#include "inc/model/runtime.h"

namespace yolo {

/// Loads an ONNX model; names, types and shapes that are not those of the description are reported here. It computes in
/// float32. Throws Error(kModel).
std::unique_ptr<Runtime> CreateOpenVinoRuntime(const std::string &model_path, const ModelDescription &description,
                                               const RuntimeOptions &options);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_MODEL_OPENVINO_RUNTIME_H_
