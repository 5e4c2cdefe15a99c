"""What a model reads: texts become tokens, pairs of them are truncated and joined."""
