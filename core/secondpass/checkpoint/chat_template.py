"""A chat template as the prompt of a reranker: query and document are messages of two roles.

sentence-transformers puts pairs through the tokenizer's chat template where it has one, for language models and for
classifiers alike. The rules below are those of its 6.2, in `base/modality.py` and `base/modules/transformer.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from secondpass.checkpoint.folder import Folder
from secondpass.checkpoint.plain.tokenizer import PlainTokenizer
from secondpass.checkpoint.tokenizer import AnyTokenizer
from secondpass.errors import CheckpointError
from secondpass.tokenization.text_tokenizer import TokenizeTexts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What tells sentence-transformers that a template wants the parts of a message's content one by one.
_STRUCTURED = ("content[0]", ".type", "'type'", '"type"', "message.content[")
# Types of models whose templates it takes for flat, whatever they hold.
_FLAT_TYPES = ("apertus", "deepseek_v3", "gpt_oss", "seed_oss")
# Two texts of different tokens from the first to the last.
_FILLERS = ("0", "1 2 3 4")


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """Query and document to one text.

    Args:
        tokenizer: Whose template it is.
        structured: Whether a message's content is a list of parts rather than text.
        variables: What else the template is given.
        instruction: The system message; "" for none.
    """

    tokenizer: "PreTrainedTokenizerBase"
    structured: bool
    variables: Mapping[str, Any]
    instruction: str = ""

    def __call__(self, query: str, document: str) -> str:
        """The text of a pair."""
        messages = [("system", self.instruction)] if self.instruction else []
        messages += [("query", query), ("document", document)]
        chat: list[dict[str, Any]] = [{"role": role, "content": self._content(text)} for role, text in messages]
        return str(self.tokenizer.apply_chat_template(chat, tokenize=False, **self.variables))

    def instructed(self, instruction: str) -> "ChatTemplate":
        """The template with this system message."""
        return replace(self, instruction=instruction)

    def takes_instruction(self) -> bool:
        """Whether a system message reaches the text."""
        try:
            first, second = (self.instructed(text)("query", "document") for text in ("alpha", "bravo"))
        except Exception:  # noqa: BLE001 - templates raise what they like
            return False
        return first != second

    def ending(self, tokenize: TokenizeTexts) -> tuple[int, ...]:
        """The ids in which every text ends, whatever query and document are; none if they come last."""
        first, second = (tokenize([self(text, text)]).concatenate().tolist() for text in _FILLERS)
        shorter = min(len(first), len(second))
        same = next((i for i in range(shorter) if first[-1 - i] != second[-1 - i]), shorter)
        return tuple(first[len(first) - same :]) if same < shorter else ()

    def check(self, name: str) -> None:
        """Raise CheckpointError unless query and document both reach the text; `name` is the checkpoint's."""
        try:
            text, other_query, other_document = (
                self(*pair) for pair in (("alpha", "bravo"), ("charlie", "bravo"), ("alpha", "foxtrot"))
            )
        except Exception as error:  # templates raise what they like
            raise CheckpointError(f"{name}: its chat template refuses a query and a document: {error}") from error
        lost = [role for role, other in (("query", other_query), ("document", other_document)) if other == text]
        if lost:
            raise CheckpointError(
                f"{name}: its chat template must render the roles 'query' and 'document' to be scored, and leaves out "
                f"{' and '.join(map(repr, lost))}"
            )

    def _content(self, text: str) -> str | list[dict[str, str]]:
        return [{"type": "text", "text": text}] if self.structured else text


def chat_template_of(folder: Folder, tokenizer: AnyTokenizer) -> ChatTemplate | None:
    """The template that pairs go through, or None if they are read as two texts.

    Raises:
        CheckpointError: The settings ask for a template and the tokenizer has none, or it has no place for a pair.
    """
    message = message_settings(folder, tokenizer)
    if message is None:
        return None
    file, settings = folder.transformer_settings()
    if isinstance(tokenizer, PlainTokenizer) or tokenizer.chat_template is None:
        raise CheckpointError(
            f"{folder.name}: {file}: 'modality_config' puts texts through a chat template, and the tokenizer has none"
        )
    structured = _is_structured(message.get("format", "auto"), folder, tokenizer)
    processing = settings.get("processing_kwargs") or {}
    template = ChatTemplate(tokenizer, structured, processing.get("chat_template") or {})
    template.check(folder.name)
    return template


def message_settings(folder: Folder, tokenizer: AnyTokenizer) -> Mapping[str, Any] | None:
    """How texts go through the tokenizer's chat template; None where they are read as they are.

    A folder that lists its modules says so in their settings; for any other, the tokenizer's template is used if it has
    one.

    Args:
        folder: That of the transformer.
        tokenizer: Its tokenizer.
    """
    if not folder.lists_modules:
        return None if tokenizer.chat_template is None else {}
    _, settings = folder.transformer_settings()
    message: Mapping[str, Any] | None = (settings.get("modality_config") or {}).get("message")
    return message


def _is_structured(stated: object, folder: Folder, tokenizer: "PreTrainedTokenizerBase") -> bool:
    if stated != "auto":
        return stated != "flat"
    if folder.config.get("model_type") in _FLAT_TYPES:
        return False
    template = tokenizer.chat_template
    return not isinstance(template, str) or any(mark in template for mark in _STRUCTURED)
