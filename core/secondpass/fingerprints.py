"""What scores depend on, as values with one text form: it is kept beside scores, and read again where they are used.

The texts are those of `fingerprint()`. Caches, files of calibrations and manifests of jobs hold them, some from earlier
versions: more may be written here, but what is written now stays as it is.
"""

import ast
import re
from dataclasses import dataclass, replace
from typing import Self

from secondpass.arguments import check_text
from secondpass.errors import InputError

# Precisions that differ by rounding alone: a calibration of one is that of all three. By the names that
# `encoder/arithmetic/precision.py` gives them, which cannot be imported here, without torch.
_ROUNDED_ALIKE = ("float32", "bfloat16", "float16")

# A text as `repr` writes it.
_ESCAPED = r"\\(?:[\\'nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
_QUOTED = rf"""'(?:[^'\\\n\r]|{_ESCAPED})*'|"(?:[^"\\\n\r]|{_ESCAPED})*\""""
_MODEL = re.compile(
    r"(?P<files>[0-9a-f]{64}(?: [0-9a-f]{64})*)"
    r" (?P<precision>[a-z]+[0-9]+(?: rules [0-9]+)?)"
    r"(?P<float32_parts>(?: float32:\S+)*)"
    r" (?P<max_length>[0-9]+)"
    r" (?:(?P<label>[0-9]+) (?P<activation>\S+)|(?P<similarity>cosine|dot))"
    r"(?: windows (?P<rules>rules [0-9]+) (?P<overlap>None|[0-9]+) (?P<aggregation>\S+))?"
    rf"(?: (?P<instruction>{_QUOTED}))?"
    r"(?P<mapped_by>(?: (?:sigmoid|calibration):\S+)*)"
)
_CASCADE = re.compile(rf"cascade keep (?P<keep>\[[-+0-9.e, ]*\]) of (?P<stages>\[(?:{_QUOTED})(?:, (?:{_QUOTED}))*\])")
_TEI = re.compile(r"tei (\S+) (\S+) (\S+) (\S+) (\S+) (raw|served)")


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """How long documents are read in windows.

    Args:
        rules: Which rules say where windows begin and end.
        overlap: Tokens that neighbouring windows share; None for a quarter of a window.
        aggregation: A document's score from those of its windows.
    """

    rules: str
    overlap: int | None
    aggregation: str

    def __str__(self) -> str:
        return f"windows {self.rules} {self.overlap} {self.aggregation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What the scores of a loaded model depend on.

    Args:
        files: Digests of the files of its checkpoints: one, or two where query and document have one each.
        precision: Of the transformer, with the version of its rules where it has any.
        float32_parts: What of it is in float32 all the same.
        max_length: Tokens of a pair or of a text, specials included.
        label: The relevant column; None of a bi-encoder, which has none.
        unit: The activation, or the calibration in its place; of a bi-encoder "cosine" or "dot".
        windows: How long documents are read in windows; None where they are truncated.
        instruction: What the model was told to look for; None where that is the checkpoint's own.
        mapped_by: What was made of the scores after that, as by a service.
    """

    files: tuple[str, ...]
    precision: str
    float32_parts: tuple[str, ...] = ()
    max_length: int
    label: int | None
    unit: str
    windows: WindowSettings | None = None
    instruction: str | None = None
    mapped_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [*self.files, self.precision, *(f"float32:{part}" for part in self.float32_parts), str(self.max_length)]
        words += [self.unit] if self.label is None else [str(self.label), self.unit]
        words += [] if self.windows is None else [str(self.windows)]
        words += [] if self.instruction is None else [repr(self.instruction)]
        return " ".join([*words, *self.mapped_by])

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The value of a text; None where it is not that of a model."""
        match = _MODEL.fullmatch(text)
        if match is None:
            return None
        said = match.groupdict()
        windows = None
        if said["aggregation"] is not None:
            overlap = None if said["overlap"] == "None" else int(said["overlap"])
            windows = WindowSettings(said["rules"], overlap, said["aggregation"])
        return cls(
            files=tuple(said["files"].split(" ")),
            precision=said["precision"],
            float32_parts=tuple(part.removeprefix("float32:") for part in said["float32_parts"].split()),
            max_length=int(said["max_length"]),
            label=None if said["label"] is None else int(said["label"]),
            unit=said["activation"] or said["similarity"],
            windows=windows,
            instruction=None if said["instruction"] is None else str(ast.literal_eval(said["instruction"])),
            mapped_by=tuple(said["mapped_by"].split()),
        )

    def without_rounding(self) -> Self:
        """The same for all precisions that differ by rounding alone, and for all that stays in float32.

        What stays in float32 depends on the processor.
        """
        return replace(self, precision=_rounded(self.precision), float32_parts=())

    def settings(self) -> dict[str, str]:
        """What it says, by the names that callers know, as errors show it; what is not there has no name."""
        settings = {"dtype": self.precision, "max_length": str(self.max_length)}
        if self.label is None:
            settings["similarity"] = self.unit
        else:
            settings |= {"label": str(self.label), "activation": self.unit}
        if self.windows is not None:
            settings |= {
                "window rules": self.windows.rules.removeprefix("rules "),
                "window_overlap": str(self.windows.overlap),
                "window_aggregation": self.windows.aggregation,
            }
        if self.instruction is not None:
            settings["instruction"] = repr(self.instruction)
        return settings | ({"score map": " ".join(self.mapped_by)} if self.mapped_by else {})


@dataclass(frozen=True, slots=True)
class CascadeFingerprint:
    """What the scores of a cascade depend on.

    Args:
        keep: What goes on to the next stage.
        stages: The fingerprints of its scorers.
    """

    keep: tuple[float, ...]
    stages: tuple[str, ...]

    def __str__(self) -> str:
        return f"cascade keep {list(self.keep)} of {list(self.stages)}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The value of a text; None where it is not that of a cascade."""
        match = _CASCADE.fullmatch(text)
        if match is None:
            return None
        return cls(tuple(ast.literal_eval(match["keep"])), tuple(ast.literal_eval(match["stages"])))


@dataclass(frozen=True, slots=True)
class TeiFingerprint:
    """What the scores of a server of TEI depend on, in the words of its `/info`.

    Args:
        model_id: The name of its model.
        model_sha: The revision.
        model_dtype: The precision.
        max_input_length: Tokens of a pair.
        version: That of the server.
        unit: "raw", or as they are "served".
    """

    model_id: str
    model_sha: str
    model_dtype: str
    max_input_length: str
    version: str
    unit: str

    def __str__(self) -> str:
        said = (self.model_id, self.model_sha, self.model_dtype, self.max_input_length, self.version, self.unit)
        return " ".join(["tei", *said])

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The value of a text; None where it is not that of such a server."""
        match = _TEI.fullmatch(text)
        return None if match is None else cls(*match.groups())

    def without_rounding(self) -> Self:
        """The same for all precisions that differ by rounding alone."""
        return replace(self, model_dtype=_rounded(self.model_dtype))


def check_fingerprint(fingerprint: object) -> str:
    """The text of a fingerprint; raise InputError unless it is one: an empty one would be that of any scorer."""
    check_text("fingerprint", fingerprint, optional=False)
    if not fingerprint:
        raise InputError("fingerprint must not be empty, got ''")
    return str(fingerprint)


def same_but_for_rounding(one: str, other: str) -> bool:
    """Whether scores of these fingerprints differ by rounding at most; texts of others' making have to be equal."""
    return _without_rounding(one) == _without_rounding(other)


def difference(fitted: str, given: str) -> str:
    """What differs, in words: the settings where these can be told, else both fingerprints.

    Args:
        fitted: That of the scorer which a calibration was fitted to.
        given: That of the scorer which it is to be used for.
    """
    before, now = Fingerprint.parse(fitted), Fingerprint.parse(given)
    if before is None or now is None or (before.label is None) != (now.label is None):
        return f"it was fitted for {fitted!r}, this is {given!r}"
    if before.files != now.files:
        return "it was fitted for another checkpoint"
    if (before.windows is None) != (now.windows is None):
        return f"it was fitted {'without windows, this has some' if now.windows else 'with windows, this has none'}"
    theirs, ours = before.without_rounding().settings(), now.without_rounding().settings()
    told = [
        f"{name} {theirs.get(name, 'none')}, this has {ours.get(name, 'none')}"
        for name in dict.fromkeys([*theirs, *ours])
        if theirs.get(name) != ours.get(name)
    ]
    return f"it was fitted with {'; and with '.join(told)}"


def files_differ(one: object, other: object) -> bool:
    """Whether two fingerprints are known to be those of models with different files."""
    first, second = (Fingerprint.parse(text) if isinstance(text, str) else None for text in (one, other))
    return first is not None and second is not None and first.files != second.files


def _rounded(precision: str) -> str:
    return _ROUNDED_ALIKE[0] if precision in _ROUNDED_ALIKE else precision


def _without_rounding(text: str) -> object:
    model = Fingerprint.parse(text)
    if model is not None:
        return model.without_rounding()
    cascade = CascadeFingerprint.parse(text)
    if cascade is not None:
        return cascade.keep, [_without_rounding(stage) for stage in cascade.stages]
    tei = TeiFingerprint.parse(text)
    return text if tei is None else tei.without_rounding()
