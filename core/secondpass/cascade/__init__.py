"""Scorers in a row: who reads what, and the order that comes of it."""

from secondpass.cascade.cascade import Cascade
from secondpass.cascade.descent import CascadedDocument

__all__ = ["Cascade", "CascadedDocument"]
