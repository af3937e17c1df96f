# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The assignment in the graph: against tests/support/reference.py, rule by rule, and its recall of real boxes."""
import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from src.data.coco import read_coco
from src.evaluation.coco_scores import score_results
from src.network.assigner import Assigner
from src.network.grid import scale_grids
from src.network.head_layout import Scale
from tests.support import reference
from tests.support.helpers import real_data

ANCHORS = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
PAIRS = [(scale, slot) for scale in range(2) for slot in range(3)]


def assign(boxes, input_hw=(416, 416), masks=((0, 1, 2), (3, 4, 5)), threshold=0.213):
    """Return {(scale, slot, row, column): box} of each image, as reference.assign does."""
    scales = tuple(Scale(stride, tuple(ANCHORS[i] for i in mask), 1.0)
                   for stride, mask in zip((16, 32), masks, strict=True))
    assigner = Assigner(len(PAIRS), threshold)
    positive, cell_x, cell_y = assigner(ms.Tensor(np.float32(boxes)), scale_grids(scales, input_hw))
    positive, cell_x, cell_y = positive.asnumpy(), cell_x.asnumpy(), cell_y.asnumpy()
    winners = [{} for _ in boxes]
    for image, pair, box in zip(*np.nonzero(positive), strict=True):
        key = (*PAIRS[pair], int(cell_y[image, pair, box]), int(cell_x[image, pair, box]))
        assert key not in winners[image], "two winners in one cell"
        winners[image][key] = box
    return winners


@pytest.mark.parametrize("input_hw", [(416, 416), (256, 448)])
@pytest.mark.parametrize("masks", [((0, 1, 2), (3, 4, 5)), ((1, 2, 3), (3, 4, 5))])
def test_matches_the_numpy_twin(input_hw, masks):
    rng = np.random.default_rng(1)
    boxes = np.zeros((4, 90, 5), np.float32)
    for image, count in enumerate((90, 40, 1, 0)):
        boxes[image, :count, :2] = rng.uniform(0, 1, (count, 2))
        boxes[image, :count, 2:4] = np.exp(rng.uniform(np.log(0.01), 0, (count, 2)))
        boxes[image, :count, 4] = rng.integers(-1, 5, count)
    setup = reference.Setup(input_hw, 5, masks=masks)
    found = assign(boxes, input_hw, masks)
    for image in range(4):
        assert found[image] == reference.assign(boxes[image].astype(np.float64), setup)


def box(cx, cy, w, h, category=0):
    """Pixels of a 416 x 416 input to one normalised row."""
    return [cx / 416, cy / 416, w / 416, h / 416, category]


def test_every_box_has_its_best_pair_even_below_the_threshold():
    (winners,) = assign([[box(100, 100, 400, 4)]])
    assert list(winners.values()) == [0] and len(winners) == 1


def test_an_anchor_of_both_scales_goes_to_the_finer_one_at_best():
    # Anchor 3 is on both scales; with a threshold that only the best pair passes, one pair is left.
    (winners,) = assign([[box(100, 100, 81, 82)]], masks=((1, 2, 3), (3, 4, 5)), threshold=1.0)
    assert winners == {(0, 2, 6, 6): 0}


def test_a_best_match_wins_over_another_match_of_higher_iou():
    # Both in one cell. Pair 0 (10 x 14) is best for the first box with IoU 0.45; the second box matches it with 0.48,
    # but its best pair is another.
    first, second = box(104, 104, 9, 7), box(105, 105, 15, 20)
    for order in ([first, second], [second, first]):
        (winners,) = assign([order])
        assert winners[(0, 0, 6, 6)] == order.index(first)
        assert reference.shape_iou((9, 7), ANCHORS[0]) < reference.shape_iou((15, 20), ANCHORS[0])


def test_higher_iou_wins_and_then_the_lower_index():
    close, far = box(104, 104, 10, 13), box(105, 105, 10, 11)
    for order in ([close, far], [far, close]):
        assert assign([order])[0][(0, 0, 6, 6)] == order.index(close)
    assert assign([[close, close]])[0][(0, 0, 6, 6)] == 0


def test_crowds_and_padding_are_never_assigned():
    assert assign([[box(100, 100, 80, 80, -1), [0, 0, 0, 0, -1], [0, 0, 0, 0, 0]]]) == [{}]


def test_a_centre_on_the_far_edge_belongs_to_the_last_cell():
    (winners,) = assign([[box(416, 416, 82, 82)]])
    assert (1, 0, 12, 12) in winners


def test_coco128_targets_decoded_back_recall_the_boxes():
    """Each assigned target as a detection of its box: only boxes that lost every cell to others are missed."""
    config = get_config(["--data_dir", str(real_data("coco128"))])
    data = read_coco(config, "train", training=True)
    rows, scales = np.zeros((len(data), 90, 5), np.float32), []
    for number, boxes in enumerate(data.boxes):
        width, height = data.sizes[number]
        scales.append(np.array([width, height, width, height]))
        xyxy = boxes[:, :4] / scales[number]
        centres, sides = (xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]
        rows[number, :len(boxes)] = np.column_stack([centres, sides, boxes[:, 4]])
    results = {}
    for number, winners in enumerate(assign(rows, (640, 640))):
        for (scale_number, _, row, column), index in winners.items():
            cx, cy, w, h, category = rows[number, index].astype(np.float64)
            grid = (40, 20)[scale_number]
            # What a decode can say is a place within the cell.
            cx, cy = (column + np.clip(cx * grid - column, 0, 1)) / grid, (row + np.clip(cy * grid - row, 0, 1)) / grid
            bbox = np.array([cx - w / 2, cy - h / 2, w, h]) * scales[number]
            # The same box from several anchors counts once.
            results[number, index] = {"image_id": data.image_ids[number], "bbox": bbox.tolist(), "score": 1.0,
                                      "category_id": data.categories.ids[int(category)]}
    assert score_results(data, list(results.values())).stats[1] >= 0.98
