# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The quick start: steps, failures and Python environment with a stand-in for Python; once with the real programs."""
import os
import shutil
import subprocess
import sys

import pytest

from tests.support.place import ROOT, STUB

# Writes the files of the real programs that the quick start reads.
PROGRAMS = STUB.replace("sleep ", """
case "$*" in
    *tools/sample_data.py*) mkdir -p "$3/train2017" "$3/val2017" && touch "$3/train2017/1.jpg" "$3/sample_data.json" ;;
    *train.py*) mkdir -p outputs/run/ckpt_0 && touch outputs/run/ckpt_0/{last,best}.ckpt outputs/run/report.html ;;
    *eval.py*) mkdir -p outputs/run && touch outputs/run/predict_1.json outputs/run/{config.yaml,report.html} ;;
    *export.py*) touch yolov3_tiny.mindir ;;
    *tools/quick_start_report.py*) touch "$7" ;;
esac
[[ "$*" != *"${STUB_BREAKS:-nothing}"* ]] || exit 5
sleep """)
# A Python without a virtual environment: prints its version, makes environments, and records pip's calls.
FRESH = STUB.replace('echo "the program speaks"\n', "").replace("sleep ", """
case "$*" in
    --version) echo "Python 3.12.9" ;;
    "-m venv"*) mkdir -p "${!#}/bin" && cp "$0" "${!#}/bin/python" ;;
    *--no-index*) exit "${STUB_MISSING:-0}" ;;
    *-venv*) echo python3.12-venv ;;
esac
[[ "$*" != *"${STUB_BREAKS:-nothing}"* ]] || exit 5
sleep """)

PROGRAMS_OF_A_BARE_MACHINE = ("bash", "basename", "cat", "cp", "dirname", "env", "find", "id", "mkdir", "mv",
                              "readlink", "rm", "sed", "sleep", "sort", "tee", "touch", "wc")


def commands_of(place):
    calls = [" ".join(call["arguments"]) for call in place.calls()]
    return [call for call in calls if not call.startswith("-c import cv2")]


@pytest.fixture
def quick(place):
    place.stub.write_text(PROGRAMS)
    return place


def test_the_steps_and_the_list_of_files(quick):
    out = quick.caller / "my output"
    result = quick.run("quick_start.sh", "--out", out.name, wait=None)
    assert result.returncode == 0, result.stderr
    sample, train, evaluation, export, report = commands_of(quick)
    assert sample == f"tools/sample_data.py --out {out}/data --train 2000 --val 100"
    assert train == (f"-u {quick.repo}/train.py --data_dir {out}/data --device_target CPU --config_path improved "
                     "--mosaic 0 --min_scale 1 --max_scale 1 --training_shape 128 --per_batch_size 8 --max_epoch 4 "
                     "--eval_interval 2 --log_interval 50")
    checkpoint = out / "train/outputs/run/ckpt_0/best.ckpt"
    assert evaluation == (f"-u {quick.repo}/eval.py --data_dir {out}/data --pretrained {checkpoint} "
                          "--device_target CPU")
    assert f"--ckpt_file {checkpoint} --file_name yolov3_tiny --file_format MINDIR" in export
    assert export.endswith(f"--image {out}/data/val2017/000001.jpg")
    assert f"--results {out}/eval/outputs/run/predict_1.json" in report
    assert report.endswith("--min_ap50 0.90 --min_class_ap50 0.80")
    listed = result.stdout.split(f"files in {out}:\n")[1].split("\n\n")[0].splitlines()
    assert [line.strip() for line in listed] == [
        "data/train2017/ (images: 1)", "data/val2017/ (images: 0)", "data/sample_data.json", "detections.png",
        "eval/log.txt", "eval/outputs/run/config.yaml", "eval/outputs/run/predict_1.json",
        "eval/outputs/run/report.html", "export/log.txt",
        "export/yolov3_tiny.mindir", "train/log.txt", "train/outputs/run/ckpt_0/best.ckpt",
        "train/outputs/run/ckpt_0/last.ckpt", "train/outputs/run/report.html"]
    assert result.stdout.endswith(f"open in a browser:\n  {out}/train/outputs/run/report.html (training)\n"
                                  f"  {out}/eval/outputs/run/report.html (evaluation)\n  {out}/detections.png\n")
    assert all(f"[{number}/6]" in result.stdout for number in range(1, 7))
    assert not (out / ".started").exists()


@pytest.mark.parametrize("arguments, extra", [(["--short"], {}), ([], {"QUICK_START_SHORT": "1"})])
def test_the_short_form_has_its_own_folder_and_no_limits(quick, arguments, extra):
    assert quick.run("quick_start.sh", *arguments, wait=None, **extra).returncode == 0
    assert (quick.repo / "quick_start_short" / "detections.png").exists()
    sample, train, *_, report = commands_of(quick)
    assert sample.endswith("--train 16 --val 8")
    assert "--max_epoch 1" in train
    assert "--min_ap50" not in report


@pytest.mark.parametrize("program, step, following", [
    ("tools/sample_data.py", 2, "train.py"), ("train.py", 3, "eval.py"), ("eval.py", 4, "export.py"),
    ("export.py", 5, "quick_start_report"), ("quick_start_report", 6, "files in")])
def test_the_first_failure_stops_it_with_its_exit_code(quick, program, step, following):
    result = quick.run("quick_start.sh", "--short", wait=None, STUB_BREAKS=program)
    assert result.returncode == 5
    assert f"stopped in step {step} of 6" in result.stderr and "exit code 5" in result.stderr
    assert following not in result.stdout
    assert "all done" not in result.stdout


def test_files_of_an_earlier_run_are_ignored(quick):
    old = quick.repo / "quick_start_short" / "train" / "outputs" / "older" / "ckpt_0"
    old.mkdir(parents=True)
    (old / "best.ckpt").write_text("old")
    os.utime(old / "best.ckpt", (1, 1))
    result = quick.run("quick_start.sh", "--short", wait=None)
    assert result.returncode == 0
    assert "older" not in result.stdout


def bare_machine(place, **pythons):
    """Return an environment whose PATH has these Pythons only."""
    programs = place.repo.parent / "programs"
    programs.mkdir()
    for name in PROGRAMS_OF_A_BARE_MACHINE:
        (programs / name).symlink_to(shutil.which(name))
    for name, text in pythons.items():
        (programs / name.replace("_", ".")).write_text(text)
        (programs / name.replace("_", ".")).chmod(0o755)
    return {"PATH": str(programs), "PYTHON": ""}


def test_without_a_python_the_error_names_what_to_install(place):
    refused = "#!/usr/bin/env bash\nexit 1\n"
    result = place.run("quick_start.sh", wait=None, **bare_machine(place, python3=refused))
    assert result.returncode == 1
    assert "no Python 3.10, 3.11 or 3.12 found" in result.stderr and "apt-get install" in result.stderr
    assert "stopped in step 1 of 6" in result.stderr


def environment_calls(place, **extra):
    result = place.run("quick_start.sh", "--short", wait=None, **bare_machine(place, python3_12=FRESH), **extra)
    return result, [call for call in commands_of(place) if call.startswith("-m") or "venv" in call]


def test_an_environment_is_made_and_filled(place):
    result, calls = environment_calls(place, STUB_MISSING="1", STUB_BREAKS="tools/sample_data.py")
    assert result.returncode == 5, result.stderr
    assert calls[0] == f"-m venv --clear {place.repo}/.venv"
    assert [call for call in calls if " install " in call] == [
        f"-m pip --disable-pip-version-check install --quiet --no-index --requirement {place.repo}/requirements.txt",
        f"-m pip --disable-pip-version-check install --quiet --requirement {place.repo}/requirements.txt"]
    assert "installing requirements.txt" in result.stdout


def test_installed_packages_are_not_installed_again(place):
    (place.repo / ".venv" / "bin").mkdir(parents=True)
    (place.repo / ".venv" / "bin" / "python").write_text(FRESH)
    (place.repo / ".venv" / "bin" / "python").chmod(0o755)
    result, calls = environment_calls(place, STUB_BREAKS="tools/sample_data.py")
    assert result.returncode == 5, result.stderr
    assert len([call for call in calls if " install " in call]) == 1
    assert not any("venv --clear" in call for call in calls)
    assert "requirements.txt: installed already" in result.stdout


def test_a_python_without_venv_names_the_package(place):
    result, _ = environment_calls(place, STUB_BREAKS="-m venv")
    assert result.returncode == 1
    assert "apt-get install python3.12-venv" in result.stderr


def test_an_active_environment_of_another_python_is_refused(place):
    (place.caller / "env" / "bin").mkdir(parents=True)
    (place.caller / "env" / "bin" / "python").write_text("#!/usr/bin/env bash\necho Python 3.13.1\nexit 1\n")
    (place.caller / "env" / "bin" / "python").chmod(0o755)
    result = place.run("quick_start.sh", wait=None, PYTHON="", VIRTUAL_ENV=str(place.caller / "env"))
    assert result.returncode == 1
    assert "Python 3.13.1, expected Python 3.10 to 3.12" in result.stderr


@pytest.mark.slow
def test_the_short_form_for_real(tmp_path):
    kept = {name: value for name, value in os.environ.items() if name not in ("DEVICE_TARGET", "WAIT")}
    out = tmp_path / "quick start"
    result = subprocess.run(["bash", str(ROOT / "scripts" / "quick_start.sh"), "--short", "--out", str(out)], text=True,
                            env={**kept, "PYTHON": sys.executable}, cwd=tmp_path, capture_output=True,
                            stdin=subprocess.DEVNULL, timeout=900, check=False)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert "Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ]" in result.stdout
    for pattern in ("detections.png", "export/yolov3_tiny.mindir", "train/log.txt", "eval/log.txt",
                    "train/outputs/*/ckpt_0/*.ckpt", "eval/outputs/*/predict_*.json"):
        found = [path for path in out.glob(pattern) if path.stat().st_size > 0]
        assert found, pattern
        assert all(str(path.relative_to(out)) in result.stdout for path in found)
