// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Image files to pixels, by the rules of src/transforms.py and src/data/image_files.py.
#ifndef ASCEND310_INFER_INC_IMAGE_IMAGE_READER_H_
#define ASCEND310_INFER_INC_IMAGE_IMAGE_READER_H_

#include <cstdint>
#include <functional>
#include <opencv2/core/mat.hpp>
#include <string>

#include "inc/image/image_size.h"

namespace yolo {

/// Runs `work` on an image and converts exceptions of OpenCV and std::bad_alloc to Error(kInput), which says that the
/// image cannot be `what` ("decoded", ...).
void WorkOnImage(const std::string &path, const char *what, const std::function<void()> &work);

/// Whether a JPEG or PNG is truncated, which decoders may hide; false for other formats.
bool IsCutShort(const std::string &data);

/// Reads the bytes of an image file. Throws Error(kInput) where it cannot be read, is empty or cut short, or where its
/// header says more than `max_pixels`. A file whose header has no size that is understood is refused too: a few bytes
/// of it could decode to any amount of memory.
std::string ReadImageFile(const std::string &path, int64_t max_pixels = kMaxPixels);

/// Decodes the bytes of an image file as uint8 [H, W, 3] RGB; EXIF orientation is ignored, because COCO's boxes refer
/// to the pixels as they are stored. The memory of `image` is used again where its size fits. Returns the warning of
/// libjpeg where it decoded a damaged file, else an empty text. Throws Error(kInput), which names `path`, also where
/// there is not enough memory.
std::string DecodeImage(const std::string &data, const std::string &path, cv::Mat *image);

/// The same by OpenCV alone: what DecodeImage does where TurboJPEG is missing or refuses a file. libjpeg then writes
/// its warnings on standard error itself, without the name of the file.
void DecodeByOpenCv(const std::string &data, const std::string &path, cv::Mat *image);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_IMAGE_READER_H_
