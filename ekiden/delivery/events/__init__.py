"""What providers tell of messages, from the stored webhook requests into the ledger and the suppression list.

Does not belong here: receiving it (`ekiden.webhook`), and settling what nobody knows the outcome of
(`unknown`).
"""
