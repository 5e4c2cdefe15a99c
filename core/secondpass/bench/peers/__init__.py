"""How other libraries score pairs, each the way its documentation shows; imported only when they compete."""
