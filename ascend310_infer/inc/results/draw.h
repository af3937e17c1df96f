// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Boxes with labels on images.
#ifndef ASCEND310_INFER_INC_RESULTS_DRAW_H_
#define ASCEND310_INFER_INC_RESULTS_DRAW_H_

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <opencv2/core/mat.hpp>
#include <vector>

#include "inc/detection/postprocess.h"
#include "inc/image/image_list.h"
#include "inc/model/model_description.h"

namespace yolo {

/// Draws the detections that score at least `threshold` on an image uint8 RGB, the best on top.
void DrawDetections(const std::vector<Detection> &detections, double threshold,
                    const std::vector<ClassDescription> &classes, cv::Mat *image);

/// Where the drawing of each image goes, relative to the folder of the drawings: the image's own name, with .jpg added
/// unless it ends so. Where an earlier image has that name already, a number goes before the .jpg.
std::vector<std::filesystem::path> DrawingNames(const std::vector<ImageEntry> &images);

/// Reads an image again, draws the detections that score at least `threshold`, and writes it as JPEG.
/// Throws Error(kInput) or Error(kOutput).
void WriteDrawing(const ImageEntry &entry, const std::vector<Detection> &detections, double threshold,
                  const std::vector<ClassDescription> &classes, Exif exif, const std::filesystem::path &path);

/// Draws the images of a run, each when its detections are known. One that cannot be drawn is reported and counted, and
/// does not end the run. Thread-safe.
class Drawings {
 public:
  /// The list and the classes must outlive the object. Throws Error(kOutput) where a drawing would replace an image.
  Drawings(const std::vector<ImageEntry> &images, const std::vector<ClassDescription> &classes, double threshold,
           Exif exif, std::filesystem::path folder);

  void Draw(size_t index, const std::vector<Detection> &detections);

  size_t failed() const { return failed_; }

 private:
  const std::vector<ImageEntry> &images_;
  const std::vector<ClassDescription> &classes_;
  double threshold_;
  Exif exif_;
  std::filesystem::path folder_;
  std::vector<std::filesystem::path> names_;
  std::atomic<size_t> failed_{0};
};

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_RESULTS_DRAW_H_
