"""Whether it is what was asked that failed, or who was asked: whether another question may fare better."""

from typing import Final

from secondpass.errors import CheckpointError, MissingExtraError, RemoteError

# How a service says that it is the request that is wrong, too large for it, or what its model fails for (TEI's 424, the
# 500 of others, and 200 with a score that is no number).
_OF_A_REQUEST: Final = frozenset({200, 400, 413, 422, 424, 500})


def is_of_the_scorer(error: BaseException) -> bool:
    """Whether a scorer that raised this would fail for other pairs as well.

    A service that does not answer in time counts as one that is away: to ask it for less would take as long again.
    """
    if isinstance(error, RemoteError):
        return error.status not in _OF_A_REQUEST
    return isinstance(error, CheckpointError | MissingExtraError)
