"""The shapes of an encoder's parameters under our names: what a checkpoint must hold to be read as data."""

from typing import TypeAlias

Shapes: TypeAlias = dict[str, tuple[int, ...]]


def table(name: str, rows: int, width: int) -> Shapes:
    """A table of embeddings."""
    return {f"{name}.weight": (rows, width)}


def linear(name: str, n_out: int, n_in: int, *, bias: bool = True) -> Shapes:
    """A linear layer."""
    return {f"{name}.weight": (n_out, n_in)} | ({f"{name}.bias": (n_out,)} if bias else {})


def norm(name: str, width: int, *, bias: bool = True) -> Shapes:
    """A normalisation."""
    shapes: Shapes = {f"{name}.weight": (width,)}
    return shapes | ({f"{name}.bias": (width,)} if bias else {})


def post_norm_layers(n_layers: int, hidden: int, inner: int) -> Shapes:
    """The layers of BERT and its kin, in which everything has a bias."""
    shapes: Shapes = {}
    for i in range(n_layers):
        for part in ("query", "key", "value", "out"):
            shapes |= linear(f"layers.{i}.attention.{part}", hidden, hidden)
        shapes |= norm(f"layers.{i}.attention.norm", hidden)
        shapes |= linear(f"layers.{i}.ffn.up", inner, hidden) | linear(f"layers.{i}.ffn.down", hidden, inner)
        shapes |= norm(f"layers.{i}.ffn.norm", hidden)
    return shapes
