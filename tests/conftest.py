# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The environment that MindSpore is imported in, the distribution of tests to workers, and their mode and memory."""
import ctypes
import gc
import os
import resource
import sys
from pathlib import Path

# Two workers share two cores, and the programs that they start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import model_utils.bootstrap  # noqa: F401  (before any MindSpore)

import psutil
import pytest

TESTS = Path(__file__).resolve().parent
# Folders that run first, longest first: a long one that starts last leaves the other worker idle.
LONGEST = ("launch", "ascend310", "training", "faults", "programs", "repository", "scripts")
# Folders that one worker runs as one group, by its name: their tests share jobs of several ranks, the built app, or
# compiled steps. A test elsewhere joins by @pytest.mark.xdist_group(name).
GROUPS = {"launch": "ranks", "ascend310": "ascend310", "training": "training"}
# A process below it keeps its compiled graphs from module to module; a training step takes 0.2 GiB.
KEPT_BYTES = 5 * 2**29


def folder_of(item):
    """Return the folder of tests/, or the file in it, that an item is from."""
    return item.path.relative_to(TESTS).parts[0]


def pytest_itemcollected(item):
    """Keep the tests of a group, or else of a module, on one worker; xdist reads the mark before the hook below."""
    if item.get_closest_marker("xdist_group") is None:
        item.add_marker(pytest.mark.xdist_group(GROUPS.get(folder_of(item), str(item.path.relative_to(TESTS)))))


def pytest_collection_modifyitems(items):
    """Put the tests of long folders first."""
    items.sort(key=lambda item: LONGEST.index(folder_of(item)) if folder_of(item) in LONGEST else len(LONGEST))


def pytest_collection_finish():
    """Take modules and tests, which stay until the end, out of garbage collection."""
    # MindSpore asks for one at each compilation; they took a twentieth of the time.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def fixture_cache(tmp_path_factory):
    """Keep what programs remember of images out of the user's own cache folder."""
    os.environ["YOLOV3_TINY_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module", autouse=True)
def fixture_mode():
    """Start each module as it would start alone: a program that another one ran has left graph mode, which compiles."""
    if "mindspore" in sys.modules:
        import mindspore as ms

        ms.set_context(mode=ms.PYNATIVE_MODE)


@pytest.fixture(scope="module", autouse=True)
def fixture_memory():
    """After each module, drop the compiled graphs of a process that has grown large."""
    yield
    if "mindspore" in sys.modules and psutil.Process().memory_info().rss > KEPT_BYTES:
        release_graphs()


def release_graphs():
    """Free MindSpore's compiled graphs and the weights that they hold.

    A network in use is compiled again at its next call; a `GraphCell` must be loaded again, so no fixture of more than
    a module may hold one.
    """
    import mindspore as ms
    from mindspore.graph import api

    # It holds every jitted function, and with it the network and the optimizer of its closure.
    api._get_func_args_info_cached.cache_clear()
    ms.ms_memory_recycle()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def pytest_terminal_summary(terminalreporter, config):
    """Print the peak memory of the largest process: this one, a worker, or a program that a test started."""
    if not hasattr(config, "workerinput"):
        kibibytes = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        terminalreporter.write_line(f"peak memory of the largest process: {kibibytes / 2**20:.2f} GiB")
