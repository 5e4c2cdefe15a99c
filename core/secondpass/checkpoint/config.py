"""config.json becomes transformers' config, and never code."""

from transformers import AutoConfig, PreTrainedConfig

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.gte import gte_config, is_gte
from secondpass.checkpoint.stated_sizes import check_sizes
from secondpass.checkpoint.stored_formats import check_formats
from secondpass.checkpoint.tensor_headers import all_headers
from secondpass.errors import CheckpointError, RemoteCodeError


def load_config(folder: Folder) -> PreTrainedConfig:
    """The transformers config of a folder.

    Raises:
        RemoteCodeError: The checkpoint maps its classes to code of its own, and `trust_remote_code` is False. Its
            weights might fit a class of transformers, but its authors' scores come from their code. GTE's code alone
            is known to be what transformers computes.
        CheckpointError: Its model_type is unknown, the file is malformed, or it asks for attention in sparse blocks.
    """
    folder.require_config()
    remote = folder.config.get("auto_map")
    if remote and not folder.hub.trust_remote_code and not is_gte(folder):
        code = ", ".join(sorted({str(target) for target in remote.values()})) if isinstance(remote, dict) else remote
        raise RemoteCodeError(
            f"{folder.name} is scored by code in the checkpoint (auto_map: {code}); "
            "read that code, then pass trust_remote_code=True to run it"
        )
    headers = all_headers(folder)
    check_formats(folder.name, headers)
    check_sizes(folder.name, headers, folder.config)
    gte = gte_config(folder)
    if gte is not None:
        return gte
    try:
        config = AutoConfig.from_pretrained(
            folder.file("config.json").parent, local_files_only=True, trust_remote_code=folder.hub.trust_remote_code
        )
    except Exception as error:  # config classes validate with exceptions of their own
        raise CheckpointError(f"{folder.name}: config.json is not one transformers can read: {error}") from error
    if not isinstance(config, PreTrainedConfig):
        raise CheckpointError(f"{folder.name}: config.json is not a model's configuration")
    _refuse_sparse_blocks(folder, config)
    return config


def _refuse_sparse_blocks(folder: Folder, config: PreTrainedConfig) -> None:
    """BigBird's and BigBird-Pegasus's attention, of which the first short pair would make full attention for good."""
    attention = getattr(config, "attention_type", None)
    if attention == "block_sparse":
        raise CheckpointError(
            f'{folder.name}: config.json: attention_type must be "original_full", got "{attention}", which is the '
            "default: transformers computes it for long pairs until it meets a short one, and full attention from then "
            "on, so that a score would depend on the pairs before it; change it to score all pairs with full attention"
        )


def label_names(folder: Folder, config: PreTrainedConfig) -> dict[int, str]:
    """Name of each label; transformers' own LABEL_0, LABEL_1, ... where the config has none.

    Raises:
        CheckpointError: A name belongs to no column.
    """
    names = {int(index): str(name) for index, name in (config.id2label or {}).items()}
    columns = range(config.num_labels or 0)
    if names and names.keys() != set(columns):
        raise CheckpointError(
            f"{folder.name}: config.json: id2label must name the columns {', '.join(map(str, columns))}, "
            f"got {', '.join(map(str, names))}"
        )
    return {index: names.get(index, f"LABEL_{index}") for index in columns}
