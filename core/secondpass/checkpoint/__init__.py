"""What lies on disk becomes config, weights, head and tokenizer."""
