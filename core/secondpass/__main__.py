"""`python -m secondpass` is the `secondpass` command."""

from secondpass.cli import main

main()
