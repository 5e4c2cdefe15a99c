"""A trained model on real passages: the same ranking quality as sentence-transformers, to four digits."""

import gzip
import json

import ir_measures
import numpy as np
import pytest
from ir_measures import ScoredDoc, nDCG
from sentence_transformers import CrossEncoder as Reference
from shared import shared

from secondpass import CrossEncoder

N_QUERIES = 6


@pytest.mark.slow
def test_ndcg_on_trec_dl19_equals_sentence_transformers() -> None:
    data, folder = shared("data/trec-dl/dl19"), shared("models/ce-minilm6")
    lines_of_queries = (data / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    queries = {row["_id"]: row["text"] for row in map(json.loads, lines_of_queries)}
    with gzip.open(data / "passages.jsonl.gz", "rt", encoding="utf-8") as lines:
        passages = {row["_id"]: row["text"] for row in map(json.loads, lines)}
    with gzip.open(data / "run.bm25.top100.trec.gz", "rt", encoding="utf-8") as lines:
        run = [(line.split()[0], line.split()[2]) for line in lines]
    kept = sorted({query for query, _ in run})[:N_QUERIES]
    run = [(query, passage) for query, passage in run if query in kept]
    qrels = [qrel for qrel in ir_measures.read_trec_qrels(str(data / "qrels.trec")) if qrel.query_id in kept]
    pairs = [(queries[query], passages[passage]) for query, passage in run]

    ours = CrossEncoder(folder).predict(pairs)
    theirs = Reference(str(folder), device="cpu").predict(pairs)

    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-5)
    quality = [
        ir_measures.calc_aggregate(
            [nDCG @ 10], qrels, [ScoredDoc(q, p, float(s)) for (q, p), s in zip(run, scores, strict=True)]
        )[nDCG @ 10]
        for scores in (ours, theirs)
    ]
    assert quality[0] == pytest.approx(quality[1], abs=5e-5)
