"""`secondpass eval`: collections, re-ranking sets, and what is shown of them."""
