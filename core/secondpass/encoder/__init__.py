"""The transformer itself, over packed (padding-free) tokens."""
