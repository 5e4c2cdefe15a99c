"""What the package knows of single checkpoints, and what it makes of it."""

import re
from pathlib import Path

import checkpoints
import pytest
from compare import assert_scores
from sentence_transformers import CrossEncoder as Reference
from texts import PAIRS
from torch import nn
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.known import MULTILINGUAL, Figure, KnownCheckpoint, known_by_name, known_checkpoints, lookup
from secondpass.checkpoint.prompts import prompt_named
from secondpass.errors import CheckpointError

DISTILL = "xpmir/cross-encoder-MiniLM-L12-DistillRankNET"
SCIDOCS = "ahmedfarazsyk/ms-marco-MiniLM-L6-v2-finetuned-scidocs"


def known(name: str) -> KnownCheckpoint:
    found = known_by_name(name)
    assert found is not None
    return found


def test_published_figures_are_those_of_their_sources() -> None:
    """Some of each source, read off cards and announcement."""
    card, en_de = "MS MARCO Cross-Encoders model card", "MS MARCO EN-DE model card"
    assert known("cross-encoder/ms-marco-MiniLM-L6-v2").published == (
        Figure("nDCG@10 TREC DL 2019", 74.30, card),
        Figure("MRR@10 MS MARCO dev", 39.01, card),
        Figure("nDCG@10 MTEB English v2", 50.82, "Ettin rerankers"),
    )
    assert known("deepset/gbert-base-germandpr-reranking").published == (
        Figure("MRR@10 GermanDPR DE-DE", 53.59, en_de),
    )
    of_mteb = {row.name: row.figure("nDCG@10 MTEB English v2") for row in known_checkpoints()}
    values = {name: figure.value for name, figure in of_mteb.items() if figure is not None}
    assert max(values, key=values.__getitem__) == "Qwen/Qwen3-Reranker-4B"
    assert values["cross-encoder/ettin-reranker-17m-v1"] == 55.76
    assert values["BAAI/bge-reranker-v2-m3"] == 55.26


def test_the_table_is_in_order() -> None:
    rows = known_checkpoints()
    assert rows[0].name == "secondpass/mini"
    names = [name for row in rows for name in (row.name, *row.aliases)]
    assert len(set(names)) == len(names)
    assert not [row.name for row in rows if re.search(r"-L-\d", row.name)], "the hub writes L6, not L-6"
    for row in rows:
        assert row.languages == (MULTILINGUAL,) or all(re.fullmatch("[a-z]{2,3}", code) for code in row.languages)
        assert row.prompt is None or prompt_named(row.prompt).source
        assert all(0 < figure.value < 100 and figure.source for figure in row.published)
        assert row.parameters is not None or row.refused
        assert row.max_length is not None or row.refused


def test_licences_that_forbid_commercial_use() -> None:
    assert {row.name.partition("/")[0] for row in known_checkpoints() if row.is_non_commercial} == {
        "zeroentropy",
        "ContextualAI",
        "jinaai",
    }
    assert not known("jinaai/jina-reranker-v1-turbo-en").is_non_commercial


def test_languages() -> None:
    assert known("BAAI/bge-reranker-v2-m3").reads("sw")
    assert known("Alibaba-NLP/gte-multilingual-reranker-base").reads("sw")
    assert not known("Antix5/product-reranker-mmBERT-small").reads("sw")
    assert known("BAAI/bge-reranker-base").reads("zh")
    assert not known("cross-encoder/ms-marco-MiniLM-L6-v2").reads("de")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cross-encoder/ms-marco-MiniLM-L6-v2", "cross-encoder/ms-marco-MiniLM-L6-v2"),
        ("cross-encoder/ms-marco-MiniLM-L-6-v2", "cross-encoder/ms-marco-MiniLM-L6-v2"),
        ("cross-encoder/ms-marco-TinyBERT-L-2", "cross-encoder/ms-marco-TinyBERT-L2"),
        ("zeroentropy/zerank-2", "zeroentropy/zerank-2-reranker"),
        ("ms-marco-MiniLM-L6-v2-finetuned-scidocs", SCIDOCS),
        ("someone/ms-marco-MiniLM-L6-v2", None),
        ("ms-marco-MiniLM-L6-v2", None),
    ],
)
def test_earlier_names_are_known_too(name: str, expected: str | None, tmp_path: Path) -> None:
    found = known_by_name(name)
    assert (None if found is None else found.name) == expected
    for folder in (Folder(name, tmp_path), Folder("x", tmp_path / "models--" / f"models--{name.replace('/', '--')}")):
        in_folder = lookup(folder)
        assert (None if in_folder is None else in_folder.name) == expected


@TRUNCATES
@pytest.mark.parametrize("name", [DISTILL, SCIDOCS])
def test_checkpoints_whose_cards_show_logits_are_scored_in_logits(name: str, tmp_path: Path) -> None:
    """Their files name no activation, for which sentence-transformers' rule is a sigmoid."""
    folder, plain = checkpoints.bert(tmp_path / name), checkpoints.bert(tmp_path / "mine")
    probabilities = Reference(str(folder), device="cpu").predict(list(PAIRS))
    logits = Reference(str(folder), device="cpu").predict(list(PAIRS), activation_fn=nn.Identity())
    assert_scores(CrossEncoder(folder).predict(PAIRS), logits)
    assert_scores(CrossEncoder(folder, activation="sigmoid").predict(PAIRS), probabilities)
    assert_scores(CrossEncoder(plain).predict(PAIRS), probabilities)
    checkpoints.edit_json(
        folder / "config.json", sbert_ce_default_activation_function="torch.nn.modules.activation.Sigmoid"
    )
    assert_scores(CrossEncoder(folder).predict(PAIRS), probabilities)


@TRUNCATES
def test_the_scidocs_fine_tune_is_known_by_the_bare_name_of_its_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.bert(tmp_path / "ms-marco-MiniLM-L6-v2-finetuned-scidocs")
    monkeypatch.chdir(tmp_path)
    scores = CrossEncoder("ms-marco-MiniLM-L6-v2-finetuned-scidocs").predict(PAIRS)
    assert_scores(scores, CrossEncoder(checkpoints.bert(tmp_path / "other"), activation="identity").predict(PAIRS))


def test_what_gives_no_score_to_a_pair_is_refused_before_it_is_looked_for(tmp_path: Path) -> None:
    for name, reason in (
        ("jinaai/jina-reranker-v3", "reads all documents of a query at once"),
        ("jinaai/jina-reranker-v2-base-multilingual", "does not run on transformers 5"),
        ("svalabs/bi-electra-ms-marco-german-uncased", "is a bi-encoder"),
    ):
        with pytest.raises(CheckpointError, match=reason):
            CrossEncoder(name, local_files_only=True, cache_dir=tmp_path)
        with pytest.raises(CheckpointError, match=reason):
            CrossEncoder(checkpoints.bert(tmp_path / name))
