"""Doing what is left of a job: shard by shard, in one process, and the results of all of them."""
