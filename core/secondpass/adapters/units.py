"""The unit of a scorer's scores, for those who scale logits: frameworks, and the service."""

from secondpass.calibration import calibration_of
from secondpass.ranking import sources


def is_scaled(scorer: object) -> bool:
    """Whether scores are no logits: probabilities of a calibration or a sigmoid, or scores as a service gave them.

    It is asked through whatever stands around such a scorer; a `Cascade` has the unit of its last stage.
    """
    return calibration_of(scorer) is not None or any(
        getattr(source, "raw_scores", None) is False or getattr(source, "activation", None) == "sigmoid"
        for source in sources(scorer)
    )
