"""Ettin's rerankers, ModernBERT in sentence-transformers' modules: the reference's scores, on packed tokens.

The layout is that of cross-encoder/ettin-reranker-17m-v1 to -1b-v1, whose cards show it module by module.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
import transformers
from compare import assert_scores
from sentence_transformers import CrossEncoder as Reference
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling
from texts import PAIRS
from torch import nn
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.encoder import PackedEncoder
from secondpass.execution.network import Network

pytestmark = TRUNCATES

WIDTH = 24


@pytest.fixture(scope="module")
def ettin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ettin")
    tokenizer = checkpoints.modernbert_tokenizer()
    values: dict[str, Any] = checkpoints.SMALL | {
        "vocab_size": len(tokenizer),
        "pad_token_id": 0,
        "bos_token_id": 1,
        "cls_token_id": 1,
        "eos_token_id": 2,
        "sep_token_id": 2,
        "local_attention": 16,
        "global_attn_every_n_layers": 3,
        "max_position_embeddings": 400,
    }
    model = transformers.ModernBertModel(transformers.ModernBertConfig(**values))
    base = checkpoints.save(root / "base", model, tokenizer)
    head = [
        Dense(WIDTH, WIDTH, bias=False, activation_function=nn.GELU()),
        LayerNorm(WIDTH),
        Dense(WIDTH, 1, activation_function=nn.Identity(), module_output_name="scores"),
    ]
    for seed, module in enumerate(head):
        checkpoints.randomise(module, seed)
    modules = [Transformer(str(base)), Pooling(WIDTH, pooling_mode="cls"), *head]
    Reference(modules=modules, activation_fn=nn.Identity(), device="cpu").save_pretrained(str(root / "saved"))
    return root / "saved"


def test_the_folder_is_laid_out_as_the_cards_say(ettin: Path) -> None:
    listed = json.loads((ettin / "modules.json").read_text())
    assert [(module["type"].rpartition(".")[2], module["path"]) for module in listed] == [
        ("Transformer", ""),
        ("Pooling", "1_Pooling"),
        ("Dense", "2_Dense"),
        ("LayerNorm", "3_LayerNorm"),
        ("Dense", "4_Dense"),
    ]
    configs = [json.loads((ettin / module["path"] / "config.json").read_text()) for module in listed]
    assert configs[0]["architectures"] == ["ModernBertModel"]
    assert configs[1]["pooling_mode"] == "cls"
    assert (configs[2]["bias"], configs[2]["activation_function"]) == (False, "torch.nn.modules.activation.GELU")
    assert configs[3]["dimension"] == WIDTH
    assert (configs[4]["out_features"], configs[4]["module_output_name"]) == (1, "scores")
    whole = json.loads((ettin / "config_sentence_transformers.json").read_text())
    assert (whole["model_type"], whole["activation_fn"]) == ("CrossEncoder", "torch.nn.modules.linear.Identity")


def test_scores_equal_sentence_transformers(ettin: Path) -> None:
    expected = Reference(str(ettin), device="cpu").predict(list(PAIRS))
    assert np.std(expected) > 0.1
    assert_scores(CrossEncoder(ettin).predict(PAIRS), expected)


def test_its_tokens_are_packed(ettin: Path) -> None:
    (network,) = CrossEncoder(ettin)._pipeline._networks
    assert isinstance(network, Network)
    assert isinstance(network._encoder, PackedEncoder)


def test_code_of_the_transformer_runs_with_leave(ettin: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ettin, tmp_path / "saved"))
    (folder / "modeling.py").write_text(
        "from transformers import ModernBertModel\n\n\n"
        "class Negated(ModernBertModel):\n"
        "    def forward(self, input_ids, attention_mask, **others):\n"
        "        output = super().forward(input_ids=input_ids, attention_mask=attention_mask)\n"
        "        output.last_hidden_state = -output.last_hidden_state\n"
        "        return output\n"
    )
    checkpoints.edit_json(folder / "config.json", auto_map={"AutoModel": "modeling.Negated"})
    expected = Reference(str(folder), device="cpu", trust_remote_code=True).predict(PAIRS)
    assert np.abs(expected - CrossEncoder(ettin).predict(PAIRS)).max() > 0.1
    assert_scores(CrossEncoder(folder, trust_remote_code=True).predict(PAIRS), expected)
