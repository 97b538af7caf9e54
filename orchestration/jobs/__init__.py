"""The jobs of the launchpad, by what they are about, and the forms that they ask for.

Does not belong here: what a job does (`ekiden`), when one starts by itself (`orchestration.schedules`, `sensors`).
"""
