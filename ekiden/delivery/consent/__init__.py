"""Who may not be written to: opt-outs, suppressions and unsubscribe links, recorded and read.

Does not belong here: where a message to somebody who may be written to goes (`address`).
"""
