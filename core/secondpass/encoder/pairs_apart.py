"""The pairs of a batch that a padded model cannot take beside each other, in passes of their own.

Some let padding through to scores (`padding_leaks.py`), others know no padding token, refuse texts with more ends than
the rest, or are changed by what they read.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from secondpass.concurrency.per_process import PerProcess
from secondpass.encoder.batch import TokenBatch

_Key = TypeVar("_Key", bound=Hashable)


class Apart:
    """Runs the pairs of a batch that have one key together, and no others.

    Args:
        encoder: A padded model.
        keys_of: The key of each pair of a batch.
    """

    def __init__(
        self, encoder: Callable[[TokenBatch], Tensor], keys_of: Callable[[TokenBatch], Sequence[Hashable]]
    ) -> None:
        self._encoder = encoder
        self._keys_of = keys_of

    def __call__(self, batch: TokenBatch) -> Tensor:
        """As the encoder's own. Shape: (n_pairs, n_outputs)."""
        return _in_groups(batch, self._keys_of(batch), lambda _, group: self._encoder(group))


class OneLengthAtATime:
    """Runs the pairs of a batch that are equally long together, and nothing else at that time.

    Rotary positions of the kind "longrope" are chosen for a whole pass by its longest pair, and kept in the model,
    where a pass in another thread would find them.

    Args:
        encoder: A padded model.
    """

    def __init__(self, encoder: Callable[[TokenBatch], Tensor]) -> None:
        self._encoder = Apart(encoder, lambda batch: batch.lengths)
        self._lock = PerProcess(threading.Lock)

    def __call__(self, batch: TokenBatch) -> Tensor:
        """As the encoder's own. Shape: (n_pairs, n_outputs)."""
        with self._lock.get():
            return self._encoder(batch)


def count_tokens(batch: TokenBatch, token_id: int) -> list[int]:
    """How often each pair of a batch holds a token."""
    before = functional.pad((batch.ids == token_id).cumsum(0), (1, 0))
    ends = torch.tensor(batch.lengths, device="cpu").cumsum(0).to(batch.ids.device)
    counts: list[int] = functional.pad(before[ends], (1, 0)).diff().tolist()
    return counts


class PaddingApart:
    """Runs pairs in which the padding token is written out through an encoder of their own.

    Classifiers on causal models read a text's last token that is not that of padding. Where their config names none, it
    is the last one, whatever it is.

    Args:
        encoder: A padded model.
        pad_id: The padding token.
        apart: What runs those pairs as they are run alone.
    """

    def __init__(
        self,
        encoder: Callable[[TokenBatch], Tensor],
        pad_id: int,
        apart: Callable[[TokenBatch], Tensor],
    ) -> None:
        self._encoder = encoder
        self._pad_id = pad_id
        self._apart = apart

    def __call__(self, batch: TokenBatch) -> Tensor:
        """As the encoders' own. Shape: (n_pairs, n_outputs)."""
        is_apart = [count > 0 for count in count_tokens(batch, self._pad_id)]
        return _in_groups(batch, is_apart, lambda apart, group: (self._apart if apart else self._encoder)(group))


def _in_groups(batch: TokenBatch, keys: Sequence[_Key], run: Callable[[_Key, TokenBatch], Tensor]) -> Tensor:
    """The outputs of a batch whose pairs of one key are run together, in order."""
    rows_of: dict[_Key, list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    if len(rows_of) == 1:
        return run(keys[0], batch)
    ids, type_ids = batch.ids.split(batch.lengths), batch.type_ids.split(batch.lengths)
    outputs: dict[int, Tensor] = {}
    for key, rows in rows_of.items():
        lengths = tuple(batch.lengths[row] for row in rows)
        group = TokenBatch(torch.cat([ids[row] for row in rows]), torch.cat([type_ids[row] for row in rows]), lengths)
        outputs |= zip(rows, run(key, group), strict=True)
    return torch.stack([outputs[row] for row in range(len(keys))])
