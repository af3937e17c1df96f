# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""YOLOv3-Tiny: backbone, two necks and heads, the decode of a head, and the network that inference runs.

A head is a tensor [B, A*(5 + C), gh, gw]: for each of the A anchors of its scale tx, ty, tw, th, the objectness logit
and C class logits. Scales are listed finest first (stride 16, then 32); outputs come coarsest first (big, small), as
users of the 2021 version know them.
"""
import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops

from src.config import detection_scales
from src.network.grid import scale_grid
from src.network.head_layout import FIRST_CLASS, MAX_LOG_SIZE, OBJECTNESS
from src.network.normalize import Normalize
from src.tiny import ConvBlock, DarknetTiny


def upsample_by_two(x):
    """Return x [B, C, H, W] with each pixel doubled in both directions.

    Two concatenations are the only form that MindIR with a free batch, onnxruntime and OpenCV 4.6 to 4.11 all read
    correctly.
    """
    _, channels, height, width = x.shape
    x = ops.reshape(x, (-1, channels, height, width, 1))
    x = ops.concat((x, x), 4)
    x = ops.reshape(x, (-1, channels, height, 1, 2 * width))
    x = ops.concat((x, x), 3)
    return ops.reshape(x, (-1, channels, 2 * height, 2 * width))


class YOLOv3Tiny(nn.Cell):
    """The network up to its raw heads.

    Input: normalised float32 [B, 3, H, W], H and W multiples of 32. Returns (big, small): float32
    [B, channels_of_scale, H/32, W/32] and [B, channels_of_scale, H/16, W/16].

    Args:
        num_classes (int): C.
        scales (tuple): the two `Scale`s, finest first; their anchors give the heads' channels.
        decomposed_activation (bool): the form of LeakyReLU, see `src.tiny.leaky_relu`.
        folded (bool): biases in place of batch norms; `src.weights.folding.load_folded` loads their weights.
    """

    def __init__(self, num_classes, scales, decomposed_activation=False, folded=False):
        super().__init__()
        fine, coarse = scales
        form = decomposed_activation, folded
        self.backbone = DarknetTiny(*form)
        self.conv7 = ConvBlock(1024, 256, 1, *form)
        self.conv8 = ConvBlock(256, 512, 3, *form)
        self.head1 = nn.Conv2d(512, coarse.channels(num_classes), 1, pad_mode="same", has_bias=True)
        self.conv9 = ConvBlock(256, 128, 1, *form)
        self.conv10 = ConvBlock(384, 256, 3, *form)
        self.head2 = nn.Conv2d(256, fine.channels(num_classes), 1, pad_mode="same", has_bias=True)
        # Names in a checkpoint follow Darknet's order of layers, not the structure of this class.
        for parameter in self.get_parameters():
            parameter.name = parameter.name.removeprefix("backbone.")

    def construct(self, x):
        stride16, stride32 = self.backbone(x)
        neck = self.conv7(stride32)
        big = self.head1(self.conv8(neck))
        merged = ops.concat((upsample_by_two(self.conv9(neck)), stride16), 1)
        small = self.head2(self.conv10(merged))
        return big, small


class BoxDecoder(nn.Cell):
    """Turns raw box fields into boxes normalised to the input.

    cx = (s * sigmoid(tx) - (s - 1) / 2 + cell_x) / grid_width and w = anchor_width * exp(tw), likewise y and h
    (Redmon and Farhadi 2018, section 2.1; s is scale_x_y, Bochkovskiy et al. 2020, section 3.4, 1 in YOLOv3).

    Args:
        scale_x_y (float): s.
    """

    def __init__(self, scale_x_y):
        super().__init__()
        # Tensors: a number becomes Muls or Divs in a MindIR, which not every MindSpore Lite reads.
        self.scale_x_y = ms.Tensor(scale_x_y, ms.float32)
        self.margin = ms.Tensor((scale_x_y - 1.0) / 2.0, ms.float32)
        self.max_log_size = ms.Tensor(MAX_LOG_SIZE, ms.float32)

    def construct(self, fields, cell_xy, grid_wh, anchor_wh):
        """Return (cx, cy, w, h), each [B, A, N].

        Args:
            fields (Tensor): tx, ty, tw, th and others of N cells, float32 [B, A, 5 + C, N].
            cell_xy (tuple): column and row of each cell, float32, broadcastable to [B, A, N].
            grid_wh (tuple): columns and rows of the grid, float32 [1, A, 1].
            anchor_wh (tuple): sides of the anchors, normalised to the input, float32 [1, A, 1].
        """
        tx, ty, tw, th = fields[:, :, 0], fields[:, :, 1], fields[:, :, 2], fields[:, :, 3]
        cx = (self.scale_x_y * ops.sigmoid(tx) - self.margin + cell_xy[0]) / grid_wh[0]
        cy = (self.scale_x_y * ops.sigmoid(ty) - self.margin + cell_xy[1]) / grid_wh[1]
        w = ops.exp(ops.minimum(tw, self.max_log_size)) * anchor_wh[0]
        h = ops.exp(ops.minimum(th, self.max_log_size)) * anchor_wh[1]
        return cx, cy, w, h


class ScaleDecoder(nn.Cell):
    """Turns the raw head of one scale into boxes and probabilities, for one input size.

    Args:
        scale (Scale): stride, anchors and scale_x_y.
        num_classes (int): C.
        input_hw (tuple): height and width of the network input in pixels.
    """

    def __init__(self, scale, num_classes, input_hw):
        super().__init__()
        self.grid_h, self.grid_w = scale.grid_hw(input_hw)
        self.num_anchors = len(scale.anchors)
        self.fields = FIRST_CLASS + num_classes
        self.decode_boxes = BoxDecoder(scale.scale_x_y)
        self.anchor_wh, self.grid_wh, self.cell_xy, _ = scale_grid(scale, input_hw)

    def construct(self, head):
        """Decode a head to [B, gh, gw, A, 5 + C]: cx, cy, w, h normalised, objectness and class probabilities."""
        fields = ops.reshape(head, (-1, self.num_anchors, self.fields, self.grid_h * self.grid_w))
        cxcywh = self.decode_boxes(fields, self.cell_xy, self.grid_wh, self.anchor_wh)
        boxes = [ops.expand_dims(side, 2) for side in cxcywh]
        probabilities = ops.sigmoid(fields[:, :, OBJECTNESS:])
        decoded = ops.concat((*boxes, probabilities), 2)
        decoded = ops.transpose(decoded, (0, 3, 1, 2))
        return ops.reshape(decoded, (-1, self.grid_h, self.grid_w, self.num_anchors, self.fields))


class YOLOv3TinyInference(nn.Cell):
    """The network that evaluation, prediction and the exported files run.

    Input: uint8 [B, H, W, 3] RGB, or with `float_input` float32 [B, 3, H, W] already normalised. Returns (big, small):
    float32 [B, g, g, A, 5 + C] decoded, stride 32 first; with `decode=False` the raw heads. The outputs of `select`, a
    `src.evaluation.topk_candidates.CandidateSelector`, follow them where there is one.
    """

    def __init__(self, network, num_classes, scales, input_hw, mean, std, float_input=False, decode=True, select=None):
        # Parameters keep their names in the checkpoint.
        super().__init__(auto_prefix=False)
        fine, coarse = scales
        self.normalize = nn.Identity() if float_input else Normalize(mean, std)
        self.network = network
        self.decode_big = ScaleDecoder(coarse, num_classes, input_hw) if decode else nn.Identity()
        self.decode_small = ScaleDecoder(fine, num_classes, input_hw) if decode else nn.Identity()
        self.select = select
        self.set_train(False)

    def construct(self, images):
        big, small = self.network(self.normalize(images))
        # In mixed precision heads are float16, which resolves a coordinate to a third of a pixel only.
        big, small = self.decode_big(ops.cast(big, ms.float32)), self.decode_small(ops.cast(small, ms.float32))
        if self.select is None:
            return big, small
        return (big, small, *self.select(big, small))


def build_network(config, num_classes, decomposed_activation=False, folded=False):
    """Return the `YOLOv3Tiny` that a config describes, for `num_classes` classes."""
    return YOLOv3Tiny(num_classes, detection_scales(config), decomposed_activation, folded)


def build_inference_network(config, num_classes, network=None, decomposed_activation=False, **options):
    """Return a `YOLOv3TinyInference` at config.testing_shape, around `network` or a new folded one.

    `src.weights.folding.load_folded` loads the weights of a folded network. Options `float_input`, `decode` and
    `select` are those of `YOLOv3TinyInference`; `decomposed_activation` is that of a new network.
    """
    if network is None:
        network = build_network(config, num_classes, decomposed_activation, folded=True)
    return YOLOv3TinyInference(network, num_classes, detection_scales(config), tuple(config.testing_shape),
                               config.mean, config.std, **options)
