"""Which module has which command; a module is imported when one of its commands is run.

Belongs here: the table, and finding a command by it. Does not belong here: any command. Importing every command takes
longer than most of them do, so a module imports what it needs at its top, as everywhere, and only this one knows that
it may never come to it. A new module needs `register(app)` and its line in `COMMANDS`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "database": ("db",),
    "pipeline": ("load", "build"),
    "processes": ("up", "env"),
    "plan": ("plan",),
    "send": ("send",),
    "rows": ("rows",),
    "show": ("show",),
    "held": ("held",),
    "lists": ("export", "exports", "list"),
    "decisions": ("decisions",),
    "operators": ("release", "hold", "complete", "block", "retry", "reopen", "delete"),
    "unknown": ("unknown",),
    "opt_outs": ("opt-out", "suppressions"),
    "status": ("status",),
    "pauses": ("pause", "resume"),
    "check": ("check",),
    "audience": ("audience",),
    "segment": ("segment",),
    "why": ("why",),
    "diff": ("diff",),
    "timeline": ("timeline",),
    "scenarios": ("validate", "scenario"),
    "webhook": ("webhook", "events"),
}
"""The modules beside this one in the order of `ekiden --help`, and the commands that each registers."""


class Command(TyperCommand):
    """A command that takes an option once, unless it is for several values: the last of two would win in silence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; wrong usage where an option of one value is given again."""
        if not ctx.resilient_parsing:
            _, _, given = self.make_parser(ctx).parse_args(args=list(args))
            for option, times in Counter(given).items():
                takes_one = isinstance(option, TyperOption) and not option.multiple and not option.is_flag
                if times > 1 and takes_one:
                    ctx.fail(f"{option.opts[0]} is given {times} times, and takes one value: run the command for each")
        return super().parse_args(ctx, args)


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
    _use_our_command(app)
    return dict(typer.main.get_group(app).commands)


def _use_our_command(app: typer.Typer) -> None:
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _use_our_command(group.typer_instance)
