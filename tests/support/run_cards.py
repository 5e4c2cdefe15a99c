"""Run as a script: the code of model cards, which comes as JSON, with one class or the other; prints what it computed.

    python run_cards.py MODULE < cards.json

MODULE is what stands in place of `sentence_transformers` in the line that imports `CrossEncoder`.
"""

import json
import sys
from contextlib import redirect_stdout
from typing import Any

import numpy as np

IMPORT = "from sentence_transformers import CrossEncoder"


def run(code: str, module: str) -> dict[str, Any]:
    """The scores and ranks that a card computes, with only its import line changed."""
    assert code.count(IMPORT) == 1
    namespace: dict[str, Any] = {}
    with redirect_stdout(sys.stderr):
        exec(code.replace(IMPORT, f"from {module} import CrossEncoder"), namespace)  # noqa: S102 - cards of ours to read
    scores: np.ndarray[Any, Any] = namespace["scores"]
    assert type(namespace["model"]).__module__.startswith(module)
    return {"scores": scores.tolist(), "dtype": str(scores.dtype), "ranks": namespace.get("ranks")}


if __name__ == "__main__":
    json.dump([run(code, sys.argv[1]) for code in json.load(sys.stdin)], sys.stdout)
