"""What is named there is there: a file renamed would lose its place without a word."""

import pytest

from ekiden.settings import PROJECT_ROOT
from tests.sharing_out import FIRST, TOGETHER, unit


@pytest.mark.parametrize("name", [*FIRST, *TOGETHER])
def test_what_is_named_is_there(name: str):
    assert (PROJECT_ROOT / name).exists()


@pytest.mark.parametrize("name", FIRST)
def test_what_comes_first_is_shared_out_as_one(name: str):
    assert name in TOGETHER or unit(f"{name}::test_something[a::b/c]") == name


def test_files_of_a_folder_stay_together_where_it_is_named():
    assert unit("tests/integration/warehouse/test_build.py::test_a") == "tests/integration/warehouse"
    assert unit("tests/integration/warehouse_changes/test_changes.py::test_a") != "tests/integration/warehouse_changes"
