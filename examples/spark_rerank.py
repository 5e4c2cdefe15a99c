"""Score the pairs of a file on Spark: the same scores as everywhere, on as many machines as Spark has.

pip install . "pyspark[sql]"
python examples/spark_rerank.py pairs.parquet scored.parquet --model secondpass/mini
"""

import argparse
from collections.abc import Iterator

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import BooleanType, FloatType, StringType, StructType

from secondpass.jobs import BatchScorer


def rerank(pairs: DataFrame, model: str) -> DataFrame:
    """The pairs with `score`, `truncated`, and `error` where a row could not be scored.

    Args:
        pairs: Rows with the columns `query` and `document`; all others stay as they are.
        model: Hub id, or the name of a bundled model.
    """
    scorer = BatchScorer(model)  # it travels by name, and loads its model where it arrives

    def score(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            yield batch.assign(**scorer.score_columns(batch["query"], batch["document"]))

    schema = StructType(list(pairs.schema.fields))
    schema = schema.add("score", FloatType()).add("truncated", BooleanType()).add("error", StringType())
    return pairs.mapInPandas(score, schema)


def main() -> None:
    """Read, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", help="Parquet with the columns query and document")
    parser.add_argument("output", help="folder for Parquet; must not be there yet")
    parser.add_argument("--model", default="secondpass/mini")
    # A task loads the model once, and reads its rows in batches: few and large tasks, many rows per batch.
    parser.add_argument("--tasks", type=int, default=None, help="parts to score; default: as Spark reads the file")
    options = parser.parse_args()

    spark = SparkSession.builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", 4096).getOrCreate()
    pairs = spark.read.parquet(options.pairs)
    if options.tasks is not None:
        pairs = pairs.repartition(options.tasks)
    rerank(pairs, options.model).write.parquet(options.output)
    spark.stop()


if __name__ == "__main__":
    main()
