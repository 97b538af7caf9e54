"""Mail by a server that speaks SMTP: the talk, its lines, and what replies mean.

Does not belong here: how a message becomes a mail (`ekiden.delivery.channels.mime`).
"""
