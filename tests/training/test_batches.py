"""What a training step's pairs become: the library's own tensors, in groups that suit the device."""

from collections.abc import Callable
from pathlib import Path

import base_models
import pytest
import torch
from checkpoints import bert, distilbert, edit_json, modernbert, roberta
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers.cross_encoder import CrossEncoder
from torch import Tensor

from secondpass.training import ModelConfig
from secondpass.training.grouped import TOKENS_PER_GPU_GROUP, GroupedCrossEncoder, groups_of_pairs, groups_of_tokens

PAIRS = [("a cat", "the cat sleeps"), ("", ""), ("dog " * 40, "bird " * 90), ("Ünïcode \x00 [SEP]", "dog")]


def _both_ways(model: GroupedCrossEncoder, pairs: list[tuple[str, str]]) -> None:
    own, parent = model.preprocess(pairs), CrossEncoder.preprocess(model, pairs)
    assert own.keys() == parent.keys()
    for name, value in parent.items():
        assert torch.equal(own[name], value) if isinstance(value, Tensor) else own[name] == value


@pytest.mark.parametrize("layout", [bert, roberta, modernbert, distilbert])
def test_pairs_become_the_tensors_of_the_library(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    model = base_models.load(ModelConfig(str(layout(tmp_path / "base")), max_length=32), tmp_path)
    _both_ways(model, PAIRS)
    for pair in PAIRS:
        _both_ways(model, [pair])


@pytest.fixture(scope="module")
def mini() -> GroupedCrossEncoder:
    return base_models.load(ModelConfig("secondpass/mini", max_length=48), Path())


@given(st.lists(st.tuples(st.text(max_size=80), st.text(max_size=200)), min_size=1, max_size=5))
def test_any_texts_become_the_tensors_of_the_library(mini: GroupedCrossEncoder, pairs: list[tuple[str, str]]) -> None:
    _both_ways(mini, pairs)


def test_a_prompt_and_single_texts_go_the_way_of_the_library(mini: GroupedCrossEncoder) -> None:
    prompted = mini.preprocess([("a cat", "sleeps")], prompt="find: ")
    assert torch.equal(prompted["input_ids"], mini.preprocess([("find: a cat", "sleeps")])["input_ids"])
    assert mini.preprocess(["a cat"])["input_ids"].shape == (1, 4)
    assert mini.preprocess(["ab"])["input_ids"].shape == CrossEncoder.preprocess(mini, ["ab"])["input_ids"].shape
    assert mini.preprocess([]) == {}


def test_a_base_with_settings_of_its_own_keeps_them(tmp_path: Path) -> None:
    """One that pads to a fixed length, as its saved module asks."""
    folder = bert(tmp_path / "base")
    first = CrossEncoder(str(folder), max_length=32)
    first.save_pretrained(str(folder))
    edit_json(folder / "sentence_bert_config.json", processing_kwargs={"text": {"padding": "max_length"}})
    model = base_models.load(ModelConfig(str(folder), max_length=32), tmp_path)
    assert model.preprocess([("a cat", "sleeps")])["input_ids"].shape == (1, 32)
    _both_ways(model, PAIRS)


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=300))
def test_groups_hold_what_fits_a_gpu_and_are_as_few_as_their_order_allows(lengths: list[int]) -> None:
    lengths.sort()
    groups = groups_of_tokens(lengths)
    assert [row for group in groups for row in range(len(lengths))[group]] == list(range(len(lengths)))
    for group, after in zip(groups, [*groups[1:], None], strict=True):
        n_pairs = group.stop - group.start
        assert n_pairs == 1 or n_pairs * lengths[group.stop - 1] <= TOKENS_PER_GPU_GROUP
        if after is not None:
            assert (n_pairs + 1) * lengths[after.start] > TOKENS_PER_GPU_GROUP


@given(st.integers(1, 200))
def test_groups_on_cpus_have_32_pairs(n_pairs: int) -> None:
    groups = groups_of_pairs(n_pairs)
    assert [row for group in groups for row in range(n_pairs)[group]] == list(range(n_pairs))
    assert {group.stop - group.start for group in groups[:-1]} <= {32}
    assert 1 <= groups[-1].stop - groups[-1].start <= 32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("layout", [bert, modernbert])
def test_scores_and_gradients_of_groups_on_a_gpu_are_those_of_one_pass_on_the_cpu(
    layout: Callable[[Path], Path], tmp_path: Path
) -> None:
    folder = str(layout(tmp_path / "base"))
    model = base_models.load(ModelConfig(folder, max_length=64, dropout=0.0), tmp_path).to("cuda").train()
    reference = CrossEncoder(folder, device="cpu", model_kwargs={"attn_implementation": "eager"}).train()
    reference.load_state_dict({name: value.cpu() for name, value in model.state_dict().items()})
    for module in reference.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    pairs = [("a cat", "the cat sleeps " * (1 + index % 9)) for index in range(600)]
    features = CrossEncoder.preprocess(model, pairs)
    losses = []
    for network, device in ((model, "cuda"), (reference, "cpu")):
        scores = network({k: v.to(device) if isinstance(v, Tensor) else v for k, v in features.items()})["scores"]
        losses.append(scores.float().square().mean())
        losses[-1].backward()
    assert len(groups_of_tokens(sorted(features["attention_mask"].sum(1).tolist()))) > 1
    torch.testing.assert_close(losses[0].cpu(), losses[1], rtol=1e-4, atol=1e-6)
    expected = {name: value.grad for name, value in reference.named_parameters() if value.grad is not None}
    for name, value in model.named_parameters():
        if name in expected:
            assert value.grad is not None
            scale = max(1.0, float(expected[name].abs().max()))
            assert float((value.grad.cpu() - expected[name]).abs().max()) <= 1e-4 * scale, name
