"""Misuses of the public API: each line with a mark must be refused by mypy and basedpyright, for the reasons it names.

`# expect: X, Y` is mypy's code and basedpyright's rule. Never run.
"""

# pyright: standard
# Its strict rules would add what follows from each mistake: names of unknown types.

from collections.abc import Sequence

import langchain_secondpass
import llama_index_secondpass
from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass import (
    AsyncScorer,
    BiEncoder,
    CachedScorer,
    Cascade,
    CrossEncoder,
    RankedDocument,
    RemoteScorer,
    Scorer,
    arank,
    rank,
)
from secondpass.training import DataConfig, ModelConfig, RunConfig, TrainingConfig


def options() -> None:
    CrossEncoder()  # expect: call-arg, reportCallIssue
    CrossEncoder("m", max_lenght=64)  # expect: call-arg, reportCallIssue
    CrossEncoder("m", "main")  # expect: call-arg, reportCallIssue
    CrossEncoder("m", dtype="float64")  # expect: arg-type, reportArgumentType
    CrossEncoder("m", activation="relu")  # expect: arg-type, reportArgumentType
    CrossEncoder("m", max_length="64")  # expect: arg-type, reportArgumentType
    CrossEncoder("m", device=0)  # expect: arg-type, reportArgumentType
    BiEncoder("m", activation="sigmoid")  # expect: call-arg, reportCallIssue
    RemoteScorer("http://localhost", api="openai")  # expect: arg-type, reportArgumentType
    RemoteScorer("http://localhost", on_failure="ignore")  # expect: arg-type, reportArgumentType
    RemoteScorer("http://localhost", "tei")  # expect: call-arg, reportCallIssue


def calls(model: CrossEncoder, embedder: BiEncoder) -> None:
    model.score(["query"], ["text"])  # expect: arg-type, reportArgumentType
    model.score("query", None)  # expect: arg-type, reportArgumentType
    model.score("query", [1])  # expect: list-item, reportArgumentType
    model.score("query", ["text"], True)  # expect: call-arg, reportCallIssue
    model.predict(["query", "text"])  # expect: list-item, reportArgumentType
    model.predict([("query", "text", "more")])  # expect: list-item, reportArgumentType
    model.rank("query", ["text"], top_k=1.5)  # expect: arg-type, reportArgumentType
    model.rank("query", ["text"], top_n=1)  # expect: call-arg, reportCallIssue
    model.rank("query", ["text"], score_threshold="0.5")  # expect: arg-type, reportArgumentType
    embedder.logits([("query", "text")])  # expect: attr-defined, reportAttributeAccessIssue


def attributes(model: CrossEncoder) -> None:
    model.name = "other"  # expect: misc, reportAttributeAccessIssue
    model.max_length = 64  # expect: misc, reportAttributeAccessIssue
    model.labels = ()  # expect: misc, reportAttributeAccessIssue
    model.dtype = "float32"  # expect: misc, reportAttributeAccessIssue
    model.devices = ("cpu",)  # expect: misc, reportAttributeAccessIssue
    model.batch_size = 32  # expect: attr-defined, reportAttributeAccessIssue


async def awaited(model: CrossEncoder) -> None:
    model.arank("query", ["text"])  # expect: unused-coroutine, reportUnusedCoroutine
    for _ in model.arank("query", ["text"]):  # expect: attr-defined, reportGeneralTypeIssues
        pass
    await model.rank("query", ["text"])  # expect: misc, reportGeneralTypeIssues
    arank(model, "query", ["text"])  # expect: unused-coroutine, reportUnusedCoroutine


class WithoutDocuments:
    def score(self, query: str) -> list[float]:
        return [float(len(query))]


class InWords:
    def score(self, query: str, documents: Sequence[str]) -> list[str]:
        return [query for _ in documents]


class Scores:
    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        return [float(len(query)) for _ in documents]


def scorers() -> None:
    rank("secondpass/mini", "query", ["text"])  # expect: arg-type, reportArgumentType
    rank(WithoutDocuments(), "query", ["text"])  # expect: arg-type, reportArgumentType
    rank(InWords(), "query", ["text"])  # expect: arg-type, reportArgumentType
    rank(Scores(), "query", ["text"], 3)  # expect: call-arg, reportCallIssue
    rank(Scores(), "query", ["text"]).score  # expect: attr-defined, reportAttributeAccessIssue
    refused: Scorer = Scores().score  # expect: assignment, reportAssignmentType
    awaitable: AsyncScorer = Scores()  # expect: assignment, reportAssignmentType
    rank(refused, "query", [awaitable])  # expect: list-item, reportArgumentType


def scorers_around_scorers() -> None:
    Cascade([Scores(), Scores()])  # expect: call-arg, reportCallIssue
    Cascade([Scores(), InWords()], keep=20)  # expect: list-item, reportArgumentType
    Cascade([Scores(), Scores()], keep="20")  # expect: arg-type, reportArgumentType
    Cascade([Scores(), Scores()], keep=20).predict([])  # expect: attr-defined, reportAttributeAccessIssue
    CachedScorer(Scores())  # expect: call-arg, reportCallIssue
    CachedScorer(InWords(), "scores")  # expect: arg-type, reportArgumentType
    CachedScorer(Scores(), "scores", "mark")  # expect: call-arg, reportCallIssue
    CachedScorer(Scores(), "scores").hits = 0  # expect: misc, reportAttributeAccessIssue


def ranked_documents(document: RankedDocument) -> None:
    document.score = 1.0  # expect: misc, reportAttributeAccessIssue
    document.relevance  # expect: attr-defined, reportAttributeAccessIssue
    RankedDocument(0, 0.5)  # expect: call-arg, reportCallIssue


def adapters() -> None:
    langchain_secondpass.SecondPassRerank(scorer=InWords())  # expect: arg-type, reportArgumentType
    langchain_secondpass.SecondPassRerank(model="m", top_k=3)  # expect: call-arg, reportCallIssue
    langchain_secondpass.SecondPassCrossEncoder(model="m", dtype="float64")  # expect: arg-type, reportArgumentType
    llama_index_secondpass.SecondPassRerank(scorer=InWords())  # expect: arg-type, reportArgumentType
    llama_index_secondpass.SecondPassRerank(model="m", top_k=3)  # expect: call-arg, reportCallIssue
    SecondPassRanker(scorer=InWords())  # expect: arg-type, reportArgumentType
    SecondPassRanker("m", top_n=3)  # expect: call-arg, reportCallIssue
    SecondPassRanker("m", device="cpu")  # expect: arg-type, reportArgumentType


def training() -> None:
    RunConfig(loss="mse", output="out")  # expect: arg-type, reportArgumentType
    TrainingConfig(ModelConfig("base"), DataConfig())  # expect: call-arg, reportCallIssue
