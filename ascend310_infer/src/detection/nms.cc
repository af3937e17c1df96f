// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/detection/nms.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace yolo {
namespace {

bool HasBox(const float *cell) {
  return std::all_of(cell, cell + kBoxFields, [](float value) { return std::isfinite(value); }) && cell[2] > 0 &&
         cell[3] > 0;
}

/// The first of the highest scores; a NaN counts as the highest, as it does for NumPy.
size_t BestField(const float *cell, size_t fields) {
  size_t best = kFirstClass;
  float best_score = cell[best] * cell[kObjectness];
  for (size_t field = kFirstClass + 1; field < fields && !std::isnan(best_score); ++field) {
    const float score = cell[field] * cell[kObjectness];
    if (score > best_score || std::isnan(score)) {
      best = field;
      best_score = score;
    }
  }
  return best;
}

/// A pair by its place among all; the score is here too, so that ranking stays in one array.
struct Ranked {
  float score;
  size_t index;
};

}  // namespace

std::vector<Pair> SelectPairs(const Cells &cells, float score_threshold, bool multi_label) {
  std::vector<Pair> pairs;
  const size_t count = cells.Count();
  for (size_t number = 0; number < count; ++number) {
    const float *cell = cells.Row(number);
    // A probability is at most 1, so a cell below the threshold by objectness alone cannot rise above it.
    if (!(cell[kObjectness] > score_threshold) || !HasBox(cell)) {
      continue;
    }
    const size_t first = multi_label ? kFirstClass : BestField(cell, cells.fields);
    const size_t last = multi_label ? cells.fields : first + 1;
    for (size_t field = first; field < last; ++field) {
      const float score = cell[field] * cell[kObjectness];
      if (score > score_threshold && std::isfinite(score)) {
        pairs.push_back({number, static_cast<int>(field - kFirstClass), score});
      }
    }
  }
  return pairs;
}

double Iou(const Box &left, const Box &right) {
  const double width = std::min(left.x2, right.x2) - std::max(left.x1, right.x1);
  const double height = std::min(left.y2, right.y2) - std::max(left.y1, right.y1);
  const double inner = std::max(width, 0.0) * std::max(height, 0.0);
  const double both = (left.x2 - left.x1) * (left.y2 - left.y1) + (right.x2 - right.x1) * (right.y2 - right.y1) - inner;
  // A box far thinner than the spacing of numbers around its centre has no area left.
  return inner / std::max(both, std::numeric_limits<double>::min());
}

std::vector<size_t> NonMaxSuppression(const std::vector<Box> &cell_boxes, const std::vector<Pair> &pairs,
                                      double iou_threshold, size_t max_count) {
  const auto is_worse = [](const Ranked &left, const Ranked &right) {
    return left.score != right.score ? left.score < right.score : left.index > right.index;
  };
  // A heap, because the work ends when enough are kept, long before all pairs would be sorted.
  std::vector<Ranked> waiting(pairs.size());
  for (size_t index = 0; index < pairs.size(); ++index) {
    waiting[index] = {pairs[index].score, index};
  }
  std::make_heap(waiting.begin(), waiting.end(), is_worse);
  std::vector<size_t> kept;
  std::vector<std::vector<Box>> kept_of_class;
  while (!waiting.empty() && kept.size() < max_count) {
    std::pop_heap(waiting.begin(), waiting.end(), is_worse);
    const size_t index = waiting.back().index;
    waiting.pop_back();
    const Box &box = cell_boxes[pairs[index].cell];
    const auto class_number = static_cast<size_t>(pairs[index].class_number);
    kept_of_class.resize(std::max(kept_of_class.size(), class_number + 1));
    std::vector<Box> &better = kept_of_class[class_number];
    if (std::none_of(better.begin(), better.end(), [&](const Box &other) { return Iou(box, other) > iou_threshold; })) {
      better.push_back(box);
      kept.push_back(index);
    }
  }
  return kept;
}

}  // namespace yolo
