"""The schedule ledger: planning days, the states of rows, and what operators do to them."""
