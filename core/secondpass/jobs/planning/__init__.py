"""What a job is: its input divided into shards, and the manifest by which it goes on."""
