"""What people do to rows: release, hold, complete, block, retry, reopen, delete.

Does not belong here: looking at rows (`ekiden.schedule.rows`, `held`), and pausing all sending
(`ekiden.delivery.pauses`).
"""
