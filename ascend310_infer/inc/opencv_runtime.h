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
// ONNX models on the host, by OpenCV DNN.
#ifndef ASCEND310_INFER_INC_OPENCV_RUNTIME_H_
#define ASCEND310_INFER_INC_OPENCV_RUNTIME_H_

#include <memory>
#include <string>

#include "inc/runtime.h"

namespace yolo {

/// Loads an ONNX model and runs it once on blanks, so that what OpenCV cannot run, and names or shapes that are not
/// those of the description, are told here. Throws Error(kModel).
std::unique_ptr<Runtime> CreateOpenCvRuntime(const std::string &model_path, const ModelDescription &description,
                                             const RuntimeOptions &options);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_OPENCV_RUNTIME_H_
