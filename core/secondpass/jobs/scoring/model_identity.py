"""What tells one scorer of a job from others, in words: for the manifest, and for who is refused by it."""

from secondpass.errors import InputError
from secondpass.options import ModelOptions
from secondpass.ranking import Fingerprinted, Scorer

# What of a loaded model people know by name.
_ATTRIBUTES = ("dtype", "max_length", "long_documents")


def identity_of(scorer: Scorer, name: str | None, options: ModelOptions) -> dict[str, object]:
    """What a scorer's scores depend on, by name.

    Args:
        scorer: Loaded.
        name: As which it was loaded; None where it was given as an object.
        options: How.
    """
    identity: dict[str, object] = {"fingerprint": _fingerprint(scorer)}
    if identity["fingerprint"] is None:  # then all that is known is what was asked for
        identity["model"] = type(scorer).__name__ if name is None else name
    identity |= {attribute: getattr(scorer, attribute, None) for attribute in _ATTRIBUTES}
    for option in ("label", "activation", "instruction", "window_overlap", "window_aggregation"):
        identity[option] = getattr(options, option)
    identity["calibration"] = None if options.calibration is None else options.calibration.digest()
    return identity


def _fingerprint(scorer: Scorer) -> str | None:
    """None where the scorer cannot tell, as many services."""
    if not isinstance(scorer, Fingerprinted):
        return None
    try:
        return scorer.fingerprint()
    except InputError:
        return None
