"""Padding reaches no score: models that hold it off are known or found out, and the others never see any."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
import torch
import transformers
from compare import assert_scores
from sentence_transformers import CrossEncoder as Reference
from texts import AWKWARD
from transformers import AutoConfig, AutoModelForSequenceClassification
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.encoder import TokenBatch
from secondpass.encoder.padded import PaddedClassifier
from secondpass.encoder.padding_leaks import VERIFIED, padding_leaks
from secondpass.encoder.pairs_apart import Apart

pytestmark = TRUNCATES

# Of the smallest size that each architecture takes, under every name that one of them uses.
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "dim": 32,
    "embedding_size": 32,
    "intermediate_size": 48,
    "hidden_dim": 48,
    "num_hidden_layers": 2,
    "n_layers": 2,
    "num_attention_heads": 2,
    "n_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 60,
    "max_position_embeddings": 80,
    "num_labels": 1,
    "pad_token_id": 0,
    "head_dim": 16,
    "relative_attention": True,
    "position_biased_input": False,
    "pos_att_type": ["p2c", "c2p"],
    "bos_token_id": 1,
    "eos_token_id": 2,
    "cls_token_id": 1,
    "sep_token_id": 2,
    "local_attention": 16,
}


def batch() -> TokenBatch:
    lengths = (41, 41, 17, 5)
    generator = torch.Generator().manual_seed(0)
    return TokenBatch(
        torch.randint(3, 60, (sum(lengths),), generator=generator), torch.zeros(sum(lengths), dtype=torch.long), lengths
    )


def classifier(model_type: str) -> PaddedClassifier:
    sizes = {
        name: value for name, value in SIZES.items() if model_type == "distilbert" or name not in ("dim", "hidden_dim")
    }
    config = AutoConfig.for_model(model_type, **sizes)
    model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32).eval()
    checkpoints.randomise(model)
    return PaddedClassifier(model, reads_types=True)


@pytest.mark.parametrize("model_type", sorted(VERIFIED))
def test_types_that_are_taken_on_trust_hold_padding_off(model_type: str) -> None:
    encoder = classifier(model_type)
    with torch.inference_mode():
        assert encoder(batch()).std() > 0.05, "outputs that are all alike would agree with anything"
    assert not padding_leaks(encoder, batch())


@pytest.mark.parametrize("name", ["ConvBert", "Funnel", "Nystromformer"])
@pytest.mark.parametrize("max_length", [12, 128])
def test_scores_of_models_that_leak_padding_do_not_depend_on_company(
    max_length: int, name: str, tmp_path: Path
) -> None:
    """With few tokens the pairs that a model is tried with when it is loaded are all of one length."""
    sizes: dict[str, Any] = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 40}
    sizes |= {"block_sizes": [1, 1]} if name == "Funnel" else {"num_hidden_layers": 3, "embedding_size": 32}
    config = getattr(transformers, f"{name}Config")(
        **sizes, vocab_size=600, max_position_embeddings=130, num_labels=1, pad_token_id=0
    )
    model = getattr(transformers, f"{name}ForSequenceClassification")(config)
    folder = checkpoints.save(tmp_path, model, checkpoints.wordpiece(max_length=max_length))
    loaded = CrossEncoder(folder, batch_tokens=4096)
    alone = [float(loaded.score("berlin", [text])[0]) for text in AWKWARD]
    assert_scores(loaded.score("berlin", AWKWARD), alone)
    reference = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        expected = [
            torch.sigmoid(
                reference(**tokenizer(["berlin"], [text], truncation=True, return_tensors="pt")).logits
            ).item()
            for text in AWKWARD
        ]
    assert_scores(alone, expected)
    assert np.std(expected) > 1e-3, "scores that are all alike would agree with anything"


def test_a_model_without_one_table_of_embeddings_is_scored(tmp_path: Path) -> None:
    sizes: dict[str, Any] = {
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 40,
    }
    sizes |= {"max_position_embeddings": 256, "num_labels": 1}
    model = transformers.CanineForSequenceClassification(transformers.CanineConfig(**sizes))
    folder = checkpoints.save(tmp_path, model, checkpoints.wordpiece(max_length=128))
    pairs = [("berlin", text) for text in ("the wall", "people of the year and its revolution", "a " * 60)]
    expected = Reference(str(folder), device="cpu").predict(pairs, batch_size=1)
    assert np.std(expected) > 1e-3, "scores that are all alike would agree with anything"
    assert_scores(CrossEncoder(folder).predict(pairs), expected)


@pytest.mark.parametrize("name", ["Albert", "Deberta", "MPNet"])
def test_scores_do_not_depend_on_company_where_the_tokenizer_pads_on_the_left(name: str, tmp_path: Path) -> None:
    """Positions count from the first column of a batch, as it is padded, in these."""
    tokenizer = checkpoints.wordpiece(max_length=64)
    config = getattr(transformers, f"{name}Config")(
        **checkpoints.SMALL,
        embedding_size=24,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        num_labels=1,
    )
    model = getattr(transformers, f"{name}ForSequenceClassification")(config)
    folder = checkpoints.save(tmp_path, model, tokenizer)
    checkpoints.edit_json(folder / "tokenizer_config.json", padding_side="left")
    pairs = [("berlin", text) for text in AWKWARD]
    expected = Reference(str(folder), device="cpu").predict(pairs, batch_size=1)
    assert np.std(expected) > 1e-3, "scores that are all alike would agree with anything"
    assert_scores(CrossEncoder(folder).predict(pairs), expected)


@pytest.fixture(params=["Llama", "Phi3"])
def longrope(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A checkpoint whose positions are others in passes with a pair of more than 24 tokens."""
    name: str = request.param
    tokenizer = checkpoints.wordpiece(max_length=256)
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10_000.0,
        "short_factor": [1.0] * 4,
        "long_factor": [1.5, 2.0, 3.0, 4.0],
        "original_max_position_embeddings": 24,
    }
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40}
    config = getattr(transformers, f"{name}Config")(
        **sizes,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        num_key_value_heads=3,
        max_position_embeddings=256,
        original_max_position_embeddings=24,
        rope_parameters=rope,
        num_labels=1,
    )
    return checkpoints.save(tmp_path, getattr(transformers, f"{name}ForSequenceClassification")(config), tokenizer)


def test_long_pairs_do_not_change_the_positions_of_short_ones(longrope: Path) -> None:
    pairs = [("berlin", "the wall and its people " * n) for n in (0, 1, 2, 3, 4, 5, 6, 10, 1)]
    expected = Reference(str(longrope), device="cpu").predict(pairs, batch_size=1)
    assert np.std(expected) > 1e-3, "scores that are all alike would agree with anything"
    model = CrossEncoder(longrope)
    assert_scores(model.predict(pairs), expected)
    assert_scores([float(model.predict([pair])[0]) for pair in pairs], expected)


def test_long_pairs_in_another_thread_do_not_change_the_positions_of_short_ones(longrope: Path) -> None:
    pairs = [("berlin", "the wall"), ("berlin", "the wall and its people " * 40)] * 60
    model = CrossEncoder(longrope)
    expected = [float(model.predict([pair])[0]) for pair in pairs[:2]] * 60
    with ThreadPoolExecutor(6) as executor:
        scores = list(executor.map(lambda pair: float(model.predict([pair])[0]), pairs))
    assert_scores(scores, expected)


@pytest.mark.parametrize("name", ["Bart", "T5"])
def test_an_end_token_that_is_written_out_takes_no_other_pair_with_it(name: str, tmp_path: Path) -> None:
    tokenizer = checkpoints.roberta_tokenizer(max_length=128)
    sizes = {"d_model": 24, "d_kv": 8, "d_ff": 40, "num_layers": 2, "num_heads": 3, "feed_forward_proj": "relu"}
    sizes |= {f"{side}_{part}": n for side in ("encoder", "decoder") for part, n in (("layers", 2), ("ffn_dim", 40))}
    sizes |= {"encoder_attention_heads": 3, "decoder_attention_heads": 3}
    ids = {"pad_token_id": tokenizer.pad_token_id, "decoder_start_token_id": 0}
    ids["eos_token_id"] = tokenizer.convert_tokens_to_ids("</s>")
    config = getattr(transformers, f"{name}Config")(vocab_size=len(tokenizer), num_labels=1, **ids, **sizes)
    folder = checkpoints.save(tmp_path, getattr(transformers, f"{name}ForSequenceClassification")(config), tokenizer)
    texts = ["plain", "has </s> inside", "people of the year", "</s></s>", "the wall"]
    model = CrossEncoder(folder)
    alone = [float(model.score("berlin", [text])[0]) for text in texts]
    assert np.std(alone) > 1e-3, "scores that are all alike would agree with anything"
    assert_scores(model.score("berlin", texts), alone)


def test_a_model_that_leaks_is_found_out() -> None:
    def leaking(tokens: TokenBatch) -> torch.Tensor:
        return torch.full((len(tokens.lengths), 1), float(max(tokens.lengths)))

    assert padding_leaks(leaking, batch())
    assert Apart(leaking, lambda pairs: pairs.lengths)(batch()).flatten().tolist() == [41.0, 41.0, 17.0, 5.0]
