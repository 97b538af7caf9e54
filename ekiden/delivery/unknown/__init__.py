"""Messages of which nobody knows whether they went out: finding, listing and settling them (docs/unknown.md).

Does not belong here: how an attempt comes to be one (`sending.record`).
"""
