# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The options of all programs as Markdown tables, made from default_config.yaml.

    python tools/options_table.py > docs/options.md
"""
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

if not __package__:
    # Started as tools/options_table.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from model_utils.config import default_options
from model_utils.options import Option, show

INTRO = """\
# Options

Every option of `train.py`, `eval.py`, `export.py`, `predict.py` and `convert_weight.py`. Set one on the command line,
`--lr 0.01`, or in a YAML file, `lr: 0.01`, that `--config_path` names. The command line overrides the file, the file
the checkpoint, and the checkpoint the defaults below. `-h` of a program prints
the texts of its own options, `--help_all` all of them. A list has at most
100 entries, a file at most 256 KiB and 10 000 values.

Defaults, help texts, choices and limits are written in `default_config.yaml`; this page is made from it:
`python tools/options_table.py > docs/options.md`.
"""


def options_page() -> str:
    """Return the text of docs/options.md."""
    sections = groupby(default_options().values(), key=lambda option: option.section)
    return "".join([INTRO, *(_section(title, options) for title, options in sections)])


def _section(title: str, options: Iterable[Option]) -> str:
    rows = "".join(f"| `{option.name}` | `{show(option.default)}` | {option.allowed()} | {option.help} |\n"
                   for option in options)
    return f"\n## {title}\n\n| option | default | allowed | meaning |\n| --- | --- | --- | --- |\n{rows}"


if __name__ == "__main__":
    print(options_page(), end="")
