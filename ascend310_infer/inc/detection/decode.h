// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
// From the outputs of the network to cells: boxes with objectness and class probabilities; src/yolo.py (BoxDecoder,
// ScaleDecoder) is the definition.
#ifndef ASCEND310_INFER_INC_DETECTION_DECODE_H_
#define ASCEND310_INFER_INC_DETECTION_DECODE_H_

#include <cstddef>
#include <vector>

#include "inc/model/model_description.h"

namespace yolo {

/// Fields of a cell: centre x, centre y, width, height (normalised to the input), objectness, then the classes.
constexpr size_t kBoxFields = 4;
constexpr size_t kObjectness = 4;
constexpr size_t kFirstClass = 5;

/// Predictions in the order of Python: outputs as the description lists them, then rows, columns, anchors.
struct Cells {
  size_t fields = 0;
  std::vector<float> values;

  size_t Count() const { return fields == 0 ? 0 : values.size() / fields; }
  const float *Row(size_t cell) const { return values.data() + cell * fields; }
};

/// Decodes the raw head of one image, [A * (5 + C), gh, gw], and appends its cells.
///
/// Cells whose objectness is not above `score_threshold` can give no detection: only their objectness is computed, all
/// else is 0. A negative threshold decodes all.
void DecodeHead(const float *head, const OutputDescription &output, const InputDescription &input,
                float score_threshold, Cells *cells);

/// The cells of image number `item` of a batch, from outputs that are decoded or raw as the description says.
Cells ReadCells(const std::vector<std::vector<float>> &outputs, size_t item, const ModelDescription &description,
                float score_threshold);

/// Whether all numbers of one image's outputs are finite.
bool IsFinite(const std::vector<std::vector<float>> &outputs, size_t item, size_t batch);

}  // namespace yolo

#endif  // ASCEND310_INFER_INC_DETECTION_DECODE_H_
