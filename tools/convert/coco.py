# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO annotation files as Roboflow, CVAT and Label Studio export them, and any other one with its images.

    SOURCE/{train,valid,test}/_annotations.coco.json, images beside it       Roboflow
    SOURCE/annotations/instances_default.json, SOURCE/images/                CVAT
    SOURCE/result.json, SOURCE/images/                                       Label Studio
"""
import re
from urllib.parse import unquote

from model_utils.errors import UserError
from src.data.coco import load_json, read_categories, read_images, records_of
from src.data.fields import describe, id_key
from src.data.formats import formats_of
from tools.convert.reading import NOT_THERE, Reading, SourceImage, box_of_points, class_name, split_of, split_of_name

KINDS = ("roboflow", "cvat", "label_studio", "coco")
# What Label Studio puts before the name of an uploaded file, and before the path of one on its own disk.
UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
LOCAL_FILES = re.compile(r"^.*[?&]d=")


def read(source, kind, image_root=None):
    """Read the annotation files of one kind (a key of `src.data.formats.FORMATS`) below a folder.

    Raises:
        UserError: a file cannot be used, or several are for one split.
    """
    reading, of_split, parents = Reading(source, image_root), {}, set()
    kinds = {path: kind if source.is_file() else next(iter(formats_of(path)), None)
             for path in reading.files(".json")}
    # All COCO files where a kind is asked for that none of them looks like.
    files = [path for path, found in kinds.items() if found == kind] or [
        path for path, found in kinds.items() if found in KINDS] or [
        path for path, found in kinds.items() if found is None]
    # COCO's own files of captions and keypoints are of the same images.
    files = [path for path in files if path.name.startswith("instances_")] or files
    for path in files:
        split = split_of_name(path.stem) or split_of(path.parent, reading.root)
        if of_split.setdefault(split, path) != path:
            raise UserError(f"{source}: {reading.relative(of_split[split])} and {reading.relative(path)} are both "
                            f"for {split or 'all images'}; merge them, or name one of the files in place of the "
                            "folder, with --image_dir for its images")
        parents |= _read_file(reading, path, split)
    reading.file_of_split = of_split
    if kind == "roboflow":
        _drop_parents(reading, parents)
    return reading


def _read_file(reading, path, split):
    """Add the images of a file to the reading; returns the names that classes have as their parents."""
    content = load_json(path, _with_box)
    # COCO's own lists of test images have no annotations; exports have empty splits.
    empty = "images" if content.get("images") == [] else "annotations" if "annotations" not in content else None
    if empty:
        reading.leave_out(f"annotation files without {empty}", reading.relative(path))
        return set()
    category_of = _merge_categories(reading, content, path)
    unsized = _fill_in_sizes(content, path)
    listed = read_images(content, path, None)
    folders = _image_folders(reading, path, split)
    images, seen = {}, set()
    for identity, key, name, size in zip(listed.ids, listed.keys, listed.paths, listed.sizes, strict=True):
        names, place = list(_names(name)), f"{name} of {reading.relative(path)}"
        found = reading.locate(names, folders, place, names[2:])
        images[key] = SourceImage(found, split, size=None if key in unsized else size, identity=identity)
        if found in seen:
            reading.note("images are listed more than once: each entry counts", place)
        if found:
            seen.add(found)
            reading.images.append(images[key])
        else:
            reading.leave_out(NOT_THERE, place)
    for record in records_of(content, "annotations", path):
        image, category = images.get(id_key(record.get("image_id"))), id_key(record.get("category_id"))
        place = f"annotation {record.get('id')} of {reading.relative(path)}"
        if image is None:
            reading.leave_out("annotations of an image that is not in the file",
                              f"{place}, image_id {describe(record.get('image_id'))}")
        elif category not in category_of:
            reading.leave_out("annotations of an unknown category",
                              f"{place}, category_id {describe(record.get('category_id'))}")
        else:
            if record.pop("is_outlined", False):
                reading.note("annotations without a bbox have the box around the outline", place)
            image.annotations.append({**record, "category_id": category_of[category]})
    _refuse_shifted(content, category_of, path)
    return {str(record.get("supercategory")) for record in content["categories"]}


def _with_box(record):
    """Take the outlines from a record, and give it the box around them where it has none."""
    outlines, box = record.pop("segmentation", None), record.get("bbox")
    if isinstance(outlines, list) and outlines and (not box or isinstance(box, list) and not any(box)):
        try:
            found = box_of_points([point for outline in outlines for point in zip(outline[::2], outline[1::2],
                                                                                  strict=True)])
        except (TypeError, ValueError):
            return record
        record |= {"bbox": found, "is_outlined": True} if found else {}
    return record


def _fill_in_sizes(content, path):
    """Give images without a size one that is never used; returns their keys."""
    images = [record for record in records_of(content, "images", path) if all(
        record.get(side) in (None, 0) for side in ("width", "height"))]
    for record in images:
        record |= {"width": 1, "height": 1}
    return {id_key(record.get("id")) for record in images}


def _refuse_shifted(content, category_of, path):
    """Refuse category ids that count from 0 where those of the categories count from 1."""
    used = {id_key(record.get("category_id")) for record in content["annotations"]}
    count = len(category_of)
    if 0 in used and count not in used and category_of.keys() == set(range(1, count + 1)):
        raise UserError(f"{path}: category_id of the annotations is 0 and never {count}, but the categories have the "
                        f"ids 1 to {count}; number both alike")


def _merge_categories(reading, content, path):
    """Add the classes of a file; returns their ids in the reading by their keys in the file."""
    for record in records_of(content, "categories", path):
        record |= {"name": class_name(record.get("name"))} if class_name(record.get("name")) else {}
    names, ids = read_categories(content, path)
    if not reading.categories:
        reading.categories = list(zip(ids, names, strict=True))
        return {id_key(found): found for found in ids}
    # The first of a name, as two classes may share one.
    known, category_of = {name: found for found, name in reversed(reading.categories)}, {}
    for name, found in zip(names, ids, strict=True):
        taken = {id_key(other) for other, _ in reading.categories}
        if name not in known:
            known[name] = found if id_key(found) not in taken else max(
                (key for key in taken if isinstance(key, int)), default=0) + 1
            reading.categories.append((known[name], name))
        if id_key(known[name]) != id_key(found) and (found, name) not in reading.categories:
            reading.note("classes have another id in another file, and are matched by name",
                         f"{name}, {describe(found)} in {reading.relative(path)}")
        category_of[id_key(found)] = known[name] if (found, name) not in reading.categories else found
    return category_of


def _image_folders(reading, path, split):
    """Return the folders that may hold the images of an annotation file, the likely ones first."""
    if reading.image_root != reading.root:
        return []
    bases = [path.parent, *([path.parents[1]] if path.parent != reading.root else [])]
    subset = path.stem.removeprefix("instances_")
    names = [f"images/{subset}", subset, *([f"images/{split}", f"{split}2017", split] if split else []), "images"]
    folders = [base / name for base in bases for name in names] + [path.parent]
    return [folder for folder in folders if folder.is_dir()]


def _names(name):
    """Yield two or three names by which the image of a `file_name` may be found, the third as it was uploaded."""
    plain = LOCAL_FILES.sub("", unquote(name)).replace("\\", "/")
    yield name
    yield plain
    parent, slash, base = plain.rpartition("/")
    if UPLOAD_PREFIX.match(base):
        yield f"{parent}{slash}{UPLOAD_PREFIX.sub('', base)}"


def _drop_parents(reading, parents):
    """Leave out the class that Roboflow adds as the parent of all others, which has no boxes."""
    used = {annotation["category_id"] for image in reading.images for annotation in image.annotations}
    for found, name in list(reading.categories):
        if name in parents and found not in used:
            reading.categories.remove((found, name))
            reading.leave_out("classes without boxes that are the parent of others", name)
