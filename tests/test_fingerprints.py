"""What scores depend on: the text that is kept beside them, whether two of them are of one model, and what differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.fingerprints import (
    CascadeFingerprint,
    Fingerprint,
    TeiFingerprint,
    WindowSettings,
    difference,
    same_but_for_rounding,
)

FILES, OTHER = "a" * 64, "b" * 64
WINDOWS = "windows rules 1 None max"

# As earlier versions have written them beside scores.
TEXTS = {
    f"{FILES} float32 512 0 identity": Fingerprint(
        files=(FILES,), precision="float32", max_length=512, label=0, unit="identity"
    ),
    f"{FILES} int8 rules 3 float32:layers.5.attention float32:head 256 1 calibration:0123456789abc {WINDOWS} 'a b'": (
        Fingerprint(
            files=(FILES,),
            precision="int8 rules 3",
            float32_parts=("layers.5.attention", "head"),
            max_length=256,
            label=1,
            unit="calibration:0123456789abc",
            windows=WindowSettings("rules 1", None, "max"),
            instruction="a b",
        )
    ),
    f"{FILES} bfloat16 512 0 sigmoid windows rules 1 64 mean-top-3 sigmoid:1.0": Fingerprint(
        files=(FILES,),
        precision="bfloat16",
        max_length=512,
        label=0,
        unit="sigmoid",
        windows=WindowSettings("rules 1", 64, "mean-top-3"),
        mapped_by=("sigmoid:1.0",),
    ),
    f"{FILES} {OTHER} float32 float32:document.head 128 cosine {WINDOWS}": Fingerprint(
        files=(FILES, OTHER),
        precision="float32",
        float32_parts=("document.head",),
        max_length=128,
        label=None,
        unit="cosine",
        windows=WindowSettings("rules 1", None, "max"),
    ),
}


@pytest.mark.parametrize(("text", "value"), TEXTS.items())
def test_texts_are_those_of_earlier_versions(text: str, value: Fingerprint) -> None:
    assert str(value) == text
    assert Fingerprint.parse(text) == value


@given(
    st.builds(
        Fingerprint,
        files=st.sampled_from([(FILES,), (FILES, OTHER)]),
        precision=st.sampled_from(["float32", "int8 rules 3"]),
        max_length=st.integers(1, 9999),
        label=st.integers(0, 3),
        unit=st.just("identity"),
        windows=st.none()
        | st.builds(WindowSettings, st.just("rules 1"), st.none() | st.integers(0, 99), st.just("max")),
        instruction=st.none() | st.text(st.characters()) | st.text("' \\\"ax float32"),
        mapped_by=st.sampled_from([(), ("sigmoid:1.0",), ("sigmoid:1.0", "calibration:0123456789abcdef")]),
    )
)
def test_a_text_says_what_its_value_says(value: Fingerprint) -> None:
    text = str(value)
    assert Fingerprint.parse(text) == value
    for keep in ((20,), (0.2, 3), (1e-07,)):
        cascade = CascadeFingerprint(keep, (text, "another's text, of 'its' own", text))
        assert CascadeFingerprint.parse(str(cascade)) == cascade


def in_cascade(model: str) -> str:
    return str(CascadeFingerprint((20,), (f"{OTHER} float32 512 0 identity", model)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (f"{FILES} float32 512 0 identity", f"{FILES} bfloat16 float32:head 512 0 identity", True),
        (f"{FILES} float32 512 0 identity", f"{FILES} float16 512 0 identity", True),
        (f"{FILES} float32 512 0 identity", f"{FILES} int8 rules 3 512 0 identity", False),
        (f"{FILES} int8 rules 2 512 0 identity", f"{FILES} int8 rules 3 512 0 identity", False),
        (f"{FILES} float32 512 cosine", f"{FILES} float16 512 cosine", True),
        (
            f"{FILES} float32 512 0 identity 'prefer float32 kernels'",
            f"{FILES} float32 512 0 identity 'prefer float16 kernels'",
            False,
        ),
        (
            f"{FILES} float32 512 0 identity 'prefer float32:any kernels'",
            f"{FILES} float32 512 0 identity 'prefer kernels'",
            False,
        ),
        (in_cascade(f"{FILES} float32 512 0 identity"), in_cascade(f"{FILES} float16 512 0 identity"), True),
        (in_cascade(f"{FILES} float32 512 0 identity"), in_cascade(f"{FILES} float16 256 0 identity"), False),
        (in_cascade("mine float32"), in_cascade("mine float16"), False),
        ("tei a/model abc float32 512 1.8 raw", "tei a/model abc float16 512 1.8 raw", True),
        ("tei a/model abc float32 512 1.8 raw", "tei a/model abc float32 512 1.8 served", False),
        ("mine float32", "mine float32", True),
        ("mine, for float32 kernels", "mine, for float16 kernels", False),
    ],
)
def test_rounding_alone_makes_no_other_model(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - a parameter
    assert same_but_for_rounding(one, other) is same


def test_a_server_of_tei_is_told_in_its_own_words() -> None:
    text = "tei a/model abc float16 512 None served"
    assert TeiFingerprint.parse(text) == TeiFingerprint("a/model", "abc", "float16", "512", "None", "served")
    assert str(TeiFingerprint("a/model", "abc", "float16", "512", "None", "served")) == text


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (f"{FILES} float32 512 0 identity", f"{OTHER} float32 512 0 identity", "it was fitted for another checkpoint"),
        (
            f"{FILES} float32 512 0 identity",
            f"{FILES} int8 rules 3 256 0 identity",
            "it was fitted with dtype float32, this has int8 rules 3; and with max_length 512, this has 256",
        ),
        (
            f"{FILES} float32 512 0 identity",
            f"{FILES} bfloat16 float32:head 512 1 sigmoid",
            "it was fitted with label 0, this has 1; and with activation identity, this has sigmoid",
        ),
        (
            f"{FILES} float32 512 0 identity {WINDOWS}",
            f"{FILES} float32 512 0 identity",
            "it was fitted with windows, this has none",
        ),
        (
            f"{FILES} float32 512 0 identity",
            f"{FILES} float32 512 0 identity {WINDOWS}",
            "it was fitted without windows, this has some",
        ),
        (
            f"{FILES} float32 512 0 identity {WINDOWS} 'find it'",
            f"{FILES} float32 512 0 identity windows rules 1 64 max 'find it'",
            "it was fitted with window_overlap None, this has 64",
        ),
        (
            f"{FILES} float32 512 0 identity",
            f"{FILES} float32 512 0 identity 'find it'",
            "it was fitted with instruction none, this has 'find it'",
        ),
        (
            f"{FILES} {OTHER} float32 512 cosine",
            f"{FILES} {OTHER} float32 256 cosine",
            "it was fitted with max_length 512, this has 256",
        ),
        (
            f"{FILES} float32 512 cosine",
            f"{FILES} float32 512 dot",
            "it was fitted with similarity cosine, this has dot",
        ),
        (
            f"{FILES} float32 512 0 identity {WINDOWS.replace('1', '2')}",
            f"{FILES} float32 512 0 identity {WINDOWS}",
            "it was fitted with window rules 2, this has 1",
        ),
        (
            f"{FILES} float32 512 0 identity",
            f"{FILES} float32 512 0 identity sigmoid:1.0",
            "it was fitted with score map none, this has sigmoid:1.0",
        ),
        (
            f"{FILES} float32 512 cosine",
            "my-model",
            f"it was fitted for '{FILES} float32 512 cosine', this is 'my-model'",
        ),
    ],
)
def test_what_differs_is_named(fitted: str, given: str, message: str) -> None:
    assert difference(fitted, given) == message
