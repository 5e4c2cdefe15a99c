"""How much the service takes on: of one request, and of all that wait."""

from dataclasses import dataclass, fields

from secondpass.arguments import describe
from secondpass.errors import InputError, InputTypeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is refused at once, before anything is scored.

    Tokens are estimated from the length of the text here, for none has been tokenized yet.

    Args:
        max_queued_tokens: Of all pairs that wait for one model, those of several requests once; what would be more is
            refused with 429. A request that alone has more is refused with 413.
        max_body_bytes: Of one request; more is refused with 413.
        max_held_bytes: Of all requests, each until its answer has been sent, whose bytes count where they are more;
            what would be more is refused with 429. A request that alone has more is refused with 413.
        max_documents: Of one request, or pairs; more is refused with 422.
        max_text_characters: Of the query and of each document; more is refused with 422.
        pass_tokens: Of one pass of a model: a short request beside a long one waits for one that runs, and shares the
            next. None takes 4,096 for a model on a CPU, of which two passes run at a time, 131,072 on an accelerator,
            and 8,192 for a scorer that does not say where it runs.
        body_seconds: For a request's body to arrive; what is later is refused with 408. Also for its head, and for a
            client to take any more of an answer; the connection is closed then.
        drain_seconds: From a signal to stop until whatever is not answered by then is told so; an answer that is being
            sent has some seconds more.

    Raises:
        InputError: A limit is not greater than 0.
    """

    max_queued_tokens: int = 2_000_000
    max_body_bytes: int = 64_000_000
    max_held_bytes: int = 1_000_000_000
    max_documents: int = 10_000
    max_text_characters: int = 1_000_000
    pass_tokens: int | None = None
    body_seconds: float = 30.0
    drain_seconds: float = 30.0

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value is None and limit.default is None:
                continue
            whole = isinstance(limit.default, int) or limit.default is None
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise InputTypeError(
                    f"{limit.name} must be {'an integer' if whole else 'a number'}, got {describe(value)}"
                )
            if not value > 0:
                raise InputError(f"{limit.name} must be greater than 0, got {value}")
