"""Adapters that cannot be scored as peft would are refused, with words that say what is wrong."""

import json
import pickle
import shutil
import sys
from pathlib import Path

import checkpoints
import peft_adapters
import pytest
import torch

from secondpass import CrossEncoder
from secondpass.errors import CheckpointError, CheckpointNotFoundError, MissingExtraError

peft = pytest.importorskip("peft", reason="peft is not installed")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return checkpoints.bert(tmp_path / "base")


@pytest.fixture
def folder(tmp_path: Path, base: Path) -> Path:
    return peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora())


def test_without_peft(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r'adapter is an adapter, which needs peft: pip install "peft>=0\.18"'):
        CrossEncoder(folder)


def test_a_base_that_is_gone(folder: Path, base: Path) -> None:
    shutil.rmtree(base)
    with pytest.raises(CheckpointNotFoundError, match=r"is an adapter, and its base cannot be loaded: .*no folder"):
        CrossEncoder(folder)


@pytest.mark.parametrize("name", [None, "", 3])
def test_a_base_without_a_name(name: object, folder: Path) -> None:
    values = json.loads((folder / "adapter_config.json").read_text()) | {"base_model_name_or_path": name}
    (folder / "adapter_config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match=r"base_model_name_or_path must name the checkpoint .* got"):
        CrossEncoder(folder)


def test_a_base_of_another_shape(folder: Path, tmp_path: Path) -> None:
    other = checkpoints.bert(tmp_path / "other", hidden_size=48)
    checkpoints.edit_json(folder / "adapter_config.json", base_model_name_or_path=str(other))
    with pytest.raises(CheckpointError, match=r"its adapter of type LORA does not fit its base"):
        CrossEncoder(folder)


def test_a_base_of_another_architecture(folder: Path, tmp_path: Path) -> None:
    other = checkpoints.distilbert(tmp_path / "other")
    checkpoints.edit_json(folder / "adapter_config.json", base_model_name_or_path=str(other))
    with pytest.raises(CheckpointError, match="its adapter of type LORA does not fit its base"):
        CrossEncoder(folder)


def test_an_adapter_of_an_adapter(folder: Path, tmp_path: Path) -> None:
    second = Path(shutil.copytree(folder, tmp_path / "second"))
    checkpoints.edit_json(second / "adapter_config.json", base_model_name_or_path=str(folder))
    with pytest.raises(CheckpointError, match="is an adapter of an adapter"):
        CrossEncoder(second)


@pytest.mark.parametrize("task_type", ["SEQ_CLS", None])
def test_a_head_that_nobody_brings(task_type: str | None, tmp_path: Path) -> None:
    base = checkpoints.base_transformer(tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora(), num_labels=1)
    peft_adapters.rewrite(folder, lambda state: [state.pop(name) for name in list(state) if "classifier" in name])
    checkpoints.edit_json(folder / "adapter_config.json", task_type=task_type, modules_to_save=None)
    with pytest.raises(CheckpointError, match=r"missing: classifier\.bias, classifier\.weight"):
        CrossEncoder(folder)


def test_a_head_that_is_lost_from_the_adapter(folder: Path) -> None:
    peft_adapters.rewrite(folder, lambda state: [state.pop(name) for name in list(state) if "classifier" in name])
    with pytest.raises(CheckpointError, match="classifier"):
        CrossEncoder(folder)


def test_a_matrix_that_is_lost(folder: Path) -> None:
    peft_adapters.rewrite(folder, lambda state: state.pop(next(name for name in sorted(state) if "lora_B" in name)))
    with pytest.raises(CheckpointError, match=r"does not fit its base; missing: .*lora_B"):
        CrossEncoder(folder)


def test_a_matrix_that_has_no_place(folder: Path) -> None:
    peft_adapters.rewrite(
        folder, lambda state: state.update({"base_model.model.bert.pooler.dense.lora_A.weight": torch.zeros(2, 24)})
    )
    with pytest.raises(CheckpointError, match=r"does not fit its base; not part of the model: .*pooler\.dense"):
        CrossEncoder(folder)


def test_weights_that_are_missing(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="holds the settings of an adapter and no adapter_model"):
        CrossEncoder(folder)


def test_other_weights_beside_the_adapter(folder: Path) -> None:
    shutil.copy(folder / "adapter_model.safetensors", folder / "extra.safetensors")
    with pytest.raises(CheckpointError, match=r"weights that would not be applied: extra\.safetensors"):
        CrossEncoder(folder)


def test_a_prompt_that_was_learned(base: Path, tmp_path: Path) -> None:
    settings = peft.PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=3)
    folder = peft_adapters.save_adapter(tmp_path / "prompts", base, settings)
    with pytest.raises(CheckpointError, match=r"its adapter of type PROMPT_TUNING .* cannot be merged"):
        CrossEncoder(folder)


@pytest.mark.filterwarnings("ignore:aLoRA is currently only supported")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a_later_idea": True}, "'a_later_idea' may change scores, and peft .* does not know it"),
        ({"peft_type": "UNHEARD_OF"}, "peft_type must be one that peft .* knows, got str 'UNHEARD_OF'"),
        ({"alora_invocation_tokens": [5, 6]}, "its adapter of type LORA cannot be merged"),
    ],
)
def test_settings_that_cannot_be_honoured(change: dict[str, object], message: str, folder: Path) -> None:
    checkpoints.edit_json(folder / "adapter_config.json", **change)
    with pytest.raises(CheckpointError, match=message):
        CrossEncoder(folder)


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.target,)


def test_a_pickle_with_code_in_it_runs_nothing(folder: Path, tmp_path: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()
    mark = tmp_path / "executed"
    (folder / "adapter_model.bin").write_bytes(pickle.dumps({"weight": Bomb(mark)}))
    with pytest.raises(CheckpointError, match=r"adapter_model\.bin"):
        CrossEncoder(folder)
    torch.save({"weight": Bomb(mark)}, folder / "adapter_model.bin")
    with pytest.raises(CheckpointError, match=r"adapter_model\.bin"):
        CrossEncoder(folder)
    assert not mark.exists()


def test_a_layout_that_peft_cannot_change(folder: Path, tmp_path: Path) -> None:
    other = checkpoints.bert_cat(tmp_path / "other")
    checkpoints.edit_json(folder / "adapter_config.json", base_model_name_or_path=str(other))
    with pytest.raises(CheckpointError, match="an adapter cannot be applied to a checkpoint of this layout"):
        CrossEncoder(folder)


def test_a_base_that_is_trusted_with_nothing(folder: Path, base: Path) -> None:
    checkpoints.edit_json(base / "config.json", auto_map={"AutoModelForSequenceClassification": "modeling.Model"})
    with pytest.raises(CheckpointError, match="trust_remote_code=True"):
        CrossEncoder(folder)


def test_training_starts_from_no_adapter(folder: Path, tmp_path: Path) -> None:
    from secondpass.training.base_model import find_base

    with pytest.raises(CheckpointError, match=r"model\.base: .* is an adapter.*merge"):
        find_base(str(folder), tmp_path)
