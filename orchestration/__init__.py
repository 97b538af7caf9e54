"""How the assets are composed and run: definitions, jobs, schedules, the instance and its processes.

Belongs here: what runs when, with which resources. Does not belong here: business rules, and SQL (but for what the
demo asks).
"""
