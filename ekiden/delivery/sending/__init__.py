"""From a row that is due to a recorded message: the last look, the claim, the message, the post, the record.

Does not belong here: how a provider is asked (`channels`), lists that people work through (`lists`).
"""
