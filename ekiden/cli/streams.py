"""The three standard streams of a command: that they are there, and what becomes of one that nobody takes.

Does not belong here: what is written (`output`).
"""

import os
import sys

CLOSED = {"stdin": ("r", os.O_RDONLY), "stdout": ("w", os.O_RDONLY), "stderr": ("w", os.O_WRONLY)}
"""How a stream that was closed is opened, in the order of their numbers. Results that are written to one that may only
be read are an error, as they would be; without one, the complaint about it would be another."""


def open_closed_streams() -> None:
    """Give every stream that was closed before the command began a place from which nothing comes or goes.

    Otherwise the first file or connection that is opened gets its number, and a child process writes into that.
    """
    for number, (name, (mode, flags)) in enumerate(CLOSED.items()):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, flags)
            os.dup2(opened, number)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def let_go_of_output() -> None:
    """Let what stands in the output's buffer go nowhere: Python would try again as it ends, and complain of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
