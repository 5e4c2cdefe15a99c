"""Scores for Ray Datasets, within whatever else is done with them."""

from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.arguments import check_count, check_kind, plain
from secondpass.errors import InputError, InputTypeError
from secondpass.extras import require
from secondpass.jobs.batch_scorer import BatchScorer
from secondpass.jobs.carrying.arrow_values import values_of
from secondpass.jobs.on_ray.workers import RETRIES, RayWorkers, named_options
from secondpass.options import ModelOptions
from secondpass.ranking import Scorer

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset


def score_dataset(
    dataset: "Dataset",
    *,
    model: str | Path | None = None,
    scorer: Scorer | None = None,
    options: ModelOptions | None = None,
    query_column: str = "query",
    document_column: str = "document",
    workers: RayWorkers | None = None,
    batch_rows: int = 4096,
) -> "Dataset":
    """A Ray Dataset with a score for each of its rows; like all of Ray Data's, it is computed when it is read.

    New columns: `score` (in the model's unit), `truncated`, with windows `passage_start`, `passage_end` and
    `passage_score`, and `error`, which says of a row why it has no score. A row that cannot be scored stops no other.
    Ray keeps no order of rows: have ids in them. Workers that die are replaced, and their rows scored again, up to
    three times.

    Args:
        dataset: With a query and a document per row; never changed.
        model: Hub id, local folder, the name of a bundled model, or the http(s) URL of a service.
        scorer: Anything that scores each document by itself, instead of a model; it has to be one that pickle takes.
        options: How to load the model.
        query_column: The column that holds what is asked.
        document_column: The column that holds the documents' texts.
        workers: How many processes score, with what each; None takes every default.
        batch_rows: Rows that a worker gets at a time: among many it finds some of like length.

    Raises:
        InputError: An argument breaks a rule, or the dataset has a column that would be written.
        MissingExtraError: Ray is not installed.
    """
    require("ray.data", feature="scoring on Ray", extra="ray")
    from ray.data import Dataset  # noqa: PLC0415 - an extra

    if not isinstance(dataset, Dataset):
        raise InputTypeError(f"dataset must be a Dataset of ray.data, got {type(dataset).__name__}")
    check_count("batch_rows", batch_rows, optional=False)
    batch_scorer = BatchScorer(
        model, scorer=scorer, options=options, query_column=query_column, document_column=document_column
    )
    check_kind("workers", workers, RayWorkers)
    workers = RayWorkers() if workers is None else workers
    workers.connect()
    with named_options():
        return dataset.map_batches(
            TableScorer,
            fn_constructor_args=(batch_scorer, query_column, document_column),
            compute=workers.pool(),
            batch_size=plain(batch_rows),
            batch_format="pyarrow",
            num_cpus=workers.cpus,
            num_gpus=workers.gpus_each(),
            max_task_retries=RETRIES,
        )


class TableScorer:
    """What a worker runs: the scores of a table's rows, beside their columns.

    Args:
        scorer: Gives the scores.
        query_column: See `score_dataset`, as for the next one.
        document_column: See `score_dataset`.
    """

    def __init__(self, scorer: BatchScorer, query_column: str, document_column: str) -> None:
        self._scorer = scorer
        self._columns = query_column, document_column

    def __call__(self, table: "pa.Table") -> "pa.Table":
        """The table with the columns of the results.

        Args:
            table: Some rows; never changed.

        Raises:
            InputError: It lacks a column that is read, or has one that would be written.
        """
        import pyarrow as pa  # noqa: PLC0415 - an extra

        missing = [name for name in self._columns if name not in table.column_names]
        if missing:
            raise InputError(f"dataset must have the column {missing[0]!r}, has {', '.join(table.column_names)}")
        results = self._scorer.score_columns(*(values_of(table.column(name), name) for name in self._columns))
        taken = [name for name in results if name in table.column_names]
        if taken:
            raise InputError(f"dataset must not have a column of the results already, has {', '.join(taken)}")
        types = {"score": pa.float32(), "truncated": pa.bool_(), "error": pa.string()}
        for name, values in results.items():
            kind = types.get(name, pa.float32() if name == "passage_score" else pa.int64())
            # What columns of numbers say with a number that is none, these say with nothing.
            empty = values == "" if name == "error" else values < 0 if kind == pa.int64() else None
            table = table.append_column(name, pa.array(values, kind, mask=empty, from_pandas=True))
        return table
