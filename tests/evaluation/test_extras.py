"""Without its extra, a feature says how to install it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from secondpass.errors import MissingExtraError
from secondpass.evaluation import BM25, compare, per_query, write_plots
from secondpass.evaluation.report import Report
from secondpass.training import DataConfig, ModelConfig, RunConfig, TrainingConfig, train

REPORT = Report("m", 1, {}, (), 0, 0.0, {})
CONFIG = TrainingConfig(ModelConfig("b"), DataConfig(("t",)), RunConfig("bce", "o"))


@pytest.mark.parametrize(
    ("module", "call", "message"),
    [
        ("bm25s", lambda _: BM25({"a": "b"}), r'a BM25 first stage .*pip install "secondpass\[eval\]"'),
        ("ir_measures", lambda _: per_query(["AP"], {"q": {"d": 1}}, {}), r'measuring rankings .*"secondpass\[eval\]"'),
        (
            "scipy.stats",
            lambda _: compare({"a": 0.0, "b": 0.0}, {"a": 0.1, "b": 0.2}),
            r'a paired t-test .*"secondpass\[eval\]"',
        ),
        ("matplotlib.figure", lambda folder: write_plots(folder, [REPORT]), r'drawing .*"secondpass\[eval\]"'),
        ("datasets", lambda _: train(CONFIG), r'training needs .*pip install "secondpass\[train\]"'),
    ],
)
def test_a_missing_package_names_its_extra(
    module: str, call: Callable[[Path], object], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    for name in [name for name in sys.modules if name.startswith("secondpass.training.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=message):
        call(tmp_path)
