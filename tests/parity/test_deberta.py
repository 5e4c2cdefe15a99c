"""DeBERTa-v2 and v3 classifiers score as transformers' do, whatever their config says, packed or not."""

from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
import torch
import transformers
from compare import assert_scores
from numpy.typing import NDArray
from texts import AWKWARD, PAIRS, SHORT_PAIRS
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.encoder import PackedEncoder
from secondpass.encoder.padded import PaddedEncoder
from secondpass.errors import InputError
from secondpass.execution.network import Network

pytestmark = TRUNCATES

# microsoft/deberta-v3-base's, which the rerankers of mixedbread-ai have, but for the sizes.
V3: dict[str, Any] = {
    "relative_attention": True,
    "position_buckets": 256,
    "max_relative_positions": -1,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": "p2c|c2p",
    "position_biased_input": False,
    "type_vocab_size": 0,
    "layer_norm_eps": 1e-7,
    "pooler_hidden_act": "gelu",
    "pooler_dropout": 0.1,
    "max_position_embeddings": 512,
}


def deberta(folder: Path, **config: Any) -> Path:
    tokenizer = checkpoints.modernbert_tokenizer()
    values = checkpoints.SMALL | {"vocab_size": len(tokenizer), "num_labels": 1} | V3 | config
    model = transformers.DebertaV2ForSequenceClassification(transformers.DebertaV2Config(**values))
    return checkpoints.save(folder, model, tokenizer)


def expected_logits(folder: Path, pairs: tuple[tuple[str, str], ...], max_length: int) -> NDArray[np.float32]:
    """One pair at a time, without padding. Shape: (n_pairs,)."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        logits = [
            model(**tokenizer([query], [document], truncation=True, max_length=max_length, return_tensors="pt")).logits
            for query, document in pairs
        ]
    return np.array(torch.cat(logits)[:, 0].numpy())


def encoder_of(model: CrossEncoder) -> object:
    (network,) = model._pipeline._networks
    assert isinstance(network, Network)
    return network._encoder


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({}, id="as v3"),
        pytest.param({"share_att_key": False}, id="own projections of positions"),
        pytest.param({"pos_att_type": ["c2p"]}, id="c2p"),
        pytest.param({"pos_att_type": ["p2c"]}, id="p2c"),
        pytest.param({"position_buckets": 8, "max_relative_positions": 20}, id="few buckets"),
        pytest.param({"position_buckets": -1}, id="a position per distance"),
        pytest.param({"position_buckets": -1, "max_relative_positions": 6}, id="few distances"),
        pytest.param({"norm_rel_ebd": "none"}, id="positions as they are"),
        pytest.param({"position_biased_input": True, "type_vocab_size": 2}, id="absolute positions and types too"),
        pytest.param({"embedding_size": 10}, id="narrow embeddings"),
        pytest.param({"legacy": False}, id="not legacy"),
        pytest.param({"relative_attention": False, "pos_att_type": None}, id="absolute positions alone"),
        pytest.param({"pooler_hidden_act": "tanh", "hidden_act": "relu"}, id="other nonlinearities"),
        pytest.param({"pooler_hidden_act": "mish"}, id="a rare nonlinearity of the pooler"),
    ],
)
def test_packed_scores_equal_transformers(config: dict[str, Any], tmp_path: Path) -> None:
    folder = deberta(tmp_path, **config)
    model = CrossEncoder(folder, activation="identity", max_length=200)
    assert isinstance(encoder_of(model), PackedEncoder)
    expected = expected_logits(folder, PAIRS, 200)
    assert expected.std() > 0.01, "a model whose scores are all alike would agree with anything"
    assert_scores(model.predict(PAIRS), expected)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"conv_kernel_size": 3, "conv_act": "gelu"}, id="a convolution"),
        pytest.param({"relative_attention": False}, id="terms without distances"),
        pytest.param({"pos_att_type": None}, id="distances without terms"),
        pytest.param({"hidden_act": "mish"}, id="a nonlinearity we lack"),
    ],
)
def test_what_is_not_packed_scores_as_before(config: dict[str, Any], tmp_path: Path) -> None:
    folder = deberta(tmp_path, **config)
    model = CrossEncoder(folder, activation="identity", max_length=200)
    assert isinstance(encoder_of(model), PaddedEncoder)
    assert_scores(model.predict(SHORT_PAIRS), expected_logits(folder, SHORT_PAIRS, 200))


def test_every_length_up_to_the_limit(tmp_path: Path) -> None:
    """From the shortest pair to one longer than the distances that have embeddings of their own."""
    folder = deberta(tmp_path, position_buckets=32, max_relative_positions=128)
    words = "berlin wall people rain sun moon tide sea " * 80
    pairs = tuple(("berlin", " ".join(words.split()[:n])) for n in (*range(40), 61, 120, 124, 125, 126, 250, 500, 640))
    model = CrossEncoder(folder, activation="identity", max_length=512)
    assert_scores(model.predict(pairs), expected_logits(folder, pairs, 512))


def test_a_pair_scores_alone_as_among_others(tmp_path: Path) -> None:
    model = CrossEncoder(deberta(tmp_path), activation="identity", batch_tokens=4096)
    alone = [float(model.score("berlin", [text])[0]) for text in AWKWARD]
    assert_scores(model.score("berlin", AWKWARD), alone)
    assert_scores(model.score("berlin", AWKWARD[::-1]), alone[::-1])


def test_a_document_that_fits_scores_the_same_in_windows(tmp_path: Path) -> None:
    folder = deberta(tmp_path)
    documents = ["the sun and the moon pull the sea", " ".join(["rain falls on the people of berlin"] * 60)]
    truncated = CrossEncoder(folder, max_length=48)
    windows = CrossEncoder(folder, max_length=48, long_documents="windows")
    assert windows.score("tides", documents)[0] == truncated.score("tides", documents)[0]
    for ranked in windows.rank("tides", documents):
        assert ranked.passage is not None
        passage = ranked.text[ranked.passage.start : ranked.passage.end]
        assert windows.score("tides", [passage])[0] == pytest.approx(ranked.score, abs=1e-4)


@pytest.mark.parametrize("config", [{}, {"position_buckets": -1}], ids=["as v3", "a position per distance"])
def test_positions_without_a_table_have_no_end(config: dict[str, Any], tmp_path: Path) -> None:
    folder = deberta(tmp_path, **config)
    assert CrossEncoder(folder).max_length == 512, "what it is made for is what it is used with"
    words = ("berlin wall people rain sun moon tide sea " * 120).split()
    pairs = tuple(("berlin", " ".join(words[:n])) for n in (3, 505, 700, len(words)))
    whole = CrossEncoder(folder, activation="identity", max_length=800).predict(pairs)
    assert_scores(whole, expected_logits(folder, pairs, 800))
    assert abs(whole[-1] - expected_logits(folder, pairs[-1:], 512)[0]) > 1e-3


def test_a_limit_of_the_settings_counts_where_positions_have_no_end(tmp_path: Path) -> None:
    folder = deberta(tmp_path)
    (folder / "modules.json").write_text("[]")
    checkpoints.edit_json(folder / "sentence_bert_config.json", max_seq_length=800)
    model = CrossEncoder(folder, activation="identity")
    assert model.max_length == 800
    pairs = (("berlin", " ".join(("berlin wall people rain sun moon tide sea " * 120).split()[:700])),)
    assert_scores(model.predict(pairs), expected_logits(folder, pairs, 800))


def test_positions_with_a_table_end_with_it(tmp_path: Path) -> None:
    folder = deberta(tmp_path, position_biased_input=True)
    with pytest.raises(InputError, match="max_length must be at most the 512 tokens"):
        CrossEncoder(folder, max_length=513)
