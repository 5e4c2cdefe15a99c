"""The settings of a language model that scores pairs: read as the reference reads them, or refused by their name."""

import json
from pathlib import Path
from typing import Any

import checkpoints
import pytest
from compare import assert_scores
from language_models import DOCUMENT_LAST, logit_score, with_template
from sentence_transformers import CrossEncoder as Reference
from texts import SHORT_PAIRS

from secondpass import CrossEncoder
from secondpass.errors import CheckpointError

PAIRS = SHORT_PAIRS[::20]
TRANSFORMER, MODULES = "sentence_bert_config.json", "modules.json"


def test_files_count_for_more_than_the_name(tmp_path: Path) -> None:
    """A known checkpoint that has since been saved by sentence-transformers is read by its files."""
    base = with_template(checkpoints.qwen3(tmp_path / "base"), DOCUMENT_LAST)
    folder = logit_score(base, tmp_path / "Qwen" / "Qwen3-Reranker-0.6B")
    expected = Reference(str(folder), device="cpu").predict(PAIRS, batch_size=1, show_progress_bar=False)
    assert_scores(CrossEncoder(folder).predict(PAIRS), expected)


@pytest.mark.parametrize(
    ("file", "key", "value", "message"),
    [
        (TRANSFORMER, "transformer_task", "feature-extraction", "'transformer_task' must be 'text-generation'"),
        (TRANSFORMER, "transformer_task", None, "'transformer_task' must be 'text-generation'"),
        (TRANSFORMER, "processing_kwargs", {"text": {"truncation": "only_second"}}, "'truncation' must be"),
        (TRANSFORMER, "processing_kwargs", {"chat_template": {"max_length": 9}}, "chat_template: 'max_length' must be"),
        (TRANSFORMER, "processing_kwargs", {"common": {"max_length": 9}}, "'common' must be"),
        (
            TRANSFORMER,
            "modality_config",
            {"image": {"method": "forward"}},
            "'modality_config' must be text and messages",
        ),
        (
            "1_LogitScore/config.json",
            "true_token_id",
            None,
            "true_token_id must be a token's number, got NoneType",
        ),
        ("1_LogitScore/config.json", "false_token_id", True, "false_token_id must be a token's number, got bool True"),
        ("1_LogitScore/config.json", "true_token_id", 10**6, "an answer must be a token below"),
        ("1_LogitScore/config.json", "true_token_id", -1, "true_token_id must be a token's number, got int -1"),
        ("1_LogitScore/config.json", "module_input_name", "logits", "'module_input_name' must be"),
        ("1_LogitScore/config.json", "something_new", 1, "'something_new' may change scores"),
    ],
)
def test_settings_of_a_language_model_that_mean_something_else(
    file: str, key: str, value: Any, message: str, tmp_path: Path
) -> None:
    folder = logit_score(with_template(checkpoints.qwen3(tmp_path / "base"), DOCUMENT_LAST), tmp_path / "saved")
    CrossEncoder(folder)
    checkpoints.edit_json(folder / file, **{key: value})
    with pytest.raises(CheckpointError, match=message):
        CrossEncoder(folder)


def test_a_language_model_that_loses_its_template_is_refused(tmp_path: Path) -> None:
    folder = logit_score(with_template(checkpoints.qwen3(tmp_path / "base"), DOCUMENT_LAST), tmp_path / "saved")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(CheckpointError, match="'modality_config' puts texts through a chat template"):
        CrossEncoder(folder)


@pytest.mark.parametrize("kinds", [["Transformer"], ["Transformer", "LogitScore", "Dense"]])
def test_modules_of_a_language_model_that_have_no_place(kinds: list[str], tmp_path: Path) -> None:
    folder = logit_score(checkpoints.qwen3(tmp_path / "base"), tmp_path / "saved")
    modules = json.loads((folder / MODULES).read_text())
    modules.append({**modules[1], "idx": 2, "path": "", "type": "sentence_transformers.base.modules.Dense"})
    (folder / MODULES).write_text(json.dumps(modules[: len(kinds)]))
    with pytest.raises(CheckpointError, match=r"modules\.json must list Transformer and LogitScore|transformer_task"):
        CrossEncoder(folder)
