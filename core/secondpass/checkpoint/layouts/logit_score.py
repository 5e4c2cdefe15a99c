"""sentence-transformers' rerankers on language models (5.4 and later): Transformer, then LogitScore.

The score is the logit of a token that means relevant, less that of one that means the opposite where there is one.
"""

from typing import TYPE_CHECKING

from secondpass.arguments import describe
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.layouts.layout import Layout
from secondpass.checkpoint.ranking_model import PretrainedModel
from secondpass.checkpoint.score_activation import ScoreActivation
from secondpass.checkpoint.st_modules import ModuleSpec, module_specs
from secondpass.errors import CheckpointError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def _matches(folder: Folder) -> bool:
    """Whether the folder lists LogitScore among its modules."""
    return any(spec.kind == "LogitScore" for spec in module_specs(folder))


def _load(folder: Folder) -> PretrainedModel:
    """The language model, reduced to the tokens that LogitScore reads.

    Raises:
        CheckpointError: A module has no place here, a token is none of the model's, or the weights do not fit.
    """
    from secondpass.checkpoint.language_model import load_language_model
    from secondpass.checkpoint.pretrained_tokenizer import load_tokenizer

    specs = module_specs(folder)
    if [spec.kind for spec in specs] != ["Transformer", "LogitScore"] or specs[0].path:
        kinds = ", ".join(spec.kind for spec in specs)
        raise CheckpointError(f"{folder.name}: modules.json must list Transformer and LogitScore alone, got {kinds}")
    file, settings = folder.transformer_settings()
    task = settings.get("transformer_task")
    if task != "text-generation":
        raise CheckpointError(
            f"{folder.name}: {file}: 'transformer_task' must be 'text-generation' ahead of LogitScore, "
            f"got {describe(task)}"
        )
    answers = _answers(folder, specs[1])
    return load_language_model(folder, answers, _names(load_tokenizer(folder), answers))


def _answers(folder: Folder, spec: ModuleSpec) -> list[int]:
    """The ids that mean not relevant, where there is one, and relevant."""
    file = f"{spec.path}/config.json"
    values = folder.json(file)
    answers = [values.get("false_token_id"), values.get("true_token_id")]
    for key, answer in zip(("false_token_id", "true_token_id"), answers, strict=True):
        optional = key == "false_token_id" and answer is None
        if not optional and (isinstance(answer, bool) or not isinstance(answer, int) or answer < 0):
            raise CheckpointError(f"{folder.name}: {file}: {key} must be a token's number, got {describe(answer)}")
    return [answer for answer in answers if answer is not None]


def _names(tokenizer: "PreTrainedTokenizerBase", answers: list[int]) -> dict[int, str]:
    return {index: str(tokenizer.decode([answer])) for index, answer in enumerate(answers)}


# Its two logits count as one label to sentence-transformers, whose rule for one label is the sigmoid.
LAYOUT = Layout(_matches, _load, activation=lambda _: ScoreActivation.SIGMOID)
