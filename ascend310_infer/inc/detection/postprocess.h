// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// From the outputs of the network to detections in the image; src/evaluation/detections.py (detect) is the definition.
#ifndef ASCEND310_INFER_INC_DETECTION_POSTPROCESS_H_
#define ASCEND310_INFER_INC_DETECTION_POSTPROCESS_H_

#include <vector>

#include "inc/detection/decode.h"
#include "inc/image/placement.h"
#include "inc/image/preprocess.h"
#include "inc/model/model_description.h"

namespace yolo {

struct Detection {
  Box box;  // in pixels of the image, inside it
  float score = 0;
  int class_number = 0;
};

/// The detections of one image on the network input, best first: corners normalised to the input, not clipped.
std::vector<Detection> DetectOnInput(const Cells &cells, const Size &canvas, const Thresholds &thresholds);

/// Maps detections to pixels of the image and clips them to it; those of which nothing lies inside are left out.
std::vector<Detection> ToImage(const std::vector<Detection> &detections, const Size &canvas,
                               const PreparedImage &image);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_DETECTION_POSTPROCESS_H_
