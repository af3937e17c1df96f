// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// The segments of a JPEG file: its end, its EXIF data, and what its header says to decoders in hardware.
#ifndef ASCEND310_INFER_INC_IMAGE_JPEG_H_
#define ASCEND310_INFER_INC_IMAGE_JPEG_H_

#include <optional>
#include <string>
#include <string_view>

#include "inc/image/placement.h"

namespace yolo {

/// Whether a file starts as a JPEG does.
bool IsJpeg(std::string_view data);

/// Whether an end marker follows the last scan; where none does, the file is cut short.
bool EndsAfterScans(std::string_view data);

/// The EXIF data of a JPEG, a small TIFF file; empty: there is none.
std::string JpegExif(std::string_view data);

/// The size of a JPEG of any kind, from the first frame header before the first scan; nothing where there is none. What
/// lies between segments is passed over, as libjpeg does.
std::optional<Size> ReadJpegSize(std::string_view data);

struct BaselineJpeg {
  Size size;
  /// The file without its EXIF segments: a decoder that follows them would turn the image, which this program does.
  std::string data;
};

/// Reads a baseline JPEG (Huffman, 8 bit, grey or YCbCr with 4:4:4, 4:2:2 or 4:2:0); nothing for any other file.
std::optional<BaselineJpeg> ReadBaselineJpeg(std::string_view data);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_JPEG_H_
