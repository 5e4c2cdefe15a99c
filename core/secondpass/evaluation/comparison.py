"""Two rankings compared, query by query."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError
from secondpass.extras import require

# What differences of measures, most of them from 0 to 1, may differ by through rounding alone.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measure before and after, over the same queries.

    Args:
        before: Mean of the first stage.
        after: Mean of the re-ranked run.
        p_value: Of a two-sided paired t-test; 1.0 where no query changed, None with fewer than two queries.
        helped: Number of queries whose value rose.
        hurt: Number of queries whose value fell.
        n_queries: Number of all queries.
    """

    before: float
    after: float
    p_value: float | None
    helped: int
    hurt: int
    n_queries: int

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before


def compare(before: Mapping[str, float], after: Mapping[str, float]) -> Comparison:
    """Compare two rankings' values.

    The paired t-test is the one with the most power and honest errors in such comparisons (Urbano et al., SIGIR 2019).

    Args:
        before: The first stage's values by query id.
        after: The re-ranked run's, of the same queries.

    Raises:
        InputError: The queries differ, or there are none.
    """
    if before.keys() != after.keys():
        raise InputError(f"both rankings must hold the same queries, {len(before.keys() ^ after.keys())} differ")
    if not before:
        raise InputError("rankings must hold at least one query, got none")
    first = np.array([before[query] for query in before])
    second = np.array([after[query] for query in before])
    return Comparison(
        float(first.mean()),
        float(second.mean()),
        _p_value(second - first),
        int((second > first).sum()),
        int((second < first).sum()),
        len(first),
    )


def _p_value(differences: NDArray[np.float64]) -> float | None:
    require("scipy.stats", feature="a paired t-test", extra="eval")
    from scipy import stats  # noqa: PLC0415 - of an extra

    if len(differences) < 2:  # noqa: PLR2004 - one difference has no spread
        return None
    # The statistic divides by the spread; without any beyond rounding, a shift is certain or absent.
    if np.ptp(differences) <= _ROUNDING:
        return 1.0 if abs(differences).max() <= _ROUNDING else 0.0
    return float(stats.ttest_1samp(differences, 0.0).pvalue)
