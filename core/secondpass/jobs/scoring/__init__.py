"""From pairs to scores, of which some may fail; and whose scores a job takes."""
