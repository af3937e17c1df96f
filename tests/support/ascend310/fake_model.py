# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A model that only the stand-in for MindSpore Lite knows (tests/ascend310/cpp/fake_lite), with recorded heads."""
import json
from pathlib import Path

import numpy as np

from model_utils.config import get_config
from src.data.image_files import decode_image
from src.data.placement import fit_placement
from src.deploy.model_description import OUTPUT_NAMES, describe_model
from src.transforms import place
from tests.support.ascend310.infer_app import CATEGORIES, infer, sanitized_app

# Numbers of mindspore::DataType.
TYPES = {"int8": 32, "uint8": 37, "float16": 42, "float32": 43}


class FakeModel:
    """A .mindir that only the stand-in knows, its description, recorded inputs and heads.

    Args:
        folder (Path): receives the files.
        images (list): paths; item k of the record is what the app makes of image k.
        output_type (str): float32 or float16, the type of the outputs.
        output_names (tuple): as MindSpore Lite calls the outputs.
        **options: of export.py, with small values in the place of the defaults.
    """

    def __init__(self, folder, images, output_type="float32", output_names=OUTPUT_NAMES, **options):
        options = {"testing_shape": "64,96", "resize_mode": "letterbox", "batch_size": 1, "device_target": "CPU",
                   **options}
        self.config = get_config([f"--{name}={value}" for name, value in options.items()])
        self.folder, self.images, self.path = folder, images, folder / "a model.mindir"
        (height, width), batch = self.config.testing_shape, self.config.batch_size
        self.path.write_bytes(b"known to the stand-in only")
        fields = 5 + len(CATEGORIES)
        grids = [(height // stride, width // stride) for stride in (32, 16)]
        shapes = [(batch, *grid, 3, fields) if self.config.keep_detect else (batch, 3 * fields, *grid)
                  for grid in grids]
        recorded = decoded_heads if self.config.keep_detect else raw_heads
        self.heads = [recorded((len(images), *shape[1:]), seed).astype(output_type).astype(np.float32)
                      for seed, shape in enumerate(shapes, start=5)]
        self.description = describe_model(self.config, CATEGORIES, self.path.name, self.path.read_bytes(), shapes)
        self.write_description()
        self.inputs = np.stack([self.network_input(path) for path in images])
        self.inputs.tofile(folder / "inputs.bin")
        for head, name in zip(self.heads, OUTPUT_NAMES, strict=True):
            head.astype(output_type).tofile(folder / f"{name}.bin")
        self.record = {
            "inputs": [{"name": "images", "type": TYPES[str(self.inputs.dtype)],
                        "shape": [batch, *self.inputs.shape[1:]]}],
            "outputs": [{"name": name, "type": TYPES[output_type], "shape": list(shape), "record": f"{head}.bin"}
                        for name, head, shape in zip(output_names, OUTPUT_NAMES, shapes, strict=True)],
            "record": "inputs.bin", "log": "log.json"}

    def write_description(self):
        Path(f"{self.path}.json").write_text(json.dumps(self.description))

    def network_input(self, path):
        """What the app should hand to the network for an image: with AIPP and in uint8 the pixels."""
        canvas_hw = self.config.testing_shape
        image = decode_image(path)
        canvas = place(image, fit_placement(self.config.resize_mode, image.shape[:2], canvas_hw), canvas_hw,
                       self.config.pad_value)
        if self.config.export_input == "uint8" or self.config.export_normalise == "aipp":
            return canvas
        pixels = (canvas / 255 - np.array(self.config.mean)) / np.array(self.config.std)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)

    def infer(self, *options, **environment):
        """Run the app on the images of the folder images/; returns the finished process."""
        (self.folder / "fake.json").write_text(json.dumps(self.record))
        return infer(self.path, self.images[0].parent, self.folder / "out", *options,
                     **sanitized_app().environment(FAKE_LITE_MODEL=str(self.folder / "fake.json"), **environment))

    def results(self):
        return json.loads((self.folder / "out" / "results.json").read_text())

    def log(self):
        """What the stand-in received, as its log file says."""
        return json.loads((self.folder / "log.json").read_text())


def decoded_heads(shape, seed):
    """Decoded heads float32 [N, gh, gw, A, 5 + C] as a network might give them: few objects, many weak boxes."""
    heads = np.random.default_rng(seed).random(shape)
    heads[..., 2:4] = 0.05 + 0.4 * heads[..., 2:4]
    heads[..., 4] **= 4
    return heads.astype(np.float32)


def raw_heads(shape, seed):
    """Raw heads float32 [N, A * (5 + C), gh, gw]."""
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
