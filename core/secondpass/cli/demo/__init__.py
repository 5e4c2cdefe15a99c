"""`secondpass demo`: questions, answers, and why one moved up."""
