"""A checkpoint that cannot be scored right is refused, with words that say what is wrong, and nothing of it runs."""

import pickle
from collections.abc import Callable
from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch
import transformers
from folders import FolderOf
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder as SentenceTransformersCrossEncoder
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from secondpass import BiEncoder, CrossEncoder
from secondpass.adapters.sharing import shared_cross_encoder
from secondpass.errors import CheckpointError, CheckpointNotFoundError, InputError, RemoteCodeError, ScoringError
from secondpass.model_names import portable_name
from secondpass.options import DType


def rewrite_weights(folder: Path, *, drop: str = "", reshape: str = "", add: str = "") -> None:
    state = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in state.items() if not drop or drop not in name}
    kept = {name: tensor[..., :5].clone() if reshape and reshape in name else tensor for name, tensor in kept.items()}
    if add:
        kept[add] = torch.zeros(3)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_transformer_that_cannot_run(tmp_path: Path) -> None:
    """Its heads are wider than its states, which transformers finds out when it computes."""
    folder = checkpoints.deberta_v2(tmp_path, attention_head_size=16)
    with pytest.raises(CheckpointError, match=r"DebertaV2Model .* fails on a pair of \d+ tokens: Runtime"):
        CrossEncoder(folder)


def test_a_missing_head(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    rewrite_weights(folder, drop="classifier")
    with pytest.raises(CheckpointError, match=r"missing: classifier\.bias, classifier\.weight"):
        CrossEncoder(folder)


def test_a_missing_layer(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    rewrite_weights(folder, drop="layer.1.attention.self.query")
    with pytest.raises(CheckpointError, match=r"missing: bert\.encoder\.layer\.1\.attention\.self\.query"):
        CrossEncoder(folder)


def test_a_head_of_another_shape(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    rewrite_weights(folder, reshape="classifier.weight")
    with pytest.raises(CheckpointError, match=r"of another shape: classifier\.weight"):
        CrossEncoder(folder)


@pytest.mark.parametrize(
    ("labels", "got"), [({"0": "no", "1": "yes"}, "2"), (None, "none, which means 2")], ids=["two", "none"]
)
def test_a_head_of_another_number_of_labels(
    labels: dict[str, str] | None, got: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = checkpoints.bert(tmp_path)
    checkpoints.edit_json(folder / "config.json", id2label=labels, label2id=None)
    before = torch.get_rng_state()
    capfd.readouterr()
    message = f"id2label must name as many labels as its head has, 1, got {got}$"
    with pytest.raises(CheckpointError, match=message):
        CrossEncoder(folder)
    assert capfd.readouterr().err == "", "the error says it all"
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_the_architecture_has_no_place_for(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    rewrite_weights(folder, add="classifier.second.weight")
    with pytest.raises(CheckpointError, match=r"not part of the model: classifier\.second\.weight"):
        CrossEncoder(folder)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_weights_that_are_no_numbers(dtype: DType, tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    state = load_file(folder / "model.safetensors")
    state["bert.encoder.layer.0.attention.self.query.weight"][0, 0] = float("nan")
    checkpoints.write_weights(folder, state)
    with pytest.raises(ScoringError, match=r"must (be|give finite) numbers"):
        CrossEncoder(folder, dtype=dtype).score("berlin", ["wall"])


@pytest.mark.parametrize("stored", [torch.int8, torch.uint8, torch.float8_e4m3fn])
@pytest.mark.parametrize("save", [lambda folder: folder, checkpoints.to_bin])
def test_quantised_weights_that_no_setting_tells_of(
    stored: torch.dtype, save: checkpoints.Builder, tmp_path: Path
) -> None:
    folder = checkpoints.bert(tmp_path)
    state = load_file(folder / "model.safetensors")
    quantised = {name: tensor.mul(40).to(stored) if tensor.dim() > 1 else tensor for name, tensor in state.items()}
    checkpoints.write_weights(folder, quantised)
    with pytest.raises(CheckpointError, match="weights must be float32, float16 or bfloat16, got "):
        CrossEncoder(save(folder))


def test_quantised_weights_beside_those_that_are_loaded_are_no_reason_to_refuse(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    expected = CrossEncoder(folder).score("berlin", ["wall"])
    state = load_file(folder / "model.safetensors")
    save_file({name: tensor.to(torch.int8) for name, tensor in state.items()}, folder / "model_int8.safetensors")
    assert CrossEncoder(folder).score("berlin", ["wall"]).tolist() == expected.tolist()


@pytest.mark.parametrize("stated", ["BertForSequenceClassification", [1]])
@pytest.mark.parametrize("load", [CrossEncoder, BiEncoder])
def test_architectures_that_are_no_list_of_names(
    stated: object, load: type[CrossEncoder | BiEncoder], tmp_path: Path
) -> None:
    folder = checkpoints.bert(tmp_path)
    checkpoints.edit_json(folder / "config.json", architectures=stated)
    with pytest.raises(CheckpointError, match="architectures must be a list of names, got"):
        load(folder)


def test_leftovers_of_pretraining_are_no_reason_to_refuse(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    expected = CrossEncoder(folder).score("berlin", ["wall"])
    rewrite_weights(folder, add="cls.predictions.bias")
    assert CrossEncoder(folder).score("berlin", ["wall"]) == expected


def test_a_transformer_without_any_head(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no ranking head: it is a BertModel"):
        CrossEncoder(checkpoints.base_transformer(tmp_path))


@pytest.mark.parametrize(
    ("kind", "make"), [("ModernBert", checkpoints.modernbert), ("Bert", checkpoints.bert)], ids=["ModernBERT", "BERT"]
)
def test_a_head_that_labels_tokens_is_no_ranking_head(kind: str, make: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = make(tmp_path)
    config = transformers.AutoConfig.from_pretrained(folder)
    model = getattr(transformers, f"{kind}ForTokenClassification")(config)
    model.save_pretrained(folder)
    with pytest.raises(CheckpointError, match=f"has no ranking head: it is a {kind}ForTokenClassification"):
        CrossEncoder(folder)
    with pytest.raises(CheckpointError, match="classifier"):
        BiEncoder(folder)


def test_a_truncated_download(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        CrossEncoder(folder)


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("family", ["bert", "bert_cat"])
def test_a_pickle_with_code_in_it_runs_nothing(family: str, tmp_path: Path) -> None:
    folder: Path = getattr(checkpoints, family)(tmp_path / "checkpoint")
    (folder / "model.safetensors").unlink(missing_ok=True)
    mark = tmp_path / "executed"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Bomb(mark)}))
    with pytest.raises(CheckpointError):
        CrossEncoder(folder)
    torch.save({"weight": Bomb(mark)}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError):
        CrossEncoder(folder)
    assert not mark.exists()


@pytest.mark.parametrize("path", ["os.system", "builtins.eval", "torch.nn.modules.linear.Linear", "torch.save", 3])
def test_an_activation_that_names_other_code(path: object, tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    checkpoints.edit_json(folder / "config.json", sentence_transformers={"activation_fn": path})
    with pytest.raises(CheckpointError, match="activation_fn must be one of"):
        CrossEncoder(folder)
    assert CrossEncoder(folder, activation="identity").score("a", ["b"]).shape == (1,)


def test_code_of_the_checkpoint_needs_leave(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path / "checkpoint")
    mark = tmp_path / "executed"
    (folder / "modeling.py").write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
    auto_map = {"AutoModelForSequenceClassification": "modeling.Model"}
    checkpoints.edit_json(folder / "config.json", auto_map=auto_map)
    with pytest.raises(RemoteCodeError, match="trust_remote_code=True"):
        CrossEncoder(folder)
    assert not mark.exists()


def test_code_of_the_checkpoint_runs_with_leave(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    expected = CrossEncoder(folder, activation="identity").score("berlin", ["wall", "people"])
    checkpoints.with_code(folder)
    scores = CrossEncoder(folder, activation="identity", trust_remote_code=True).score("berlin", ["wall", "people"])
    assert scores == pytest.approx(2 * expected, abs=1e-5)


@pytest.mark.parametrize("family", ["bert", "modernbert_mean"])
def test_leave_to_run_code_changes_nothing_where_there_is_none(family: str, folder_of: FolderOf) -> None:
    folder, texts = folder_of(family), ["wall", "people of the year"]
    for dtype in ("float32", "int8"):
        plain, trusting = (CrossEncoder(folder, dtype=dtype, trust_remote_code=leave) for leave in (False, True))
        assert trusting.score("berlin", texts).tolist() == plain.score("berlin", texts).tolist()


def test_leave_to_run_code_makes_up_no_head(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no ranking head: it is a BertModel"):
        CrossEncoder(checkpoints.base_transformer(tmp_path), trust_remote_code=True)


def test_modules_of_other_packages(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    (folder / "modules.json").write_text('[{"idx": 0, "path": "", "type": "os.path.Transformer"}]')
    with pytest.raises(CheckpointError, match="names a class of other code"):
        CrossEncoder(folder)


def test_modules_outside_of_the_folder(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path / "inner")
    entry = '{"idx": 0, "path": "../..", "type": "sentence_transformers.models.Pooling"}'
    (folder / "modules.json").write_text(f"[{entry}]")
    with pytest.raises(CheckpointError, match="outside of its folder"):
        CrossEncoder(folder)


def test_no_tokenizer_anywhere(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).unlink()
    with pytest.raises(CheckpointError, match="holds no tokenizer"):
        CrossEncoder(folder)


def test_a_cased_vocabulary_that_does_not_say_so(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).unlink()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Berlin", "Wall", "people", "the"]
    (folder / "vocab.txt").write_text("\n".join(pieces))
    with pytest.raises(CheckpointError, match=r"vocab\.txt is cased"):
        CrossEncoder(folder)
    checkpoints.edit_json(folder / "tokenizer_config.json", do_lower_case=False)
    model = CrossEncoder(folder, activation="identity")
    assert model.score("the", ["Berlin"]) != model.score("the", ["berlin"])


def test_a_cased_vocabulary_of_a_tokenizer_that_never_lower_cases(tmp_path: Path) -> None:
    """PhoBERT's: pairs of letters to merge in bpe.codes, and what they make in vocab.txt."""
    letters = "BaehilnprstW"
    (tmp_path / "vocab.txt").write_text("".join(f"{letter}@@ 1\n{letter} 1\n" for letter in letters))
    (tmp_path / "bpe.codes").write_text("t h 10\nB e 5\n")
    tokenizer = transformers.PhobertTokenizer(
        str(tmp_path / "vocab.txt"), str(tmp_path / "bpe.codes"), model_max_length=32
    )
    values = checkpoints.SMALL | {"type_vocab_size": 1, "num_labels": 1, "max_position_embeddings": 34}
    config = transformers.RobertaConfig(vocab_size=len(tokenizer), pad_token_id=1, **values)
    folder = checkpoints.save(tmp_path / "saved", transformers.RobertaForSequenceClassification(config), tokenizer)
    pairs = [("the Berlin", "Berlin War"), ("the Berlin", "the heat is here")]
    expected = SentenceTransformersCrossEncoder(str(folder), device="cpu").predict(pairs)
    np.testing.assert_allclose(CrossEncoder(folder).predict(pairs), expected, atol=1e-5)


def test_a_bi_encoder_is_sent_to_the_right_door(tmp_path: Path) -> None:
    folder = checkpoints.base_transformer(tmp_path)
    modules = ["base.modules.transformer.Transformer", "sentence_transformer.modules.pooling.Pooling"]
    rows = [
        f'{{"idx": {i}, "path": "{i or ""}", "type": "sentence_transformers.{kind}"}}' for i, kind in enumerate(modules)
    ]
    (folder / "modules.json").write_text(f"[{', '.join(rows)}]")
    (folder / "1").mkdir()
    (folder / "1" / "config.json").write_text('{"pooling_mode": "mean", "embedding_dimension": 24}')
    with pytest.raises(CheckpointError, match=r"is a bi-encoder.*use secondpass\.BiEncoder"):
        CrossEncoder(folder)
    assert BiEncoder(folder).score("berlin", ["wall"]).shape == (1,)


def test_a_cross_encoder_is_sent_to_the_right_door(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is a cross-encoder.*use secondpass\.CrossEncoder"):
        BiEncoder(checkpoints.bert(tmp_path))


def test_poolings_it_does_not_know_are_refused(tmp_path: Path) -> None:
    base = checkpoints.base_transformer(tmp_path / "base")
    modules = [Transformer(str(base)), Pooling(24, pooling_mode="weightedmean")]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(tmp_path / "saved"))
    with pytest.raises(CheckpointError, match="pooling_mode must be one of"):
        BiEncoder(tmp_path / "saved")


@pytest.mark.parametrize("name", ["BigBird", "BigBirdPegasus"])
def test_attention_in_sparse_blocks(name: str, tmp_path: Path) -> None:
    """A short pair makes it full attention, for all pairs to come."""
    tokenizer = checkpoints.wordpiece(max_length=64)
    sizes = {"d_model": 24, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 40, "decoder_ffn_dim": 40}
    sizes |= {"encoder_attention_heads": 3, "decoder_attention_heads": 3}
    config = getattr(transformers, f"{name}Config")(
        **checkpoints.SMALL if name == "BigBird" else sizes,
        vocab_size=len(tokenizer),
        max_position_embeddings=64,
        num_labels=1,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )
    model = getattr(transformers, f"{name}ForSequenceClassification")(config)
    folder = checkpoints.save(tmp_path, model, tokenizer)
    with pytest.raises(CheckpointError, match='attention_type must be "original_full", got "block_sparse"'):
        CrossEncoder(folder)
    checkpoints.edit_json(folder / "config.json", attention_type="original_full")
    pairs = [("the wall", "berlin"), ("the wall", "people of the year and its revolution")]
    expected = SentenceTransformersCrossEncoder(str(folder), device="cpu").predict(pairs, batch_size=1)
    np.testing.assert_allclose(CrossEncoder(folder).predict(pairs), expected, atol=1e-5)


def test_a_causal_model_without_a_recipe(tmp_path: Path) -> None:
    folder = checkpoints.qwen3(tmp_path)
    checkpoints.edit_json(folder / "config.json", model_type="gpt2", architectures=["GPT2ForCausalLM"])
    with pytest.raises(CheckpointError, match="no prompt is known"):
        CrossEncoder(folder)


@pytest.mark.parametrize("content", ["{", "[1, 2]", '"text"'])
def test_a_config_that_is_no_json_object(content: str, tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    (folder / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"config\.json"):
        CrossEncoder(folder)


def test_an_unknown_architecture(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    checkpoints.edit_json(folder / "config.json", model_type="unheard_of")
    with pytest.raises(CheckpointError, match="unheard_of"):
        CrossEncoder(folder)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match="no folder"):
        CrossEncoder(tmp_path / "nothing")
    with pytest.raises(CheckpointNotFoundError, match=r"holds no config\.json"):
        CrossEncoder(tmp_path)


def test_names_that_are_of_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.touch()
    for name in (weights, "./model.safetensors", "model.safetensors"):
        with pytest.raises(CheckpointNotFoundError, match="; it is a file: name the folder that it is in"):
            CrossEncoder(name, local_files_only=True)
    with pytest.raises(CheckpointNotFoundError, match=r"'http://localhost:8080': RemoteScorer asks a service"):
        CrossEncoder("http://localhost:8080")
    with pytest.raises(
        CheckpointNotFoundError, match=r"'localhost:8080': the address of a service begins with http://"
    ):
        CrossEncoder("localhost:8080", local_files_only=True)


@pytest.mark.parametrize("name", ["~no-such-user/x", "~no-such-user", f"a/b/{'c' * 5000}"])
def test_names_that_no_folder_can_have(name: str) -> None:
    refused = pytest.raises(
        CheckpointNotFoundError, match="model must be a folder, a hub id or a bundled name; no folder"
    )
    with refused:
        CrossEncoder(name)
    with refused:
        BiEncoder(name)
    with refused:
        shared_cross_encoder(name)
    assert portable_name(name) == name
    with pytest.raises(CheckpointNotFoundError):
        CrossEncoder(f"secondpass/{'c' * 300}")


def test_an_empty_name_is_not_the_working_folder(folder_of: FolderOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder_of("bert"))
    for name in ("", " "):
        with pytest.raises(InputError, match=f"model must be a hub id, a folder or a bundled name, got '{name}'"):
            CrossEncoder(name)
    assert CrossEncoder(".", max_length=16).max_length == 16


def test_a_revision_of_what_is_no_repository(folder_of: FolderOf) -> None:
    for name in (str(folder_of("bert")), "secondpass/mini"):
        with pytest.raises(InputError, match=f"revision must be left out for {name}, .*, got 'v2'"):
            CrossEncoder(name, revision="v2")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"max_length": 513}, "max_length must be at most the 512 tokens .* can read, got 513"),
        ({"max_length": 3}, "max_length must be above the 3 special tokens of a pair, got 3"),
        ({"max_length": 4.5}, "max_length must be an integer or None, got float 4.5"),
        ({"activation": "softplus"}, 'activation must be one of "identity", "sigmoid" or None, got \'softplus\''),
        ({"label": 1}, "label must be 0, the only one, got 1"),
        ({"label": "yes"}, r"label must be one of \['LABEL_0'\], got 'yes'"),
        ({"dtype": "float64"}, 'dtype must be one of "float32", "bfloat16", "float16", "int8" or None, got'),
        ({"device": "cuda:99"}, "device must be one"),
        ({"device": "nowhere"}, "device must be a torch device"),
        ({"device": 0}, "device must be a name such as 'cuda:0', a torch.device, or a list, got int 0"),
        ({"device": []}, "device must name at least one device, got an empty list"),
        ({"batch_tokens": 0}, "batch_tokens must be at least 1, got 0"),
    ],
)
def test_options_that_break_a_rule(option: dict[str, object], message: str, folder_of: FolderOf) -> None:
    with pytest.raises(InputError, match=message):
        CrossEncoder(folder_of("bert"), **option)  # type: ignore[arg-type] # wrong on purpose
