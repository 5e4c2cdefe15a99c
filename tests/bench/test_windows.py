"""What windows cost: both ways read the same tokens and give the same scores, and figures are those of their times."""

from pathlib import Path

import pytest
from rich.console import Console

from secondpass import CrossEncoder
from secondpass.bench import Results, Setting, build_workloads, load_material, save_random, very_long
from secondpass.bench.contenders import load, select_contenders
from secondpass.bench.signature import token_summary
from secondpass.bench.timing import Times
from secondpass.bench.windows import WindowCost, measure_windows
from secondpass.cli.bench.tables import windows_table


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> list[WindowCost]:
    text = load_material(None)
    workloads = [*build_workloads(["long"], text, 4), very_long(text)]
    folder = tmp_path_factory.mktemp("model")
    save_random("tiny", folder, (part for workload in workloads for pair in workload.pairs for part in pair))
    setting = Setting(str(folder), "cpu", 512)
    contenders = select_contenders(["secondpass float32", "sentence-transformers float32"])
    scorers = {}
    for contender in contenders:
        scorer = load(contender, setting)
        assert not isinstance(scorer, str)
        scorers[contender.name] = scorer
    return measure_windows(setting, workloads, contenders, scorers, repeats=2)


def test_ours_read_the_same_tokens_either_way(costs: list[WindowCost]) -> None:
    assert [(cost.contender, cost.workload, cost.n_documents) for cost in costs] == [
        ("secondpass float32", "long", 4),
        ("secondpass float32", "one of 20,000 tokens", 1),
    ]
    for cost in costs:
        assert cost.difference < 1e-5
        assert len(cost.windows.seconds) == len(cost.pairs.seconds) == 2
        # Every window is full, and a quarter of its room, that of the query aside, is shared with the next one.
        assert cost.n_tokens <= 512 * cost.n_windows
        assert cost.n_tokens > 480 * cost.n_windows
    # Of about 500 tokens a window has three quarters for itself.
    assert costs[1].n_windows == pytest.approx(20_000 / 375, rel=0.05)


def test_the_very_long_document_is_one_of_20000_tokens(tmp_path: Path) -> None:
    workload = very_long(load_material(None))
    save_random("tiny", tmp_path, (part for pair in workload.pairs for part in pair))
    assert len(workload.pairs) == 1
    assert token_summary(workload, Setting(str(tmp_path), None, 30_000))["max"] == 20_000
    (query, document) = workload.pairs[0]
    (passage,) = CrossEncoder(tmp_path, long_documents="windows").read([(query, document)]).passages
    assert passage is not None
    assert 0 < passage.end - passage.start < len(document)


def test_figures_by_hand() -> None:
    windows, pairs = Times(((0.5,), (0.25,), (0.4,))), Times(((0.4,), (0.25,), (0.4,)))
    cost = WindowCost("long", "secondpass float32", 2, 8, 4000, windows, pairs, 1e-7)
    # The ratios of the repeats are 0.8, 1 and 1; the middle times are 0.4 and 0.4.
    assert cost.ratio == 1.0
    row = cost.as_json()
    assert (row["tokens_per_second"], row["tokens_per_second_as_pairs"], row["ratio"]) == (10_000.0, 10_000.0, 1.0)
    assert Results({}, {}, [], [cost]).as_json()["windows"] == [row]
    console = Console(width=120)
    with console.capture() as output:
        console.print(windows_table([cost]))
    cells = [line.replace("│", " ").split() for line in output.get().splitlines()]
    assert ["secondpass", "float32,", "long", "2", "8", "4000", "10000", "10000", "1.00", "1.0e-07"] in cells
