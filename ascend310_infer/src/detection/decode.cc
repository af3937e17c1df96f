// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/detection/decode.h"

#include <algorithm>
#include <cmath>

namespace yolo {
namespace {

// exp(8) is 3000 times an anchor: no box is that large.
constexpr float kMaxLogSize = 8.0F;

float Sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }

/// exp(min(x, kMaxLogSize)), where NaN stays NaN as in the graph.
float SizeFactor(float x) { return std::exp(x > kMaxLogSize ? kMaxLogSize : x); }

}  // namespace

void DecodeHead(const float *head, const OutputDescription &output, const InputDescription &input,
                float score_threshold, Cells *cells) {
  const auto columns = static_cast<size_t>(input.Width() / output.stride);
  const auto rows = static_cast<size_t>(input.Height() / output.stride);
  const size_t plane = rows * columns, anchors = output.anchors.size(), fields = cells->fields;
  const auto scale = static_cast<float>(output.scale_x_y), margin = static_cast<float>((output.scale_x_y - 1.0) / 2.0);
  const size_t first = cells->values.size();
  cells->values.resize(first + plane * anchors * fields, 0.0F);
  for (size_t anchor = 0; anchor < anchors; ++anchor) {
    const auto anchor_width = static_cast<float>(output.anchors[anchor][0] / input.Width());
    const auto anchor_height = static_cast<float>(output.anchors[anchor][1] / input.Height());
    const float *planes = head + anchor * fields * plane;
    for (size_t place = 0; place < plane; ++place) {
      float *cell = cells->values.data() + first + (place * anchors + anchor) * fields;
      const float *raw = planes + place;
      cell[kObjectness] = Sigmoid(raw[kObjectness * plane]);
      if (!(cell[kObjectness] > score_threshold)) {
        continue;
      }
      const size_t row = place / columns, column = place % columns;
      cell[0] = (scale * Sigmoid(raw[0]) - margin + static_cast<float>(column)) / static_cast<float>(columns);
      cell[1] = (scale * Sigmoid(raw[plane]) - margin + static_cast<float>(row)) / static_cast<float>(rows);
      cell[2] = SizeFactor(raw[2 * plane]) * anchor_width;
      cell[3] = SizeFactor(raw[3 * plane]) * anchor_height;
      for (size_t field = kFirstClass; field < fields; ++field) {
        cell[field] = Sigmoid(raw[field * plane]);
      }
    }
  }
}

Cells ReadCells(const std::vector<std::vector<float>> &outputs, size_t item, const ModelDescription &description,
                float score_threshold) {
  Cells cells;
  cells.fields = kFirstClass + description.classes.size();
  const auto batch = static_cast<size_t>(description.input.Batch());
  size_t total = 0;
  for (const std::vector<float> &values : outputs) {
    total += values.size() / batch;
  }
  cells.values.reserve(total);
  for (size_t number = 0; number < outputs.size(); ++number) {
    const size_t count = outputs[number].size() / batch;
    const float *values = outputs[number].data() + item * count;
    if (description.decoded) {
      cells.values.insert(cells.values.end(), values, values + count);
    } else {
      DecodeHead(values, description.outputs[number], description.input, score_threshold, &cells);
    }
  }
  return cells;
}

bool IsFinite(const std::vector<std::vector<float>> &outputs, size_t item, size_t batch) {
  return std::all_of(outputs.begin(), outputs.end(), [&](const std::vector<float> &values) {
    const auto count = static_cast<std::ptrdiff_t>(values.size() / batch);
    const auto start = values.begin() + static_cast<std::ptrdiff_t>(item) * count;
    return std::all_of(start, start + count, [](float value) { return std::isfinite(value); });
  });
}

}  // namespace yolo
