"""The public door: what providers and customers' mail programs tell us over HTTP.

Does not belong here: what is done with it once it is kept (`ekiden.delivery.events`, `ekiden.delivery.consent`).
"""
