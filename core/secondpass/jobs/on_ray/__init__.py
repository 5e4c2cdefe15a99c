"""Jobs and datasets scored by the workers of a Ray cluster."""
