"""Fine-tune cross-encoders: thin recipes over sentence-transformers' trainer, one TOML file per run."""

from secondpass.errors import MissingExtraError
from secondpass.training.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from secondpass.training.config_file import read_config
from secondpass.training.progress import TrainingProgress, TrainingProgressCallback
from secondpass.training.result import TrainingResult

__all__ = [
    "DataConfig",
    "ModelConfig",
    "RunConfig",
    "TrainingConfig",
    "TrainingProgress",
    "TrainingProgressCallback",
    "TrainingResult",
    "read_config",
    "train",
]

# What the extra installs, by import name.
_NEEDED = ("accelerate", "datasets", "sentence_transformers")


def train(
    config: TrainingConfig, *, trust_remote_code: bool = False, progress: TrainingProgressCallback | None = None
) -> TrainingResult:
    """Train, choose the best weights by the held-out sets, save, write the card.

    A run that was interrupted continues from its last checkpoint, if it is still the same run: only its length, and how
    often it is evaluated, may have changed.

    Args:
        config: All settings.
        trust_remote_code: Allow the base to run code of its own.
        progress: Told of the run after every step; None: the trainer shows its own bar.

    Raises:
        MissingExtraError: sentence-transformers' trainer is not installed.
        RemoteCodeError: The base asks to run code of its own, and `trust_remote_code` is False.
        InputError: Data or settings break a rule, or are not those that the checkpoints were begun with.
        CheckpointError: The base is not there, or cannot be trained.
        ScoringError: The loss, the weights or a held-out score is not a finite number; the message says at which step.
    """
    try:
        from secondpass.training.run import run  # noqa: PLC0415 - it needs the extra
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in _NEEDED:
            raise MissingExtraError("training", "train") from error
        raise
    return run(config, trust_remote_code=trust_remote_code, progress=progress)
