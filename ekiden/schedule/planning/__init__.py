"""Planning days: who enters, who is stopped, which rows that makes, and what was decided of everybody else.

`plan` is the order of it all; `advance` goes on from a step that was sent. Does not belong here: conditions (dbt), and
what operators do (`operating`).
"""
