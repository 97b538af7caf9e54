"""Dagster assets and their checks, one module per stage of the pipeline.

Belongs here: what a stage is, what it depends on, and what a materialisation tells. Does not belong here: rules
that a test would want without Dagster (`ekiden`), and when anything runs (`orchestration`).
"""
