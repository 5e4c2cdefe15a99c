"""Config, weights and tokenizer read as data, without transformers."""
