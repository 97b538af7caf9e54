"""Where a message goes: mail addresses, telephone numbers, browsers, and which of a customer's it is.

Does not belong here: whether the customer may be written to at all (`consent`).
"""
