"""What goes wrong outside of Ekiden is told in a line."""

import errno
import os
from pathlib import Path

import pytest

from ekiden.cli.expected import told


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_folder_of_somebody_else_is_told_in_one_line(tmp_path: Path, number: int):
    why = os.strerror(number)
    assert told(PermissionError(number, why, str(tmp_path))) == [f"{tmp_path} could not be used: {why}"]
