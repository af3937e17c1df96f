# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The engine and its precision follow from the options, from what is installed, and from the CPU."""
import sys
from importlib.machinery import ModuleSpec

import pytest

from model_utils.config import get_config
from model_utils.errors import UserError
from src.evaluation import cpu_engine, openvino_session
from src.evaluation.cpu_engine import Engine, choose_engine, choose_session_engine


@pytest.fixture
def choose(monkeypatch):
    """Return a function that chooses on a machine that may have OpenVINO and bfloat16."""

    def choice(*options, has_openvino=True, has_bfloat16=True, target="CPU"):
        spec = ModuleSpec("openvino", None, origin="openvino/__init__.py") if has_openvino else None
        monkeypatch.setattr(cpu_engine, "find_spec", lambda name: spec)
        monkeypatch.setattr(openvino_session, "has_bfloat16", lambda: has_bfloat16)
        config = get_config([f"--device_target={target}", *(f"--cpu_{option}" for option in options)])
        found = choose_engine(config)
        return found.name, found.precision

    return choice


def test_auto_is_the_fastest_engine_that_is_installed(choose):
    assert choose() == ("openvino", "float32")
    assert choose(has_openvino=False) == ("onnxruntime", "float32")
    assert choose("engine=onnxruntime") == ("onnxruntime", "float32")
    assert choose("engine=mindspore", has_openvino=False) == ("mindspore", "float32")
    assert choose(target="GPU", has_openvino=False) == ("mindspore", "")


def test_bfloat16_takes_openvino(choose):
    assert choose("precision=bfloat16") == choose("precision=bfloat16", "engine=openvino") == ("openvino", "bfloat16")
    assert choose("precision=bfloat16", target="GPU", has_openvino=False) == ("mindspore", "")


@pytest.mark.parametrize(("options", "machine", "words"), [
    (["engine=openvino"], {"has_openvino": False}, "cpu_engine is openvino .*not installed; install it by pip install "
                                                   "-r requirements-openvino.txt, or leave cpu_engine out"),
    (["precision=bfloat16"], {"has_openvino": False}, "cpu_precision is bfloat16 .*not installed; install it by pip"),
    (["precision=bfloat16"], {"has_bfloat16": False}, "this CPU has no instructions for it, .*leave cpu_precision out"),
    (["precision=bfloat16", "engine=mindspore"], {}, "but MindSpore does not compute it"),
    (["precision=bfloat16", "engine=onnxruntime"], {}, "but ONNX Runtime does not compute it; use --cpu_engine "
                                                       "openvino"),
])
def test_what_cannot_be_is_refused(choose, options, machine, words):
    with pytest.raises(UserError, match=words):
        choose(*options, **machine)


def test_an_onnx_file_runs_on_the_cpu_whatever_the_device_and_not_in_mindspore():
    config = get_config(["--device_target=GPU", "--cpu_engine=onnxruntime"])
    assert choose_session_engine(config, "a.onnx") == Engine("onnxruntime", "float32")
    with pytest.raises(UserError, match=r"cpu_engine is mindspore \(command line\), but a.onnx runs in onnxruntime or"):
        choose_session_engine(get_config(["--cpu_engine=mindspore"]), "a.onnx")


def test_a_folder_called_openvino_is_not_openvino(tmp_path, monkeypatch):
    (tmp_path / "openvino").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    assert choose_engine(get_config(["--device_target=CPU"])).name == "onnxruntime"


def test_an_openvino_that_cannot_be_loaded_is_a_message(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UserError, match=r"OpenVINO cannot be loaded \(.*install it again .*--cpu_engine onnxruntime"):
        openvino_session._core.__wrapped__()


def test_a_package_without_metadata_has_a_name(monkeypatch):
    monkeypatch.setitem(cpu_engine.TITLES, "none", "Nothing")
    assert str(Engine("none", "float32")) == "Nothing, float32"


def test_an_engine_is_named_with_its_version():
    assert str(Engine("onnxruntime", "float32")).startswith("ONNX Runtime 1.")
    assert str(Engine("mindspore")).startswith("MindSpore 2.") and "," not in str(Engine("mindspore"))
