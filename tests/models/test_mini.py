"""The bundled model: its files, and its scores as plain transformers gives them."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from secondpass import CrossEncoder

FOLDER = Path(str(files("secondpass") / "models" / "mini"))
PAIRS = [
    ("how many people live in berlin", "Berlin had a population of 3,520,031 registered inhabitants in 2016."),
    ("how many people live in berlin", "Berlin is well known for its museums."),
    ("what causes anemia", "A lack of iron in the diet is the most common cause of anemia."),
    ("what causes anemia", ""),
]


def test_scores_are_pinned() -> None:
    """Made with AutoModelForSequenceClassification in float32 (transformers 5.23, torch 2.13), one pair at a time."""
    pinned = json.loads((Path(__file__).parent / "mini_scores.json").read_text())
    np.testing.assert_allclose(CrossEncoder("secondpass/mini").predict(PAIRS), pinned, atol=1e-4)


def test_plain_transformers_gives_the_same() -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForSequenceClassification.from_pretrained(FOLDER, dtype=torch.float32).eval()
    first, second = [list(side) for side in zip(*PAIRS, strict=True)]
    with torch.inference_mode():
        expected = model(**tokenizer(first, second, padding=True, return_tensors="pt")).logits[:, 0].numpy()
    # The pooling layer takes differences of large numbers, which lifts float32's rounding to some 1e-5 of a score.
    np.testing.assert_allclose(CrossEncoder("secondpass/mini").predict(PAIRS), expected, rtol=2e-5, atol=1e-5)


def test_the_answer_is_above_what_only_shares_words() -> None:
    scores = CrossEncoder("secondpass/mini").predict(PAIRS)
    assert scores[0] > scores[1]
    assert scores[2] > scores[3]


def test_it_fits_into_a_wheel_and_says_where_it_comes_from() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 50_000_000
    card = (FOLDER / "MODEL_CARD.md").read_text()
    for source in ("Natural Questions", "SQuAD", "MedQuAD", "COVID-QA", "SciTLDR", "SciFact", "CC BY-SA", "CC BY 4.0"):
        assert source in card
