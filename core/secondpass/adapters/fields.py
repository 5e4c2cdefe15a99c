"""The choice of a model as pydantic fields, for adapters whose framework is built on pydantic.

Nothing else in the core imports this file, so the core does not depend on pydantic: such a framework brings it along.
"""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from secondpass.adapters.lazy import scorer_of
from secondpass.options import ActivationName, DType, ModelOptions
from secondpass.ranking import RankedDocument, Scorer, arank, rank
from secondpass.ranking.checks import check_score_threshold, check_top_k


class ModelFields(BaseModel):
    """`model` or `scorer`, and how a model is loaded."""

    # Assignment is validated, so that `reranker.top_n = 0` is refused and another `model` takes effect.
    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", use_attribute_docstrings=True, validate_assignment=True
    )

    model: str | None = None
    """Hub id, local folder, or the name of a bundled model; loaded when the first document is scored."""
    scorer: SkipJsonSchema[Scorer | None] = Field(default=None, exclude=True, repr=False)
    """Instead of a model: any object with `score(query, documents)`. Not serialised: pass it again when loading."""
    share_model: bool = True
    """Share one loaded model with every adapter of the process that has the same name and options."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    token: SecretStr | None = Field(default=None, exclude=True, repr=False)
    """Hub token, for private checkpoints. Not serialised: pass it again, or set HF_TOKEN."""
    cache_dir: str | None = None
    """Folder for downloads."""
    local_files_only: bool = False
    """Never ask the network."""
    trust_remote_code: bool = False
    """Allow code that the checkpoint brings along to run."""
    device: str | tuple[str, ...] | None = None
    """Such as "cuda:0", or several of them; None takes cuda, then mps, then cpu."""
    dtype: DType | None = None
    """Arithmetic; None takes float32 on a CPU and half precision on accelerators."""
    max_length: int | None = None
    """Tokens of a pair, special tokens included; None takes the checkpoint's own limit."""
    activation: ActivationName | None = None
    """Either "identity" (a logit) or "sigmoid" (0 to 1); None takes the checkpoint's own."""
    label: int | str | None = None
    """For heads with several labels, index or name of the one that means relevant; None resolves it."""
    batch_tokens: int | None = None
    """Tokens of one forward pass; None chooses for the device."""

    _scorer: Scorer = PrivateAttr()

    def __setattr__(self, name: str, value: object) -> None:
        """Assign, or leave everything as it was: pydantic keeps what a model's validator refused (#7105)."""
        values, names_set = dict(self.__dict__), set(self.__pydantic_fields_set__)
        try:
            super().__setattr__(name, value)
        except ValidationError:
            self.__dict__.update(values)
            self.__pydantic_fields_set__.intersection_update(names_set)
            raise

    @model_validator(mode="after")
    def _choose_scorer(self) -> Self:
        scorer = scorer_of(self.model, self.scorer, self._options(), share=self.share_model)
        # An equal scorer may hold a loaded model already: assigning another field must not load it again.
        if getattr(self, "_scorer", None) != scorer:
            self._scorer = scorer
        return self

    def _options(self) -> ModelOptions:
        values: dict[str, Any] = {option.name: getattr(self, option.name) for option in fields(ModelOptions)}
        if self.token is not None:
            values["token"] = self.token.get_secret_value()
        return ModelOptions(**values)


class RerankFields(ModelFields):
    """A model, and how many of the documents it ranks are kept."""

    top_n: int | None = 3
    """Keep at most this many, at least 1; None keeps all."""
    score_threshold: float | None = None
    """Keep scores of at least this much, in the model's unit; applied before `top_n`."""

    @field_validator("top_n", mode="before")
    @classmethod
    def _check_top_n(cls, value: object) -> object:
        check_top_k(value, name="top_n")
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
