"""The one error of this package that callers are expected to show to a person.

Belongs here: exceptions about reaching or starting the database. Not here: errors of what is stored in it.
"""

from ekiden.errors import SaysEnough


class DatabaseUnavailable(SaysEnough, RuntimeError):
    """The database cannot be reached, started or created; the message names the place and the way out.

    Its text never holds a password, so it may be printed and logged.
    """
