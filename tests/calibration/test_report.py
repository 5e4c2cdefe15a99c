"""What a report holds, and that its picture shows it."""

import json
from pathlib import Path

import numpy as np
import pytest
from judgements import judged

from secondpass import Calibration
from secondpass.calibration import report_calibration
from secondpass.calibration.plots import draw, write_plot

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


def test_a_report_is_that_of_the_calibration_and_of_json() -> None:
    pairs = judged()
    calibration = Calibration.fit(*pairs, method="beta")
    found = report_calibration(calibration, *pairs)
    assert calibration.held_out is not None
    assert found.before == calibration.held_out.before
    assert found.methods["beta"] == calibration.held_out.after
    assert found.methods.keys() == {"platt", "temperature", "beta", "isotonic"}
    assert sum(b.n_pairs for b in found.reliability_after) == len(pairs[0])
    content = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert content["calibration"] == calibration.as_json()
    assert len(content["thresholds"]) == 13
    assert content["thresholds"][0]["threshold"].keys() == {"value", "low", "high"}


@pytest.mark.filterwarnings("ignore:.* are few", "ignore:no query can be held out")
def test_methods_that_cannot_be_fitted_are_missing() -> None:
    pairs = ([5.0, 6.0, 7.0, 8.0, 9.0, 9.5], [0, 0, 1, 0, 1, 1], [0, 1, 2, 3, 4, 5])
    found = report_calibration(Calibration.fit(*pairs), *pairs)
    assert "temperature" not in found.methods
    assert "platt" in found.methods
    one = ([5.0, 6.0, 7.0], [0, 0, 1], ["a"] * 3)
    alone = report_calibration(Calibration.fit(*one), *one)
    assert alone.methods == {}
    assert alone.reliability_after == ()
    assert len(draw(alone).axes) == 3


def test_the_picture_shows_both_and_is_written(tmp_path: Path) -> None:
    pairs = judged()
    found = report_calibration(Calibration.fit(*pairs), *pairs)
    figure = draw(found, title="collection: org/model_$name$")
    assert figure.get_suptitle() == "collection: org/model_$name$"
    reliability, logits, curve = figure.axes
    before, after = (line for line in reliability.get_lines() if line.get_marker() in ("s", "o"))
    assert np.asarray(before.get_xdata()).tolist() == [b.probability for b in found.reliability_before]
    assert np.asarray(after.get_ydata()).tolist() == [b.share for b in found.reliability_after]
    legend = logits.get_legend()
    assert legend is not None
    n_relevant = int(pairs[1].sum())
    assert [text.get_text() for text in legend.get_texts()] == [
        f"{2000 - n_relevant:,} other pairs", f"{n_relevant:,} relevant pairs", "probability by platt",
    ]  # fmt: skip
    assert curve.get_ylim() == (0, 1.02)
    write_plot(tmp_path / "picture.png", found)
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
