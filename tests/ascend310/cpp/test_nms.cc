// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "inc/detection/nms.h"
#include "tests/ascend310/cpp/helpers.h"

using yolo::Box;
using yolo::Cells;
using yolo::Pair;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Cells TwoClassCells(const std::vector<std::vector<float>> &rows) {
  Cells cells;
  cells.fields = 7;
  for (const std::vector<float> &row : rows) {
    cells.values.insert(cells.values.end(), row.begin(), row.end());
  }
  return cells;
}

}  // namespace

TEST_CASE("a pair scores strictly above the threshold, in the order of cells, then classes") {
  const Cells cells = TwoClassCells({{.5F, .5F, .1F, .1F, .5F, .5F, 1.F}, {.5F, .5F, .1F, .1F, .25F, 1.F, 1.F}});
  const std::vector<Pair> pairs = yolo::SelectPairs(cells, .25F, true);
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].cell == 0);
  CHECK(pairs[0].class_number == 1);
  CHECK(pairs[0].score == .5F);
  CHECK(yolo::SelectPairs(cells, .2F, true).size() == 4);
}

TEST_CASE("without multi_label a cell gives its best class, of equal ones the lower") {
  const Cells cells = TwoClassCells({{.5F, .5F, .1F, .1F, .5F, .5F, 1.F}, {.5F, .5F, .1F, .1F, .5F, .5F, .5F}});
  const std::vector<Pair> pairs = yolo::SelectPairs(cells, .1F, false);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[0].class_number == 1);
  CHECK(pairs[1].class_number == 0);
}

TEST_CASE("a score that is not finite gives no pair") {
  const float infinity = std::numeric_limits<float>::infinity();
  const Cells cells = TwoClassCells({{.5F, .5F, .1F, .1F, .5F, infinity, .5F}});
  REQUIRE(yolo::SelectPairs(cells, .1F, true).size() == 1);
  CHECK(yolo::SelectPairs(cells, .1F, true)[0].class_number == 1);
  CHECK(yolo::SelectPairs(cells, .1F, false).empty());
}

TEST_CASE("cells without a finite box of some size give no pair") {
  const float infinity = std::numeric_limits<float>::infinity();
  const Cells cells = TwoClassCells({{kNan, .5F, .1F, .1F, 1.F, 1.F, 1.F},
                                     {.5F, .5F, infinity, .1F, 1.F, 1.F, 1.F},
                                     {.5F, .5F, 0.F, .1F, 1.F, 1.F, 1.F},
                                     {.5F, .5F, .1F, -.1F, 1.F, 1.F, 1.F},
                                     {.5F, .5F, .1F, .1F, kNan, 1.F, 1.F},
                                     {.5F, .5F, .1F, .1F, 1.F, kNan, 1.F}});
  const std::vector<Pair> pairs = yolo::SelectPairs(cells, .1F, true);
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].cell == 5);
  CHECK(pairs[0].class_number == 1);
  // A NaN among the classes is NumPy's maximum, and no score.
  CHECK(yolo::SelectPairs(cells, .1F, false).empty());
}

TEST_CASE("overlap is that of areas, and that of boxes without any is 0") {
  CHECK(yolo::Iou({0, 0, 2, 2}, {1, 0, 3, 2}) == doctest::Approx(1.0 / 3));
  CHECK(yolo::Iou({0, 0, 2, 2}, {2, 0, 4, 2}) == 0);
  CHECK(yolo::Iou({1, 1, 1, 1}, {1, 1, 1, 1}) == 0);
}

TEST_CASE("suppression: within a class, above the threshold only, of equal scores the lower index stays") {
  const std::vector<Box> boxes = {{0, 0, 10, 10}, {0, 0, 10, 5}, {0, 0, 10, 10}};
  // An IoU of exactly the threshold is no reason to go.
  const std::vector<Pair> half = {{0, 0, .5F}, {1, 0, .9F}};
  CHECK(yolo::NonMaxSuppression(boxes, half, .5, 9) == std::vector<size_t>{1, 0});
  CHECK(yolo::NonMaxSuppression(boxes, half, .49, 9) == std::vector<size_t>{1});
  const std::vector<Pair> ties = {{2, 0, .5F}, {0, 0, .5F}, {0, 1, .5F}, {1, 0, .5F}};
  CHECK(yolo::NonMaxSuppression(boxes, ties, .49, 9) == std::vector<size_t>{0, 2});
  CHECK(yolo::NonMaxSuppression(boxes, ties, .5, 9) == std::vector<size_t>{0, 2, 3});
  CHECK(yolo::NonMaxSuppression(boxes, ties, .5, 2) == std::vector<size_t>{0, 2});
  CHECK(yolo::NonMaxSuppression(boxes, {}, .5, 2).empty());
}
