"""`secondpass bench --tiny`, end to end: a table or JSON, results.json and a picture."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from typer.testing import CliRunner

from secondpass import CrossEncoder
from secondpass.bench import BASELINE, SHAPES, Results, Setting, Workload, make_setting
from secondpass.bench.contenders import Contender
from secondpass.bench.measure import Figure, WorkloadResult, measure
from secondpass.bench.peers import sentence_transformers
from secondpass.bench.plots import draw
from secondpass.bench.setting import ScoreFunction
from secondpass.bench.timing import Times
from secondpass.cli.app import app
from secondpass.cli.bench.tables import result_table
from secondpass.errors import InputError
from secondpass.ranking import Pair


def run(*arguments: str | Path, temporary: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "secondpass", "bench", *map(str, arguments)]
    environment = os.environ | ({} if temporary is None else {"TMPDIR": str(temporary)})
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own command


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("bench") / "results"
    done = run("--tiny", "-w", "passages", "-w", "chunks", "--repeats", "2", "--output", folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder


def test_the_smoke_form_writes_json_and_pictures(tiny: tuple[dict[str, Any], Path]) -> None:
    printed, folder = tiny
    assert json.loads((folder / "results.json").read_text()) == printed
    assert sorted(file.name for file in folder.iterdir()) == ["docs_per_second.png", "length.png", "results.json"]
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in folder.glob("*.png"))


def test_the_json_holds_everything_the_figures_depend_on(tiny: tuple[dict[str, Any], Path]) -> None:
    printed, folder = tiny
    parts = {"format", "signature", "baseline", "peak_mib_is", "left_out", "workloads", "windows", "concurrent"}
    assert set(printed) == parts
    signature = printed["signature"]
    assert {"torch", "transformers", "tokenizers", "sentence-transformers", "secondpass"} <= set(signature["versions"])
    assert (signature["model"], signature["repeats"], signature["max_length"]) == ("tiny, random weights", 2, 512)
    assert {"cpu", "cpu_flags", "torch_instructions", "cpus", "threads", "device", "batch_tokens", "network"} <= set(
        signature
    )
    assert str(folder) not in json.dumps(printed)
    assert [workload["name"] for workload in printed["workloads"]] == ["passages", "chunks"]
    for workload in printed["workloads"]:
        assert workload["n_pairs"] == 20
        assert set(workload["tokens"]) == {"mean", "p50", "p95", "max", "sum"}
        by_name = {contender["name"]: contender for contender in workload["contenders"]}
        assert by_name[BASELINE]["ratio"] == 1
        assert by_name["secondpass float32"]["score_difference"] < 1e-4
        for contender in workload["contenders"]:
            assert [len(repeat) for repeat in contender["seconds"]] == [workload["n_requests"]] * 2
            assert contender["peak_mib"] is None


def test_a_bundled_model_is_a_folder_to_its_peers() -> None:
    setting = make_setting("secondpass/mini", device="cpu", max_length=64, batch_tokens=128)
    assert (setting.device, setting.max_length, setting.batch_tokens) == ("cpu", 64, 128)
    assert (Path(setting.model) / "model.safetensors").is_file()
    own = make_setting("secondpass/mini", device=None, max_length=None, batch_tokens=None)
    assert own.max_length == CrossEncoder("secondpass/mini").max_length


def test_a_model_with_several_labels_is_refused(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path / "two", n_labels=2, id2label={0: "no", 1: "yes"})
    with pytest.raises(InputError, match=r"model must have a head with one label, got 2 in '.*two'"):
        make_setting(str(folder), device="cpu", max_length=None, batch_tokens=None)


def test_a_contender_that_is_left_out_has_a_reason(tiny: tuple[dict[str, Any], Path]) -> None:
    printed, _ = tiny
    took_part = {contender["name"] for contender in printed["workloads"][0]["contenders"]}
    assert took_part.isdisjoint(printed["left_out"])
    assert all(printed["left_out"].values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repeats", "0"], "error: --repeats must be at least 1, got 0"),
        (["--shape", "huge"], "error: --shape must be one of"),
        (["--contender", "fast"], "error: --contender must be part of a name"),
    ],
)
def test_mistakes_end_in_one_line(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)


def test_its_help_names_every_shape() -> None:
    said = CliRunner().invoke(app, ["bench", "--help"]).output
    assert [shape for shape in SHAPES if shape not in said] == []


def test_without_matplotlib_the_install_line_comes_before_any_work(tmp_path: Path) -> None:
    program = "import sys; sys.modules['matplotlib'] = None; from secondpass.cli import main; main()"
    command = [sys.executable, "-c", program, "bench", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert done.returncode == 2
    assert 'pip install "secondpass[bench]"' in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_temporary_folder_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    arguments = (
        "--shape",
        "tiny",
        "-w",
        "latency-10",
        "--repeats",
        "1",
        "-c",
        "secondpass float32",
        "-c",
        "onnxruntime",
    )
    done = run(*arguments, temporary=tmp_path / "temporary")  # with a process per contender, to measure its memory
    assert done.returncode == 0, done.stderr
    # Ours alone: onnxruntime and torch leave what they like.
    assert list((tmp_path / "temporary").glob("secondpass*")) == []


def test_where_no_contender_can_take_part_the_reasons_are_said(tmp_path: Path) -> None:
    setting = Setting(str(checkpoints.bert(tmp_path)), None, 512)
    absent = Contender("absent", sentence_transformers.loader("float32"), needs=("no_such_module",))
    with pytest.raises(InputError, match=r"no contender can take part: absent: .*no_such_module"):
        measure(setting, "tiny", [Workload("one", ((("a", "b"),),), "made up")], [absent], memory=False)


def test_a_peer_that_fails_is_left_out_of_that_workload_alone(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")

    def load(_: Setting) -> ScoreFunction:
        n_calls = 0

        def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
            nonlocal n_calls
            n_calls += 1
            if pairs[0][0] == "never" or (pairs[0][0] == "now and then" and n_calls % 2 == 0):
                raise RuntimeError("out of\nmemory")
            return np.zeros(len(pairs), np.float32)

        return score

    setting = Setting(str(checkpoints.bert(tmp_path)), None, 512)
    workloads = [
        Workload(f"scaling-{n}", ((*((query, str(i)) for i in range(n)),),), "made up")
        for n, query in ((1, "always"), (2, "now and then"), (3, "never"))
    ]
    steady = Contender("steady", lambda _: lambda pairs: np.zeros(len(pairs), np.float32))
    results = measure(setting, "tiny", workloads, [Contender("peer", load), steady], repeats=3, memory=False)
    assert [list(result.figures) for result in results.workloads] == [["peer", "steady"], ["steady"], ["steady"]]
    reason = "RuntimeError: out of memory"
    assert results.left_out == {"peer, scaling-2": reason, "peer, scaling-3": reason}
    (axes,) = draw(results)["scaling.png"].axes
    assert {line.get_label(): np.asarray(line.get_xdata()).tolist() for line in axes.lines} == {
        "peer": [1],
        "steady": [1, 2, 3],
    }
    alone = measure(setting, "tiny", workloads[2:], [Contender("peer", load)], repeats=1, memory=False)
    assert (draw(alone), result_table(alone.workloads[0]).rows) == ({}, [])


def test_a_table_shows_every_figure() -> None:
    workload = Workload("by hand", ((("q", "a"), ("q", "b")),), "this test")
    fast, slow = Times(((0.001,), (0.001,))), Times(((0.002,), (0.002,)))
    figures = {"secondpass float32": Figure(fast, 2.0, 1e-6, 300.4), BASELINE: Figure(slow, None, None, None)}
    result = WorkloadResult(workload, {"mean": 60.0, "p50": 58.0, "p95": 99.0, "max": 120, "sum": 120}, figures)
    console = Console(width=140)
    with console.capture() as console_output:
        console.print(result_table(result))
    text = console_output.get()
    assert "tokens per pair: mean 60, p50 58, p95 99" in text
    lines = [line.replace("│", " ").split() for line in text.splitlines()]
    assert ["secondpass", "float32", "2000.0", "2.00", "1.0", "1.0", "1.0e-06", "300"] in lines
    assert ["sentence-transformers", "float32", "1000.0", "-", "2.0", "2.0", "-", "-"] in lines
    assert Results({}, {}, [result]).as_json()["workloads"][0]["contenders"][0]["docs_per_second"] == 2000.0


def _result(name: str, n_pairs: int, speeds: dict[str, float]) -> WorkloadResult:
    workload = Workload(name, (tuple(("q", f"{name} {i}") for i in range(n_pairs)),), "by hand")
    figures = {
        contender: Figure(Times(((n_pairs / speed,),)), speed / speeds[BASELINE], None, None)
        for contender, speed in speeds.items()
    }
    return WorkloadResult(workload, {"mean": 60.0, "p50": 60.0, "p95": 60.0}, figures)


def test_pictures_have_readable_ticks_and_everything_inside() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    speeds = {"secondpass float32": 420.0, "secondpass int8": 1130.0, BASELINE: 200.0}
    signature = {"model": "m", "cpu": "a processor with a long name " * 3, "gpu": None, "threads": 2}
    workloads = [_result("mixed", 20, speeds), *(_result(f"scaling-{n}", n, speeds) for n in (100, 1_000, 10_000))]
    pictures = draw(Results(signature, {}, workloads))
    assert set(pictures) == {"docs_per_second.png", "scaling.png"}
    for picture in pictures.values():
        FigureCanvasAgg(picture).draw()  # type: ignore[no-untyped-call]  # matplotlib's own
        for axes in picture.axes:
            box = axes.get_tightbbox()
            assert box is not None
            assert picture.bbox.x0 <= box.x0 + 1
            assert box.x1 <= picture.bbox.x1 + 1
            for label in axes.texts:
                assert label.get_window_extent().x1 <= axes.bbox.x1
    (axes,) = pictures["scaling.png"].axes
    for axis, at, expected in (
        (axes.xaxis, 0, {"100", "1,000", "10,000"}),
        (axes.yaxis, 1, {"200", "500", "1,000"}),
    ):
        low, high = sorted(axis.get_view_interval())
        labels = [label for label in axis.get_ticklabels(which="both") if label.get_text()]
        shown = [label for label in labels if low <= label.get_position()[at] <= high]
        assert expected <= {label.get_text() for label in shown}
        boxes = [label.get_window_extent() for label in shown]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tiny", "-m", "no/such-model"], "--model must come without --tiny, whose model is a toy"),
        (["--tiny", "-s", "minilm-l12"], "--shape must come without --tiny, whose model is a toy"),
        (["--tiny", "--revision", "v1"], "--revision must come with --model: random weights are on no hub"),
        (["-s", "minilm-l6", "--local-files-only"], "--local-files-only must come with --model"),
        (
            ["-m", "secondpass/mini", "-s", "minilm-l6"],
            "--shape must come without --model, which has a size of its own",
        ),
        (
            ["-m", "secondpass/mini", "--tokenizer", "."],
            "--tokenizer must come without --model, which has one of its own",
        ),
        (["-w", "latency", "--pairs", "3"], "--pairs must come with a workload of so many pairs, got only latency"),
        (["--tiny", "--batch-tokens", "0"], "must be at least 1, got 0"),
    ],
)
def test_options_that_would_be_ignored_are_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["bench", *arguments])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_a_setting_is_checked_before_it_leaves_a_contender_out() -> None:
    with pytest.raises(InputError, match="batch_tokens must be at least 1, got 0"):
        make_setting("secondpass/mini", device=None, max_length=None, batch_tokens=0)


def test_a_device_that_is_not_there_is_an_error_and_no_reason_to_leave_all_out() -> None:
    with pytest.raises(InputError, match="device must be a torch device such as 'cpu' or 'cuda:0', got 'nonsense'"):
        make_setting("secondpass/mini", device="nonsense", max_length=None, batch_tokens=None)
