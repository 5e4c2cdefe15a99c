"""Scorers whose model runs in this process: their calls, and what they say of what they read."""
