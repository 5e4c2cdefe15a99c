"""Whether it is what was asked that failed, or who was asked: whether another question may fare better."""

from typing import Final

from secondpass.errors import CheckpointError, MissingExtraError, RemoteError

# How a service says that it is the request that is wrong, too large for it, or what its model fails for (TEI's 424, the
# 500 of others, and 200 with results that are not those of the documents).
_OF_A_REQUEST: Final = frozenset({200, 400, 413, 422, 424, 500})


# How it, or a gateway before it, says that it cannot be asked now; None where it does not answer.
_AWAY: Final = frozenset({None, 408, 429, 502, 503, 504})


def is_of_the_scorer(error: BaseException) -> bool:
    """Whether a scorer that raised this would fail for other pairs as well."""
    if isinstance(error, RemoteError):
        return error.status not in _OF_A_REQUEST
    return isinstance(error, CheckpointError | MissingExtraError)


def is_away(error: BaseException) -> bool:
    """Whether a scorer that raised this cannot be asked now: to ask it for less would take as long again."""
    if isinstance(error, RemoteError):
        return error.status in _AWAY
    return is_of_the_scorer(error)
