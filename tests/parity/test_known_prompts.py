"""Causal rerankers known by name equal what their authors' code does, written anew from its description.

Each function below assembles the ids of one pair as that code does, with transformers' own calls; the models then read
them padded to the left, and give the logits of their whole vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import checkpoints
import language_models
import numpy as np
import pytest
import torch
from compare import assert_scores
from numpy.typing import NDArray
from texts import AWKWARD, LONG, PAIRS
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from truncation import TRUNCATES

from secondpass import CrossEncoder
from secondpass.checkpoint.known import known_checkpoints
from secondpass.errors import CheckpointError

pytestmark = TRUNCATES

Tokenizer = PreTrainedTokenizerBase
# Every text in both places, and sentences that end in what Qwen's tokenizers join with the line break behind it.
SOME = [
    *PAIRS[::3],
    (LONG, LONG),
    ("What is it?", "It is. "),
    ("so", "It is."),
    ("so?", "It is.\n"),
    *zip(AWKWARD, AWKWARD, strict=True),
]


# What these models can read: less than most of the authors' own lengths.
POSITIONS = 900
MXBAI_PREDEFINED = (
    """<|im_start|>system
You are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>
<|im_start|>user
""",
    "\n",
    """You are a search relevance expert who evaluates how well documents match search queries. For each \
query-document pair, carefully analyze the semantic relationship between them, then provide your binary relevance \
judgment (0 for not relevant, 1 for relevant).
Relevance:""",
    "<|im_end|>\n<|im_start|>assistant\n",
)
GEMMA_PROMPT = (
    "Given a query A and a passage B, determine whether the passage contains an answer to the query by "
    "providing a prediction of either 'Yes' or 'No'."
)


def ids_of(tokenizer: Tokenizer, text: str, max_length: int | None = None) -> list[int]:
    ids: list[int] = tokenizer(
        text, add_special_tokens=False, truncation=max_length is not None, max_length=max_length
    )["input_ids"]
    return ids


def qwen3(
    tokenizer: Tokenizer, query: str, document: str, instruction: str | None, max_length: int | None
) -> list[int]:
    """The card: `max_length` is 8192 and counts everything."""
    wanted = "Given a web search query, retrieve relevant passages that answer the query"
    system = (
        "Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
        'Note that the answer can only be "yes" or "no".'
    )
    prefix = ids_of(tokenizer, f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n")
    suffix = ids_of(tokenizer, "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n")
    body = f"<Instruct>: {wanted if instruction is None else instruction}\n<Query>: {query}\n<Document>: {document}"
    room = (max_length or POSITIONS) - len(prefix) - len(suffix)
    return prefix + list(tokenizer(body, truncation=True, max_length=room)["input_ids"]) + suffix


def mxbai(
    tokenizer: Tokenizer, query: str, document: str, instruction: str | None, max_length: int | None
) -> list[int]:
    """`MxbaiRerankV2.prepare_inputs`: a length that counts query, separator and document."""
    prefix, separator, task, suffix = (ids_of(tokenizer, text) for text in MXBAI_PREDEFINED)
    predefined = len(prefix) + len(task) + len(suffix) + len(separator)
    length = (max_length or POSITIONS) - predefined  # its 8192 would exceed what these models can read
    asked = f"query: {query}"
    if instruction:
        asked = f"instruction: {instruction}\n{asked}"
    first = ids_of(tokenizer, asked, length * 3 // 4)
    second = separator + ids_of(tokenizer, f"document: {document}", length)
    return prefix + first + second[: length - len(first)] + separator + task + suffix


def bge_gemma(
    tokenizer: Tokenizer, query: str, document: str, instruction: str | None, max_length: int | None
) -> list[int]:
    """The card's `get_inputs`: a length that counts `<bos>`, query, separator and document."""
    prompt = GEMMA_PROMPT if instruction is None else instruction
    separator, asked = ids_of(tokenizer, "\n"), ids_of(tokenizer, prompt) if prompt else []
    length = (max_length or POSITIONS) - len(separator) - len(asked)
    first = [tokenizer.bos_token_id, *ids_of(tokenizer, f"A: {query}", length * 3 // 4)]
    second = separator + ids_of(tokenizer, f"B: {document}", length)
    return first + second[: length - len(first)] + separator + asked


def ctxl(tokenizer: Tokenizer, query: str, document: str, instruction: str | None, max_length: int | None) -> list[int]:
    """The card's `format_prompts`. Where it would truncate the query away, the document is truncated instead."""
    head = "Check whether a given document contains information helpful to answer the query.\n<Document> "
    tail = f"\n<Query> {query}{f' {instruction}' if instruction else ''} ??"
    ids: list[int] = tokenizer(f"{head}{document}{tail}")["input_ids"]
    room = max_length or POSITIONS
    if len(ids) < room:
        return ids
    kept = ids_of(tokenizer, tail)[-room:]
    return ids[: room - len(kept)] + kept


@dataclass(frozen=True)
class Known:
    """A checkpoint, what stands in for it, and its authors' reading and score."""

    name: str
    build: Callable[[Path], Path]
    ids: Callable[[Tokenizer, str, str, str | None, int | None], list[int]]
    score: Callable[[torch.Tensor, Tokenizer], torch.Tensor]


def token(tokenizer: Tokenizer, word: str) -> int:
    (only,) = ids_of(tokenizer, word)
    return only


def yes_or_no(logits: torch.Tensor, tokenizer: Tokenizer) -> torch.Tensor:
    return logits[:, [token(tokenizer, "no"), token(tokenizer, "yes")]].log_softmax(1)[:, 1].exp()


def one_or_zero(logits: torch.Tensor, tokenizer: Tokenizer) -> torch.Tensor:
    return logits[:, token(tokenizer, "1")] - logits[:, token(tokenizer, "0")]


def capital_yes(logits: torch.Tensor, tokenizer: Tokenizer) -> torch.Tensor:
    return logits[:, token(tokenizer, "Yes")]


def first_of_vocabulary(logits: torch.Tensor, _: Tokenizer) -> torch.Tensor:
    return logits[:, 0]


_QWEN3 = (language_models.qwen3, qwen3, yes_or_no)
_MXBAI = (language_models.qwen2, mxbai, one_or_zero)
_CTXL = (language_models.qwen3, ctxl, first_of_vocabulary)
KNOWN = [
    Known("Qwen/Qwen3-Reranker-0.6B", *_QWEN3),
    Known("Qwen/Qwen3-Reranker-4B", *_QWEN3),
    Known("Qwen/Qwen3-Reranker-8B", *_QWEN3),
    Known("mixedbread-ai/mxbai-rerank-base-v2", *_MXBAI),
    Known("mixedbread-ai/mxbai-rerank-large-v2", *_MXBAI),
    Known("BAAI/bge-reranker-v2-gemma", language_models.gemma, bge_gemma, capital_yes),
    Known("ContextualAI/ctxl-rerank-v2-instruct-multilingual-1b", *_CTXL),
    Known("ContextualAI/ctxl-rerank-v2-instruct-multilingual-2b", *_CTXL),
]
# One of each way of being asked.
DIFFERENT = [KNOWN[number] for number in (0, 3, 5, 6)]

# Beside the authors' own length, the texts that it does not count.
LENGTHS = [(KNOWN[0], 8192, ()), (KNOWN[3], 8192, MXBAI_PREDEFINED), (KNOWN[5], 1024, ("\n", GEMMA_PROMPT))]


def reference(
    known: Known,
    folder: Path,
    pairs: Sequence[tuple[str, str]],
    instruction: str | None = None,
    max_length: int | None = None,
) -> NDArray[np.float32]:
    """The scores of the pairs, in padded batches of two neighbours by length."""
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    rows = [known.ids(tokenizer, query, document, instruction, max_length) for query, document in pairs]
    assert max(map(len, rows)) <= (max_length or POSITIONS)
    order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
    scores = torch.empty(len(rows))
    with torch.inference_mode():
        for batch in (order[first : first + 2] for first in range(0, len(order), 2)):
            inputs = tokenizer.pad({"input_ids": [rows[number] for number in batch]}, return_tensors="pt")
            # Rotary positions that begin at the padding would round differently, by up to 5e-5 on these models.
            positions = (inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)
            scores[batch] = known.score(model(**inputs, position_ids=positions).logits[:, -1], tokenizer)
    result: NDArray[np.float32] = scores.numpy()
    return result


@pytest.fixture(params=DIFFERENT, ids=lambda known: known.name)
def known(request: pytest.FixtureRequest) -> Known:
    value: Known = request.param
    return value


def test_every_prompt_is_compared() -> None:
    assert {known.name for known in KNOWN} == {row.name for row in known_checkpoints() if row.prompt is not None}


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_scores_in_the_authors_unit(known: Known, tmp_path: Path) -> None:
    folder = known.build(tmp_path / known.name)
    pairs = SOME if known in DIFFERENT else SOME[::8]
    expected = reference(known, folder, pairs)
    assert expected.std() > 0.01, "a model whose scores are all alike would agree with anything"
    assert_scores(CrossEncoder(folder).predict(pairs), expected)


@pytest.mark.parametrize("room", [8, 9, 33])
def test_tight_limits(known: Known, room: int, tmp_path: Path) -> None:
    folder = known.build(tmp_path / known.name)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    max_length = len(known.ids(tokenizer, "", "", None, None)) + room
    expected = reference(known, folder, SOME, max_length=max_length)
    assert_scores(CrossEncoder(folder, max_length=max_length).predict(SOME), expected)


@pytest.mark.parametrize("instruction", ["Prefer {recent} ones. 最新", ""])
def test_instructions(known: Known, instruction: str, tmp_path: Path) -> None:
    folder = known.build(tmp_path / known.name)
    scores = CrossEncoder(folder, instruction=instruction).predict(SOME[::3])
    assert_scores(scores, reference(known, folder, SOME[::3], instruction))


@pytest.mark.parametrize(("known", "counted", "uncounted"), LENGTHS, ids=lambda value: getattr(value, "name", None))
def test_the_authors_lengths_hold_where_a_model_can_read_more(
    known: Known, counted: int, uncounted: Sequence[str], tmp_path: Path
) -> None:
    folder = known.build(tmp_path / known.name)
    checkpoints.edit_json(folder / "config.json", max_position_embeddings=32_768)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    n_uncounted = sum(len(ids_of(tokenizer, text)) for text in uncounted)
    assert CrossEncoder(folder).max_length == counted + n_uncounted


def test_a_name_alone_does_not_make_a_model_a_reranker(tmp_path: Path) -> None:
    folder = language_models.qwen3(tmp_path / "Qwen" / "Qwen3-0.6B")
    with pytest.raises(CheckpointError, match="no prompt is known that makes it a reranker"):
        CrossEncoder(folder)
