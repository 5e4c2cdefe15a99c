"""Whether two fingerprints are of one model to a calibration, and what differs where they are not."""

import re

# Precisions that differ by rounding alone: a calibration of one is that of all three.
_ROUNDED_ALIKE = {"float32", "bfloat16", "float16"}

# The words of a fingerprint behind the digests of its files, as `CrossEncoder.fingerprint` and `BiEncoder.fingerprint`
# write them; those of windows stand there where documents are read so.
_OF_PAIRS = ("dtype", "max_length", "label", "activation")
_OF_TEXTS = ("dtype", "max_length", "similarity")
_OF_WINDOWS = ("long_documents", "rules of windows", "window_overlap", "window_aggregation")
_DIGEST = re.compile("[0-9a-f]{64}")


def without_rounding(fingerprint: str) -> list[str]:
    """The words that have to be the same."""
    return [word for word in _without_parts(fingerprint) if word not in _ROUNDED_ALIKE]


def difference(fitted: str, given: str) -> str:
    """What differs, in words: the settings where these can be told, else both fingerprints.

    Args:
        fitted: That of the scorer which a calibration was fitted to.
        given: That of the scorer which it is to be used for.
    """
    before, now = _settings(fitted), _settings(given)
    if before is None or now is None or ("similarity" in before) != ("similarity" in now):
        return f"it was fitted for {fitted!r}, this is {given!r}"
    if {before["dtype"], now["dtype"]} <= _ROUNDED_ALIKE:
        before["dtype"] = now["dtype"]
    differing = [name for name in dict.fromkeys([*before, *now]) if before.get(name) != now.get(name)]
    if "files" in differing:
        return "it was fitted for another checkpoint"
    if "long_documents" in differing:
        windows = "with windows, this has none" if "long_documents" in before else "without windows, this has some"
        return f"it was fitted {windows}"
    told = [f"{name} {before.get(name, 'none')}, this has {now.get(name, 'none')}" for name in differing]
    return f"it was fitted with {'; and with '.join(told)}"


def _settings(fingerprint: str) -> dict[str, str] | None:
    """What a fingerprint says by name; None where it is not one of ours."""
    words = _without_parts(fingerprint)
    n_files = sum(bool(_DIGEST.fullmatch(word)) for word in words)
    files, said = words[:n_files], words[n_files:]
    names = _OF_TEXTS if said[2:3] in (["cosine"], ["dot"]) else _OF_PAIRS
    if not files or len(said) < len(names):
        return None
    named, others = dict(zip(names, said, strict=False)), said[len(names) :]
    named["files"] = " ".join(files)
    if others[:1] == ["windows"]:
        named |= dict(zip(_OF_WINDOWS, others, strict=False))
        others = others[len(_OF_WINDOWS) :]
    return named | ({"instruction": " ".join(others)} if others else {})


def _without_parts(fingerprint: str) -> list[str]:
    # Which parts stay in float32 depends on the processor.
    return [word for word in fingerprint.split(" ") if not word.startswith("float32:")]
