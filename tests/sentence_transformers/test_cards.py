"""Model cards that say `from sentence_transformers import CrossEncoder` run with that line changed and no other."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import checkpoints
import pytest
import run_cards
from compare import assert_scores
from hub_cache import HubCache
from shared import shared

MS_MARCO, EN_DE, PRODUCTS = "003_a726a12189a0fe7d.txt", "004_4c213ab01dd44460.txt", "002_0003cce2f39424e3.txt"
OLD_IDENTITY = {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}
NEW_IDENTITY = {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "5.1.0"}}
# Two cards stand for many checkpoints, and write `model_name`. Card and checkpoint -> its builder and config.
CARDS: dict[tuple[str, str], tuple[checkpoints.Builder, dict[str, Any]]] = {
    (MS_MARCO, "cross-encoder/ms-marco-MiniLM-L-6-v2"): (checkpoints.bert, OLD_IDENTITY),
    (MS_MARCO, "cross-encoder/ms-marco-TinyBERT-L-2"): (checkpoints.bert, {}),
    (MS_MARCO, "cross-encoder/ms-marco-electra-base"): (checkpoints.electra, {}),
    (MS_MARCO, "nboost/pt-bert-base-uncased-msmarco"): (checkpoints.bert, {"n_labels": 2}),
    (MS_MARCO, "amberoad/bert-multilingual-passage-reranking-msmarco"): (checkpoints.bert, {"n_labels": 2}),
    (EN_DE, "cross-encoder/msmarco-MiniLM-L6-en-de-v1"): (
        checkpoints.xlm_roberta,
        {"max_position_embeddings": 514, **OLD_IDENTITY},
    ),
    (EN_DE, "cross-encoder/msmarco-MiniLM-L12-en-de-v1"): (
        checkpoints.xlm_roberta,
        {"max_position_embeddings": 514, "num_hidden_layers": 4, **OLD_IDENTITY},
    ),
    (PRODUCTS, "Antix5/product-reranker-mmBERT-small"): (checkpoints.modernbert, NEW_IDENTITY),
}


def card_code(file: str, name: str) -> str:
    """The card's Python that uses the class; where the card came without its line breaks, with them put back."""
    blocks: list[str] = re.findall(
        r"```python\s(.*?)```", shared(f"seeds/{file}").read_text(encoding="utf-8"), re.DOTALL
    )
    (code,) = (block for block in blocks if run_cards.IMPORT in block)
    if "\n" not in code.strip():
        code = re.sub(r" (?=# |print\(|from \w+ import |\w+ = )", "\n", code)
    return code.replace("'model_name'", repr(name))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What each card computes: with our class, and with the class it names."""
    cards = [card_code(*card) for card in CARDS]
    cache = HubCache(tmp_path_factory.mktemp("hub"))
    for (_, name), (build, config) in CARDS.items():
        build(cache.new(name), **config)
    ours, theirs = (
        _run(cards, module, cache) for module in ("secondpass.sentence_transformers", "sentence_transformers")
    )
    return list(zip(ours, theirs, strict=True))


def _run(cards: Sequence[str], module: str, cache: HubCache) -> list[dict[str, Any]]:
    script = [sys.executable, str(Path(run_cards.__file__)), module]
    done = subprocess.run(  # noqa: S603 - our own
        script, input=json.dumps(cards), capture_output=True, text=True, check=False, env=cache.environment()
    )
    assert done.returncode == 0, done.stderr
    computed: list[dict[str, Any]] = json.loads(done.stdout)
    return computed


@pytest.mark.parametrize("number", range(len(CARDS)), ids=[name for _, name in CARDS])
def test_a_card_computes_the_same(number: int, results: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    ours, theirs = results[number]
    assert ours["dtype"] == theirs["dtype"] == "float32"
    assert_scores(ours["scores"], theirs["scores"])
    assert (ours["ranks"] is None) is (theirs["ranks"] is None)
    for one, other in zip(ours["ranks"] or [], theirs["ranks"] or [], strict=True):
        assert list(one) == list(other) == ["corpus_id", "score"]
        assert one["corpus_id"] == other["corpus_id"]
        assert_scores(one["score"], other["score"])


def test_the_cards_are_all_that_use_the_class_and_are_read_whole() -> None:
    with_class = {
        path.name
        for path in sorted(shared("seeds").glob("*.txt"))
        if run_cards.IMPORT in path.read_text(encoding="utf-8")
    }
    assert with_class == {card for card, _ in CARDS}
    assert "ranks = model.rank(" in card_code(PRODUCTS, "")
