"""The `secondpass` command."""
