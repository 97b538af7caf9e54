"""How any step runs and ends: for whom it acts, how it refuses, how it is terminated, which days and pools it has.

Belongs here: what several assets and the jobs of `orchestration` share. Does not belong here: an asset, and how
anything shows itself (`shown`).
"""
