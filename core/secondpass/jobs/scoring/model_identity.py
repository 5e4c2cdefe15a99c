"""What tells one scorer of a job from others, in words: for the manifest, and for who is refused by it."""

from secondpass.calibration.calibrated import calibration_of
from secondpass.options import ModelOptions
from secondpass.ranking import Scorer, known_fingerprint, unwrapped

# What of a loaded model people know by name.
_OF_MODELS = ("dtype", "max_length", "long_documents")
# What is known of a service that does not say what its scores depend on.
_OF_SERVICES = ("url", "api", "model", "raw_scores")


def identity_of(scorer: Scorer, options: ModelOptions) -> dict[str, object]:
    """What a scorer's scores depend on, by name.

    A scorer that has no fingerprint and is not a service is known by the name of its class alone.

    Args:
        scorer: Loaded.
        options: How.

    Raises:
        SecondPassError: Whatever `fingerprint()` raises where the scorer has one, and cannot say it.
    """
    within = unwrapped(scorer)
    identity: dict[str, object] = {"fingerprint": known_fingerprint(scorer)}
    if identity["fingerprint"] is None:
        identity["scorer"] = type(within).__name__
        if hasattr(within, "raw_scores"):
            identity |= {name: _attribute(within, name) for name in _OF_SERVICES}
    identity |= {name: _attribute(within, name) for name in _OF_MODELS}
    for option in ("label", "activation", "instruction", "window_overlap", "window_aggregation"):
        identity[option] = getattr(options, option)
    calibration = calibration_of(scorer)
    identity["calibration"] = None if calibration is None else calibration.digest()
    return identity


def _attribute(scorer: object, name: str) -> object:
    """What a scorer says of itself by this name, where it can be written down."""
    value = getattr(scorer, name, None)
    if name == "url" and isinstance(value, str):
        return value.partition("?")[0].rstrip("/")  # behind it some services take their keys
    return value if isinstance(value, str | int) else None
