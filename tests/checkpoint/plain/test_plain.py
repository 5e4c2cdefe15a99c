"""Read as data or through transformers: the same scores, the same tokens; and no import of what is not needed."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch
import transformers
from checkpoint_texts import CORPUS
from hypothesis import given
from hypothesis import strategies as st
from random_backbones import CPU
from safetensors.torch import load_file, save_file
from shared import shared
from tokenizer_kinds import REAL, real_tokenizer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, AutoTokenizer

from secondpass import CrossEncoder
from secondpass.checkpoint import PlainClassifier, RankingModel
from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.layouts import layout_of
from secondpass.checkpoint.plain.config import plain_config
from secondpass.checkpoint.plain.tokenizer import PlainTokenizer, plain_tokenizer
from secondpass.encoder import Precision
from secondpass.encoder.architectures import architecture_of
from secondpass.errors import CheckpointError
from secondpass.execution.build_networks import networks_on
from secondpass.execution.devices import Placement
from secondpass.model_names import bundled_folder
from secondpass.options import HubOptions
from secondpass.tokenization.tokens import PairTokens


def modular(folder: Path) -> Path:
    """sentence-transformers' own files for Transformer, Pooling and Dense."""
    checkpoints.base_transformer(folder)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    for path in filter(None, kinds):
        (folder / path).mkdir()
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "config_sentence_transformers.json").write_text('{"model_type": "CrossEncoder"}')
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
    dense = {"in_features": 24, "out_features": 1, "activation_function": "torch.nn.modules.linear.Identity"}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(dense))
    weight = torch.linspace(-1, 1, 24)[None]
    save_file({"linear.weight": weight, "linear.bias": torch.ones(1)}, folder / "2_Dense" / "model.safetensors")
    return folder


def sharded(folder: Path) -> Path:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="10KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    return folder


def in_dtype(folder: Path, dtype: torch.dtype) -> Path:
    state = {name: tensor.to(dtype) for name, tensor in load_file(folder / "model.safetensors").items()}
    checkpoints.write_weights(folder, state)
    return folder


def with_weights(folder: Path, more: dict[str, torch.Tensor]) -> Path:
    checkpoints.write_weights(folder, load_file(folder / "model.safetensors") | more)
    return folder


PLAIN: dict[str, checkpoints.Builder] = {
    name: checkpoints.CLASSIFIERS[name]
    for name in ("bert", "electra", "roberta", "xlm_roberta", "distilbert", "modernbert", "modernbert_mean")
} | {
    "three labels": lambda folder: checkpoints.bert(folder, n_labels=3),
    "two labels": lambda folder: checkpoints.electra(folder, n_labels=2),
    "capreolus": checkpoints.capreolus,
    "modular": modular,
    "biases": lambda folder: checkpoints.modernbert(
        folder, norm_bias=True, attention_bias=True, mlp_bias=True, classifier_bias=True, classifier_activation="silu"
    ),
    "sharded": lambda folder: sharded(checkpoints.bert(folder)),
    "bfloat16": lambda folder: in_dtype(checkpoints.bert(folder), torch.bfloat16),
    "leftovers": lambda folder: with_weights(checkpoints.bert(folder), {"cls.predictions.bias": torch.ones(3)}),
}


def logits(model: RankingModel, tokens: PairTokens) -> np.ndarray:
    (network,) = networks_on(Placement((CPU,), Precision.FLOAT32, 4096), model, lambda: tokens)
    scores: np.ndarray = network(tokens).numpy()
    return scores


@pytest.mark.parametrize("name", PLAIN)
def test_networks_are_those_of_transformers(tmp_path: Path, name: str) -> None:
    folder = Folder("it", PLAIN[name](tmp_path / "it"))
    layout = layout_of(folder)
    plain, pretrained = layout.load_plain(folder), layout.load(folder)
    assert isinstance(plain, PlainClassifier)
    assert plain.labels == pretrained.labels
    lengths = np.array([3, 3, 9, 20, 40])
    generator = np.random.default_rng(0)
    ids = generator.integers(5, plain.backbone.config.vocab_size, lengths.sum(), dtype=np.int32)
    n_types = 1 if name in {"roberta", "xlm_roberta"} else 2
    tokens = PairTokens(ids, generator.integers(0, n_types, lengths.sum(), dtype=np.uint8), lengths)
    np.testing.assert_allclose(logits(plain, tokens), logits(pretrained, tokens), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", PLAIN)
def test_configs_say_what_those_of_transformers_say(tmp_path: Path, name: str) -> None:
    folder = Folder("it", PLAIN[name](tmp_path / "it"))
    plain, theirs = plain_config(folder.config), AutoConfig.from_pretrained(folder.path).to_dict()
    assert plain is not None
    stored = vars(plain)
    its_own = theirs.keys() & stored.keys() - {"_name_or_path", "dtype", "rope_parameters"}
    assert {"vocab_size", "pad_token_id", "max_position_embeddings"} <= its_own
    assert {key: stored[key] for key in its_own} == {key: theirs[key] for key in its_own}


@pytest.mark.parametrize(
    "model_type", ["bert", "electra", "roberta", "xlm-roberta", "camembert", "distilbert", "modernbert"]
)
def test_defaults_are_those_of_transformers(model_type: str) -> None:
    theirs = AutoConfig.for_model(model_type)
    architecture = architecture_of(theirs)
    assert architecture is not None
    assert architecture.stored is not None
    defaults, stated = architecture.stored.config, theirs.to_dict()
    # A vocabulary of another size than the table's is found out by the table.
    its_own = stated.keys() & defaults.keys() - {"vocab_size", "layer_types", "rope_parameters"}
    assert {key: defaults[key] for key in its_own} == {key: stated[key] for key in its_own}


def same_as_transformers(folder: Path) -> PlainTokenizer | None:
    """What is read of a folder, held against what transformers makes of it."""
    plain = plain_tokenizer(Folder("it", folder))
    if plain is None:
        return None
    theirs = AutoTokenizer.from_pretrained(folder)
    raw = Tokenizer.from_str(theirs.backend_tokenizer.to_str())
    raw.no_truncation()
    raw.no_padding()
    parts, their_parts = (json.loads(tokenizer.to_str()) for tokenizer in (plain.backend_tokenizer, raw))
    for part in ("added_tokens", "normalizer", "pre_tokenizer", "post_processor"):
        assert parts[part] == their_parts[part], part
    assert parts["model"]["vocab"] == their_parts["model"]["vocab"]
    for attribute in ("model_max_length", "padding_side", "truncation_side", "is_fast", "chat_template"):
        assert getattr(plain, attribute) == getattr(theirs, attribute), attribute
    assert list(plain.model_input_names) == theirs.model_input_names
    assert plain.get_vocab() == theirs.get_vocab()
    for text in TEXTS:
        assert plain.encode(text, add_special_tokens=False) == theirs.encode(text, add_special_tokens=False)
        pair = theirs(text, TEXTS[0], return_token_type_ids=True)
        assert plain(text, TEXTS[0], return_token_type_ids=True) == {
            key: pair[key] for key in ("input_ids", "token_type_ids")
        }
    return plain


TEXTS = [
    "plain words, and more of them",
    "ÀÉÎ naïve ǅ İstanbul ﬁne ﬃ ½ Å",
    "日本語のテキスト 中文 한국어",
    "العربية עברית हिन्दी ไทย",
    "\t\n\r\u00a0\u200b\u2028 \x00 \ufffd",
    "[CLS] [SEP][MASK] <s></s><mask> [UNK]",
    "👩‍👩‍👧 🏳️‍🌈 🇩🇪",
    "",
    *CORPUS[:3],
]


@pytest.mark.parametrize("name", PLAIN)
def test_tokenizers_of_made_checkpoints_are_those_of_transformers(tmp_path: Path, name: str) -> None:
    assert same_as_transformers(PLAIN[name](tmp_path / "it")) is not None


@pytest.mark.parametrize("name", REAL)
def test_real_tokenizers_are_those_of_transformers(tmp_path: Path, name: str) -> None:
    real_tokenizer(name, tmp_path).save_pretrained(tmp_path)
    model_type = {"roberta-base": "roberta", "xlm-roberta-base-rebuilt": "xlm-roberta"}.get(name, "bert")
    checkpoints.edit_json(tmp_path / "config.json", model_type=model_type)
    assert same_as_transformers(tmp_path) is not None


def test_the_bundled_model_has_a_tokenizer_of_its_own() -> None:
    folder = bundled_folder("secondpass/mini")
    assert folder is not None
    assert same_as_transformers(folder) is not None


def test_the_published_files_of_minilm_are_read_as_they_are(tmp_path: Path) -> None:
    source = shared("data/tokenizers/ms-marco-MiniLM-L-6-v2")
    for file in source.iterdir():
        shutil.copy(file, tmp_path / file.name)
    assert same_as_transformers(tmp_path) is not None


def xlm_roberta_tokenizer(folder: Path) -> Path:
    """As XLM-RoBERTa's own class has it."""
    specials = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces = [(f"▁{word}", -float(i)) for i, word in enumerate(dict.fromkeys(" ".join(CORPUS).split()), 2)]
    letters = [(chr(code), -20.0) for code in range(97, 123)]
    vocab = [*specials, *pieces, *[letter for letter in letters if letter not in pieces], ("▁", -9.0), ("<mask>", 0.0)]
    transformers.XLMRobertaTokenizer(vocab=vocab).save_pretrained(folder)
    checkpoints.edit_json(folder / "config.json", model_type="xlm-roberta")
    return folder


def test_a_sentencepiece_tokenizer_of_its_own_class_is_that_of_transformers(tmp_path: Path) -> None:
    assert same_as_transformers(xlm_roberta_tokenizer(tmp_path)) is not None


@given(
    flags=st.fixed_dictionaries(
        {},
        optional={
            "do_lower_case": st.booleans(),
            "strip_accents": st.sampled_from([None, True, False]),
            "tokenize_chinese_chars": st.booleans(),
            "truncation_side": st.sampled_from(["left", "right", "up"]),
            "padding_side": st.sampled_from(["left", "right"]),
            "model_max_length": st.sampled_from([7, 512, 1e30]),
            "tokenizer_class": st.sampled_from(
                ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "PreTrainedTokenizerFast", "Roberta"]
            ),
            "mask_token": st.sampled_from(["[MASK]", "[OTHER]"]),
            "sep_token": st.sampled_from(["[SEP]", "[CLS]"]),
            "extra_special_tokens": st.sampled_from([[], ["[NEW]"]]),
            "unheard_of": st.just(1),
        },
    ),
    file_lowers=st.booleans(),
    model_type=st.sampled_from(["bert", "electra", "distilbert", "roberta"]),
)
def test_settings_that_differ_from_the_file_are_left_to_transformers(
    tmp_path_factory: pytest.TempPathFactory, flags: dict[str, object], *, file_lowers: bool, model_type: str
) -> None:
    folder = tmp_path_factory.mktemp("it")
    checkpoints.wordpiece(lower=file_lowers).save_pretrained(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text()) | flags
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    checkpoints.edit_json(folder / "config.json", model_type=model_type)
    plain = same_as_transformers(folder)
    its_class = str(settings["tokenizer_class"])
    if its_class.startswith(("Bert", "Distil")) and settings["do_lower_case"] is not file_lowers:
        assert plain is None
    if "unheard_of" in settings or settings.get("truncation_side") == "up" or settings["mask_token"] == "[OTHER]":  # noqa: S105 - a token of text
        assert plain is None


def change_file(change: Callable[[Tokenizer], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        raw = Tokenizer.from_file(str(folder / "tokenizer.json"))
        change(raw)
        raw.save(str(folder / "tokenizer.json"))

    return apply


def with_file(name: str, text: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).write_text(text)

    return apply


def set_tokenizer(**settings: object) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        file = folder / "tokenizer_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | settings))

    return apply


OTHER_TOKENIZERS: dict[str, Callable[[Path], None]] = {
    "another normaliser": change_file(lambda raw: setattr(raw, "normalizer", normalizers.Lowercase())),
    "another splitting": change_file(lambda raw: setattr(raw, "pre_tokenizer", pre_tokenizers.WhitespaceSplit())),
    "another template": change_file(
        lambda raw: setattr(raw, "post_processor", processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)))
    ),
    "another model": change_file(lambda raw: setattr(raw, "model", models.WordLevel({"a": 0, "[UNK]": 1}))),
    "more tokens": change_file(lambda raw: raw.add_tokens(["brandnew"])),
    "tokens in a file": with_file("added_tokens.json", '{"brandnew": 900}'),
    "a chat template": with_file("chat_template.jinja", "{{ messages }}"),
    "nothing that can be parsed": with_file("tokenizer.json", "{}"),
    "a padding side of null": set_tokenizer(padding_side=None),
    "a truncation side of null": set_tokenizer(truncation_side=None),
    "input names of null": set_tokenizer(model_input_names=None),
    "added tokens of null": set_tokenizer(added_tokens_decoder=None),
    "a token without its type": set_tokenizer(cls_token={"content": "[CLS]"}),
}


@pytest.mark.parametrize("change", OTHER_TOKENIZERS)
def test_a_file_that_its_class_would_not_keep_is_left_to_transformers(tmp_path: Path, change: str) -> None:
    folder = checkpoints.bert(tmp_path / "it")
    assert plain_tokenizer(Folder("it", folder)) is not None
    OTHER_TOKENIZERS[change](folder)
    assert plain_tokenizer(Folder("it", folder)) is None


def test_padding_by_a_token_that_transformers_would_add_is_left_to_it(tmp_path: Path) -> None:
    raw = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1, "[": 2, "]": 3, "PAD": 4, "a": 5}, unk_token="[UNK]"))  # noqa: S106 - a token of text
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B", special_tokens=[])
    raw.enable_padding(pad_id=1, pad_token="[PAD]")  # noqa: S106 - likewise
    folder = tmp_path / "it"
    folder.mkdir()
    raw.save(str(folder / "tokenizer.json"))
    checkpoints.edit_json(folder / "config.json", model_type="bert")
    checkpoints.edit_json(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    assert AutoTokenizer.from_pretrained(folder)("a [PAD] a")["input_ids"] == [5, 1, 5]
    assert same_as_transformers(folder) is None


def test_modernberts_that_transformers_refuses_are_left_to_it(tmp_path: Path) -> None:
    changes: list[dict[str, object]] = [{"num_attention_heads": 5}, {"layer_types": []}]
    for change in changes:
        path = checkpoints.modernbert(tmp_path / next(iter(change)))
        checkpoints.edit_json(path / "config.json", **change)
        folder = Folder("it", path)
        assert layout_of(folder).load_plain(folder) is None
        with pytest.raises(CheckpointError):
            CrossEncoder(path)


def test_a_file_that_is_replaced_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = checkpoints.bert(tmp_path / "it")
    model = layout_of(Folder("it", path)).load_plain(Folder("it", path))
    assert isinstance(model, PlainClassifier)
    checkpoints.write_weights(path, load_file(path / "model.safetensors"))
    with pytest.raises(CheckpointError, match=r"model\.safetensors was changed while it was being loaded"):
        model.backbone.parameters["embeddings.word_embeddings.weight"]


def rename_weight(folder: Path, old: str, new: str | None) -> None:
    state = load_file(folder / "model.safetensors")
    tensor = state.pop(old)
    checkpoints.write_weights(folder, state if new is None else state | {new: tensor})


OTHER_MODELS: dict[str, Callable[[Path], object]] = {
    "unknown key": lambda folder: checkpoints.edit_json(folder / "config.json", unheard_of=1),
    "a number of labels": lambda folder: checkpoints.edit_json(folder / "config.json", num_labels=1),
    "a wrong type": lambda folder: checkpoints.edit_json(folder / "config.json", hidden_dropout_prob="much"),
    "no heads": lambda folder: checkpoints.edit_json(folder / "config.json", num_attention_heads=0),
    "another width": lambda folder: checkpoints.edit_json(folder / "config.json", intermediate_size=39),
    "fewer layers": lambda folder: checkpoints.edit_json(folder / "config.json", num_hidden_layers=2),
    "one label for a choice of labels": lambda folder: checkpoints.edit_json(
        folder / "config.json", problem_type="single_label_classification"
    ),
    "a decoder": lambda folder: checkpoints.edit_json(folder / "config.json", is_decoder=True),
    "relative positions": lambda folder: checkpoints.edit_json(
        folder / "config.json", position_embedding_type="relative_key"
    ),
    "an unknown nonlinearity": lambda folder: checkpoints.edit_json(folder / "config.json", hidden_act="mish"),
    "code": checkpoints.with_code,
    "no head": lambda folder: rename_weight(folder, "classifier.weight", None),
    "an old name": lambda folder: rename_weight(
        folder, "bert.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.gamma"
    ),
    "no prefix": lambda folder: rename_weight(
        folder, "bert.embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"
    ),
    "a weight too many": lambda folder: with_weights(folder, {"extra.weight": torch.ones(2)}),
    "PyTorch's format": checkpoints.to_bin,
}


@pytest.mark.parametrize("change", OTHER_MODELS)
def test_what_is_not_exactly_as_its_config_says_is_left_to_transformers(tmp_path: Path, change: str) -> None:
    path = checkpoints.bert(tmp_path / "it")
    assert layout_of(Folder("it", path)).load_plain(Folder("it", path)) is not None
    OTHER_MODELS[change](path)
    folder = Folder("it", path)
    assert layout_of(folder).load_plain(folder) is None


def test_code_that_may_run_is_left_to_transformers(tmp_path: Path) -> None:
    path = checkpoints.bert(tmp_path / "it")
    without, leave = Folder("it", path), HubOptions(trust_remote_code=True)
    assert layout_of(without).load_plain(Folder("it", path, leave)) is not None
    folder = Folder("it", checkpoints.with_code(path), leave)
    assert layout_of(folder).load_plain(folder) is None


@pytest.mark.parametrize("change", ["no head", "a weight too many", "a wrong type"])
def test_refusals_are_those_of_the_way_through_transformers(tmp_path: Path, change: str) -> None:
    path = checkpoints.bert(tmp_path / "it")
    OTHER_MODELS[change](path)
    folder = Folder(str(path), path)
    with pytest.raises(CheckpointError) as refused:
        layout_of(folder).load(folder)
    with pytest.raises(CheckpointError) as told:
        CrossEncoder(path)
    assert str(told.value) == str(refused.value)


def test_modernbert_of_before_transformers_5_is_read_alike(tmp_path: Path) -> None:
    path = checkpoints.modernbert(tmp_path / "it")
    config = json.loads((path / "config.json").read_text())
    del config["layer_types"], config["rope_parameters"]
    config |= {"global_attn_every_n_layers": 2, "global_rope_theta": 5000.0, "local_rope_theta": 300.0}
    (path / "config.json").write_text(json.dumps(config))
    folder = Folder("it", path)
    plain, pretrained = layout_of(folder).load_plain(folder), layout_of(folder).load(folder)
    assert plain is not None
    theirs = pretrained.backbone.config
    assert plain.backbone.config.layer_types == theirs.layer_types
    assert plain.backbone.config.sliding_window == theirs.sliding_window
    for kind, rope in plain.backbone.config.rope_parameters.items():
        assert rope == {key: theirs.rope_parameters[kind][key] for key in rope}


def test_a_model_keeps_no_second_copy_of_its_weights(tmp_path: Path) -> None:
    path = checkpoints.bert(tmp_path / "it")
    folder = Folder("it", path)
    plain = layout_of(folder).load_plain(folder)
    assert plain is not None
    name = "embeddings.word_embeddings.weight"
    read = plain.backbone.parameters[name]
    assert torch.equal(read, load_file(path / "model.safetensors")[f"bert.{name}"])
    assert plain.backbone.parameters[name] is not read  # nothing of it is kept


def modules_after(code: str) -> set[str]:
    listing = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return {name.partition(".")[0] for name in done.stdout.split()}


NEEDLESS = {
    *("transformers", "sentence_transformers", "huggingface_hub", "scipy", "pandas", "sklearn", "sympy", "peft"),
    *("langchain_core", "llama_index", "haystack", "pydantic", "rich", "typer"),
}


def test_the_first_score_needs_no_other_library(tmp_path: Path) -> None:
    saved = [str(save(tmp_path / str(number))) for number, save in enumerate(PLAIN.values())]
    score = "CrossEncoder(name).score('one', ['two', 'three'])"
    code = f"for name in {['secondpass/mini', *saved]}:\n    {score}"
    quiet = "import warnings; warnings.simplefilter('ignore')\nfrom secondpass import CrossEncoder"
    assert not modules_after(f"{quiet}\n{code}") & NEEDLESS


def test_what_only_transformers_reads_still_loads_it(tmp_path: Path) -> None:
    folder = str(checkpoints.mpnet(tmp_path / "it"))
    assert "transformers" in modules_after(
        f"from secondpass import CrossEncoder\nCrossEncoder({folder!r}).score('one', ['two'])"
    )


def test_the_help_of_the_command_line_loads_no_torch() -> None:
    called = "sys.argv = ['secondpass', '--help']; main()"
    loaded = modules_after(f"from secondpass.cli import main\ntry:\n    {called}\nexcept SystemExit:\n    pass")
    assert not loaded & {"torch", "transformers", "scipy", "huggingface_hub"}
