"""Each recipe learns, resumes, and saves what three libraries score alike."""

import dataclasses
import gzip
import json
import os
import random
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from checkpoints import bert, edit_json, modernbert, with_code, write_weights
from full_disk import files_of_at_most, needs_limits
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder as Reference
from training_runs import ANIMALS, config, data, sure_base
from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

from secondpass import CrossEncoder
from secondpass.checkpoint.folder import Folder
from secondpass.errors import InputError, RemoteCodeError, ScoringError
from secondpass.evaluation import RerankingSample
from secondpass.training import DataConfig, ModelConfig, RunConfig, TrainingConfig, train
from secondpass.training.choice import average
from secondpass.training.config import Loss
from secondpass.training.data import HeldOutSet, load_data, load_examples, load_held_out
from secondpass.training.examples import Example
from secondpass.training.grouped import GroupedCrossEncoder
from secondpass.training.held_out import HeldOut
from secondpass.training.make_trainer import HEAD
from secondpass.training.recipes import RECIPES, pos_weight
from secondpass.training.resuming import complete_checkpoints, find_checkpoint
from secondpass.training.saved_model import save

PAIRS = (("a cat", "the cat sleeps"), ("a dog", ""), ("", "bird"))


def write_checkpoint(folder: Path, state: str = "{}") -> None:
    """A trainer's checkpoint, as far as its files' names tell it."""
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer_config.json", "model.safetensors"):
        (folder / name).write_text("{}")
    (folder / "trainer_state.json").write_text(state)


def loss_on_everything(folder: Path, run: TrainingConfig) -> float:
    """The recipe's loss over all its examples, with the weights in a folder."""
    model = GroupedCrossEncoder(str(folder), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu")
    recipe = RECIPES[run.run.loss]
    examples = load_examples(run)
    columns = recipe.columns(examples)
    weight = pos_weight(examples) if run.run.loss == "bce" else None
    settings = dataclasses.replace(run.run, pos_weight=weight)
    labels = columns.pop("label")
    lists = isinstance(labels[0], list)
    targets = [torch.tensor(row) for row in labels] if lists else torch.tensor(labels)
    with torch.inference_mode():
        return float(recipe.build(model.eval(), settings)(list(columns.values()), targets))


@pytest.mark.parametrize("loss", get_args(Loss))
def test_each_recipe_lowers_its_loss(loss: Loss, tmp_path: Path) -> None:
    base = sure_base(tmp_path / "base")
    data(tmp_path, scored=loss in ("ranknet", "margin-mse", "kl"))
    # Small steps, and all there is in each, so that they follow the whole gradient.
    run = config(tmp_path, base, loss, batch_size=16, learning_rate=1e-3)
    result = train(run)
    assert result.steps == 6
    assert loss_on_everything(result.folder, run) < loss_on_everything(base, run)
    of_pairs = {"held_loss", "held_accuracy", "held_f1"} if loss == "bce" else set()
    assert set(result.held_out) == {"held_map", "held_mrr@10", "held_ndcg@10", "mean ndcg@10"} | of_pairs


def test_the_mean_hides_no_set(tmp_path: Path) -> None:
    model = GroupedCrossEncoder(str(bert(tmp_path / "base")), num_labels=1, device="cpu")
    sample = RerankingSample("a cat", ("the cat sleeps",), ("the dog sleeps",))
    figures = HeldOut({name: [sample] for name in ("held_out", "mean")})(model)
    assert {name for name in figures if "ndcg" in name} == {"held_out_ndcg@10", "mean_ndcg@10", "mean ndcg@10"}


def test_a_checkpoint_scores_alike_in_three_libraries_and_has_its_card(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    base = bert(tmp_path / "base")
    run = config(tmp_path, base, "listwise", steps=2, evaluate_every=1, average=2)
    run = dataclasses.replace(run, model=dataclasses.replace(run.model, saved_max_length=64, layers=2))
    folder = train(run).folder
    ours = CrossEncoder(folder).predict(PAIRS)
    theirs = Reference(str(folder), device="cpu").predict(list(PAIRS), convert_to_numpy=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    first, second = [list(side) for side in zip(*PAIRS, strict=True)]
    with torch.inference_mode():
        plain = model(**tokenizer(first, second, padding=True, return_tensors="pt")).logits[:, 0].numpy()
    np.testing.assert_allclose(ours, plain, atol=1e-5)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert model.config.num_hidden_layers == 2
    assert tokenizer.model_max_length == 64
    facts = json.loads((folder / "training.json").read_text())
    assert facts["steps"] == 2
    assert facts["settings"]["run"]["seed"] == 1
    assert "Recipe `listwise` on 4 queries" in (folder / "README.md").read_text()


@pytest.mark.filterwarnings("ignore:4 of 4 held-out queries of 'same' are trained on")
def test_queries_are_learned_behind_the_prompt_that_they_are_scored_behind(tmp_path: Path) -> None:
    """The first loss, that of the base on all pairs, is what judging the base by the same pairs finds."""
    data(tmp_path, scored=False)
    (tmp_path / "same.jsonl").write_text((tmp_path / "train.jsonl").read_text())
    base = tmp_path / "base"
    prompted = Reference(
        str(sure_base(tmp_path / "plain")), device="cpu", prompts={"query": "bird horse "}, default_prompt_name="query"
    )
    prompted.save_pretrained(str(base), create_model_card=False)
    run = config(tmp_path, base, "bce", batch_size=16, steps=1, pos_weight=1.0)
    run = dataclasses.replace(run, data=dataclasses.replace(run.data, held_out=("same.jsonl",)))
    result = train(run)
    first = json.loads((result.folder / "training.json").read_text())["loss"]["first"]
    assert first == pytest.approx(result.base_held_out["same_loss"], abs=1e-5)


def test_a_killed_run_continues_and_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    base = bert(tmp_path / "base")
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
        data(tmp_path / name, scored=False)
    whole = train(config(tmp_path / "whole", base, "listwise", steps=4, evaluate_every=2))
    broken = config(tmp_path / "broken", base, "listwise", steps=4, evaluate_every=2)
    shutil.copytree(whole.folder / "checkpoints/checkpoint-2", tmp_path / "broken/out/checkpoints/checkpoint-2")
    shutil.copy(whole.folder / "checkpoints/begun_with.json", tmp_path / "broken/out/checkpoints")
    (tmp_path / "broken/out/checkpoints/checkpoint-3").mkdir()  # half-written
    resumed = train(broken)
    assert resumed.steps == 4
    log = (tmp_path / "broken/out/held_out.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [4]
    np.testing.assert_allclose(
        CrossEncoder(resumed.folder).predict(PAIRS), CrossEncoder(whole.folder).predict(PAIRS), atol=1e-5
    )


def test_a_continued_run_is_evaluated_as_often_as_it_says_now(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    base = bert(tmp_path / "base")
    train(config(tmp_path, base, "listwise", steps=2, evaluate_every=2))
    result = train(config(tmp_path, base, "listwise", steps=6, evaluate_every=3))
    log = (result.folder / "held_out.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [2, 3, 6]


def test_a_finished_run_ends_again_where_it_ended(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    # Two steps of the four that an epoch has, at a constant rate: a third one would show.
    run = config(tmp_path, bert(tmp_path / "base"), "listwise", batch_size=1, steps=2, evaluate_every=1, average=2)
    first = train(run)
    scores = CrossEncoder(first.folder).predict(PAIRS)
    (first.folder / "model.safetensors").unlink()  # as if killed before it was saved
    again = train(run)
    assert (again.steps, again.held_out, again.chosen) == (2, first.held_out, first.chosen)
    np.testing.assert_array_equal(CrossEncoder(again.folder).predict(PAIRS), scores)


def test_held_out_queries_that_are_trained_on_are_told(tmp_path: Path) -> None:
    data(tmp_path, scored=True)
    run = config(tmp_path, sure_base(tmp_path / "base"), "ranknet", steps=1)
    run = dataclasses.replace(run, data=DataConfig(("train.jsonl",), ("train.jsonl",)))
    with pytest.warns(UserWarning, match="4 of 4 held-out queries of 'train' are trained on, such as 'a cat'"):
        train(run)


def test_what_the_base_knew_better_is_mixed_in(tmp_path: Path) -> None:
    documents = [f"the {animal} sleeps" for animal in ANIMALS]
    for name, right in (("first", 0), ("second", 1)):  # the second run unlearns what the first one learned
        (tmp_path / name).mkdir()
        others = [document for document in documents if document != documents[right]]
        row = {"query": "a cat", "positive": documents[right], "negative": others}
        (tmp_path / name / "train.jsonl").write_text(json.dumps(row) + "\n")
        held_out = {"query": "the cat", "positive": documents[:1], "negative": documents[1:]}
        (tmp_path / name / "held.jsonl").write_text(json.dumps(held_out) + "\n")
    base = train(config(tmp_path / "first", sure_base(tmp_path / "base"), "listwise")).folder
    result = train(config(tmp_path / "second", base, "listwise", evaluate_every=6, base_share=0.9))
    assert json.loads((result.folder / "held_out.jsonl").read_text())["held_ndcg@10"] < 1
    assert result.held_out["held_ndcg@10"] == 1
    assert result.chosen == "best checkpoint, 0.9 of the base mixed in"
    before, after, saved = [
        AutoModelForSequenceClassification.from_pretrained(folder).classifier.weight
        for folder in (base, result.folder / "checkpoints/checkpoint-6", result.folder)
    ]
    torch.testing.assert_close(saved, 0.9 * before + 0.1 * after)


@pytest.mark.parametrize("judged", [True, False])
def test_a_run_whose_time_is_over_is_saved(judged: bool, tmp_path: Path) -> None:  # noqa: FBT001 - pytest's parameter
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "listwise", minutes=1e-9)
    if not judged:
        run = dataclasses.replace(run, data=dataclasses.replace(run.data, held_out=()))
    result = train(run)
    assert result.steps == 1
    assert bool(result.held_out) == judged
    assert CrossEncoder(result.folder).predict(PAIRS).shape == (3,)


def test_layers_the_base_does_not_have_are_refused(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "listwise")
    with pytest.raises(InputError, match=r"model.layers must be at most the 3 of .*base, got 4"):
        train(dataclasses.replace(run, model=dataclasses.replace(run.model, layers=4)))


@pytest.mark.parametrize("changed", ["run.loss", "model.base", "the data", "held-out data"])
def test_checkpoints_of_another_run_are_not_continued(changed: str, tmp_path: Path) -> None:
    base = bert(tmp_path / "base")
    data(tmp_path, scored=False)
    begun = config(tmp_path, base, "listwise", steps=2, evaluate_every=2)
    train(begun)
    longer = dataclasses.replace(begun, run=dataclasses.replace(begun.run, steps=3))
    assert train(longer).steps == 3
    if changed == "run.loss":
        longer = dataclasses.replace(longer, run=dataclasses.replace(longer.run, loss="lambdaloss"))
    elif changed == "model.base":
        other = str(bert(tmp_path / "other"))
        longer = dataclasses.replace(longer, model=dataclasses.replace(longer.model, base=other))
    else:  # figures on other held-out queries cannot be compared with those before
        with (tmp_path / ("train.jsonl" if changed == "the data" else "held.jsonl")).open("a") as file:
            file.write(json.dumps({"query": "new", "positive": ["yes"], "negative": ["no"]}) + "\n")
    checkpoints = sorted((tmp_path / "out/checkpoints").iterdir())
    with pytest.raises(InputError, match=changed):
        train(longer)
    assert sorted((tmp_path / "out/checkpoints").iterdir()) == checkpoints


def test_a_base_that_was_replaced_is_another_one(tmp_path: Path) -> None:
    """The name is the same. A base that is a run's result may be written again, with figures of another day."""
    base, out = bert(tmp_path / "base"), tmp_path / "out"
    run = config(tmp_path, base, "bce")

    def find() -> Path | None:
        return find_checkpoint(run, [], {}, out, Folder("base", base))

    assert find() is None
    checkpoint, note = out / "checkpoints/checkpoint-2", out / "checkpoints/begun_with.json"
    edit_json(base / "training.json", minutes=1.0)
    write_checkpoint(checkpoint)
    assert find() == checkpoint
    weights = load_file(base / "model.safetensors")
    write_weights(base, weights | {"classifier.bias": weights["classifier.bias"] + 1})
    with pytest.raises(InputError, match=r"but the base was 'sha256 \w{16}' and is 'sha256 \w{16}'"):
        find()
    edit_json(note, **{"the base": None})  # as earlier versions wrote it
    assert find() == checkpoint
    write_weights(base, weights)
    with pytest.raises(InputError, match="but the base was"):
        find()


def test_a_checkpoint_that_a_kill_left_empty_is_not_continued_from(tmp_path: Path) -> None:
    base = bert(tmp_path / "base")

    def find() -> Path | None:
        return find_checkpoint(config(tmp_path, base, "bce"), [], {}, tmp_path, Folder("base", base))

    assert find() is None  # and notes what the run is begun with
    folders = [tmp_path / "checkpoints" / f"checkpoint-{step}" for step in (2, 4, 6)]
    for folder, state in zip(folders, ('{"global_step": 2}', "", '{"global_st'), strict=True):
        write_checkpoint(folder, state)
    assert find() == folders[0]
    assert complete_checkpoints(tmp_path) == folders[:1]
    assert [folder.exists() for folder in folders] == [True, False, False]


@pytest.mark.parametrize("lost", ["config.json", "tokenizer_config.json", "model.safetensors", "trainer_state.json"])
def test_a_checkpoint_that_a_kill_left_half_removed_is_neither_continued_from_nor_averaged(
    lost: str, tmp_path: Path
) -> None:
    base, folders = bert(tmp_path / "base"), [tmp_path / f"checkpoints/checkpoint-{step}" for step in (2, 4)]

    def find() -> Path | None:
        return find_checkpoint(config(tmp_path, base, "bce"), [], {}, tmp_path, Folder("base", base))

    assert find() is None
    for folder in folders:
        write_checkpoint(folder)
    assert complete_checkpoints(tmp_path) == folders
    (folders[0] / lost).unlink()
    assert complete_checkpoints(tmp_path) == folders[1:]
    assert find() == folders[1]
    assert not folders[0].exists()


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_checkpoint_without_one_of_its_shards_is_not_continued_from(lost: int, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoints/checkpoint-2"
    write_checkpoint(checkpoint)
    (checkpoint / "model.safetensors").unlink()
    shards = [checkpoint / f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    for shard in shards:
        shard.touch()
    assert complete_checkpoints(tmp_path) == []
    index = {"weight_map": {f"layers.{number}.weight": shard.name for number, shard in enumerate(shards)}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    assert complete_checkpoints(tmp_path) == [checkpoint]
    shards[lost - 1].unlink()
    assert complete_checkpoints(tmp_path) == []


@needs_limits
def test_a_save_that_is_cut_short_leaves_the_config_whole(tmp_path: Path) -> None:
    class Saved(Reference):
        """Its files lie there already."""

        def save_pretrained(self, *_: object, **__: object) -> None: ...

    output = bert(tmp_path / "model")
    model, written = Saved(str(output), device="cpu"), (output / "config.json").read_text()
    with files_of_at_most(100), pytest.raises(OSError, match=r"config\.json"):
        save(model, output, max_length=64)
    assert (output / "config.json").read_text() == written
    save(model, output, max_length=64)
    assert CrossEncoder(output).activation == "identity"


@needs_limits
def test_a_start_that_is_cut_short_costs_no_checkpoint(tmp_path: Path) -> None:
    base, checkpoint = bert(tmp_path / "base"), tmp_path / "checkpoints/checkpoint-2"

    def find() -> Path | None:
        return find_checkpoint(config(tmp_path, base, "bce"), [], {}, tmp_path, Folder("base", base))

    assert find() is None
    write_checkpoint(checkpoint, '{"global_step": 2}')
    with files_of_at_most(100), pytest.raises(OSError, match="begun_with"):
        find()
    (checkpoint.parent / ".begun_with.json.1f.unfinished").write_text("{")  # what a kill leaves
    assert find() == checkpoint
    assert sorted(path.name for path in checkpoint.parent.iterdir()) == ["begun_with.json", "checkpoint-2"]


@pytest.mark.parametrize("state", ["{}", ""])
def test_a_checkpoint_beside_no_note_is_neither_continued_from_nor_removed(state: str, tmp_path: Path) -> None:
    base, checkpoint = bert(tmp_path / "base"), tmp_path / "checkpoints/checkpoint-2"
    checkpoint.mkdir(parents=True)
    (checkpoint / "trainer_state.json").write_text(state)
    with pytest.raises(InputError, match=r"begun_with.json must say what the checkpoints beside it were begun with"):
        find_checkpoint(config(tmp_path, base, "bce"), [], {}, tmp_path, Folder("base", base))
    assert checkpoint.exists()


def test_the_rate_of_the_head_is_that_of_no_attention() -> None:
    """Architectures call attention's last product out_proj, and RoBERTa that of its head."""
    heads = (
        "classifier.out_proj.weight", "bert.pooler.dense.weight", "pre_classifier.bias", "head.dense.weight",
        "classification_head.dense.weight", "score.weight",
    )  # fmt: skip
    assert all(re.search(HEAD, f"model.{name}") for name in heads)
    others = ("layers.0.self_attn.out_proj.weight", "layers.3.mixer.out_proj.bias", "embeddings.word_embeddings.weight")
    assert not any(re.search(HEAD, f"model.encoder.{name}") for name in others)


def test_a_run_that_ends_in_its_warm_up_is_warned_of(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    run = config(tmp_path, sure_base(tmp_path / "base"), "listwise", steps=1, warmup_steps=1)
    with pytest.warns(UserWarning, match="the run ends after 1 step, in its warm-up of 1: it never learns at its full"):
        train(run)


def test_groups_change_neither_scores_nor_their_order(tmp_path: Path) -> None:
    model = GroupedCrossEncoder(str(bert(tmp_path)), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu")
    pairs = [("a cat", "dog " * (i % 13)) for i in range(70)]
    with torch.inference_mode():
        together = model(model.preprocess(pairs))["scores"].view(-1)
        alone = torch.cat([model(model.preprocess([pair]))["scores"].view(-1) for pair in pairs])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_a_frozen_name_must_exist(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "bce")
    run = dataclasses.replace(run, model=dataclasses.replace(run.model, freeze=("embedings",)))
    with pytest.raises(InputError, match="got 'embedings', which is in none"):
        train(run)


def test_something_must_be_left_to_learn(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "bce")
    run = dataclasses.replace(run, model=dataclasses.replace(run.model, freeze=("bert", "classifier")))
    with pytest.raises(InputError, match=r"model.freeze must leave parameters to learn, got \['bert', 'classifier'\]"):
        train(run)


TEACHER = Example("q", ("a", "b"), (4.0, 0.5), graded=False)
TEACHER_OF_ONE = Example("q", ("a",), (4.0,), graded=False)
ALONE = Example("q", ("a",), (1.0,), graded=True)
NO_POSITIVE = Example("q", ("a", "b"), (0.0, 0.0), graded=True)


@pytest.mark.parametrize(
    ("loss", "example", "message"),
    [
        ("bce", TEACHER, "bce must have labels to learn from, got a teacher's scores for 'q'"),
        ("lambdaloss", TEACHER, "lambdaloss must have labels to learn from"),
        ("ranknet", ALONE, "lists must hold at least two documents, got 1 for 'q'"),
        ("margin-mse", TEACHER_OF_ONE, "lists must hold at least two documents"),
        ("margin-mse", NO_POSITIVE, "margin-mse must have a teacher's scores to learn from, got labels for 'q'"),
        ("listwise", ALONE, "lists must hold at least two documents"),
        ("kl", TEACHER_OF_ONE, "lists must hold at least two documents"),
        ("kl", NO_POSITIVE, "kl must have a teacher's scores to learn from, got labels for 'q'"),
        ("listwise", NO_POSITIVE, "at least one query with a relevant document, got none"),
    ],
)
def test_examples_that_a_recipe_cannot_learn_from_are_refused(loss: Loss, example: Example, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RECIPES[loss].columns([example])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"query": "q", "positive": ["a", "b"], "negative": []}', "positives and negatives to learn from, got 2 of 2"),
        ('{"query": "q", "positive": [], "negative": []}', "positives and negatives to learn from, got 0 of 0"),
        ('{"query": "q", "documents": ["a", "b"], "scores": [0.9, 0.1]}', "labels to learn from, got a teacher's"),
    ],
)
@pytest.mark.parametrize("weight", [None, 2.0])
def test_data_that_bce_cannot_learn_from_is_refused_before_a_base_is_loaded(
    weight: float | None, line: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "train.jsonl").write_text(line + "\n")
    run = TrainingConfig(
        ModelConfig("no such base"), DataConfig(("train.jsonl",)), RunConfig("bce", "out", pos_weight=weight), tmp_path
    )
    with pytest.raises(InputError, match=f"bce must have {message}"):
        train(run)


@pytest.mark.parametrize(
    "line",
    [
        '{"query": "q", "positive": [], "negative": ["a", "b"]}',
        '{"query": "q", "positive": ["a", "b"], "negative": []}',
        '{"query": "q", "documents": ["a", "b"], "scores": [1.0, 1.0]}',
    ],
)
def test_held_out_sets_that_tell_no_order_from_another_are_named(line: str, tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    (tmp_path / "held.jsonl").write_text(line + "\n")
    with pytest.warns(UserWarning, match="no query of held-out set 'held' has documents that differ in relevance"):
        load_data(config(tmp_path, tmp_path, "bce"))


def test_held_out_sets_are_told_apart(tmp_path: Path) -> None:
    line = '{"query": "q", "positive": ["a"], "negative": ["b"]}\n'
    names = ("dev.en.jsonl", "dev.de.jsonl.gz", "other/dev.en.jsonl")
    (tmp_path / "other").mkdir()
    for name in names:
        content = line.encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    def sets(*patterns: str) -> dict[str, HeldOutSet]:
        run = RunConfig("bce", "out")
        return load_held_out(TrainingConfig(ModelConfig("x"), DataConfig(("t",), patterns), run, tmp_path))

    assert sorted(sets("*.jsonl*")) == ["dev.de", "dev.en"]
    with pytest.raises(InputError, match=r"data.held_out must have a name for each set, two are called 'dev.en'"):
        sets("*.jsonl", "other/*.jsonl")


def test_the_weight_of_positives_balances_both_sides() -> None:
    examples = [Example("q", ("a", "b", "c"), (1.0, 0.0, 0.0), graded=True)]
    assert pos_weight(examples) == 2.0
    for grade, n_positives in ((0.0, 0), (1.0, 1)):
        with pytest.raises(InputError, match=f"must have positives and negatives .*, got {n_positives} of 1 pairs"):
            pos_weight([Example("q", ("a",), (grade,), graded=True)])


def test_the_mean_of_checkpoints_is_a_mean() -> None:
    states = [
        {"w": torch.tensor([1.0, 2.0]), "n": torch.tensor(1)},
        {"w": torch.tensor([3.0, 6.0]), "n": torch.tensor(2)},
    ]
    mean = average(states)
    assert mean["w"].tolist() == [2.0, 4.0]
    assert mean["n"].item() == 2
    assert average(states, [0.75, 0.25])["w"].tolist() == [1.5, 3.0]


def test_a_base_with_code_of_its_own_is_trained_and_resumed_with_leave(tmp_path: Path) -> None:
    base = with_code(sure_base(tmp_path / "base"))
    data(tmp_path, scored=False)
    run = config(tmp_path, base, "listwise", average=2)
    padded = "bert models like this one are trained with padding"  # its forward takes no arguments for a packed row
    with pytest.warns(UserWarning, match=padded):
        result = train(run, trust_remote_code=True)
    with pytest.raises(RemoteCodeError, match="trust_remote_code=True"):
        train(run)
    with pytest.warns(UserWarning, match=padded):
        again = train(run, trust_remote_code=True)
    assert (again.steps, again.held_out) == (result.steps, result.held_out)
    scores = CrossEncoder(result.folder, trust_remote_code=True).predict(PAIRS)
    assert scores == pytest.approx(Reference(str(result.folder), trust_remote_code=True).predict(list(PAIRS)), abs=1e-5)


def test_a_checkpoint_whose_rates_were_for_other_parameters_is_refused(tmp_path: Path) -> None:
    """As of ModernBERT's head, which earlier versions trained at the encoder's rate."""
    data(tmp_path, scored=False)
    run = config(
        tmp_path, modernbert(tmp_path / "base"), "listwise", steps=2, evaluate_every=2, head_learning_rate=1e-3
    )
    train(run)
    path = tmp_path / "out/checkpoints/checkpoint-2/optimizer.pt"
    state = torch.load(path, weights_only=True)
    encoder, head = max(state["param_groups"], key=lambda group: len(group["params"])), state["param_groups"][-1]
    encoder["params"].append(head["params"].pop())
    torch.save(state, path)
    longer = dataclasses.replace(run, run=dataclasses.replace(run.run, steps=3))
    message = r"checkpoint-2: .* run.head_learning_rate is for other parameters of this model now"
    with pytest.raises(InputError, match=message):
        train(longer)


def test_what_made_an_optimizer_s_parameters_others_is_named(tmp_path: Path) -> None:
    """Nothing but them tells of other files of the base where the note is of an earlier version."""
    data(tmp_path, scored=False)
    base = tmp_path / "base"
    run = config(tmp_path, bert(base, num_hidden_layers=2), "listwise", steps=2, evaluate_every=2)
    train(run)
    edit_json(tmp_path / "out/checkpoints/begun_with.json", **{"the base": None})
    bert(base, num_hidden_layers=1)
    named = r"model.base = '.*base' leaves 25 parameters to learn, which were 41"
    with pytest.raises(InputError, match=rf"checkpoint-2: it must be continued .*{named}"):
        train(dataclasses.replace(run, run=dataclasses.replace(run.run, steps=3)))


@pytest.mark.parametrize("learning_rate", [5e-3, 1e9])
def test_a_caller_s_random_numbers_and_environment_are_what_they_were(learning_rate: float, tmp_path: Path) -> None:
    """After a run, and after one that diverged."""
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "listwise", learning_rate=learning_rate)

    def drawn() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]  # noqa: S311, NPY002 - what others use

    set_seed(7)
    environment, expected = dict(os.environ), drawn()
    set_seed(7)
    with suppress(ScoringError):
        train(run)
    assert drawn() == expected
    assert dict(os.environ) == environment
