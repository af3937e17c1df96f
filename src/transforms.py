# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Image transforms without chance: decoding, placing an image on the network's canvas, flip and colour.

One geometric primitive serves training, evaluation, prediction and export: a `Placement` says which whole pixels of the
source image land on which whole pixels of the canvas, and maps boxes both ways by the very same numbers. What is drawn
at random in training is in `augment.py` and `mosaic.py`.
"""
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from model_utils.errors import UserError
from src.data.image_files import is_jpeg, is_whole_jpeg, jpeg_size

HUE_LEVELS = 256
# A JPEG can be decoded at these fractions of its sides, largest reduction first; 1 is the whole image.
REDUCTIONS = (8, 4, 2, 1)

_DECODE_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_REDUCTION_FLAGS = {1: 0, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND"


def decode_image(path: str | Path) -> np.ndarray:
    """Read an image file of any common kind (grey, RGBA, CMYK, 16 bit) as RGB.

    Args:
        path: the file. Its EXIF orientation is ignored, because COCO's boxes refer to the pixels as they are stored.

    Returns:
        uint8 [H, W, 3], RGB, contiguous.

    Raises:
        UserError: the file cannot be opened, is empty, is no image or is cut short; the text names the path.
    """
    return _decode(path, _read(path))


def decode_reduced(path: str | Path, reduction: int) -> tuple[np.ndarray, int, tuple[int, int]]:
    """Read an image file for training as `decode_image` does, but a JPEG at a fraction of its sides.

    The fraction is taken in the frequency domain (libjpeg's scaled inverse transform), so that nothing aliases; it
    spares most of the inverse transform and all later work on pixels that no one would see.

    Args:
        path: the file.
        reduction: 1, 2, 4 or 8.

    Returns:
        uint8 [ceil(H / r), ceil(W / r), 3] RGB; r, which is `reduction` for a JPEG and 1 for any other kind; and
        (H, W), the size of the whole image as the file says.

    Raises:
        UserError: as `decode_image`.
    """
    data = _read(path)
    image_hw = jpeg_size(data) if reduction > 1 and is_jpeg(data) else None
    if image_hw is None:
        image = _decode(path, data)
        return image, 1, image.shape[:2]
    return _decode(path, data, reduction), reduction, image_hw


def _read(path):
    """The bytes of an image file that is there, is not empty and is not cut short."""
    try:
        # Read at one go, so a buffer would only be a copy more.
        with open(path, "rb", buffering=0) as file:
            data = file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot read this image file ({error.strerror or error}); "
                        "restore it or take it out of the data set") from error
    if not data:
        raise UserError(f"{path}: this image file is empty (0 bytes); restore it or take it out of the data set")
    if _is_cut_short(data):
        raise UserError(f"{path}: this image file is cut short ({len(data)} bytes, the end mark is missing); "
                        "copy or download it again")
    return data


def _decode(path, data, reduction=1):
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _DECODE_FLAGS | _REDUCTION_FLAGS[reduction])
    except cv2.error as error:
        raise UserError(f"{path}: cannot decode this image ({error.err or error})") from error
    if image is None:
        raise UserError(f"{path}: this file ({len(data)} bytes) cannot be decoded as an image; expected JPEG, PNG or "
                        "another format that OpenCV reads")
    return image


def _is_cut_short(data):
    """Whether a JPEG or PNG stops too early. OpenCV fills a JPEG's missing rows in silence; other kinds it refuses."""
    if is_jpeg(data):
        return not is_whole_jpeg(data)
    return data.startswith(_PNG_START) and _PNG_END not in data


# Flip codes of OpenCV, by the direction that they mirror.
LEFT_RIGHT, TOP_BOTTOM = (1, -1), (0, -1)


@dataclass(frozen=True)
class Placement:
    """Which whole pixels of a source image land on which whole pixels of the canvas: two rectangles x1, y1, x2, y2."""
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
        """The largest of 8, 4, 2 and 1 by which the image may be reduced: it still is no smaller than it is drawn, and
        the source rectangle still falls on whole pixels."""
        (sx1, sy1, sx2, sy2), (dx1, dy1, dx2, dy2) = self.src_xyxy, self.dst_xyxy
        shrink = min((sx2 - sx1) // (dx2 - dx1), (sy2 - sy1) // (dy2 - dy1))
        return next(by for by in REDUCTIONS if by <= max(shrink, 1) and not any(side % by for side in self.src_xyxy))

    def aligned(self, image_hw: tuple[int, int]) -> "Placement":
        """The same, moved by less than one canvas pixel so that an image that shrinks by two or more may be reduced.

        The source rectangle grows to multiples of 8, 4 or 2, the largest by which both its sides shrink; at an end of
        the image that is no multiple, it loses the rest. Pixels and boxes follow the very same rectangle.

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
        """The same for the pixels of an image that was reduced by 1, 2, 4 or 8, which `reduction` allows."""
        return Placement(tuple(side // by for side in self.src_xyxy), self.dst_xyxy)

    def flipped(self, flip: int | None, canvas_hw: tuple[int, int]) -> "Placement":
        """Where the image lies after the whole canvas was mirrored; `flip` is that of `paste`."""
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


def place(image: np.ndarray, placement: Placement, canvas_hw: tuple[int, int], pad_value: int) -> np.ndarray:
    """Draw the part of an image that a placement names onto a canvas; only that part is resized.

    Args:
        image: uint8 [H, W, 3].
        placement: rectangles inside the image and inside the canvas.
        canvas_hw: height and width of the canvas in pixels.
        pad_value: 0..255, the grey of what the image does not cover.

    Returns:
        uint8 [canvas_h, canvas_w, 3], a new array.
    """
    canvas = np.full((*canvas_hw, 3), pad_value, np.uint8)
    paste(image, placement, canvas)
    return canvas


def paste(image: np.ndarray, placement: Placement, canvas: np.ndarray, flip: int | None = None,
          colours: "ColourShift | None" = None, area_from: float = 1.0) -> None:
    """Draw the part of an image that a placement names onto a canvas, in place.

    Args:
        image: uint8 [H, W, 3].
        placement: in pixels of this image, and in those of the canvas after the flip.
        canvas: uint8 [h, w, 3]; its rows may lie apart.
        flip: OpenCV's code: 1 mirrors left to right, 0 top to bottom, -1 both; None: not at all.
        colours: for `shift_colours`; None: as they are.
        area_from: an image that shrinks, along one axis by this factor or more, is averaged over areas, else
            interpolated.
    """
    sx1, sy1, sx2, sy2 = placement.src_xyxy
    dx1, dy1, dx2, dy2 = placement.dst_xyxy
    pixels, target = image[sy1:sy2, sx1:sx2], canvas[dy1:dy2, dx1:dx2]
    steps = []
    if flip is not None:
        steps.append(lambda pixels, out: cv2.flip(pixels, flip, dst=out))
    if colours is not None and colours != NO_SHIFT:
        steps.append(partial(shift_colours, colours=colours))
    if pixels.shape != target.shape:
        resize = partial(_resized, wh=(dx2 - dx1, dy2 - dy1), area_from=area_from)
        # What costs by the pixel is done where the image is smaller: before it grows, or after it shrank.
        steps.insert(len(steps) if pixels.size < target.size else 0, resize)
    for step in steps[:-1]:
        pixels = step(pixels, out=None)
    if steps:
        steps[-1](pixels, out=target)
    else:
        target[:] = pixels


def _resized(pixels, wh, area_from, out):
    # Shrinking by more than two without averaging drops lines of pixels; averaging while growing makes blocks.
    shrinks = pixels.shape[1] / wh[0], pixels.shape[0] / wh[1]
    averages = min(shrinks) >= 1 and max(shrinks) >= area_from
    return cv2.resize(pixels, wh, dst=out, interpolation=cv2.INTER_AREA if averages else cv2.INTER_LINEAR)


def flip_boxes(boxes: np.ndarray, flip: int | None, canvas_hw: tuple[int, int]) -> np.ndarray:
    """Mirror boxes [n, 5] (x1, y1, x2, y2 in canvas pixels, class) as `paste` mirrors pixels; a new array."""
    flipped = boxes.copy()
    if flip in LEFT_RIGHT:
        flipped[:, [0, 2]] = canvas_hw[1] - boxes[:, [2, 0]]
    if flip in TOP_BOTTOM:
        flipped[:, [1, 3]] = canvas_hw[0] - boxes[:, [3, 1]]
    return flipped


@dataclass(frozen=True)
class ColourShift:
    """A change in HSV: the hue by so many of 256 levels, around the circle, saturation and value by factors."""
    hue_levels: int = 0
    saturation_gain: float = 1.0
    value_gain: float = 1.0


NO_SHIFT = ColourShift()


def shift_colours(image: np.ndarray, colours: ColourShift, out: np.ndarray | None = None) -> np.ndarray:
    """Shift the colours of an RGB image uint8 [H, W, 3]; hue wraps around, saturation and value stop at their ends.

    Args:
        out: written to and returned, if it has the image's shape and type; None: a new array.
    """
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL))
    # Plane by plane these take 0.9 ns a pixel; one lookup table of three channels takes 2.4.
    hue += np.uint8(colours.hue_levels % HUE_LEVELS)
    cv2.convertScaleAbs(saturation, dst=saturation, alpha=colours.saturation_gain)
    cv2.convertScaleAbs(value, dst=value, alpha=colours.value_gain)
    shifted = cv2.merge((hue, saturation, value))
    # Intel's version of the way back, which OpenCV prefers on x86, takes 3.6 ns a pixel, OpenCV's own 2.6.
    uses_ipp = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        return cv2.cvtColor(shifted, cv2.COLOR_HSV2RGB_FULL, dst=out)
    finally:
        cv2.ipp.setUseIPP(uses_ipp)
