"""Training without padding: the gradients, losses and steps of padded training, for every kind of model and loss."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import base_models
import pytest
import torch
from checkpoints import (
    bert,
    deberta_v2,
    distilbert,
    edit_json,
    electra,
    modernbert,
    modernbert_mean,
    roberta,
    xlm_roberta,
)
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import BertConfig, BertModel

from secondpass.encoder.packing import group_by_length
from secondpass.training import ModelConfig, RunConfig
from secondpass.training.columns import Columns
from secondpass.training.config import Loss
from secondpass.training.dropout import draw_kept
from secondpass.training.examples import Example
from secondpass.training.grouped import GroupedCrossEncoder
from secondpass.training.packed.attention import attend_packed
from secondpass.training.packed.padding_free import prepare
from secondpass.training.recipes import RECIPES

PACKED = (bert, roberta, xlm_roberta, electra, distilbert, modernbert, modernbert_mean)
# Documents of different lengths, some of them equal ones, and one with a padding token in its text.
DOCUMENTS = ("the cat sleeps", "dog " * 40, "", "a bird", "cat dog " * 9, "the dog sleeps", "[PAD] <pad> bird")


def examples(*, graded: bool) -> list[Example]:
    scores = (1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0) if graded else (4.0, 1.0, -2.0, 0.5, 0.25, 3.0, 0.0)
    queries = ("a cat", "who sleeps at night when the dog sleeps", "bird")
    return [Example(query, DOCUMENTS, scores, graded=graded) for query in queries]


def columns_of(loss: Loss) -> Columns:
    return RECIPES[loss].columns(examples(graded=loss in ("bce", "lambdaloss")))


def models(layout: Callable[[Path], Path], folder: Path, *, dropout: float = 0.0) -> list[GroupedCrossEncoder]:
    """The same model, without padding and with it, as before there was another way."""
    settings = ModelConfig(str(layout(folder / "base")), max_length=64, dropout=dropout)
    packed = base_models.load(settings, folder)
    padded = GroupedCrossEncoder(
        settings.base,
        num_labels=1,
        max_length=64,
        activation_fn=nn.Identity(),
        device="cpu",
        model_kwargs={"attn_implementation": "eager"},
    )
    padded.load_state_dict(packed.state_dict())
    assert packed.packs
    assert not padded.packs
    for module in padded.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    return [packed.train(), padded.train()]


def loss_of(model: GroupedCrossEncoder, loss: Loss, columns: Columns) -> Tensor:
    inputs = dict(columns)
    labels = inputs.pop("label")
    targets = [torch.tensor(row) for row in labels] if isinstance(labels[0], list) else torch.tensor(labels)
    options = {"bce": {"pos_weight": 2.0}, "kl": {"temperature": 2.0, "scale_teacher": True}}.get(loss, {})
    settings = RunConfig(loss, "out", **options)  # type: ignore[arg-type] # fields of RunConfig
    value: Tensor = RECIPES[loss].build(model, settings)(list(inputs.values()), targets)
    return value


def gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.grad for name, value in model.named_parameters() if value.grad is not None}


@pytest.mark.parametrize("loss", get_args(Loss))
@pytest.mark.parametrize("layout", PACKED)
def test_gradients_are_those_of_padded_training(layout: Callable[[Path], Path], loss: Loss, tmp_path: Path) -> None:
    packed, padded = models(layout, tmp_path)
    columns = columns_of(loss)
    values = [loss_of(model, loss, columns) for model in (packed, padded)]
    for value in values:
        value.backward()
    torch.testing.assert_close(*values, atol=1e-5, rtol=1e-5)
    ours, theirs = gradients(packed), gradients(padded)
    assert ours.keys() == theirs.keys() == {name for name, _ in packed.named_parameters()}
    assert max(float(gradient.abs().max()) for gradient in theirs.values()) > 1e-3
    for name, gradient in theirs.items():
        scale = max(1.0, float(gradient.abs().max()))
        difference = float((ours[name] - gradient).abs().max())
        assert difference <= 1e-4 * scale, name


@pytest.mark.parametrize("first_only", [False, True])
@pytest.mark.parametrize("window", [None, 2])
def test_attention_and_its_gradient_are_those_of_the_definition(window: int | None, first_only: bool) -> None:  # noqa: FBT001 - pytest's parameter
    """In double precision, by finite differences, and against softmax(scale Q K^T) V of each pair."""
    torch.manual_seed(0)
    lengths = (3, 3, 5, 1)
    rows = [torch.randn(sum(lengths), 2, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    groups = tuple(group_by_length(lengths))
    first_rows = torch.tensor([0, 3, 6, 11])

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        asking = query[first_rows] if first_only else query
        return attend_packed(asking, key, value, groups, scale=0.3, window=window)

    start, expected = 0, []
    for length in lengths:
        q, k, v = (states[start : start + length].transpose(0, 1) for states in rows)
        place = torch.arange(length)
        products = 0.3 * q @ k.transpose(1, 2)
        if window is not None:
            products = products.masked_fill((place[:, None] - place).abs() > window, -torch.inf)
        expected.append((products.softmax(-1) @ v).transpose(0, 1))
        start += length
    outputs = torch.cat(expected)
    torch.testing.assert_close(attend(*rows), outputs[first_rows] if first_only else outputs)
    assert torch.autograd.gradcheck(attend, rows)


def test_dropped_probabilities_are_the_same_in_both_directions() -> None:
    """Their gradient by finite differences: each call drops the same ones, as it starts from the same seed."""
    torch.manual_seed(0)
    query, key, value = rows = [torch.randn(8, 2, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        torch.manual_seed(1)
        return attend_packed(query, key, value, tuple(group_by_length((4, 4))), scale=0.5, dropout=0.5)

    assert torch.autograd.gradcheck(attend, rows)
    without = attend_packed(query, key, value, tuple(group_by_length((4, 4))), scale=0.5)
    assert not torch.allclose(attend(*rows), without)


def test_dropout_keeps_the_mean_of_the_probabilities() -> None:
    """With equal values, an average of n weights of mean 1/n and variance p / (1 - p) / n^2 each."""
    torch.manual_seed(0)
    equal, ones = torch.zeros(400, 4, 8), torch.ones(400, 4, 8)
    outputs = attend_packed(equal, equal, ones, tuple(group_by_length((400,))), scale=1.0, dropout=0.2)[..., 0]
    assert abs(float(outputs.mean()) - 1) < 4 * (0.25 / 400 / outputs.numel()) ** 0.5
    assert float(outputs.var()) == pytest.approx(0.25 / 400, rel=0.2)


@pytest.mark.parametrize("probability", [1e-6, 0.25, 0.999])
def test_dropout_drops_the_share_that_it_should(probability: float) -> None:
    torch.manual_seed(0)
    n_kept = int(draw_kept((1000, 1000), probability).sum())
    assert abs(n_kept - 1e6 * (1 - probability)) < 5 * (1e6 * probability * (1 - probability)) ** 0.5 + 20


def test_a_pad_token_at_the_end_of_the_vocabulary_is_no_obstacle(tmp_path: Path) -> None:
    folder = bert(tmp_path / "base")
    n_words = json.loads((folder / "config.json").read_text())["vocab_size"]
    edit_json(folder / "config.json", pad_token_id=n_words - 1)
    model = base_models.load(ModelConfig(str(folder), max_length=64, dropout=0.0), tmp_path)
    assert model.packs


def test_an_encoder_without_a_head_in_its_outputs_is_no_packed_classifier() -> None:
    config = BertConfig(vocab_size=40, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    assert not prepare(BertModel(config))


def test_steps_lead_to_the_same_losses(tmp_path: Path) -> None:
    columns, losses = columns_of("listwise"), []
    for model in models(bert, tmp_path):
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        course = []
        for _ in range(5):
            loss = loss_of(model, "listwise", columns)
            course.append(loss.item())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        losses.append(course)
    assert losses[1][-1] < losses[1][0]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_gradients_of_two_halves_add_up(tmp_path: Path) -> None:
    """Accumulation: two batches of one backward pass each, and both in one."""
    packed, _ = models(bert, tmp_path)
    columns = columns_of("bce")
    half = len(columns["label"]) // 2
    for part in (slice(half), slice(half, 2 * half)):
        (loss_of(packed, "bce", {name: values[part] for name, values in columns.items()}) / 2).backward()
    added = copy.deepcopy(gradients(packed))
    packed.zero_grad()
    loss_of(packed, "bce", {name: values[: 2 * half] for name, values in columns.items()}).backward()
    for name, gradient in gradients(packed).items():
        torch.testing.assert_close(added[name], gradient, atol=1e-5, rtol=1e-4)


def test_dropout_is_at_work_in_training_and_not_in_evaluation(tmp_path: Path) -> None:
    packed, padded = models(bert, tmp_path, dropout=0.3)
    features = [packed.preprocess([("a cat", document) for document in DOCUMENTS]) for _ in range(4)]
    first, second = (packed(features[i])["scores"] for i in (0, 1))
    assert not torch.allclose(first, second)
    first, second = packed.eval()(features[2])["scores"], padded.eval()(features[3])["scores"]
    torch.testing.assert_close(first, second, atol=1e-5, rtol=0)


def test_dropout_reaches_what_modernbert_keeps_as_a_number_or_leaves_out(tmp_path: Path) -> None:
    """Attention's rate is no module there, and where the base has none of it, neither is what follows attention."""
    settings = ModelConfig(str(modernbert(tmp_path / "base", attention_dropout=0.0)), max_length=64, dropout=0.3)
    model = base_models.load(settings, tmp_path).train()
    after_attention = [module for name, module in model.named_modules() if name.endswith(".out_drop")]
    assert [getattr(module, "p", None) for module in after_attention] == [0.3] * 3
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    features = [model.preprocess([("a cat", document) for document in DOCUMENTS]) for _ in range(2)]
    assert not torch.allclose(*(model(part)["scores"] for part in features))


@pytest.mark.parametrize("layout", [modernbert, distilbert])
def test_without_dropout_the_base_s_own_is_gone(layout: Callable[..., Path], tmp_path: Path) -> None:
    settings = ModelConfig(str(layout(tmp_path / "base", attention_dropout=0.5)), max_length=64, dropout=0.0)
    model = base_models.load(settings, tmp_path).train()
    features = [model.preprocess([("a cat", document) for document in DOCUMENTS]) for _ in range(2)]
    assert torch.equal(*(model(part)["scores"] for part in features))


@pytest.mark.parametrize("layout", [bert, modernbert])
def test_bfloat16_autocast_gives_what_it_gives_padded(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    packed, padded = models(layout, tmp_path)
    columns, courses = columns_of("listwise"), []
    for model in (packed, padded):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of(model, "listwise", columns)
        loss.backward()
        courses.append(loss.item())
    assert courses[0] == pytest.approx(courses[1], rel=0.03)
    theirs = gradients(padded)
    for name, gradient in gradients(packed).items():
        assert float((gradient - theirs[name]).norm()) <= 0.2 * float(theirs[name].norm()) + 0.02, name


@pytest.mark.parametrize("layout", [deberta_v2])
def test_a_model_without_a_packed_form_is_trained_padded_and_that_is_said(
    layout: Callable[[Path], Path], tmp_path: Path
) -> None:
    settings = ModelConfig(str(layout(tmp_path / "base")), max_length=64, dropout=0.0)
    with pytest.warns(UserWarning, match=r"(deberta-v2|modernbert) models like this one are trained with padding"):
        model = base_models.load(settings, tmp_path)
    assert not model.packs
    loss_of(model.train(), "listwise", columns_of("listwise")).backward()
    assert gradients(model)


@pytest.mark.parametrize(("layout", "feed_forward"), [(bert, "intermediate"), (distilbert, "ffn"), (modernbert, "mlp")])
def test_the_last_layer_computes_first_tokens_alone(
    layout: Callable[[Path], Path], feed_forward: str, tmp_path: Path
) -> None:
    model, _ = models(layout, tmp_path)
    n_rows = []
    layers = [module for name, module in model.named_modules() if name.rpartition(".")[2] == feed_forward]
    for layer in layers:
        layer.register_forward_hook(lambda _, args, __: n_rows.append(args[0].shape[1]))
    features = model.preprocess([("a cat", document) for document in DOCUMENTS])
    n_tokens = int(features["attention_mask"].sum())
    model(features)
    assert n_rows == [n_tokens] * (len(layers) - 1) + [len(DOCUMENTS)]


class Largest(TorchDispatchMode):
    """Notes the values in the largest tensor that is made."""

    size = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **kwargs or {})
        self.size = max([self.size, *(part.numel() for part in tree_leaves(output) if isinstance(part, Tensor))])
        return output


@pytest.mark.parametrize("layout", PACKED)
def test_no_mask_is_made_for_a_packed_row(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    """It would have a value for every two tokens of all pairs, though attention stays within each."""
    model, _ = models(layout, tmp_path)
    features = model.preprocess([("a cat", "dog sleeps")] * 300)
    n_tokens = int(features["attention_mask"].sum())
    with Largest() as largest:  # type: ignore[no-untyped-call] # torch's
        model(features)
    assert 0 < largest.size < n_tokens**2


def test_a_saved_model_does_not_ask_for_our_attention(tmp_path: Path) -> None:
    packed, padded = models(bert, tmp_path)
    for name, model in (("packed", packed), ("padded", padded)):
        model.save_pretrained(str(tmp_path / name), create_model_card=False)
    files = [
        {path.name: json.loads(path.read_text()) for path in (tmp_path / name).rglob("*.json")}
        for name in ("packed", "padded")
    ]
    assert files[0] == files[1]
