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
