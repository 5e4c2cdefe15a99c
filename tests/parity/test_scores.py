"""float32 scores equal the reference to 1e-5, in every layout, over awkward texts and tight limits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
import torch
from compare import assert_scores
from folders import FolderOf
from gte_checkpoint import gte
from sentence_transformers import CrossEncoder as Reference
from texts import AWKWARD, PAIRS, SHORT_PAIRS
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BatchEncoding,
    BertTokenizer,
    DistilBertConfig,
    DistilBertModel,
    ElectraForSequenceClassification,
    PreTrainedTokenizerBase,
)
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.errors import InputError
from secondpass.options import DType

pytestmark = TRUNCATES


def read(tokenizer: PreTrainedTokenizerBase, pair: tuple[str, str], max_length: int = 512) -> BatchEncoding:
    """One pair as the model cards read theirs: in lists, which for an empty document makes a difference."""
    query, document = pair
    encoded: BatchEncoding = tokenizer([query], [document], truncation=True, max_length=max_length, return_tensors="pt")
    return encoded


def transformers_logits(folder: Path, pairs: tuple[tuple[str, str], ...], max_length: int) -> torch.Tensor:
    """The model cards' own code, one pair at a time so that nothing is padded."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        return torch.cat([model(**read(tokenizer, pair, max_length)).logits for pair in pairs])


@pytest.mark.parametrize("family", checkpoints.CLASSIFIERS)
def test_logits_equal_transformers_for_every_pair_of_awkward_texts(family: str, folder_of: FolderOf) -> None:
    folder = folder_of(family)
    model = CrossEncoder(folder, activation="identity")
    expected = transformers_logits(folder, PAIRS, model.max_length)
    assert_scores(model.predict(PAIRS), expected[:, 0].numpy())
    assert expected.std() > 0.01, "a model whose scores are all alike would agree with anything"


@pytest.mark.parametrize("family", checkpoints.CLASSIFIERS)
@pytest.mark.parametrize("max_length", [5, 8, 33])
def test_tight_limits_cut_as_transformers_does(family: str, max_length: int, folder_of: FolderOf) -> None:
    folder = folder_of(family)
    model = CrossEncoder(folder, activation="identity", max_length=max_length)
    expected = transformers_logits(folder, SHORT_PAIRS, max_length)
    assert_scores(model.predict(SHORT_PAIRS), expected[:, 0].numpy())


@pytest.mark.parametrize("family", checkpoints.CLASSIFIERS)
def test_scores_equal_sentence_transformers_with_the_checkpoints_own_activation(
    family: str, folder_of: FolderOf
) -> None:
    folder = folder_of(family)
    # deberta-v2 states no token limit that sentence-transformers would apply without an argument
    model = CrossEncoder(folder, max_length=96)
    reference = Reference(str(folder), max_length=96, device="cpu")
    assert_scores(model.predict(PAIRS), reference.predict(list(PAIRS)))


@pytest.mark.parametrize("layout", ["4.x", "old", "6.x"])
@pytest.mark.parametrize("activation", ["linear.Identity", "activation.Sigmoid"])
def test_every_sentence_transformers_layout_keeps_its_activation(layout: str, activation: str, tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path / "plain")
    path = f"torch.nn.modules.{activation}"
    if layout == "old":
        checkpoints.edit_json(folder / "config.json", sbert_ce_default_activation_function=path)
    elif layout == "4.x":
        checkpoints.edit_json(folder / "config.json", sentence_transformers={"version": "5.1.0", "activation_fn": path})
    else:
        saved = tmp_path / "saved"
        kinds = {"linear.Identity": nn.Identity(), "activation.Sigmoid": nn.Sigmoid()}
        Reference(str(folder), activation_fn=kinds[activation], max_length=200).save_pretrained(str(saved))
        folder = saved
    expected = Reference(str(folder), device="cpu").predict(list(PAIRS))
    model = CrossEncoder(folder)
    assert_scores(model.predict(PAIRS), expected)
    is_probability = bool((expected >= 0).all() and (expected <= 1).all())
    assert is_probability == (activation == "activation.Sigmoid")


def test_the_modular_layout_equals_sentence_transformers(tmp_path: Path) -> None:
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling

    base = checkpoints.base_transformer(tmp_path / "base")
    for pooling in ("cls", "mean"):
        layers = [
            Dense(24, 20, activation_function=nn.GELU(), bias=False),
            LayerNorm(20),
            Dense(20, 1, activation_function=nn.Identity(), module_output_name="scores"),
        ]
        for seed, layer in enumerate(layers):
            checkpoints.randomise(layer, seed)
        modules = [Transformer(str(base)), Pooling(24, pooling_mode=pooling), *layers]
        reference = Reference(modules=modules, activation_fn=nn.Identity(), device="cpu")
        reference.save_pretrained(str(tmp_path / pooling))
        model = CrossEncoder(tmp_path / pooling)
        assert_scores(model.predict(PAIRS), reference.predict(list(PAIRS)))


def test_modules_on_a_causal_model_read_two_texts_and_no_prompt_of_another_family(tmp_path: Path) -> None:
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    head = Dense(24, 1, activation_function=nn.Identity(), module_output_name="scores")
    checkpoints.randomise(head, 0)
    modules = [Transformer(str(checkpoints.qwen3(tmp_path / "base"))), Pooling(24, pooling_mode="mean"), head]
    Reference(modules=modules, activation_fn=nn.Identity(), device="cpu").save_pretrained(str(tmp_path / "saved"))
    checkpoints.edit_json(tmp_path / "saved/config.json", architectures=["Qwen3ForCausalLM"])
    reference = Reference(str(tmp_path / "saved"), device="cpu", max_length=128)
    pairs = [pair for pair in SHORT_PAIRS if all(pair)]
    assert_scores(CrossEncoder(tmp_path / "saved", max_length=128).predict(pairs), reference.predict(pairs))


def test_prompts_go_before_the_query_as_in_sentence_transformers(tmp_path: Path) -> None:
    folder, saved = checkpoints.bert(tmp_path / "plain"), tmp_path / "saved"
    prompts = {"rerank": "Find what answers: "}
    Reference(str(folder), prompts=prompts, default_prompt_name="rerank").save_pretrained(str(saved))
    expected = Reference(str(saved), device="cpu").predict(list(PAIRS))
    assert_scores(CrossEncoder(saved).predict(PAIRS), expected)
    assert not np.allclose(expected, CrossEncoder(folder).predict(PAIRS), atol=1e-3)


def test_an_instruction_takes_the_place_of_the_prompt_before_the_query(tmp_path: Path) -> None:
    folder, saved = checkpoints.bert(tmp_path / "plain"), tmp_path / "saved"
    with pytest.raises(InputError, match=r"instruction must be left out for .* has no place for one"):
        CrossEncoder(folder, instruction="Find what answers: ")
    Reference(str(folder), prompts={"rerank": "Find: "}, default_prompt_name="rerank").save_pretrained(str(saved))
    reference = Reference(str(saved), device="cpu")
    for instruction in ("Find what contradicts: ", ""):
        expected = reference.predict(list(SHORT_PAIRS), prompt=instruction, show_progress_bar=False)
        model = CrossEncoder(saved, instruction=instruction)
        assert_scores(model.predict(SHORT_PAIRS), expected)
        assert model.fingerprint() != CrossEncoder(saved).fingerprint()


def test_bert_cat_equals_a_forward_written_from_its_description(folder_of: FolderOf) -> None:
    folder = folder_of("bert_cat")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    inner = DistilBertModel(
        DistilBertConfig(
            dim=24,
            n_layers=2,
            n_heads=3,
            hidden_dim=40,
            vocab_size=state["bert_model.embeddings.word_embeddings.weight"].shape[0],
        )
    ).eval()
    inner.load_state_dict({k.removeprefix("bert_model."): v for k, v in state.items() if k.startswith("bert_model.")})
    weight, bias = (state[f"_classification_layer.{name}"] for name in ("weight", "bias"))
    tokenizer = BertTokenizer.from_pretrained(folder)
    expected = []
    with torch.inference_mode():
        for pair in PAIRS:
            inputs = read(tokenizer, pair)
            states = inner(inputs["input_ids"], inputs["attention_mask"]).last_hidden_state
            expected.append(float(states[0, 0] @ weight[0] + bias))
    assert_scores(CrossEncoder(folder).predict(PAIRS), expected)  # its authors publish logits
    assert_scores(CrossEncoder(folder, activation="sigmoid").predict(PAIRS), 1 / (1 + np.exp(-np.array(expected))))


def test_capreolus_reads_out_proj_of_cls_and_nothing_between(folder_of: FolderOf) -> None:
    folder = folder_of("capreolus")
    whole = ElectraForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    with torch.inference_mode():
        for pair in PAIRS:
            inputs = read(tokenizer, pair)
            rows.append(whole.classifier.out_proj(whole.electra(**inputs).last_hidden_state[0, 0]))
    expected = torch.stack(rows).numpy()
    model = CrossEncoder(folder)
    assert_scores(model.logits(PAIRS), expected)
    assert_scores(model.predict(PAIRS), expected[:, 1] - expected[:, 0])
    plain = transformers_logits(folder, PAIRS, 512).numpy()
    assert not np.allclose(expected, plain, atol=1e-2), "the usual head would have to give other scores"


@pytest.mark.parametrize("n_labels", [2, 3])
def test_several_labels_score_by_the_relevant_ones_probability(n_labels: int, tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path, n_labels=n_labels)
    logits = transformers_logits(folder, PAIRS, 512)
    assert_scores(CrossEncoder(folder, label=1).logits(PAIRS), logits.numpy())
    for label in range(n_labels):
        probability = logits.softmax(dim=1)[:, label].numpy()
        scores = CrossEncoder(folder, label=label, activation="sigmoid").predict(PAIRS)
        assert_scores(scores, probability)


def test_qwen3_reranker_equals_its_cards_code(folder_of: FolderOf) -> None:
    """The reference follows the code on the card of Qwen/Qwen3-Reranker-0.6B, step by step."""
    folder = folder_of("qwen3_reranker")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    system = (
        "Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
        'Note that the answer can only be "yes" or "no".'
    )
    prefix = tokenizer.encode(f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n", add_special_tokens=False)
    suffix = tokenizer.encode("<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n", add_special_tokens=False)
    instruction = "Given a web search query, retrieve relevant passages that answer the query"
    yes, no = tokenizer.convert_tokens_to_ids("yes"), tokenizer.convert_tokens_to_ids("no")
    expected = []
    with torch.inference_mode():
        for query, document in PAIRS[::4]:
            body = f"<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}"
            room = 600 - len(prefix) - len(suffix)
            ids = tokenizer(body, truncation=True, max_length=room, add_special_tokens=False)["input_ids"]
            logits = model(torch.tensor([prefix + ids + suffix])).logits[0, -1]
            expected.append(torch.stack([logits[no], logits[yes]]).softmax(0)[1].item())
    scores = CrossEncoder(folder, activation="sigmoid").predict(PAIRS[::4])
    assert_scores(scores, expected)


def test_pickled_weights_score_as_safetensors_do(tmp_path: Path) -> None:
    folder = checkpoints.bert(tmp_path)
    expected = CrossEncoder(folder).predict(PAIRS)
    # Not bit for bit: how a CPU library adds up depends on where in memory the numbers lie.
    np.testing.assert_allclose(CrossEncoder(checkpoints.to_bin(folder)).predict(PAIRS), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_act": "relu"},
        {"hidden_act": "gelu_new"},
        {"num_attention_heads": 1, "num_hidden_layers": 1},
        {"hidden_size": 36, "num_attention_heads": 6, "intermediate_size": 10},
        {"pad_token_id": 7},
        {"layer_norm_eps": 1e-3},
        {"max_position_embeddings": 40},
    ],
    ids=str,
)
def test_odd_configurations_equal_transformers(options: dict[str, Any], tmp_path: Path) -> None:
    max_length = int(options.get("max_position_embeddings", 512))
    folder = checkpoints.bert(tmp_path, max_length=max_length, **options)
    model = CrossEncoder(folder, activation="identity")
    assert model.max_length == max_length
    expected = transformers_logits(folder, PAIRS, max_length)
    assert_scores(model.predict(PAIRS), expected[:, 0].numpy())


@pytest.mark.parametrize("pad_id", [1, 4])
def test_positions_that_count_from_the_padding_id(pad_id: int, tmp_path: Path) -> None:
    folder = checkpoints.xlm_roberta(tmp_path, pad_token_id=pad_id, max_position_embeddings=64)
    model = CrossEncoder(folder, activation="identity")
    assert model.max_length == 64 - (pad_id + 1)
    expected = transformers_logits(folder, PAIRS, model.max_length)
    assert_scores(model.predict(PAIRS), expected[:, 0].numpy())


@pytest.mark.filterwarnings("ignore:dtype '.*' is slow on this CPU")
@pytest.mark.parametrize("family", ["bert", "xlm_roberta", "modernbert_mean", "deberta_v2"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.15), ("float16", 0.02)])
def test_half_precision_stays_near_float32(family: str, dtype: str, tolerance: float, folder_of: FolderOf) -> None:
    """Tolerances: about eight times the format's spacing at the scores' size, far below what a wrong mask changes."""
    folder = folder_of(family)
    exact = CrossEncoder(folder, activation="identity").score("berlin", AWKWARD)
    rough = CrossEncoder(folder, activation="identity", dtype=dtype).score("berlin", AWKWARD)  # type: ignore[arg-type] # a Literal
    assert rough.dtype == np.float32
    assert_scores(rough, exact, tolerance=tolerance * max(1.0, float(np.abs(exact).max())))


@pytest.mark.filterwarnings("ignore:dtype '.*' is slow on this CPU")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("build", [checkpoints.bert, gte])
def test_a_head_within_its_transformer_stays_in_float32_where_that_is_not_packed(
    build: Callable[..., Path], dtype: DType, tmp_path: Path
) -> None:
    folder = build(tmp_path, hidden_act="mish")
    exact, model = (CrossEncoder(folder, activation="identity", dtype=each) for each in ("float32", dtype))
    assert_scores(model.predict(SHORT_PAIRS), exact.predict(SHORT_PAIRS), tolerance=0.1)
