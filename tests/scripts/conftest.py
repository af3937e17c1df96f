"""The place that each test of a script gets for itself."""
import pytest

from tests.scripts.place import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)
