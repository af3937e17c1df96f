# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Small data sets as annotation tools export them, all with the same images and boxes."""
import json
from pathlib import Path

from tests.support.helpers import CATEGORIES, draw_picture, write_image

CLASSES = [category["name"] for category in CATEGORIES]
# Ids of the COCO exports, and class numbers of the YOLO ones.
COCO_IDS = {category["name"]: category["id"] for category in CATEGORIES}
YOLO_IDS = {name: number for number, name in enumerate(CLASSES)}
FIRST_SEEN = {"key": 1, "ball": 2, "cup": 3}


def image(number, split, boxes=((6, 8, 24, 20, "cup"), (30, 20, 20, 24, "ball"), (10, 31, 16, 12, "key"))):
    """Return an image as the writers take it; boxes are x, y, width, height, class."""
    return {"name": f"photo_{number}", "split": split, "size": (64, 48), "boxes": list(boxes)}


# The first image begins with the last class; the third one has no boxes.
IMAGES = [image(0, "train", [(10, 31, 16, 12, "key"), (30, 20, 20, 24, "ball"), (6, 8, 24, 20, "cup")]),
          image(1, "train"), image(2, "train", []), image(3, "train"), image(4, "train"), image(5, "val"),
          image(6, "val"), image(7, "test")]


def boxes_of(images):
    """Return {(image name, class, x, y, width, height)} of the writers' images."""
    return {(found["name"], name, *box) for found in images for *box, name in found["boxes"]}


def reading_boxes(reading):
    """Return [(class, x, y, width, height)] of all images of a `Reading`."""
    names = dict(reading.categories)
    return [(names[box["category_id"]], *(round(value, 6) for value in box["bbox"]))
            for image in reading.images for box in image.annotations]


def write_picture(folder, found, suffix=".jpg"):
    """Write the image file of an image; returns its path."""
    drawn = [(*box, COCO_IDS[name]) for *box, name in found["boxes"]]
    path = Path(folder) / f"{found['name']}{suffix}"
    write_image(path, draw_picture(found["size"], drawn, 0))
    return path


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def coco_content(images, file_name="{}.jpg".format, categories=CATEGORIES, first_id=1):
    """Return the content of a COCO annotation file of images."""
    ids = {found["name"]: number for number, found in enumerate(images, start=first_id)}
    boxes = [(ids[found["name"]], box, name) for found in images for *box, name in found["boxes"]]
    return {
        "images": [{"id": ids[found["name"]], "file_name": file_name(found["name"]), "width": found["size"][0],
                    "height": found["size"][1]} for found in images],
        "annotations": [{"id": number, "image_id": image_id, "category_id": COCO_IDS[name], "bbox": box,
                         "area": box[2] * box[3], "iscrowd": 0, "segmentation": []}
                        for number, (image_id, box, name) in enumerate(boxes, start=1)],
        "categories": list(categories)}


def roboflow(root, images=IMAGES):
    parent = {"id": 0, "name": "things", "supercategory": "none"}
    categories = [parent, *({**category, "supercategory": "things"} for category in CATEGORIES)]
    for split, folder in (("train", "train"), ("val", "valid"), ("test", "test")):
        of_split = [found for found in images if found["split"] == split]
        for found in of_split:
            write_picture(root / folder, found)
        write_json(root / folder / "_annotations.coco.json", coco_content(of_split, categories=categories, first_id=0))


def cvat(root, images=IMAGES):
    for found in images:
        write_picture(root / "images" / "camera 1", found)
    write_json(root / "annotations" / "instances_default.json", coco_content(images, "camera 1/{}.jpg".format))


def label_studio(root, images=IMAGES):
    for found in images:
        write_picture(root / "images", found)
    # As its export for uploads has it, whose files people then put there under their own names.
    upload = "..\\..\\label-studio\\media\\upload\\1\\0a1b2c3d-{}.jpg"
    write_json(root / "result.json", coco_content(images, upload.format))


def coco(root, images=IMAGES):
    for found in images:
        write_picture(root / "pictures", found)
    write_json(root / "labels.json", coco_content(images))


def labelme(root, images=IMAGES):
    for number, found in enumerate(images):
        write_picture(root, found)
        shapes = []
        for x, y, width, height, name in found["boxes"]:
            points = [[x, y], [x + width, y + height]]
            # Rectangles may be drawn from any corner.
            shapes.append({"label": name, "shape_type": "rectangle", "group_id": None, "flags": {},
                           "points": points[::-1] if number % 2 else points})
        write_json(root / f"{found['name']}.json", {
            "version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": f"{found['name']}.jpg", "imageData": None,
            "imageHeight": found["size"][1], "imageWidth": found["size"][0]})


def via_entry(name, regions, attribute="class"):
    """Return an image of VIA; regions are (shape attributes, class)."""
    return {"filename": name, "size": 1234, "file_attributes": {}, "regions": [
        {"shape_attributes": shape, "region_attributes": {attribute: label}} for shape, label in regions]}


def via(root, images=IMAGES):
    entries = {}
    for found in images:
        path = write_picture(root, found)
        regions = [({"name": "rect", "x": x, "y": y, "width": width, "height": height}, name)
                   for x, y, width, height, name in found["boxes"]]
        entries[f"{path.name}1234"] = via_entry(path.name, regions)
    write_json(root / "via_project.json", {"_via_settings": {}, "_via_img_metadata": entries, "_via_attributes": {}})


def voc_xml(name, size, objects):
    """Return the text of an xml file; objects are (class, xmin, ymin, xmax, ymax, further elements)."""
    found = "".join(
        f"<object><name>{label}</name>{more}<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax>"
        f"<ymax>{y2}</ymax></bndbox></object>" for label, x1, y1, x2, y2, more in objects)
    return (f'<annotation verified="yes"><folder>JPEGImages</folder><filename>{name}</filename><size><width>'
            f"{size[0]}</width><height>{size[1]}</height><depth>3</depth></size><segmented>0</segmented>{found}"
            "</annotation>")


def voc(root, images=IMAGES):
    for folder in ("Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for found in images:
        write_picture(root / "JPEGImages", found)
        # Pixels counted from 1; both corners belong to the box.
        objects = [(name, x + 1, y + 1, x + width, y + height, "<difficult>0</difficult>")
                   for x, y, width, height, name in found["boxes"]]
        (root / "Annotations" / f"{found['name']}.xml").write_text(
            voc_xml(f"{found['name']}.jpg", found["size"], objects))
    for split in ("train", "val", "test"):
        names = [found["name"] for found in images if found["split"] == split]
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))


def yolo_lines(found):
    """Return the text of a label file."""
    width, height = found["size"]
    return "".join(f"{YOLO_IDS[name]} {(x + w / 2) / width!r} {(y + h / 2) / height!r} {w / width!r} {h / height!r}\n"
                   for x, y, w, h, name in found["boxes"])


def yolo_file(source, text, names="cup\nball\nkey\n"):
    """Write the labels of photo_0, and the names of classes."""
    (source / "photo_0.txt").write_text(text)
    (source / "classes.txt").write_text(names)


def yolo(root, images=IMAGES):
    for found in images:
        write_picture(root / "images" / found["split"], found)
        label = root / "labels" / found["split"] / f"{found['name']}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        if found["boxes"]:
            label.write_text(yolo_lines(found))
    names = "".join(f"  {number}: {name}\n" for name, number in YOLO_IDS.items())
    (root / "data.yaml").write_text("path: /home/someone/datasets/mine\ntrain: images/train\nval: images/val\n"
                                    f"test: images/test\n\nnames:\n{names}")


def darknet(root, images=IMAGES):
    """CVAT's "YOLO 1.1": labels beside the images of one folder, lists with paths of its own."""
    folder = root / "obj_train_data"
    folder.mkdir(parents=True)
    for found in images:
        write_picture(folder, found)
        (folder / f"{found['name']}.txt").write_text(yolo_lines(found))
    (root / "obj.names").write_text("\n".join(CLASSES) + "\n")
    (root / "obj.data").write_text("classes = 3\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    (root / "train.txt").write_text("".join(f"data/obj_train_data/{found['name']}.jpg\n" for found in images))


# By name: the writer, the format that is recognised, the ids of the classes.
EXPORTS = {"roboflow": (roboflow, "roboflow", COCO_IDS), "cvat": (cvat, "cvat", COCO_IDS),
           "label_studio": (label_studio, "label_studio", COCO_IDS), "coco": (coco, "coco", COCO_IDS),
           "labelme": (labelme, "labelme", FIRST_SEEN), "via": (via, "via", FIRST_SEEN),
           "voc": (voc, "voc", FIRST_SEEN), "yolo": (yolo, "yolo", YOLO_IDS), "darknet": (darknet, "yolo", YOLO_IDS)}
