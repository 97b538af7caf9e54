"""Dagster's pools: what must not run side by side. Does not belong here: how many of them may (`dagster.yaml`)."""

DBT_POOL = "dbt"
"""Two runs that build the same models would collide in their temporary tables: one at a time."""
