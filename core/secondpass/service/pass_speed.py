"""How fast a queue's passes are, which says when there will be room."""

# Tokens and seconds of a pass until a first one has been timed: what a small model does on two cores.
_FIRST_GUESS = (1_000.0, 0.1)
# Weight of the newest pass in the averages of these.
_NEWEST = 0.2


class PassSpeed:
    """A running average of passes, of which some may run side by side. Whoever calls it holds a lock."""

    def __init__(self) -> None:
        self._mean_tokens, self._mean_seconds = _FIRST_GUESS
        self._last_end = 0.0

    def add(self, n_tokens: int, began: float, ended: float) -> None:
        """Count a pass.

        Args:
            n_tokens: Of all its pairs.
            began: Seconds on a clock that never goes back.
            ended: On the same clock; passes are counted in the order in which they end.
        """
        # Each counts from the end of the one before it, so that no second counts twice.
        seconds = ended - max(began, self._last_end)
        self._last_end = ended
        self._mean_tokens += _NEWEST * (n_tokens - self._mean_tokens)
        self._mean_seconds += _NEWEST * (seconds - self._mean_seconds)

    def seconds(self, n_tokens: int) -> float:
        """How long so many tokens are expected to take."""
        return n_tokens * self._mean_seconds / self._mean_tokens
