"""Classifiers on causal models, and tokenizers that add no special tokens, so that a blank text has none at all."""

from pathlib import Path

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


def llama(folder: Path, *, pads: bool = True) -> Path:
    tokenizer = checkpoints.qwen3_tokenizer()
    if not pads:
        tokenizer.pad_token = None
    tokenizer.model_max_length = 64
    values = checkpoints.SMALL | {"num_labels": 1, "pad_token_id": tokenizer.pad_token_id}
    config = transformers.LlamaConfig(vocab_size=len(tokenizer), **values)
    return checkpoints.save(folder, transformers.LlamaForSequenceClassification(config), tokenizer)


def test_without_a_padding_token_each_pair_is_read_alone(tmp_path: Path) -> None:
    folder = llama(tmp_path, pads=False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = [float(model(**tokenizer(*pair, return_tensors="pt")).logits) for pair in PAIRS]
    assert_scores(CrossEncoder(folder, activation="identity").predict(PAIRS), expected)


def test_a_pair_without_any_token_is_scored(tmp_path: Path) -> None:
    folder = llama(tmp_path)
    blank, short = ("", ""), ("", "a")
    model = CrossEncoder(folder)
    expected = Reference(str(folder), device="cpu").predict([blank, short])
    assert_scores(model.predict([blank, short]), expected)
    assert_scores(model.predict([blank]), expected[:1])
    assert_scores(model.predict([PAIRS[1], blank, blank, *PAIRS])[1:3], expected[[0, 0]])


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
