// Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
// SPDX-License-Identifier: Apache-2.0
#include "inc/image/placement.h"
#include "tests/ascend310/cpp/helpers.h"

using yolo::Box;
using yolo::Placement;

TEST_CASE("the letterbox keeps the aspect ratio, rounds halves to even and lies in the middle") {
  // 768 x 576 on 416 x 416: a factor of 416 / 768, 52 rows of padding above and below.
  Placement placement = yolo::LetterboxPlacement({768, 576}, {416, 416});
  CHECK(placement.target.x1 == 0);
  CHECK(placement.target.y1 == 52);
  CHECK(placement.target.x2 == 416);
  CHECK(placement.target.y2 == 364);
  // 64 x 5 on 32 x 32: 2.5 rows become 2, 64 x 7: 3.5 rows become 4.
  CHECK(yolo::LetterboxPlacement({64, 5}, {32, 32}).target.Height() == 2);
  CHECK(yolo::LetterboxPlacement({64, 7}, {32, 32}).target.Height() == 4);
  // At least one pixel remains.
  placement = yolo::LetterboxPlacement({10000, 1}, {32, 32});
  CHECK(placement.target.Height() == 1);
  CHECK(placement.target.Width() == 32);
}

TEST_CASE("boxes go back to the image by each axis's own factor") {
  const Placement placement = yolo::FitPlacement(yolo::ResizeMode::kStretch, {200, 50}, {100, 100});
  const Box box = placement.ToImage({10, 10, 60, 80});
  CHECK(box.x1 == 20);
  CHECK(box.y1 == 5);
  CHECK(box.x2 == 120);
  CHECK(box.y2 == 40);
  const Box outside = yolo::FitPlacement(yolo::ResizeMode::kLetterbox, {200, 100}, {100, 100}).ToImage({0, 0, 50, 25});
  CHECK(outside.y1 == -50);
  CHECK(outside.y2 == 0);
}
