# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Placement of an image on the network's canvas, and the mapping of boxes to the canvas and back."""
from dataclasses import dataclass

import numpy as np

from model_utils.errors import UserError

# A JPEG can be decoded at these fractions of its sides, largest reduction first; 1 is the whole image.
REDUCTIONS = (8, 4, 2, 1)
# Flip codes of OpenCV, by the direction that they mirror.
LEFT_RIGHT, TOP_BOTTOM = (1, -1), (0, -1)


@dataclass(frozen=True)
class Placement:
    """Which whole pixels of a source image are drawn on which whole pixels of the canvas: two x1, y1, x2, y2."""
    src_xyxy: tuple[int, int, int, int]
    dst_xyxy: tuple[int, int, int, int]

    def boxes_to_canvas(self, xyxy: np.ndarray) -> np.ndarray:
        """Map boxes [n, 4] from source pixels to canvas pixels; parts that the placement cuts away are not clipped."""
        return _map_boxes(xyxy, self.src_xyxy, self.dst_xyxy)

    def boxes_to_image(self, xyxy: np.ndarray) -> np.ndarray:
        """Map boxes [n, 4] from canvas pixels back to source pixels; the exact inverse of `boxes_to_canvas`."""
        return _map_boxes(xyxy, self.dst_xyxy, self.src_xyxy)

    @property
    def reduction(self) -> int:
        """The largest of 8, 4, 2 and 1 by which the image may be reduced: it is still no smaller than it is drawn, and
        the source rectangle still falls on whole pixels."""
        (sx1, sy1, sx2, sy2), (dx1, dy1, dx2, dy2) = self.src_xyxy, self.dst_xyxy
        shrink = min((sx2 - sx1) // (dx2 - dx1), (sy2 - sy1) // (dy2 - dy1))
        return next(by for by in REDUCTIONS if by <= max(shrink, 1) and not any(side % by for side in self.src_xyxy))

    def aligned(self, image_hw: tuple[int, int]) -> "Placement":
        """The same, moved by less than one canvas pixel so that an image that shrinks by two or more may be reduced.

        The source rectangle grows to multiples of 8, 4 or 2, the largest by which both its sides shrink; where the
        image ends at no such multiple, the remainder is cut off. Pixels and boxes follow the same rectangle.

        Args:
            image_hw: height and width of the whole source image.
        """
        (sx1, sy1, sx2, sy2), (dx1, dy1, dx2, dy2) = self.src_xyxy, self.dst_xyxy
        by = next(by for by in REDUCTIONS
                  if by == 1 or by * (dx2 - dx1) <= sx2 - sx1 and by * (dy2 - dy1) <= sy2 - sy1)
        if by == 1:
            return self
        height, width = image_hw
        return Placement((sx1 // by * by, sy1 // by * by, min(-(-sx2 // by), width // by) * by,
                          min(-(-sy2 // by), height // by) * by), self.dst_xyxy)

    def reduced(self, by: int) -> "Placement":
        """The same in pixels of an image that was reduced by 1, 2, 4 or 8, as `reduction` allows."""
        x1, y1, x2, y2 = self.src_xyxy
        return Placement((x1 // by, y1 // by, x2 // by, y2 // by), self.dst_xyxy)

    def flipped(self, flip: int | None, canvas_hw: tuple[int, int]) -> "Placement":
        """The placement after the whole canvas is mirrored; `flip` is that of `paste`."""
        x1, y1, x2, y2 = self.dst_xyxy
        if flip in LEFT_RIGHT:
            x1, x2 = canvas_hw[1] - x2, canvas_hw[1] - x1
        if flip in TOP_BOTTOM:
            y1, y2 = canvas_hw[0] - y2, canvas_hw[0] - y1
        return Placement(self.src_xyxy, (x1, y1, x2, y2))


def _map_boxes(xyxy, from_xyxy, to_xyxy):
    fx1, fy1, fx2, fy2 = from_xyxy
    tx1, ty1, tx2, ty2 = to_xyxy
    scale = np.array([(tx2 - tx1) / (fx2 - fx1), (ty2 - ty1) / (fy2 - fy1)] * 2)
    return (np.asarray(xyxy, np.float64) - (fx1, fy1, fx1, fy1)) * scale + (tx1, ty1, tx1, ty1)


def stretch_placement(image_hw: tuple[int, int], canvas_hw: tuple[int, int]) -> Placement:
    """The whole image on the whole canvas; its aspect ratio is not kept."""
    return Placement((0, 0, image_hw[1], image_hw[0]), (0, 0, canvas_hw[1], canvas_hw[0]))


def letterbox_placement(image_hw: tuple[int, int], canvas_hw: tuple[int, int]) -> Placement:
    """The whole image, as large as the canvas allows with its aspect ratio kept, in the middle of the canvas."""
    (image_h, image_w), (canvas_h, canvas_w) = image_hw, canvas_hw
    scale = min(canvas_h / image_h, canvas_w / image_w)
    height = max(1, min(canvas_h, round(image_h * scale)))
    width = max(1, min(canvas_w, round(image_w * scale)))
    left, top = (canvas_w - width) // 2, (canvas_h - height) // 2
    return Placement((0, 0, image_w, image_h), (left, top, left + width, top + height))


def fit_placement(mode: str, image_hw: tuple[int, int], canvas_hw: tuple[int, int]) -> Placement:
    """The placement of evaluation, prediction and export for a `resize_mode`: "stretch" or "letterbox"."""
    if mode == "stretch":
        return stretch_placement(image_hw, canvas_hw)
    if mode == "letterbox":
        return letterbox_placement(image_hw, canvas_hw)
    raise UserError(f'resize_mode is "{mode}"; expected "stretch" or "letterbox"')


def flip_boxes(boxes: np.ndarray, flip: int | None, canvas_hw: tuple[int, int]) -> np.ndarray:
    """Mirror boxes [n, 5] (x1, y1, x2, y2 in canvas pixels, class) as `paste` mirrors pixels; a new array."""
    flipped = boxes.copy()
    if flip in LEFT_RIGHT:
        flipped[:, [0, 2]] = canvas_hw[1] - boxes[:, [2, 0]]
    if flip in TOP_BOTTOM:
        flipped[:, [1, 3]] = canvas_hw[0] - boxes[:, [3, 1]]
    return flipped
