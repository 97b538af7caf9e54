"""The schedule ledger: planning days, the states of rows, what operators do to them, and exported lists."""
