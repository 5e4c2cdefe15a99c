"""GTE in its authors' layout scores as their code does, without running it.

The reference is written from their modelling code (Alibaba-NLP/new-impl): fused projections, a gated feed-forward part
whose second half is the gate, normalisation after each residual sum, and rotary positions with their fixed NTK scaling.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints
import gte_checkpoint
import numpy as np
import pytest
import torch
import transformers
from compare import assert_scores
from safetensors.torch import load_file
from texts import PAIRS, SHORT_PAIRS
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, relu
from transformers import AutoTokenizer
from truncation import TRUNCATES

from secondpass import BiEncoder, CrossEncoder
from secondpass.encoder import PackedEncoder
from secondpass.errors import CheckpointError, RemoteCodeError
from secondpass.execution.network import Network

pytestmark = TRUNCATES

Pairs = tuple[tuple[str, str], ...]


def rotate(states: Tensor, angles: Tensor) -> Tensor:
    """Rotary positions: dimension i turns with i + half of a head's width. Shape: (n_tokens, heads, width)."""
    first, second = states.chunk(2, dim=-1)
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def frequencies(config: dict[str, Any], width: int) -> Tensor:
    """With "ntk": the base times the factor, then every frequency over factor^(2/width). Shape: (width / 2,)."""
    base, scaling = config.get("rope_theta", 10000), config.get("rope_scaling")
    factor = scaling["factor"] if scaling else 1.0
    exponents = torch.arange(0, width, 2, dtype=torch.float64) / width
    scaled: Tensor = torch.pow(base * factor, -exponents) / factor ** (2 / width)
    return scaled


def authors_logits(folder: Path, pairs: Pairs, max_length: int) -> list[float]:
    """One pair at a time, in float64."""
    config = json.loads((folder / "config.json").read_text())
    weights = {name: tensor.double() for name, tensor in load_file(folder / "model.safetensors").items()}
    width = config["hidden_size"] // config["num_attention_heads"]
    eps = config.get("layer_norm_eps", 1e-12)
    nonlinearities: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "relu": relu}
    nonlinearity = nonlinearities[config.get("hidden_act", "gelu")]

    def norm(states: Tensor, name: str) -> Tensor:
        return layer_norm(states, states.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps)

    def apply(states: Tensor, name: str) -> Tensor:
        return linear(states, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    def logit(ids: list[int]) -> float:
        states = weights["new.embeddings.word_embeddings.weight"][ids]
        if config.get("type_vocab_size", 1):
            states = states + weights["new.embeddings.token_type_embeddings.weight"][0]
        states = norm(states, "new.embeddings.LayerNorm")
        angles = torch.outer(torch.arange(len(ids), dtype=torch.float64), frequencies(config, width))
        for i in range(config["num_hidden_layers"]):
            layer = f"new.encoder.layer.{i}"
            fused = apply(states, f"{layer}.attention.qkv_proj").chunk(3, dim=-1)
            query, key, value = (part.unflatten(-1, (-1, width)) for part in fused)
            attention = torch.einsum("qhw,khw->hqk", rotate(query, angles), rotate(key, angles)) / width**0.5
            context = torch.einsum("hqk,khw->qhw", attention.softmax(dim=-1), value).flatten(1)
            states = norm(states + apply(context, f"{layer}.attention.o_proj"), f"{layer}.attn_ln")
            up, gate = apply(states, f"{layer}.mlp.up_gate_proj").chunk(2, dim=-1)
            states = norm(states + apply(nonlinearity(gate) * up, f"{layer}.mlp.down_proj"), f"{layer}.mlp_ln")
        pooled = apply(states[0], "new.pooler.dense").tanh()
        return float(apply(pooled, "classifier"))

    tokenizer = AutoTokenizer.from_pretrained(folder, config=transformers.GteConfig())
    return [
        logit(tokenizer([query], [document], truncation=True, max_length=max_length)["input_ids"][0])
        for query, document in pairs
    ]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({}, id="as on the hub"),
        pytest.param({"rope_scaling": None}, id="unscaled"),
        pytest.param({"rope_scaling": None, "rope_theta": None}, id="the authors' default base"),
        pytest.param({"rope_scaling": {"factor": 2, "rope_type": "ntk"}, "rope_theta": 500000}, id="English v1.5"),
        pytest.param({"type_vocab_size": 0, "layer_norm_eps": 0.1, "hidden_act": "relu"}, id="no token types"),
        pytest.param({"auto_map": None, "unpad_inputs": True, "use_memory_efficient_attention": True}, id="copied"),
    ],
)
def test_scores_equal_the_authors_computation(config: dict[str, Any], tmp_path: Path) -> None:
    folder = gte_checkpoint.gte(tmp_path, **config)
    expected = authors_logits(folder, SHORT_PAIRS, 512)
    assert np.std(expected) > 0.01
    assert_scores(CrossEncoder(folder, activation="identity").predict(SHORT_PAIRS), expected)
    # The files name no activation: sentence-transformers' rule.
    assert_scores(CrossEncoder(folder).predict(SHORT_PAIRS[:9]), 1 / (1 + np.exp(-np.array(expected[:9]))))


def test_long_texts_and_tight_limits(tmp_path: Path) -> None:
    folder = gte_checkpoint.gte(tmp_path)
    for max_length, pairs in ((None, PAIRS[60:90]), (9, SHORT_PAIRS[::5])):
        model = CrossEncoder(folder, activation="identity", max_length=max_length)
        assert_scores(model.predict(pairs), authors_logits(folder, pairs, model.max_length))


def test_scores_equal_transformers_own_gte(tmp_path: Path) -> None:
    folder = gte_checkpoint.gte(tmp_path / "authors", rope_scaling=None)
    config = transformers.GteConfig(
        **checkpoints.SMALL,
        vocab_size=json.loads((folder / "config.json").read_text())["vocab_size"],
        max_position_embeddings=512,
        id2label={0: "LABEL_0"},
        rope_parameters={"rope_type": "default", "rope_theta": 20000.0},
    )
    native = checkpoints.save(
        tmp_path / "native", transformers.GteForSequenceClassification(config), checkpoints.roberta_tokenizer()
    )
    tokenizer = AutoTokenizer.from_pretrained(native)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(native, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = [
            float(model(**tokenizer([query], [document], truncation=True, max_length=512, return_tensors="pt")).logits)
            for query, document in SHORT_PAIRS
        ]
    for made in (folder, native):
        assert_scores(CrossEncoder(made, activation="identity").predict(SHORT_PAIRS), expected)


def test_the_embedding_models_of_the_family_load_too(tmp_path: Path) -> None:
    folder = gte_checkpoint.gte(tmp_path / "authors", rope_scaling=None, architectures=["NewModel"])
    state = load_file(folder / "model.safetensors")
    inner = {name.removeprefix("new."): tensor for name, tensor in state.items() if name.startswith("new.")}
    checkpoints.write_weights(folder, inner)
    config = transformers.GteConfig(
        **checkpoints.SMALL,
        vocab_size=inner["embeddings.word_embeddings.weight"].shape[0],
        rope_parameters={"rope_type": "default", "rope_theta": 20000.0},
    )
    native = transformers.AutoModel.from_pretrained(folder, config=config, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, config=config)
    with torch.inference_mode():
        query, document = (
            native(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0)
            for text in ("berlin", "the wall of the year")
        )
    expected = torch.cosine_similarity(query, document, dim=0)
    assert_scores(BiEncoder(folder).score("berlin", ["the wall of the year"]), [float(expected)])


def test_the_scaling_changes_scores_in_both_its_parts(tmp_path: Path) -> None:
    pairs = SHORT_PAIRS[:40]
    scaled = CrossEncoder(gte_checkpoint.gte(tmp_path / "a"), activation="identity").predict(pairs)
    for name, config in (("b", {"rope_scaling": None}), ("c", {"rope_scaling": None, "rope_theta": 160000})):
        other = CrossEncoder(gte_checkpoint.gte(tmp_path / name, **config), activation="identity").predict(pairs)
        assert np.abs(scaled - other).max() > 1e-3


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_scaling: 'type' must be 'ntk'"),
        ({"rope_scaling": {"type": "ntk", "factor": 2.0, "mixed_b": 0.6}}, "rope_scaling: 'mixed_b' must be None"),
        ({"rope_scaling": {"type": "ntk", "factor": 2.0, "beta": 1}}, "rope_scaling: 'beta' may change scores"),
        ({"rope_scaling": {"type": "ntk"}}, "rope_scaling: factor must be a number above 0, got NoneType None"),
        ({"rope_scaling": {"type": "ntk", "factor": 0.5}}, "rope_scaling: factor must be at least 1, got float 0.5"),
        ({"rope_scaling": {"factor": 2.0}}, "rope_scaling must have a type"),
        ({"rope_scaling": 8}, "rope_scaling must be a JSON object, got int 8"),
        ({"rope_theta": "20000"}, "rope_theta must be a number above 0, got str '20000'"),
        ({"position_embedding_type": "absolute"}, "'position_embedding_type' must be 'rope'"),
        ({"layer_norm_type": "rms_norm"}, "'layer_norm_type' must be 'layer_norm'"),
        ({"logn_attention_scale": True}, "'logn_attention_scale' must be False"),
        ({"pack_qkv": False}, "'pack_qkv' must be True"),
        ({"alibi": True}, "'alibi' may change scores and is not read"),
        ({"num_attention_heads": 5}, "num_attention_heads must divide hidden_size into even widths"),
    ],
)
def test_what_transformers_gte_does_not_have_is_refused_by_name(
    config: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = gte_checkpoint.gte(tmp_path)
    checkpoints.edit_json(folder / "config.json", **config)
    with pytest.raises(CheckpointError) as refusal:
        CrossEncoder(folder)
    assert message in str(refusal.value)
    assert "config.json" in str(refusal.value)


def test_the_authors_layout_runs_packed(tmp_path: Path) -> None:
    (network,) = CrossEncoder(gte_checkpoint.gte(tmp_path))._pipeline._networks
    assert isinstance(network, Network)
    assert isinstance(network._encoder, PackedEncoder)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    folder = gte_checkpoint.gte(tmp_path)
    state = load_file(folder / "model.safetensors")
    del state["new.encoder.layer.1.attention.qkv_proj.bias"]
    checkpoints.write_weights(folder, state)
    with pytest.raises(CheckpointError, match=r"missing: gte\.layers\.1\.self_attn\.k_proj\.bias"):
        CrossEncoder(folder)


def test_other_code_of_the_same_model_type_is_not_taken_for_gte(tmp_path: Path) -> None:
    other = {"AutoModelForSequenceClassification": "someone/else--modeling.OtherForSequenceClassification"}
    with pytest.raises(RemoteCodeError, match="OtherForSequenceClassification"):
        CrossEncoder(gte_checkpoint.gte(tmp_path, auto_map=other))


def test_a_folder_moved_to_transformers_own_name_may_still_name_the_old_code(tmp_path: Path) -> None:
    folder = gte_checkpoint.gte(tmp_path / "authors", rope_scaling=None)
    expected = CrossEncoder(folder).predict(SHORT_PAIRS[:20])
    checkpoints.edit_json(
        folder / "config.json",
        model_type="gte",
        architectures=["GteForSequenceClassification"],
        rope_parameters={"rope_type": "default", "rope_theta": 20000.0},
        rope_theta=None,
    )
    assert_scores(CrossEncoder(folder).predict(SHORT_PAIRS[:20]), expected)
