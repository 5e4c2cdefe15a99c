"""What every framework adapter stands on: a model loaded on first use, shared, and its options as fields."""
