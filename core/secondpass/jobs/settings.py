"""What a job was told, as one value."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from secondpass.arguments import check_choice, check_count, check_flag, check_path, check_text, describe, plain
from secondpass.errors import InputError, InputTypeError

if TYPE_CHECKING:
    import os

OutputFormat: TypeAlias = Literal["parquet", "jsonl", "trec"]

# Of what a job was told, what changes nothing of its shards: another value may finish it.
_FREE = frozenset({"queries", "corpus", "strict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """How pairs are read from files, and how their scores are written.

    Args:
        query_column: The column that holds what is asked.
        document_column: The column that holds the documents' texts.
        query_id_column: The column by whose values rows belong to one query; where a row has none, by the query's text.
        document_id_column: The column with the documents' ids, which a TREC run needs.
        queries: JSON lines with the queries of a TREC run; None takes `queries.jsonl` beside it.
        corpus: JSON lines with its documents; None takes `corpus.jsonl` beside it.
        output_format: What shards are; None takes what the input is: Parquet, a TREC run, or else JSON lines.
        shard_rows: Rows per shard, at least 1. A shard ends where the query changes, and holds up to twice as many.
        keep_texts: Write queries and documents as well, and not only the other columns of a row.
        result_prefix: What the names of the new columns begin with, for rows that have a `score` already.
        strict: Stop at the first row or file that cannot be read, instead of writing it to `errors.jsonl`.

    Raises:
        InputError: A value breaks a rule.
    """

    query_column: str = "query"
    document_column: str = "document"
    query_id_column: str = "query_id"
    document_id_column: str = "document_id"
    queries: "str | os.PathLike[str] | None" = None
    corpus: "str | os.PathLike[str] | None" = None
    output_format: OutputFormat | None = None
    shard_rows: int = 65_536
    keep_texts: bool = True
    result_prefix: str = ""
    strict: bool = False

    def __post_init__(self) -> None:
        for name in ("query_column", "document_column", "query_id_column", "document_id_column"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise InputTypeError(f"{name} must be a column's name, got {describe(value)}")
            if not value:
                raise InputError(f"{name} must be a column's name, got an empty one")
        if self.query_column == self.document_column:
            raise InputError(f"query_column and document_column must be two columns, got {self.query_column!r} twice")
        check_text("result_prefix", self.result_prefix, optional=False)
        for name in ("queries", "corpus"):
            check_path(name, getattr(self, name))
        check_choice("output_format", self.output_format, get_args(OutputFormat))
        check_count("shard_rows", self.shard_rows, optional=False)
        object.__setattr__(self, "shard_rows", plain(self.shard_rows))
        check_flag("keep_texts", self.keep_texts)
        check_flag("strict", self.strict)

    @property
    def text_columns(self) -> frozenset[str]:
        """The columns whose texts are read."""
        return frozenset({self.query_column, self.document_column})

    def result_columns(self, *, windows: bool) -> tuple[str, ...]:
        """The names of the columns that a job adds, in their order.

        Args:
            windows: Whether long documents are read in windows, whose best one is told.
        """
        names: tuple[str, ...] = ("score", "rank", "truncated")
        if windows:
            names += ("passage_start", "passage_end", "passage_score")
        return tuple(self.result_prefix + name for name in names)

    def as_json(self) -> dict[str, object]:
        """What shards depend on, for the manifest."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _FREE}
