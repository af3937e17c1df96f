# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What predict.py writes: detections as json, csv, COCO results and YOLO labels, drawn images and drawn videos.

    with PredictionFiles(lambda: Path("out"), ["json", "csv"], ImageIds(sources)) as files:
        files.write(frame, detections, detections.draw(frame.pixels))

Each file is written as detections come, and gets its name when all are there.
"""
import contextlib
import csv
import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, TextIO

import cv2
import numpy as np

from model_utils.errors import UsageError, UserError, nearest
from model_utils.files import make_folder, remove_strays, replacing, write_atomically
from src.data.coco import load_json, read_images
from src.data.image_names import name_key
from src.evaluation.frames import Frame
from src.evaluation.sources import Source
from src.evaluation.visualize import write_image

FILES = {"json": "detections.json", "csv": "detections.csv", "coco": "coco_results.json", "yolo": "labels"}
COLUMNS = ("file", "frame", "time", "class_name", "category_id", "score", "x", "y", "width", "height")
CODEC = cv2.VideoWriter_fourcc(*"mp4v")
# MPEG-4 has two bytes for the parts of a second, and OpenCV three decimals for a rate.
MAX_TIME_BASE, MIN_RATE = 2**16 - 1, 0.01
# Digits that fit a number of 64 bits.
MAX_DIGITS = 18


def checked_formats(text: str) -> list[str]:
    """Return the formats that the option `result_formats` names; a UsageError for others."""
    formats = list(dict.fromkeys(text.replace(",", " ").lower().split()))
    for name in formats:
        if name not in FILES:
            raise UsageError(f"result_formats is {text!r}: {name} is none of {', '.join(FILES)}{nearest(name, FILES)}")
    return formats


class ImageIds:
    """The COCO ids of frames.

    The id of an image is that of the annotation file, else its file name where these are different numbers for all of
    the images, else its position among them from 1. The id of a frame of a video is its position, too.

    Args:
        sources: all of them.
        ann_file: a COCO json whose file names are those of the images; empty: none.
        max_json_mb: its largest size.

    Raises:
        UserError: the annotation file cannot be read, or does not name one of the images.
    """

    def __init__(self, sources: Sequence[Source], ann_file: str = "", max_json_mb: int | None = None):
        self._count, self._ids = 0, {}
        paths = [source.place for source in sources if not source.is_video]
        numbers = [int(path.stem) for path in paths if path.stem.isascii() and path.stem.isdecimal()
                   and len(path.stem) <= MAX_DIGITS]
        if ann_file and paths:
            self._ids = dict(zip(paths, _annotated_ids(paths, Path(ann_file), max_json_mb), strict=True))
        elif len(set(numbers)) == len(sources):
            self._ids = dict(zip(paths, numbers, strict=True))

    def next(self, source: Source) -> int | str:
        """Return the id of the next frame, which is of a source."""
        self._count += 1
        return self._ids.get(source.place, self._count)


def _annotated_ids(paths, ann_file, max_json_mb):
    listed = read_images(load_json(ann_file, max_mb=max_json_mb), ann_file, None)
    # Names may differ by the folders before them, where they differ in what follows.
    ends = [_ends(name) for name in listed.paths]
    counts = Counter(itertools.chain.from_iterable(ends))
    ids = {end: image_id for of_image, image_id in zip(ends, listed.ids, strict=True) for end in of_image
           if counts[end] == 1}
    for path in paths:
        end = next((end for end in _ends(path) if end in ids), None)
        if end is None:
            raise UserError(f"{ann_file}: does not name the image {path}, or names several like it; leave ann_file out "
                            "to number the images")
        yield ids[end]


def _ends(path):
    """Return the key of a path, and of what is left of it without its first folder, its first two and so on."""
    parts = name_key(str(path)).split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


class Result(NamedTuple):
    """What writers get of a frame: its `Detections`, their record in the json, and its COCO id."""
    frame: Frame
    detections: Any
    record: dict
    image_id: int | str


class PredictionFiles:
    """The files of one run.

    Args:
        make_folder: returns the folder of all files; called with the first frame.
        formats: some of `FILES`.
        image_ids: for the COCO results.

    Attributes:
        folder: what `make_folder` returned; None: there was no frame yet.
    """

    def __init__(self, make_folder: Callable[[], Path], formats: Iterable[str], image_ids: ImageIds):
        self._make_folder, self._formats, self._image_ids = make_folder, tuple(formats), image_ids
        self.folder: Path | None = None
        self._stack, self._writers, self._video = contextlib.ExitStack(), [], None

    def __enter__(self) -> "PredictionFiles":
        return self

    def __exit__(self, *error) -> None:
        self._stack.__exit__(*error)

    @property
    def paths(self) -> list[Path]:
        """The files of detections, and the folder of labels."""
        return [self.folder / FILES[name] for name in self._formats]

    def write(self, frame: Frame, detections, drawn: np.ndarray | None, rate: float | None = None) -> None:
        """Write the `Detections` of a frame.

        Args:
            frame: of the same source as the one before, or of a new one.
            detections: what was found on it.
            drawn: it with its detections, uint8 RGB [H, W, 3]; None: no drawing is written.
            rate: frames a second of the drawn video.
        """
        if self.folder is None:
            self.folder = self._make_folder()
            make_folder(self.folder)
            remove_strays([self.folder])
            self._writers = [self._stack.enter_context(WRITERS[name](path))
                             for name, path in zip(self._formats, self.paths, strict=True)]
        record = {"file": frame.source.label, "width": detections.image_hw[1], "height": detections.image_hw[0]}
        if frame.source.is_video:
            record |= {"frame": frame.number, "time": round(frame.time, 3)}
        record["detections"] = detections.records()
        result = Result(frame, detections, record, self._image_ids.next(frame.source))
        for writer in self._writers:
            writer.write(result)
        if drawn is not None and frame.source.is_video:
            self._video_of(frame, rate).write(drawn, frame.time)
        elif drawn is not None:
            write_image(self.folder / frame.source.drawing, drawn)

    def _video_of(self, frame, rate):
        """Return the drawn video of a frame's source; the one of the source before is complete."""
        if self._video is None or self._video.source is not frame.source:
            if self._video:
                self._video.close()
            path = self.folder / frame.source.drawing
            make_folder(path.parent)
            self._video = VideoFile(path, frame.source, rate, frame.pixels.shape[:2])
            # Of an error that ends the run, too.
            self._stack.push(self._video.__exit__)
        return self._video


class VideoFile:
    """A drawn video, MPEG-4, in place when it is closed.

    Args:
        path: of the file; its folder exists.
        source: what is drawn.
        rate: frames a second; the nearest one that the format has is used.
        image_hw: height and width in pixels; frames of another size are resized.

    Raises:
        UserError: this OpenCV writes no such video.
    """

    def __init__(self, path: Path, source: Source, rate: float, image_hw: tuple[int, int]):
        self.path, self.source, self._wh = path, source, image_hw[::-1]
        self._rate = max(round(rate, next(digits for digits in (3, 2, 1, 0) if rate * 10**digits <= MAX_TIME_BASE)),
                         MIN_RATE)
        self._began = self._time = 0.0
        self._count, self._newest = 0, None
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(replacing(path))
            self._writer = cv2.VideoWriter(str(temporary), cv2.CAP_FFMPEG, CODEC, self._rate, self._wh)
            if not self._writer.isOpened():
                raise UserError(f"{path}: this OpenCV writes no MPEG-4 videos of {self._rate:g} frames a second; leave "
                                "drawings out by --draw False")
            self._stack = stack.pop_all()

    def write(self, image: np.ndarray, time: float) -> None:
        """Append a frame, uint8 RGB [H, W, 3], of a time in seconds; the one before is repeated until then.

        So a video of which frames were dropped is as long as what it shows. Repeating takes half of the time between
        them at most: where encoding is slower than the video, there would be ever more to repeat.
        """
        # OpenCV drops a frame of another size.
        same = image if image.shape[1::-1] == self._wh else cv2.resize(image, self._wh)
        if self._newest is None:
            self._began = self._time = time
        due, ends = round((time - self._began) * self._rate), monotonic() + (time - self._time) / 2
        while self._count < due and monotonic() < ends:
            self._append(self._newest)
        self._newest, self._time = cv2.cvtColor(same, cv2.COLOR_RGB2BGR), time
        self._append(self._newest)

    def _append(self, image):
        self._writer.write(image)
        self._count += 1

    def close(self) -> None:
        """Complete the file; may be called twice."""
        self.__exit__(None, None, None)

    def __exit__(self, *error) -> None:
        self._writer.release()
        self._stack.__exit__(*error)
        self._stack = contextlib.ExitStack()


class TextFile:
    """A text file of detections that grows in a temporary place; as a context, complete at its end."""

    def __init__(self, path: Path):
        self._path, self._stack = path, contextlib.ExitStack()
        self._file: TextIO = io.StringIO()
        self._is_first = True

    def __enter__(self) -> "TextFile":
        temporary = self._stack.enter_context(replacing(self._path))
        self._file = self._stack.enter_context(open(temporary, "w", encoding="utf-8", newline=""))
        self._start()
        return self

    def __exit__(self, *error) -> None:
        if error[0] is None:
            self._end()
        self._stack.__exit__(*error)

    def _start(self):
        pass

    def _end(self):
        pass


class JsonFile(TextFile):
    """A json list of the records."""

    def write(self, result: Result) -> None:
        """Append a record."""
        self._append(result.record)

    def _append(self, value):
        self._file.write(("" if self._is_first else ", ") + json.dumps(value, allow_nan=False))
        self._is_first = False

    def _start(self):
        self._file.write("[")

    def _end(self):
        self._file.write("]")


class CocoFile(JsonFile):
    """COCO results: a json list of image_id, category_id, bbox and score."""

    def write(self, result: Result) -> None:
        """Append the detections of a frame."""
        for found in result.record["detections"]:
            self._append({"image_id": result.image_id, **{key: found[key] for key in ("category_id", "bbox", "score")}})


class CsvFile(TextFile):
    """A table with a row for each detection; `frame` and `time` are empty for images."""

    def write(self, result: Result) -> None:
        """Append the detections of a frame."""
        record = result.record
        writer = csv.writer(self._file)
        for found in record["detections"]:
            writer.writerow((record["file"], record.get("frame", ""), record.get("time", ""), found["class_name"],
                             found["category_id"], found["score"], *found["bbox"]))

    def _start(self):
        csv.writer(self._file).writerow(COLUMNS)


class LabelFiles(contextlib.AbstractContextManager):
    """YOLO labels: a text file for each image, or frame of a video, in the folders of the images.

    A line is class number, centre x and y, width and height in fractions of the image, and score. The name is that of
    the image without its suffix, unless another input has the same.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def __exit__(self, *error) -> None:
        pass

    def write(self, result: Result) -> None:
        """Write the file of a frame; it is empty where nothing was found."""
        source, number, (height, width) = result.frame.source, result.frame.number, result.detections.image_hw
        stem = (Path(source.drawing).stem if source.is_live
                else source.place.stem if source.has_own_stem else source.place.name)
        name = f"{stem}.txt" if number is None else f"{stem}_{number}.txt"
        lines = []
        for class_number, score, (x1, y1, x2, y2) in zip(result.detections.classes, result.detections.scores,
                                                         result.detections.boxes, strict=True):
            lines.append(f"{class_number} {(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f} "
                         f"{(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f} {score:.5f}\n")
        write_atomically((self._folder / source.drawing).with_name(name), "".join(lines).encode())


WRITERS = {"json": JsonFile, "csv": CsvFile, "coco": CocoFile, "yolo": LabelFiles}
