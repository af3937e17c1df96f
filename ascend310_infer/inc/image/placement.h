// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Which pixels of an image land on which pixels of the network input; src/data/placement.py is the definition.
#ifndef ASCEND310_INFER_INC_IMAGE_PLACEMENT_H_
#define ASCEND310_INFER_INC_IMAGE_PLACEMENT_H_

#include "inc/model/model_description.h"

namespace yolo {

struct Size {
  int width = 0;
  int height = 0;
};

/// Whole pixels: x1 and y1 belong to it, x2 and y2 do not.
struct PixelRect {
  int x1 = 0;
  int y1 = 0;
  int x2 = 0;
  int y2 = 0;

  int Width() const { return x2 - x1; }
  int Height() const { return y2 - y1; }
};

/// Corners in pixels, x1 y1 x2 y2.
struct Box {
  double x1 = 0;
  double y1 = 0;
  double x2 = 0;
  double y2 = 0;
};

/// The rectangle `source` of an image is drawn onto the rectangle `target` of the network input.
struct Placement {
  PixelRect source;
  PixelRect target;

  /// Maps a box from pixels of the network input to pixels of the image; it is not clipped.
  Box ToImage(const Box &box) const;
};

/// The whole image on the whole canvas; its aspect ratio is not kept.
Placement StretchPlacement(const Size &image, const Size &canvas);

/// The whole image, as large as the canvas allows with its aspect ratio kept, in the middle of the canvas.
Placement LetterboxPlacement(const Size &image, const Size &canvas);

Placement FitPlacement(ResizeMode mode, const Size &image, const Size &canvas);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_PLACEMENT_H_
