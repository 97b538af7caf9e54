"""Building and testing the models: `dbt build`, as at a terminal.

Belongs here: one build, and how it failed. Does not belong here: which project is built (`parsing`, `project`), whom a
failed build blames (`unbuilt`), and the builds of Dagster's runs (`orchestration.warehouse`).
"""

import os
import subprocess
from collections.abc import Mapping, Sequence

from ekiden.settings import Settings
from ekiden.warehouse.dbt import BuildFailed, command, one_at_a_time, target_path
from ekiden.warehouse.outlived import ended_with_us
from ekiden.warehouse.project import PreparedProject
from ekiden.warehouse.unbuilt import RESULTS, Unbuilt, unbuilt_scenarios

WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
"""They try the models on made-up rows: a matter of development (`make test`), not of a shop's morning."""


class ScenariosUnbuilt(BuildFailed):
    """Nothing that concerns every scenario was not built; the other scenarios were, if there are others."""

    def __init__(self, unbuilt: Unbuilt) -> None:
        super().__init__("dbt build failed; its output above names the model or test")
        self.unbuilt = unbuilt


def build(
    settings: Settings,
    project: PreparedProject,
    environment: Mapping[str, str],
    select: Sequence[str] = (),
    *,
    full_refresh: bool = False,
) -> None:
    """Build and test the models (`dbt build`), output to the terminal.

    Raises `ScenariosUnbuilt` if some were not built and everything else was, `BuildFailed` otherwise.

    `project` is what `readable_project` returned: scenarios whose files have faults are built empty and leave the
    others alone.
    """
    arguments = ["build", *WITHOUT_UNIT_TESTS]
    if select:
        arguments += ["--select", *select]
    if full_refresh:
        arguments.append("--full-refresh")
    build_command = command(arguments, project.folder, target_path(settings), settings)
    with one_at_a_time(settings, "build") as lock:
        # dbt writes its results at the end: those of an earlier build would be taken for this one's
        (target_path(settings) / RESULTS).unlink(missing_ok=True)
        variables = {**os.environ, **environment, **project.environment()}
        # the lock is dbt's as well: where we are killed, the next one waits until it has ended
        with subprocess.Popen(build_command, env=variables, pass_fds=[lock]) as dbt, ended_with_us(dbt):
            has_failed = dbt.wait() != 0
        unbuilt = unbuilt_scenarios(target_path(settings)) if has_failed else None
    if unbuilt:
        raise ScenariosUnbuilt(unbuilt)
    if has_failed:
        raise BuildFailed("dbt build failed; its output above names the model or test")
