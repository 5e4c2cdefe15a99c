"""What differs between the model of a calibration and another one, in words."""

import pytest

from secondpass.calibration.fingerprints import difference

FILES, OTHER = "a" * 64, "b" * 64
WINDOWS = "windows 2 None max"


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (f"{FILES} float32 512 0 identity", f"{OTHER} float32 512 0 identity", "it was fitted for another checkpoint"),
        (
            f"{FILES} float32 512 0 identity",
            f"{FILES} int8 256 0 identity",
            "it was fitted with dtype float32, this has int8; and with max_length 512, this has 256",
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
            f"{FILES} float32 512 0 identity windows 2 64 max 'find it'",
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
            "my-model",
            f"it was fitted for '{FILES} float32 512 cosine', this is 'my-model'",
        ),
    ],
)
def test_what_differs_is_named(fitted: str, given: str, message: str) -> None:
    assert difference(fitted, given) == message
