"""What the service found, before an API puts it into words of its own."""

from dataclasses import dataclass

from secondpass.ranking import RankedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The answer to a `RerankRequest`.

    Args:
        model: The name of the model that answered.
        ranked: Best first, as many as were asked for.
        n_tokens: Tokens of all pairs.
        warnings: What the caller should know of the answer.
    """

    model: str
    ranked: list[RankedDocument]
    n_tokens: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScores:
    """The answer to a `ScoreRequest`.

    Args:
        model: The name of the model that answered.
        scores: One per pair, in the given order.
        n_tokens: Tokens of all pairs.
    """

    model: str
    scores: list[float]
    n_tokens: int
