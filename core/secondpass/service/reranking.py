"""A request becomes pairs to read, and their readings an answer: limits, units, order, and what was truncated."""

import math
from collections.abc import Sequence

from secondpass.errors import ScoringError
from secondpass.ranking import Pair, ScoreMap
from secondpass.ranking.order import order_documents
from secondpass.ranking.readings import Reading, documents_of
from secondpass.service.estimates import most_pair_tokens, pair_tokens, text_tokens
from secondpass.service.limits import Limits
from secondpass.service.problems import invalid
from secondpass.service.requests import RerankRequest, ScoreRequest
from secondpass.service.results import PairScores, Ranking
from secondpass.service.served_model import ServedModel


def check_sizes(request: RerankRequest | ScoreRequest, limits: Limits) -> None:
    """Raise Problem where there are too many pairs, or a text is too long."""
    pairs = request.pairs
    if len(pairs) > limits.max_documents:
        field = request.document_place.partition("[")[0]
        raise invalid(f"{field} must be at most {limits.max_documents}, got {len(pairs)}", field)
    most = limits.max_text_characters
    for index, pair in enumerate(pairs):
        for place, text in zip((request.query_place, request.document_place), pair, strict=True):
            if len(text) > most:
                name = place.format(index=index)
                raise invalid(f"{name} must have at most {most} characters, got {len(text)}", name)


def estimate(pairs: Sequence[Pair], most_tokens: int | None) -> list[int]:
    """About how many tokens each pair has, of which at most `most_tokens` are read."""
    sizes = {text: text_tokens(text) for text in {text for pair in pairs for text in pair}}
    return [pair_tokens(sizes[query], sizes[document], most_tokens) for query, document in pairs]


def check_instruction(request: RerankRequest | ScoreRequest, model: ServedModel) -> None:
    """Raise Problem where a request has an instruction that is not the one the model was loaded with."""
    given = request.options.instruction
    if given and given != model.instruction:
        loaded = "without one" if model.instruction is None else "with another one"
        raise invalid(f"instruction must be left out: {model.name} was loaded {loaded}", "instruction")


def answer(request: RerankRequest, readings: Sequence[Reading], model: ServedModel, n_tokens: int) -> Ranking:
    """The documents in order, in the unit that was asked for.

    Raises:
        Problem: A text is too long for the model, and the request does not want it truncated.
        ScoringError: A score of the answer is infinite, for which JSON has no number.
    """
    _check_truncation(request, readings, model)
    score_map = None if request.options.raw_scores else model.score_map
    documents = documents_of(readings, request.documents)
    ranked = order_documents(documents, top_k=request.top_k, score_map=score_map)
    for document in ranked:
        _check_finite(request, document.index, document.score)
        if request.span_threshold is not None and document.passage is not None:
            _check_finite(request, document.index, document.passage.score)
    warnings: tuple[str, ...] = ()
    if request.span_threshold is not None and any(document.truncated is None for document in ranked):
        warnings = (f"{model.name} does not say which passages it read: relevant_spans is empty",)
    return Ranking(model=model.name, ranked=ranked, n_tokens=n_tokens, warnings=warnings)


def answer_pairs(request: ScoreRequest, readings: Sequence[Reading], model: ServedModel, n_tokens: int) -> PairScores:
    """The scores in the given order, in the unit that was asked for.

    Raises:
        Problem: As `answer`.
        ScoringError: Likewise.
    """
    _check_truncation(request, readings, model)
    score_map: ScoreMap = float if request.options.raw_scores else model.score_map
    scores = [score_map(reading.score) for reading in readings]
    for index, score in enumerate(scores):
        _check_finite(request, index, score)
    return PairScores(model=model.name, scores=scores, n_tokens=n_tokens)


def _check_finite(request: RerankRequest | ScoreRequest, index: int, score: float) -> None:
    if not math.isfinite(score):
        place = request.document_place.format(index=index)
        raise ScoringError(f"scores must be finite to be written as JSON, got {score} for {place}")


def _fits(pair: Pair, model: ServedModel) -> bool:
    """Whether a pair is so short that a model reads all of it, whatever its tokens are."""
    return model.max_length is not None and most_pair_tokens(*pair) <= model.max_length


def _check_truncation(request: RerankRequest | ScoreRequest, readings: Sequence[Reading], model: ServedModel) -> None:
    """Raise Problem where a text was truncated as the request did not want it."""
    options = request.options
    if options.truncate and options.truncation_side in (None, "right"):
        return
    for index, (pair, reading) in enumerate(zip(request.pairs, readings, strict=True)):
        if reading.truncated is False or (reading.truncated is None and _fits(pair, model)):
            continue
        document = request.document_place.format(index=index)
        if not options.truncate:
            raise invalid(
                f"{document} and the query are too long for {model.name}: shorten them, or have them truncated",
                document,
            )
        raise invalid(
            f"truncation_direction (or truncation_side) must be right for texts that do not fit, such as {document}, "
            "got left"
        )
