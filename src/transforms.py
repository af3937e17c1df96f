"""Image transforms without chance: decoding, placing an image on the network's canvas, flip and colour tables.

One geometric primitive serves training, evaluation, prediction and export: a `Placement` says which whole pixels of the
source image land on which whole pixels of the canvas, and maps boxes both ways by the very same numbers. What is drawn
at random in training is in `augment.py` and `mosaic.py`.
"""
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from model_utils.errors import UserError

HUE_LEVELS = 256

_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND"
# Inside a JPEG's compressed data 0xFF is followed by 0 or a restart mark; anything else ends the scan.
_JPEG_SCAN_STOP = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


def decode_image(path: str | Path) -> np.ndarray:
    """Read an image file of any common kind (grey, RGBA, CMYK, 16 bit) as RGB.

    Args:
        path: the file. Its EXIF orientation is ignored, because COCO's boxes refer to the pixels as they are stored.

    Returns:
        uint8 [H, W, 3], RGB, contiguous.

    Raises:
        UserError: the file cannot be opened, is empty, is no image or is cut short; the text names the path.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot read this image file ({error.strerror or error}); "
                        "restore it or take it out of the data set") from error
    if not data:
        raise UserError(f"{path}: this image file is empty (0 bytes); restore it or take it out of the data set")
    if _is_cut_short(data):
        raise UserError(f"{path}: this image file is cut short ({len(data)} bytes, the end mark is missing); "
                        "copy or download it again")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise UserError(f"{path}: cannot decode this image ({error.err or error})") from error
    if image is None:
        raise UserError(f"{path}: this file ({len(data)} bytes) cannot be decoded as an image; expected JPEG, PNG or "
                        "another format that OpenCV reads")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)


def _is_cut_short(data):
    """Whether a JPEG or PNG stops too early. OpenCV fills a JPEG's missing rows in silence; other kinds it refuses."""
    if data.startswith(_JPEG_START):
        # The quick test is right for all but files with foreign bytes after the end; the thumbnail that cameras put
        # before the image has marks of its own, so the end mark counts only behind the last scan.
        return data.rfind(_JPEG_END) <= data.rfind(_JPEG_SCAN) and not _jpeg_ends(data)
    if data.startswith(_PNG_START):
        return _PNG_END not in data
    return False


def _jpeg_ends(data):
    """Walk a JPEG from segment to segment: does it come to its own end mark?"""
    position = len(_JPEG_START)
    while position + 4 <= len(data):
        marker = data[position:position + 2]
        if marker[0] != 0xFF:
            return False
        if marker[1] == 0xFF:
            position += 1
            continue
        position += 2 + int.from_bytes(data[position + 2:position + 4], "big")
        if marker == _JPEG_SCAN:
            stop = _JPEG_SCAN_STOP.search(data, position)
            if stop is None:
                return False
            position = stop.end() - 2
            if data[position:position + 2] == _JPEG_END:
                return True
    return False


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


def paste(image: np.ndarray, placement: Placement, canvas: np.ndarray) -> None:
    """Draw the part of an image uint8 [H, W, 3] that a placement names onto a canvas uint8 [h, w, 3], in place."""
    sx1, sy1, sx2, sy2 = placement.src_xyxy
    dx1, dy1, dx2, dy2 = placement.dst_xyxy
    view = image[sy1:sy2, sx1:sx2]
    if view.shape[:2] != (dy2 - dy1, dx2 - dx1):
        # Shrinking without averaging drops whole lines of pixels; averaging while growing makes blocks.
        shrinks = dx2 - dx1 <= sx2 - sx1 and dy2 - dy1 <= sy2 - sy1
        view = cv2.resize(view, (dx2 - dx1, dy2 - dy1), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    canvas[dy1:dy2, dx1:dx2] = view


def flip(image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirror an image [H, W, 3] and its boxes [n, 5] (x1, y1, x2, y2 in pixels, class) left to right."""
    flipped = boxes.copy()
    flipped[:, [0, 2]] = image.shape[1] - boxes[:, [2, 0]]
    return cv2.flip(image, 1), flipped


def flip_vertical(image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirror an image [H, W, 3] and its boxes [n, 5] (x1, y1, x2, y2 in pixels, class) top to bottom."""
    flipped = boxes.copy()
    flipped[:, [1, 3]] = image.shape[0] - boxes[:, [3, 1]]
    return cv2.flip(image, 0), flipped


def hsv_tables(hue_shift: float, saturation_gain: float, value_gain: float) -> np.ndarray:
    """Lookup tables uint8 [1, 256, 3] for hue, saturation and value; hue wraps around, the other two saturate.

    Args:
        hue_shift: fraction of the full circle, e.g. 0.015.
        saturation_gain, value_gain: factors, e.g. 1.5.
    """
    levels = np.arange(256.0)
    hue = np.round(levels + hue_shift * HUE_LEVELS) % HUE_LEVELS
    gained = [np.clip(np.round(levels * gain), 0, 255) for gain in (saturation_gain, value_gain)]
    return np.stack([hue, *gained], axis=-1).astype(np.uint8)[None]


def shift_colours(image: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Send an RGB image uint8 [H, W, 3] through tables of `hsv_tables`; tables that change nothing change nothing."""
    if (tables[0] == np.arange(256, dtype=np.uint8)[:, None]).all():
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    return cv2.cvtColor(cv2.LUT(hsv, tables), cv2.COLOR_HSV2RGB_FULL)
