// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// What the header of a JPEG says, for decoders in hardware.
#ifndef ASCEND310_INFER_INC_IMAGE_JPEG_HEADER_H_
#define ASCEND310_INFER_INC_IMAGE_JPEG_HEADER_H_

#include <optional>
#include <string>

#include "inc/image/placement.h"

namespace yolo {

struct BaselineJpeg {
  Size size;
  /// The file without its EXIF segments: a decoder that follows them would turn the image, and COCO's boxes refer to
  /// the pixels as they are stored.
  std::string data;
};

/// Reads a baseline JPEG (Huffman, 8 bit, grey or YCbCr with 4:4:4, 4:2:2 or 4:2:0); nothing for any other file.
std::optional<BaselineJpeg> ReadBaselineJpeg(const std::string &data);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_JPEG_HEADER_H_
