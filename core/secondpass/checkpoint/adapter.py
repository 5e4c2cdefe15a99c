"""What an adapter's folder says of itself: PEFT's adapter_config.json."""

from importlib.util import find_spec

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.errors import CheckpointError, MissingExtraError

CONFIG = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


def require_peft(folder: Folder) -> None:
    """Raise MissingExtraError unless peft is installed, which is not imported to look."""
    if find_spec("peft") is None:
        raise MissingExtraError(f"{folder.name} is an adapter, which", "peft", needs="peft", install="peft>=0.18")


def base_of_adapter(folder: Folder) -> tuple[str, str | None]:
    """Name and revision of the checkpoint that an adapter changes.

    Raises:
        CheckpointError: Its file does not say.
    """
    stated = folder.json(CONFIG)
    base, revision = stated.get("base_model_name_or_path"), stated.get("revision")
    if not isinstance(base, str) or not base:
        raise CheckpointError(
            f"{folder.name}: {CONFIG}: base_model_name_or_path must name the checkpoint that the adapter changes, "
            f"got {describe(base)}"
        )
    if not isinstance(revision, str | None):
        raise CheckpointError(f"{folder.name}: {CONFIG}: revision must be text or null, got {describe(revision)}")
    return base, revision or None


def is_classifier_adapter(folder: Folder) -> bool:
    """Whether an adapter makes a classifier of its base, whatever the base is by itself."""
    return folder.has_adapter and folder.json(CONFIG).get("task_type") == "SEQ_CLS"
