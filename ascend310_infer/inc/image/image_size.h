// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Size and orientation of an image by its file, before anything is decoded.
#ifndef ASCEND310_INFER_INC_IMAGE_IMAGE_SIZE_H_
#define ASCEND310_INFER_INC_IMAGE_IMAGE_SIZE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "inc/image/placement.h"

namespace yolo {

/// The default of --max_pixels. Decoded, an image takes three bytes a pixel.
constexpr int64_t kMaxPixels = 64000000;
/// OpenCV's own limit.
constexpr int64_t kMaxPixelsOfOpenCv = int64_t{1} << 30;

/// As the header says: any number, also one that no image can have.
struct HeaderSize {
  int64_t width = 0;
  int64_t height = 0;
};

/// The size of a JPEG, PNG, BMP, WebP, TIFF (not BigTIFF) or PBM, PGM, PPM. Nothing for other files, and where the
/// header is incomplete.
std::optional<HeaderSize> ReadImageSize(std::string_view data);

constexpr int kUpright = 1;

/// The orientation, 1 to 8, that the EXIF data of a JPEG, PNG or WebP file give; kUpright where they give none. As
/// exif_orientation of src/data/orientation.py.
int ExifOrientation(std::string_view data);

struct MeantOrientation {
  int orientation = kUpright;
  bool is_confirmed = true;  // by the listed size
};

/// The orientation by which an image is turned: `listed` is its size by the annotation file, which may be that of the
/// stored pixels; of width 0 where there is none.
MeantOrientation FindMeantOrientation(int orientation, const Size &stored, const Size &listed);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_IMAGE_SIZE_H_
