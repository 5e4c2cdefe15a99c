"""Every setting of a checkpoint's files: scores as the reference reads it, or a refusal that names it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints
import pytest
import torch
import transformers
from compare import assert_scores
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder as Reference
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import LayerNorm, Normalize, Pooling
from torch import nn
from truncation import TRUNCATES

from secondpass import BiEncoder, CrossEncoder
from secondpass.errors import CheckpointError

pytestmark = TRUNCATES

PAIRS = [("How tall is the Wall", "The WALL of Berlin is 300 metres long."), ("berlin", "People"), ("a", "b " * 40)]
TEMPLATE = "{% for m in messages %}{{m.role}}={{m.content}} {% endfor %}"


def saved_by_sentence_transformers(folder: Path) -> Path:
    """A classifier as sentence-transformers saves it."""
    base = checkpoints.bert(
        folder / "base", tokenizer=checkpoints.words(["the", "The", "wall", "WALL", "berlin", "people"])
    )
    return _saved(base, folder / "saved")


def modular(folder: Path) -> Path:
    """A cross-encoder of modules: Transformer, Pooling, Dense, LayerNorm, Dense."""
    base = checkpoints.base_transformer(folder / "base")
    last = Dense(16, 1, activation_function=nn.Identity(), module_output_name="scores")
    layers = [Dense(24, 16, activation_function=nn.GELU()), LayerNorm(16), last]
    for seed, layer in enumerate(layers):
        checkpoints.randomise(layer, seed)
    modules = [Transformer(str(base)), Pooling(24, pooling_mode="cls"), *layers]
    Reference(modules=modules, device="cpu").save_pretrained(str(folder / "saved"))
    return folder / "saved"


def embedder(folder: Path) -> Path:
    base = checkpoints.base_transformer(folder / "base")
    SentenceTransformer(modules=[Transformer(str(base)), Pooling(24), Normalize()], device="cpu").save_pretrained(
        str(folder / "saved")
    )
    return folder / "saved"


def short(folder: Path) -> Path:
    """A saved classifier whose tokenizer has a lower limit than its settings may say."""
    return _saved(checkpoints.bert(folder / "base", max_length=8), folder / "saved")


def prompted(folder: Path) -> Path:
    """A saved classifier with a prompt."""
    saved = _saved(checkpoints.bert(folder / "base"), folder / "saved")
    checkpoints.edit_json(saved / "config_sentence_transformers.json", prompts={"q": "wall: "})
    return saved


def _saved(base: Path, folder: Path) -> Path:
    Reference(str(base), device="cpu").save_pretrained(str(folder))
    return folder


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "classifier": checkpoints.bert,
    "saved": saved_by_sentence_transformers,
    "short": short,
    "prompted": prompted,
    "modular": modular,
    "embedder": embedder,
}
# What the references cannot load beside.
ALL_LAYOUTS = LAYOUTS | {"bert_cat": checkpoints.bert_cat}


def load(layout: str, folder: Path) -> CrossEncoder | BiEncoder:
    return BiEncoder(folder) if layout == "embedder" else CrossEncoder(folder)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_the_references_save_is_read(layout: str, tmp_path: Path) -> None:
    folder = LAYOUTS[layout](tmp_path)
    scores = load(layout, folder).predict(PAIRS)
    if layout == "embedder":
        reference = SentenceTransformer(str(folder), device="cpu")
        queries, documents = (reference.encode([pair[side] for pair in PAIRS]) for side in (0, 1))
        assert_scores(scores, (queries * documents).sum(axis=1))
    else:
        assert_scores(scores, Reference(str(folder), device="cpu").predict(PAIRS, show_progress_bar=False))


CONFIG, TRANSFORMER, MODULES = "config_sentence_transformers.json", "sentence_bert_config.json", "modules.json"


@pytest.mark.parametrize(
    ("layout", "file", "key", "value"),
    [
        ("saved", CONFIG, "model_type", "SparseEncoder"),
        ("saved", CONFIG, "something_new", True),
        ("embedder", CONFIG, "truncate_dim", 8),
        ("saved", TRANSFORMER, "something_new", 1),
        ("saved", TRANSFORMER, "transformer_task", "text-generation"),
        ("saved", TRANSFORMER, "processing_kwargs", {"text": {"truncation": "only_second"}}),
        ("saved", TRANSFORMER, "processing_kwargs", "x"),
        ("saved", TRANSFORMER, "processing_kwargs", {"text": "x"}),
        ("saved", TRANSFORMER, "processing_kwargs", {"chat_template": ["x"]}),
        ("saved", TRANSFORMER, "tokenizer_args", {"do_lower_case": True}),
        ("saved", TRANSFORMER, "processor_kwargs", {"padding_side": "left"}),
        ("saved", TRANSFORMER, "model_kwargs", {"num_labels": 1}),
        ("saved", TRANSFORMER, "config_args", {"hidden_act": "relu"}),
        ("saved", TRANSFORMER, "modality_config", {"message": {"method": "forward", "method_output_name": "logits"}}),
        ("saved", TRANSFORMER, "do_lower_case", "yes"),
        ("saved", CONFIG, "default_prompt_name", ["q"]),
        ("saved", CONFIG, "prompts", ["q"]),
        ("saved", CONFIG, "prompts", {"q": 1}),
        ("saved", CONFIG, "prompts", {"q": "\ud800"}),
        ("embedder", CONFIG, "default_prompt_name", ["q"]),
        ("embedder", CONFIG, "prompts", {"q": 1}),
        ("embedder", TRANSFORMER, "query_length", 8),
        ("embedder", TRANSFORMER, "query_expansion", {"length": 8}),
        ("modular", "1_Pooling/config.json", "include_prompt", False),
        ("modular", "1_Pooling/config.json", "include_prompt", 0),
        ("modular", "1_Pooling/config.json", "pooling_mode", 3),
        ("modular", "1_Pooling/config.json", "pooling_mode", [["cls"]]),
        ("modular", "1_Pooling/config.json", "pooling_mode", ["cls", "mean"]),
        ("modular", "1_Pooling/config.json", "pooling_mode", {"cls": True}),
        ("modular", "1_Pooling/config.json", "something_new", 1),
        ("modular", "2_Dense/config.json", "in_features", None),
        ("modular", "2_Dense/config.json", "in_features", "24"),
        ("modular", "2_Dense/config.json", "out_features", 10**9),
        ("modular", "2_Dense/config.json", "out_features", -1),
        ("modular", "2_Dense/config.json", "module_output_name", "scores"),
        ("modular", "3_LayerNorm/config.json", "dimension", None),
        ("modular", "3_LayerNorm/config.json", "dimension", [16]),
        ("modular", "3_LayerNorm/config.json", "dimension", 10**12),
        ("embedder", "2_Normalize/config.json", "module_output_name", "scores"),
        ("modular", "2_Dense/config.json", "use_residual", True),
        ("modular", "2_Dense/config.json", "module_input_name", "token_embeddings"),
        ("modular", "3_LayerNorm/config.json", "eps", 0.1),
        ("bert_cat", "config.json", "bert_model", ["distilbert"]),
        ("bert_cat", "config.json", "bert_model", {"_name_or_path": 3}),
        ("bert_cat", "config.json", "bert_model", {"model_type": ["distilbert"]}),
        ("bert_cat", "config.json", "bert_model", {"n_heads": "3"}),
        ("bert_cat", "config.json", "bert_model", {"max_position_embeddings": 10**13}),
        ("classifier", "config.json", "quantization_config", {"quant_method": "fp8"}),
        ("classifier", "config.json", "sentence_transformers", {"activation_fn": None, "something_new": 1}),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(layout: str, file: str, key: str, value: Any, tmp_path: Path) -> None:
    folder = ALL_LAYOUTS[layout](tmp_path)
    load(layout, folder)
    checkpoints.edit_json(folder / file, **{key: value})
    with pytest.raises(CheckpointError, match=key) as caught:
        load(layout, folder)
    assert file in str(caught.value)


@pytest.mark.parametrize(
    ("layout", "file", "key", "value"),
    [
        ("saved", CONFIG, "requirements", ["transformers>=4"]),
        ("saved", TRANSFORMER, "unpad_inputs", False),
        ("saved", TRANSFORMER, "model_kwargs", {"attn_implementation": "eager", "torch_dtype": "float32"}),
        ("saved", TRANSFORMER, "max_seq_length", 9),
        ("short", TRANSFORMER, "max_seq_length", 12),
        ("classifier", TRANSFORMER, "max_seq_length", 9),
        ("classifier", TRANSFORMER, "do_lower_case", True),
        ("classifier", CONFIG, "activation_fn", "torch.nn.modules.linear.Identity"),
        ("classifier", CONFIG, "something_new", True),
        ("prompted", CONFIG, "default_prompt_name", "q"),
        ("saved", TRANSFORMER, "do_lower_case", True),
        ("modular", TRANSFORMER, "do_lower_case", True),
        ("modular", "2_Dense/config.json", "activation_function", "torch.nn.modules.activation.ReLU"),
        ("modular", "1_Pooling/config.json", "pooling_mode", "mean"),
    ],
)
def test_what_is_read_gives_the_references_scores(layout: str, file: str, key: str, value: Any, tmp_path: Path) -> None:
    folder = LAYOUTS[layout](tmp_path)
    checkpoints.edit_json(folder / file, **{key: value})
    reference = Reference(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"})
    assert_scores(load(layout, folder).predict(PAIRS), reference.predict(PAIRS, show_progress_bar=False))


@pytest.mark.parametrize("vocabulary", [["the", "The", "wall", "WALL"], ["The", "WALL"]])
def test_lower_casing_is_read_with_a_cased_vocabulary(vocabulary: list[str], tmp_path: Path) -> None:
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *vocabulary]
    tokenizer = transformers.BertTokenizer(vocab={token: i for i, token in enumerate(tokens)}, do_lower_case=False)
    base = checkpoints.bert(tmp_path / "base", tokenizer=tokenizer)
    Reference(str(base), device="cpu").save_pretrained(str(tmp_path / "saved"))
    as_written = CrossEncoder(tmp_path / "saved").predict(PAIRS)
    checkpoints.edit_json(tmp_path / "saved" / TRANSFORMER, do_lower_case=True)
    lowered = CrossEncoder(tmp_path / "saved").predict(PAIRS)
    assert abs(as_written - lowered).max() > 0.001, "the setting has to matter"
    assert_scores(lowered, Reference(str(tmp_path / "saved"), device="cpu").predict(PAIRS, show_progress_bar=False))


def test_settings_under_an_older_name_are_read(tmp_path: Path) -> None:
    folder = saved_by_sentence_transformers(tmp_path)
    checkpoints.edit_json(folder / TRANSFORMER, max_seq_length=9)
    expected = CrossEncoder(folder).predict(PAIRS)
    (folder / TRANSFORMER).rename(folder / "sentence_xlm-roberta_config.json")
    model = CrossEncoder(folder)
    assert model.max_length == 9
    assert_scores(model.predict(PAIRS), expected)


def test_arguments_of_a_module_are_refused(tmp_path: Path) -> None:
    folder = modular(tmp_path)
    modules = json.loads((folder / MODULES).read_text())
    modules[0]["kwargs"] = ["task"]
    (folder / MODULES).write_text(json.dumps(modules))
    with pytest.raises(CheckpointError, match=r"modules\.json: 'kwargs' must be"):
        CrossEncoder(folder)


def test_modules_behind_a_classifier_are_refused(tmp_path: Path) -> None:
    folder = saved_by_sentence_transformers(tmp_path)
    modules = json.loads((folder / MODULES).read_text())
    modules.append(
        {**modules[0], "idx": 1, "name": "1", "path": "1_Dense", "type": "sentence_transformers.base.modules.Dense"}
    )
    (folder / MODULES).write_text(json.dumps(modules))
    with pytest.raises(CheckpointError, match="must list one Transformer for a classifier, got Transformer, Dense"):
        CrossEncoder(folder)


def test_a_bi_encoders_chat_template_is_not_passed_over(tmp_path: Path) -> None:
    encoder = checkpoints.base_transformer(tmp_path / "encoder")
    (encoder / "chat_template.jinja").write_text(TEMPLATE)
    with pytest.raises(CheckpointError, match="chat template"):
        BiEncoder(encoder)
    listed = embedder(tmp_path / "listed")
    messages = {"message": {"method": "forward", "method_output_name": "last_hidden_state", "format": "flat"}}
    checkpoints.edit_json(listed / TRANSFORMER, modality_config=messages)
    with pytest.raises(CheckpointError, match="chat template"):
        BiEncoder(listed)


@pytest.mark.parametrize("layout", ["saved", "modular", "embedder"])
def test_a_chat_template_counts_for_nothing_where_modules_read_text(layout: str, tmp_path: Path) -> None:
    folder = LAYOUTS[layout](tmp_path)
    (folder / TRANSFORMER).unlink()  # as in folders that were put together by hand
    expected = load(layout, folder).predict(PAIRS)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    assert_scores(load(layout, folder).predict(PAIRS), expected)
    if layout == "embedder":
        reference = SentenceTransformer(str(folder), device="cpu")
        queries, documents = (reference.encode([pair[side] for pair in PAIRS]) for side in (0, 1))
        assert_scores(expected, (queries * documents).sum(axis=1))


def test_a_language_model_is_never_scored_by_the_prompt_of_another(tmp_path: Path) -> None:
    plain = checkpoints.qwen3(tmp_path / "plain")
    with pytest.raises(CheckpointError, match=r"causal language model \(qwen3\) and no prompt is known"):
        CrossEncoder(plain)


def test_an_adapter_beside_the_weights_is_not_passed_over(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    with pytest.raises(CheckpointError, match="holds the settings of an adapter and no adapter_model"):
        CrossEncoder(folder)


def test_weights_in_a_file_that_nothing_reads_are_refused(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    torch.save({}, folder / "training_args.bin")
    CrossEncoder(folder)
    save_file({"weight": torch.ones(2)}, folder / "head.safetensors")
    with pytest.raises(CheckpointError, match=r"would not be applied: head\.safetensors"):
        CrossEncoder(folder)


@pytest.mark.parametrize(
    "name", ["classifier.weight_scale", "bert.encoder.layer.0.attention.self.query.weight_scale_inv"]
)
def test_scales_that_would_be_dropped_are_refused(name: str, tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, name: torch.ones(1)}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=f"not part of the model: {name}"):
        CrossEncoder(folder)


def test_tokens_without_embeddings_are_refused(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["qzorb", "zzyx"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(CheckpointError, match="'qzorb', 'zzyx'; resize the embeddings"):
        CrossEncoder(folder)


@pytest.mark.parametrize(
    ("file", "key", "value", "message"),
    [
        (
            "tokenizer_config.json",
            "model_max_length",
            3,
            "must be above the 3 special tokens of a pair, got 3",
        ),
        (
            "tokenizer_config.json",
            "model_max_length",
            0,
            "must be above the 3 special tokens of a pair, got 0",
        ),
        ("tokenizer_config.json", "model_max_length", -1, "model_max_length must be above the 3 special tokens"),
        ("tokenizer_config.json", "model_max_length", "512", "model_max_length must be an integer, got str '512'"),
        ("tokenizer_config.json", "model_max_length", 9.5, "model_max_length must be an integer, got float 9.5"),
        (TRANSFORMER, "max_seq_length", 2, "max_seq_length must be above the 3 special tokens of a pair, got 2"),
        (TRANSFORMER, "max_seq_length", True, "max_seq_length must be an integer, got bool True"),
        ("config.json", "num_hidden_layers", 10_000_000, "num_hidden_layers must fit the weights"),
        ("config.json", "vocab_size", 10**12, "vocab_size must fit the weights"),
        ("config.json", "intermediate_size", 10**12, "intermediate_size must fit the weights"),
    ],
)
@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_numbers_that_files_state_are_checked(
    file: str, key: str, value: Any, message: str, form: str, tmp_path: Path
) -> None:
    folder = checkpoints.bert(tmp_path)
    if form == "bin":
        checkpoints.to_bin(folder)
    (folder / MODULES).write_text("[]")
    checkpoints.edit_json(folder / file, **{key: value})
    with pytest.raises(CheckpointError, match=message) as caught:
        CrossEncoder(folder)
    assert file in str(caught.value)


def test_a_limit_that_a_file_states_wrongly_can_be_given(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    expected = CrossEncoder(folder, max_length=64).predict(PAIRS)
    checkpoints.edit_json(folder / "tokenizer_config.json", model_max_length=0)
    assert_scores(CrossEncoder(folder, max_length=64).predict(PAIRS), expected)
