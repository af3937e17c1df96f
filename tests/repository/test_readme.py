# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""README.md and docs/: commands run, folders, options and links exist, defaults are right; README_CN.md is the same."""
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from model_utils.config import get_config
from tests.support.documented_commands import CommandPlace, read_commands
from tests.support.ranks.many_ranks import free_port

# Commands of the C++ app run on the build of its tests.
pytestmark = pytest.mark.xdist_group("ascend310")

ROOT = Path(__file__).resolve().parents[2]
README, CHINESE = "README.md", "README_CN.md"
DOCS = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
PAGES = [README, CHINESE, "CONTRIBUTING.md", *DOCS]
MAX_COLUMNS, MAX_LINES, MAX_IMAGE_BYTES = 120, 260, 400_000

# Commands that are not run, and why; at most eight.
NOT_RUN = {
    "bash scripts/quick_start.sh": "it has a test of its own, tests/scripts/test_quick_start.py",
    "bash scripts/run_tests.sh": "it would run this test in this test",
    "bash scripts/run_tests.sh -m 'not slow'": "it would run this test in this test",
    "python -m pytest tests/network/test_iou.py -k giou": "it is a test",
    "pip install -r tests/benchmark/requirements.txt": "downloads PyTorch, 200 MB",
    "python -m tests.benchmark.run all --data_dir DATA --json speed.json":
        "needs PyTorch, and measures for a quarter of an hour",
    "bash scripts/run_infer_310.sh model_310.mindir DATA/val2017 DATA/annotations/instances_val2017.json 0":
        "needs MindSpore Lite; tests/scripts/test_run_infer_310.py runs it with a stand-in",
    "python tools/run_experiments.py docs/experiments/bccd_256.yaml --data_dir DATA":
        "trains for hours; tests/tools/test_run_experiments.py runs short queues",
}
# Words of the commands that need the C++ app, which not every machine can build.
NEEDS_APP = ("run_infer_310.sh", "result_Files")
# The tree of the 2021 version: its users find each file where it was.
PATHS_2021 = (
    "README.md", "README_CN.md", "requirements.txt", "mindspore_hub_conf.md", "default_config.yaml",
    "model_utils/__init__.py", "model_utils/config.py", "model_utils/device_adapter.py", "model_utils/local_adapter.py",
    "model_utils/moxing_adapter.py",
    "scripts/run_standalone_train.sh", "scripts/run_standalone_train_gpu.sh", "scripts/run_distribute_train.sh",
    "scripts/run_distribute_train_gpu.sh", "scripts/run_infer_310.sh", "scripts/run_eval.sh", "scripts/run_eval_gpu.sh",
    "src/__init__.py", "src/config.py", "src/tiny.py", "src/distributed_sampler.py", "src/initializer.py",
    "src/logger.py", "src/loss.py", "src/lr_scheduler.py", "src/transforms.py", "src/util.py", "src/yolo.py",
    "src/yolo_dataset.py", "src/postprocess.py",
    "ascend310_infer/inc/utils.h", "ascend310_infer/src/main.cc", "ascend310_infer/src/utils.cc",
    "ascend310_infer/aipp.cfg", "ascend310_infer/build.sh", "ascend310_infer/CMakeLists.txt",
    "eval.py", "export.py", "train.py",
)
# What follows -- in the text and is no option of default_config.yaml: of scripts, tools and the C++ app.
OTHER_OPTIONS = {"aipp", "attribute", "bccd", "coco128", "csv", "format", "fraction", "group_by", "help_all",
                 "hold_out", "images", "json", "name", "option", "peer", "precision", "preprocess", "roboflow",
                 "rounds", "runtime", "seeds", "sizes", "val_fraction", "video"}
# Shell scripts that other scripts source.
SOURCED = {"common.sh", "environment.sh", "distribute.sh"}


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def commands(*names):
    """Return the commands of pages, each once."""
    return list(dict.fromkeys(command for name in names for command in read_commands(ROOT / name)))


def prose(text):
    """Return the text without its fenced blocks."""
    return re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def tables(name):
    """Return the tables: lists of rows, each a list of cells, the header first."""
    found, last = [], -2
    for number, line in enumerate(prose(text_of(name)).splitlines()):
        if line.startswith("|"):
            if number != last + 1:
                found.append([])
            if not re.fullmatch(r"[|\-\s:]+", line):
                found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
            last = number
    return found


@cache
def repository_files():
    """Return the files of the repository, also those that are not committed yet, as paths from its root."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT,
                            capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip(f"git does not list the repository's files: {listed.stderr.strip()}")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module", name="results")
def fixture_results(tmp_path_factory):
    """Return the result of each command: (ended well, text), or the reason why it could not be run."""
    place, found = CommandPlace(tmp_path_factory.mktemp("readme")), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASTER_PORT", str(free_port()))
        for command in commands(*PAGES):
            if command in NOT_RUN:
                continue
            missing = next((found[other] for other in found if isinstance(found[other], str)), None)
            try:
                needs_app = any(words in command for words in NEEDS_APP)
                found[command] = missing if needs_app and missing else place.run(command)
            except pytest.skip.Exception as lacking:
                found[command] = str(lacking)
            except AssertionError as failure:
                found[command] = False, f"the C++ app cannot be built: {failure}"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in commands(*PAGES) if command not in NOT_RUN])
def test_the_command_runs(results, command):
    if isinstance(results[command], str):
        pytest.skip(results[command])
    ended_well, output = results[command]
    assert ended_well, f"a command of README.md or docs/ fails: {command}\nrun as: {output}"


def test_commands_that_are_not_run_are_few_and_documented():
    assert set(NOT_RUN) <= set(commands(*PAGES)) and len(NOT_RUN) <= 8
    assert len(commands(README)) > 20


def tree(name):
    """Return the folders that the tree names, as paths without the last slash."""
    block, = re.findall(r"^```text\n\.\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL)
    folders, found = [], []
    for line in block.splitlines():
        drawing, path = re.match(r"([│├└─ ]+)(\S+)", line).groups()
        depth = len(drawing) // 4
        folders[depth - 1:] = [path]
        found.append("".join(folders).removesuffix("/"))
    return found


def test_the_paths_of_the_2021_version_exist():
    assert [path for path in PATHS_2021 if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("name", [README, CHINESE])
def test_the_tree_has_the_folders_of_the_repository(name):
    named = tree(name)
    folders = {str(Path(path).parent) for path in repository_files()}
    wanted = {folder for folder in folders if "/" not in folder or folder.startswith(("src/", "scripts/"))}
    assert len(named) == len(set(named)) <= 35
    assert set(named) == {folder for folder in wanted if not folder.startswith(".")}


@pytest.mark.parametrize("name", [README, CHINESE])
def test_programs_and_scripts_are_mentioned(name):
    programs = {path for path in repository_files() if re.fullmatch(r"\w+\.(py|yaml)|scripts/\w+\.sh", path)}
    wanted = {path for path in programs if Path(path).name not in SOURCED}
    assert len(wanted) > 12
    assert [path for path in sorted(wanted) if path not in text_of(name)] == []


@pytest.mark.parametrize("name", [README, CHINESE])
def test_the_page_is_short_and_begins_with_an_image_and_a_table(name):
    lines = text_of(name).splitlines()
    assert len(lines) <= MAX_LINES
    screen = "\n".join(lines[:25])
    image = re.search(r"^!\[[^\]]+\]\((\S+)\)$", screen, re.MULTILINE)[1]
    assert (ROOT / image).stat().st_size < MAX_IMAGE_BYTES and "\n|---|---|---|\n" in screen


def test_the_options_have_the_defaults_of_the_tables():
    defaults, checked = get_config([]), 0
    for name in DOCS:
        written = {}
        for row in (row for table in tables(name) if table[0][:2] == ["option", "default"] for row in table[1:]):
            options, values = (re.findall(r"`([^`]*)`", cell) for cell in row[:2])
            assert len(options) == len(values) > 0, row
            written |= zip(options, values, strict=True)
        found = get_config([f"--{option}={value.strip(chr(34))}" for option, value in written.items()])
        assert {option: found[option] for option in written} == {option: defaults[option] for option in written}, name
        checked += len(written)
    assert checked > 40


@pytest.mark.parametrize("name", PAGES)
def test_options_and_links_of_the_text_exist(name):
    text, options = prose(text_of(name)), get_config([])
    assert {option for option in re.findall(r"--([a-z]\w+)", text) if option not in options} <= OTHER_OPTIONS
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            target = ((ROOT / name).parent / path).resolve() if path else ROOT / name
            assert target.exists(), f"{name}: {link}"
            assert not anchor or anchor in anchors(target), f"{name}: {link}"


def anchors(path):
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", [README, CHINESE])
def test_every_guide_is_linked(name):
    assert [path for path in [*DOCS, "CONTRIBUTING.md"] if f"({path})" not in text_of(name)] == []


@pytest.mark.parametrize("name", PAGES)
def test_no_line_is_too_long(name):
    lines = text_of(name).splitlines()
    # A row of a table cannot be broken.
    tolerant = name not in (README, CHINESE)
    assert [line for line in lines if len(line) > MAX_COLUMNS and not (tolerant and line.startswith("|"))] == []


def test_the_chinese_page_has_the_same_commands_and_figures():
    assert commands(CHINESE) == commands(README)
    assert tree(CHINESE) == tree(README)
    for ours, theirs in zip(tables(README), tables(CHINESE), strict=True):
        for row, other in zip(ours, theirs, strict=True):
            assert figures(" ".join(row)) == figures(" ".join(other)), f"{row}\n{other}"
    for ours, theirs in zip(sections(README), sections(CHINESE), strict=True):
        assert figures(ours) == figures(theirs), f"{ours.splitlines()[0]}\n{theirs.splitlines()[0]}"


def sections(name):
    """Return the text of each section, its heading first, without the fences of its blocks."""
    text = re.sub(r"^```\w*$", "", text_of(name), flags=re.MULTILINE)
    return re.split(r"^(?=#+ )", text, flags=re.MULTILINE)[1:]


def figures(text):
    """Return how often each number and code stands in a text: two languages order their words differently."""
    return Counter(re.findall(r"`[^`]+`|\d+(?:\.\d+)?", " ".join(text.split())))
