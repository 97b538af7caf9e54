"""What a scenario is: its definition, the faults a definition can have, and its immutable versions."""
