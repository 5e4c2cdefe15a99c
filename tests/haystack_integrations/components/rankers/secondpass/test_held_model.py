"""One model for all threads that ask for it at the same time."""

from haystack_integrations.components.rankers.secondpass.held_model import HeldModel
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
