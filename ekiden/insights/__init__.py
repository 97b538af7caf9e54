"""Explaining what happened: the lineage of a message. Nothing here changes the ledger."""
