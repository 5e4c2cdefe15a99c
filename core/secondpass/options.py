"""How a model is found and loaded, as one value: what adapters pass on and models are shared by."""

from dataclasses import dataclass, field, fields, replace
from typing import Literal, Self, TypeAlias, get_args

from secondpass.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_text,
    check_unicode,
    describe,
    plain,
    with_home,
)
from secondpass.calibration import Calibration
from secondpass.errors import InputError, InputTypeError
from secondpass.fingerprints import WindowSettings

DType: TypeAlias = Literal["float32", "bfloat16", "float16", "int8"]
ActivationName: TypeAlias = Literal["identity", "sigmoid"]
LongDocuments: TypeAlias = Literal["truncate", "windows"]
WindowAggregation: TypeAlias = Literal["max", "mean-top-3"]

# Of where windows begin and end (`tokenization/windows.py`, `boundaries.py`), and what is left of a long query beside
# them: scores that were kept under another version's rules are not found again. To be changed with every change of a
# window.
_WINDOW_RULES = "rules 2"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOptions:
    """How a checkpoint's files are found, and whether code among them may run.

    Args:
        revision: Branch, tag or commit on the hub; None takes its main branch.
        token: Access token for the hub; None takes the one huggingface_hub finds, False sends none. Never shown in a
            repr.
        cache_dir: Where downloads are kept; None takes huggingface_hub's own place.
        local_files_only: Never ask the network.
        trust_remote_code: Allow a checkpoint to run code of its own.

    Raises:
        InputTypeError: A value is of another type, found before anything is looked for.
        InputError: `cache_dir` is in the home folder of nobody.
    """

    revision: str | None = None
    token: str | Literal[False] | None = field(default=None, repr=False)
    cache_dir: str | None = None
    local_files_only: bool = False
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        check_text("revision", self.revision)
        check_text("cache_dir", self.cache_dir)
        if self.cache_dir is not None and with_home(self.cache_dir) is None:
            raise InputError(f"cache_dir must be in the home folder of somebody, got {self.cache_dir!r}")
        check_flag("local_files_only", self.local_files_only)
        check_flag("trust_remote_code", self.trust_remote_code)

    def portable(self) -> Self:
        """The same for a process with another working folder."""
        place = None if self.cache_dir is None else with_home(self.cache_dir)
        return self if place is None else replace(self, cache_dir=str(place.absolute()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions(HubOptions):
    """Everything `CrossEncoder` takes beside the model's name; each default is the constructor's own.

    Args:
        revision: Branch, tag or commit on the hub; None takes its main branch.
        token: Access token for the hub; None takes the one huggingface_hub finds, False sends none. Never shown in a
            repr.
        cache_dir: Where downloads are kept; None takes huggingface_hub's own place.
        local_files_only: Never ask the network.
        trust_remote_code: Allow a checkpoint to run code of its own.
        device: Such as "cpu" or "cuda:0", or several of them; None takes the best there is.
        dtype: Arithmetic of the transformer; None takes what suits the device.
        max_length: Tokens of a pair, special tokens included; None takes the checkpoint's limit.
        instruction: What a causal reranker is told to look for; None takes the checkpoint's own.
        activation: What turns a logit into a score; None takes what the checkpoint says.
        label: Index or name of the label that means relevant; None resolves it.
        batch_tokens: Tokens per forward pass; None takes what suits the device.
        calibration: What turns logits into probabilities; None gives scores in the unit of the activation.
        long_documents: "truncate" reads of each document what fits; "windows" reads all of it, in overlapping windows.
        window_overlap: Tokens that neighbouring windows share; None takes a quarter of a window.
        window_aggregation: A document's score from its windows' logits: the best one, or the mean of the three best.

    Raises:
        InputError: A value breaks a rule, found before anything is loaded.
    """

    device: str | tuple[str, ...] | None = None
    dtype: DType | None = None
    max_length: int | None = None
    instruction: str | None = None
    activation: ActivationName | None = None
    label: int | str | None = None
    batch_tokens: int | None = None
    calibration: Calibration | None = None
    long_documents: LongDocuments = "truncate"
    window_overlap: int | None = None
    window_aggregation: WindowAggregation = "max"

    def __post_init__(self) -> None:
        HubOptions.__post_init__(self)  # `super()` would look for a class that slots have replaced
        check_choice("dtype", self.dtype, get_args(DType))
        check_choice("activation", self.activation, get_args(ActivationName))
        check_count("max_length", self.max_length)
        check_text("instruction", self.instruction)
        if self.instruction is not None:
            check_unicode(self.instruction, "instruction")
        if self.label is not None and (isinstance(self.label, bool) or not isinstance(self.label, int | str)):
            raise InputTypeError(f"label must be an index, a name or None, got {describe(self.label)}")
        check_count("batch_tokens", self.batch_tokens)
        if self.calibration is not None and not isinstance(self.calibration, Calibration):
            raise InputTypeError(f"calibration must be a Calibration or None, got {describe(self.calibration)}")
        if self.calibration is not None and self.activation is not None:
            raise InputError(
                f"give activation or calibration, got both: {self.activation!r}, and a calibration, which makes "
                "probabilities of logits"
            )
        check_choice("long_documents", self.long_documents, get_args(LongDocuments), optional=False)
        check_count("window_overlap", self.window_overlap, least=0)
        for name in ("max_length", "batch_tokens", "window_overlap"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        check_choice("window_aggregation", self.window_aggregation, get_args(WindowAggregation), optional=False)
        meaningless = [name for name in self.given() if name in ("window_overlap", "window_aggregation")]
        if self.long_documents != "windows" and meaningless:
            raise InputError(f'{" and ".join(meaningless)} must be left out unless long_documents is "windows"')

    def given(self) -> tuple[str, ...]:
        """Names of the options that are not at their default."""
        return tuple(option.name for option in fields(self) if getattr(self, option.name) != option.default)

    def window_settings(self) -> WindowSettings | None:
        """What scores depend on where long documents are read in windows; None where they are truncated."""
        if self.long_documents == "truncate":
            return None
        return WindowSettings(_WINDOW_RULES, self.window_overlap, self.window_aggregation)
