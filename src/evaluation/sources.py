# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What `--image` names: images, videos, streams and cameras, each with the name of its drawing."""
import glob
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_utils.errors import UsageError, UserError, nearest, quoted
from model_utils.json_file import decode_text, read_file
from src.evaluation.image_folder import VIDEOS, WRITABLE, image_paths

# Schemes of addresses that OpenCV's FFmpeg opens.
SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "rtp", "srt")
# Begins like an address, also one whose slashes were lost or changed.
ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?P<slashes>[/\\]*)(?P<rest>.*)", re.DOTALL)
# Web sites whose addresses are those of a page around the video.
PAGES = ("youtube.com", "youtu.be", "vimeo.com", "bilibili.com")
# A password may have an @ in it.
PASSWORD = re.compile(r"//[^/]+@")
FRAME_NUMBER = re.compile(r"_[0-9]+$")
VIDEO_SUFFIX = ".mp4"
LIST_SUFFIX = ".txt"
MAX_LIST_MB = 100


@dataclass(frozen=True)
class Source:
    """An image or video file, a stream or a camera.

    Attributes:
        place: a path, an address, or the number of a camera.
        is_video: whether it has frames.
        drawing: name of the drawn image or video, below the output folder.
        has_own_stem: whether YOLO labels by its name without the suffix are those of no other input.
    """
    place: Path | str | int
    is_video: bool
    drawing: str
    has_own_stem: bool = True

    @property
    def label(self) -> str:
        """Its text in messages and results: the path, the address without a password, or `camera N`."""
        if isinstance(self.place, int):
            return f"camera {self.place}"
        return PASSWORD.sub("//***@", self.place) if isinstance(self.place, str) else str(self.place)

    @property
    def is_live(self) -> bool:
        """Whether it is a stream or a camera, which does not wait for the reader."""
        return not isinstance(self.place, Path)


def find_sources(text: str, output_dir: str = "", recursive: bool = True) -> list[Source]:
    """Return what a text names, see the option `image`, in its order; a folder and a pattern sorted by path.

    Args:
        text: an image or video file, a folder of them, a pattern, a .txt file with a path a line, the address of a
            stream, or the number of a camera. What exists as a file or folder is that.
        output_dir: what lies there was drawn by an earlier run, and is no input of a folder; empty: a new folder.
        recursive: read the sub-folders of a folder, too.

    Raises:
        UserError: there is nothing of this name, or it is empty.
        UsageError: an address that cannot be one, or a drawing would overwrite one of the inputs.
    """
    path = Path(text)
    if path.is_file() and path.suffix.lower() == LIST_SUFFIX:
        paths = _listed_paths(path)
    elif os.path.lexists(path):
        paths = image_paths(path, output_dir, recursive)
    elif text.isascii() and text.isdecimal():
        return [Source(int(text), True, f"camera_{int(text)}{VIDEO_SUFFIX}")]
    elif ADDRESS.fullmatch(text) or text.lower().startswith("www."):
        return [Source(_checked_address(text), True, f"stream{VIDEO_SUFFIX}")]
    elif glob.has_magic(text):
        paths = sorted(Path(found) for found in glob.glob(text, recursive=True) if not os.path.isdir(found))
        if not paths:
            raise UserError(f"{text}: this pattern fits no file; check --image")
    else:
        paths = image_paths(path)
    videos = [path.suffix.lower() in VIDEOS for path in paths]
    names = output_names(paths, output_dir)
    return [Source(*source) for source in zip(paths, videos, names, _own_stems(paths, videos), strict=True)]


def output_names(paths: Sequence[Path], output_dir: str) -> list[str]:
    """Return the name of each drawing: its input's, below their common folder, with a suffix appended if need be.

    Raises:
        UsageError: `output_dir` is no folder, or a drawing would overwrite one of the inputs.
    """
    if os.path.lexists(output_dir) and not os.path.isdir(output_dir):
        raise UsageError(f"output_dir {output_dir}: is no folder; name a folder, which is made if it is missing")
    absolute = [Path(os.path.abspath(path)) for path in paths]
    root = os.path.commonpath([path.parent for path in absolute])
    names = [os.path.relpath(path, root) + _appended(path.suffix.lower()) for path in absolute]
    if output_dir:
        inputs = {path.resolve() for path in paths}
        overwritten = [name for name in names if (Path(output_dir) / name).resolve() in inputs]
        if overwritten:
            raise UsageError(f"output_dir {output_dir}: drawn images would overwrite inputs ({overwritten[0]}); choose "
                             "another folder")
    return names


def _own_stems(paths, videos):
    """Return `has_own_stem` of each input; the labels of a frame have its number, as the name of an image may have."""
    stems, names = [os.path.splitext(path)[0] for path in paths], set(map(str, paths))
    counts, of_videos = Counter(stems), {stem for stem, is_video in zip(stems, videos, strict=True) if is_video}
    for stem, is_video in zip(stems, videos, strict=True):
        is_frame = not is_video and stem not in of_videos and FRAME_NUMBER.sub("", stem) in of_videos
        yield counts[stem] == 1 and stem not in names and not is_frame


def _appended(suffix):
    """Return what the name of a drawing has behind the suffix of its input."""
    if suffix in VIDEOS:
        return "" if suffix == VIDEO_SUFFIX else VIDEO_SUFFIX
    return "" if suffix in WRITABLE else ".png"


def _listed_paths(path):
    """Return the paths of a list file, each once; a relative one starts at the list's folder or the working folder."""
    lines = [line.strip() for line in decode_text(read_file(path, "list of images", MAX_LIST_MB,
                                                            "name a shorter list")).splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    if not names or any("\0" in name for name in names):
        raise UserError(f"{path}: {'no text' if names else 'no line of this list names an image'}; expected the path "
                        "of an image or video in each line")
    beside = [path.parent / name for name in names]
    found = [Path(name) if not os.path.lexists(there) and os.path.lexists(name) else there
             for name, there in zip(names, beside, strict=True)]
    if not any(map(os.path.lexists, found)):
        raise UserError(f"{path}: none of its {len(found)} paths exists, the first is {quoted(names[0])}; expected "
                        "paths from the folder of the list or from the working folder")
    return list(dict.fromkeys(found))


def _checked_address(text):
    """Return the address of a stream; a UsageError explains one that cannot be opened as it is."""
    match = ADDRESS.fullmatch(text)
    scheme, slashes, rest = match.groups() if match else ("", "", text)
    scheme, host = scheme.lower(), rest.lower().partition("/")[0]
    if scheme == "file":
        problem = f"leave file:// out: --image {'/' * (not rest.startswith('/')) + rest}"
    elif not match:
        problem = "an address begins with its scheme, such as http:// or rtsp://"
    elif scheme not in SCHEMES:
        problem = (f"the scheme {scheme} is none of a stream ({', '.join(SCHEMES)}){nearest(scheme, SCHEMES)}; copy "
                   "other data to this machine first")
    elif slashes != "//" or not rest:
        problem = f"expected {scheme}:// and the host, as in {scheme}://{rest.lstrip('/') or 'camera/1'}"
    elif any(host == page or host.endswith(f".{page}") for page in PAGES):
        problem = "this is the address of a web page; download the video, then name the file"
    elif Path(rest.partition("?")[0]).suffix.lower() in WRITABLE:
        problem = "this is an image on the web; download it (curl -O ADDRESS), then name the file"
    else:
        return text
    raise UsageError(f"image is {quoted(text)}: {problem}")
