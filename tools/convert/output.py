# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The data folder in COCO layout that a conversion writes."""
import io
import json
import os
import re
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from model_utils.errors import UserError, counted
from model_utils.files import new_folder
from src.data.annotations import like_percentages, read_boxes
from src.data.coco import FINDINGS, ImageList
from src.data.fields import id_key
from src.data.image_files import decode_image
from src.data.orientation import BROKEN, READERS, stored_and_upright_size
from tools.convert.labelme import embedded_image

LINK, SYMLINK, COPY = "link", "symlink", "copy"
# Most bytes of a file's name without its suffix and number; disks take 255.
MAX_NAME = 200


def set_sizes(reading):
    """Give each image its size, and boxes in pixels; images that cannot be read, or have another size, are left out."""
    kept = []
    with ThreadPoolExecutor(READERS) as pool:
        found = tqdm(pool.map(_sizes, reading.images), "reading images", len(reading.images), leave=False, disable=None)
        for image, sizes in zip(reading.images, found, strict=True):
            if isinstance(sizes, str):
                reading.leave_out("images that cannot be read", sizes)
            elif image.size and tuple(image.size) not in sizes:
                reading.leave_out("images of another size than their annotations say",
                                  f"{reading.relative(image.path)} is {sizes[0][0]}x{sizes[0][1]} rather than "
                                  f"{image.size[0]}x{image.size[1]}")
            else:
                image.size = image.size or sizes[1]
                kept.append(image)
                if reading.has_fractions:
                    for annotation in image.annotations:
                        annotation["bbox"] = [value * side for value, side in zip(annotation["bbox"], image.size * 2,
                                                                                  strict=True)]
    reading.images = kept


def _sizes(image):
    """Return (width, height) as stored and as seen, or a text that says why the image cannot be read."""
    try:
        if image.is_embedded:
            with Image.open(io.BytesIO(embedded_image(image.path))) as opened:
                return opened.size, opened.size
        return stored_and_upright_size(image.path)
    except UserError as error:
        return str(error)
    except BROKEN:
        if image.is_embedded:
            return f"{image.path}: the image inside cannot be read"
    try:
        # OpenCV reads formats that Pillow does not.
        stored, upright = (decode_image(image.path, exif).shape[1::-1] for exif in ("ignore", "auto"))
        return stored, upright
    except UserError as error:
        return str(error)


def write(reading, splits, out, images_by):
    """Write a data folder; nothing is there before all of it is.

    Args:
        reading (Reading): the classes; findings are counted in it.
        splits (dict): split to list of SourceImage with sizes.
        out (Path): the folder; must not exist or be empty.
        images_by (str): `LINK`, `SYMLINK` or `COPY`; what cannot be hard-linked is copied.

    Returns:
        {split: {class id: number of boxes}}, {split: number of images without boxes}, and how many images were copied.
    """
    for _, name in reading.categories:
        if not _is_text(name):
            raise UserError(f"{reading.source}: the class name {name!a} holds half a character; correct it")
    counts, empty, copied = {}, {}, 0
    with new_folder(out) as folder:
        (folder / "annotations").mkdir()
        for split, images in splits.items():
            (folder / f"{split}2017").mkdir()
            names = _file_names(reading, images)
            for image, name in zip(images, names, strict=True):
                copied += _put(image, folder / f"{split}2017" / name, images_by)
            content = _content(reading, images, names, split)
            (folder / "annotations" / f"instances_{split}2017.json").write_text(
                json.dumps(content, ensure_ascii=False), encoding="utf-8")
            boxes = [annotation for annotation in content["annotations"] if not annotation["iscrowd"]]
            crowds = len(content["annotations"]) - len(boxes)
            if crowds:
                reading.findings.append(f"{split}: {counted(crowds, 'crowd regions')} (iscrowd 1): neither learned nor "
                                        "scored; set iscrowd to 0 where each is one object")
            if split == "train" and not boxes:
                reading.refuse_empty("boxes")
            if split == "val" and not boxes:
                raise UserError(f"{reading.root}: none of the {len(images)} validation images has a box, so there is "
                                "nothing to score against; take others (where they are drawn, by --seed or "
                                "--val_fraction)"
                                f"{reading.reasons()}")
            counts[split] = Counter(annotation["category_id"] for annotation in boxes)
            empty[split] = len(images) - len({annotation["image_id"] for annotation in boxes})
    return counts, empty, copied


def _content(reading, images, names, split):
    """Return the content of the annotation file of a split; boxes that cannot be used are left out and counted."""
    ids = [image.identity for image in images]
    keys = list(map(id_key, ids))
    if None in keys or len(set(keys)) < len(keys) or not all(_is_text(str(key)) for key in keys):
        ids = keys = list(range(1, len(images) + 1))
    listed = ImageList(ids, keys, names, [image.size for image in images], [])
    records = [{**annotation, "image_id": key} for image, key in zip(images, keys, strict=True)
               for annotation in image.annotations]
    files = reading.file_of_split
    _, truth, report, examples = read_boxes(records, listed, tuple(found for found, _ in reading.categories),
                                            files.get(split, files.get(None, reading.source)))
    if like_percentages(truth["bbox"], np.array(listed.sizes)[truth["image_index"]]):
        report["boxes_like_percentages"] = len(truth["bbox"])
        examples["boxes_like_percentages"] = truth["bbox"][0].tolist()
    for finding, count in report.items():
        reading.findings.append(f"{split}: {counted(count, FINDINGS[finding])} (first: {examples[finding]})")
    columns = zip(*(truth[key].tolist() for key in ("image_index", "class_index", "bbox", "area", "iscrowd")),
                  strict=True)
    return {"images": [{"id": found, "file_name": name, "width": size[0], "height": size[1]}
                       for found, name, size in zip(ids, names, listed.sizes, strict=True)],
            "annotations": [{"id": number, "image_id": ids[index], "category_id": reading.categories[category][0],
                             "bbox": box, "area": area, "iscrowd": crowd}
                            for number, (index, category, box, area, crowd) in enumerate(columns, start=1)],
            "categories": [{"id": found, "name": name} for found, name in reading.categories]}


def _file_names(reading, images):
    """Return a name for each image in one folder; those that share one get their folders before it."""
    names, taken = [], set()
    by_stem = {}
    for image in images:
        by_stem.setdefault(image.path.stem.casefold(), set()).add(image.path)
    for image in images:
        suffix = _suffix(image)
        stem = image.path.stem
        if len(by_stem[stem.casefold()]) > 1:
            inside = Path(reading.relative(image.path)).with_suffix("").parts
            stem = "_".join(part for part in inside if part != "..")
        if not _is_text(stem):
            reading.note("images with a name that is no UTF-8 are renamed", reading.relative(image.path))
            stem = stem.encode(errors="replace").decode().replace("?", "_")
        if len(stem.encode()) > MAX_NAME:
            reading.note("images are saved without the beginning of a long name", reading.relative(image.path))
            stem = stem.encode()[-MAX_NAME:].decode(errors="ignore")
        number, name = 1, stem
        # Results are named by the stem, and some disks do not know letter case.
        while name.casefold() in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.casefold())
        names.append(name + suffix)
    return names


def _is_text(name):
    """Return whether a name can be written, unlike those of disks and json files that are no Unicode."""
    return not re.search("[\ud800-\udfff]", name)


def _suffix(image):
    if not image.is_embedded:
        return image.path.suffix
    with Image.open(io.BytesIO(embedded_image(image.path))) as opened:
        return f".{opened.format.lower()}"


def _put(image, target, images_by):
    """Put an image into the new folder; returns whether its file was copied."""
    if image.is_embedded:
        target.write_bytes(embedded_image(image.path))
        return False
    source = image.path.resolve()
    if images_by == SYMLINK:
        target.symlink_to(source)
        return False
    if images_by == LINK:
        try:
            os.link(source, target)
            return False
        except OSError:
            # Another disk, or one without links.
            pass
    shutil.copyfile(source, target)
    return True
