// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// Choosing detections: pairs of a cell and a class above a threshold, and greedy suppression within each class.
// src/evaluation/nms.py (select_pairs, non_max_suppression) is the definition.
#ifndef ASCEND310_INFER_INC_DETECTION_NMS_H_
#define ASCEND310_INFER_INC_DETECTION_NMS_H_

#include <cstddef>
#include <vector>

#include "inc/detection/decode.h"
#include "inc/image/placement.h"

namespace yolo {

/// A class of a cell.
struct Pair {
  size_t cell = 0;
  int class_number = 0;
  float score = 0;  // objectness times class probability
};

/// The pairs whose score is strictly above a threshold, in the order of cells, then classes.
///
/// With `multi_label` each class of a cell may give a pair, else only its best (ties: the lower class). Cells whose box
/// is not finite or has no size give none, nor does a score that is not finite.
std::vector<Pair> SelectPairs(const Cells &cells, float score_threshold, bool multi_label);

/// Intersection over union; 0 where both boxes are empty.
double Iou(const Box &left, const Box &right);

/// The indices, best first, of the pairs that greedy suppression within each class keeps, at most `max_count` of them.
///
/// A pair is suppressed by a better pair of its class that was kept and whose IoU with it is above `iou_threshold`. Of
/// equal scores the lower index is better.
std::vector<size_t> NonMaxSuppression(const std::vector<Box> &cell_boxes, const std::vector<Pair> &pairs,
                                      double iou_threshold, size_t max_count);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_DETECTION_NMS_H_
