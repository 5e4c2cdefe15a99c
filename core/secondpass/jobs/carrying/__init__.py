"""How the columns of rows come to the output: from either kind of input to either kind of output."""
