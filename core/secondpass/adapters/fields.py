"""The choice of a model as pydantic fields, for adapters whose framework is built on pydantic.

Nothing else in the core imports this file: a framework that is built on pydantic brings it along.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    SecretStr,
    SkipValidation,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from secondpass.adapters.foreign_arguments import Readers
from secondpass.adapters.held_model import HeldModel
from secondpass.adapters.lazy import check_given_scorer, check_model_name, scorer_of
from secondpass.adapters.migration import refuse_unknown, spelling, translate
from secondpass.adapters.secrets import HidesSecrets
from secondpass.arguments import check_count, check_flag
from secondpass.calibration import Calibration, as_calibration
from secondpass.errors import InputTypeError
from secondpass.model_names import portable_name
from secondpass.options import ActivationName, DType, LongDocuments, ModelOptions, WindowAggregation
from secondpass.ranking import RankedDocument, Scorer, arank, rank
from secondpass.ranking.request_checks import check_score_threshold

# What is checked by the rules of `ModelOptions`, and in their words, before pydantic reads "8" as 8 and True as 1.
_CHECKED: Final = tuple(
    option.name for option in fields(ModelOptions) if option.name not in ("token", "device", "calibration")
)


def _check_flag(value: object, info: ValidationInfo) -> object:
    check_flag(str(info.field_name), value)
    return value


# True or False; pydantic would read "yes" and 1 as True.
Flag: TypeAlias = Annotated[bool, BeforeValidator(_check_flag)]


def _content(calibration: Calibration | None) -> dict[str, Any] | None:
    """A calibration as it is serialised: what its file holds, so that no file has to travel along."""
    return None if calibration is None else calibration.as_json()


class ModelFields(HidesSecrets):
    """`model` or `scorer`, and how a model is loaded.

    Fields are the only state: what scores follows them, whether they were given, assigned, copied or restored.
    """

    # Assignment is validated, so that `reranker.top_n = 0` is refused and another `model` takes effect.
    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", use_attribute_docstrings=True, validate_assignment=True
    )

    model: str | None = None
    """Hub id, local folder, bundled model, or http(s) URL of a service; loaded when the first document is scored."""
    scorer: SkipJsonSchema[SkipValidation[Scorer | None]] = Field(default=None, exclude=True, repr=False)
    """Instead of a model: any object with `score(query, documents)`. Not serialised: pass it again when loading."""
    share_model: Flag = True
    """Share one loaded model with every adapter of the process that has the same name and options."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    token: SecretStr | Literal[False] | None = Field(default=None, exclude=True, repr=False)
    """Hub token, for private checkpoints, or a service's API key; False sends none. Not serialised: pass it again."""
    cache_dir: str | None = None
    """Folder for downloads."""
    local_files_only: Flag = False
    """Never ask the network."""
    trust_remote_code: Flag = False
    """Allow code that the checkpoint brings along to run."""
    device: str | tuple[str, ...] | None = None
    """Such as "cuda:0", or several of them; None takes cuda, then mps, then cpu."""
    dtype: DType | None = None
    """Arithmetic; None takes float32 on a CPU and half precision on accelerators."""
    max_length: int | None = None
    """Tokens of a pair, special tokens included; None takes the checkpoint's own limit."""
    instruction: str | None = None
    """What to look for, for rerankers whose prompt has a place for it; None takes the checkpoint's own."""
    activation: ActivationName | None = None
    """Either "identity" (a logit) or "sigmoid" (0 to 1); None takes the checkpoint's own, and of a service 0 to 1."""
    label: int | str | None = None
    """For heads with several labels, index or name of the one that means relevant; None resolves it."""
    batch_tokens: int | None = None
    """Tokens of one forward pass; None chooses for the device."""
    long_documents: LongDocuments = "truncate"
    """Either "truncate", which reads of a document what fits, or "windows", which reads all of it."""
    window_overlap: int | None = None
    """Tokens that neighbouring windows of a long document share; None takes a quarter of a window."""
    window_aggregation: WindowAggregation = "max"
    """A document's score from its windows: "max", of the best, or "mean-top-3", the mean of the three best."""
    calibration: Annotated[
        Calibration | str | None,
        PlainValidator(as_calibration, json_schema_input_type=dict[str, Any] | str | None),
        PlainSerializer(_content, return_type=dict[str, Any] | None),
    ] = None
    """What makes probabilities of the model's logits, or the file of it, which is read now; serialised by content."""

    _held: HeldModel = PrivateAttr(default_factory=HeldModel)

    # What the rerankers that people come from call these fields, by keyword and in order.
    _other_names: ClassVar[Readers] = {}

    if not TYPE_CHECKING:  # type checkers hold calls against the fields, and know only the names of today

        def __init__(self, *arguments: object, **values: object) -> None:
            """Take the fields by name; by their names in other rerankers with a DeprecationWarning."""
            name, positional = type(self).__name__, self._by_name(arguments)
            for twice in positional.keys() & values.keys():
                raise InputTypeError(f"{name} got {twice} by position and by name")
            own = type(self).model_fields  # a derived class may have given such a name a meaning of its own
            others = {key: reader for key, reader in self._other_names.items() if key not in own}
            ours, foreign = translate({**positional, **values}, others)
            if arguments or foreign:
                before = spelling(name, {key: ... for key in foreign if key not in positional}, arguments)
                message = f"{before} is how another reranker spells it: write {spelling(name, ours)}"
                warnings.warn(message, DeprecationWarning, stacklevel=2)
            super().__init__(**ours)

    @classmethod
    def _by_name(cls, arguments: tuple[object, ...]) -> dict[str, object]:
        """What arguments by position are called."""
        if not arguments:
            return {}
        raise InputTypeError(
            f"{cls.__name__} takes its parameters by name: write {cls.__name__}(model=...), got {arguments[0]!r}"
        )

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:  # noqa: ANN401 - pydantic's
        """An adapter of these values. They are checked: one that is not would fail at its first document."""
        constructed = cls(**values)
        if _fields_set is not None:
            constructed._set_names(_fields_set)
        return constructed

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy in which the fields of `update` have these values, checked as those of a new adapter are."""
        copied = super().model_copy(deep=deep)
        if update:
            copied._check_with(update)  # noqa: SLF001 - its own
        return copied

    def copy(
        self,
        *,
        include: Any = None,  # noqa: ANN401 - pydantic's
        exclude: Any = None,  # noqa: ANN401 - pydantic's
        update: dict[str, Any] | None = None,
        deep: bool = False,
    ) -> Self:
        """The earlier name of `model_copy` in pydantic; fields that are left out take their defaults."""
        copied = super().copy(include=include, exclude=exclude, deep=deep)
        copied._held = HeldModel() if deep else self._held_by_a_copy()  # noqa: SLF001 - its own
        copied._check_with(update or {})  # noqa: SLF001 - its own
        return copied

    def __copy__(self) -> Self:
        """A copy that shares the model, as long as both ask for the same one: a copy per request loads nothing."""
        copied = super().__copy__()
        copied._held = self._held_by_a_copy()  # noqa: SLF001 - its own
        return copied

    def __setattr__(self, name: str, value: object) -> None:
        """Assign, or leave everything as it was: pydantic keeps what a model's validator refused (#7105)."""
        values, names_set = dict(self.__dict__), set(self.__pydantic_fields_set__)
        try:
            super().__setattr__(name, value)
        except ValidationError:
            self.__dict__.update(values)
            self.__pydantic_fields_set__.intersection_update(names_set)
            raise

    def __eq__(self, other: object) -> bool:
        """Whether it is an adapter of the same class and fields; what it has loaded makes no difference."""
        if not isinstance(other, ModelFields):
            return NotImplemented
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment] # as pydantic's, for fields can be assigned

    def __getstate__(self) -> dict[Any, Any]:
        """What a pickle holds: a local folder by its absolute path, for it may be read elsewhere."""
        state = super().__getstate__()
        values = state["__dict__"]
        if values.get("model") is None:
            return state
        places = {"model": portable_name(values["model"]), "cache_dir": self._options().portable().cache_dir}
        return {**state, "__dict__": {**values, **places}}

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, values: object) -> object:
        """Refuse what is no field, with the one that is meant: pydantic would say that extra inputs are not permitted.

        A derived class may permit them.
        """
        is_closed = cls.model_config.get("extra") == "forbid"
        if isinstance(values, Mapping) and is_closed:
            names = (name for name in values if name not in cls._beside_fields)
            refuse_unknown(names, cls.model_fields.keys(), cls.__name__)
        return values

    @field_validator("model", mode="before")
    @classmethod
    def _check_model(cls, value: object) -> object:
        check_model_name(value)
        return str(value) if isinstance(value, Path) else value

    @field_validator(*_CHECKED, mode="before")
    @classmethod
    def _check_option(cls, value: Any, info: ValidationInfo) -> object:  # noqa: ANN401 - whatever was given
        alone = {"long_documents": "windows", str(info.field_name): value}  # windows have the others' meaning
        ModelOptions(**alone)
        return value

    @field_validator("scorer", mode="before")
    @classmethod
    def _check_scorer(cls, value: object) -> object:
        return None if value is None else check_given_scorer(value)

    @model_validator(mode="after")
    def _check_choice(self) -> Self:
        scorer_of(self.model, self.scorer, self._options())
        return self

    @property
    def _scorer(self) -> Scorer:
        """What scores, by what the fields say now; a model that they still name stays loaded, a service connected."""
        options = self._options()
        if self.scorer is not None:
            return scorer_of(self.model, self.scorer, options)
        name, share = self.model, self.share_model
        return self._held.get((name, options, share), lambda: scorer_of(name, None, options, share=share))

    def _held_by_a_copy(self) -> HeldModel:
        """What a copy begins with: the very model that is held, be it loaded or not, so that one of them loads it."""
        scorer = self._scorer  # held from here on, unless it was given
        return HeldModel() if scorer is self.scorer else self._held.copy()

    def _check_with(self, changes: Mapping[str, Any]) -> None:
        """Take on the changes, all at once, or raise ValidationError."""
        names = self.__pydantic_fields_set__ | changes.keys()
        private = self.__pydantic_private__  # a loaded model among it, which validation would reset
        self.__pydantic_validator__.validate_python({**self.__dict__, **changes}, self_instance=self)
        object.__setattr__(self, "__pydantic_private__", private)
        self._set_names(names)

    def _set_names(self, names: Iterable[str]) -> None:
        """Say which fields were given."""
        kept = set(names)
        self.__pydantic_fields_set__.clear()
        self.__pydantic_fields_set__.update(kept)

    def _options(self) -> ModelOptions:
        values: dict[str, Any] = {option.name: getattr(self, option.name) for option in fields(ModelOptions)}
        if isinstance(self.token, SecretStr):
            values["token"] = self.token.get_secret_value()
        return ModelOptions(**values)


class RerankFields(ModelFields):
    """A model, and how many of the documents it ranks are kept."""

    top_n: int | None = 3
    """Keep at most this many, at least 1; None keeps all."""
    score_threshold: float | None = None
    """Keep scores of at least this much, in their unit (a probability with a calibration); applied before `top_n`."""
    return_passages: Flag = False
    """Give the best passage in place of a long document's text: its best window, or else what was read of it."""

    @field_validator("top_n", mode="before")
    @classmethod
    def _check_top_n(cls, value: object) -> object:
        check_count("top_n", value)
        return value

    @field_validator("score_threshold", mode="before")
    @classmethod
    def _check_score_threshold(cls, value: object) -> object:
        check_score_threshold(value)
        return value

    def _rank(self, query: str, texts: Iterable[str]) -> list[RankedDocument]:
        return rank(self._scorer, query, texts, top_k=self.top_n, score_threshold=self.score_threshold)

    async def _arank(self, query: str, texts: Iterable[str]) -> list[RankedDocument]:
        return await arank(self._scorer, query, texts, top_k=self.top_n, score_threshold=self.score_threshold)
