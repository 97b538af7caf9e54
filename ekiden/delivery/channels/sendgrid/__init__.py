"""SendGrid: requests for many recipients, what its answers mean, and its suppression lists.

Does not belong here: its event webhook (`ekiden.webhook`, `ekiden.delivery.events`).
"""
