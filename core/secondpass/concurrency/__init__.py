"""Threads and forked processes: what calls run in, and what no process takes over from its parent."""
