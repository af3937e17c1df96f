// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// The check of all images of an annotation file before the first batch, as src/data/image_check.py makes it.
#ifndef ASCEND310_INFER_INC_IMAGE_IMAGE_CHECK_H_
#define ASCEND310_INFER_INC_IMAGE_IMAGE_CHECK_H_

#include <functional>
#include <vector>

#include "inc/image/image_list.h"
#include "inc/image/image_reader.h"

namespace yolo {

/// Decodes every image by `threads` threads. Throws one Error(kInput) with all that cannot be used, in the order of the
/// list. `goes_on` is called after each image, by several threads at a time; where it says no, nothing more is checked.
void CheckImages(const std::vector<ImageEntry> &images, const ImageRules &rules, int threads,
                 const std::function<bool()> &goes_on);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_IMAGE_CHECK_H_
