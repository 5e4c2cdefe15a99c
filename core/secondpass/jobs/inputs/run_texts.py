"""The texts that the ids of a TREC run stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from secondpass.ir_files.texts import read_documents, read_queries
from secondpass.jobs.inputs.file_digest import FileDigest, unchanged


@dataclass(frozen=True, slots=True)
class RunTexts:
    """The texts of a run.

    Args:
        queries: By id.
        documents: By id.
    """

    queries: Mapping[str, str] = field(repr=False)
    documents: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class RunTextFiles:
    """The files of a run's texts, which are read once and held as long as this is.

    A pickle holds no texts, but the names of the files, for whoever gets it to read them.

    Args:
        queries: The file of the queries.
        documents: The file of the documents.
        digests: Of the two, as the job found them; empty before that.
    """

    queries: Path
    documents: Path
    digests: tuple[FileDigest, ...] = ()

    @cached_property
    def texts(self) -> RunTexts:
        """What is in them.

        Raises:
            InputError: One of them cannot be read, or has changed since the job began.
        """
        texts = RunTexts(read_queries(self.queries), read_documents(self.documents))
        for path, digest in zip((self.queries, self.documents), self.digests, strict=False):
            unchanged(path, digest)
        return texts

    def absolute(self) -> "RunTextFiles":
        """The same files by names that hold in any working folder."""
        return RunTextFiles(self.queries.absolute(), self.documents.absolute(), self.digests)

    def __reduce__(self) -> tuple[type["RunTextFiles"], tuple[Path, Path, tuple[FileDigest, ...]]]:
        return RunTextFiles, (self.queries, self.documents, self.digests)
