"""Adapters in PEFT's format are scored as peft scores them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import peft_adapters
import pytest
import torch
import transformers
from safetensors.torch import load_file
from sentence_transformers import CrossEncoder as Reference
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import AutoModelForCausalLM

from secondpass import BiEncoder, CrossEncoder
from secondpass.checkpoint import SplitModel, WholeModel, load_checkpoint
from secondpass.options import ModelOptions
from secondpass.sentence_transformers import CrossEncoder as StandIn

peft = pytest.importorskip("peft", reason="peft is not installed")

PAIRS = [
    ("berlin", "the wall"),
    ("how many people live in berlin", "berlin has a population of three million people"),
    ("wall", "people"),
]


def assert_scores_as_peft(folder: Path, base: Path, **config: Any) -> None:
    expected = peft_adapters.logits_of(peft_adapters.load_applied(base, folder, **config), base, PAIRS).numpy()
    assert CrossEncoder(folder).logits(PAIRS) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("family", sorted(checkpoints.CLASSIFIERS))
def test_scores_are_those_of_peft(family: str, tmp_path: Path) -> None:
    base = checkpoints.CLASSIFIERS[family](tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora())
    assert_scores_as_peft(folder, base)
    assert np.abs(CrossEncoder(folder).logits(PAIRS) - CrossEncoder(base).logits(PAIRS)).max() > 1e-3
    packed = SplitModel if family != "mpnet" else WholeModel
    assert isinstance(load_checkpoint(str(folder), ModelOptions()).model, packed)


def test_what_stands_in_for_sentence_transformers_class_loads_one_by_its_folder(tmp_path: Path) -> None:
    base = checkpoints.CLASSIFIERS["bert"](tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora())
    np.testing.assert_allclose(StandIn(str(folder)).predict(PAIRS), CrossEncoder(folder).predict(PAIRS), atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"use_dora": True},
        {"use_rslora": True, "rank_pattern": {"query": 3}, "alpha_pattern": {"value": 5}},
        {"bias": "all"},
        {"target_modules": ["word_embeddings", "dense"]},
        {"modules_to_save": ["pooler"]},
        {"init_lora_weights": "pissa"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_lora_of_every_kind(settings: dict[str, Any], tmp_path: Path) -> None:
    base = checkpoints.bert(tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora(**settings))
    assert_scores_as_peft(folder, base)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("IA3Config", {"feedforward_modules": []}),
        ("LoHaConfig", {"r": 2}),
        ("OFTConfig", {"r": 0, "oft_block_size": 4}),
    ],
)
def test_other_kinds_that_can_be_merged(kind: str, settings: dict[str, Any], tmp_path: Path) -> None:
    base = checkpoints.bert(tmp_path / "base")
    made = getattr(peft, kind)(task_type="SEQ_CLS", target_modules=peft_adapters.ATTENTION, **settings)
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, made)
    assert_scores_as_peft(folder, base)


@pytest.mark.filterwarnings("ignore:.*does not say which one means relevant")
def test_the_adapter_brings_the_head(tmp_path: Path) -> None:
    base = checkpoints.base_transformer(tmp_path / "base")
    for n_labels in (1, 3):
        folder = peft_adapters.save_adapter(tmp_path / f"{n_labels}", base, peft_adapters.lora(), num_labels=n_labels)
        assert_scores_as_peft(folder, base, num_labels=n_labels)


def test_the_adapter_brings_a_head_of_other_labels(tmp_path: Path) -> None:
    base = checkpoints.bert(tmp_path / "base", n_labels=2)
    change = {"num_labels": 1, "ignore_mismatched_sizes": True}
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora(), **change)
    assert_scores_as_peft(folder, base, **change)


def test_base_and_adapter_in_one_folder(tmp_path: Path) -> None:
    base = checkpoints.bert(tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora())
    expected = CrossEncoder(folder).logits(PAIRS)
    both = Path(shutil.copytree(base, tmp_path / "both"))
    shutil.copytree(folder, both, dirs_exist_ok=True)
    shutil.rmtree(base)
    assert CrossEncoder(both).logits(PAIRS) == pytest.approx(expected, abs=1e-6)


def test_settings_and_tokenizer_beside_the_adapter_count_before_those_of_the_base(tmp_path: Path) -> None:
    base = checkpoints.bert(tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora())
    checkpoints.edit_json(base / "config.json", sentence_transformers={"activation_fn": "torch.nn.Identity"})
    checkpoints.wordpiece(max_length=30).save_pretrained(folder)
    model = CrossEncoder(folder)
    assert model.max_length == 30
    assert model.score("a", ["b"]) == model.logits([("a", "b")])[0]  # Identity, where others have Sigmoid
    (base / "modules.json").write_text("[]")
    checkpoints.edit_json(base / "sentence_bert_config.json", max_seq_length=40)
    assert CrossEncoder(folder).max_length == 40
    checkpoints.edit_json(folder / "sentence_bert_config.json", max_seq_length=20)
    assert CrossEncoder(folder).max_length == 20


def test_weights_in_a_pickle(tmp_path: Path) -> None:
    base = checkpoints.bert(tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora())
    expected = CrossEncoder(folder).logits(PAIRS)
    weights = folder / "adapter_model.safetensors"
    torch.save(load_file(weights), folder / "adapter_model.bin")
    weights.unlink()
    assert np.array_equal(CrossEncoder(folder).logits(PAIRS), expected)


def test_a_classifier_on_a_causal_model(tmp_path: Path) -> None:
    base = checkpoints.qwen3(tmp_path / "base")
    pad = {"num_labels": 1, "pad_token_id": 0}
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora(), **pad)
    expected = peft_adapters.logits_of(peft_adapters.load_applied(base, folder, **pad), base, PAIRS).numpy()
    assert CrossEncoder(folder).logits(PAIRS) == pytest.approx(expected, abs=1e-5)


def test_a_causal_reranker_whose_prompt_is_known(tmp_path: Path) -> None:
    base = checkpoints.qwen3_reranker(tmp_path / "base")
    settings = peft_adapters.lora(task_type="CAUSAL_LM")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, settings, auto=AutoModelForCausalLM)
    merged = tmp_path / "merged" / "Qwen" / "Qwen3-Reranker-0.6B"
    shutil.copytree(base, merged)
    applied = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)
    applied.merge_and_unload().save_pretrained(merged)
    expected = CrossEncoder(merged).logits(PAIRS)
    assert CrossEncoder(folder).logits(PAIRS) == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected - CrossEncoder(base).logits(PAIRS)).max() > 1e-3


def test_a_bi_encoder(tmp_path: Path) -> None:
    base = checkpoints.base_transformer(tmp_path / "base")
    settings = peft_adapters.lora(task_type="FEATURE_EXTRACTION")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, settings, auto=transformers.AutoModel)
    applied = peft.PeftModel.from_pretrained(transformers.AutoModel.from_pretrained(base), folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    with torch.inference_mode():
        vectors = [applied(**tokenizer(text, return_tensors="pt"))[0].mean(dim=1) for text in ("berlin", "the wall")]
    expected = torch.cosine_similarity(*vectors).numpy()
    assert BiEncoder(folder).score("berlin", ["the wall"]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("is_modular", [True, False])
def test_what_sentence_transformers_saves(is_modular: bool, tmp_path: Path) -> None:  # noqa: FBT001 - pytest gives it by name
    if is_modular:
        transformer = Transformer(str(checkpoints.base_transformer(tmp_path / "base")))
        scores = Dense(24, 1, activation_function=torch.nn.Identity(), module_output_name="scores")
        reference = Reference(modules=[transformer, Pooling(24, pooling_mode="cls"), scores], device="cpu")
        reference.add_adapter(peft_adapters.lora(task_type="FEATURE_EXTRACTION"))
    else:
        reference = Reference(str(checkpoints.bert(tmp_path / "base")), device="cpu")
        reference.add_adapter(peft_adapters.lora(modules_to_save=["classifier"]))
    learned = [weight for name, weight in reference.named_parameters() if "lora" in name or "to_save" in name]
    checkpoints.randomise(torch.nn.ParameterList(learned), seed=3)
    reference.save_pretrained(str(tmp_path / "saved"))
    assert not (tmp_path / "saved" / "config.json").exists()
    assert CrossEncoder(tmp_path / "saved").predict(PAIRS) == pytest.approx(reference.predict(PAIRS), abs=1e-5)


def test_the_fingerprint_covers_adapter_and_base(tmp_path: Path) -> None:
    base = checkpoints.bert(tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora())
    seen = [CrossEncoder(folder).fingerprint(), CrossEncoder(base).fingerprint()]
    checkpoints.edit_json(base / "config.json", layer_norm_eps=0.1)
    seen.append(CrossEncoder(folder).fingerprint())
    checkpoints.edit_json(folder / "adapter_config.json", lora_alpha=7)
    seen.append(CrossEncoder(folder).fingerprint())
    peft_adapters.rewrite(folder, lambda state: state.update({name: 2 * tensor for name, tensor in state.items()}))
    seen.append(CrossEncoder(folder).fingerprint())
    assert len(set(seen)) == 5
    assert CrossEncoder(folder).fingerprint() == seen[-1]


def test_loading_leaves_the_random_numbers_as_they_were(tmp_path: Path) -> None:
    base = checkpoints.base_transformer(tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora(), num_labels=1)
    before = torch.get_rng_state()
    CrossEncoder(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_only_an_adapter_imports_peft(tmp_path: Path) -> None:
    base = checkpoints.bert(tmp_path / "base")
    folder = peft_adapters.save_adapter(tmp_path / "adapter", base, peft_adapters.lora())
    program = (
        "import sys; from secondpass import CrossEncoder\n"
        "for name in sys.argv[1:]: CrossEncoder(name); print('peft' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, str(base), str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]
