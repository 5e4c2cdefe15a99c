"""Every Python block of the README runs, one after the other, as a reader would type them."""

import re

import pytest
from shared import ROOT

BLOCKS = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the frameworks themselves, as they are imported
def test_the_readmes_blocks_run(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), namespace)  # noqa: S102 - our own text
    out = capsys.readouterr().out
    assert out.startswith("1 "), "the sentence with the population comes first"
