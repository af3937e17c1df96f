# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""docs/options.md is what tools/options_table.py makes of default_config.yaml."""
from pathlib import Path

from model_utils.config import default_options
from tools.options_table import options_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "options.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == options_page(), "run: python tools/options_table.py > docs/options.md"


def test_every_option_is_in_one_section():
    titles = [line for line in options_page().splitlines() if line.startswith("## ")]
    assert len(set(titles)) == len(titles) and titles[:2] == ["## General", "## Device and run"]
    assert [option.name for option in default_options().values() if option.section == "General"] == ["config_path"]


def test_every_row_has_four_cells():
    rows = [line for line in options_page().splitlines() if line.startswith("| `")]
    assert len(rows) == len(default_options())
    assert all(row.count("|") == 5 for row in rows)
    assert "| `lr_gamma` | `0.1` | more than 0 and at most 1000000 | Factor of the exponential schedule. |" in rows
    assert ("| `momentum` | `0.9` | at least 0 and less than 1 | Momentum of the optimizer; with adamw the decay of "
            "the first moment. |") in rows
