"""A pydantic model whose errors show no secret: pydantic puts what was given into each of them."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, GetCoreSchemaHandler, Secret, SecretStr, field_validator
from pydantic_core import CoreSchema, core_schema

from secondpass.errors import InputTypeError

_TOKEN = "token"  # noqa: S105 - the name of the field


class HidesSecrets(BaseModel):
    """A model with a field for a token, which no error shows, nor what stands under a name that is not known.

    The latter may be a token by another library's name, or a misspelt one.
    """

    # What is no field and yet no secret: what a framework writes beside the fields.
    _beside_fields: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's
        """The model's schema, with values hidden ahead of all validators, those of derived classes included."""
        return core_schema.no_info_before_validator_function(cls._hide, handler(source))

    def __setattr__(self, name: str, value: object) -> None:
        """Assign; a token hidden, as one that is given."""
        super().__setattr__(name, _hidden(value) if name == _TOKEN else value)

    @classmethod
    def _hide(cls, values: object) -> object:
        if not isinstance(values, Mapping):  # an adapter that is there already
            return values
        shown = (cls.model_fields.keys() | cls._beside_fields) - {_TOKEN}
        return {name: value if name in shown else _hidden(value) for name, value in values.items()}

    @field_validator(_TOKEN, mode="before", check_fields=False)
    @classmethod
    def _check_token(cls, value: object) -> object:
        token = value.get_secret_value() if isinstance(value, Secret | SecretStr) else value
        if token is not None and token is not False and not isinstance(token, str):
            raise InputTypeError(f"token must be text, False or None, got {type(token).__name__}")
        return token


def _hidden(value: object) -> object:
    return value if value is None or isinstance(value, Secret | SecretStr) else Secret(value)
