"""One model for all threads that ask for it at the same time."""

import copy
import pickle

from secondpass.adapters.held_model import HeldModel
from secondpass.ranking import Scorer
from secondpass.testing import OverlapScorer


def test_whoever_was_slower_takes_the_model_that_is_held_by_then() -> None:
    held, first, second = HeldModel(), OverlapScorer(), OverlapScorer()

    def make() -> Scorer:
        assert held.get("parameters", lambda: first) is first  # as another thread would, meanwhile
        return second

    assert held.get("parameters", make) is first
    assert held.get("parameters", make) is first
    assert held.get("others", lambda: second) is second


def test_a_model_is_held_for_each_unit_of_scores() -> None:
    held, raw, scaled = HeldModel(), OverlapScorer(), OverlapScorer()
    for make_raw, make_scaled in ((lambda: raw, lambda: scaled), (OverlapScorer, OverlapScorer)):
        assert held.get("parameters", make_raw, unit="identity") is raw
        assert held.get("parameters", make_scaled) is scaled
    other = OverlapScorer()
    assert held.get("others", lambda: other, unit="identity") is other
    assert held.get("others", lambda: raw) is raw, "that of the parameters before is let go of"


def test_copies_hold_it_and_pickles_do_not() -> None:
    held, scorer = HeldModel(), OverlapScorer()
    held.get("parameters", lambda: scorer)
    copied = held.copy()
    held.release()
    assert held.is_empty
    assert copied.get("parameters", OverlapScorer) is scorer
    assert copy.deepcopy(copied).is_empty
    assert pickle.loads(pickle.dumps(copied)).is_empty  # noqa: S301 - our own
