# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The options of all programs as Markdown tables, made from default_config.yaml.

    python tools/options_table.py > docs/options.md
"""
import sys
from pathlib import Path

if not __package__:
    # Started as tools/options_table.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from model_utils.config import DEFAULT_CONFIG, default_options
from model_utils.options import Option, show

INTRO = """\
# Options

Every option of `train.py`, `eval.py`, `export.py`, `predict.py` and `convert_weight.py`. Set one on the command line,
`--lr 0.01`, or in a YAML file, `lr: 0.01`, that `--config_path` names. The command line overrides the file, the file
the checkpoint, and the checkpoint the defaults below. `python train.py -h` prints the same texts. A list has at most
100 entries, a file at most 256 KiB and 10 000 values.

Defaults, help texts, choices and limits are written in `default_config.yaml`; this page is made from it:
`python tools/options_table.py > docs/options.md`.
"""


def sections() -> dict[str, list[Option]]:
    """Return the options by the comment above them in default_config.yaml; General for those before the first one."""
    options, found = default_options(), {"General": []}
    names = found["General"]
    values, _, _ = DEFAULT_CONFIG.read_text(encoding="utf-8").partition("\n---\n")
    # The header of the file ends at the first empty line.
    for line in values.split("\n\n", 1)[1].splitlines():
        if line.startswith("# "):
            names = found.setdefault(line.removeprefix("# "), [])
        elif line:
            names.append(options[line.partition(":")[0]])
    return found


def options_page() -> str:
    """Return the text of docs/options.md."""
    return "".join([INTRO, *(_section(title, options) for title, options in sections().items())])


def _section(title: str, options: list[Option]) -> str:
    rows = "".join(f"| `{option.name}` | `{show(option.default)}` | {option.allowed()} | {option.help} |\n"
                   for option in options)
    return f"\n## {title}\n\n| option | default | allowed | meaning |\n| --- | --- | --- | --- |\n{rows}"


if __name__ == "__main__":
    print(options_page(), end="")
