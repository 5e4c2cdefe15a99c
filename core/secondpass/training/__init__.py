"""Fine-tune cross-encoders: thin recipes over sentence-transformers' trainer, one TOML file per run."""

from secondpass.errors import MissingExtraError
from secondpass.training.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from secondpass.training.config_file import read_config
from secondpass.training.result import TrainingResult

__all__ = ["DataConfig", "ModelConfig", "RunConfig", "TrainingConfig", "TrainingResult", "read_config", "train"]

# What the extra installs, by import name.
_NEEDED = ("accelerate", "datasets", "sentence_transformers")


def train(config: TrainingConfig, *, trust_remote_code: bool = False) -> TrainingResult:
    """Run a training; see `secondpass.training.run.run`.

    Args:
        config: All settings.
        trust_remote_code: Allow the base to run code of its own.

    Raises:
        MissingExtraError: sentence-transformers' trainer is not installed.
    """
    try:
        from secondpass.training.run import run  # noqa: PLC0415 - it needs the extra
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in _NEEDED:
            raise MissingExtraError("training", "train") from error
        raise
    return run(config, trust_remote_code=trust_remote_code)
