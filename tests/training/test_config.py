"""A run's TOML file: read, checked, and what is said about mistakes."""

import json
from pathlib import Path

import pytest

from secondpass.errors import InputError, InputTypeError
from secondpass.training import DataConfig, ModelConfig, RunConfig, TrainingConfig, read_config
from secondpass.training.examples import Example, LabelledQuery, expand, read_examples
from secondpass.training.schedule import Schedule

GOOD = """
[model]
base = "encoder"
freeze = ["embeddings"]
[data]
train = ["a.jsonl"]
mine_from = [3, 50]
[run]
loss = "listwise"
output = "out"
"""


def test_a_file_becomes_a_config(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(GOOD)
    config = read_config(path)
    assert config.model.freeze == ("embeddings",)
    assert config.data.mine_from == (3, 50)
    assert (config.run.loss, config.run.seed, config.folder) == ("listwise", 13, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('loss = "listwise"', 'loss = "softmax"', "run.loss must be one of bce, .* got 'softmax'"),
        ('output = "out"', 'output = "out"\ndecay = "step"', "run.decay must be one of linear, .* got 'step'"),
        ('output = "out"', 'output = "out"\nbatch_size = 0', "run.batch_size must be at least 1, got 0"),
        ('output = "out"', "", r"\[run\] .*output"),
        ('output = "out"', 'output = "out"\nspeed = 1', r"\[run\] must have only .* got speed"),
        ("[data]", "[date]", "sections must be model, data and run, got date"),
        ('train = ["a.jsonl"]', "", "data must have train files, or corpus, queries and qrels"),
        ('train = ["a.jsonl"]', 'qrels = "q"', "data.qrels must come with"),
        ('train = ["a.jsonl"]', 'train = ["a.jsonl"]\nqueries = "q"', "data.queries must come with data.qrels"),
        ('output = "out"', 'output = "out"\naverage = 2', "run.average above 1 must come with data.held_out .*, got 2"),
        (
            'output = "out"',
            'output = "out"\nbase_share = 0.5',
            "run.base_share above 0 must come .*held_out.*, got 0.5",
        ),
        ('output = "out"', 'output = "out"\nbase_share = 1', "run.base_share must be at least 0 and below 1, got 1"),
        ('output = "out"', 'output = "out"\npos_weight = 2', "run.pos_weight must come with .* 'bce', got 'listwise'"),
        ("[model]", "model]", "must be TOML"),
        ('[model]\nbase = "encoder"\nfreeze = ["embeddings"]', "model = 3", "model must be a section, got 3"),
        ('train = ["a.jsonl"]', 'train = "a.jsonl"', "data.train must be a list of strings, got 'a.jsonl'"),
        ("mine_from = [3, 50]", "mine_from = [3]", r"data.mine_from must be a list of two integers, got \[3\]"),
        (
            "mine_from = [3, 50]",
            "held_out_queries = 6",
            "data.held_out_queries must come with data.held_out, got 6",
        ),
        (
            "mine_from = [3, 50]",
            'duplicate_judgements = "lowest"',
            "data.duplicate_judgements must be one of highest, first, error, got 'lowest'",
        ),
        (
            "mine_from = [3, 50]",
            'duplicate_judgements = "first"',
            "data.duplicate_judgements must come with data.qrels, got 'first'",
        ),
        ("mine_from = [3, 50]", "mine_from = [9, 3]", "data.mine_from must go from a better rank .*, got 9 to 3"),
        ('output = "out"', 'output = "out"\nsteps = "6"', "run.steps must be an integer, got '6'"),
        ('output = "out"', 'output = "out"\nbatch_size = true', "run.batch_size must be an integer, got True"),
        ('output = "out"', 'output = "out"\nbf16 = 1', "run.bf16 must be true or false, got 1"),
        ('output = "out"', 'output = "out"\nlearning_rate = 0', "run.learning_rate must be above 0, got 0"),
        ('output = "out"', 'output = "out"\nepochs = nan', "run.epochs must be above 0, got nan"),
        ('output = "out"', 'output = "out"\nepochs = inf', "run.epochs must be finite, got inf"),
        ('output = "out"', f'output = "out"\nminutes = {10**400}', "run.minutes must be finite, got 1000"),
        ('output = "out"', 'output = "out"\nweight_decay = inf', "run.weight_decay must be finite, got inf"),
        ('output = "out"', 'output = "out"\nseed = -1', r"run.seed must be at least 0 and below 2 \*\* 32, got -1"),
        ('output = "out"', 'output = "out"\nseed = 4294967296', "run.seed must be at least 0 and below"),
        ('output = "out"', f'output = "out"\nseed = {"9" * 5000}', "must be TOML; Exceeds the limit"),
        ('output = "out"', f"output = {'[' * 9999}", "must be TOML; it is nested too deeply"),
        ('output = "out"', 'output = "out"\nevaluate_every = 0', "run.evaluate_every must be at least 1, got 0"),
        ('output = "out"', 'output = "out"\nwarmup_steps = -1', "run.warmup_steps must be at least 0, got -1"),
        ('base = "encoder"', 'base = "encoder"\ndropout = 1.0', "model.dropout must be at least 0 and below 1, got 1"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError, match=f"run.toml: {message}"):
        read_config(path)


def test_a_section_made_in_python_is_checked_too() -> None:
    with pytest.raises(InputError, match=r"run.batch_size must be at least 1, got 0"):
        RunConfig("bce", "out", batch_size=0)
    with pytest.raises(InputError, match=r"data.mine_from must be at least 1, got 0"):
        DataConfig(("a.jsonl",), mine_from=(0, 5))


@pytest.mark.parametrize(
    ("section", "settings", "message"),
    [
        (ModelConfig, {"base": "b", "layers": 1.5}, "model.layers must be an integer, got 1.5"),
        (ModelConfig, {"base": Path("b")}, r"model.base must be a string, got PosixPath\('b'\)"),
        (
            ModelConfig,
            {"base": "b", "freeze": "embeddings"},
            "model.freeze must be a list of strings, got 'emb",
        ),
        (ModelConfig, {"base": "b", "max_length": None}, "model.max_length must be an integer, got None"),
        (DataConfig, {"train": "train.jsonl"}, "data.train must be a list of strings, got 'train.jsonl'"),
        (DataConfig, {"train": iter(["t"])}, "data.train must be a list of strings, got <list_iterator"),
        (DataConfig, {"train": (Path("t"),)}, "data.train must be a list of strings, got .*Path"),
        (DataConfig, {"train": ("t",), "corpus": Path("c")}, "data.corpus must be a string, got PosixPath"),
        (RunConfig, {"loss": "bce", "output": Path("out")}, "run.output must be a string, got PosixPath"),
        (RunConfig, {"loss": "bce", "output": "out", "epochs": "2"}, "run.epochs must be a number, got '2'"),
        (RunConfig, {"loss": ["bce"], "output": "out"}, r"run.loss must be a string, got \['bce'\]"),
        (RunConfig, {"loss": "bce", "output": "out", "seed": True}, "run.seed must be an integer, got True"),
    ],
)
def test_a_setting_of_another_type_is_refused_where_it_is_given(
    section: type, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InputTypeError, match=f"^{message}"):
        section(**settings)


@pytest.mark.parametrize(
    ("section", "settings", "message"),
    [
        (ModelConfig, {"base": ""}, "model.base must not be blank, got ''"),
        (ModelConfig, {"base": "b", "freeze": ("",)}, r"model.freeze must not be blank, got \('',\)"),
        (DataConfig, {"train": ("a", " ")}, r"data.train must not be blank, got \('a', ' '\)"),
        (DataConfig, {"train": ("a",), "held_out": ("",)}, "data.held_out must not be blank"),
        (DataConfig, {"train": ("a",), "corpus": ""}, "data.corpus must not be blank"),
        (DataConfig, {"corpus": "c", "queries": "", "qrels": "q"}, "data.queries must not be blank"),
        (DataConfig, {"corpus": "c", "queries": "q", "qrels": ""}, "data.qrels must not be blank"),
        (RunConfig, {"loss": "bce", "output": "  "}, "run.output must not be blank, got '  '"),
    ],
)
def test_a_blank_setting_is_refused(section: type, settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        section(**settings)


def test_lists_and_whole_numbers_are_taken_as_they_are_meant() -> None:
    assert list(DataConfig(train=["a.jsonl"]).train) == ["a.jsonl"]  # type: ignore[arg-type] # as TOML has it
    assert RunConfig("bce", "out", epochs=2, minutes=None).epochs == 2


def test_a_part_of_another_type_is_refused() -> None:
    model, settings, run = ModelConfig("b"), DataConfig(("t",)), RunConfig("bce", "out")
    with pytest.raises(InputTypeError, match=r"folder must be a Path, got str 'runs'"):
        TrainingConfig(model, settings, run, "runs")  # type: ignore[arg-type] # the mistake
    with pytest.raises(InputTypeError, match=r"data must be a DataConfig, got RunConfig"):
        TrainingConfig(model, run, run)  # type: ignore[arg-type] # the mistake


def test_brackets_in_names_of_files_and_folders_are_theirs(tmp_path: Path) -> None:
    folder = tmp_path / "runs [v2]"
    folder.mkdir()
    for name in ("train.jsonl", "part[1].jsonl", "part2.jsonl"):
        (folder / name).write_text("")
    assert expand(["train.jsonl"], folder) == [folder / "train.jsonl"]
    assert expand(["part[1].jsonl"], folder) == [folder / "part[1].jsonl"]
    assert expand(["part*.jsonl"], folder) == [folder / "part2.jsonl", folder / "part[1].jsonl"]
    assert expand(["part[12].jsonl"], folder) == [folder / "part2.jsonl"]
    assert expand([str(tmp_path / "runs?[[]v2]" / "t*")], Path("elsewhere")) == [folder / "train.jsonl"]


def test_a_file_may_come_from_windows_and_must_be_text(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read_config(path).run.output == "out"
    path.write_bytes(b'[model]\nbase = "caf\xe9"\n')
    with pytest.raises(InputError, match=r"run.toml: must be UTF-8 text"):
        read_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file: .*none.toml"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(InputError, match=r"no such file: .*\*.jsonl"):
        expand(["*.jsonl"], tmp_path)
    with pytest.raises(InputError, match=r"no such file: .*aaa"):
        expand(["a" * 9999], tmp_path)


def test_examples_come_scored_labelled_or_still_to_mine(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"query": "q", "documents": ["a", "b"], "scores": [1, -2.5]}\n'
        '{"query": "q", "positive": "p", "negative": ["n", "m"]}\n'
        '{"query": "q", "positive": ["p"], "answers": ["x"]}\n'
    )
    examples, unmined = read_examples([path])
    assert examples == [
        Example("q", ("a", "b"), (1.0, -2.5), graded=False),
        Example("q", ("p", "n", "m"), (1.0, 0.0, 0.0), graded=True),
    ]
    assert unmined == [LabelledQuery("q", ("p",), ("x",))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"query": "q", "documents": ["a"], "scores": [1, 2]}',
            "scores must be one per document, got 2 for 1 documents",
        ),
        ('{"query": "q", "documents": ["a"], "scores": ["1"]}', "scores must be a list of finite numbers"),
        ('{"query": "q", "documents": ["a"], "scores": [1e999]}', "scores must be a list of finite numbers"),
        ('{"query": "q", "documents": ["a"], "scores": [NaN]}', r"must be JSON, .*\(NaN is not a JSON value\)"),
        ('{"query": 1, "positive": ["a"]}', "query must be a string, got 1"),
        (
            '{"query": "q", "positive": "p", "negatives": []}',
            "negatives is no field, write negative, or leave",
        ),
        ('{"query": "q", "positive": "p", "neg": ["n"]}', "neg is no field, write negative"),
        ('{"query": "q", "positive": "p", "negtive": ["n"]}', "negtive is no field, write negative"),
        ('{"query": "q", "positive": "p", "negative": "n", "negative_1": "m"}', "negative_1 is no field"),
        ('{"query": "q", "positives": ["p"]}', "positives is no field, write positive"),
        ('{"query": "q", "positive": "p", "Answer": "x"}', "Answer is no field, write answers"),
        ('{"query": "q", "docs": ["a", "b"], "scores": [1, 2]}', "docs is no field, write documents"),
        ('{"query": "q"}', "positive must be a string or a list of strings, got None"),
    ],
)
def test_a_bad_example_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(InputError, match=f"a.jsonl:1: {message}"):
        read_examples([path])


def test_fields_of_other_names_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    others = ("id", "query_id", "positive_ids", "negative_ids", "document_ids", "source", "a", "s", "")
    path.write_text(json.dumps({"query": "q", "positive": "p", "negative": "n", **dict.fromkeys(others, "1")}) + "\n")
    assert read_examples([path])[0] == [Example("q", ("p", "n"), (1.0, 0.0), graded=True)]


@pytest.mark.parametrize(
    ("settings", "n_rows", "schedule"),
    [
        (RunConfig("bce", "out"), 928, Schedule(58, 6, 2)),  # an epoch of a small collection
        (RunConfig("bce", "out", epochs=0.5), 928, Schedule(29, 3, 1)),
        (RunConfig("bce", "out", steps=1), 928, Schedule(1, 1, 1)),
        (RunConfig("bce", "out", steps=100_000), 928, Schedule(100_000, 500, 50)),
        (RunConfig("bce", "out", evaluate_every=500), 928, Schedule(58, 500, 2)),
        (RunConfig("bce", "out", epochs=2.0), 3, Schedule(2, 1, 1)),
        (RunConfig("bce", "out", steps=25, warmup_share=0.1), 3, Schedule(25, 3, 1, 3)),
        (RunConfig("bce", "out", steps=25, warmup_steps=4), 3, Schedule(25, 3, 1, 4)),
    ],
)
def test_a_schedule_follows_the_length_of_the_run(settings: RunConfig, n_rows: int, schedule: Schedule) -> None:
    assert Schedule.of(settings, n_rows) == schedule
