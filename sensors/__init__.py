"""One module per sensor: a pure `decide` and a thin `@sensor`.

A sensor only asks for runs. Work, and rules about what is due, are in `ekiden`.
"""
