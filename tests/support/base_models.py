"""The base of a training, found and loaded as a run does it."""

from pathlib import Path

from secondpass.training.base_model import find_base, load_base_model
from secondpass.training.config import ModelConfig
from secondpass.training.grouped import GroupedCrossEncoder


def load(config: ModelConfig, folder: Path, *, trust_remote_code: bool = False) -> GroupedCrossEncoder:
    """The base that the settings name; a relative path starts from the folder."""
    base = find_base(config.base, folder, trust_remote_code=trust_remote_code)
    return load_base_model(config, base, trust_remote_code=trust_remote_code)
