"""The demo's shop: real orders of a public data set, with what it lacks made up.

Belongs here: turning a public data set into a folder that `ekiden load` reads. Does not belong here: any
other way into the database, and anything a real deployment needs.
"""
