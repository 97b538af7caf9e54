"""One module per sensor: a pure `decide` and a thin `@sensor`; what they share of Dagster's runs is in `ended_runs`.

A sensor only asks for runs. Work, and rules about what is due, are in `ekiden`.
"""
