"""sentence-transformers' rerankers on language models, and classifiers with a chat template, equal its `predict`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import checkpoints
import language_models
import numpy as np
import pytest
import torch
from compare import assert_scores
from language_models import DOCUMENT_LAST, LANGUAGE_MODELS, NOTHING_BEHIND, PARTS, QUERY_LAST, with_template
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder as Reference
from texts import LONG, PAIRS, SHORT_PAIRS
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.checkpoint import LanguageModel, load_checkpoint
from secondpass.errors import CheckpointError, InputError
from secondpass.options import ModelOptions

pytestmark = TRUNCATES

# Every text in both places, among them empty ones, other scripts, emoji, and far too long ones.
SOME = (*PAIRS[::5], (LONG, LONG), ("berlin", LONG), (LONG, "berlin"))
TIGHT = SHORT_PAIRS[::5]
# Takes a content of either kind, and tells them apart.
EITHER = (
    "{% for m in messages %}{{ m.role }}: "
    "{% if m.content is string %}{{ m.content }}{% else %}part: {{ m.content[0].text }}{% endif %}\n{% endfor %}"
)


def reference_logits(
    folder: Path, pairs: Sequence[tuple[str, str]], max_length: int | None = None, **options: Any
) -> NDArray[np.float32]:
    """What the reference gives for each pair alone.

    Beside longer ones it pads to the left, and rotary positions that begin elsewhere round differently: by up to 5e-5
    on these models.
    """
    reference = Reference(str(folder), device="cpu", activation_fn=nn.Identity(), max_length=max_length)
    scores: NDArray[np.float32] = reference.predict(list(pairs), batch_size=1, show_progress_bar=False, **options)
    return scores


def assert_parity(folder: Path, pairs: Sequence[tuple[str, str]], max_length: int | None = None) -> None:
    expected = reference_logits(folder, pairs, max_length)
    assert expected.std() > 0.01, "a model whose scores are all alike would agree with anything"
    assert_scores(CrossEncoder(folder, activation="identity", max_length=max_length).predict(pairs), expected)


@pytest.fixture(scope="module", params=LANGUAGE_MODELS)
def language_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language_model") / request.param
    return with_template(LANGUAGE_MODELS[request.param](folder), DOCUMENT_LAST)


def test_two_answers(language_model: Path, tmp_path: Path) -> None:
    folder = language_models.logit_score(language_model, tmp_path)
    assert_parity(folder, SOME)
    assert_parity(folder, TIGHT, max_length=80)


def test_one_answer(language_model: Path, tmp_path: Path) -> None:
    assert_parity(language_models.logit_score(language_model, tmp_path, false=None, true="Yes"), TIGHT)


@pytest.mark.parametrize("stated", [None, "torch.nn.modules.activation.Sigmoid"])
@pytest.mark.parametrize("false", [None, "no"])
def test_scores_are_probabilities_where_nothing_else_is_stated(
    false: str | None, stated: str | None, tmp_path: Path
) -> None:
    base = with_template(language_models.qwen3(tmp_path / "base"), DOCUMENT_LAST)
    folder = language_models.logit_score(base, tmp_path / "saved", false=false)
    checkpoints.edit_json(folder / "config_sentence_transformers.json", activation_fn=stated)
    expected = Reference(str(folder), device="cpu").predict(list(TIGHT), batch_size=1, show_progress_bar=False)
    assert expected.min() > 0
    assert expected.max() < 1
    assert_scores(CrossEncoder(folder).predict(TIGHT), expected)


@pytest.mark.parametrize("template", [DOCUMENT_LAST, QUERY_LAST, NOTHING_BEHIND, PARTS])
@pytest.mark.parametrize("max_length", [70, 101, None])
def test_templates_and_what_truncation_leaves_of_them(template: str, max_length: int | None, tmp_path: Path) -> None:
    base = with_template(language_models.qwen2(tmp_path / "base"), template)
    assert_parity(language_models.logit_score(base, tmp_path / "saved"), SOME, max_length)


@pytest.mark.parametrize("stated", [None, "structured", "flat", "auto", "anything"])
def test_only_a_flat_format_gives_a_message_as_text(stated: str | None, tmp_path: Path) -> None:
    base = with_template(language_models.qwen2(tmp_path / "base"), EITHER)
    folder = language_models.logit_score(base, tmp_path / "saved")
    settings = folder / "sentence_bert_config.json"
    values = json.loads(settings.read_text())
    values["modality_config"]["message"]["format"] = stated
    settings.write_text(json.dumps(values))
    assert_parity(folder, TIGHT)


@pytest.mark.parametrize("side", ["left", "right"])
def test_truncation_at_either_side(side: str, tmp_path: Path) -> None:
    base = with_template(language_models.qwen2(tmp_path / "base"), DOCUMENT_LAST)
    checkpoints.edit_json(base / "tokenizer_config.json", truncation_side=side)
    assert_parity(language_models.logit_score(base, tmp_path / "saved"), TIGHT, 90)


def test_variables_of_the_template(tmp_path: Path) -> None:
    base = with_template(language_models.qwen3(tmp_path / "base"), PARTS)
    variables = {"chat_template": {"add_generation_prompt": True}}
    folder = language_models.logit_score(base, tmp_path / "saved", processing_kwargs=variables)
    plain = language_models.logit_score(base, tmp_path / "plain")
    assert_parity(folder, TIGHT)
    assert abs(CrossEncoder(folder).predict(TIGHT) - CrossEncoder(plain).predict(TIGHT)).max() > 0.001


def test_a_language_model_whose_settings_name_no_template_reads_two_texts(tmp_path: Path) -> None:
    base = with_template(language_models.qwen3(tmp_path / "base"), DOCUMENT_LAST)
    folder = language_models.logit_score(base, tmp_path / "saved")
    settings = folder / "sentence_bert_config.json"
    settings.write_text('{"transformer_task": "text-generation"}')
    assert_parity(folder, [pair for pair in TIGHT if all(pair)])


def test_a_pair_without_any_token_has_the_padding_tokens_logits(tmp_path: Path) -> None:
    base = with_template(language_models.qwen3(tmp_path / "base"), DOCUMENT_LAST)
    folder = language_models.logit_score(base, tmp_path / "saved")
    (folder / "sentence_bert_config.json").write_text('{"transformer_task": "text-generation"}')
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    answers = json.loads(next(folder.glob("*LogitScore/config.json")).read_text())
    with torch.no_grad():
        logits = reference(torch.tensor([[tokenizer.pad_token_id]]), attention_mask=torch.tensor([[0]])).logits[0, -1]
    expected = float(logits[answers["true_token_id"]] - logits[answers["false_token_id"]])
    pairs = [("who", "people"), ("", ""), ("", "a")]
    assert_scores(CrossEncoder(folder, activation="identity").predict(pairs)[1:2], [expected])


@pytest.mark.parametrize("instruction", ["Find recent ones.", ""])
@pytest.mark.parametrize("default", [None, "web"])
def test_an_instruction_is_the_references_prompt(default: str | None, instruction: str, tmp_path: Path) -> None:
    base = with_template(language_models.qwen3(tmp_path / "base"), DOCUMENT_LAST)
    folder = language_models.logit_score(base, tmp_path / "saved")
    prompts = {"web": "Given a web search query, find what answers it.", "code": "Find code."}
    checkpoints.edit_json(folder / "config_sentence_transformers.json", prompts=prompts, default_prompt_name=default)
    assert_parity(folder, TIGHT)
    expected = reference_logits(folder, TIGHT, prompt=instruction)
    scores = CrossEncoder(folder, activation="identity", instruction=instruction).predict(TIGHT)
    assert_scores(scores, expected)


@pytest.mark.parametrize("instruction", ["Find recent ones.", ""])
def test_an_instruction_is_refused_where_the_template_has_no_place_for_it(instruction: str, tmp_path: Path) -> None:
    base = with_template(language_models.qwen3(tmp_path / "base"), NOTHING_BEHIND)
    folder = language_models.logit_score(base, tmp_path / "saved")
    with pytest.raises(InputError, match=r"instruction must be left out for .*no place for one"):
        CrossEncoder(folder, instruction=instruction)


@pytest.mark.parametrize("name", ["Qwen3", "Llama", "Qwen2", "Gemma2"])
@pytest.mark.parametrize("template", [DOCUMENT_LAST, PARTS, None])
def test_classifiers_go_through_their_chat_template(name: str, template: str | None, tmp_path: Path) -> None:
    folder = language_models.sequence_classifier(tmp_path / "base", name)
    pairs = TIGHT if template is not None else [pair for pair in TIGHT if any(pair)]
    if template is not None:
        with_template(folder, template)
    assert_parity(folder, pairs)
    assert_parity(folder, pairs, max_length=75)


def test_a_saved_classifier_goes_through_its_chat_template(tmp_path: Path) -> None:
    base = with_template(language_models.sequence_classifier(tmp_path / "base"), DOCUMENT_LAST)
    Reference(str(base), device="cpu").save_pretrained(str(tmp_path / "saved"))
    assert_parity(tmp_path / "saved", TIGHT)


def test_a_bert_with_a_chat_template_goes_through_it(tmp_path: Path) -> None:
    folder = with_template(checkpoints.bert(tmp_path), PARTS)
    assert_parity(folder, TIGHT, 60)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ messages[-1].content }}", "must render the roles 'query' and 'document' .* leaves out 'query'"),
        ("nothing", "leaves out 'query' and 'document'"),
        ("{{ raise_exception('only user and assistant') }}", "refuses a query and a document: only user and assistant"),
    ],
)
def test_templates_that_lose_a_text_are_refused(template: str, message: str, tmp_path: Path) -> None:
    folder = language_models.logit_score(
        with_template(language_models.qwen3(tmp_path / "base"), DOCUMENT_LAST), tmp_path / "saved"
    )
    with_template(folder, template)
    with pytest.raises(CheckpointError, match=message):
        CrossEncoder(folder)


@pytest.mark.parametrize(("false", "n_answers"), [("no", 2), (None, 1)])
def test_only_the_answers_rows_of_the_vocabulary_are_kept(false: str | None, n_answers: int, tmp_path: Path) -> None:
    base = with_template(language_models.qwen3(tmp_path / "base"), DOCUMENT_LAST)
    folder = language_models.logit_score(base, tmp_path / "saved", false=false)
    model = load_checkpoint(str(folder), ModelOptions()).model
    assert isinstance(model, LanguageModel)
    weights = dict(model.backbone.named_parameters())
    n_vocabulary, hidden = weights["model.embed_tokens.weight"].shape
    assert weights["lm_head.weight"].shape == (n_answers, hidden)
    assert [name for name, weight in weights.items() if n_vocabulary in weight.shape] == ["model.embed_tokens.weight"]


@pytest.mark.parametrize(
    "changed",
    [
        {"use_sliding_window": True, "sliding_window": 16, "layer_types": None, "max_window_layers": 1},
        {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4}},
    ],
    ids=["windows", "yarn"],
)
def test_options_without_a_packed_form(changed: dict[str, Any], tmp_path: Path) -> None:
    base = with_template(language_models.qwen3(tmp_path / "base"), DOCUMENT_LAST)
    checkpoints.edit_json(base / "config.json", **changed)
    assert_parity(language_models.logit_score(base, tmp_path / "saved"), TIGHT)


@pytest.mark.filterwarnings("ignore:dtype 'bfloat16' is slow on this CPU")
def test_a_score_does_not_depend_on_the_pairs_beside_it_in_half_precision_either(tmp_path: Path) -> None:
    base = with_template(language_models.qwen3(tmp_path / "base"), DOCUMENT_LAST)
    folder = language_models.logit_score(base, tmp_path / "saved")
    model = CrossEncoder(folder, activation="identity", dtype="bfloat16")
    together = model.predict(TIGHT)
    assert_scores([model.predict([pair])[0] for pair in TIGHT], together, 0.05)
    assert_scores(together, reference_logits(folder, TIGHT), 0.2)
