# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Bad command lines and configuration files."""
from tools.faults.input_case import BadInput, fifo, put

USAGE = 2


def option(name, program, arguments, message):
    """Return a mistake on a command line."""
    return BadInput(name, program, arguments, message, code=USAGE)


def file(name, text, message):
    """Return a mistake in a configuration file of training."""
    return BadInput(f"configuration file: {name}", "train", "--config_path=c.yaml", rf"(?=.*c\.yaml).*{message}",
                    [put("c.yaml", text)], USAGE)


def alias_bomb():
    """Return YAML in which each of twelve lines repeats the one before nine times."""
    names = "abcdefghijklm"
    return "a: &a [1]\n" + "".join(f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
                                   for before, name in zip(names, names[1:], strict=False))


COMMAND_LINES = (
    option("mistyped option", "train", "--max_epohc=5", "unknown option --max_epohc; did you mean --max_epoch"),
    option("unknown option", "eval", "--xyzzy=5", "unknown option --xyzzy; -h lists all options"),
    option("name of another detector", "eval", "--conf=0.5", "--conf; did you mean --eval_ignore_threshold"),
    option("option of another program", "predict", "--data_dir=data",
           r"predict\.py does not use --data_dir; did you mean --image"),
    option("option of the 2021 version", "train", "--anchor_scales=[[1,2]]",
           "anchor_scales of the 2021 version no longer exists: it is called anchors now"),
    option("option without a value", "export", "--batch_size", "--batch_size has no value: expected a whole number"),
    option("argument without a name", "train", "data", r"unexpected argument 'data': options are written --name value"),
    option("text for a number", "train", "--per_batch_size=four", r"per_batch_size is 'four' \(command line\): expected"
           " a whole number"),
    option("fraction for a whole number", "train", "--per_batch_size=2.5", "per_batch_size is '2.5' .*a whole number"),
    option("not a number", "train", "--lr=nan", r"lr is 'nan' .*expected a number.*it must be finite"),
    option("number out of range", "eval", "--nms_thresh=1.5", r"nms_thresh is 1.5 .*expected from 0 to 1"),
    option("number below its range", "export", "--batch_size=0", r"batch_size is 0 .*expected from 1 to 1024"),
    option("choice that is none", "train", "--box_loss=gious", r"box_loss is 'gious' .*giou, diou, ciou; did you mean"),
    option("shape off the grid", "export", "--testing_shape=100", "testing_shape is '100' .*multiples of 32.*96, 96"),
    option("shape 320000", "train", "--training_shape=320000",
           r"training_shape is \[320000, 320000\] \(command line\): expected each number at most 8192"),
    option("max_epoch 1e11", "train", "--max_epoch=1e11", "max_epoch is 100000000000 .*from 1 to 100000"),
    option("nested brackets", "train", "--anchors=" + "[" * 100_000, r"anchors is '\[\[.*expected a list such as"),
    option("open bracket", "train", "--anchors=[[1,2]", r"anchors is '\[\[1,2\]' .*brackets or commas are missing"),
    option("long list", "train", "--lr_epochs=" + ",".join(map(str, range(1, 200))),
           "199 entries, the longest has 100"),
    option("number of 100000 digits", "train", "--seed=" + "9" * 100_000, "seed is '999.*expected a whole number"),
    option("text of 100000 characters", "train", "--data_dir=" + "x" * 100_000, "data_dir is 'xxx.*100000 characters"),
    option("options that exclude each other", "train",
           "--resume=run/ckpt_0/last.ckpt --resume_yolo=cup.ckpt --data_dir=data",
           "resume and resume_yolo are both set: expected one of them"),
    option("options that do not fit", "train", "--data_dir=data --warmup_epochs=9 --max_epoch=5",
           "warmup_epochs is 9.0 .*expected less than max_epoch, 5"),
    option("patience without validation", "train", "--data_dir=data --patience=3", "eval_interval must be above 0"),
    option("change of nothing that is kept", "train", "--data_dir=data --allow_change=lrr", "did you mean lr"),
    option("rank without a launcher", "train", "--data_dir=data --rank=1", "the launcher .* sets it; leave rank out"),
    option("time that is none", "train", "--data_dir=data --time_budget=soon", "time_budget is soon.*such as 90m"),
    option("no data folder", "train", "", "data_dir is empty: name the data folder .* by --data_dir"),
    option("no checkpoint to evaluate", "eval", "--data_dir=data", "pretrained is empty: .* by --pretrained FILE"),
    option("no data to evaluate on", "eval", "--pretrained=cup.ckpt", "data_dir is empty: .*--ann_file"),
    option("no image to predict on", "predict", "--ckpt_file=cup.ckpt", "image is empty: .* by --image PATH"),
    option("no checkpoint to predict with", "predict", "--image=data", "ckpt_file is empty: .* by --ckpt_file FILE"),
    option("no checkpoint to export", "export", "", "ckpt_file is empty: .* by --ckpt_file FILE"),
    option("no weights to convert", "convert_weight", "--output_file=a.ckpt", "input_file is empty: .*--input_file"),
    option("no results to score", "src.postprocess", "--ann_file=a.json", "result_path is empty: .* by --result_path"),
    option("file name without a stem", "export", "--ckpt_file=cup.ckpt --file_name=.mindir", "expected the name of a"),
    option("file name of another format", "export", "--ckpt_file=cup.ckpt --file_name=a.onnx",
           "file_name is 'a.onnx', but file_format MINDIR ends in .mindir: expected a or a.mindir"),
    option("arguments that are missing", "tools.split_coco", "data", "arguments are required: out"),
    option("share above 1", "tools.split_coco", "data out --fraction=2", "--fraction is 2.0: expected more than 0 and"),
    option("share that is no number", "tools.convert_dataset", "data out --val_fraction=nan", "is nan: expected more"),
    option("format that is none", "tools.convert_dataset", "data out --format=yoloo", "invalid choice: 'yoloo'"),
    option("option of train.py in a tool", "tools.check_dataset", "data --training_shap=64",
           "did you mean --training_s"),
    option("size of no image", "tools.sample_data", "--out=out --size=3", "--size: found 3, expected .* at least 64"),
)
CONFIG_FILES = (
    BadInput("configuration file: missing", "train", "--config_path=no.yaml",
             r"'no\.yaml': no such configuration file here, and none of configs/ \(.*\); check", code=USAGE),
    BadInput("configuration file: folder", "train", "--config_path=data",
             "data: cannot read this configuration file: it is a folder, .*expected", code=USAGE),
    BadInput("configuration file: FIFO", "eval", "--config_path=c.yaml",
             r"c\.yaml: cannot read this configuration file: it is a FIFO.*expected", [fifo("c.yaml")], USAGE),
    file("binary", b"\x80\x02abc", "not a text file in UTF-8; expected YAML"),
    file("too large", "a" * 300_000, "more than 262144 bytes; expected"),
    file("broken", "lr: [1, 2\nseed: 3\n", "not valid YAML"),
    file("unknown key", "learning_rat: 0.1\n", "unknown key learning_rat"),
    file("key given twice", "lr: 0.1\nlr: 0.2\n", "line 2: .*'lr' is given twice; keep one"),
    file("no value", "lr:\n", "lr is None .*expected a number"),
    file("wrong types", "per_batch_size: [1]\nmultiscale: 1\n", "unknown key multiscale; did you mean multi_scale"),
    file("value out of range", "momentum: 1.5\n", "momentum is 1.5 .*expected at least 0 and less than 1"),
    file("list of values", "- lr\n- 0.1\n", "expected 'key: value' lines, found list"),
    file("alias bomb", alias_bomb(), "more than 10000 values, with those that aliases repeat"),
    file("alias inside itself", "anchors: &a [*a]\n", "more than 10000 values"),
    file("second document", "lr: 0.1\n---\nseed: 3\n", "has 2 YAML documents, expected one; remove the line ---"),
    file("tag of Python", "data_dir: !!python/object/apply:os.system [ls]\n", "not valid YAML: could not determine"),
    file("path with a zero", 'data_dir: "\\0"\n', "data_dir is .*characters that no path can have"),
    BadInput("experiments: option that does not exist", "tools.run_experiments", "e.yaml --data_dir=data --work=work",
             r"e\.yaml: run a: unknown option --sed; did you mean --seed",
             [put("e.yaml", "csv: a.csv\nruns: [{name: a, options: {sed: 1}}]\n")], USAGE),
    BadInput("experiments: name with folders", "tools.run_experiments", "e.yaml --data_dir=data --work=work",
             r"e\.yaml: a run's name is '\.\./a', expected that of a folder",
             [put("e.yaml", "csv: a.csv\nruns: [{name: ../a}]\n")], USAGE),
)
