# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""When a report is written, its files, and that no failure to write it ends a run."""
import logging
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.report import page
from src.report import report as report_module
from src.report.report import Report, read_metrics
from tests.support.helpers import data_config, full_disk
from tests.support.report.case import empty_plot, write_metrics

ROOT = Path(__file__).resolve().parents[2]
CURVES = {"ap", "learning_rate", "loss", "loss_terms", "speed"}
LABELS = {"box_centres", "box_sizes", "boxes_by_class"}
SCORES = {"ap_by_class", "ap_by_size", "confusion", "errors", "f1", "precision", "precision_recall"}


@pytest.fixture
def empty_plots(monkeypatch):
    """Leave plots empty, which other tests draw."""
    monkeypatch.setattr(page, "render", empty_plot)


def plots_in(folder):
    names = {kind: {path.stem for path in folder.glob(f"report/*.{kind}")} for kind in ("png", "svg")}
    assert names["png"] == names["svg"]
    return names["png"]


def test_files_of_a_training(written):
    assert plots_in(written) == CURVES | LABELS | SCORES
    assert {path.name for path in written.iterdir()} == {"report.html", "report", "tensorboard", "metrics.csv",
                                                        "first_batch.jpg"}
    assert (written / "report.html").stat().st_size < 3 * 2**20
    for path in written.glob("report/*.png"):
        assert cv2.imread(str(path)) is not None


def test_an_evaluation_has_no_curves_over_epochs_and_no_batches(tmp_path, data, result, empty_plots):
    report = Report(data_config(), tmp_path, logging.getLogger("report"), data)
    report.add(result)
    report.close("best.ckpt on DATA")
    assert plots_in(tmp_path) == LABELS | SCORES and not (tmp_path / "tensorboard").exists()
    html = (tmp_path / "report.html").read_text()
    assert f"<h1>Evaluation {tmp_path.name}</h1>" in html and "best.ckpt on DATA" in html and "Batch" not in html


def test_without_validation_it_is_written_seldom_and_at_the_end(tmp_path, report_of, empty_plots, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(report_module.time, "monotonic", lambda: now[0])
    report, html = report_of(tmp_path), tmp_path / "report.html"

    def after(seconds, epochs):
        now[0] += seconds
        write_metrics(tmp_path, epochs)
        before = html.read_bytes() if html.exists() else b""
        report.after_epoch()
        return html.read_bytes() != before

    assert after(0, 1)
    # As if writing had taken a second: one fiftieth of the time.
    report._cost = 1.0
    assert [after(49, 2), after(2, 3), after(0.5, 4)] == [False, True, True]
    report._cost = 2.0
    assert not after(1, 4)
    report.close("ended after step 15 of 20")
    assert "ended after step 15 of 20; written" in html.read_text()


def test_a_run_that_ends_before_its_first_epoch_has_labels(tmp_path, report_of, empty_plots):
    report_of(tmp_path).close("ended after step 2 of 20")
    assert plots_in(tmp_path) == LABELS and "0 of 4" in (tmp_path / "report.html").read_text()


def test_nothing_is_written_where_it_is_off(tmp_path, report_of, result):
    report = report_of(tmp_path, report=False)
    report.add(result)
    report.after_epoch()
    report.close("finished")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("case", ["no matplotlib", "a full disk", "a broken table", "broken detections"])
@pytest.mark.usefixtures("empty_plots")
def test_a_failure_is_a_warning_and_no_file_is_broken(tmp_path, report_of, result, caplog, monkeypatch, case):
    report = report_of(tmp_path, logging.getLogger("failing"))
    write_metrics(tmp_path)
    report.after_epoch()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    if case == "no matplotlib":
        for name in [name for name in sys.modules if name.startswith(("matplotlib", "src.report.p"))]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        report.close("finished")
    elif case == "a full disk":
        with full_disk():
            report.close("finished")
    elif case == "a broken table":
        before[tmp_path / "metrics.csv"] = b"epoch,loss\n0,much\n"
        (tmp_path / "metrics.csv").write_bytes(before[tmp_path / "metrics.csv"])
        report.close("finished")
    else:
        report.add(type(result)(**{**vars(result), "results": [{"image_id": 99}]}))
    reasons = {"no matplotlib": "matplotlib", "a full disk": "File too large", "a broken table": "much",
               "broken detections": "99"}
    (record,) = caplog.records
    assert record.levelname == "WARNING" and record.message.startswith("the report cannot be written: ")
    assert reasons[case] in record.message
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_metrics_are_read_by_column(tmp_path):
    write_metrics(tmp_path, 2)
    metrics = read_metrics(tmp_path / "metrics.csv")
    assert metrics["loss"].tolist() == [9.0, 4.5] and metrics["AP"].tolist()[1] == pytest.approx(0.3)
    assert np.isnan(metrics["AP"][0]) and len(read_metrics(tmp_path / "none.csv")["epoch"]) == 0


def test_programs_start_without_the_libraries_of_a_report():
    code = ("import sys, src.report.report; "
            "sys.exit(' '.join({'matplotlib', 'jinja2', 'tensorboardX'} & set(sys.modules)) or 0)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
