"""What a reduced precision costs on real queries and passages, with a trained model."""

import gzip
import json
from collections import defaultdict

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from random_backbones import CPU, packed_form
from scipy.stats import kendalltau
from shared import shared
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoModelForSequenceClassification

from secondpass.encoder import Pooling, Precision, RoundingTexts, TokenBatch
from secondpass.encoder.rounding_texts import CANDIDATE_PAIRS, CANDIDATES, RANGE_PAIRS
from secondpass.model_names import bundled_folder

N_QUERIES = 12
# Where bfloat16 is emulated, it takes minutes.
N_QUERIES_SLOW = 4
# Mean Kendall's tau per query against float32. What the bundled model's layers compare was 0.75 in int8 before the
# parts that cannot bear rounding stayed in float32.
LEAST_TAU = {
    ("ce-minilm6", Precision.BFLOAT16): 0.985,
    ("ce-minilm6", Precision.INT8): 0.95,
    ("mini", Precision.BFLOAT16): 0.95,
    ("mini", Precision.INT8): 0.94,
}


def _batch(tokenizer: Tokenizer, pairs: list[tuple[str, str]]) -> TokenBatch:
    encodings = tokenizer.encode_batch(pairs)
    ids = [token for encoding in encodings for token in encoding.ids]
    types = [token for encoding in encodings for token in encoding.type_ids]
    return TokenBatch(torch.tensor(ids), torch.tensor(types), tuple(len(encoding) for encoding in encodings))


def _lists(n_queries: int, depth: int) -> list[list[tuple[str, str]]]:
    """The first candidates of the first queries."""
    folder = shared("data/trec-dl/dl19")
    with (folder / "queries.jsonl").open() as lines:
        queries = {row["_id"]: row["text"] for row in map(json.loads, lines)}
    with gzip.open(folder / "passages.jsonl.gz", "rt") as lines:
        passages = {row["_id"]: row["text"] for row in map(json.loads, lines)}
    run: dict[str, list[str]] = defaultdict(list)
    with gzip.open(folder / "run.bm25.top100.trec.gz", "rt") as lines:
        for line in lines:
            query, _, passage, *_ = line.split()
            run[query].append(passage)
    return [[(queries[q], passages[p]) for p in ranked[:depth]] for q, ranked in list(run.items())[:n_queries]]


@pytest.mark.slow
@pytest.mark.parametrize(("model_name", "precision"), LEAST_TAU)
def test_the_order_stays(model_name: str, precision: Precision) -> None:
    if precision is Precision.INT8 and not CPU.int8_products:
        pytest.skip("this CPU has no 8-bit products")
    folder = bundled_folder(f"secondpass/{model_name}") or shared(f"models/{model_name}")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)
    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()

    def logits(pooled: Tensor) -> Tensor:
        scores: Tensor = model.classifier(model.bert.pooler.dense(pooled).tanh())[:, 0]
        return scores

    rounding_texts = RoundingTexts(
        _batch(tokenizer, list(RANGE_PAIRS)),
        logits,
        lists=_batch(tokenizer, list(CANDIDATE_PAIRS)),
        n_lists=len(CANDIDATES),
    )
    is_slow = precision.states_dtype(CPU) in CPU.slow_dtypes
    lists = _lists(N_QUERIES_SLOW if is_slow else N_QUERIES, depth=30)

    def scores(precision: Precision) -> list[NDArray[np.float32]]:
        encoder = packed_form(
            model.bert, precision=precision, pooling=Pooling.CLS, capabilities=CPU, rounding_texts=rounding_texts
        )
        assert encoder is not None
        with torch.inference_mode():
            return [logits(encoder(_batch(tokenizer, pairs))).numpy() for pairs in lists]

    exact = scores(Precision.FLOAT32)
    taus = [kendalltau(a, b).statistic for a, b in zip(scores(precision), exact, strict=True)]
    assert np.mean(taus) >= LEAST_TAU[model_name, precision]
