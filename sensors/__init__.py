"""One module per sensor: a pure `decide` and a thin `@sensor`; what they share is in `ended_runs` and `asked_jobs`.

A sensor only asks for runs. Work, and rules about what is due, are in `ekiden`.
"""
