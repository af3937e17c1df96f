# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The network, its loss and its training step in PyTorch, written independently: the reference of the benchmark.

    python -m tests.benchmark.torch_twin CASE.npz [THREADS]

It is a worker of `workers.py` on a case of `cases.py`, in eager mode, as a PyTorch user would write it.
"""
import json
import sys
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tests.benchmark.workers import COMPARED_STEPS, serve, timed

CHANNELS = (3, 16, 32, 64, 128, 256, 512, 1024)
SIZE_LIMIT = 8.0


class Block(nn.Sequential):
    """Convolution, batch norm, LeakyReLU."""

    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.activation = nn.LeakyReLU(0.1, inplace=True)


class TorchTiny(nn.Module):
    """YOLOv3-Tiny: normalised float32 [B, 3, H, W] to the raw heads (big, small)."""

    def __init__(self, head_channels):
        super().__init__()
        for i in range(7):
            setattr(self, f"conv{i}", Block(CHANNELS[i], CHANNELS[i + 1], 3))
        self.conv7, self.conv8 = Block(1024, 256, 1), Block(256, 512, 3)
        self.conv9, self.conv10 = Block(256, 128, 1), Block(384, 256, 3)
        self.head1, self.head2 = nn.Conv2d(512, head_channels, 1), nn.Conv2d(256, head_channels, 1)

    def forward(self, x):
        """Return the raw heads of stride 32 and 16."""
        for i in range(4):
            x = functional.max_pool2d(getattr(self, f"conv{i}")(x), 2, 2)
        stride16 = self.conv4(x)
        x = self.conv5(functional.max_pool2d(stride16, 2, 2))
        x = self.conv6(functional.max_pool2d(functional.pad(x, (0, 1, 0, 1), value=-torch.inf), 2, 1))
        neck = self.conv7(x)
        upsampled = functional.interpolate(self.conv9(neck), scale_factor=2.0, mode="nearest")
        return self.head1(self.conv8(neck)), self.head2(self.conv10(torch.cat((upsampled, stride16), 1)))


def load_weights(network, arrays):
    """Copy MindSpore's weights, by its names, into the twin."""
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    state = {}
    for name, values in arrays.items():
        stem, last = name.rsplit(".", 1)
        state[f"{stem}.{names.get(last, last)}"] = torch.from_numpy(values)
    missing, unexpected = network.load_state_dict(state, strict=False)
    if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
        raise ValueError(f"the weights do not fit the twin: missing {missing}, unexpected {unexpected}")


def giou(a, b):
    """Return the generalised IoU of boxes cxcywh [n, 4]."""
    a1, a2, b1, b2 = a[:, :2] - a[:, 2:] / 2, a[:, :2] + a[:, 2:] / 2, b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2
    inner = (torch.minimum(a2, b2) - torch.maximum(a1, b1)).clamp(min=0).prod(1)
    union = a[:, 2:].prod(1) + b[:, 2:].prod(1) - inner
    hull = (torch.maximum(a2, b2) - torch.minimum(a1, b1)).prod(1)
    return inner / union - (hull - union) / hull


def best_iou(predicted, truth):
    """Return the largest IoU of each box cxcywh [n, 4] with any of `truth` [m, 4]."""
    low = torch.maximum((predicted[:, :2] - predicted[:, 2:] / 2)[:, None], (truth[:, :2] - truth[:, 2:] / 2)[None])
    high = torch.minimum((predicted[:, :2] + predicted[:, 2:] / 2)[:, None], (truth[:, :2] + truth[:, 2:] / 2)[None])
    inner = (high - low).clamp(min=0).prod(2)
    union = predicted[:, 2:].prod(1)[:, None] + truth[:, 2:].prod(1)[None] - inner
    return (inner / union).amax(1)


class TwinLoss:
    """The classic loss of `src/loss.py` (giou, objectness target one), by index lists.

    Args:
        settings (dict): anchors (of the fine, then the coarse scale, pixels), scale_x_y, input_hw, and thresholds.
    """

    def __init__(self, settings):
        self.settings = settings
        height, width = settings["input_hw"]
        self.anchors = torch.tensor(settings["anchors"], dtype=torch.float32) / torch.tensor([width, height])
        self.per_scale = len(self.anchors) // 2

    def __call__(self, big, small, boxes):
        """Return the loss; `boxes` is float32 [B, M, 5], cx, cy, w, h normalised and class, w 0 for padding."""
        images, rows = (boxes[:, :, 2] > 0).nonzero(as_tuple=True)
        truth = boxes[images, rows]
        wh = truth[:, None, 2:4]
        inner = torch.minimum(wh, self.anchors[None]).prod(2)
        overlap = inner / (wh.prod(2) + self.anchors.prod(1)[None] - inner)
        is_best = overlap == overlap.amax(1, keepdim=True)
        # Of several best the first; ties between different anchors do not occur in the cases measured.
        matched = is_best | (overlap > self.settings["anchor_iou_threshold"])
        loss = 0.0
        for number, (head, weight) in enumerate(((small, 1.0), (big, self.settings["large_scale"]))):
            pairs = slice(number * self.per_scale, (number + 1) * self.per_scale)
            loss = loss + weight * self._scale(head, number, images, truth, overlap[:, pairs], is_best[:, pairs],
                                               matched[:, pairs])
        return loss / len(boxes)

    def _scale(self, head, number, images, truth, overlap, is_best, matched):
        batch, _, rows, columns = head.shape
        anchors = self.anchors[number * self.per_scale:(number + 1) * self.per_scale]
        head = head.reshape(batch, self.per_scale, -1, rows, columns).permute(0, 1, 3, 4, 2)
        box, anchor = matched.nonzero(as_tuple=True)
        x = (truth[box, 0] * columns).floor().clamp(max=columns - 1).long()
        y = (truth[box, 1] * rows).floor().clamp(max=rows - 1).long()
        box, anchor, x, y = self._winners(box, anchor, x, y, images, overlap, is_best, head.shape[:4])
        image = images[box]
        matched_fields, target = head[image, anchor, y, x], truth[box]
        grid = torch.tensor([columns, rows], dtype=torch.float32)
        predicted = self._decode(matched_fields, torch.stack((x, y), 1), anchors[anchor], grid, number)
        bonus = 2.0 - target[:, 2] * target[:, 3]
        box_loss = (bonus * (1.0 - giou(predicted, target[:, :4]))).sum()
        one_hot = functional.one_hot(target[:, 4].long(), head.shape[-1] - 5).float()
        class_loss = functional.binary_cross_entropy_with_logits(matched_fields[:, 5:], one_hot, reduction="sum")
        target_map = torch.zeros(head.shape[:4])
        target_map[image, anchor, y, x] = 1.0
        counted = self._counted(head, number, images, truth, anchors, grid, target_map)
        objectness = functional.binary_cross_entropy_with_logits(head[..., 4], target_map, counted, reduction="sum")
        return self.settings["coord_scale"] * box_loss + objectness + class_loss

    def _winners(self, box, anchor, x, y, images, overlap, is_best, shape):
        """Keep one match a cell: a best match before another, then the higher overlap, then the lower box."""
        _, anchors, rows, columns = shape
        cell = ((images[box] * anchors + anchor) * rows + y) * columns + x
        order = torch.from_numpy(np.lexsort((-box.numpy(), overlap[box, anchor].numpy(), is_best[box, anchor].numpy())))
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order))
        highest = torch.full((shape.numel(),), -1).scatter_reduce(0, cell, rank, "amax")
        won = highest[cell] == rank
        return box[won], anchor[won], x[won], y[won]

    def _decode(self, fields, cells_xy, anchor_wh, grid, number):
        scale = self.settings["scale_x_y"][number]
        centre = (scale * fields[..., :2].sigmoid() - (scale - 1) / 2 + cells_xy) / grid
        return torch.cat((centre, fields[..., 2:4].clamp(max=SIZE_LIMIT).exp() * anchor_wh), -1)

    @torch.no_grad()
    def _counted(self, head, number, images, truth, anchors, grid, target_map):
        """Return 1 for positives, and for cells whose box overlaps no ground truth by more than the threshold."""
        rows, columns = head.shape[2:4]
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        predicted = self._decode(head, torch.stack((x, y), -1), anchors[:, None, None], grid, number)
        counted = torch.ones_like(target_map)
        for image in range(len(head)):
            of_image = truth[images == image, :4]
            if len(of_image):
                overlaps = best_iou(predicted[image].reshape(-1, 4), of_image) > self.settings["ignore_threshold"]
                counted[image][overlaps.reshape(counted[image].shape)] = 0.0
        return torch.maximum(counted, target_map)


def main(case_path, threads=2):
    """Serve the measurements `train`, `losses` and `forward torch PRECISION` of a case; bfloat16 is by autocast."""
    torch.set_num_threads(int(threads))
    case = np.load(case_path)
    settings = json.loads(str(case["settings"]))
    images, boxes = torch.from_numpy(case["images"]), torch.from_numpy(case["boxes"])
    network = TorchTiny(settings["head_channels"])
    load_weights(network, {name[len("weights/"):]: case[name] for name in case.files if name.startswith("weights/")})
    loss_function = TwinLoss(settings)
    mean, std = (torch.tensor(settings[key], dtype=torch.float32).reshape(1, 3, 1, 1) for key in ("mean", "std"))
    plain = [p for name, p in network.named_parameters() if name.endswith(("bn.weight", "bias"))]
    decayed = [p for name, p in network.named_parameters() if not name.endswith(("bn.weight", "bias"))]
    optimizer = torch.optim.SGD([{"params": plain, "weight_decay": 0.0}, {"params": decayed}], lr=settings["lr"],
                                momentum=settings["momentum"], weight_decay=settings["weight_decay"])

    def normalised():
        return (images.permute(0, 3, 1, 2).float() / 255 - mean) / std

    def step():
        loss = loss_function(*network(normalised()), boxes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def first_losses():
        network.train()
        return [step() for _ in range(COMPARED_STEPS)]

    def train():
        network.train()
        return timed(step, settings["steps"])

    @torch.inference_mode()
    def forward(is_rounded):
        network.eval()
        with torch.autocast("cpu", torch.bfloat16, enabled=is_rounded):
            return timed(lambda: network(normalised()), settings["passes"])

    serve({"torch": torch.__version__, "threads": torch.get_num_threads(),
           "instruction_set": torch.backends.cpu.get_cpu_capability()},
          {"losses": first_losses, "train": train, "forward torch float32": partial(forward, False),
           "forward torch bfloat16": partial(forward, True)})


if __name__ == "__main__":
    main(*sys.argv[1:])
