// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Image files to pixels, by the rules of src/transforms.py and src/data/image_files.py.
#ifndef ASCEND310_INFER_INC_IMAGE_IMAGE_READER_H_
#define ASCEND310_INFER_INC_IMAGE_IMAGE_READER_H_

#include <cstdint>
#include <functional>
#include <opencv2/core/mat.hpp>
#include <string>

#include "inc/image/image_list.h"
#include "inc/image/image_size.h"
#include "inc/model/model_description.h"

namespace yolo {

/// How images are read.
struct ImageRules {
  Exif exif = Exif::kAuto;
  int64_t max_pixels = kMaxPixels;
  bool strict = false;  // refuse what is cut short or damaged
};

/// What is remarkable about an image that can be used.
struct ImageFindings {
  std::string fault;            // cut short, damaged, nearly black; empty: it is sound
  bool is_unconfirmed = false;  // turned by its EXIF orientation, which its listed size cannot confirm
};

/// Runs `work` on an image and converts exceptions of OpenCV and std::bad_alloc to Error(kInput), which says that the
/// image cannot be `what` ("decoded", ...).
void WorkOnImage(const std::string &path, const char *what, const std::function<void()> &work);

/// Reads the bytes of an image file. Throws Error(kInput) where it cannot be read or is empty, or where its header says
/// more than `max_pixels`. A file whose header has no size that is understood is refused too: a few bytes of it could
/// decode to any amount of memory.
std::string ReadImageFile(const std::string &path, int64_t max_pixels = kMaxPixels);

/// Decodes the bytes of an image file as uint8 [H, W, 3] RGB, as it is stored. The memory of `image` is used again
/// where its size fits. Returns what is wrong with an image of which most is there, else an empty text: without
/// TurboJPEG damage is not seen, and what is cut short is refused. Throws Error(kInput), which names `path`, also for
/// pixels that are floating-point numbers, and where there is not enough memory.
std::string DecodeImage(const std::string &data, const std::string &path, cv::Mat *image);

/// The same by OpenCV alone: what DecodeImage does where TurboJPEG is missing or refuses a file. libjpeg then writes
/// its warnings on standard error itself, without the name of the file.
std::string DecodeByOpenCv(const std::string &data, const std::string &path, cv::Mat *image);

/// The orientation by which the image of these bytes, of size `stored`, is turned.
MeantOrientation OrientationOf(const std::string &data, const Size &stored, const ImageEntry &entry,
                               const ImageRules &rules);

/// Throws Error(kInput) where an image, as it was turned, does not have the size that the annotation file lists.
void CheckListedSize(const ImageEntry &entry, const Size &size, const ImageRules &rules);

/// Reads an image file as people see it, uint8 [H, W, 3] RGB. Throws Error(kInput) where it cannot be read, has another
/// size than it is listed with, or with strict rules where something is wrong with it.
ImageFindings ReadImage(const ImageEntry &entry, const ImageRules &rules, cv::Mat *image);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_IMAGE_READER_H_
