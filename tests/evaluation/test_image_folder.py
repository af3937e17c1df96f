# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Which files of a folder are predicted on, and that the others are named."""
import cv2
import numpy as np
import pytest

from model_utils.errors import UserError
from src.evaluation.image_folder import image_paths

PNG = cv2.imencode(".png", np.full((8, 8, 3), 90, np.uint8))[1].tobytes()


def write(folder, **files):
    """Write files, by name with __ for a slash and _ for a dot; returns the folder."""
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def names_of(folder, *arguments):
    return [str(path.relative_to(folder)) for path in image_paths(folder, *arguments)]


def test_images_are_found_by_suffix_or_content_in_all_folders_once(tmp_path, capsys):
    folder = write(tmp_path / "in", b_png=PNG, sub__a=PNG, notes_txt=b"{}", broken_jpg=b"no image", _hidden_png=PNG,
                   _thumbnails__c_png=PNG)
    write(tmp_path / "elsewhere", d_png=PNG)
    for name, target in (("link", tmp_path / "elsewhere"), ("sub/circle", folder), ("lost", tmp_path / "nowhere")):
        (folder / name).symlink_to(target)
    # A file that is called an image is one for the decoder to refuse, which names it.
    assert names_of(folder) == ["b.png", "broken.jpg", "link/d.png", "sub/a"]
    assert capsys.readouterr().err == (f"warning: {folder}: 4 entries are no images, or hidden, and left out: "
                                       ".hidden.png, .thumbnails, lost, notes.txt\n")


def test_what_an_earlier_run_drew_is_no_input(tmp_path, capsys):
    folder = write(tmp_path, a_png=PNG, out__a_png=PNG, out__sub__b_png=PNG)
    assert names_of(folder, str(folder / "out")) == ["a.png"]
    assert names_of(folder, str(folder)) == names_of(folder) == ["a.png", "out/a.png", "out/sub/b.png"]
    assert capsys.readouterr().err == ""


def test_one_image_is_itself_and_nothing_is_an_error(tmp_path):
    folder = write(tmp_path, a_txt=b"no image")
    assert image_paths(folder / "a.txt") == [folder / "a.txt"]
    for path, message in ((folder, "among the 1 file of"), (folder / "none", "no such file; name an image or")):
        with pytest.raises(UserError, match=message):
            image_paths(path)
