"""The data of a run: the examples it learns from, and the held-out sets that judge it."""

from secondpass.errors import InputError
from secondpass.evaluation.reranking_sets import RerankingSample, read_samples
from secondpass.training.config import TrainingConfig
from secondpass.training.examples import Example, expand, read_examples
from secondpass.training.mining import collection_examples, mine_negatives


def load_examples(config: TrainingConfig) -> list[Example]:
    """All examples of the run, with negatives mined where they have none.

    Raises:
        InputError: There are none, or a file is missing or malformed.
    """
    examples, queries = read_examples(expand(config.data.train, config.folder))
    examples += mine_negatives(queries, config)
    examples += collection_examples(config)
    if not examples:
        raise InputError("data must hold at least one example, got none")
    return examples


def load_held_out(config: TrainingConfig) -> dict[str, list[RerankingSample]]:
    """The held-out sets, by their files' names.

    Raises:
        InputError: Two have the same name, or a file is missing or malformed.
    """
    sets: dict[str, list[RerankingSample]] = {}
    for path in expand(config.data.held_out, config.folder):
        name = path.name.removesuffix(".gz").removesuffix(".jsonl")
        if name in sets:
            raise InputError(f"data.held_out must have a name for each set, two are called {name!r}")
        sets[name] = read_samples(path)[: config.data.held_out_queries]
    return sets
