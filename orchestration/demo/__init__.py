"""`make demo`, which `run` is; the other modules are what it asks, shows and makes.

Does not belong here: anything that a deployment would need.
"""
