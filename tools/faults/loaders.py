# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Random and mutated input of every loader: it is read or refused by a short error of ours, in bounded time and memory.

    for outcome in run(Path("work"), 20_000):
        print(outcome)

Each loader gets its share of the inputs, the same ones for the same seed.
"""
import contextlib
import hashlib
import io
import json
import os
import resource
import shutil
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import hypothesis
import numpy as np
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from model_utils.comm import Ranks
from model_utils.config import DEFAULT_CONFIG, default_options, get_config
from model_utils.errors import MAX_SHOWN, UserError, quoted
from model_utils.json_file import decode_text
from model_utils.options import read_yaml
from model_utils.rank_table import read_rank_table
from model_utils.safe_unzip import unzip
from src.config import check_config, resumed_config, training_config
from src.data.categories import read_names
from src.data.coco import read_annotation_file, read_coco
from src.data.image_check import check_images, usable
from src.data.image_files import decode_reduced
from src.deploy.offline_model import atc_options
from src.evaluation.inference import check_categories, checkpoint_categories
from src.logger import MetricsTable
from src.postprocess import check_data, read_record, read_results
from src.training.run import METRICS
from src.training.train_state import Progress, accept_changes
from src.weights.checkpoint import Checkpoint, load_checkpoint
from src.weights.checkpoint_list import check_listed, read_list
from src.weights.darknet import FEWEST_ROWS, file_sizes, read_darknet
from src.weights.meta_schema import check_heads, checked_meta
from tools import convert_dataset
from tools.faults.mutations import mutated_bytes, mutated_objects, mutated_texts, texts
from tools.faults.outcome import Outcome
from tools.faults.sound_input import CLASSES, head_biases, image_file, make_sound_input, run_meta, write_exports
from tools.run_experiments import read_experiments

MAX_SECONDS, MAX_BYTES, MAX_MESSAGE = 2, 2**30, 3000
# Pixels that an image of the fuzz may have: more are refused by its header.
MAX_PIXELS = 2**20
IMAGE_SUFFIXES = (".jpg", ".png", ".bmp", ".tiff", ".webp")
EXPERIMENTS = {"csv": "results.csv", "common": {"max_epoch": 3}, "runs": [
    {"name": "first", "options": {"lr": 0.1}}, {"name": "second", "config": "configs/improved.yaml"}]}
# Of the exports, the files that are mutated.
EXPORTED = ("coco/labels.json", "labelme/1.json", "via/via.json", "voc/1.xml", "yolo/1.txt", "yolo/data.yaml")


def written(path, data):
    """Write bytes to a file and return its path: not as programs do it, which would wait for the disk each time."""
    path.write_bytes(data)
    return path


@contextlib.contextmanager
def quiet(path):
    """Let standard error, also that of C libraries that complain about damaged images, go to a file."""
    kept = os.dup(2)
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class Loader(NamedTuple):
    """A loader: a strategy of its input, made from a folder of sound input, and what reads that in the folder."""

    name: str
    inputs: Callable[[Path], st.SearchStrategy]
    load: Callable[[object, Path], object]


def arguments(folder):
    """Return a strategy of command lines."""
    names = [name for name in default_options() if name != "config_path"]
    words = st.one_of(texts(), st.integers().map(str), st.floats().map(str),
                      st.sampled_from(["[[1, 2], [3, 4]]", "320,416", "auto", "True", "1e11", "320000"]))
    option = st.tuples(st.sampled_from(names), words).map(lambda pair: [f"--{pair[0]}={pair[1]}"])
    return st.lists(st.one_of(option, st.lists(words, max_size=2)), max_size=4).map(lambda found: sum(found, []))


def read_arguments(words, folder):
    """Read a command line as training does."""
    if not {"-h", "--help", "--help_all"} & set(words):
        check_config(training_config(get_config(words)))


def read_config_file(data, folder):
    """Read a configuration file."""
    get_config([f"--config_path={written(folder / 'config.yaml', data)}"])


def read_data_folder(data, folder):
    """Read a data folder with an annotation file for training."""
    written(folder / "hostile_data" / "annotations" / "instances_train2017.json", data)
    read_coco(get_config([f"--data_dir={folder / 'hostile_data'}"]), "train", training=True)


def use_meta(data, folder):
    """Do with meta data what evaluation, fine-tuning and a resumed run do with it before they build a network."""
    path, sound = "hostile.ckpt", run_meta(folder / "data")
    meta, weights = checked_meta(decode_text(data), path), head_biases(sound)
    check_heads(weights, meta, path)
    checkpoint = Checkpoint(path, weights, {"conv0.conv.weight": np.zeros(1)}, meta)
    config = get_config([]).with_checkpoint(meta)
    check_config(config)
    checkpoint_categories(checkpoint, config)
    user = get_config(["--resume=mine.ckpt", "--ckpt_path=mine", f"--data_dir={folder / 'data'}"])
    resumed = training_config(resumed_config(user, checkpoint))
    paths = [name for name, option in default_options().items() if option.is_free_text and resumed[name] != user[name]]
    if paths:
        raise ValueError(f"from a checkpoint come the paths {paths}")
    check_config(resumed)
    accept_changes(checkpoint, resumed, read_coco(user, "train", training=True))
    Progress(**meta["progress"])
    check_categories(path, meta.get("class_names"), CLASSES)


def read_checkpoint_list(data, folder):
    """Read checkpoints.json, and a checkpoint by it."""
    written(folder / "run" / "ckpt_0" / "checkpoints.json", data)
    with contextlib.redirect_stderr(io.StringIO()):
        check_listed(folder / "run" / "ckpt_0" / "last.ckpt")
    read_list(folder / "run" / "ckpt_0")


def read_model(data, folder):
    """Read the description of a model and what atc needs of it."""
    written(folder / "model.onnx.json", data)
    with contextlib.redirect_stderr(io.StringIO()):
        atc_options(folder / "model.onnx")


def darknet_files(folder):
    """Return a strategy of Darknet weights: of right and wrong sizes, with headers of both widths."""
    sizes = file_sizes(FEWEST_ROWS)[:3]
    header = np.array((0, 2, 0, 7, 0), "<i4").tobytes()
    sound = header + np.full((sizes[1] - len(header)) // 4, 0.5, "<f4").tobytes()
    return st.one_of(mutated_bytes(sound), st.binary(max_size=40), st.sampled_from(sizes).map(
        lambda size: header + bytes(size - len(header))), st.sampled_from([sound, sound[:-1], sound + b"\0"]))


def archives(folder):
    """Return a strategy of zip archives, mutated, or of members with any names."""
    def packed(members):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
            # Of names that are used twice.
            warnings.simplefilter("ignore")
            for name, kind in members:
                member = zipfile.ZipInfo(name[:MAX_SHOWN].encode("utf-8", "replace").decode())
                member.external_attr = kind << 16
                archive.writestr(member, b"content" * 20, zipfile.ZIP_DEFLATED)
        return file.getvalue()

    names = st.one_of(texts(), st.sampled_from(["../up", "/root/x", "a/../../b", "a", "a/", "a/b"]))
    members = st.lists(st.tuples(names, st.sampled_from([0, 0o100644, 0o120777, 0o010644, 0o040755])), max_size=3)
    return st.one_of(mutated_bytes(packed([("a", 0), ("b/c.txt", 0o100644)])), members.map(packed),
                     st.binary(max_size=60))


def unpack(data, folder):
    """Unpack an archive; nothing may land outside its folder."""
    target = folder / "unpacked" / "here"
    shutil.rmtree(target.parent, ignore_errors=True)
    try:
        unzip(written(folder / "archive.zip", data), target, max_bytes=2**24)
    finally:
        outside = [path for path in target.parent.glob("*") if path != target]
        if outside:
            raise ValueError(f"unpacked to {outside}")


def images(folder):
    """Return a strategy of image files of several formats, of their suffixes' or another one's bytes."""
    sound = {suffix: image_file(suffix, 24) for suffix in IMAGE_SUFFIXES}
    content = st.sampled_from(IMAGE_SUFFIXES).flatmap(lambda suffix: mutated_bytes(sound[suffix]))
    return st.tuples(st.sampled_from(IMAGE_SUFFIXES), st.one_of(content, content, st.binary(max_size=60)),
                     st.sampled_from([1, 2, 8]))


def read_image(value, folder):
    """Decode an image file; `value` is its suffix, its bytes and the reduction."""
    suffix, data, reduction = value
    decoded = decode_reduced(written(folder / f"image{suffix}", data), reduction, max_pixels=MAX_PIXELS)
    if np.prod(decoded.image_hw) > MAX_PIXELS:
        raise ValueError(f"decoded {decoded.image_hw}, more than {MAX_PIXELS} pixels")


def results(folder):
    """Return a strategy of (name of a file of results, its bytes)."""
    contents = {name: json.loads((folder / "results" / name).read_bytes()) for name in ("results.json", "run.json")}
    return st.sampled_from(sorted(contents)).flatmap(
        lambda name: st.tuples(st.just(name), mutated_objects(contents[name])))


def score(value, folder):
    """Read the results of a device as scoring does; `value` is what `results` draws."""
    name, data = value
    sound = {path.name: path.read_bytes() for path in (folder / "results").iterdir()}
    if name == "results.json":
        record = {**json.loads(sound["run.json"]), "results_sha256": hashlib.sha256(data).hexdigest()}
        sound["run.json"] = json.dumps(record).encode()
    changed = {place: written(folder / f"changed_{place}", text) for place, text in {**sound, name: data}.items()}
    ann_file = folder / "data" / "annotations" / "instances_val2017.json"
    truth, record = read_annotation_file(ann_file), read_record(changed["run.json"])
    check_data(record, truth, changed["run.json"], str(ann_file))
    read_results(changed["results.json"], record, truth, changed["run.json"])


def plan_experiments(data, folder):
    """Read a file of experiments, as run_experiments.py does."""
    read_experiments(written(folder / "experiments.yaml", data), folder / "data", folder / "work")


def exports(folder):
    """Return a strategy of (a file of the export of a tool, its bytes)."""
    def contents(name):
        data = (folder / "exports" / name).read_bytes()
        return mutated_objects(json.loads(data)) if name.endswith(".json") else mutated_texts(data.decode())

    return st.sampled_from(EXPORTED).flatmap(lambda name: st.tuples(st.just(name), contents(name)))


def convert(value, folder):
    """Convert an export in which one file is another one; `value` is what `exports` draws."""
    name, data = value
    path, out = folder / "exports" / name, folder / "converted"
    sound = path.read_bytes()
    path.write_bytes(data)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            convert_dataset.main([str(path.parent), str(out), "--format", path.parent.name, "--images", "symlink"])
    finally:
        path.write_bytes(sound)
        shutil.rmtree(out, ignore_errors=True)


def take_over_metrics(data, folder):
    """Copy the rows of a metrics.csv, as a resumed run does."""
    MetricsTable(folder / "metrics_now.csv", METRICS).take_over(written(folder / "metrics.csv", data), 2)


def read_image_cache(data, folder):
    """Check images with a damaged note of an earlier check."""
    config, cache = get_config([f"--data_dir={folder / 'data'}"]), folder / "cache"
    split = read_coco(config, "train", training=True)
    with mock.patch.dict(os.environ, YOLOV3_TINY_CACHE=str(cache)):
        if not cache.exists():
            check_images(split, config, 1, Ranks())
        (note,) = cache.glob("images/*.json")
        written(note, data)
        usable(split, check_images(split, config, 1, Ranks()), config, training=True)


def sound_json(name):
    """Return a function of a folder that returns a strategy of mutations of one of its json files."""
    return lambda folder: mutated_objects(json.loads((folder / name).read_bytes()))


def sound_text(text):
    """Return a function of a folder that returns a strategy of mutations of a text."""
    return lambda folder: mutated_texts(text)


LOADERS = (
    Loader("command line", arguments, read_arguments),
    Loader("configuration file", lambda folder: st.one_of(mutated_texts(DEFAULT_CONFIG.read_text().split("---")[0]),
                                                          mutated_objects(read_yaml(DEFAULT_CONFIG)[0])),
           read_config_file),
    Loader("annotation file", sound_json("data/annotations/instances_train2017.json"), read_data_folder),
    Loader("rank table", sound_json("rank_table.json"),
           lambda data, folder: read_rank_table(written(folder / "table.json", data))),
    Loader("checkpoint meta data", lambda folder: mutated_objects(run_meta(folder / "data")), use_meta),
    Loader("checkpoint", lambda folder: mutated_bytes((folder / "cup.ckpt").read_bytes()),
           lambda data, folder: load_checkpoint(written(folder / "hostile.ckpt", data))),
    Loader("list of checkpoints", sound_json("run/ckpt_0/checkpoints.json"), read_checkpoint_list),
    Loader("model description", sound_json("model.onnx.json"), read_model),
    Loader("Darknet weights", darknet_files, lambda data, folder: read_darknet(written(folder / "a.weights", data))),
    Loader("class names", sound_text("cup\nball\n"),
           lambda data, folder: read_names(written(folder / "obj.names", data))),
    Loader("zip archive", archives, unpack),
    Loader("image", images, read_image),
    Loader("results of a device", results, score),
    Loader("experiments", lambda folder: mutated_objects(EXPERIMENTS), plan_experiments),
    Loader("exports of annotation tools", exports, convert),
    Loader("note of checked images", lambda folder: mutated_objects([[0, "cut short", "text"]]), read_image_cache),
    Loader("metrics table", sound_text("epoch,loss\n0,1.5\n1,1.25\n2,1\n"), take_over_metrics),
)


def run(work: Path, count: int, seed: int = 1) -> Iterator[Outcome]:
    """Yield the `Outcome` of each loader as soon as it has read its share of `count` inputs.

    Args:
        work: a folder for the inputs; made if missing.
        count: of inputs, for all loaders together.
        seed: decides on the inputs.
    """
    folder = work / "loaders"
    shutil.rmtree(folder, ignore_errors=True)
    make_sound_input(folder)
    shutil.copytree(folder / "data", folder / "hostile_data")
    write_exports(folder / "exports")
    for loader in LOADERS:
        yield try_loader(loader, folder, max(1, count // len(LOADERS)), seed)


def try_loader(loader, folder, count, seed):
    """Return the `Outcome` of a loader on so many inputs."""
    tried, refused, failures, longest, started = 0, 0, [], 0.0, time.process_time()

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, deadline=None, phases=[hypothesis.Phase.generate],
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(loader.inputs(folder))
    def try_each(value):
        nonlocal tried, refused, longest
        begun = time.process_time()
        was_refused, fault = try_input(loader, value, folder)
        seconds = time.process_time() - begun
        fault = fault or (f"took {seconds:.1f} s" if seconds > MAX_SECONDS else "")
        tried, refused, longest = tried + 1, refused + was_refused, max(longest, seconds)
        if fault:
            failures.append(f"{loader.name}: {quoted(value)}: {fault}")

    # What Hypothesis keeps would else be in the working folder.
    set_hypothesis_home_dir(str(folder / "hypothesis"))
    with quiet(folder / "stderr.txt"), warnings.catch_warnings():
        # Strategies with long examples have a long text.
        warnings.simplefilter("ignore", hypothesis.errors.HypothesisWarning)
        try_each()
    peak = peak_bytes()
    return Outcome(loader.name, tried, f"{refused} refused, at most {1000 * longest:.0f} ms each, "
                   f"{time.process_time() - started:.0f} s in all, peak memory {peak / 2**20:.0f} MB", tuple(failures))


def try_input(loader, value, folder):
    """Return whether a loader refuses an input, and what is wrong with that, "" for nothing."""
    before, was_refused = peak_bytes(), True
    try:
        loader.load(value, folder)
        was_refused = False
    except UserError as error:
        text = str(error)
        if len(text) > MAX_MESSAGE:
            return True, f"a message of {len(text)} characters: {text[:MAX_SHOWN]}"
    except Exception as error:  # noqa: BLE001  (any other exception is a fault of the loader)
        place = traceback.extract_tb(error.__traceback__)[-1]
        return True, f"{type(error).__name__}: {error!s:.200} ({Path(place.filename).name}, line {place.lineno})"
    after = peak_bytes()
    return was_refused, f"took {after / 2**20:.0f} MB" if after > max(before, MAX_BYTES) else ""


def peak_bytes():
    """Return the largest memory of this process so far."""
    # Linux counts in kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
