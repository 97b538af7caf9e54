"""The acceptance runner: scripts of tables, a timeline and expected rows, played against the real code."""
