"""Attention within each pair of a packed batch."""
