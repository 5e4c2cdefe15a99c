"""Training without padding, in transformers' own layers."""
