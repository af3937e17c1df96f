// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/placement.h"

#include <algorithm>
#include <cmath>

namespace yolo {

Box Placement::ToImage(const Box &box) const {
  const double scale_x = static_cast<double>(source.Width()) / target.Width();
  const double scale_y = static_cast<double>(source.Height()) / target.Height();
  return {(box.x1 - target.x1) * scale_x + source.x1, (box.y1 - target.y1) * scale_y + source.y1,
          (box.x2 - target.x1) * scale_x + source.x1, (box.y2 - target.y1) * scale_y + source.y1};
}

Placement StretchPlacement(const Size &image, const Size &canvas) {
  return {{0, 0, image.width, image.height}, {0, 0, canvas.width, canvas.height}};
}

Placement LetterboxPlacement(const Size &image, const Size &canvas) {
  const double scale =
      std::min(static_cast<double>(canvas.height) / image.height, static_cast<double>(canvas.width) / image.width);
  // nearbyint rounds halves to even, as Python's round does.
  const int height = std::clamp(static_cast<int>(std::nearbyint(image.height * scale)), 1, canvas.height);
  const int width = std::clamp(static_cast<int>(std::nearbyint(image.width * scale)), 1, canvas.width);
  const int left = (canvas.width - width) / 2, top = (canvas.height - height) / 2;
  return {{0, 0, image.width, image.height}, {left, top, left + width, top + height}};
}

Placement FitPlacement(ResizeMode mode, const Size &image, const Size &canvas) {
  return mode == ResizeMode::kStretch ? StretchPlacement(image, canvas) : LetterboxPlacement(image, canvas);
}

}  // namespace yolo
