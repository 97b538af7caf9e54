"""Which module has which command, and what is imported for one."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from ekiden.cli.commands import COMMANDS, registered


@pytest.mark.parametrize("module", COMMANDS)
def test_a_module_registers_the_commands_that_the_table_names(module):
    assert tuple(registered([module])) == COMMANDS[module]


def test_no_command_is_registered_twice():
    names = [name for commands in COMMANDS.values() for name in commands]
    assert len(names) == len(set(names)) == len(registered(COMMANDS))


def test_why_needs_neither_the_planner_nor_the_sender_nor_dbt():
    code = (
        "import sys; from ekiden.cli.commands import registered; registered(['why']);"
        " print([name for name in sys.modules if name.startswith('ekiden.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for module in (
        "ekiden.schedule.planning.plan",
        "ekiden.delivery.sending.send",
        "ekiden.warehouse.dbt",
        "ekiden.raw.load",
    ):
        assert repr(module) not in done.stdout


def test_the_version_is_that_of_the_installed_package():
    done = subprocess.run(
        [sys.executable, "-c", "from ekiden.cli import main; main()", "--version"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"ekiden {version('ekiden')}\n"
