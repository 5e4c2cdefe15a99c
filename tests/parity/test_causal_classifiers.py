"""Classifiers on causal models, and tokenizers that add no special tokens, so that a blank text has none at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
import torch
import transformers
from compare import assert_scores
from sentence_transformers import CrossEncoder as Reference
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from secondpass import BiEncoder, CrossEncoder

PAIRS = [("berlin", "the wall"), ("berlin", "people of the year and its revolution"), ("who", "people")]

# With it a model runs through transformers' own forward.
YARN = {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4}}


def llama(
    folder: Path, *, pads: bool = True, config_pads: bool = True, side: str = "right", options: Mapping[str, Any] = {}
) -> Path:
    tokenizer = checkpoints.qwen3_tokenizer()
    tokenizer.padding_side = side
    if not pads:
        tokenizer.pad_token = None
    tokenizer.model_max_length = 64
    values = checkpoints.SMALL | {"num_labels": 1, "pad_token_id": tokenizer.pad_token_id if config_pads else None}
    values |= options
    config = transformers.LlamaConfig(vocab_size=len(tokenizer), **values)
    return checkpoints.save(folder, transformers.LlamaForSequenceClassification(config), tokenizer)


GPT_SIZES = {"n_embd": 24, "n_layer": 2, "n_head": 3}
# They look token types up among the words, and XLM among its languages, so that zeros are not as good as none.
TAKE_TYPES_FOR_WORDS: dict[str, dict[str, Any]] = {
    "GPT2": GPT_SIZES,
    "GPTBigCode": GPT_SIZES,
    "GPTJ": GPT_SIZES | {"rotary_dim": 4},
    "GPTNeo": {"hidden_size": 24, "num_layers": 2, "num_heads": 3, "attention_types": [[["global"], 2]]},
    "OpenAIGPT": GPT_SIZES,
    "XLM": {"emb_dim": 24, "n_layers": 2, "n_heads": 3, "n_langs": 3},
}


@pytest.mark.parametrize("inputs", [["input_ids"], ["input_ids", "token_type_ids"]], ids=" ".join)
@pytest.mark.parametrize("name", TAKE_TYPES_FOR_WORDS)
def test_a_model_gets_token_types_where_its_tokenizer_makes_them(name: str, inputs: list[str], tmp_path: Path) -> None:
    tokenizer = checkpoints.qwen3_tokenizer()
    tokenizer.model_max_length = 64
    tokenizer.model_input_names = [*inputs, "attention_mask"]
    values = TAKE_TYPES_FOR_WORDS[name] | {"vocab_size": len(tokenizer), "num_labels": 1, "pad_token_id": 0}
    model = getattr(transformers, f"{name}ForSequenceClassification")(getattr(transformers, f"{name}Config")(**values))
    folder = checkpoints.save(tmp_path, model, tokenizer)
    expected = Reference(str(folder), device="cpu").predict(PAIRS, batch_size=1)
    assert expected.std() > 0.001
    assert_scores(CrossEncoder(folder).predict(PAIRS), expected)


def one_by_one(folder: Path, pairs: Sequence[tuple[str, str]]) -> list[float]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        return [float(model(**tokenizer(*pair, return_tensors="pt")).logits) for pair in pairs]


def test_without_a_padding_token_each_pair_is_read_alone(tmp_path: Path) -> None:
    folder = llama(tmp_path, pads=False)
    assert_scores(CrossEncoder(folder, activation="identity").predict(PAIRS), one_by_one(folder, PAIRS))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("config_pads", [True, False])
@pytest.mark.parametrize("options", [{}, YARN], ids=["packed", "padded"])
def test_a_padding_token_that_is_written_out_is_read_as_in_a_pair_alone(
    options: Mapping[str, Any], side: str, tmp_path: Path, *, config_pads: bool
) -> None:
    folder = llama(tmp_path, config_pads=config_pads, side=side, options=options)
    pad = checkpoints.qwen3_tokenizer().pad_token
    pairs = [*PAIRS, ("berlin", f"the wall {pad}"), (pad, pad), (pad, ""), (f"{pad} berlin", f"{pad} wall"), (pad, "a")]
    expected = one_by_one(folder, pairs)
    assert np.std(expected) > 0.001
    model = CrossEncoder(folder, activation="identity")
    assert_scores(model.predict(pairs), expected)
    assert_scores([float(model.predict([pair])[0]) for pair in pairs], expected)


def test_a_pair_without_any_token_is_scored(tmp_path: Path) -> None:
    folder = llama(tmp_path)
    blank, short = ("", ""), ("", "a")
    model = CrossEncoder(folder)
    expected = Reference(str(folder), device="cpu").predict([blank, short])
    assert_scores(model.predict([blank, short]), expected)
    assert_scores(model.predict([blank]), expected[:1])
    assert_scores(model.predict([PAIRS[1], blank, blank, *PAIRS])[1:3], expected[[0, 0]])


def test_a_padding_token_that_no_table_has_is_none(tmp_path: Path) -> None:
    """-1 was the default of Llama's first config."""
    folder = llama(tmp_path)
    checkpoints.edit_json(folder / "config.json", pad_token_id=-1)
    expected = one_by_one(folder, PAIRS)
    assert_scores(CrossEncoder(folder, activation="identity").predict(PAIRS), expected)


def base(folder: Path, architecture: str) -> Path:
    tokenizer = checkpoints.qwen3_tokenizer()
    tokenizer.model_max_length = 64
    values = checkpoints.SMALL | {"vocab_size": len(tokenizer), "pad_token_id": 0}
    config = getattr(transformers, f"{architecture}Config")(**values)
    return checkpoints.save(folder, getattr(transformers, f"{architecture}Model")(config), tokenizer)


@pytest.mark.parametrize(
    ("architecture", "pooling"),
    [("Bert", "mean"), ("Bert", "cls"), ("Llama", "mean"), ("Llama", "lasttoken"), ("Llama", "max")],
)
def test_a_text_without_any_token_has_an_embedding_of_zeros(architecture: str, pooling: str, tmp_path: Path) -> None:
    modules = [Transformer(str(base(tmp_path / "base", architecture))), Pooling(24, pooling_mode=pooling)]
    reference = SentenceTransformer(modules=modules, device="cpu")
    reference.save_pretrained(str(tmp_path / "saved"))
    texts = ["the wall", "", "people of the year"]
    with torch.inference_mode():
        expected = reference.similarity(reference.encode(["berlin"]), reference.encode(texts))[0].numpy()
    if pooling in ("cls", "max"):  # of padding, there: of whatever else is in the batch, or the least number there is
        expected[1] = 0.0
    assert expected[1] == 0.0
    model = BiEncoder(tmp_path / "saved")
    assert_scores(model.score("berlin", texts), expected)
    assert model.score("berlin", [""]).tolist() == [0.0]
    assert np.array_equal(model.score("", texts), np.zeros(3))
