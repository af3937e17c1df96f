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
// Boxes with labels on images.
#ifndef ASCEND310_INFER_INC_DRAW_H_
#define ASCEND310_INFER_INC_DRAW_H_

#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <vector>

#include "inc/image_list.h"
#include "inc/model_description.h"
#include "inc/postprocess.h"

namespace yolo {

/// Draws detections on an image uint8 RGB, the best on top.
void DrawDetections(const std::vector<Detection> &detections, const std::vector<ClassDescription> &classes,
                    cv::Mat *image);

/// Reads an image again, draws the detections that score at least `threshold`, and writes it to `folder` under its own
/// name, with .jpg added unless it ends so. Throws Error(kInput) or Error(kOutput).
void WriteDrawing(const ImageEntry &entry, const std::vector<Detection> &detections, double threshold,
                  const std::vector<ClassDescription> &classes, const std::filesystem::path &folder);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_DRAW_H_
