"""Which module has which command; a module is imported when one of its commands is run.

Belongs here: the table, and finding a command by it. Does not belong here: any command. Importing every command takes
longer than most of them do, so a module imports what it needs at its top, as everywhere, and only this one knows that
it may never come to it. A new module needs `register(app)` and its line in `COMMANDS`.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "database": ("db",),
    "pipeline": ("load", "build", "up", "env"),
    "schedule": ("plan", "send", "rows", "show"),
    "held": ("held",),
    "lists": ("export", "exports", "list"),
    "decisions": ("decisions",),
    "operators": ("release", "hold", "complete", "block", "retry", "reopen", "delete"),
    "unknown": ("unknown",),
    "opt_outs": ("opt-out", "suppressions"),
    "pauses": ("status", "pause", "resume", "check"),
    "audience": ("audience",),
    "segment": ("segment",),
    "why": ("why",),
    "diff": ("diff",),
    "timeline": ("timeline",),
    "scenarios": ("validate", "scenario"),
    "webhook": ("webhook", "events"),
}
"""The modules beside this one in the order of `ekiden --help`, and the commands that each registers."""


class Commands(TyperGroup):
    """The group of all commands; what needs all of them, like help and completion, imports all of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands in the order of the help."""
        self.commands = registered(COMMANDS)
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or None if there is none of this name."""
        if cmd_name not in self.commands:
            owners = [module for module, names in COMMANDS.items() if cmd_name in names]
            self.commands = {**self.commands, **registered(owners or COMMANDS)}
        return super().get_command(ctx, cmd_name)


def registered(modules: Iterable[str]) -> dict[str, Any]:
    """Return the commands of these modules by name: plain ones first, then groups of commands."""
    app = typer.Typer()
    for module in modules:
        import_module(f"ekiden.cli.{module}").register(app)
    return dict(typer.main.get_group(app).commands)
