"""What a model that needs padding is given."""

from types import SimpleNamespace
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from secondpass.encoder import TokenBatch
from secondpass.encoder.padded import PaddedModel

PAD = 7


class Recorder:
    """Stands where a transformers model would, and gives back what it reads."""

    config = SimpleNamespace(pad_token_id=PAD)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> dict[str, Tensor]:
        return {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}

    def __call__(self, **inputs: Any) -> dict[str, Tensor]:
        return self.forward(**inputs)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=12).map(tuple))
def test_every_text_is_padded_as_torch_pads_it(lengths: tuple[int, ...]) -> None:
    ids, type_ids = torch.arange(sum(lengths)) + 100, torch.arange(sum(lengths)) % 2
    read, mask = PaddedModel(Recorder(), reads_types=True)(TokenBatch(ids, type_ids, lengths))  # type: ignore[arg-type] # all it asks of a model
    for name, flat, value in (
        ("input_ids", ids, PAD),
        ("token_type_ids", type_ids, 0),
        ("attention_mask", torch.ones_like(ids), 0),
    ):
        expected = pad_sequence(list(flat.split(lengths)), batch_first=True, padding_value=value)
        assert torch.equal(read[name], expected)
    assert torch.equal(mask, read["attention_mask"].bool())
