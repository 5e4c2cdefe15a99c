"""The products of the encoder, in each number format."""
