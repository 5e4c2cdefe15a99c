"""A cross-encoder with a calibration: probabilities of its relevance logits, whatever its head and activation."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from checkpoints import base_transformer, edit_json
from folders import FolderOf
from hypothesis import given
from hypothesis import strategies as st
from judgements import platt

from secondpass import BiEncoder, Calibrated, Calibration, CrossEncoder, arank, rank
from secondpass.errors import InputError

TEXTS = ["the wall fell", "people of the year", "", "berlin", "a city in the revolution"]
PAIRS = [("berlin wall", text) for text in TEXTS]


def calibration_for(folder: Path, slope: float = 0.5) -> Calibration:
    return platt(slope, -1.0, CrossEncoder(folder, activation="identity").fingerprint())


def squashed(
    logits: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return 1 / (1 + np.exp(-(0.5 * logits.astype(np.float64) - 1.0)))


def test_it_reads_the_logit_of_a_checkpoint_whose_score_is_a_sigmoid(folder_of: FolderOf) -> None:
    folder = folder_of("bert")
    assert CrossEncoder(folder).fingerprint().endswith(" sigmoid")
    model = CrossEncoder(folder, calibration=calibration_for(folder))
    expected = squashed(model.logits(PAIRS)[:, 0])
    np.testing.assert_allclose(model.predict(PAIRS), expected, atol=1e-6)
    np.testing.assert_allclose(model.score("berlin wall", TEXTS), expected, atol=1e-6)
    assert {document.index: document.score for document in model.rank("berlin wall", TEXTS)} == pytest.approx(
        dict(enumerate(expected)), abs=1e-6
    )
    # The best passage of a document that fits is all of it.
    read = [passage and passage.score for passage in model.read(PAIRS).passages]
    assert read == [
        pytest.approx(score, abs=1e-6) if text else None for text, score in zip(TEXTS, expected, strict=True)
    ]
    (passage,) = model.passages("berlin wall", TEXTS[0])
    assert passage.score == pytest.approx(expected[0], abs=1e-6)


def test_of_two_labels_it_reads_their_difference(folder_of: FolderOf) -> None:
    folder = folder_of("capreolus")
    model = CrossEncoder(folder, label=1, calibration=platt(
        0.5, -1.0, CrossEncoder(folder, label=1, activation="identity").fingerprint()
    ))  # fmt: skip
    logits = model.logits(PAIRS)
    np.testing.assert_allclose(model.predict(PAIRS), squashed(logits[:, 1] - logits[:, 0]), atol=1e-6)
    with pytest.raises(InputError, match="calibration must be of this model and these settings"):
        CrossEncoder(folder, label=0, calibration=model.calibration)


@pytest.fixture(scope="module")
def plain_and_level(folder_of: FolderOf) -> tuple[CrossEncoder, CrossEncoder]:
    """A model's logits, and the same with one probability for all."""
    folder = folder_of("bert")
    level = Calibration.from_json(
        calibration_for(folder).as_json()
        | {"method": "isotonic", "parameters": {"logits": [-99, 99], "probabilities": [0.5, 0.5]}}
    )
    return CrossEncoder(folder, activation="identity"), CrossEncoder(folder, calibration=level)


@given(documents=st.lists(st.sampled_from([*TEXTS, "wall", "year of the people"]), max_size=8))
async def test_the_order_stays_where_probabilities_are_equal(
    plain_and_level: tuple[CrossEncoder, CrossEncoder], documents: list[str]
) -> None:
    plain, model = plain_and_level
    expected = [document.index for document in plain.rank("wall", documents)]
    for ranking in (
        model.rank("wall", documents),
        rank(model, "wall", documents),
        await arank(model, "wall", documents),
    ):
        assert [document.index for document in ranking] == expected
        assert all(document.score == 0.5 for document in ranking)


def test_it_comes_from_a_file_and_travels_in_a_pickle(folder_of: FolderOf, tmp_path: Path) -> None:
    folder, path = folder_of("bert"), tmp_path / "calibration.json"
    calibration_for(folder).save(path)
    model = CrossEncoder(folder, calibration=path)
    path.unlink()
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
    assert again.calibration == model.calibration == calibration_for(folder)
    np.testing.assert_array_equal(again.predict(PAIRS), model.predict(PAIRS))


def test_its_fingerprint_is_another_for_every_other_calibration(folder_of: FolderOf) -> None:
    folder = folder_of("bert")
    fingerprints = {
        CrossEncoder(folder).fingerprint(),
        CrossEncoder(folder, activation="identity").fingerprint(),
        CrossEncoder(folder, calibration=calibration_for(folder)).fingerprint(),
        CrossEncoder(folder, calibration=calibration_for(folder, 0.6)).fingerprint(),
    }
    assert len(fingerprints) == 4


@pytest.mark.filterwarnings("ignore:dtype 'bfloat16' is slow on this CPU")
def test_another_models_calibration_is_refused(folder_of: FolderOf, tmp_path: Path) -> None:
    import shutil

    folder = folder_of("bert")
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    edit_json(other / "config.json", hidden_dropout_prob=0.2)  # a file that differs
    calibration = calibration_for(folder)
    for arguments, reason in (
        ({"model": other}, "it was fitted for"),
        ({"model": folder, "max_length": 32}, "it was fitted with max_length 512, this has 32"),
    ):
        with pytest.raises(InputError, match=f"calibration must be of this model and these settings: {reason}"):
            CrossEncoder(**arguments, calibration=calibration)
    # Half precision is the same model.
    CrossEncoder(folder, dtype="bfloat16", calibration=calibration)
    with pytest.raises(InputError, match="give activation or calibration, got both"):
        CrossEncoder(folder, activation="sigmoid", calibration=calibration)
    with pytest.raises(InputError, match="calibration must say which model it was fitted for"):
        CrossEncoder(folder, calibration=platt())


def test_a_checkpoint_of_an_unknown_activation_has_logits_to_calibrate(folder_of: FolderOf, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(folder_of("bert"), tmp_path / "unknown"))
    edit_json(folder / "config.json", sentence_transformers={"activation_fn": "torch.nn.GELU"})
    model = CrossEncoder(folder, calibration=calibration_for(folder))
    np.testing.assert_allclose(model.predict(PAIRS), squashed(model.logits(PAIRS)[:, 0]), atol=1e-6)


def test_similarities_of_a_bi_encoder_are_calibrated_from_outside(tmp_path: Path) -> None:
    model = BiEncoder(base_transformer(tmp_path))
    scorer = Calibrated(model, platt(0.5, -1.0, model.fingerprint()))
    np.testing.assert_allclose(scorer.predict(PAIRS), squashed(model.predict(PAIRS)), atol=1e-6)
    with pytest.raises(InputError, match="calibration must be of this model"):
        Calibrated(model, platt(0.5, -1.0, "another"))
