"""The packed encoder on a GPU; where there is none, as much of its way there as a CPU can follow."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from random_backbones import CASES, CPU, backbone, packed_form, random_batch, reference
from torch import Tensor
from torch.nn import functional

from secondpass.encoder import Capabilities, Pooling, Precision
from secondpass.encoder.attention import varlen
from secondpass.encoder.attention.attend import attend, attend_one
from secondpass.encoder.attention.varlen import applies, attend_varlen
from secondpass.encoder.packing import pack
from secondpass.execution.devices import capabilities_of

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
# Models with heads of a multiple of 8 that are packed on a GPU too.
WIDE_HEADS = ("bert-wide-head", "modernbert-wide-head", "qwen3-wide-head")
LENGTHS = (144, 60, 60, 33, 17, 17, 17, 16, 9, 3, 1)


def _packing_everything(device: str) -> Capabilities:
    """The device with the forms that are right on it too, though left to CPUs for their many calls."""
    return replace(capabilities_of(torch.device(device)), cheap_calls=True)


@needs_gpu
@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16, Precision.FLOAT16])
@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_a_gpu_gives_what_transformers_gives(name: str, precision: Precision, pooling: Pooling) -> None:
    """The width of heads here is not a multiple of 8: groups of equal length, without the variable-length kernel."""
    model = backbone(name)
    encoder = packed_form(model, precision=precision, pooling=pooling, capabilities=_packing_everything("cuda"))
    assert encoder is not None
    expected = reference(model, random_batch(model, LENGTHS), pooling)
    error = (encoder(random_batch(model, LENGTHS, device="cuda")).cpu() - expected).norm() / expected.norm()
    assert error < {Precision.FLOAT32: 1e-5, Precision.BFLOAT16: 0.05, Precision.FLOAT16: 0.01}[precision]


@needs_gpu
@pytest.mark.parametrize(("name", "pooling"), [case for case in CASES if case[0] in WIDE_HEADS])
def test_the_variable_length_kernel_gives_what_transformers_gives(name: str, pooling: Pooling) -> None:
    model = backbone(name)
    cuda = capabilities_of(torch.device("cuda"))
    assert applies(torch.empty(1, 48, dtype=torch.bfloat16), cuda, n_heads=3)
    encoder = packed_form(model, precision=Precision.FLOAT16, pooling=pooling, capabilities=cuda)
    assert encoder is not None
    expected = reference(model, random_batch(model, LENGTHS), pooling)
    assert (encoder(random_batch(model, LENGTHS, device="cuda")).cpu() - expected).norm() / expected.norm() < 0.01


def test_the_variable_length_kernel_does_not_apply_on_a_cpu() -> None:
    assert not applies(torch.empty(1, 48, dtype=torch.bfloat16), CPU, n_heads=3)


def test_the_variable_length_kernel_takes_half_precision_and_heads_of_a_multiple_of_8() -> None:
    device = Capabilities(torch.device("meta"), varlen_attention=True)
    half, single = torch.empty(1, 48, dtype=torch.float16), torch.empty(1, 48)
    assert applies(half, device, n_heads=3)
    assert not applies(half, device, n_heads=4)
    assert not applies(torch.empty(1, 264, dtype=torch.float16), device, n_heads=1)
    assert not applies(single, device, n_heads=3)


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16, Precision.FLOAT16])
@pytest.mark.parametrize(("name", "pooling"), CASES)
def test_nothing_stays_behind_on_the_cpu(name: str, precision: Precision, pooling: Pooling) -> None:
    """Torch's device without memory takes the way of every device but the CPU, and refuses to mix with it."""
    model = backbone(name)
    meta = torch.device("meta")
    encoder = packed_form(model, precision=precision, pooling=pooling, capabilities=_packing_everything("meta"))
    assert encoder is not None
    states = encoder(random_batch(model, LENGTHS, device="meta"))
    assert (states.shape, states.dtype, states.device) == (
        (len(LENGTHS), model.config.hidden_size),
        torch.float32,
        meta,
    )


def varlen_by_definition(  # noqa: PLR0913, PLR0917 - the operator's own
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    is_causal: bool,  # noqa: FBT001 - as above
    scale: float | None,
    window_size: Sequence[int],
    enable_gqa: bool = False,  # noqa: FBT001, FBT002 - as above; what is left at its default is not passed on
    *_unused: object,
) -> tuple[Tensor, Tensor, Tensor]:
    """What torch documents of `varlen_attn`, text by text; only its first result is real."""
    assert is_causal == (tuple(window_size) == (-1, 0))
    assert enable_gqa == (query.shape[1] != key.shape[1])
    assert scale is None
    key, value = (rows.repeat_interleave(query.shape[1] // rows.shape[1], dim=1) for rows in (key, value))
    mixed = torch.full_like(query, torch.nan)
    bounds = zip(
        cu_seq_q[:-1].tolist(), cu_seq_q[1:].tolist(), cu_seq_k[:-1].tolist(), cu_seq_k[1:].tolist(), strict=True
    )
    for q_start, q_end, k_start, k_end in bounds:
        n_q, n_k = q_end - q_start, k_end - k_start
        assert n_q <= max_q
        assert n_k <= max_k
        distance = torch.arange(n_k)[None, :] - (torch.arange(n_q)[:, None] + n_k - n_q)
        left, right = window_size
        seen = ((left < 0) | (distance >= -left)) & ((right < 0) | (distance <= right))
        q, k, v = (rows.transpose(0, 1) for rows in (query[q_start:q_end], key[k_start:k_end], value[k_start:k_end]))
        mixed[q_start:q_end] = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(0, 1)
    return mixed, torch.empty(0), torch.empty(0)


@pytest.fixture(scope="module")
def kernel_on_the_cpu() -> Iterator[None]:
    library = torch.library.Library("torch_attn", "FRAGMENT")
    torch.library.register_kernel("torch_attn::_varlen_attn", "cpu", varlen_by_definition, lib=library)
    yield
    library._destroy()


@pytest.mark.usefixtures("kernel_on_the_cpu")
@pytest.mark.parametrize("window", [None, 8])
def test_the_variable_length_kernel_is_asked_for_each_pairs_own_attention(window: int | None) -> None:
    packing = pack(LENGTHS, Capabilities(torch.device("cpu")))
    torch.manual_seed(0)
    query, key, value = (torch.randn(sum(LENGTHS), 32) for _ in range(3))
    expected = attend(query, key, value, packing, n_heads=2, window=window)
    got = attend_varlen(query, key, value, packing, n_heads=2, window=window)
    torch.testing.assert_close(got, expected)
    if window is None:
        firsts = query[packing.read_rows]
        expected = attend_one(firsts, key, value, packing, n_heads=2, window=None)
        got = attend_varlen(firsts, key, value, packing, n_heads=2, window=None)
        torch.testing.assert_close(got, expected)


@pytest.mark.usefixtures("kernel_on_the_cpu")
@pytest.mark.parametrize("n_key_heads", [4, 2, 1])
def test_the_variable_length_kernel_is_asked_for_causal_attention(n_key_heads: int) -> None:
    packing = pack(LENGTHS, Capabilities(torch.device("cpu")), reads_last=True)
    torch.manual_seed(0)
    query, key, value = (torch.randn(sum(LENGTHS), 8 * n_heads) for n_heads in (4, n_key_heads, n_key_heads))
    expected = attend(query, key, value, packing, n_heads=4, window=None, causal=True)
    got = attend_varlen(query, key, value, packing, n_heads=4, window=None, causal=True)
    torch.testing.assert_close(got, expected)
    lasts = query[packing.read_rows]
    torch.testing.assert_close(attend_one(lasts, key, value, packing, n_heads=4, window=None), got[packing.read_rows])
    torch.testing.assert_close(
        attend_varlen(lasts, key, value, packing, n_heads=4, window=None), got[packing.read_rows]
    )


@pytest.mark.usefixtures("kernel_on_the_cpu")
def test_a_kernel_that_shares_no_keys_is_given_copies_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    packing = pack(LENGTHS, Capabilities(torch.device("cpu")))
    torch.manual_seed(0)
    query, key, value = (torch.randn(sum(LENGTHS), 8 * n_heads) for n_heads in (4, 2, 2))
    expected = attend(query, key, value, packing, n_heads=4, window=None, causal=True)
    monkeypatch.setattr(varlen, "shares_keys", lambda: False)
    torch.testing.assert_close(attend_varlen(query, key, value, packing, n_heads=4, window=None, causal=True), expected)
