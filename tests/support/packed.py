"""Files that may be gzipped."""

import gzip
from pathlib import Path


def write(path: Path, text: str) -> Path:
    """Write text, gzipped where the name says so, in folders that are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path
