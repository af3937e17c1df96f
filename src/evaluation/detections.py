# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Detections in pixels of the image, as COCO results, as json and as text. NumPy only."""
import numpy as np

from src.evaluation.nms import COARSE_STRIDE, detections_from_heads
from src.network.head_layout import BOX_FIELDS


def to_image(xyxy_normalised, canvas_hw, placement, image_hw):
    """Return boxes of the network input as boxes of the image, their corners clipped to it.

    Args:
        xyxy_normalised (np.ndarray): [n, 4], normalised to the network input.
        canvas_hw (tuple): height and width of the network input in pixels.
        placement (Placement): how the image was placed on the canvas.
        image_hw (tuple): height and width of the image in pixels.

    Returns:
        Tuple of boxes float64 [n, 4] (x1, y1, x2, y2 in pixels of the image) and a mask bool [n], False where nothing
        of a box lies inside the image.
    """
    height, width = canvas_hw
    boxes = np.asarray(xyxy_normalised, np.float64).reshape(-1, BOX_FIELDS) * (width, height, width, height)
    boxes = np.asarray(placement.boxes_to_image(boxes), np.float64)
    boxes[:, 0::2] = boxes[:, 0::2].clip(0, image_hw[1])
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, image_hw[0])
    return boxes, (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def detect(big, small, placement, image_hw, config, score_threshold=None):
    """Return the detections of one image in its own pixels, best first, by the thresholds of the config.

    Args:
        big, small, placement, image_hw: see `detections_from_heads` and `to_image`.
        config (Config): eval_ignore_threshold, nms_thresh, max_detections and multi_label are read.
        score_threshold (float): replaces the config's `eval_ignore_threshold`.

    Returns:
        Tuple of boxes float64 [n, 4] (x1, y1, x2, y2 in pixels, inside the image), scores float32 [n], classes
        int64 [n].
    """
    if score_threshold is None:
        score_threshold = config.eval_ignore_threshold
    found = detections_from_heads(big, small, score_threshold, config.nms_thresh, config.max_detections,
                                  config.multi_label)
    return in_image(found, tuple(cells * COARSE_STRIDE for cells in big.shape[:2]), placement, image_hw)


def in_image(found, canvas_hw, placement, image_hw):
    """Return detections (boxes, scores, classes) of the network input in pixels of the image, see `detect`."""
    boxes, scores, classes = found
    boxes, visible = to_image(boxes, canvas_hw, placement, image_hw)
    return boxes[visible], scores[visible], classes[visible]


def coco_results(image_id, xyxy_pixels, scores, classes, category_ids):
    """Return the detections of one image as COCO results: dicts of image_id, category_id, bbox and score.

    bbox is [x, y, w, h] in pixels with 2 decimals, the score has 5. `category_ids[c]` is the annotation file's id of
    class c. Corners are rounded rather than sides, so that a rounded box does not leave the image either.
    """
    corners = np.round(np.asarray(xyxy_pixels, np.float64).reshape(-1, BOX_FIELDS), 2)
    sides = np.round(corners[:, 2:] - corners[:, :2], 2)
    bboxes = np.concatenate((corners[:, :2], sides), 1).tolist()
    rounded_scores = np.round(np.asarray(scores, np.float64), 5).tolist()
    return [{"image_id": image_id, "category_id": category_ids[class_number], "bbox": bbox, "score": score}
            for bbox, score, class_number in zip(bboxes, rounded_scores, classes, strict=True)]


def as_records(xyxy, scores, classes, categories):
    """Return detections for the json: class name, category id, score and bbox [x, y, w, h] in pixels, best first."""
    bboxes = np.concatenate((xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]), 1).round(2).tolist()
    return [{"class_name": categories.names[number], "category_id": categories.ids[number],
             "score": round(float(score), 5), "bbox": bbox}
            for bbox, score, number in zip(bboxes, scores, classes, strict=True)]


def as_text(detections, most=8):
    """Return the best detections of `as_records` as text, for example `dog 0.87, car 0.51, and 3 more`."""
    texts = [f"{entry['class_name']} {entry['score']:.2f}" for entry in detections[:most]]
    if len(detections) > most:
        texts.append(f"and {len(detections) - most} more")
    return ", ".join(texts) or "nothing found"
