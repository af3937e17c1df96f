# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Bad checkpoints, states to resume, weights, models, results, rank tables, archives, and places to write to."""
import io
import struct
import zipfile

import numpy as np

from tools.faults.input_case import TRAIN_JSON, VAL_JSON, BadInput, assign, change, cut, each, fifo, flip, make_dir, put
from tools.faults.sound_input import TRAINING, write_results

EVAL = "--data_dir=data --pretrained={}"
TRAIN = f"--data_dir=data {' '.join(TRAINING)}"
LAST, STATE = "run/ckpt_0/last.ckpt", "run/ckpt_0/yolov3_tiny-1_3.ckpt"
DAMAGED = "cannot be read, the file is truncated, damaged or"
# A Darknet file that ends where yolov3-tiny.conv.15 does not, and one of a network of one class.
HEADER = np.array((0, 2, 0, 7, 0), "<i4").tobytes()


def checkpoint(name, prepare, message, path="cup.ckpt"):
    """Return a fault of a checkpoint that is evaluated; the message names it."""
    return BadInput(f"checkpoint: {name}", "eval", EVAL.format(path), rf"{path}.*{message}", prepare)


def meta(name, changes, message):
    """Return a fault of the meta data of a checkpoint."""
    return checkpoint(f"meta data: {name}", [save_with(changes)], f"{message}.*", "changed.ckpt")


def save_with(changes):
    """Return what writes changed.ckpt, like cup.ckpt but for keys of its meta data."""
    def prepare(folder):
        from src.weights.checkpoint import load_checkpoint, save_checkpoint

        found = load_checkpoint(folder / "cup.ckpt")
        save_checkpoint(folder / "changed.ckpt", found.weights, {**found.meta, **changes})
    return prepare


def save_whole(value):
    """Return what writes changed.ckpt with weights of a whole network, all of one value."""
    def prepare(folder):
        from src.weights.checkpoint import load_checkpoint, save_checkpoint
        from src.weights.darknet import tensor_shapes

        found = load_checkpoint(folder / "cup.ckpt")
        shapes = tensor_shapes(len(found.weights["head1.bias"])).values()
        weights = {name: np.full(shape, value, np.float32) for tensors in shapes for name, shape in tensors.items()}
        save_checkpoint(folder / "changed.ckpt", weights, found.meta)
    return prepare


def resume(name, arguments, message, prepare=(), code=1):
    """Return a run that cannot be resumed."""
    return BadInput(f"resume: {name}", "train", f"{TRAIN} {arguments}", message, prepare, code)


def start(name, arguments, message, prepare=(), code=1):
    """Return weights that a run cannot start from."""
    return BadInput(f"start: {name}", "train", f"{TRAIN} {arguments}", message, prepare, code)


def darknet(name, message, prepare=(), arguments="--input_file=a.weights --output_file=a.ckpt", code=1):
    """Return a fault of Darknet weights that are to be converted."""
    return BadInput(f"Darknet weights: {name}", "convert_weight", arguments, message, prepare, code)


def whole_darknet(rows, value=b"\0"):
    """Return Darknet weights of the size of a whole network, all values of these bytes."""
    from src.weights.darknet import file_sizes

    return HEADER + value * ((file_sizes(rows)[-1] - len(HEADER)) // len(value))


def ranks(name, message, prepare=(), arguments="--rank_table rank_table.json", code=1):
    """Return a fault of the description of a job of several processes."""
    return BadInput(f"ranks: {name}", "scripts.launch.launch", f"show train_parallel train.py {arguments}", message,
                    prepare, code)


def table(name, place, value, message):
    """Return a fault of a rank table, which the message names."""
    return ranks(name, rf"rank_table\.json: .*{message}", [assign(place, value, "rank_table.json")])


def score(name, prepare, message, arguments=f"--result_path=results --ann_file={VAL_JSON}"):
    """Return results of a device that cannot be scored."""
    return BadInput(f"results: {name}", "src.postprocess", arguments, message, prepare)


def model(name, prepare, message, arguments="model.onnx"):
    """Return a fault of an exported model or its description."""
    return BadInput(f"model: {name}", "src.deploy.offline_model", arguments, message, prepare)


def archive():
    """Return a zip archive with a member that lands outside its folder."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("../../outside.txt", "text")
    return file.getvalue()


# ModelArts' package, as far as a copy of one file needs it; an s3:// location is a folder here.
MOXING = """import os, shutil
class file:
    exists = is_directory = staticmethod(lambda url: os.path.exists(url.replace("s3://", "")))
    make_dirs = staticmethod(lambda url: os.makedirs(url.replace("s3://", "")))
    copy_parallel = staticmethod(lambda url, to: shutil.copytree(url.replace("s3://", ""), to, dirs_exist_ok=True))
"""
JOB = ("--enable_modelarts=True --data_url=s3://bucket --train_url=s3://theirs --data_path=local --output_path=out "
       "--load_path=load")

CHECKPOINTS = (
    checkpoint("missing", (), "no such file; check the path", "no.ckpt"),
    checkpoint("folder", (), "it is a folder, not a regular file; check the path", "run"),
    checkpoint("FIFO", [fifo("cup.ckpt")], "it is a FIFO, not a regular file"),
    checkpoint("empty", [put("cup.ckpt", b"")], f"{DAMAGED}.*take another copy or an earlier checkpoint"),
    checkpoint("cut short", [cut("cup.ckpt", 0.5)], DAMAGED),
    checkpoint("flipped bit", [flip("cup.ckpt")], DAMAGED),
    checkpoint("text", [put("cup.ckpt", "no checkpoint")], DAMAGED),
    checkpoint("another file than was written", [flip(LAST)], "SHA-256 of checkpoints.json beside it", LAST),
    meta("names of another type", {"class_names": 7}, "class_names is 7; expected a list"),
    meta("as many ids as names", {"category_ids": [3]}, "class_names has 2 .* category_ids 1; expected as many"),
    meta("anchors of another type", {"anchors": {"a": 1}}, "anchors is .*expected a list"),
    meta("shape of no network", {"testing_shape": [100, 100]}, "testing_shape is .*multiples of 32"),
    meta("mean of two channels", {"mean": [.5, .5]}, "mean is .*expected three numbers"),
    meta("progress of another type", {"progress": [1]}, r"progress is \[1\]; expected an object"),
    meta("more classes than its heads", {"class_names": ["a"] * 3, "category_ids": [1, 2, 3]},
         "head1.bias has the shape .* with 3 classes"),
    checkpoint("other classes", [each("categories", {"name": "key"}, VAL_JSON)],
               "class 0 is 'cup' in the model, but 'key' in the annotation file; use the data set"),
    BadInput("checkpoint: number of classes on the command line", "predict",
             "--ckpt_file=cup.ckpt --image=data --num_classes=5", "num_classes is 5 .*has 2 categor.*set it to 2"),
    checkpoint("lacks tensors", (), "does not fit the network.*take one that was trained on these"),
    BadInput("checkpoint: NaN weights, evaluated", "eval", EVAL.format("changed.ckpt"),
             r"changed\.ckpt: .* holds NaN or infinity.*take an earlier checkpoint", [save_whole(np.nan)]),
    BadInput("checkpoint: NaN weights, predicted with", "predict", "--ckpt_file=changed.ckpt --image=data",
             r"changed\.ckpt: .* holds NaN or infinity.*take an earlier checkpoint", [save_whole(np.nan)],
             needs_process=True),
    BadInput("checkpoint: infinite weights, exported", "export", "--ckpt_file=changed.ckpt --file_name=m",
             r"changed\.ckpt: .* holds NaN or infinity.*take an earlier checkpoint", [save_whole(np.inf)],
             needs_process=True),
)
STARTS = (
    resume("nothing", "--resume=no.ckpt", r"checkpoint no\.ckpt: no such file; check the path"),
    resume("folder without states", "--resume=results", "resume results: no whole state in this folder or below; name"),
    resume("weights only", "--resume=cup.ckpt", r"resume cup\.ckpt: holds no run to continue; use --resume_yolo"),
    resume("damaged, with a whole one beside it", f"--resume={LAST}",
           r"damaged.*the newest whole state beside it is yolov3_tiny-1_3\.ckpt of step 3 \(--resume run/ckpt_0 takes",
           [flip(LAST)]),
    resume("nothing whole", "--resume=run", r"no whole state in this folder.*last\.ckpt: cannot be read",
           [flip(LAST), flip(STATE)]),
    resume("changed options", f"--resume={LAST} --lr=0.5 --seed=7",
           r"the result of that run would be another one by.*lr: 0.001 then, 0.5 now.*--allow_change"),
    resume("changed data", f"--resume={LAST}", r"another one by\s+data: 4 images with 8 boxes .* then, 4 images with 7",
           [change(TRAIN_JSON, lambda content: content["annotations"].pop() and None)]),
    BadInput("resume: without data", "train", f"--resume={LAST}",
             "data_dir is empty: .*no path comes from a checkpoint",
             code=2),
    start("from nothing", "--resume_yolo=no.ckpt", r"checkpoint no\.ckpt: no such file"),
    start("from a backbone that is missing", "--pretrained_backbone=no.ckpt", r"pretrained_backbone no\.ckpt: no such"),
    start("from a backbone that is text", "--pretrained_backbone=a.txt",
          r"a\.txt: is neither a MindSpore checkpoint nor Darknet weights; expected", [put("a.txt", "text" * 9)]),
    start("from a backbone without its tensors", "--pretrained_backbone=cup.ckpt",
          "holds none of the backbone's tensors"),
    start("from random weights that are frozen", "--freeze_backbone=True", "never learn: name trained ones", code=2),
)
DARKNET = (
    darknet("missing", r"Darknet weights a\.weights: no such file; check the path"),
    darknet("text", r"a\.weights: not a Darknet weights file", [put("a.weights", "text" * 9)]),
    darknet("cut short", r"a\.weights: 1020 bytes do not end with a convolution .*bytes would be right",
            [put("a.weights", HEADER + bytes(1000))]),
    darknet("partial", r"a\.weights: a partial file, it ends after 1 of 13 convolutions",
            [put("a.weights", HEADER + bytes(4 * (3 * 16 * 9 + 4 * 16)))]),
    darknet("another cfg",
            "num_classes is 2 .*but its heads have 18 rows, which are 3 anchors of 1 class, .*correct it",
            [put("a.weights", lambda: whole_darknet(18))],
            "--input_file=a.weights --output_file=a.ckpt --num_classes=2"),
    darknet("NaN", "holds numbers that are not finite; the file is damaged or of another network: get it again",
            [put("a.weights", lambda: whole_darknet(18, struct.pack("<f", np.nan)))]),
    darknet("target of another suffix", "output_file a.bin: expected a name that ends in .ckpt",
            arguments="--input_file=a.weights --output_file=a.bin", code=2),
    darknet("target is a folder", r"output_file a\.ckpt: is a folder; name a file", [make_dir("a.ckpt")], code=2),
    darknet("names with an empty line", r"obj\.names: has an empty line between names; expected the name of a class in",
            [put("obj.names", "cup\n\nball\n"), put("a.weights", lambda: whole_darknet(21))],
            "--input_file=a.weights --output_file=a.ckpt --names_file=obj.names"),
)
RANKS = (
    ranks("no table", r"no\.json: cannot read this rank table: No such file.*; check", (), "--rank_table no.json"),
    ranks("broken table", r"rank_table\.json: broken json in line 1", [cut("rank_table.json", 0.5)]),
    table("version of no table", "version", "3.0", "version is '3.0'; expected '1.0' or '1.2'"),
    table("no servers", "server_list", [], "server_list is empty; expected at least one server"),
    table("rank twice", "server_list 0 device 1 rank_id", "0",
          r"device\[1\]\.rank_id is 0, as .*has a rank of its own"),
    table("rank of no number", "server_list 0 device 1 rank_id", "x", r"rank_id is 'x'; expected a whole number"),
    table("number of servers", "server_count", "2", "server_count is '2', but server_list has 1 servers; correct one"),
    ranks("no devices", "DEVICE_NUM is '0'; expected a whole number of at least 1", (), "--device_num 0", 2),
    ranks("device of no kind", "DEVICE_TARGET is 'TPU'; expected one of", (), "--device_num 2 --device_target TPU", 2),
)
MODELS = (
    model("missing", (), r"no\.onnx: no such file; export.py writes", "no.onnx"),
    model("of another suffix", (), r"cup\.ckpt: atc reads the .onnx and .air files of export.py; export with",
          "cup.ckpt"),
    model("changed", [put("model.onnx", b"madel")], r"model\.onnx: sha256 is .*; copy or export both again"),
    model("description cut short", [cut("model.onnx.json", 0.5)], r"model\.onnx\.json: broken json in line 1"),
    model("description of another type", [assign("pad_value", "grey", "model.onnx.json")],
          r"export the model again:\s+pad_value is 'grey'; expected a whole number"),
    model("description of another format", [assign("format", 99, "model.onnx.json")],
          "format is 99, but .* reads format"),
    score("no run", [make_dir("none")], r"none/run\.json: no such file; name the folder of a run",
          f"--result_path=none --ann_file={VAL_JSON}"),
    score("changed", [put("results/results.json", "[]")],
          r"results/results\.json: its SHA-256 is .*run yolo_infer again"),
    score("no result", [lambda folder: write_results(folder / "results", [{"image_id": 1}])],
          r"results/results\.json: entry 0 has category_id None, expected one of the run; run yolo_infer again"),
    score("record of another format", [assign("format", 99, "results/run.json")],
          "format is 99, but .* reads format 1"),
    score("record of other types", [assign("counts", 7, "results/run.json")], r"run\.json: .*counts is 7; expected an"),
    score("other classes", [each("categories", {"name": "key"}, VAL_JSON)],
          "only in the model: .*Use the annotation file"),
)
PLACES = (
    BadInput("archive: member outside its folder", "train", JOB,
             r"local/coco2017\.zip: member '\.\./\.\./outside\.txt' lands outside the target folder; pack it again",
             [put("bucket/coco2017.zip", archive), put("moxing.py", MOXING)], leaves=["local/*", "out/*", "theirs*"],
             needs_process=True),
    BadInput("archive: not on ModelArts", "train", JOB, "moxing cannot be imported .*leave enable_modelarts out",
             leaves=["out/*"]),
    BadInput("place: file of the name of ckpt_path", "train", f"{TRAIN} --ckpt_path=cup.ckpt",
             r"cup\.ckpt: \S.*; check the path"),
    BadInput("place: ckpt_path that cannot be made", "train", f"{TRAIN} --ckpt_path=/proc/none",
             "/proc/none: .*; check the"),
    BadInput("place: full disk", "train", f"{TRAIN} --ckpt_path=out",
             r"out/\S+/config\.yaml: File too large .*check the",
             leaves=["out/*"], max_file_bytes=2048, needs_process=True),
    BadInput("place: full disk, new data folder", "tools.split_coco", "data out", "out: .*File too large",
             max_file_bytes=200, needs_process=True),
    BadInput("place: report that is a folder", "tools.check_dataset", "data --json=results",
             "results: is a folder, but"),
    BadInput("place: folder of drawings that is a file", "predict",
             "--ckpt_file=cup.ckpt --image=data --output_dir=cup.ckpt",
             r"output_dir cup\.ckpt: is no folder; name a folder", code=2),
    BadInput("place: new data folder that exists", "tools.split_coco", "data results",
             "results exists: name a new folder",
             code=2),
)
