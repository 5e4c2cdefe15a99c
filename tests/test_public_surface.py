"""What the package shows on import, and what its scorers say of themselves."""

import pickle
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import pytest
from texts import AWKWARD
from truncation import TRUNCATES

import secondpass
from secondpass import BiEncoder, CrossEncoder
from secondpass.errors import InputError, InputTypeError
from secondpass.options import ModelOptions

pytestmark = TRUNCATES


@pytest.fixture(scope="module")
def bi_encoder(tmp_path_factory: pytest.TempPathFactory) -> BiEncoder:
    return BiEncoder(checkpoints.base_transformer(tmp_path_factory.mktemp("base")))


def test_every_public_name_is_there_and_completed_before_it_is_loaded() -> None:
    assert all(getattr(secondpass, name) is not None for name in secondpass.__all__)
    assert secondpass.__version__ == version("secondpass")
    code = "import secondpass, sys; print(set(secondpass.__all__) <= set(dir(secondpass)), 'torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert shown.stdout.split() == ["True", "False"]


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        secondpass.nothing  # type: ignore[attr-defined] # noqa: B018 - looking it up is the test


@pytest.mark.parametrize("name", ["name", "max_length", "labels", "dtype", "devices"])
def test_what_a_cross_encoder_says_of_itself_cannot_be_assigned(name: str) -> None:
    model = CrossEncoder("secondpass/mini")
    before = getattr(model, name)
    with pytest.raises(AttributeError):
        setattr(model, name, before)
    assert getattr(model, name) == before


@pytest.mark.parametrize("name", ["name", "max_length", "dtype", "devices"])
def test_what_a_bi_encoder_says_of_itself_cannot_be_assigned(bi_encoder: BiEncoder, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(bi_encoder, name, getattr(bi_encoder, name))


def test_a_bi_encoder_predicts_pairs_of_many_queries_as_it_scores_each(bi_encoder: BiEncoder) -> None:
    queries = ("berlin wall", "", "东京")
    scores = [bi_encoder.score(query, AWKWARD) for query in queries]
    stream = ((query, text) for query in queries for text in AWKWARD)
    predicted = bi_encoder.predict(stream)
    np.testing.assert_allclose(predicted, np.concatenate(scores), atol=1e-6)
    assert np.ptp(predicted) > 0.1, "scores that are all alike would agree with anything"
    assert bi_encoder.predict([]).shape == (0,)
    with pytest.raises(InputTypeError, match=r"pairs\[0\] must be a \(query, document\) pair"):
        bi_encoder.predict(["ab"])  # type: ignore[list-item] # what the check is for


def test_a_bi_encoder_travels_by_name_and_loads_again(bi_encoder: BiEncoder) -> None:
    pickled = pickle.dumps(bi_encoder)
    assert len(pickled) < 2000, "no weights in it"
    again = pickle.loads(pickled)  # noqa: S301 - our own
    np.testing.assert_array_equal(again.score("berlin", AWKWARD), bi_encoder.score("berlin", AWKWARD))
    assert again.fingerprint() == bi_encoder.fingerprint()


def test_a_bi_encoders_fingerprint_changes_with_what_changes_scores(bi_encoder: BiEncoder, tmp_path: Path) -> None:
    folder = bi_encoder.name
    other = checkpoints.base_transformer(tmp_path)
    checkpoints.edit_json(other / "config.json", hidden_dropout_prob=0.2)  # a file that differs
    assert BiEncoder(folder, batch_tokens=64).fingerprint() == bi_encoder.fingerprint()
    changed = {
        BiEncoder(folder, max_length=16).fingerprint(),
        BiEncoder(folder, document_model=other).fingerprint(),
        BiEncoder(other, document_model=folder).fingerprint(),
    }
    assert len(changed - {bi_encoder.fingerprint()}) == 3


def test_a_bi_encoder_shows_its_progress_only_when_asked(
    bi_encoder: BiEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    ranked = bi_encoder.rank("berlin", ["wall", "people"])
    assert capsys.readouterr().err == ""
    assert bi_encoder.rank("berlin", ["wall", "people"], show_progress=True) == ranked
    assert "2/2" in capsys.readouterr().err


def test_options_that_mean_nothing_to_a_bi_encoder_are_refused(bi_encoder: BiEncoder) -> None:
    with pytest.raises(InputError, match="activation, label must be left out: a bi-encoder has no use for it"):
        BiEncoder.from_options(bi_encoder.name, ModelOptions(activation="sigmoid", label=1))


@pytest.mark.parametrize("scorer", [CrossEncoder, BiEncoder])
@pytest.mark.parametrize("model", [3, None, ["secondpass/mini"], b"secondpass/mini"])
def test_a_model_that_is_not_a_name_is_refused(scorer: Any, model: object) -> None:
    with pytest.raises(InputTypeError, match="model must be a hub id, a folder or a bundled name, got "):
        scorer(model)


def test_a_model_loaded_by_a_relative_path_is_unpickled_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.bert(tmp_path / "cross")
    checkpoints.base_transformer(tmp_path / "bi")
    monkeypatch.chdir(tmp_path)
    models = CrossEncoder("cross"), BiEncoder("bi", document_model=Path("./bi"))
    pickled = [pickle.dumps(model) for model in models]
    monkeypatch.chdir("/")
    for model, data in zip(models, pickled, strict=True):
        again = pickle.loads(data)  # noqa: S301 - our own
        np.testing.assert_array_equal(again.score("berlin", AWKWARD), model.score("berlin", AWKWARD))
    assert models[0].name == "cross"


@pytest.mark.parametrize(
    ("query", "document", "message"),
    [
        ("q", "a \ud800 b", r"the document of pair 0 must be Unicode text, has the lone surrogate .* at character 2"),
        ("\udfff", "a", r"the query of pair 0 must be Unicode text, has the lone surrogate .* at character 0"),
    ],
)
def test_a_lone_surrogate_is_named(query: str, document: str, message: str, bi_encoder: BiEncoder) -> None:
    with pytest.raises(InputError, match=message):
        CrossEncoder("secondpass/mini").score(query, [document])
    with pytest.raises(InputError, match="the text of pair 0 must be Unicode text, has the lone surrogate"):
        bi_encoder.score(query, [document])


@pytest.mark.parametrize("document", ["a \ud800 b", "the wall fell. " * 200 + "\ud800"], ids=["short", "long"])
def test_a_lone_surrogate_is_named_where_a_document_is_divided(document: str, bi_encoder: BiEncoder) -> None:
    place = document.index("\ud800")
    for model in (CrossEncoder("secondpass/mini"), bi_encoder):
        message = rf"document must be Unicode text, has the lone surrogate '.ud800' at character {place}$"
        with pytest.raises(InputError, match=message):
            model.passages("q", document)
        with pytest.raises(InputError, match=r"query must be Unicode text, has the lone surrogate .* at character 1$"):
            model.passages("q\udfff", "a wall")


def test_loading_shows_no_bar_and_starts_no_thread(capfd: pytest.CaptureFixture[str]) -> None:
    before = set(threading.enumerate())
    CrossEncoder("secondpass/mini").score("berlin", ["wall"])
    assert capfd.readouterr() == ("", "")
    assert set(threading.enumerate()) <= before
