"""The prompts of causal rerankers whose files do not hold them, by the names that known.toml gives them.

A prompt is part of how a checkpoint was trained. Its pieces are tokenised apart where its authors do so, because the
tokens of two pieces are not always those of the text they make.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from secondpass.checkpoint.limits import Limit
from secondpass.checkpoint.score_activation import ScoreActivation
from secondpass.tokenization.pairs import PairTokenizer, tokenize_once
from secondpass.tokenization.prompts import PartedPromptTokenizer, PromptTokenizer
from secondpass.tokenization.text_tokenizer import TextTokenizer
from secondpass.tokenization.tokens import Spans


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around query and document.

    Args:
        tokenize: Texts to ids.
        before: Ids ahead of them.
        after: Ids behind them.
        instruction: What stands at `{instruction}`.
    """

    tokenize: TextTokenizer
    before: tuple[int, ...]
    after: tuple[int, ...]
    instruction: str


@dataclass(frozen=True, slots=True)
class OneText:
    """Query and document in one text, tokenised as a whole.

    Args:
        text: Format string of what comes first; truncated at its end.
        ending: Format string of what follows, which is kept.
        max_length: Tokens of the whole that its authors use; None for the checkpoint's own limit.
    """

    text: str
    ending: str
    max_length: int | None

    def limit(self, limit: Limit, frame: Frame) -> Limit:  # noqa: ARG002 - for Parts it depends on the frame
        """The checkpoint's limit, as its authors use it."""
        return limit if self.max_length is None else limit.at_most(self.max_length)

    def n_fixed(self, frame: Frame) -> int:
        """Tokens of a pair that are neither query nor document."""
        nothing = self._write("", "", frame)
        return len(frame.before) + int(frame.tokenize([nothing]).lengths[0]) + len(frame.after)

    def tokenizer(self, frame: Frame, max_length: int) -> PairTokenizer:
        """Pairs to tokens."""

        def write(query: str, document: str) -> str:
            return self._write(query, document, frame)

        def ending(queries: Sequence[str]) -> Spans:
            texts = [self.ending.format(query=query, instruction=frame.instruction) for query in queries]
            return tokenize_once(frame.tokenize, texts)

        return PromptTokenizer(frame.tokenize, frame.before, write, ending, frame.after, max_length)

    def _write(self, query: str, document: str, frame: Frame) -> str:
        return (self.text + self.ending).format(query=query, document=document, instruction=frame.instruction)


@dataclass(frozen=True, slots=True)
class Parts:
    """Query and document tokenised apart: the query to three quarters of a length, the document to what is left of it.

    Args:
        query: Format string.
        separator: Between the two.
        document: Format string.
        length: Tokens of query, separator and document that its authors use.
        counts_before: Whether `length` counts the tokens ahead of the query, too.
    """

    query: str
    separator: str
    document: str
    length: int
    counts_before: bool

    def limit(self, limit: Limit, frame: Frame) -> Limit:
        """The checkpoint's limit, as its authors use it."""
        return limit.at_most(self.length + self._n_uncounted(frame))

    def n_fixed(self, frame: Frame) -> int:
        """Tokens of a pair that are neither query nor document."""
        return len(frame.before) + len(self._separator(frame)) + len(frame.after)

    def tokenizer(self, frame: Frame, max_length: int) -> PairTokenizer:
        """Pairs to tokens."""

        def write_query(query: str) -> str:
            return self.query.format(query=query, instruction=frame.instruction)

        def write_document(document: str) -> str:
            return self.document.format(document=document)

        return PartedPromptTokenizer(
            frame.tokenize,
            frame.before,
            write_query,
            self._separator(frame),
            write_document,
            frame.after,
            max_length,
            query_length=min((max_length - self._n_uncounted(frame)) * 3 // 4, max_length - self.n_fixed(frame)),
        )

    def _n_uncounted(self, frame: Frame) -> int:
        return len(frame.after) + (0 if self.counts_before else len(frame.before))

    def _separator(self, frame: Frame) -> tuple[int, ...]:
        return tuple(frame.tokenize([self.separator]).concatenate().tolist())


Body: TypeAlias = OneText | Parts


@dataclass(frozen=True, slots=True)
class Prompt:
    """How a causal reranker is asked.

    Format strings may hold `{query}`, `{document}` and `{instruction}`.

    Args:
        source: Where its authors say so.
        before: Ahead of the body, in pieces that are tokenised apart.
        body: What holds query and document.
        after: Format strings behind the body, up to the answer, in pieces that are tokenised apart.
        instruction: The authors' own; "" where they ask without one.
        instruction_form: Format string that puts an instruction in its place; nothing does where there is none.
        answers: What the model may answer, as words of one token or ids; the last one means relevant.
        activation: What its authors make of the relevance logit.
    """

    source: str
    before: Sequence[str]
    body: Body
    after: Sequence[str]
    instruction: str
    instruction_form: str
    answers: Sequence[str | int]
    activation: ScoreActivation

    def frame(self, tokenize: TextTokenizer, instruction: str | None) -> Frame:
        """What stands around a pair.

        Args:
            tokenize: Texts to ids.
            instruction: The caller's; None for the authors' own.
        """
        wanted = self.instruction if instruction is None else instruction
        written = self.instruction_form.format(instruction=wanted) if wanted else ""
        after = [piece.format(instruction=written) for piece in self.after]
        return Frame(tokenize, _ids(tokenize, self.before), _ids(tokenize, after), written)


@cache
def prompt_named(name: str) -> Prompt:
    """The prompt that known.toml has under this name."""
    text = (resources.files("secondpass.checkpoint") / "known.toml").read_text(encoding="utf-8")
    row: dict[str, Any] = tomllib.loads(text)["prompts"][name]
    return Prompt(
        source=row["source"],
        before=row.get("before", ()),
        body=_body(row),
        after=row.get("after", ()),
        instruction=row.get("instruction", ""),
        instruction_form=row.get("instruction_form", "{instruction}"),
        answers=row["answers"],
        activation=ScoreActivation(row["activation"]),
    )


def _body(row: dict[str, Any]) -> Body:
    if "text" in row:
        return OneText(row["text"], row.get("ending", ""), row.get("max_length"))
    counts_before = row.get("text_length_counts_before", False)
    return Parts(row["query"], row["separator"], row["document"], row["text_length"], counts_before)


def _ids(tokenize: TextTokenizer, pieces: Sequence[str]) -> tuple[int, ...]:
    return tuple(tokenize(pieces).concatenate().tolist()) if pieces else ()
