"""Bi-encoders score as sentence-transformers embeds: pooling, prompts, layers and similarity."""

import copy
import json
from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch
import transformers
from compare import assert_best
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from texts import AWKWARD
from torch import nn
from truncation import TRUNCATES

from secondpass import BiEncoder
from secondpass.errors import InputError

pytestmark = TRUNCATES

PROMPTS = {"query": "search: ", "document": "passage: "}


@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "lasttoken"])
@pytest.mark.parametrize("prompts", [{}, PROMPTS], ids=["plain", "prompts"])
def test_cosine_of_pooled_embeddings(pooling: str, prompts: dict[str, str], tmp_path: Path) -> None:
    base = checkpoints.base_transformer(tmp_path / "base")
    dense = Dense(24, 16, activation_function=nn.Tanh())
    checkpoints.randomise(dense)
    modules = [Transformer(str(base)), Pooling(24, pooling_mode=pooling), dense, Normalize()]
    reference = SentenceTransformer(modules=modules, prompts=prompts, device="cpu")
    reference.save_pretrained(str(tmp_path / "saved"))
    query = reference.encode_query("berlin wall", convert_to_tensor=True)
    documents = reference.encode_document(list(AWKWARD), convert_to_tensor=True)
    model = BiEncoder(tmp_path / "saved")
    expected = (documents @ query).numpy()
    np.testing.assert_allclose(model.score("berlin wall", AWKWARD), expected, atol=1e-5)
    assert model.score("q", []).shape == (0,)
    assert_best(model.rank("berlin wall", AWKWARD), expected)
    assert_best(model.rank("berlin wall", AWKWARD, top_k=3), expected)
    assert [document.index for document in model.rank("berlin", ["same", "same", "same"])] == [0, 1, 2]


@pytest.mark.parametrize("prompts", [{"query": "search: "}, {"document": "passage: "}, {"web": "page: "}])
def test_a_default_prompt_is_that_of_no_query_and_no_document(prompts: dict[str, str], tmp_path: Path) -> None:
    base = checkpoints.base_transformer(tmp_path / "base")
    saved = tmp_path / "saved"
    SentenceTransformer(modules=[Transformer(str(base)), Pooling(24)], device="cpu").save_pretrained(str(saved))
    # As written by hand, and by versions that did not add empty prompts.
    settings = {"prompts": prompts, "default_prompt_name": next(iter(prompts))}
    checkpoints.edit_json(saved / "config_sentence_transformers.json", **settings)
    reference = SentenceTransformer(str(saved), device="cpu")
    query = reference.encode_query("berlin wall", normalize_embeddings=True)
    documents = reference.encode_document(list(AWKWARD), normalize_embeddings=True)
    np.testing.assert_allclose(BiEncoder(saved).score("berlin wall", AWKWARD), documents @ query, atol=1e-5)


def test_a_transformer_in_a_subfolder_of_its_own(tmp_path: Path) -> None:
    base = checkpoints.base_transformer(tmp_path / "base")
    folder = tmp_path / "saved"
    reference = SentenceTransformer(modules=[Transformer(str(base), max_seq_length=16), Pooling(24)], device="cpu")
    reference.save_pretrained(str(folder))
    expected = BiEncoder(folder).score("berlin", AWKWARD)
    # As sentence-transformers saved before 3.0.
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "0_Transformer").mkdir()
    for file in [file for file in folder.iterdir() if file.is_file()]:
        if file.name not in ("modules.json", "config_sentence_transformers.json", "README.md"):
            file.rename(folder / "0_Transformer" / file.name)
    np.testing.assert_array_equal(BiEncoder(folder).score("berlin", AWKWARD), expected)
    assert BiEncoder(folder).max_length == 16


def test_a_limit_without_room_for_a_text_is_told_of_texts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_length must be above the 2 special tokens of a text, got 2"):
        BiEncoder(checkpoints.base_transformer(tmp_path), max_length=2)


def test_a_plain_transformer_is_read_by_its_mean(tmp_path: Path) -> None:
    folder = checkpoints.base_transformer(tmp_path)
    reference = SentenceTransformer(modules=[Transformer(str(folder)), Pooling(24)], device="cpu")
    query, *documents = reference.encode(["berlin", *AWKWARD], normalize_embeddings=True)
    np.testing.assert_allclose(BiEncoder(folder).score("berlin", AWKWARD), np.stack(documents) @ query, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"is_causal": True}, {"is_causal": False}])
def test_a_plain_causal_model_is_read_by_its_last_token(settings: dict[str, bool], tmp_path: Path) -> None:
    folder = checkpoints.qwen3(tmp_path)
    checkpoints.edit_json(folder / "config.json", **settings)
    documents = [text for text in AWKWARD if text]  # the reference reads no text without any token
    query, *embeddings = SentenceTransformer(str(folder), device="cpu").encode(
        ["berlin", *documents], batch_size=1, normalize_embeddings=True
    )
    np.testing.assert_allclose(BiEncoder(folder).score("berlin", documents), np.stack(embeddings) @ query, atol=1e-5)


def test_a_dpr_pair_reads_first_tokens_of_two_checkpoints(tmp_path: Path) -> None:
    tokenizer = checkpoints.wordpiece(max_length=128)
    config = transformers.DPRConfig(**checkpoints.SMALL, vocab_size=len(tokenizer))
    sides = {"question": transformers.DPRQuestionEncoder(config), "context": transformers.DPRContextEncoder(config)}
    for seed, (name, side) in enumerate(sides.items()):
        checkpoints.save(tmp_path / name, side, tokenizer)
        checkpoints.randomise(side, seed)
        side.eval().save_pretrained(tmp_path / name)

    def embed(side: nn.Module, text: str) -> torch.Tensor:
        inputs = tokenizer([text], truncation=True, max_length=128, return_tensors="pt")
        with torch.inference_mode():
            vector: torch.Tensor = side(**inputs).pooler_output[0]
        return nn.functional.normalize(vector, dim=0)

    expected = [float(embed(sides["question"], "berlin") @ embed(sides["context"], text)) for text in AWKWARD]
    model = BiEncoder(tmp_path / "question", document_model=tmp_path / "context")
    np.testing.assert_allclose(model.score("berlin", AWKWARD), expected, atol=1e-5)


@pytest.mark.parametrize("prompts", [{}, PROMPTS], ids=["plain", "prompts"])
def test_a_tokenizer_that_truncates_on_the_left(prompts: dict[str, str], tmp_path: Path) -> None:
    base = checkpoints.base_transformer(tmp_path / "base")
    checkpoints.edit_json(base / "tokenizer_config.json", truncation_side="left")
    modules = [Transformer(str(base), max_seq_length=24), Pooling(24)]
    reference = SentenceTransformer(modules=modules, prompts=prompts, device="cpu")
    reference.save_pretrained(str(tmp_path / "saved"))
    long = "people of the year " * 20 + "the berlin wall fell in the revolution"
    documents = ["the wall", long, "people " * 22]  # the last one fits, and its prompt does not
    query = "who fell " * 20 + "berlin"
    expected = reference.similarity(
        reference.encode_query(query, convert_to_tensor=True),
        reference.encode_document(documents, convert_to_tensor=True),
    )[0]
    model = BiEncoder(tmp_path / "saved")
    np.testing.assert_allclose(model.score(query, documents), expected, atol=1e-5)
    windows = BiEncoder(tmp_path / "saved", long_documents="windows")
    assert windows.score(query, documents[:1]) == model.score(query, documents[:1])
    for reader in (model, windows):
        (read,) = reader.rank(query, [long])
        assert read.passage is not None
        if reader is model:
            assert 0 < read.passage.start < read.passage.end == len(long)
        passage = long[read.passage.start : read.passage.end]
        np.testing.assert_allclose(model.score(query, [passage]), [read.score], atol=1e-5)


class Own(BiEncoder):
    """A class that somebody derives."""


def test_a_copy_is_of_the_same_class(tmp_path: Path) -> None:
    model = Own(checkpoints.base_transformer(tmp_path))
    again = copy.deepcopy(model)
    assert type(again) is Own
    assert again.score("berlin", ["wall"]) == model.score("berlin", ["wall"])
