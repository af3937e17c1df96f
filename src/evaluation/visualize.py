# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes with labels on images, detections beside the ground truth, contact sheets; images are uint8 RGB [H, W, 3]."""
import contextlib
import math
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model_utils.errors import UserError
from model_utils.files import write_atomically

# OpenCV's font has ASCII only; for other letters, a file that systems have, by its name. The first ones have Chinese.
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_FILES = ("NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "msyh.ttc",
              "simhei.ttf", "PingFang.ttc", "Arial Unicode.ttf")
# Of such a font, the size over the height of a capital; smaller letters cannot be read.
SIZE_OF_CAPITALS, MIN_FONT_SIZE = 1.4, 10
# Height of a capital letter at font scale 1.
CAPITAL_HEIGHT = 22
PAPER = (245, 245, 245)
INK = (30, 30, 30)
CROWD_COLOUR = (150, 150, 150)
GOLDEN_RATIO = (1 + math.sqrt(5)) / 2
# Samples that the sheet of a batch shows.
SHEET_SAMPLES = 16
JPEG_QUALITY = 92


def class_colour(class_number):
    """Return the RGB colour of a class: hues are as far apart as possible for any number of classes.

    Steps of the golden ratio never repeat a hue; three lightnesses separate neighbours where there are many.
    """
    hue = (class_number / GOLDEN_RATIO) % 1.0
    saturation, value = ((0.95, 1.0), (0.75, 0.85), (1.0, 0.65))[class_number // 12 % 3]
    pixel = np.array([[[hue * 360.0, saturation, value]]], np.float32)
    return tuple(round(float(channel) * 255) for channel in cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0])


def text_colour(background):
    """Return black or white, whichever stands out more against an RGB colour."""
    red, green, blue = background
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else (255, 255, 255)


def label_text(name, score=None):
    """Return the text beside a box; what cannot be printed, such as a line break, appears as `?`."""
    text = "".join(char if char.isprintable() else "?" for char in name)
    return text if score is None else f"{text} {score:.2f}"


def draw_boxes(image, xyxy, classes, names, scores=None, min_side=0):
    """Return a copy of an image with boxes and labels drawn, the best-scoring box on top.

    Args:
        image (np.ndarray): uint8 RGB [H, W, 3].
        xyxy (np.ndarray): [n, 4] in pixels of the image.
        classes (np.ndarray): int [n]; -1 is a crowd region, drawn grey.
        names (sequence): class names.
        scores (np.ndarray): [n], shown after the names; None: no scores (ground truth).
        min_side (int): smaller images are enlarged until their longer side has this many pixels, for legible labels.
    """
    colours = [class_colour(int(number)) if number >= 0 else CROWD_COLOUR for number in classes]
    texts = [label_text(names[int(number)] if number >= 0 else "crowd", None if scores is None else float(score))
             for number, score in zip(classes, classes if scores is None else scores, strict=True)]
    order = np.arange(len(texts)) if scores is None else np.argsort(-np.asarray(scores), kind="stable")
    return draw_labelled(image, np.asarray(xyxy, np.float64).reshape(-1, 4)[order], [texts[number] for number in order],
                         [colours[number] for number in order], min_side)


def draw_labelled(image, xyxy, texts, colours, min_side=0):
    """Return a copy of an image with boxes drawn in colours (RGB), the first on top; an empty text has no label.

    `image`, `xyxy` and `min_side` are those of `draw_boxes`.
    """
    factor = max(1.0, min_side / max(image.shape[:2]))
    if factor > 1.0:
        canvas = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    else:
        canvas = np.ascontiguousarray(image).copy()
    boxes = np.round(np.asarray(xyxy, np.float64).reshape(-1, 4) * factor).astype(int).tolist()
    thickness = max(1, round(max(canvas.shape[:2]) / 320))
    labels, covered = [], np.zeros(canvas.shape[:2], np.int32)
    for text, colour, box in zip(texts, colours, boxes, strict=True):
        if text:
            labels.append(Label(text, colour, box, covered))
    for box, colour in zip(boxes[::-1], colours[::-1], strict=True):
        # A dark line around the coloured one keeps it visible on a background of its own colour.
        cv2.rectangle(canvas, box[:2], box[2:], (0, 0, 0), thickness + 2)
        cv2.rectangle(canvas, box[:2], box[2:], colour, thickness)
    for label in labels[::-1]:
        label.draw(canvas)
    return canvas


class Label:
    """A text on a filled strip beside a box, where it covers as little as possible of the labels placed before it.

    `covered` is that of `best_spot`, and counts this label from then on.
    """

    def __init__(self, text, colour, box_xyxy, covered):
        self.text, self.colour, image_hw = text, colour, covered.shape
        self.scale = min(max(max(image_hw) / 1100, 0.4), 2.0)
        while True:
            self.stroke = max(1, round(self.scale * 1.6))
            self.margin = max(2, round(4 * self.scale))
            width, self.text_height, below = text_extent(text, self.scale, self.stroke)
            width, height = width + 2 * self.margin, self.text_height + below + 2 * self.margin
            if width <= image_hw[1] or self.scale < 0.25:
                break
            self.scale *= 0.9
        self.area = best_spot(box_xyxy, (width, height), covered)
        _pixels(covered, self.area)[:] += 1

    def draw(self, canvas):
        """Draw the label on an image of the size that it was placed for."""
        x1, y1, x2, y2 = self.area
        cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), self.colour, cv2.FILLED)
        put_text(_pixels(canvas, self.area), self.text, (self.margin, self.margin + self.text_height), self.scale,
                 text_colour(self.colour), self.stroke)


def text_extent(text, scale, stroke):
    """Return the pixels of a text: its width, and its height above and below the line that it stands on."""
    if text.isascii():
        (width, above), below = cv2.getTextSize(text, FONT, scale, stroke)
        return width, above, below // 2
    _, top, right, bottom = _font_of_all_letters(scale).getbbox(text, anchor="ls")
    return math.ceil(right), math.ceil(-top), math.ceil(max(bottom, 0))


def put_text(canvas, text, origin_xy, scale, colour, stroke):
    """Draw a text in an RGB colour on a canvas, from this left end of the line that it stands on."""
    if text.isascii():
        cv2.putText(canvas, text, origin_xy, FONT, scale, colour, stroke, cv2.LINE_AA)
        return
    image = Image.fromarray(canvas)
    ImageDraw.Draw(image).text(origin_xy, text, colour, _font_of_all_letters(scale), anchor="ls")
    canvas[:] = np.asarray(image)


@cache
def _font_of_all_letters(scale):
    """Return the first of `FONT_FILES` that this machine has, in capitals of the height of OpenCV's font."""
    size = max(MIN_FONT_SIZE, round(SIZE_OF_CAPITALS * CAPITAL_HEIGHT * scale))
    # Not imported: that takes longer than to draw.
    plots = find_spec("matplotlib")
    own = [Path(plots.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"] if plots else []
    for name in (*FONT_FILES, *own):
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def best_spot(box_xyxy, label_wh, covered):
    """Return where a label goes, (x1, y1, x2, y2) inside the image: above its box, else inside it, else below it.

    The first of these positions that covers no placed label; where none is free, the one that covers least.

    Args:
        box_xyxy (tuple): the box in pixels.
        label_wh (tuple): its width and height in pixels.
        covered (np.ndarray): int [H, W], how many labels each pixel of the image has.
    """
    (x1, y1, x2, y2), (width, height), image_hw = box_xyxy, label_wh, covered.shape
    areas = []
    for x, y in [(x, y) for x in (x1, x2 - width) for y in (y1 - height, y1, y2, y2 - height)]:
        left = max(0, min(x, image_hw[1] - width))
        top = max(0, min(y, image_hw[0] - height))
        areas.append((left, top, min(left + width, image_hw[1]), min(top + height, image_hw[0])))
    return min(areas, key=lambda area: _pixels(covered, area).sum())


def _pixels(image, area):
    """Return a view of the pixels of an area (x1, y1, x2, y2)."""
    x1, y1, x2, y2 = area
    return image[y1:y2, x1:x2]


def side_by_side(left, right, titles=("", "")):
    """Return two images beside each other, brought to the same height, each under its title."""
    height = max(left.shape[0], right.shape[0])
    panels = [_titled(_to_height(image, height), title) for image, title in zip((left, right), titles, strict=True)]
    gap = np.full((panels[0].shape[0], max(4, height // 80), 3), PAPER, np.uint8)
    return np.concatenate((panels[0], gap, panels[1]), 1)


def _to_height(image, height):
    if image.shape[0] == height:
        return image
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _titled(image, title):
    """Return an image under a strip that holds its title."""
    scale = min(max(image.shape[0] / 800, 0.5), 2.0)
    strip = np.full((round(CAPITAL_HEIGHT * scale * 2.2), image.shape[1], 3), PAPER, np.uint8)
    put_text(strip, label_text(title), (round(6 * scale), round(CAPITAL_HEIGHT * scale * 1.6)), scale, INK,
             max(1, round(scale * 1.6)))
    return np.concatenate((strip, image))


def contact_sheet(images, columns, cell_hw, gap=8):
    """Return one image with all of `images` in rows, each fitted whole into a cell of `cell_hw` pixels.

    Raises:
        ValueError: there is no image.
    """
    if not images:
        raise ValueError("a contact sheet needs at least one image")
    columns = min(columns, len(images))
    cell_height, cell_width = cell_hw
    rows = -(-len(images) // columns)
    sheet = np.full((rows * (cell_height + gap) + gap, columns * (cell_width + gap) + gap, 3), PAPER, np.uint8)
    for number, image in enumerate(images):
        factor = min(cell_height / image.shape[0], cell_width / image.shape[1])
        height, width = max(1, round(image.shape[0] * factor)), max(1, round(image.shape[1] * factor))
        interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        top = gap + number // columns * (cell_height + gap) + (cell_height - height) // 2
        left = gap + number % columns * (cell_width + gap) + (cell_width - width) // 2
        sheet[top:top + height, left:left + width] = cv2.resize(image, (width, height), interpolation=interpolation)
    return sheet


def comparison_sheet(samples, names, columns=2):
    """Return detections (left) beside the ground truth (right) for several images, as one image.

    Args:
        samples (sequence): of tuples (image, detected xyxy, detected classes, scores, true xyxy, true classes), boxes
            in pixels.
        names (sequence): class names.
        columns (int): pairs in a row.
    """
    pairs = []
    for image, boxes, classes, scores, true_boxes, true_classes in samples:
        left = draw_boxes(image, boxes, classes, names, scores, min_side=480)
        right = draw_boxes(image, true_boxes, true_classes, names, min_side=480)
        pairs.append(side_by_side(left, right, ("detections", "ground truth")))
    cell_hw = (max(pair.shape[0] for pair in pairs), max(pair.shape[1] for pair in pairs)) if pairs else (0, 0)
    return contact_sheet(pairs, columns, cell_hw, gap=12)


def batch_sheet(images, boxes, names, columns=4, min_side=384):
    """Return a batch of training samples, as the network gets them, as one image with their boxes and class names.

    Args:
        images (np.ndarray): uint8 RGB [B, H, W, 3].
        boxes (np.ndarray): [B, max_box, 5] centre x, centre y, width, height in fractions of the input, class (-1:
            crowd region); rows without width are padding.
        names (sequence): class names.
        columns (int): samples in a row.
        min_side (int): smaller samples are enlarged until their longer side has this many pixels.
    """
    height, width = images.shape[1:3]
    samples = []
    for image, rows in zip(images, boxes, strict=True):
        rows = rows[rows[:, 2] > 0].astype(np.float64)
        corners = np.concatenate((rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2), 1)
        samples.append(draw_boxes(image, corners * (width, height, width, height), rows[:, 4].astype(int), names,
                                   min_side=min_side))
    return contact_sheet(samples, columns, samples[0].shape[:2] if samples else (0, 0))


def write_batch_sheet(path, images, boxes, names):
    """Write the `batch_sheet` of a batch's first samples, so that a person can check the boxes."""
    write_image(path, batch_sheet(images[:SHEET_SAMPLES], boxes[:SHEET_SAMPLES], names))


def write_image(path, image):
    """Write an RGB image in the format that the file's extension names.

    Raises:
        UserError: the extension is none that OpenCV writes.
    """
    try:
        written, data = cv2.imencode(Path(path).suffix, image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    except cv2.error:
        written = False
    if not written:
        raise UserError(f"{path}: cannot write this image format; name it .jpg or .png")
    write_atomically(path, data.tobytes())
