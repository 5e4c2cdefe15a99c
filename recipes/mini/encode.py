"""What both encoders make of every passage and query of a corpus, kept in files so that it is computed once."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, load_npz, save_npz, vstack
from sentence_transformers import SentenceTransformer
from splade import SparseEncoder

# Tokens that all-MiniLM-L6-v2 was trained with.
DENSE_LENGTH = 128

_log = logging.getLogger("encode")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts as two encoders see them.

    Args:
        dense: Embeddings of length 1. Shape: (n_texts, hidden).
        sparse: Weights of terms. Shape: (n_texts, vocabulary).
    """

    dense: NDArray[np.float32]
    sparse: csr_matrix

    @classmethod
    def join(cls, parts: Sequence["Encoded"]) -> "Encoded":
        """The texts of all parts, in order."""
        sparse = vstack([part.sparse for part in parts], format="csr")
        return cls(np.concatenate([part.dense for part in parts]), sparse)


class Encoders:
    """Both encoders, and a folder of what they have encoded. They are loaded when there is something new to encode.

    What other files of an encoder made is not taken for theirs: the folder may hold that of several.

    Args:
        dense: Folder of all-MiniLM-L6-v2.
        sparse: Folder of SPLADE-tiny.
        cache: Folder of the files.
    """

    def __init__(self, dense: Path, sparse: Path, cache: Path) -> None:
        self._dense, self._sparse, self._cache = dense, sparse, cache

    def encode(self, texts: list[str]) -> Encoded:
        """The texts as both encoders see them, from the cache if these encoders have encoded exactly these before."""
        digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
        of_dense, of_sparse = self._digests
        dense, sparse = self._cache / f"{digest}.dense-{of_dense}.npy", self._cache / f"{digest}.sparse-{of_sparse}.npz"
        self._cache.mkdir(parents=True, exist_ok=True)
        if not dense.exists():
            _log.info("embedding %d texts", len(texts))
            model = SentenceTransformer(str(self._dense), device="cpu")
            model.max_seq_length = DENSE_LENGTH
            embeddings = model.encode(texts, batch_size=64, normalize_embeddings=True, show_progress_bar=False)
            partial = dense.with_suffix(".part.npy")
            np.save(partial, np.asarray(embeddings, dtype=np.float32))
            partial.replace(dense)
        if not sparse.exists():
            _log.info("weighting the terms of %d texts", len(texts))
            partial = sparse.with_suffix(".part.npz")
            save_npz(partial, SparseEncoder(self._sparse).encode(texts))
            partial.replace(sparse)
        return Encoded(np.load(dense), load_npz(sparse))

    @cached_property
    def _digests(self) -> tuple[str, str]:
        """Of the two encoders' files."""
        return _digest(self._dense), _digest(self._sparse)


def _digest(folder: Path) -> str:
    """Of all files in a folder, and how they are called there."""
    content = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content.update(f"{path.relative_to(folder)}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return content.hexdigest()[:16]
