"""Texts that are too long for the place where they are told.

Does not belong here: how long a text may be there, which each place says itself.
"""


def shortened(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters; of one that was cut the last is an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
