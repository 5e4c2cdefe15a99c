"""Every contender scores the same pairs alike; one that cannot take part is left out with a reason."""

import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch
import transformers
from folders import FolderOf
from sentence_transformers import CrossEncoder as Reference
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.bench import (
    BASELINE,
    CONTENDERS,
    SHAPES,
    Contender,
    ScoreFunction,
    Setting,
    build_workloads,
    load_material,
    make_setting,
    save_random,
)
from secondpass.bench.contenders import is_installed, largest_difference, load, scores_of, select_contenders
from secondpass.bench.fresh_process import high_water_mib, peak_mib
from secondpass.bench.measure import measure
from secondpass.bench.peers.onnx import onnx_file
from secondpass.checkpoint.prompts import OneText, prompt_named
from secondpass.encoder.arithmetic.onednn import has_bfloat16
from secondpass.errors import InputError, RemoteCodeError

pytestmark = TRUNCATES

TOY_QWEN3 = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "intermediate_size": 48,
}

FLOAT32 = [contender for contender in CONTENDERS if "int8" not in contender.name and "float16" not in contender.name]

TRACED = pytest.mark.filterwarnings(  # what torch and transformers say when a peer exports a network
    "ignore::torch.jit.TracerWarning",
    "ignore:`torch.jit",
    "ignore:You are using the legacy TorchScript-based ONNX export",
    "ignore:The feature will be removed",  # of torch.onnx, inside itself
    "ignore:Exporting aten",
    "ignore:`is_gradient_checkpointing` is deprecated",
)


@TRACED
@pytest.mark.parametrize("family", ["bert", "xlm_roberta", "modernbert"])
def test_float32_contenders_agree(family: str, folder_of: FolderOf) -> None:
    folder = str(folder_of(family))
    setting = Setting(folder, "cpu", CrossEncoder(folder).max_length)
    requests = build_workloads(["mixed"], load_material(None), 24)[0].requests
    scorers = {contender.name: load(contender, setting) for contender in FLOAT32}
    scores = {name: scores_of(score, requests) for name, score in scorers.items() if not isinstance(score, str)}
    assert {contender.name for contender in FLOAT32 if all(map(is_installed, contender.needs))} == set(scores)
    assert {"secondpass float32", BASELINE, "transformers float32, one padded batch"} <= set(scores)
    assert np.ptp(scores[BASELINE]) > 1e-2
    for name, own in scores.items():
        assert own.shape == (24,), name
        assert largest_difference(own, scores[BASELINE]) < 1e-4, name


def test_code_of_a_checkpoint_runs_in_every_contender_or_in_none(tmp_path: Path) -> None:
    folder = str(checkpoints.with_code(checkpoints.bert(tmp_path)))
    with pytest.raises(RemoteCodeError, match="trust_remote_code=True"):
        make_setting(folder, device="cpu", max_length=64, batch_tokens=None)
    setting = make_setting(folder, device="cpu", max_length=64, batch_tokens=None, trust_remote_code=True)
    own = CrossEncoder(folder, activation="identity", trust_remote_code=True).predict([("berlin", "wall")])
    for name in ("secondpass float32", BASELINE, "transformers float32, one padded batch"):
        score = load(select_contenders([name])[0], setting)
        assert not isinstance(score, str), score
        assert score([("berlin", "wall")]) == pytest.approx(own, abs=1e-5)


@TRACED
@pytest.mark.parametrize("family", ["bert", "xlm_roberta", "modernbert"])
@pytest.mark.parametrize("name", ["onnxruntime int8, sorted", "openvino int8, sorted", "openvino bfloat16, sorted"])
def test_peers_in_few_bits_score_as_in_float32(name: str, family: str, folder_of: FolderOf) -> None:
    (peer,) = select_contenders([name])
    for module in peer.needs:
        pytest.importorskip(module)
    if "bfloat16" in name and not has_bfloat16():
        pytest.skip("this CPU would only emulate bfloat16")
    folder = str(folder_of(family))
    setting = Setting(folder, "cpu", CrossEncoder(folder).max_length)
    requests = build_workloads(["mixed"], load_material(None), 72)[0].requests  # three batches: 32, 32 and 8 pairs
    score, baseline = load(peer, setting), load(select_contenders([BASELINE])[0], setting)
    assert not isinstance(score, str), score
    assert not isinstance(baseline, str), baseline
    own, expected = scores_of(score, requests), scores_of(baseline, requests)
    # Rounding leaves a correlation of 0.98 to 1; scores out of order, a lost mask and lost token types 0.9 at most.
    assert np.corrcoef(own, expected)[0, 1] > 0.95
    assert largest_difference(own, expected) < 0.25 * np.ptp(expected)


@TRACED
def test_an_exported_network_is_removed_once_it_is_loaded(
    folder_of: FolderOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with onnx_file(Setting(str(folder_of("bert")), "cpu", 64)) as file:
        assert file.is_relative_to(tmp_path)
        assert file.stat().st_size > 10_000
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with pytest.raises((OSError, ValueError)), onnx_file(Setting(str(tmp_path / "model"), "cpu", 64)):
        pass
    assert list((tmp_path / "temporary").iterdir()) == []


@TRACED
@pytest.mark.parametrize("name", ["onnxruntime float32, one padded batch", "onnxruntime int8, sorted"])
def test_onnx_peers_score_without_their_files(
    name: str, folder_of: FolderOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (peer,) = select_contenders([name])
    for module in peer.needs:
        pytest.importorskip(module)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    score = load(peer, Setting(str(folder_of("bert")), "cpu", 64))
    assert not isinstance(score, str), score
    assert list(tmp_path.iterdir()) == []
    assert score([("berlin", "a wall"), ("berlin", "a year")]).shape == (2,)


def test_a_published_network_is_used_and_stays(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    published = tmp_path / "onnx" / "model.onnx"
    published.write_bytes(b"a network")
    with onnx_file(Setting(str(tmp_path), "cpu", 64)) as file:
        assert file == published
    assert published.read_bytes() == b"a network"


def test_a_missing_peer_is_left_out_with_a_reason() -> None:
    def never(_: Setting) -> ScoreFunction:
        raise AssertionError

    peer = Contender("peer", never, ("torch", "no_such_module.at_all"))
    assert load(peer, Setting("m", None, 8)) == "no_such_module.at_all is not installed"
    assert is_installed("torch.nn")
    assert not is_installed("torch.no_such_module")


def test_a_failing_peer_is_left_out_but_a_failure_of_ours_is_an_error() -> None:
    def broken(_: Setting) -> ScoreFunction:
        raise RuntimeError("no such\noperator")

    assert load(Contender("peer", broken), Setting("m", None, 8)) == "RuntimeError: no such operator"
    with pytest.raises(RuntimeError):
        load(Contender("secondpass float32", broken), Setting("m", None, 8))


def test_a_refused_precision_is_left_out_with_its_reason(folder_of: FolderOf) -> None:
    refused = Contender("secondpass int4", lambda s: CrossEncoder(s.model, dtype="int4").predict)  # type: ignore[arg-type]  # the mistake under test
    reason = load(refused, Setting(str(folder_of("bert")), "cpu", 64))
    assert isinstance(reason, str)
    assert reason.startswith('dtype must be one of "float32",')


@pytest.mark.parametrize("name", ["secondpass bfloat16", "sentence-transformers bfloat16", "openvino bfloat16, sorted"])
def test_no_contender_is_measured_in_emulated_bfloat16(
    name: str, folder_of: FolderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secondpass.encoder.arithmetic.onednn.has_bfloat16", lambda: False)
    (peer,) = select_contenders([name])
    setting = Setting(str(folder_of("bert")), "cpu", 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as outside of tests: nothing makes an error of a warning
        reason = load(Contender(peer.name, peer.load), setting)
    assert reason == "dtype 'bfloat16' is slow on this CPU, which has no instructions for it: use 'float32'"


def test_contenders_are_selected_by_part_of_their_name() -> None:
    names = [contender.name for contender in select_contenders(["secondpass float32", "one padded"])]
    assert names == [
        "secondpass float32",
        "transformers float32, one padded batch",
        "onnxruntime float32, one padded batch",
    ]
    assert select_contenders([]) == list(CONTENDERS)
    with pytest.raises(
        InputError, match=r"contender must be part of a name among 'secondpass float32', .*, got 'fast'"
    ):
        select_contenders(["fast"])


@pytest.mark.parametrize("shape", ["tinybert-l2", "tiny"])
def test_random_shapes_are_the_same_every_time(shape: str, tmp_path: Path) -> None:
    texts = ["one text", "another text"]
    for name in ("a", "b"):
        save_random(shape, tmp_path / name, texts)
    one, other = (CrossEncoder(tmp_path / name) for name in ("a", "b"))
    assert one.max_length == 512
    assert one.score("text", texts).tolist() == other.score("text", texts).tolist()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_names_the_sizes_of_a_config(shape: str) -> None:
    config = transformers.AutoConfig.for_model(**SHAPES[shape])
    assert config.hidden_size % config.num_attention_heads == 0


def test_a_shape_with_a_prompt_asks_as_its_model_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the sizes of a toy; both read the prompt that known.toml has."""
    monkeypatch.setitem(SHAPES, "qwen3-reranker-0.6b", SHAPES["qwen3-reranker-0.6b"] | TOY_QWEN3)
    save_random("qwen3-reranker-0.6b", tmp_path, ["one text", "another text"])
    model = CrossEncoder(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    prompt = prompt_named("qwen3-reranker")
    assert isinstance(prompt.body, OneText)
    body = prompt.body.text.format(instruction=prompt.instruction, query="one", document="another text")
    ids = tokenizer("".join((*prompt.before, body, *prompt.after)), add_special_tokens=False)["input_ids"]
    assert 50 < len(ids) < 90, "as many tokens as Qwen's own tokenizer makes of it"
    assert tokenizer.unk_token_id not in ids
    ours, reference = model.score("one", ["another text", "text"]), Reference(str(tmp_path), device="cpu")
    pairs = [("one", "another text"), ("one", "text")]
    np.testing.assert_allclose(ours, reference.predict(pairs), atol=1e-6)
    with torch.inference_mode():
        asked = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path)(torch.tensor([ids]))
    assert ours[0] == pytest.approx(asked.logits.sigmoid().item(), abs=1e-6)
    reasons = {contender.name: load(contender, Setting(str(tmp_path), "cpu", 512)) for contender in FLOAT32}
    assert callable(reasons[BASELINE])
    assert "chat template" in str(reasons["transformers float32, one padded batch"])


def test_mistakes_of_shape_and_tokenizer_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"shape must be one of tinybert-l2, .*, got 'huge'"):
        save_random("huge", tmp_path, [])
    with pytest.raises(InputError, match=r"tokenizer must be a folder with a tokenizer.json, got"):
        save_random("tiny", tmp_path, [], tmp_path)


def test_memory_is_that_of_a_process_of_its_own(folder_of: FolderOf) -> None:
    if high_water_mib() is None:
        pytest.skip("this system does not report it")
    ballast = np.ones(400 * 2**17)  # 400 MiB that the other process must not be charged with
    setting = Setting(str(folder_of("bert")), "cpu", 64)
    peak = peak_mib(CONTENDERS[0], setting, build_workloads(["passages"], load_material(None), 4)[0])
    ours = high_water_mib()
    assert ballast[-1] == 1
    assert peak is not None
    assert ours is not None
    assert 50 < peak < ours - 100


def test_memory_of_whoever_converts_the_checkpoint_first_is_not_measured(folder_of: FolderOf) -> None:
    """A process of its own would be charged with that, too."""
    setting = Setting(str(folder_of("bert")), "cpu", 64)
    contender = replace(CONTENDERS[0], converts=True)
    results = measure(setting, "tiny", build_workloads(["passages"], load_material(None), 4), [contender], repeats=1)
    assert [figure.peak_mib for figure in results.workloads[0].figures.values()] == [None]
