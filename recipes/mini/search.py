"""Search everything that `gather.py` gathered on a GPU, and score what is found by the teacher.

The teacher is that of `build_lists.py`, which searches on a CPU: 20 x the cosine of all-MiniLM-L6-v2, a share of the
dot product of SPLADE-tiny, and 5 x BM25 over the query's best BM25.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from build_lists import SPREAD
from encode import DENSE_LENGTH
from gather import PLANS, Gathered
from numpy.typing import NDArray
from packed_network import CLS, NONE, SEP
from pools import DEPTH
from ragged import Ragged
from splade import MAX_LENGTH as SPARSE_LENGTH
from splade import term_weights
from teacher import BM25_WEIGHT, COSINE_SCALE
from torch import Tensor
from transformers import BertForMaskedLM, BertModel

# BM25's constants.
K1, B = 0.9, 0.4
PAD = 0
# Tokens of one pass of an encoder, and queries that are searched for at a time.
_TOKENS_AT_A_TIME, _QUERIES_AT_A_TIME = 32_768, 256


@dataclass(frozen=True, slots=True)
class Candidates:
    """What both first stages find for each query, and the teacher's scores of it, times SPREAD.

    Args:
        passages: BM25's best, best first, then the bi-encoder's. Shape: (n_queries, 2 * DEPTH).
        scores: Shape: as passages.
        answers: Of the passages that answer a query the best by the teacher; `NONE` where none is known.
            Shape: (n_queries,).
        answer_scores: Shape: (n_queries,).
    """

    passages: NDArray[np.int32]
    scores: NDArray[np.float32]
    answers: NDArray[np.int64]
    answer_scores: NDArray[np.float32]


def search(gathered: Gathered, encoder: BertModel, splade: BertForMaskedLM) -> Candidates:
    """Search for all queries.

    Args:
        gathered: Where, and for what.
        encoder: all-MiniLM-L6-v2, on the device that computes.
        splade: SPLADE-tiny, on the same.
    """
    device = encoder.device
    dense, asked_dense = (embed(texts, encoder) for texts in (gathered.passages, gathered.queries))
    sparse = weigh(gathered.passages, splade)
    postings = Postings.of(gathered.passage_terms, device)
    parts: list[tuple[Tensor, ...]] = []
    n_queries = len(gathered.domains)
    weights = torch.tensor([PLANS[name].sparse_weight for name in gathered.names], device=device)
    for first in range(0, n_queries, _QUERIES_AT_A_TIME):
        rows = range(first, min(first + _QUERIES_AT_A_TIME, n_queries))
        bm25 = postings.scores([gathered.query_terms[row] for row in rows])
        cosines = asked_dense[rows.start : rows.stop] @ dense.T
        products = weigh(gathered.queries.take(rows), splade) @ sparse.T
        weight = weights[torch.from_numpy(gathered.domains[rows.start : rows.stop]).to(device)]
        best_bm25 = bm25.amax(dim=1, keepdim=True).clamp_min(1e-6)
        teacher = COSINE_SCALE * cosines + weight[:, None] * products.float() + BM25_WEIGHT * bm25 / best_bm25
        teacher *= SPREAD
        found = torch.cat([bm25.topk(DEPTH).indices, cosines.topk(DEPTH).indices], dim=1)
        answers = _best(teacher, [gathered.answers[row] for row in rows])
        known = teacher.gather(1, answers.clamp_min(0)[:, None])[:, 0]
        parts.append((found.int(), teacher.gather(1, found), answers, known))
    return Candidates(*(torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True)))


@dataclass(frozen=True, slots=True)
class Postings:
    """BM25's weight of each term in each passage that has it, term after term.

    Args:
        passages: Which passage.
        weights: Its weight.
        bounds: Where each term begins, and where the last ends. Shape: (n_terms + 1,).
        n_passages: Of all terms.
    """

    passages: Tensor
    weights: Tensor
    bounds: NDArray[np.int64]
    n_passages: int

    @classmethod
    def of(cls, terms: Ragged, device: torch.device) -> "Postings":
        """The postings of passages by their terms."""
        lengths = np.diff(terms.bounds)
        n_passages, n_terms = len(lengths), int(terms.values.max()) + 1
        passage = np.repeat(np.arange(n_passages), lengths)
        pairs, counts = np.unique(terms.values * n_passages + passage, return_counts=True)
        term, passage = np.divmod(pairs, n_passages)
        holding = np.bincount(term, minlength=n_terms)
        idf = np.log1p((n_passages - holding + 0.5) / (holding + 0.5))
        length = 1 - B + B * lengths[passage] / lengths.mean()
        weights = idf[term] * counts / (counts + K1 * length)
        return cls(
            torch.from_numpy(passage).to(device),
            torch.from_numpy(weights.astype(np.float32)).to(device),
            np.cumsum([0, *holding]),
            n_passages,
        )

    def scores(self, queries: list[NDArray[np.int64]]) -> Tensor:
        """Of all passages. Shape: (n_queries, n_passages)."""
        terms = np.concatenate(queries)
        row = np.repeat(np.arange(len(queries)), [len(each) for each in queries])
        counts = self.bounds[terms + 1] - self.bounds[terms]
        starts = np.repeat(self.bounds[terms] - (counts.cumsum() - counts), counts)
        device = self.passages.device
        places = torch.from_numpy(np.arange(counts.sum()) + starts).to(device)
        into = torch.from_numpy(np.repeat(row, counts)).to(device) * self.n_passages + self.passages[places]
        scores = torch.zeros(len(queries) * self.n_passages, device=device)
        return scores.index_add_(0, into, self.weights[places]).view(len(queries), self.n_passages)


@torch.inference_mode()
def embed(texts: Ragged, encoder: BertModel) -> Tensor:
    """Embeddings of length 1, the mean of all tokens' states. Shape: (n_texts, hidden)."""
    embedded = torch.empty(len(texts), encoder.config.hidden_size, device=encoder.device)
    for rows, ids, mask in _batches(texts, DENSE_LENGTH, encoder.device):
        states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        means = (states * mask[:, :, None]).sum(dim=1)  # their length is made 1
        embedded[rows] = torch.nn.functional.normalize(means)
    return embedded


@torch.inference_mode()
def weigh(texts: Ragged, splade: BertForMaskedLM) -> Tensor:
    """The weight of each term in each text, in half precision on a GPU. Shape: (n_texts, vocabulary)."""
    half = torch.float16 if splade.device.type == "cuda" else torch.float32
    weights = torch.empty(len(texts), splade.config.vocab_size, dtype=half, device=splade.device)
    for rows, ids, mask in _batches(texts, SPARSE_LENGTH, splade.device):
        logits = splade(input_ids=ids, attention_mask=mask).logits
        logits.masked_fill_(mask[:, :, None] == 0, 0.0)  # which gives no term a weight
        weights[rows] = term_weights(logits.transpose(0, 1)).to(half)
    return weights


def _batches(texts: Ragged, max_length: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Which texts, their tokens with special ones, and which tokens are no padding; texts of like length together."""
    lengths = np.minimum(np.diff(texts.bounds), max_length - 2)
    order = np.argsort(-lengths, kind="stable")
    first = 0
    while first < len(order):
        width = int(lengths[order[first]]) + 2
        rows = order[first : first + max(1, _TOKENS_AT_A_TIME // width)]
        first += len(rows)
        place, own = np.arange(width) - 1, lengths[rows, None]
        inside = (place >= 0) & (place < own)
        ids = np.full(inside.shape, PAD)
        ids[inside] = texts.values[(texts.bounds[rows, None] + place)[inside]]
        ids[:, 0] = CLS
        ids[np.arange(len(rows)), lengths[rows] + 1] = SEP
        mask = (place <= own).astype(np.int64)
        yield torch.from_numpy(rows).to(device), torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)


def _best(teacher: Tensor, choices: list[NDArray[np.int64]]) -> Tensor:
    """Of some passages of each query the best by the teacher; `NONE` where there is none to choose from."""
    width = max(1, *map(len, choices))
    filled = np.full((len(choices), width), NONE)
    for row, each in enumerate(choices):
        filled[row, : len(each)] = each
    places = torch.from_numpy(filled).to(teacher.device)
    scores = teacher.gather(1, places.clamp_min(0)).masked_fill(places == NONE, -torch.inf)
    return places.gather(1, scores.argmax(dim=1, keepdim=True))[:, 0]


def load_encoders(dense: Path, sparse: Path, device: torch.device) -> tuple[BertModel, BertForMaskedLM]:
    """all-MiniLM-L6-v2 and SPLADE-tiny on a device, in float32."""
    encoder = BertModel.from_pretrained(dense, dtype=torch.float32, add_pooling_layer=False).eval()
    splade = BertForMaskedLM.from_pretrained(sparse, dtype=torch.float32).eval()
    return torch.nn.Module.to(encoder, device), torch.nn.Module.to(splade, device)
