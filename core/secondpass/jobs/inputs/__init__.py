"""From files to rows: which files are read, of which formats, and what of a row is taken."""
