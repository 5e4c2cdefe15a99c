"""The one callable that engines of many processes need: it travels by name, and loads its model where it arrives."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError, InputTypeError
from secondpass.jobs.scoring.checked_scorer import checked_scorer, reads_windows
from secondpass.jobs.scoring.row_scores import RowScores, score_rows
from secondpass.options import ModelOptions
from secondpass.ranking import Loadable, Scorer

# A column of a batch: an array, a list, a Series of pandas, a column of Arrow.
Column: TypeAlias = Sequence[object] | NDArray[Any]


class BatchScorer:
    """Scores batches of rows as Ray Data, Spark and others hand them out.

    A pickle holds the model's name and options (the token among them) and no weights; the model is loaded with the
    first batch, once per process. Any number of threads may share one.

        dataset.map_batches(BatchScorer, fn_constructor_args=("secondpass/mini",), concurrency=2)  # Ray Data
        frame.assign(**scorer.score_columns(frame["query"], frame["document"]))  # pandas, in Spark's mapInPandas

    Args:
        model: Hub id, local folder, the name of a bundled model, or the http(s) URL of a service.
        scorer: Anything that scores each document by itself, instead of a model; it has to be one that pickle takes.
        options: How to load the model.
        query_column: The column of a batch that holds what is asked.
        document_column: The column that holds the documents' texts.

    Raises:
        InputError: There is not exactly one of `model` and `scorer`, or the scorer's scores depend on what else is
            scored, as a cascade's do.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        scorer: Scorer | None = None,
        options: ModelOptions | None = None,
        query_column: str = "query",
        document_column: str = "document",
    ) -> None:
        self._scorer = checked_scorer(model, scorer, options)
        self._windows = reads_windows(scorer, options)
        self._columns = query_column, document_column

    def __call__(self, batch: Mapping[str, Column]) -> dict[str, Column]:
        """The batch's columns, and those of `score_columns`.

        Args:
            batch: Columns of the same length by name; never changed.

        Raises:
            InputError: The batch lacks a column that is read, or has one that would be written.
        """
        if not hasattr(batch, "keys"):
            raise InputTypeError(f"a batch must be columns by name, got {type(batch).__name__}")
        for column in self._columns:
            if column not in batch:
                raise InputError(f"a batch must have the column {column!r}, has {', '.join(batch)}")
        query, document = self._columns
        results = self.score_columns(batch[query], batch[document])
        taken = [column for column in results if column in batch]
        if taken:
            raise InputError(f"a batch must not have a column of the results already, has {', '.join(taken)}")
        return {**batch, **results}

    def score_columns(self, queries: Column, documents: Column) -> dict[str, NDArray[Any]]:
        """The results for rows, as columns in their order.

        - `score`: in the model's unit, NaN where the row could not be scored; float32.
        - `truncated`: whether a part of the query or of the document was not read; None where nobody says.
        - `passage_start`, `passage_end`, `passage_score`: where `long_documents` is "windows", the best window, in
          characters of the document; -1, -1 and NaN where nothing was read.
        - `error`: why the row could not be scored; "" where it was.

        Args:
            queries: What is asked, one per row.
            documents: Texts, one per row.

        Raises:
            InputError: There are more of one than of the other, or one is no column.
            SecondPassError: The model cannot be loaded, or the service is not reached.
            Exception: Whatever the scorer raises, where it does for any pair.
        """
        read = self.score_rows(queries, documents)
        columns: dict[str, NDArray[Any]] = {"score": read.scores, "truncated": np.array(read.truncated, dtype=object)}
        if self._windows:
            passages = [(-1, -1, np.nan) if p is None else (p.start, p.end, p.score) for p in read.passages]
            columns["passage_start"] = np.array([start for start, _, _ in passages], np.int64)
            columns["passage_end"] = np.array([end for _, end, _ in passages], np.int64)
            columns["passage_score"] = np.array([score for _, _, score in passages], np.float32)
        columns["error"] = np.array([read.errors.get(number, "") for number in range(len(read))], dtype=object)
        return columns

    def score_rows(self, queries: Column, documents: Column) -> RowScores:
        """What `score_columns` gives, as values."""
        if isinstance(self._scorer, Loadable) and not getattr(self._scorer, "is_loaded", True):
            self._scorer.load()  # here, where a failure is not taken for a row's
        columns = _values(queries, self._columns[0]), _values(documents, self._columns[1])
        n_queries, n_documents = map(len, columns)
        if n_queries != n_documents:
            names = " and ".join(self._columns)
            raise InputError(f"{names} must have as many rows as each other, have {n_queries} and {n_documents}")
        return score_rows(self._scorer, *columns, self._columns)


def _values(column: Column, name: str) -> Sequence[object]:
    """A column's values as Python's own; what has neither call, of Arrow, arrays and pandas, is a sequence already.

    Raises:
        InputTypeError: It is one text, or a table, of which a loop would take the letters, or the names.
    """
    n_dimensions = len(getattr(column, "shape", (0,)))
    if isinstance(column, str | bytes | Mapping) or not hasattr(column, "__len__") or n_dimensions != 1:
        raise InputTypeError(f"{name} must be a column of texts, got {type(column).__name__}")
    values: Sequence[object]
    if hasattr(column, "to_pylist"):
        values = column.to_pylist()
    else:
        values = column.tolist() if hasattr(column, "tolist") else column
    return values
