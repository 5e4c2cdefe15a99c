"""Files of text: their lines, their JSON objects, these objects' fields, and folders to write to."""
