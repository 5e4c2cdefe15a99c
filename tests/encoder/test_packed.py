"""What has a packed form and what has none, and what a packed encoder leaves alone."""

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from random_backbones import (
    CAUSAL_MODELS,
    CPU,
    DEBERTA,
    MODELS,
    QWEN3,
    backbone,
    packed_form,
    random_batch,
    random_model,
)

from secondpass.encoder import Capabilities, Pooling, Precision


@pytest.mark.parametrize(
    ("model_type", "options"),
    [
        pytest.param("mpnet", {}, id="another architecture"),
        pytest.param("bert", {"is_decoder": True}, id="a decoder"),
        pytest.param("bert", {"is_decoder": True, "add_cross_attention": True}, id="cross attention"),
        pytest.param("bert", {"hidden_act": "relu6"}, id="a nonlinearity we lack"),
        pytest.param("bert", {"num_hidden_layers": 0}, id="no layer"),
        pytest.param("deberta-v2", DEBERTA | {"conv_kernel_size": 3}, id="a convolution"),
        pytest.param("deberta-v2", DEBERTA | {"pos_att_type": None}, id="distances that meet nothing"),
        pytest.param("deberta-v2", DEBERTA | {"pos_att_type": ["p2p"]}, id="a term that nobody computes"),
        pytest.param("deberta-v2", DEBERTA | {"relative_attention": False}, id="terms without distances"),
        pytest.param("deberta-v2", DEBERTA | {"attention_head_size": 6}, id="heads of another width"),
        pytest.param("deberta-v2", DEBERTA | {"position_buckets": 1}, id="a logarithm of nothing"),
        pytest.param("deberta-v2", DEBERTA | {"max_relative_positions": 9}, id="no distance left for a logarithm"),
        pytest.param("qwen3", QWEN3 | {"use_sliding_window": True, "max_window_layers": 1}, id="windows"),
        pytest.param(
            "qwen3", QWEN3 | {"layer_types": ["full_attention", "chunked_attention"]}, id="another kind of layer"
        ),
        pytest.param("qwen3", QWEN3 | {"is_causal": False}, id="a language model that reads ahead"),
        pytest.param("llama", {"num_key_value_heads": 2}, id="heads that cannot be shared equally"),
        pytest.param(
            "llama",
            {
                "num_key_value_heads": 3,
                "rope_parameters": {
                    "rope_type": "llama3",
                    "factor": 2.0,
                    "rope_theta": 1e4,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 100,
                },
            },
            id="some frequencies scaled",
        ),
        pytest.param(
            "gte",
            {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}},
            id="rotary positions that depend on the length",
        ),
        pytest.param(
            "gte",
            {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}},
            id="rotary positions of a part of each head",
        ),
        pytest.param(
            "modernbert",
            {
                **MODELS["modernbert"][1],
                "rope_parameters": {
                    "full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4},
                    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
                },
            },
            id="scaled rotary positions",
        ),
    ],
)
def test_what_has_no_packed_form_gives_none(model_type: str, options: dict[str, object]) -> None:
    model = random_model(model_type, **options)
    for pooling in Pooling:
        assert packed_form(model, precision=Precision.FLOAT32, pooling=pooling, capabilities=CPU) is None


def test_attention_by_distances_is_packed_where_calls_are_cheap() -> None:
    def is_packed(name: str, capabilities: Capabilities) -> bool:
        model, precision = backbone(name), Precision.FLOAT32
        encoder = packed_form(model, precision=precision, pooling=Pooling.CLS, capabilities=capabilities)
        return encoder is not None

    elsewhere = replace(CPU, cheap_calls=False)
    assert is_packed("deberta-v3", CPU)
    assert not is_packed("deberta-v3", elsewhere)
    assert is_packed("deberta-absolute", elsewhere)


@pytest.mark.parametrize(
    ("name", "pooling"),
    [("bert", Pooling.MAX), ("bert", Pooling.LAST), ("qwen3", Pooling.MAX), ("qwen3", Pooling.CLS)],
)
def test_other_poolings_have_no_packed_form(name: str, pooling: Pooling) -> None:
    assert packed_form(backbone(name), precision=Precision.FLOAT32, pooling=pooling, capabilities=CPU) is None


@pytest.mark.parametrize("name", CAUSAL_MODELS)
def test_the_last_tokens_alone_give_what_all_tokens_do(name: str) -> None:
    encoder, whole = (
        packed_form(backbone(name), precision=Precision.FLOAT32, pooling=pooling, capabilities=CPU)
        for pooling in (Pooling.LAST, Pooling.MEAN)
    )
    assert encoder is not None
    assert whole is not None
    batch = random_batch(backbone(name), (5, 1, 9, 9, 40))
    context = whole.context(batch)
    states = whole.embeddings(batch, context.packing)
    for layer in whole.layers:
        states = layer(states, context)
    assert whole.final_norm is not None
    lasts = whole.final_norm(states)[torch.tensor(batch.lengths).cumsum(0) - 1]
    torch.testing.assert_close(encoder(batch), lasts, rtol=0, atol=1e-5)


def test_a_parameter_without_a_place_is_an_error() -> None:
    model = copy.deepcopy(backbone("bert"))
    query = model.get_submodule("encoder.layer.0.attention.self.query")
    query.register_parameter("scale", torch.nn.Parameter(torch.ones(1)))
    with pytest.raises(ValueError, match=r"no place for layers\.0\.attention\.query\.scale"):
        packed_form(model, precision=Precision.FLOAT32, pooling=Pooling.CLS, capabilities=CPU)


def test_the_backbone_is_left_as_it_was() -> None:
    model = backbone("electra-narrow")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    encoder = packed_form(model, precision=Precision.FLOAT32, pooling=Pooling.CLS, capabilities=CPU)
    assert encoder is not None
    encoder(random_batch(model, (5, 9)))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16])
@pytest.mark.parametrize("name", ["bert", "modernbert", "deberta-v3", "qwen3"])
def test_threads_share_one_encoder(name: str, precision: Precision) -> None:
    model = backbone(name)
    pooling = Pooling.LAST if name in CAUSAL_MODELS else Pooling.CLS
    encoder = packed_form(model, precision=precision, pooling=pooling, capabilities=CPU)
    assert encoder is not None
    batches = [random_batch(model, (3 + i, 17, 40 - i), seed=i) for i in range(24)]
    expected = [encoder(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for got, want in zip(pool.map(encoder, batches * 3), expected * 3, strict=True):
            torch.testing.assert_close(got, want, rtol=0, atol=1e-6)
