"""Each recipe learns, resumes, and saves what three libraries score alike."""

import dataclasses
import gzip
import json
import os
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from checkpoints import bert, words
from sentence_transformers import CrossEncoder as Reference
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from secondpass import CrossEncoder
from secondpass.encoder import Capabilities
from secondpass.errors import InputError, ScoringError
from secondpass.evaluation import RerankingSample
from secondpass.training import DataConfig, ModelConfig, RunConfig, TrainingConfig, train
from secondpass.training.bf16 import check_bf16, training_device
from secondpass.training.choice import average
from secondpass.training.config import Loss
from secondpass.training.data import load_examples, load_held_out
from secondpass.training.examples import Example, LabelledQuery
from secondpass.training.grouped import GroupedCrossEncoder
from secondpass.training.held_out import HeldOut
from secondpass.training.mining import mine_negatives
from secondpass.training.recipes import RECIPES, pos_weight
from secondpass.training.resuming import find_checkpoint

ANIMALS = ("cat", "dog", "horse", "bird")
PAIRS = (("a cat", "the cat sleeps"), ("a dog", ""), ("", "bird"))


def data(folder: Path, *, scored: bool) -> None:
    """Queries about animals; the document that names the animal is the right one."""
    rows: list[dict[str, object]] = []
    for animal in ANIMALS:
        others = [f"the {other} sleeps" for other in ANIMALS if other != animal]
        row: dict[str, object] = {"query": f"a {animal}"}
        if scored:
            row |= {"documents": [f"the {animal} sleeps", *others], "scores": [4.0, 1.0, 0.5, 0.0]}
        else:
            row |= {"positive": f"the {animal} sleeps", "negative": others}
        rows.append(row)
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    held_out = [{"query": "a cat", "positive": ["the cat sleeps"], "negative": ["the dog sleeps"]}]
    (folder / "held.jsonl").write_text("".join(json.dumps(row) + "\n" for row in held_out))


def sure_base(folder: Path) -> Path:
    """A base that starts from the same numbers in every run: what training does to it does not depend on luck."""
    return bert(folder, tokenizer=words(["a", "the", "sleeps", *ANIMALS]))


def config(folder: Path, base: Path, loss: Loss, **run: object) -> TrainingConfig:
    settings = RunConfig(
        loss, "out", batch_size=4, steps=6, learning_rate=5e-3, evaluate_every=3, decay="constant", seed=1
    )
    return TrainingConfig(
        ModelConfig(str(base), max_length=32, dropout=0.0),
        DataConfig(("train.jsonl",), ("held.jsonl",)),
        dataclasses.replace(settings, **run),  # type: ignore[arg-type] # fields of RunConfig
        folder,
    )


def loss_on_everything(folder: Path, run: TrainingConfig) -> float:
    """The recipe's loss over all its examples, with the weights in a folder."""
    model = GroupedCrossEncoder(str(folder), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu")
    recipe = RECIPES[run.run.loss]
    examples = load_examples(run)
    columns = recipe.columns(examples)
    weight = pos_weight(examples) if run.run.loss == "bce" else None
    labels = columns.pop("label")
    lists = isinstance(labels[0], list)
    targets = [torch.tensor(row) for row in labels] if lists else torch.tensor(labels)
    with torch.inference_mode():
        return float(recipe.build(model.eval(), weight)(list(columns.values()), targets))


@pytest.mark.parametrize("loss", get_args(Loss))
def test_each_recipe_lowers_its_loss(loss: Loss, tmp_path: Path) -> None:
    base = sure_base(tmp_path / "base")
    data(tmp_path, scored=loss in ("ranknet", "margin-mse"))
    # Small steps, and all there is in each, so that they follow the whole gradient.
    run = config(tmp_path, base, loss, batch_size=16, learning_rate=1e-3)
    result = train(run)
    assert result.steps == 6
    assert loss_on_everything(result.folder, run) < loss_on_everything(base, run)
    assert set(result.held_out) == {"held_ndcg@10", "mean ndcg@10"}


def test_the_mean_hides_no_set(tmp_path: Path) -> None:
    model = GroupedCrossEncoder(str(bert(tmp_path / "base")), num_labels=1, device="cpu")
    sample = RerankingSample("a cat", ("the cat sleeps",), ("the dog sleeps",))
    figures = HeldOut({name: [sample] for name in ("held_out", "mean")})(model)
    assert set(figures) == {"held_out_ndcg@10", "mean_ndcg@10", "mean ndcg@10"}


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


def test_a_killed_run_continues_and_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    base = bert(tmp_path / "base")
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
        data(tmp_path / name, scored=False)
    whole = train(config(tmp_path / "whole", base, "listwise", steps=4, evaluate_every=2))
    broken = config(tmp_path / "broken", base, "listwise", steps=4, evaluate_every=2)
    shutil.copytree(whole.folder / "checkpoints/checkpoint-2", tmp_path / "broken/out/checkpoints/checkpoint-2")
    (tmp_path / "broken/out/checkpoints/checkpoint-3").mkdir()  # half-written
    resumed = train(broken)
    assert resumed.steps == 4
    log = (tmp_path / "broken/out/held_out.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [4]
    np.testing.assert_allclose(
        CrossEncoder(resumed.folder).predict(PAIRS), CrossEncoder(whole.folder).predict(PAIRS), atol=1e-5
    )


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


def test_what_the_base_knew_better_is_mixed_in(tmp_path: Path) -> None:
    documents = [f"the {animal} sleeps" for animal in ANIMALS]
    for name, right in (("first", 0), ("second", 1)):  # the second run unlearns what the first one learned
        (tmp_path / name).mkdir()
        others = [document for document in documents if document != documents[right]]
        row = {"query": "a cat", "positive": documents[right], "negative": others}
        (tmp_path / name / "train.jsonl").write_text(json.dumps(row) + "\n")
        held_out = {"query": "a cat", "positive": documents[:1], "negative": documents[1:]}
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


def test_groups_change_neither_scores_nor_their_order(tmp_path: Path) -> None:
    model = GroupedCrossEncoder(str(bert(tmp_path)), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu")
    pairs = [("a cat", "dog " * (i % 13)) for i in range(70)]
    with torch.inference_mode():
        together = model(model.preprocess(pairs))["scores"].view(-1)
        alone = torch.cat([model(model.preprocess([pair]))["scores"].view(-1) for pair in pairs])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("loss", "what"),
    [("bce", "the loss is nan"), ("listwise", "the loss is nan"), ("lambdaloss", "weights are no longer finite")],
)
def test_a_run_that_diverges_is_an_error_with_its_step_and_keeps_its_checkpoints(
    loss: Loss, what: str, tmp_path: Path
) -> None:
    """Adam's steps are as long as the rate: after a few, float32 has no room for what the layers compute.

    sentence-transformers' LambdaLoss masks NaN, and is 0 then.
    """
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), loss, steps=40, evaluate_every=4, learning_rate=1e3)
    message = rf"{what} at step \d+ of 40: a lower run.learning_rate may keep it finite; checkpoints before it are in"
    with pytest.raises(ScoringError, match=message):
        train(run)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"checkpoints", "held_out.jsonl"}
    for path in (tmp_path / "out/checkpoints").glob("checkpoint-*"):
        weights = AutoModelForSequenceClassification.from_pretrained(path)
        assert all(parameter.isfinite().all() for parameter in weights.parameters())


def test_a_held_out_score_that_is_no_number_is_an_error_with_its_set_and_step(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "bce", steps=9, evaluate_every=1, learning_rate=1e30)
    with pytest.raises(ScoringError, match=r"held-out set 'held' at step 1: query '1': scores must be numbers"):
        train(run)


def test_the_base_stands_first_wherever_the_figures_do(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    base = sure_base(tmp_path / "base")
    result = train(config(tmp_path, base, "listwise", steps=6))
    model = GroupedCrossEncoder(str(base), num_labels=1, activation_fn=torch.nn.Identity(), device="cpu", max_length=32)
    before = HeldOut({"held": [RerankingSample("a cat", ("the cat sleeps",), ("the dog sleeps",))]})(model)
    assert dict(result.base_held_out) == before
    facts = json.loads((result.folder / "training.json").read_text())
    assert facts["base_held_out"] == {name: round(value, 4) for name, value in before.items()}
    card = (result.folder / "README.md").read_text()
    assert "| held-out set | base | trained |" in card
    name = "held_ndcg@10"
    assert f"| {name} | {before[name]:.4f} | {result.held_out[name]:.4f} |" in card


def test_a_run_of_few_steps_is_evaluated_and_logged_on_its_way(tmp_path: Path) -> None:
    """Four lists, batches of one, three epochs: twelve steps, of which every second is evaluated, and each logged."""
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "listwise", steps=None, epochs=3.0, batch_size=1)
    result = train(dataclasses.replace(run, run=dataclasses.replace(run.run, evaluate_every=None)))
    log = [json.loads(line)["step"] for line in (result.folder / "held_out.jsonl").read_text().splitlines()]
    assert log == [2, 4, 6, 8, 10, 12]
    state = json.loads((result.folder / "checkpoints/checkpoint-12/trainer_state.json").read_text())
    assert [entry["step"] for entry in state["log_history"] if "loss" in entry] == [*range(1, 13)]
    again = train(dataclasses.replace(run, run=dataclasses.replace(run.run, evaluate_every=None)))
    assert (again.steps, again.held_out) == (12, result.held_out)


def test_the_last_step_is_judged_wherever_the_evaluations_fall(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    result = train(config(tmp_path, bert(tmp_path / "base"), "listwise", steps=5, evaluate_every=3))
    log = [json.loads(line)["step"] for line in (result.folder / "held_out.jsonl").read_text().splitlines()]
    assert log == [3, 5]


def test_bfloat16_warns_where_a_cpu_has_no_arithmetic_for_it(tmp_path: Path) -> None:
    slow, fast = [Capabilities(torch.device("cpu"), slow_dtypes=frozenset(dtypes)) for dtypes in ([torch.bfloat16], [])]
    with pytest.warns(UserWarning, match=r"run.bf16 is slow on this CPU, which has no instructions for it: leave it"):
        check_bf16(slow)
    check_bf16(fast)
    check_bf16(Capabilities(torch.device("cuda"), default_dtype=torch.bfloat16))
    with pytest.raises(InputError, match=r"run.bf16 needs a GPU with bfloat16 arithmetic"):
        check_bf16(Capabilities(torch.device("cuda"), default_dtype=torch.float16))
    if torch.bfloat16 in training_device().slow_dtypes:  # before anything is read: there is no data here
        with pytest.warns(UserWarning, match=r"run.bf16 is slow"), pytest.raises(InputError, match="no such file"):
            train(config(tmp_path, tmp_path / "base", "bce", bf16=True))


def test_names_that_are_not_text_cost_no_run(tmp_path: Path) -> None:
    """Safetensors cannot write to such a folder, which would show after hours; a set of such a name is in the card."""
    data(tmp_path, scored=False)
    (tmp_path / "held.jsonl").rename(tmp_path / os.fsdecode(b"caf\xe9.jsonl"))
    run = config(tmp_path, bert(tmp_path / "base"), "listwise", steps=1)
    run = dataclasses.replace(run, data=DataConfig(("train.jsonl",), ("caf*",)))
    assert "| caf\\udce9_ndcg@10 |" in (train(run).folder / "README.md").read_text(encoding="utf-8")
    run = dataclasses.replace(run, run=dataclasses.replace(run.run, output=os.fsdecode(b"caf\xe9")))
    with pytest.raises(InputError, match=r"the path of run.output must be Unicode text, has the lone surrogate"):
        train(run)


@pytest.mark.parametrize("content", ["", "[1]", "[" * 99_999, "3"])
def test_a_note_that_says_nothing_about_the_checkpoints_is_an_error(content: str, tmp_path: Path) -> None:
    run = config(tmp_path, tmp_path / "base", "bce")
    (tmp_path / "out/checkpoints/checkpoint-1").mkdir(parents=True)
    (tmp_path / "out/checkpoints/checkpoint-1/trainer_state.json").write_text("{}")
    (tmp_path / "out/checkpoints/checkpoint-best").mkdir()  # somebody's own
    (tmp_path / "out/checkpoints/begun_with.json").write_text(content)
    with pytest.raises(InputError, match=r"begun_with.json must say what the checkpoints beside it were begun with"):
        find_checkpoint(run, [], {}, tmp_path / "out")
    assert (tmp_path / "out/checkpoints/checkpoint-best").exists()


def test_queries_that_teach_nothing_are_counted(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "cat one"}\n{"_id": "b", "text": "cat two"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "cat"}\n{"_id": "2", "text": "unheard"}\n')
    (tmp_path / "qrels.trec").write_text("1 0 a 1\n2 0 a 1\n3 0 a 1\n")
    data = DataConfig(corpus="corpus.jsonl", queries="queries.jsonl", qrels="qrels.trec", mine_from=(1, 9))
    run = TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path)
    with (
        pytest.warns(UserWarning, match="judged queries without text are not learned from: 1 of 3, such as '3'"),
        pytest.warns(UserWarning, match="queries for which BM25 finds no negatives are left out: 1 of 2"),
    ):
        assert load_examples(run) == [Example("cat", ("cat one", "cat two"), (1.0, 0.0), graded=True)]
    with pytest.warns(UserWarning, match="finds no negatives are left out: 1 of 1"):
        assert mine_negatives([LabelledQuery("unheard", ("cat one",))], run) == []


def test_a_frozen_name_must_exist(tmp_path: Path) -> None:
    data(tmp_path, scored=False)
    run = config(tmp_path, bert(tmp_path / "base"), "bce")
    run = dataclasses.replace(run, model=dataclasses.replace(run.model, freeze=("embedings",)))
    with pytest.raises(InputError, match="got 'embedings', which is in none"):
        train(run)


def test_mined_negatives_skip_positives_and_answers(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(
        "".join(
            json.dumps({"_id": str(i), "text": text}) + "\n"
            for i, text in enumerate(["cat one", "cat two", "cat says meow", "dog"])
        )
    )
    run = TrainingConfig(
        ModelConfig("x"), DataConfig(("t",), corpus="corpus.jsonl", negatives=5, mine_from=(1, 9)),
        RunConfig("bce", "out"), tmp_path,
    )  # fmt: skip
    (example,) = mine_negatives([LabelledQuery("cat", ("cat one",), ("MEOW",))], run)
    assert example == Example("cat", ("cat one", "cat two"), (1.0, 0.0), graded=True)


def test_a_positive_under_its_title_is_no_negative(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "a", "title": "Cats", "text": "cat one"}\n{"_id": "b", "title": "Cats", "text": "cat two"}\n'
    )
    data = DataConfig(("t",), corpus="corpus.jsonl", mine_from=(1, 9))
    run = TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path)
    (example,) = mine_negatives([LabelledQuery("cat", ("cat one\n",), ())], run)
    assert example.documents == ("cat one\n", "Cats cat two")


def test_a_blank_answer_is_no_reason_to_skip_a_negative(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "cat one"}\n{"_id": "b", "text": "cat two"}\n')
    data = DataConfig(("t",), corpus="corpus.jsonl", mine_from=(1, 9))
    run = TrainingConfig(ModelConfig("x"), data, RunConfig("bce", "out"), tmp_path)
    (example,) = mine_negatives([LabelledQuery("cat", ("cat one",), ("", " "))], run)
    assert example.documents == ("cat one", "cat two")


TEACHER = Example("q", ("a", "b"), (4.0, 0.5), graded=False)
ALONE = Example("q", ("a",), (1.0,), graded=True)
NO_POSITIVE = Example("q", ("a", "b"), (0.0, 0.0), graded=True)


@pytest.mark.parametrize(
    ("loss", "example", "message"),
    [
        ("bce", TEACHER, "bce must have labels to learn from, got a teacher's scores for 'q'"),
        ("lambdaloss", TEACHER, "lambdaloss must have labels to learn from"),
        ("ranknet", ALONE, "lists must hold at least two documents, got 1 for 'q'"),
        ("margin-mse", ALONE, "lists must hold at least two documents"),
        ("listwise", ALONE, "lists must hold at least two documents"),
        ("listwise", NO_POSITIVE, "at least one query with a relevant document, got none"),
    ],
)
def test_examples_that_a_recipe_cannot_learn_from_are_refused(loss: Loss, example: Example, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RECIPES[loss].columns([example])


def test_held_out_sets_are_told_apart(tmp_path: Path) -> None:
    line = '{"query": "q", "positive": ["a"], "negative": ["b"]}\n'
    names = ("dev.en.jsonl", "dev.de.jsonl.gz", "other/dev.en.jsonl")
    (tmp_path / "other").mkdir()
    for name in names:
        content = line.encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    def sets(*patterns: str) -> dict[str, list[RerankingSample]]:
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
