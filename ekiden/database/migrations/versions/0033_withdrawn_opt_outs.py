"""Opt-outs that were withdrawn are found without looking at all the others."""

from functools import partial

from ekiden.database.migrations.by_sql_file import refuse_to_go_back, run_sql_beside

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

upgrade = partial(run_sql_beside, __file__)
downgrade = refuse_to_go_back
