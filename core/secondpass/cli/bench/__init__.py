"""`secondpass bench`: the command and its tables."""
