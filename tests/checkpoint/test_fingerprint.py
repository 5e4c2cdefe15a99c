"""What a model's scores depend on, in one string."""

from pathlib import Path

import checkpoints
import pytest

from secondpass import CrossEncoder
from secondpass.options import ModelOptions


@pytest.mark.filterwarnings("ignore:.*is slow on this CPU")
def test_a_fingerprint_changes_with_what_changes_scores_and_with_nothing_else(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path / "m")
    first = CrossEncoder(folder).fingerprint()
    (folder / "README.md").write_text("# notes\n")
    moved = folder.rename(tmp_path / "moved")
    assert CrossEncoder(moved, batch_tokens=64).fingerprint() == first
    changes = [ModelOptions(max_length=64), ModelOptions(dtype="bfloat16"), ModelOptions(activation="identity")]
    others = {CrossEncoder.from_options(str(moved), change).fingerprint() for change in changes}
    assert len(others - {first}) == 3
    checkpoints.edit_json(moved / "config.json", layer_norm_eps=0.1)
    assert CrossEncoder(moved).fingerprint() not in {first, *others}
