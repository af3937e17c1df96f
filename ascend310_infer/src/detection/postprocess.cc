// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/detection/postprocess.h"

#include <algorithm>

#include "inc/detection/nms.h"

namespace yolo {
namespace {

Box Corners(const float *cell) {
  const double x = cell[0], y = cell[1], half_width = cell[2] / 2.0, half_height = cell[3] / 2.0;
  return {x - half_width, y - half_height, x + half_width, y + half_height};
}

Box Scaled(const Box &box, const Size &canvas) {
  return {box.x1 * canvas.width, box.y1 * canvas.height, box.x2 * canvas.width, box.y2 * canvas.height};
}

/// The box in single precision, in which Python passes it on.
Box Rounded(const Box &box) {
  return {static_cast<float>(box.x1), static_cast<float>(box.y1), static_cast<float>(box.x2),
          static_cast<float>(box.y2)};
}

Box Clipped(const Box &box, const Size &size) {
  const double width = size.width, height = size.height;
  return {std::clamp(box.x1, 0.0, width), std::clamp(box.y1, 0.0, height), std::clamp(box.x2, 0.0, width),
          std::clamp(box.y2, 0.0, height)};
}

}  // namespace

std::vector<Detection> DetectOnInput(const Cells &cells, const Size &canvas, const Thresholds &thresholds) {
  const std::vector<Pair> pairs = SelectPairs(cells, static_cast<float>(thresholds.score), thresholds.multi_label);
  // One box for each cell, not for each pair: a cell may give a pair for every class.
  std::vector<Box> boxes(cells.Count());
  size_t last = cells.Count();
  for (const Pair &pair : pairs) {
    if (pair.cell != last) {
      last = pair.cell;
      boxes[last] = Scaled(Corners(cells.Row(last)), canvas);
    }
  }
  std::vector<Detection> detections;
  for (const size_t index :
       NonMaxSuppression(boxes, pairs, thresholds.nms_iou, static_cast<size_t>(thresholds.max_detections))) {
    const Pair &pair = pairs[index];
    detections.push_back({Rounded(Corners(cells.Row(pair.cell))), pair.score, pair.class_number});
  }
  return detections;
}

std::vector<Detection> ToImage(const std::vector<Detection> &detections, const Size &canvas,
                               const PreparedImage &image) {
  std::vector<Detection> visible;
  for (const Detection &detection : detections) {
    const Box box = Clipped(image.placement.ToImage(Scaled(detection.box, canvas)), image.size);
    if (box.x2 > box.x1 && box.y2 > box.y1) {
      visible.push_back({box, detection.score, detection.class_number});
    }
  }
  return visible;
}

}  // namespace yolo
