"""A rule for who is in and gets no first row, because the scenario's period was moved meanwhile."""

from functools import partial

from ekiden.database.migrations.by_sql_file import refuse_to_go_back, run_sql_beside

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

upgrade = partial(run_sql_beside, __file__)
downgrade = refuse_to_go_back
