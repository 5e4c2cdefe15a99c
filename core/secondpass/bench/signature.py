"""Everything that a figure depends on, to be kept beside it."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from secondpass.bench.setting import Setting
from secondpass.bench.workloads import Workload
from secondpass.concurrency.threads import n_usable_cores

# Packages that have a part in every figure, and those that may be missing.
_PACKAGES = ("secondpass", "torch", "transformers", "tokenizers", "sentence-transformers", "numpy")
_OPTIONAL = ("onnxruntime", "openvino", "nncf", "optimum", "optimum-onnx", "optimum-intel")
# Instructions that matrix products use, as /proc/cpuinfo calls them.
_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "asimddp",
    "i8mm",
    "bf16",
)


def collect_signature(setting: Setting, model: str, *, repeats: int) -> dict[str, Any]:
    """Versions, machine, model and settings, as JSON.

    Args:
        setting: What every contender is loaded with.
        model: The model in words; a path on this machine says nothing elsewhere.
        repeats: Interleaved turns of each contender.
    """
    import torch

    from secondpass.execution.devices import device_name, placement_for

    placement = placement_for(setting.device, None, setting.batch_tokens)
    device = placement.devices[0].device
    return {
        "model": model,
        "network": network_sizes(setting),
        "max_length": setting.max_length,
        "batch_tokens": placement.batch_tokens,
        "repeats": repeats,
        "device": str(device),
        "gpu": device_name(device),
        "cpu": cpu_model(),
        "cpu_flags": cpu_flags(),
        # Less than the CPU has where ATEN_CPU_CAPABILITY says so.
        "torch_instructions": torch.backends.cpu.get_cpu_capability(),
        "cpus": n_usable_cores(),
        "threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": package_versions(),
    }


def token_summary(workload: Workload, setting: Setting) -> dict[str, float]:
    """A summary of the workload's tokens per pair after truncation, special tokens included, a prompt's not."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(setting.model, trust_remote_code=setting.trust_remote_code)
    encoded = tokenizer(workload.pairs, truncation=True, max_length=setting.max_length).input_ids
    return summarize([len(ids) for ids in encoded])


def summarize(token_counts: Sequence[int]) -> dict[str, float]:
    """Mean, median, 95th percentile, maximum and sum."""
    counts = np.asarray(token_counts)
    p50, p95 = np.percentile(counts, [50, 95])
    return {
        "mean": round(float(counts.mean()), 1),
        "p50": round(float(p50), 1),
        "p95": round(float(p95), 1),
        "max": int(counts.max()),
        "sum": int(counts.sum()),
    }


def network_sizes(setting: Setting) -> dict[str, Any]:
    """The sizes that a network's speed depends on, from its config."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(setting.model, trust_remote_code=setting.trust_remote_code).to_dict()
    names = ("model_type", "num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "vocab_size")
    return {name: config[name] for name in names if name in config}


def package_versions() -> dict[str, str]:
    """The version of every installed package that has a part in the figures."""
    versions = {name: _version(name) for name in (*_PACKAGES, *_OPTIONAL)}
    installed = {name: number for name, number in versions.items() if number is not None}
    return {"secondpass": "not installed, run from its source"} | installed


def cpu_model() -> str:
    """The CPU's name, as the system reports it."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def cpu_flags() -> list[str]:
    """The CPU's instructions that matrix products use; empty where the system does not list them."""
    info = _cpuinfo()
    present = set((info.get("flags") or info.get("Features") or "").split())
    return [flag for flag in _FLAGS if flag in present]


def _cpuinfo() -> dict[str, str]:
    """The first processor's entries in Linux's /proc/cpuinfo; nothing elsewhere."""
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return {}
    first = file.read_text(encoding="utf-8").split("\n\n")[0]
    entries = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in entries}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
