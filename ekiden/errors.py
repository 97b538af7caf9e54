"""Errors whose words say enough, whatever went wrong and wherever: a traceback would only hide them.

Belongs here: the mark by which every door knows them, a command, a job and the demo. Does not belong here: any such
error, which stands with what raises it, and the words for errors of others (`ekiden.cli.expected`).
"""


class SaysEnough(Exception):
    """Its message says what is wrong and what to do: it is told in one line to whoever asked."""
