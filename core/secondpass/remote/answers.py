"""The scores in an answer: every document once, each score a number, in the order that was asked in."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from reprlib import repr as short
from typing import Final, TypeAlias

from secondpass.errors import RemoteError
from secondpass.files.printable import printable
from secondpass.ranking import Passage
from secondpass.ranking.readings import Reading
from secondpass.remote.apis import Api
from secondpass.remote.messages import Answer, Ask

_Result: TypeAlias = Mapping[str, object]

# Documents that are named where some are missing: a line of them.
_MOST_LISTED: Final = 5


def read_answer(ask: Ask, answer: Answer, api: Api, documents: Sequence[str]) -> list[Reading]:
    """What an answer says of each document, in the given order.

    Raises:
        RemoteError: It is no answer of this API, or not each document has one finite score.
    """
    results = _results(ask, answer)
    found: dict[int, Reading] = {}
    in_doubt = _truncated(answer, len(documents))
    for result in results:
        index = result.get("index")
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(documents):
            rule = f"an index must be from 0 to {len(documents) - 1}, got {short(index)}"
            raise _broken(ask, rule, status=HTTPStatus.OK)
        if index in found:
            raise _broken(ask, f"every index must come once, got {index} twice", status=HTTPStatus.OK)
        said = result.get("truncated")
        truncated = said if isinstance(said, bool) else in_doubt
        found[index] = Reading(
            _score(ask, result, api, index),
            _passage(ask, result, documents[index]),
            truncated,
            raw_score=_finite(result.get("raw_score")),
        )
    missing = [index for index in range(len(documents)) if index not in found]
    if missing:
        listed = [part for index in missing[:_MOST_LISTED] for part in (", ", index)][1:]
        more = ", ..." if len(missing) > _MOST_LISTED else ""
        rule = f"all {len(documents)} documents must come back, {len(missing)} did not: "
        raise _broken(ask, rule, *listed, more, status=HTTPStatus.OK)
    return [found[index] for index in range(len(documents))]


def _results(ask: Ask, answer: Answer) -> Sequence[_Result]:
    try:
        content = answer.json()
    except ValueError:
        kind = printable(answer.headers.get("content-type", "no content type"))
        raise _broken(ask, f"it must be JSON, got {len(answer.content)} bytes ({kind})") from None
    results: object = content
    if isinstance(content, Mapping):  # the first infinity had Voyage's `data`
        results = content["results"] if "results" in content else content.get("data")
    if not isinstance(results, list) or not all(isinstance(result, Mapping) for result in results):
        raise _broken(ask, f"it must hold a list of results, got {_kind(content)}")
    return results


def _score(ask: Ask, result: _Result, api: Api, index: int) -> float:
    given = result.get(api.score)
    score = _finite(given)
    if score is None:
        rule = f"{api.score} must be a finite number, got {short(given)} for document "
        raise _broken(ask, rule, index, status=HTTPStatus.OK)
    return score


def _passage(ask: Ask, result: _Result, text: str) -> Passage | None:
    """The first of the spans, which is the best."""
    spans = result.get("relevant_spans")
    if not isinstance(spans, list) or not spans:
        return None
    match spans[0]:
        case {"start": int(start), "end": int(end), "score": given} if (
            not isinstance(start, bool) and not isinstance(end, bool) and 0 <= start < end <= len(text)
        ):
            score = _finite(given)
            if score is not None:
                return Passage(start, end, score)
    rule = f"a span must lie within its document of {len(text)} characters and have a finite score, "
    raise _broken(ask, f"{rule}got {short(spans[0])}", status=HTTPStatus.OK)


def _finite(value: object) -> float | None:
    """A finite number; None for whatever else JSON may hold, such as an integer that no float comes near."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _truncated(answer: Answer, n_documents: int) -> bool | None:
    """Whether the documents were truncated, where the header that counts them leaves no doubt of any of them."""
    return {"0": False, str(n_documents): True}.get(answer.headers.get("x-truncated", ""))


def _kind(content: object) -> str:
    """What a body is, in the words of JSON; not what it holds, which may be long or private."""
    if isinstance(content, Mapping):
        return printable(f"an object with {', '.join(map(str, list(content)[:5])) or 'no fields'}")
    return "a list of something else" if isinstance(content, list) else f"a {type(content).__name__}"


def _broken(ask: Ask, *rule: str | int, status: int | None = None) -> RemoteError:
    """The error of an answer; with a status where it is of this request, and others may be answered rightly."""
    return RemoteError(f"{ask.shown} gave an answer that cannot be used: ", *rule, status=status)
