"""How many bytes the open requests hold: what came, and what is still being sent."""

from secondpass.service.problems import Kind, Problem


class HeldBytes:
    """The bytes of all open requests together.

    Args:
        most: The most that requests may bring; an answer is sent however large it is, and counts.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._n_bytes = 0

    def add(self, n_bytes: int) -> None:
        """Hold more of a request; raise Problem where there is no room for it."""
        if self._n_bytes + n_bytes > self._most:
            raise Problem(
                Kind.OVERLOADED,
                f"all requests together, with answers that are being sent, must have at most {self._most} bytes",
                retry_after=1,
            )
        self._n_bytes += n_bytes

    def change(self, n_bytes: int) -> None:
        """Hold so many bytes more, or less where it is negative, whatever there is room for."""
        self._n_bytes += n_bytes


class RequestBytes:
    """The bytes that one request holds.

    Args:
        held: Those of all.
    """

    def __init__(self, held: HeldBytes) -> None:
        self._held = held
        self._n_bytes = 0

    def receive(self, n_bytes: int) -> None:
        """A part of the body has come; raise Problem where there is no room for it."""
        self._held.add(n_bytes)
        self._n_bytes += n_bytes

    def answer(self, n_bytes: int) -> None:
        """An answer is sent, which takes the place of the body."""
        more = max(0, n_bytes - self._n_bytes)
        self._held.change(more)
        self._n_bytes += more

    def release(self) -> None:
        """The request is over."""
        self._held.change(-self._n_bytes)
        self._n_bytes = 0
