"""From scored rows to files: shards with their ranks, what came of each, and the run made of them."""
