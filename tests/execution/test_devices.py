"""Where and in which precision a model runs, and what this machine's devices are said to do."""

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch

from secondpass.encoder import Capabilities, Precision
from secondpass.encoder.arithmetic import onednn
from secondpass.encoder.attention import varlen
from secondpass.errors import InputError, InputTypeError
from secondpass.execution import devices
from secondpass.execution.devices import capabilities_of, device_names, devices_for, placement_for

GPU = Capabilities(torch.device("cuda:0"), default_dtype=torch.bfloat16, batch_tokens=65536)
OLD_GPU = Capabilities(torch.device("cuda:1"), default_dtype=torch.float16, batch_tokens=65536)
CPU = Capabilities(torch.device("cpu"), default_dtype=torch.float32, batch_tokens=4096)


@pytest.mark.parametrize(
    ("having", "precision"),
    [
        ([CPU], Precision.FLOAT32),
        ([GPU], Precision.BFLOAT16),
        ([GPU, GPU], Precision.BFLOAT16),
        ([GPU, OLD_GPU], Precision.FLOAT16),
        ([OLD_GPU, CPU, GPU], Precision.FLOAT32),
    ],
)
def test_the_default_precision_suits_every_device(having: Sequence[Capabilities], precision: Precision) -> None:
    assert devices._default_precision(having) is precision


def test_the_default_batch_suits_the_smallest_device() -> None:
    assert devices._default_batch_tokens([GPU, CPU]) == 4096
    assert devices._default_batch_tokens([GPU, OLD_GPU]) == 65536


def test_a_placement_is_what_was_asked_for() -> None:
    placement = placement_for(["cpu", torch.device("cpu")], "float32", 77)
    assert [capabilities.device for capabilities in placement.devices] == [torch.device("cpu")] * 2
    assert (placement.precision, placement.batch_tokens) == (Precision.FLOAT32, 77)
    assert placement_for("cpu", None, None).precision is Precision.FLOAT32


@pytest.mark.parametrize(
    ("bfloat16", "float16", "slow"),
    [
        (True, True, set()),
        (True, False, {torch.float16}),
        (False, False, {torch.bfloat16, torch.float16}),
    ],
)
def test_a_cpu_is_slow_in_what_it_emulates(
    bfloat16: bool,  # noqa: FBT001 - pytest passes it by name
    float16: bool,  # noqa: FBT001 - likewise
    slow: set[torch.dtype],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onednn, "has_bfloat16", lambda: bfloat16)
    monkeypatch.setattr(onednn, "has_float16", lambda: float16)
    assert capabilities_of(torch.device("cpu")).slow_dtypes == slow


@pytest.fixture
def old_and_new_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch says that there are a Turing (7.5), which is the current one, and a Hopper (9.0)."""
    properties = [SimpleNamespace(major=7, minor=5), SimpleNamespace(major=9, minor=0)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(properties))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(
        torch.cuda,
        "get_device_properties",
        lambda device: properties[device if isinstance(device, int) else torch.device(device).index or 0],
    )


@pytest.mark.usefixtures("old_and_new_gpu")
def test_what_a_gpu_can_do_is_asked_of_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (capabilities_of(torch.device("cuda", index)) for index in range(2))
    assert (old.default_dtype, new.default_dtype) == (torch.float16, torch.bfloat16)
    assert (old.varlen_attention, new.varlen_attention) == (False, varlen.has_kernel())
    assert placement_for("cuda:1", None, None).precision is Precision.BFLOAT16
    assert placement_for(["cuda:0", "cuda:1"], None, None).precision is Precision.FLOAT16
    monkeypatch.setattr(torch.version, "hip", "7.0")
    assert capabilities_of(torch.device("cuda:0")).default_dtype is torch.bfloat16


def test_a_device_unknown_to_us_has_what_every_accelerator_has() -> None:
    assert capabilities_of(torch.device("meta")) == Capabilities(torch.device("meta"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match="there is no cuda here, got 'cuda:0'"):
        devices_for("cuda:0")


@pytest.mark.parametrize(("device", "message"), [([], "got an empty list"), ("no device", "got 'no device'")])
def test_what_is_not_a_device_is_an_error(device: str | list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        devices_for(device)


def test_device_names_are_text() -> None:
    assert device_names(None) is None
    assert device_names(torch.device("cuda", 1)) == "cuda:1"
    assert device_names(["cpu", torch.device("cpu")]) == ("cpu", "cpu")
    with pytest.raises(InputTypeError, match="device must be a name"):
        device_names(3)
