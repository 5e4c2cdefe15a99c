"""The tolerance that the package promises for float32."""

import numpy as np
from numpy.typing import ArrayLike


def assert_scores(actual: ArrayLike, expected: ArrayLike, tolerance: float = 1e-5) -> None:
    """Raise AssertionError unless all scores agree to `tolerance`, relative or absolute."""
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=tolerance, atol=tolerance)
