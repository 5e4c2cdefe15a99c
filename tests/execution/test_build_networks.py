"""A loaded model on its devices: its tokens go there, and its outputs come from there."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from random_backbones import CAUSAL_MODELS, CPU, VOCABULARY, backbone, random_model
from sensitive_backbones import SENSITIVE_PART, difference, sensitive_backbone
from torch import Tensor, nn

from secondpass.checkpoint import LanguageModel, SplitModel, WholeModel
from secondpass.encoder import Capabilities, Pooling, Precision
from secondpass.encoder.padded import without_padding_token
from secondpass.encoder.parameters import LeavingParameters
from secondpass.errors import InputError
from secondpass.execution.build_networks import networks_on
from secondpass.execution.devices import Placement, capabilities_of
from secondpass.tokenization.tokens import PairTokens

META = Capabilities(torch.device("meta"))
LENGTHS = (9, 4, 4)


@pytest.mark.parametrize("pooling", [Pooling.CLS, Pooling.MEAN])
def test_tokens_are_moved_to_the_device(pooling: Pooling) -> None:
    """Torch's device without memory refuses to mix with the CPU."""
    (network,) = networks_on(_placement(META), _model(pooling), _tokens)
    outputs = network(_tokens())
    assert (outputs.shape, outputs.dtype, outputs.device) == ((3, 1), torch.float32, META.device)


def test_every_device_has_a_model_of_its_own() -> None:
    cpu = capabilities_of(torch.device("cpu"))
    model = _model(Pooling.CLS)
    on_cpu, on_meta = networks_on(_placement(cpu, META), model, _tokens)
    assert on_cpu(_tokens()).device == cpu.device
    assert on_meta(_tokens()).device == META.device


def test_weights_leave_the_model_as_they_are_packed() -> None:
    model = _model(Pooling.CLS)
    networks_on(_placement(CPU), model, _tokens)
    assert [name for name, _ in model.backbone.named_parameters() if not name.startswith("pooler.")] == []
    assert len(list(model.head.parameters())) == 2


def test_a_precision_that_needs_ranges_has_no_padded_form() -> None:
    placement = Placement((capabilities_of(torch.device("cpu")),), Precision.INT8, 100)
    with pytest.raises(InputError, match="dtype 'int8' has no form for BertModel: use 'float32'"):
        networks_on(placement, _model(Pooling.MAX), _tokens)


@pytest.mark.skipif(not CPU.int8_products, reason="this CPU has no 8-bit products")
def test_rounding_counts_by_the_scores_that_outputs_become() -> None:
    placement = Placement((CPU,), Precision.INT8, 100)
    model = SplitModel(sensitive_backbone(), Pooling.CLS, _Difference(), {0: "relevance"})
    (by_outputs,) = networks_on(placement, model, _varied_tokens)
    assert by_outputs.float32_parts == (SENSITIVE_PART,)
    (by_nothing,) = networks_on(placement, model, _varied_tokens, scores=torch.zeros_like)
    assert by_nothing.float32_parts == ()


@pytest.mark.parametrize("name", CAUSAL_MODELS)
def test_language_models_are_packed_and_give_the_logits_of_their_own_forward(name: str) -> None:
    model = _language_model(backbone(name))
    expected = _last_logits(model, _varied_tokens())
    (network,) = networks_on(_placement(CPU), model, _tokens)
    assert not network.pads
    torch.testing.assert_close(network(_varied_tokens()), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
        {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4}},
    ],
    ids=["windows", "yarn"],
)
def test_language_models_with_other_options_run_through_transformers(options: dict[str, object]) -> None:
    kind, usual = CAUSAL_MODELS["qwen3"]
    model = _language_model(random_model(kind, **(usual | options)))
    expected = _last_logits(model, _varied_tokens())
    (network,) = networks_on(_placement(CPU), model, _varied_tokens)
    assert network.pads
    torch.testing.assert_close(network(_varied_tokens()), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("names_padding", [True, False])
def test_causal_classifiers_are_packed_and_read_what_their_own_forward_reads(*, names_padding: bool) -> None:
    """The last token that is not the padding token, where their config names it."""
    config = copy.deepcopy(backbone("qwen3").config)
    config.update({"num_labels": 2, "pad_token_id": 8})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    model.base_model.load_state_dict(backbone("qwen3").state_dict())
    tokens = _varied_tokens()
    tokens.ids[:1] = 8
    tokens.ids[tokens.lengths[:2].sum() - 3 : tokens.lengths[:2].sum()] = 8
    stated = model if names_padding else without_padding_token(model)
    with torch.inference_mode():
        pairs = torch.from_numpy(tokens.ids).long().split(tokens.lengths.tolist())
        expected = torch.cat([stated(ids[None]).logits for ids in pairs])
    whole = WholeModel(model, {0: "no", 1: "yes"}, names_padding=names_padding)
    (network,) = networks_on(_placement(CPU), whole, _tokens)
    assert not network.pads
    torch.testing.assert_close(network(tokens), expected, rtol=0, atol=1e-5)


def test_a_language_model_has_no_8_bit_products() -> None:
    message = r"dtype must be 'float32', 'bfloat16' or 'float16' for a causal model \(Qwen3ForCausalLM\), got 'int8'"
    with pytest.raises(InputError, match=message):
        networks_on(Placement((CPU,), Precision.INT8, 100), _language_model(backbone("qwen3")), _varied_tokens)


def test_a_language_model_that_has_no_packed_form_has_no_8_bit_products() -> None:
    kind, usual = CAUSAL_MODELS["qwen3"]
    model = _language_model(random_model(kind, **(usual | {"use_sliding_window": True, "max_window_layers": 1})))
    with pytest.raises(InputError, match="dtype 'int8' has no form for Qwen3ForCausalLM: use 'float32'"):
        networks_on(Placement((CPU,), Precision.INT8, 100), model, _varied_tokens)


def test_parameters_leave_a_model_once() -> None:
    model = copy.deepcopy(backbone("bert"))
    before = {name: tensor.clone() for name, tensor in model.named_parameters()}
    leaving = LeavingParameters(model)
    assert (set(leaving), len(leaving)) == (set(before), len(before))
    name = next(iter(before))
    assert name in leaving
    assert leaving.get("nothing") is None
    torch.testing.assert_close(leaving[name], before[name])
    assert name not in leaving
    assert name not in dict(model.named_parameters())
    with pytest.raises(KeyError):
        leaving[name]
    assert dict(leaving).keys() == before.keys() - {name}
    assert len(leaving) == 0


def test_a_language_model_reads_no_texts_for_what_bfloat16_rounds() -> None:
    def unasked() -> PairTokens:
        raise AssertionError("read")

    model = _language_model(backbone("qwen3"))
    expected = _last_logits(model, _varied_tokens())
    placement = Placement((replace(CPU, float32_at_hand=True),), Precision.BFLOAT16, 100)
    (network,) = networks_on(placement, model, unasked, candidates=unasked)
    assert not network.pads
    error = (network(_varied_tokens()) - expected).std(dim=0) / expected.std(dim=0)
    assert 0 < error.max() < 0.1


class _Difference(nn.Module):
    def forward(self, pooled: Tensor) -> Tensor:
        return difference(pooled)[:, None]


def _placement(*devices: Capabilities) -> Placement:
    return Placement(devices, Precision.FLOAT32, 100)


def _model(pooling: Pooling) -> SplitModel:
    model = copy.deepcopy(backbone("bert"))
    return SplitModel(model, pooling, nn.Linear(model.config.hidden_size, 1), {0: "relevance"})


def _language_model(base: transformers.PreTrainedModel) -> LanguageModel:
    """With this transformer, and the rows of two answers as its head."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(base.config).eval()
        model.base_model.load_state_dict(base.state_dict())
        model.set_output_embeddings(nn.Linear(base.config.hidden_size, 2, bias=False))
    return LanguageModel(model, {0: "no", 1: "yes"})


def _last_logits(model: LanguageModel, tokens: PairTokens) -> Tensor:
    """What its own forward gives for each pair alone, unpadded."""
    with torch.inference_mode():
        pairs = torch.from_numpy(tokens.ids).long().split(tokens.lengths.tolist())
        return torch.cat([model.backbone(ids[None]).logits[:, -1] for ids in pairs])


def _tokens() -> PairTokens:
    n_tokens = sum(LENGTHS)
    return PairTokens(np.full(n_tokens, 8, np.int32), np.zeros(n_tokens, np.uint8), np.array(LENGTHS, np.int64))


def _varied_tokens() -> PairTokens:
    random = np.random.default_rng(0)
    lengths = random.integers(5, 40, size=16)
    lengths[:4] = 1, 150, 17, 17
    n_tokens = int(lengths.sum())
    ids = random.integers(8, VOCABULARY, n_tokens, dtype=np.int32)
    return PairTokens(ids, np.zeros(n_tokens, np.uint8), lengths)
