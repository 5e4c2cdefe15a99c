"""The data of a run: the examples it learns from, and the held-out sets that judge it."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from secondpass.errors import InputError
from secondpass.errors.caller_warnings import warn_caller
from secondpass.evaluation.reranking_sets import RerankingSample, read_samples
from secondpass.training.config import TrainingConfig
from secondpass.training.examples import Example, expand, read_examples, read_teacher_lists
from secondpass.training.mining import collection_examples, mine_negatives, warn_of_unused

# What judges a run: labelled queries, or lists that the teacher scored.
HeldOutSet: TypeAlias = Sequence[RerankingSample] | Sequence[Example]


def load_data(config: TrainingConfig) -> tuple[list[Example], dict[str, HeldOutSet]]:
    """The examples and the held-out sets, with a warning where these do not judge; raises what each of them does."""
    examples, sets = load_examples(config), load_held_out(config)
    _warn_of_equal_documents(sets)
    _warn_of_shared_queries(examples, sets)
    return examples, sets


def load_examples(config: TrainingConfig) -> list[Example]:
    """All examples of the run, with negatives mined where they have none.

    Raises:
        InputError: There are none, or a file is missing or malformed.
    """
    examples, queries = read_examples(expand(config.data.train, config.folder))
    warn_of_unused(queries, config)
    examples += mine_negatives(queries, config, labelled=examples)
    examples += collection_examples(config)
    if not examples:
        raise InputError("data must hold at least one example, got none")
    return examples


def load_held_out(config: TrainingConfig) -> dict[str, HeldOutSet]:
    """The held-out sets, by their files' names: re-ranking sets, and lists that a teacher scored.

    Raises:
        InputError: Two have the same name, or a file is missing or malformed.
    """
    sets: dict[str, HeldOutSet] = {}
    for path in expand(config.data.held_out, config.folder):
        name = path.name.removesuffix(".gz").removesuffix(".jsonl")
        if name in sets:
            raise InputError(f"data.held_out must have a name for each set, two are called {name!r}")
        lists = read_teacher_lists(path)
        sets[name] = (read_samples(path) if lists is None else lists)[: config.data.held_out_queries]
    return sets


def _warn_of_shared_queries(examples: Sequence[Example], sets: Mapping[str, HeldOutSet]) -> None:
    """Warn of held-out queries that are trained on, too: what is known by heart says nothing of other queries."""
    trained = {example.query for example in examples}
    for name, samples in sets.items():
        shared = [sample.query for sample in samples if sample.query in trained]
        if shared:
            warn_caller(
                f"{len(shared)} of {len(samples)} held-out queries of {name!r} are trained on, such as {shared[0]!r}: "
                "its figures do not tell how the model does on other queries",
                UserWarning,
            )


def _warn_of_equal_documents(sets: Mapping[str, HeldOutSet]) -> None:
    """Warn of held-out sets that do not tell one order from another."""
    for name, samples in sets.items():
        if not any(map(_differ, samples)):
            warn_caller(
                f"no query of held-out set {name!r} has documents that differ in relevance: every order has the same "
                "figures, and the set chooses no checkpoint",
                UserWarning,
            )


def _differ(sample: RerankingSample | Example) -> bool:
    return len(set(sample.scores if isinstance(sample, Example) else sample.relevant)) > 1
