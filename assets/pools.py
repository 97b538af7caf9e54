"""The pools of Dagster's: what must not run side by side."""

DBT_POOL = "dbt"
"""Two runs that build the same models would collide in their temporary tables: one at a time."""
