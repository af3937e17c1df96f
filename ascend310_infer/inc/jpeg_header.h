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
// What the header of a JPEG says, for decoders in hardware.
#ifndef ASCEND310_INFER_INC_JPEG_HEADER_H_
#define ASCEND310_INFER_INC_JPEG_HEADER_H_

#include <optional>
#include <string>

#include "inc/placement.h"

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

#endif  // ASCEND310_INFER_INC_JPEG_HEADER_H_
