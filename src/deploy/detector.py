# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A detector in Python: any model file of this project, called with images.

    from src.deploy.detector import Detector

    detector = Detector("yolov3_tiny.onnx", draw_threshold=0.4)
    found = detector("street.jpg")
    for box, score, name in zip(found.boxes, found.scores, found.names):
        print(name, score, box)

A `.mindir` file takes MindSpore, as does a `.ckpt` file whose network is not in the cache; an `.onnx` file does not.
"""
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from model_utils.config import COMMAND_LINE, Config, get_config
from model_utils.errors import UsageError, UserError, counted, nearest, quoted
from src.data.categories import Categories
from src.data.image_files import Fault, decode_reduced
from src.data.placement import fit_placement
from src.deploy.model_files import load_model
from src.evaluation.detections import as_records, detect
from src.evaluation.visualize import draw_boxes
from src.network.head_layout import FIRST_CLASS
from src.transforms import paste
from src.util import first_names

Image = np.ndarray | str | os.PathLike


@dataclass(frozen=True)
class Detections:
    """What was found on one image, best first.

    Attributes:
        boxes: float64 [n, 4]: x1, y1, x2, y2 in pixels of the image.
        scores: float32 [n]: objectness times class probability.
        classes: int64 [n]: class numbers, positions in `categories`.
        image_hw: height and width of the image in pixels.
        categories: all classes of the model, `names` and category `ids`.
        fault: of an image file that is cut short or damaged and was used nevertheless, else None.
    """
    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    image_hw: tuple[int, int]
    categories: Categories = field(repr=False)
    fault: Fault | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def names(self) -> list[str]:
        """The class name of each box."""
        return [self.categories.names[number] for number in self.classes]

    def records(self) -> list[dict[str, Any]]:
        """Return a dict for each box: class_name, category_id, score and bbox, [x, y, width, height] in pixels."""
        return as_records(self.boxes, self.scores, self.classes, self.categories)

    def draw(self, image: np.ndarray) -> np.ndarray:
        """Return a copy of the image, uint8 RGB [H, W, 3], with boxes, names and scores."""
        return draw_boxes(image, self.boxes, self.classes, self.categories.names, self.scores)


class Detector:
    """A model file, ready to run.

    Args:
        model: a `.ckpt`, `.mindir` or `.onnx` file; the last two with the `.json` that export.py wrote beside them.
        draw_threshold: detections score higher, 0 to 1.
        nms_thresh: IoU above which the lower-scoring of two boxes of one class is dropped.
        max_detections: at most so many for an image.
        class_filter: names or category ids of the classes to find; None: all.
        batch_size: images that go through the network at once; an exported model has its own.
        device_target: "CPU", "GPU" or "Ascend".
        config: options to start from; None: the defaults, on a CPU.
        options: other options of docs/options.md by name, such as exif="ignore".

    What is left out is that of the model file, then that of `config`.

    Raises:
        UserError: the file cannot be used, or an option does not fit it.
    """

    def __init__(self, model: str | os.PathLike, *, draw_threshold: float | None = None,
                 nms_thresh: float | None = None, max_detections: int | None = None,
                 class_filter: str | int | Sequence[str | int] | None = None, batch_size: int | None = None,
                 device_target: str | None = None, config: Config | None = None, **options: Any):
        if config is None:
            config, device_target = get_config([]), device_target or "CPU"
        given = {"draw_threshold": draw_threshold, "nms_thresh": nms_thresh, "max_detections": max_detections,
                 "batch_size": batch_size, "device_target": device_target, **options}
        unknown = [name for name in given if name not in config]
        if unknown:
            raise UsageError(f"Detector has no option {unknown[0]}{nearest(unknown[0], config.to_dict())}")
        config = config.replace(COMMAND_LINE, **{name: value for name, value in given.items() if value is not None})
        loaded = load_model(model, config)
        self.model, self.engine, self._heads = str(model), loaded.engine, loaded.heads
        self.config, self.batch_size, self.categories = loaded.config, loaded.batch_size, loaded.categories
        self._fields = wanted_fields(config.class_filter if class_filter is None else class_filter, self.categories)

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of the network input in pixels."""
        height, width = self.config.testing_shape
        return height, width

    def __call__(self, images: Image | Sequence[Image]) -> Detections | list[Detections]:
        """Return the `Detections` of an image, or a list of them for several images.

        Args:
            images: an image, uint8 RGB [H, W, 3] or the path of a file, or a sequence of them, whose sizes may differ.

        Raises:
            UserError: a file cannot be read, an array is no image, or the network gave NaN.
        """
        if isinstance(images, str | os.PathLike) or isinstance(images, np.ndarray) and images.ndim == 3:
            return next(self.stream([images]))
        return list(self.stream(images))

    def stream(self, images: Iterable[Image]) -> Iterator[Detections]:
        """Yield the `Detections` of each image in order; no more than a batch is in memory. See `__call__`."""
        rest = iter(images)
        while batch := [self._read(image) for image in islice(rest, self.batch_size)]:
            yield from self.detect([pixels for pixels, _ in batch], [fault for _, fault in batch])

    def detect(self, images: Sequence[np.ndarray], faults: Sequence[Fault | None] = ()) -> list[Detections]:
        """Return the `Detections` of at most `batch_size` images, uint8 RGB [H, W, 3], with the faults of their files.

        Raises:
            UserError: the network gave NaN or infinity.
        """
        # A batch is always full: exported graphs accept no other.
        batch = np.full((self.batch_size, *self.input_hw, 3), self.config.pad_value, np.uint8)
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        placements = [fit_placement(self.config.resize_mode, image_hw, self.input_hw) for image_hw in sizes]
        for canvas, image, placement in zip(batch, images, placements, strict=False):
            paste(image, placement, canvas)
        heads, found = self._heads(batch), []
        for number, (image_hw, placement) in enumerate(zip(sizes, placements, strict=True)):
            big, small = (head[number] for head in heads)
            if not all(np.isfinite(head).all() for head in (big, small)):
                raise UserError(f"{self.model}: the network gave NaN or infinity; it is of no use, take an earlier "
                                "checkpoint")
            if self._fields is not None:
                big, small = big * self._fields, small * self._fields
            boxes, scores, classes = detect(big, small, placement, image_hw, self.config, self.config.draw_threshold)
            found.append(Detections(boxes, scores, classes, image_hw, self.categories,
                                    faults[number] if faults else None))
        return found

    def _read(self, image):
        """Return (pixels, fault) of an image."""
        if isinstance(image, str | os.PathLike):
            return read_image(image, self.config)
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            found = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else quoted(image)
            raise UserError(f"an image is {found}; expected a path, or an array uint8 [height, width, 3] of RGB")
        return image, None


def read_image(path: str | os.PathLike, config: Config) -> tuple[np.ndarray, Fault | None]:
    """Return the pixels of an image file, uint8 RGB [H, W, 3], by the options of a config, and its fault.

    Raises:
        UnreadableImage: it cannot be used.
        UserError: it has a fault, and config.strict_images is set.
    """
    pixels, _, _, fault = decode_reduced(Path(path), 1, config.exif, max_pixels=config.max_image_pixels)
    if fault and config.strict_images:
        raise UserError(f"{path}: {fault.kind}, {fault.text}; leave --strict_images out to use what can be read")
    return pixels, fault


def wanted_fields(wanted, categories):
    """Return what the fields of a prediction are multiplied by, float32 [5 + C]: 0 for other classes; None for all."""
    if isinstance(wanted, str):
        # A name may have a comma in it.
        wanted = [wanted] if wanted in categories.names else [text.strip() for text in wanted.split(",")]
    elif isinstance(wanted, int):
        wanted = [wanted]
    if all(entry == "" for entry in wanted):
        return None
    fields = np.array([1.0] * FIRST_CLASS + [0.0] * len(categories), np.float32)
    for entry in wanted:
        numbers = [number for number, (name, key) in enumerate(zip(categories.names, categories.ids, strict=True))
                   if entry == name or str(entry) == str(key) and str(entry) not in categories.names]
        if not numbers:
            classes = first_names((f"{name} ({key})" for name, key in zip(categories.names, categories.ids,
                                                                          strict=True)), 10)
            raise UserError(f"class_filter: the model has no class {quoted(entry)}; expected names or category ids of "
                            f"its {counted(len(categories), 'classes')}, {classes}"
                            f"{nearest(str(entry), categories.names)}")
        fields[[FIRST_CLASS + number for number in numbers]] = 1.0
    return fields
