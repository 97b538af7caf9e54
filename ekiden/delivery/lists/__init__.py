"""Lists for channels that Ekiden does not send by itself, DM and outbound calls: who is due, written to a file.

Does not belong here: what becomes of the people on a list after it is written (`ekiden.schedule.operating.actions`).
"""
