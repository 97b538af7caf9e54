"""How a row comes to be: when it is due, at what time it goes out, and whether it is ready or held from the first.

All of it is one statement, `create_rows`, whatever the rows are for: its CTEs say the due date (`dated`), the time with
the customer's habit and the send window (`timed`), and what is skipped or held (`judged`). Belongs here: that, for a
plan's first steps and for the step after one that was sent. Does not belong here: whose rows are wanted (`plan`,
`advance`).
"""

from psycopg import sql

from ekiden.database.statements import statement


def creation_of(wanted: sql.SQL) -> sql.Composed:
    """Return the statement that makes the rows which `wanted` yields (T1, T2), and no second one of a step.

    It needs the parameters `now`, `today`, `time_zone`, `run_id`, `first_day` and `last_day`; the days are those of a
    sweep, null for steps that follow another one.
    """
    return statement(__file__, "create_rows").format(wanted=wanted)
