# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What `--image` names, and mistakes in it."""
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_utils.errors import UsageError, UserError
from src.evaluation.sources import find_sources, output_names

PNG = cv2.imencode(".png", np.full((8, 8, 3), 90, np.uint8))[1].tobytes()


@pytest.fixture(name="folder")
def fixture_folder(tmp_path, monkeypatch):
    """A working folder with images, videos and other files in two levels."""
    for name in ("in/b.png", "in/a.ppm", "in/sub/c.png", "in/sub/d.mp4", "in/e.avi", "x[1].png", "0"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(text, **options):
    return [(str(source.place), source.is_video, source.drawing) for source in find_sources(text, **options)]


def test_a_folder_has_images_and_videos(folder):
    top = [("in/a.ppm", False, "a.ppm.png"), ("in/b.png", False, "b.png"), ("in/e.avi", True, "e.avi.mp4")]
    assert found("in") == [*top, ("in/sub/c.png", False, "sub/c.png"), ("in/sub/d.mp4", True, "sub/d.mp4")]
    assert found("in", recursive=False) == top
    (folder / "empty" / "sub").mkdir(parents=True)
    (folder / "empty" / "sub" / "a.png").write_bytes(PNG)
    with pytest.raises(UserError, match="no image among the 0 files of this folder; expected"):
        find_sources("empty", recursive=False)


def test_a_pattern_is_sorted_and_may_reach_into_folders(folder):
    assert found("in/*.p*") == [("in/a.ppm", False, "a.ppm.png"), ("in/b.png", False, "b.png")]
    assert [place for place, *_ in found("in/**/*.png")] == ["in/b.png", "in/sub/c.png"]
    # A file of that very name comes before the pattern.
    assert found("x[1].png") == [("x[1].png", False, "x[1].png")]
    with pytest.raises(UserError, match=r"in/\*.tif: this pattern fits no file"):
        find_sources("in/*.tif")


@pytest.mark.parametrize(("names", "own"), [
    (("a.png", "b.png", "a.ppm", "sub/b.png"), [False, True, False, True]),
    # Labels of frames are clip_0.txt and so on; those of clip_1.avi are clip_1_0.txt.
    (("clip.avi", "clip_1.avi", "clip_0.png", "clip_1_7.png", "clip_x.png"), [True, True, False, False, True]),
    (("clip.avi", "clip.png"), [False, False]), (("a.png", "a.ppm", "a.png.ppm"), [False, False, False])])
def test_inputs_that_would_share_their_labels_are_known(folder, names, own):
    for name in names:
        (folder / "new" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "new" / name).write_bytes(PNG)
    found = {str(source.place): source.has_own_stem for source in find_sources("new")}
    assert [found[f"new/{name}"] for name in names] == own


def test_a_list_file_has_a_path_in_each_line(folder):
    (folder / "in" / "list.txt").write_text(f"b.png\n\n# a remark\nsub/d.mp4\r\nx[1].png\n{folder}/in/a.ppm\nb.png\n",
                                            newline="")
    assert found("in/list.txt") == [
        ("in/b.png", False, "in/b.png"), ("in/sub/d.mp4", True, "in/sub/d.mp4"), ("x[1].png", False, "x[1].png"),
        (f"{folder}/in/a.ppm", False, "in/a.ppm.png")]


@pytest.mark.parametrize(("text", "words"), [
    ("", "no line of this list names an image"), ("# no\n", "no line"), ("abcdef\0g\n", "no text"),
    ("nowhere/a.png\nb.png\n", "none of its 2 paths exists, the first is 'nowhere/a.png'")])
def test_a_list_of_nothing_is_refused(tmp_path, text, words):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UserError, match=f"list.txt: {words}"):
        find_sources(str(tmp_path / "list.txt"))


@pytest.mark.parametrize(("text", "label", "drawing"), [
    ("1", "camera 1", "camera_1.mp4"), ("007", "camera 7", "camera_7.mp4"),
    ("rtsp://me:secret@camera/1?a=b", "rtsp://***@camera/1?a=b", "stream.mp4"),
    ("rtsp://me:se@cr@t@10.0.0.5/live", "rtsp://***@10.0.0.5/live", "stream.mp4"),
    ("HTTP://host/a.m3u8", "HTTP://host/a.m3u8", "stream.mp4"), ("udp://@:5000", "udp://@:5000", "stream.mp4")])
def test_cameras_and_streams(folder, text, label, drawing):
    (source,) = find_sources(text)
    assert source.is_live and source.is_video and (source.label, source.drawing) == (label, drawing)


def test_a_file_with_the_name_of_a_camera_is_a_file(folder):
    (source,) = find_sources("0")
    assert source.place == Path("0") and not source.is_video and not source.is_live


@pytest.mark.parametrize(("text", "words"), [
    ("rtsp:/camera/1", "expected rtsp:// and the host, as in rtsp://camera/1"),
    ("rtsp:camera", "as in rtsp://camera"), ("http:\\\\host\\a", "expected http:// and the host"),
    ("rtsp://", "as in rtsp://camera/1"), ("rtps://camera", "scheme rtps is none of a stream .*; did you mean rtsp"),
    ("s3://bucket/a.jpg", "scheme s3 is none .*copy other data"), ("www.host.org/a.mp4", "begins with its scheme"),
    ("file:///home/a.jpg", "leave file:// out: --image /home/a.jpg"), ("file:home/a.jpg", "--image /home/a.jpg"),
    ("https://www.youtube.com/watch?v=1", "address of a web page; download the video"),
    ("https://host/a.JPG?size=big", "an image on the web; download it")])
def test_mistakes_in_an_address_are_explained(folder, text, words):
    with pytest.raises(UsageError, match=words):
        find_sources(text)


def test_what_is_not_there_is_named(folder):
    with pytest.raises(UserError, match="in/z.png: no such file; name an image or a folder of images by --image PATH"):
        find_sources("in/z.png")


def test_drawings_keep_their_folders_and_overwrite_no_input(folder):
    paths = [Path("in/a.jfif"), Path("in/b.JPG"), Path("in/sub/c.MP4"), folder / "in" / "d.mov"]
    assert output_names(paths, "") == ["a.jfif.png", "b.JPG", "sub/c.MP4", "d.mov.mp4"]
    with pytest.raises(UsageError, match=r"would overwrite inputs \(b.png\)"):
        find_sources("in/*.png", "in")
    assert len(find_sources("in/*.png", "out")) == 1
