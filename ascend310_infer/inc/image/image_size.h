// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// The size of an image from the header of its file, before anything is decoded.
#ifndef ASCEND310_INFER_INC_IMAGE_IMAGE_SIZE_H_
#define ASCEND310_INFER_INC_IMAGE_IMAGE_SIZE_H_

#include <cstdint>
#include <optional>
#include <string_view>

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

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_IMAGE_SIZE_H_
