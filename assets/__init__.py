"""Dagster assets and their checks: a module for each stage of the pipeline, and one for each check that needs its own.

Belongs here: what a stage is, what it depends on, and what a materialisation tells; how any step runs and ends, by a
signal too (`steps`), and what their pages show (`shown`). Does not belong here: rules that a test would want without
Dagster (`ekiden`), and when anything runs (`orchestration`).
"""
