"""Split the training images of a COCO data folder in two, to choose hyper-parameters without the validation images.

    python scripts/split_coco.py DATA OUT --fraction 0.2 --seed 0

OUT becomes a data folder whose train2017 and val2017 are links to DATA/train2017; its annotation files share the images
of DATA's instances_train2017.json.
"""
import argparse
import json
import random
import sys
from pathlib import Path


def split(data, out, fraction, seed):
    """Write the two annotation files and links; returns the numbers of training and held-out images."""
    data, out = Path(data).resolve(), Path(out)
    content = json.loads((data / "annotations" / "instances_train2017.json").read_text(encoding="utf-8"))
    ids = sorted(image["id"] for image in content["images"])
    random.Random(seed).shuffle(ids)
    held_out = set(ids[:round(len(ids) * fraction)])
    (out / "annotations").mkdir(parents=True)
    for name, wanted in (("train", set(ids) - held_out), ("val", held_out)):
        part = {**content, "images": [image for image in content["images"] if image["id"] in wanted],
                "annotations": [box for box in content["annotations"] if box["image_id"] in wanted]}
        path = out / "annotations" / f"instances_{name}2017.json"
        path.write_text(json.dumps(part), encoding="utf-8")
        (out / f"{name}2017").symlink_to(data / "train2017", target_is_directory=True)
    return len(ids) - len(held_out), len(held_out)


def main(argv=None):
    """Split as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="data folder in COCO layout")
    parser.add_argument("out", help="folder to make")
    parser.add_argument("--fraction", type=float, default=0.2, help="share of the images to hold out")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    if not 0 < arguments.fraction < 1:
        parser.error(f"--fraction is {arguments.fraction}: expected more than 0 and less than 1")
    if Path(arguments.out).exists():
        parser.error(f"{arguments.out} exists: name a folder that does not")
    kept, held_out = split(arguments.data, arguments.out, arguments.fraction, arguments.seed)
    print(f"{arguments.out}: {kept} training images, {held_out} held out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
