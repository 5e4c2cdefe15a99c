"""The unit of a scorer's scores, for those who scale logits: frameworks, and the service."""

from secondpass.calibration import calibration_of
from secondpass.ranking import sources


def is_scaled(scorer: object) -> bool:
    """Whether nothing is left to scale: probabilities of a calibration or a sigmoid, or scores as a service gave them.

    It is asked through whatever stands around such a scorer; a `Cascade` has the unit of its last stage.
    """
    return calibration_of(scorer) is not None or any(
        getattr(source, "raw_scores", None) is False or getattr(source, "activation", None) == "sigmoid"
        for source in sources(scorer)
    )


def is_activated(scorer: object) -> bool:
    """Whether scores are known to be no logits: those that `is_scaled` names, and tanhs of logits, from -1 to 1."""
    return is_scaled(scorer) or any(getattr(source, "activation", None) == "tanh" for source in sources(scorer))
