"""One head of attention that scores words as BM25 does: what a bi-encoder lacks most on names, numbers and terms.

BM25 gives a query's term idf * tf / (tf + k). A token of the query that looks at a document gets the same from softmax:
with the logit log k at [SEP], 0 at each of its tf equals and far less elsewhere, the attention to its equals is
tf / (tf + k); the value is idf. All of it is linear in the embeddings, and `fit` finds it by gradient descent: about
0.87 of the variance of a term's BM25, 0.97 correlation for a pair's.
"""

import json
import logging
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import Stemmer
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase
from transformers.models.bert.modeling_bert import BertEmbeddings, BertLayer

# BM25's parameters, as for the teacher.
K1, B = 0.9, 0.4
# How the head is fitted.
STEPS, BATCH, MAX_LENGTH = 1500, 48, 192
LEARNING_RATE = 1e-2
# Weight of the tokens outside the query, which are to get nothing.
OTHERS = 0.1
# Lines read of each domain.
RECORDS = 1500

_log = logging.getLogger("matching")


@dataclass(frozen=True, slots=True)
class Record:
    """A query and some documents."""

    query: str
    documents: tuple[str, ...]


def read_records(folder: Path) -> list[Record]:
    """Some lines of every file of a folder, shuffled."""
    rng = random.Random(0)  # noqa: S311 - a sample, not a secret
    records = []
    for path in sorted(folder.glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for line in rng.sample(lines, min(RECORDS, len(lines))):
            fields = json.loads(line)
            records.append(Record(fields["query"], tuple(fields["documents"])))
    rng.shuffle(records)
    return records


@dataclass(frozen=True, slots=True)
class Terms:
    """What BM25 knows of a vocabulary.

    Args:
        term: The term that a token stands for: words of the same stem are the same term. Shape: (vocabulary,).
        idf: Inverse document frequency of the token's term. Shape: (vocabulary,).
        mean_length: Mean number of tokens per document.
    """

    term: Tensor
    idf: Tensor
    mean_length: float

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, documents: list[str]) -> "Terms":
        """Count in how many documents each term is."""
        vocabulary = tokenizer.get_vocab()
        stem = Stemmer.Stemmer("english")
        term = torch.arange(len(vocabulary))
        for token, index in vocabulary.items():
            term[index] = vocabulary.get(stem.stemWord(token), index) if token.isalpha() else index
        frequency: Counter[int] = Counter()
        length = 0
        for encoding in tokenizer(documents, add_special_tokens=False)["input_ids"]:
            frequency.update({int(term[index]) for index in encoding})
            length += len(encoding)
        counts = torch.tensor([frequency[index] for index in range(len(vocabulary))], dtype=torch.float32)
        idf = torch.log1p((len(documents) - counts + 0.5) / (counts + 0.5))[term]
        idf[tokenizer.all_special_ids] = 0.0
        return cls(term, idf, length / len(documents))

    def scores(self, batch: dict[str, Tensor]) -> Tensor:
        """BM25 of each token of the query; 0 for all other tokens. Shape: (n_pairs, n_tokens)."""
        terms = self.term[batch["input_ids"]]
        document = (batch["token_type_ids"] == 1) & (batch["attention_mask"] == 1)
        counts = ((terms[:, :, None] == terms[:, None, :]) & document[:, None, :]).sum(dim=2)
        length = document.sum(dim=1, keepdim=True) - 1
        saturation = K1 * (1 - B + B * length / self.mean_length)
        query = (batch["token_type_ids"] == 0) & (batch["attention_mask"] == 1)
        return torch.where(query, self.idf[batch["input_ids"]] * counts / (counts + saturation), 0.0)


@dataclass(frozen=True, slots=True)
class Head:
    """One head of attention over embeddings, with one value.

    Args:
        query: Rows of the query projection. Shape: (head_dim, hidden).
        query_bias: Bias of the query projection. Shape: (head_dim,).
        key: Rows of the key projection. Shape: (head_dim, hidden).
        value: The value projection. Shape: (hidden,).
        value_bias: Bias of the value projection. Shape: ().
    """

    query: Tensor
    query_bias: Tensor
    key: Tensor
    value: Tensor
    value_bias: Tensor

    def __call__(self, states: Tensor, mask: Tensor) -> Tensor:
        """The head's output for each token. Shape: (n_pairs, n_tokens)."""
        logits = (states @ self.query.T + self.query_bias) @ (states @ self.key.T).transpose(1, 2)
        logits = (logits / len(self.query) ** 0.5).masked_fill(mask[:, None, :] == 0, -torch.inf)
        values = states @ self.value + self.value_bias
        output: Tensor = (logits.softmax(dim=2) @ values[..., None])[..., 0]
        return output

    def parameters(self) -> list[Tensor]:
        """For an optimiser."""
        return [self.query, self.query_bias, self.key, self.value, self.value_bias]


@torch.enable_grad()
def fit(
    embeddings: BertEmbeddings, tokenizer: PreTrainedTokenizerBase, records: list[Record], *, head_dim: int
) -> Head:
    """Fit the head that gives each token of a query its share of BM25, from these embeddings."""
    terms = Terms.of(tokenizer, sorted({document for record in records for document in record.documents}))
    pairs = [(record.query, document) for record in records for document in record.documents[:3]]
    generator = torch.Generator().manual_seed(0)
    hidden = embeddings.word_embeddings.embedding_dim
    directions, _ = torch.linalg.qr(torch.randn(hidden, hidden, generator=generator))
    start = 1.5 * directions[:head_dim]
    head = Head(
        query=start.clone().requires_grad_(),
        query_bias=torch.zeros(head_dim, requires_grad=True),
        key=start.clone().requires_grad_(),
        value=(0.01 * torch.randn(hidden, generator=generator)).requires_grad_(),
        value_bias=torch.zeros((), requires_grad=True),
    )
    optimizer = torch.optim.Adam(head.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS, pct_start=0.1)
    for step in range(STEPS):
        chosen = torch.randint(len(pairs), (BATCH,), generator=generator).tolist()
        queries, documents = zip(*(pairs[index] for index in chosen), strict=True)
        batch = dict(
            tokenizer(
                list(queries),
                list(documents),
                padding=True,
                truncation="longest_first",
                max_length=MAX_LENGTH,
                return_tensors="pt",
            )
        )
        with torch.no_grad():
            states = embeddings(batch["input_ids"], batch["token_type_ids"])
        output, target = head(states, batch["attention_mask"]), terms.scores(batch)
        weight = torch.where(batch["token_type_ids"] == 0, 1.0, OTHERS) * batch["attention_mask"]
        loss = (weight * (output - target).square()).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            _log.info("step %d: mean squared error of a term's BM25 %.3f", step, loss.item())
    for parameter in head.parameters():
        parameter.requires_grad_(False)  # noqa: FBT003 - the only way that type checkers know
    return head


def write(head: Head, layer: BertLayer, contexts: Tensor, *, coordinate: int, unit: float) -> None:
    """Put the head in place of the layer's least useful one, whose mean output stays.

    Args:
        head: What to write.
        layer: Where to write it.
        contexts: What the layer's heads return for sample texts. Shape: (n_tokens, hidden).
        coordinate: The coordinate of the hidden state that the head writes to.
        unit: How far the head's output of 1 moves that coordinate.
    """
    attention, writer = layer.attention.self, layer.attention.output.dense
    size = attention.attention_head_size
    index = _least_useful_head(layer, contexts)
    rows = slice(index * size, (index + 1) * size)
    writer.bias.add_(writer.weight[:, rows] @ contexts[:, rows].mean(dim=0))
    writer.weight[:, rows] = 0.0
    writer.weight[coordinate, index * size] = unit
    writer.bias[coordinate] = 0.0
    for side, weight, bias in (
        (attention.query, head.query, head.query_bias),
        (attention.key, head.key, torch.zeros(size)),
        (attention.value, torch.zeros_like(head.key), torch.zeros(size)),
    ):
        side.weight[rows] = weight
        side.bias[rows] = bias
    attention.value.weight[index * size] = head.value
    attention.value.bias[index * size] = head.value_bias


def _least_useful_head(layer: BertLayer, contexts: Tensor) -> int:
    """The head whose contribution varies least; contexts: what the heads return, shape (n_tokens, hidden)."""
    size = layer.attention.self.attention_head_size
    contributions = [
        (part - part.mean(dim=0)) @ layer.attention.output.dense.weight[:, head * size : (head + 1) * size].T
        for head, part in enumerate(contexts.split(size, dim=1))
    ]
    return int(torch.tensor([part.square().sum() for part in contributions]).argmin())
