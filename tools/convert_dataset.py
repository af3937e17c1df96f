# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Convert what annotation tools write into a data folder in COCO layout, ready for train.py.

    python tools/convert_dataset.py SOURCE OUT

SOURCE is a folder, or one annotation file in it: a COCO export of Roboflow, CVAT or Label Studio, any other COCO file
with its images, labelme, VIA, Pascal VOC or YOLO labels. Its splits are kept; without a validation split,
--val_fraction of the images become one. Polygons become the boxes around them. What is left out is counted, with the
reason.
"""
import argparse
import os
import shlex
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

if not __package__:
    # Started as tools/convert_dataset.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from model_utils.errors import UsageError, UserError, counted, printable, run_cli
from model_utils.files import command_of, file_fault
from src.data.formats import FORMATS, OTHERS, OURS, formats_of
from tools.convert import coco, labelme, via, voc, yolo
from tools.convert.output import COPY, LINK, SYMLINK, set_sizes, write
from tools.convert.splits import divide

READERS = {"labelme": labelme.read, "voc": voc.read, "yolo": yolo.read}


def read(source, kind, image_root=None, attribute=None):
    """Return the `Reading` of a source of one kind, a key of FORMATS; images that are of no use are left out.

    Raises:
        UserError: the source cannot be read.
    """
    if kind == "via":
        reading = via.read(source, image_root, attribute)
    elif kind in READERS:
        reading = READERS[kind](source, image_root)
    else:
        reading = coco.read(source, kind, image_root)
    used = {os.path.abspath(image.path) for image in reading.images}
    set_sizes(reading)
    for path in reading.image_files:
        if os.path.abspath(path) not in used:
            reading.leave_out("image files without annotations, or not listed", reading.relative(path))
    return reading


def chosen_format(source, wanted):
    """Return the format of a source, a key of FORMATS.

    Raises:
        UsageError: the source has several formats, and none of them is wanted.
        UserError: it has none that is known, or our layout already.
    """
    if zipfile.is_zipfile(source):
        raise UserError(f"{source}: is a zip file; unpack it, and name the folder")
    found = formats_of(source)
    if OURS in found:
        data = found[OURS]
        cure = "" if data == source else f"; for what else {source} holds, take {data.name} out of it"
        raise UserError(f"{data}: is in COCO layout already, there is nothing to convert; continue with: "
                        f"{command_of('train.py')} --data_dir {shlex.quote(str(data))}{cure}")
    known = [name for name in found if name in FORMATS]
    if wanted and (known or not found):
        return wanted
    if len(known) > 1:
        examples = "; ".join(f"{name}: {FORMATS[name]}, such as {os.path.relpath(found[name], source)}"
                             for name in known)
        raise UsageError(f"{source}: holds several formats ({examples}); choose one with --format, such as --format "
                         f"{known[0]}")
    if not known:
        others = "".join(f"; {found[name]} seems to be {OTHERS[name]}" for name in found)
        raise UserError(f"{source}: holds no annotations of a known format{others or ''}; expected "
                        f"{', '.join(FORMATS.values())}; if it is one of them, name it with --format")
    return known[0]


def convert(source, out, kind, options):
    """Convert a source of one kind into the folder `out`; returns the report as text.

    Raises:
        UserError: the source cannot be read, or nothing to train on is left.
    """
    reading = read(source, kind, options.image_dir and Path(options.image_dir).resolve(), options.attribute)
    splits = divide(reading, options.val_fraction, options.seed, options.group_by)
    counts, empty, copied = write(reading, splits, out, options.images)
    by_case = defaultdict(list)
    for _, name in reading.categories:
        by_case[name.casefold()].append(name)
    for names in by_case.values():
        if len(names) > len(set(names)):
            reading.note("classes have the name of another one", ", ".join(names))
        elif len(names) > 1:
            reading.note("classes have the name of another one, but for letter case", ", ".join(names))
    lines = [f"{out}: {FORMATS[kind]} as a data folder in COCO layout"]
    for split, images in splits.items():
        lines.append(f"{split}: {counted(len(images), 'images')} ({empty[split]} without boxes), "
                     f"{counted(sum(counts[split].values()), 'boxes')}")
    width = max(len("class"), *(len(name) for _, name in reading.categories))
    lines.append("  ".join([f"  {'class':<{width}}", f"{'id':>6}", *(f"{split:>8}" for split in counts)]))
    lines += ["  ".join([f"  {name:<{width}}", f"{found!s:>6}", *(f"{boxes[found]:>8}" for boxes in counts.values())])
              for found, name in reading.categories]
    for title, counts_of in (("left out", reading.left_out), ("note", reading.notes)):
        lines += [f"{title}: {counted(count, what)} (first: {example})" for what, (count, example) in counts_of.items()]
    lines += reading.findings
    if copied:
        lines.append(f"{counted(copied, 'images')} copied" + (
            ", as they cannot be linked from there (--images symlink)" if options.images == LINK else ""))
    return "\n".join([*lines, "continue with:", *commands(out, counts)])


def commands(out, splits):
    """Return the commands that check, train on and test a new data folder."""
    data = shlex.quote(str(out))
    lines = [f"{command_of('tools/check_dataset.py')} {data}", f"{command_of('train.py')} --data_dir {data}"]
    if "test" in splits:
        lines.append(f"{command_of('eval.py')} --pretrained outputs/RUN/ckpt_0/best.ckpt --ann_file "
                     f"{shlex.quote(f'{out}/annotations/instances_test2017.json')} --image_dir "
                     f"{shlex.quote(f'{out}/test2017')}")
    return [f"  {line}" for line in lines]


def main(argv=None):
    """Convert as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python tools/convert_dataset.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="folder of an annotation tool, or one annotation file")
    parser.add_argument("out", help="data folder to make; must not exist, or be empty")
    parser.add_argument("--format", choices=list(FORMATS), help="format of SOURCE; found out where this is left out")
    parser.add_argument("--image_dir", help="folder of the images, if it is not SOURCE")
    parser.add_argument("--val_fraction", type=float, default=0.2,
                        help="share of the images for validation, where SOURCE has no validation split (0.2)")
    parser.add_argument("--seed", type=int, default=0, help="decides which images these are (0)")
    parser.add_argument("--group_by", default="", help="keep images on one side: folder, or a regular expression whose "
                        "first group, found in the path of an image, is the same for them")
    parser.add_argument("--images", choices=[LINK, SYMLINK, COPY], default=LINK,
                        help="how images come into OUT: link makes hard links, which take no space and stay when "
                             "SOURCE is removed, and copies from another disk (link)")
    parser.add_argument("--attribute", help="VIA: the region attribute that holds the class")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.val_fraction < 1:
        raise UsageError(f"--val_fraction is {arguments.val_fraction}: expected more than 0 and less than 1")
    source, out = Path(arguments.source), Path(arguments.out)
    if not source.is_dir() and (fault := file_fault(source)):
        raise UserError(f"{source}: {fault}; expected a folder of images and annotations, or an annotation file")
    if arguments.image_dir and not Path(arguments.image_dir).is_dir():
        raise UsageError(f"--image_dir {arguments.image_dir}: no such folder")
    if os.path.lexists(out) and not (out.is_dir() and not out.is_symlink() and not any(out.iterdir())):
        raise UsageError(f"{out} exists: name a new folder, or an empty one")
    if out.resolve() in (Path.cwd(), *Path.cwd().parents):
        # It is replaced, and whoever stands in it would not see what is there then.
        raise UsageError(f"{out} is the folder that you are in, or one above it; name a new folder")
    kind = chosen_format(source, arguments.format)
    print(printable(convert(source.resolve(), out, kind, arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))
