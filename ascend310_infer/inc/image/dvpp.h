// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Images decoded and resized by Ascend's DVPP; opt-in (--preprocess dvpp), where the program was built with CANN.
//
// It is fast because the host neither decodes nor resizes; it is not what the network was evaluated with. The
// differences from the OpenCV path, the reference:
//  * DVPP keeps colour at half the resolution (YUV 4:2:0) through decoding and resizing, so edges between colours
//    blur by about a pixel of the network input;
//  * its resize interpolates by a filter of its own, where OpenCV averages over areas when it shrinks;
//  * its sizes are even, so a letterboxed image may be one pixel narrower or lower than by OpenCV, and of an odd side
//    the decoder pads or drops a line, as the chip does it. Boxes are mapped back by what was decoded and drawn.
// For a model that takes NV12 the images stay in the device's memory: DVPP draws them where the network's AIPP reads
// them. VPC then wants the left edge of what it draws on a multiple of 16 pixels, and writes multiples of 16: an image
// that is letterboxed with bars at its sides lies up to 8 pixels from the middle, and is up to 8 wider or narrower.
// What DVPP does not decode (PNG, progressive, CMYK or arithmetic JPEG, sides below 32 or above 4096 pixels), what is
// cut short, and photos that are turned by their EXIF orientation are read by the OpenCV path; the first such file is
// named on standard error, and the run reports how many there were.
//
// What to expect: on a stand-in that resizes by interpolation, pixels differ by 3.3 of 255 levels on average on COCO
// photographs at 416 x 416 (1 % of them by more than 32) and by 0.5 on BCCD; AP of a network trained on BCCD, at
// 320 x 320, was 0.517 in the place of 0.518 (2026-11-23). With NV12, at 160 x 160, it was 0.0967 in the place of
// 0.0998 (2026-11-28).
//
// Written by the vendor's documentation of ACL, and tested with the project's own stand-in for it; it has never run on
// a device.
#ifndef ASCEND310_INFER_INC_IMAGE_DVPP_H_
#define ASCEND310_INFER_INC_IMAGE_DVPP_H_

#include <memory>

#include "inc/image/preprocess.h"

namespace yolo {

/// A channel of DVPP for the calling thread. The description must outlive it.
/// Throws Error(kRuntime) where ACL reports a failure, with the call, its code and message; but where the decoder
/// reports one, OpenCV reads the image, since ACL does not distinguish a bad file from a bad device. Throws
/// Error(kUsage) on another chip than 310, 310P and 310B.
std::unique_ptr<Preprocessor> CreateDvppPreprocessor(const ModelDescription &description, int device_id,
                                                     const ImageRules &rules);

/// The factory of batches in the memory of a device that DVPP can write. Throws what CreateDvppPreprocessor throws.
BatchFactory DeviceBatches(int device_id);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_IMAGE_DVPP_H_
