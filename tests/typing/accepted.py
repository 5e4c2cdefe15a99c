"""Uses of the public API, which a strict type checker must accept and read as the types asserted here. Never run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, assert_type

import numpy as np
import torch
from haystack import Document as HaystackDocument
from haystack import Pipeline
from haystack.utils import ComponentDevice, Secret
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import BaseDocumentCompressor
from langchain_core.documents import Document as LangChainDocument
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
from numpy.typing import NDArray

import langchain_secondpass
import llama_index_secondpass
import secondpass
import secondpass.sentence_transformers
from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from secondpass import (
    AsyncScorer,
    BiEncoder,
    CachedScorer,
    Calibrated,
    Calibration,
    Cascade,
    CrossEncoder,
    RankedDocument,
    RemoteScorer,
    Scorer,
    arank,
    rank,
)
from secondpass.calibration import OutOfReach, Threshold, Wanted, find_thresholds
from secondpass.cascade import CascadedDocument
from secondpass.errors import InputError, InputTypeError, RemoteError, SecondPassError
from secondpass.evaluation import (
    BM25,
    Collection,
    Comparison,
    Report,
    RerankingSample,
    ScoredQuery,
    SetResult,
    compare,
    evaluate_samples,
    per_query,
    read_collection,
    read_run,
    read_samples,
    report,
    rerank,
    write_run,
)
from secondpass.testing import OverlapScorer
from secondpass.training import DataConfig, ModelConfig, RunConfig, TrainingConfig, TrainingResult, read_config, train

QUERY = "how many people live in berlin"
DOCUMENTS = ("3.7 million", "a city")


def version() -> None:
    assert_type(secondpass.__version__, str)


def cross_encoder(folder: Path, dtype: Literal["bfloat16", "int8"]) -> None:
    model = CrossEncoder("secondpass/mini")
    CrossEncoder(folder, revision="main", token=None, cache_dir=folder, local_files_only=True, trust_remote_code=False)
    CrossEncoder(folder, device=torch.device("cpu"), dtype=dtype, max_length=256, activation="sigmoid", batch_tokens=1)
    CrossEncoder(folder, device=["cuda:0", torch.device("cuda:1")], label="relevant")
    CrossEncoder(folder, label=1, instruction="Prefer recent ones.")
    assert_type(model.score(QUERY, DOCUMENTS), NDArray[np.float32])
    assert_type(model.score(QUERY, (text for text in DOCUMENTS), show_progress=True), NDArray[np.float32])
    assert_type(model.predict([(QUERY, text) for text in DOCUMENTS]), NDArray[np.float32])
    assert_type(model.predict(zip([QUERY] * 2, DOCUMENTS, strict=True)), NDArray[np.float32])
    assert_type(model.logits([(QUERY, "text")]), NDArray[np.float32])
    assert_type(model.rank(QUERY, DOCUMENTS), list[RankedDocument])
    assert_type(model.rank(QUERY, list(DOCUMENTS), 3, 0.5), list[RankedDocument])
    assert_type(model.rank(QUERY, DOCUMENTS, top_k=3, score_threshold=0, show_progress=True), list[RankedDocument])
    assert_type(model.name, str)
    assert_type(model.max_length, int)
    assert_type(model.labels, tuple[str, ...])
    assert_type(model.dtype, str)
    assert_type(model.devices, tuple[str, ...])
    assert_type(model.fingerprint(), str)


async def awaited(model: CrossEncoder, embedder: BiEncoder) -> None:
    assert_type(await model.ascore(QUERY, DOCUMENTS), NDArray[np.float32])
    assert_type(await model.arank(QUERY, DOCUMENTS, top_k=1), list[RankedDocument])
    assert_type(await embedder.ascore(QUERY, DOCUMENTS), NDArray[np.float32])
    assert_type(await arank(embedder, QUERY, DOCUMENTS, top_k=1, score_threshold=0.5), list[RankedDocument])
    assert_type(await arank(Lengths(), QUERY, DOCUMENTS), list[RankedDocument])


def bi_encoder(folder: Path) -> None:
    model = BiEncoder("question", document_model=folder, device="cpu", dtype="float32", max_length=64, batch_tokens=1)
    assert_type(model.score(QUERY, DOCUMENTS), NDArray[np.float32])
    assert_type(model.rank(QUERY, DOCUMENTS, 3, 0.5), list[RankedDocument])
    assert_type(model.predict([(QUERY, "text")], show_progress=True), NDArray[np.float32])
    assert_type(model.name, str)
    assert_type(model.max_length, int)
    assert_type(model.dtype, str)
    assert_type(model.devices, tuple[str, ...])
    assert_type(model.fingerprint(), str)


async def remote(key: str | None) -> None:
    with RemoteScorer("http://localhost:8080", api="tei", model="m", api_key=key, timeout=5, retries=0) as model:
        assert_type(model.score(QUERY, DOCUMENTS), list[float])
        assert_type(model.rank(QUERY, (text for text in DOCUMENTS), 3, 0.5), list[RankedDocument])
        assert_type(model.fingerprint(), str)
        assert_type(model.last_failure, RemoteError | None)
        assert_type(model.n_failures, int)
    assert_type(RemoteScorer("http://localhost", raw_scores=True).raw_scores, bool)
    async with RemoteScorer("http://localhost", max_texts=32, on_failure="keep_order") as model:
        assert_type(await model.ascore(QUERY, DOCUMENTS), list[float])
        assert_type(await model.arank(QUERY, DOCUMENTS, top_k=1), list[RankedDocument])
        awaitable: AsyncScorer = model
        assert_type(rank(awaitable, QUERY, DOCUMENTS), list[RankedDocument])


class Lengths:
    """A scorer by its shape alone."""

    def score(self, query: str, documents: Sequence[str]) -> list[float]:
        return [float(len(query) - len(text)) for text in documents]


class AwaitedLengths(Lengths):
    async def ascore(self, query: str, documents: Sequence[str]) -> list[float]:
        return self.score(query, documents)


def scorers(model: CrossEncoder, embedder: BiEncoder) -> None:
    several: list[Scorer] = [model, embedder, Lengths(), OverlapScorer()]
    awaitable: list[AsyncScorer] = [model, embedder, AwaitedLengths()]
    for scorer in [*several, *awaitable]:
        assert_type(rank(scorer, QUERY, DOCUMENTS, top_k=3, score_threshold=0.5), list[RankedDocument])
    assert_type(rank(Lengths(), QUERY, iter(DOCUMENTS)), list[RankedDocument])


def scorers_around_scorers(model: CrossEncoder, folder: Path) -> None:
    cascade = Cascade([BiEncoder("small"), Cascade([Lengths(), model], keep=0.2), model], keep=[50, 10])
    assert_type(cascade.score(QUERY, DOCUMENTS), list[float])
    assert_type(cascade.rank(QUERY, iter(DOCUMENTS), 3, 0.5), list[RankedDocument])
    assert_type(cascade.explain(QUERY, DOCUMENTS), list[CascadedDocument])
    assert_type(cascade.explain(QUERY, DOCUMENTS)[0].stage_scores, tuple[float, ...])
    assert_type(cascade.fingerprint(), str)
    cached = CachedScorer(Lengths(), folder, fingerprint="lengths", max_scores=1000)
    assert_type(cached.score(QUERY, DOCUMENTS), list[float] | NDArray[np.float32])
    assert_type(cached.predict([(QUERY, "text")]), list[float] | NDArray[np.float32])
    assert_type(cached.rank(QUERY, DOCUMENTS, top_k=3), list[RankedDocument])
    assert_type(cached.hits, int)
    several: list[AsyncScorer] = [cascade, cached, CachedScorer(model, "scores")]
    Cascade(several, keep=20)


def ranked_documents() -> None:
    document = RankedDocument(index=0, score=0.5, text="text")
    assert_type(document.index, int)
    assert_type(document.score, float)
    assert_type(document.text, str)


def errors(model: CrossEncoder) -> None:
    try:
        model.rank(QUERY, DOCUMENTS, top_k=0)
    except InputTypeError as error:
        wrong_type: TypeError = error
        raise wrong_type from None
    except InputError as error:
        wrong_value: ValueError = error
        raise wrong_value from None
    except SecondPassError:
        raise


def retrieve(query: str) -> list[LangChainDocument]:
    return [LangChainDocument(query)]


def langchain(scorer: Scorer, documents: list[LangChainDocument]) -> None:
    reranker = langchain_secondpass.SecondPassRerank(model="secondpass/mini", top_n=3, dtype="int8", device="cpu")
    langchain_secondpass.SecondPassRerank(scorer=scorer, top_n=None, metadata_fields=("title",), score_key="score")
    compressors: list[BaseDocumentCompressor] = [reranker]
    assert_type(compressors[0].compress_documents(documents, QUERY), Sequence[LangChainDocument])
    assert_type(reranker.compress_documents(documents, QUERY), list[LangChainDocument])
    step = reranker.as_runnable()
    assert_type(step.invoke({"query": QUERY, "documents": documents}), list[LangChainDocument])
    chain = {"query": RunnablePassthrough(), "documents": RunnableLambda(retrieve)} | step
    chain.with_retry().invoke(QUERY)
    pairs: list[BaseCrossEncoder] = [
        langchain_secondpass.SecondPassCrossEncoder(model="secondpass/mini", max_length=64)
    ]
    pairs[0].score([(QUERY, "text")])


async def langchain_awaited(reranker: langchain_secondpass.SecondPassRerank) -> None:
    assert_type(await reranker.acompress_documents([], QUERY), list[LangChainDocument])


def llama_index(scorer: Scorer, node: TextNode) -> None:
    reranker = llama_index_secondpass.SecondPassRerank(model="secondpass/mini", top_n=3, keep_retrieval_score=True)
    llama_index_secondpass.SecondPassRerank(scorer=scorer, metadata_mode=MetadataMode.NONE, score_threshold=0.5)
    postprocessors: list[BaseNodePostprocessor] = [reranker]
    nodes = [NodeWithScore(node=node)]
    assert_type(postprocessors[0].postprocess_nodes(nodes, QueryBundle(QUERY)), list[NodeWithScore])
    assert_type(reranker.postprocess_nodes(nodes, query_str=QUERY), list[NodeWithScore])


def haystack(scorer: Scorer) -> None:
    ranker = SecondPassRanker("secondpass/mini", top_k=3, scale_score=False, device=ComponentDevice.from_str("cpu"))
    SecondPassRanker(scorer=scorer, token=Secret.from_token("hf"), meta_fields_to_embed=["title"], dtype="bfloat16")
    documents = [HaystackDocument(content="text")]
    assert_type(ranker.run(QUERY, documents), dict[str, list[HaystackDocument]])
    assert_type(ranker.run(query=QUERY, documents=documents, top_k=1)["documents"], list[HaystackDocument])
    ranker.warm_up()
    Pipeline().add_component("ranker", ranker)
    assert_type(SecondPassRanker.from_dict(ranker.to_dict()), SecondPassRanker)


async def haystack_awaited(ranker: SecondPassRanker) -> None:
    assert_type(await ranker.run_async(QUERY, []), dict[str, list[HaystackDocument]])


def calibration(folder: Path, scorer: Scorer, logits: NDArray[np.float32]) -> None:
    fitted = Calibration.fit(logits, [True, False], ["q1", "q2"], method="beta", fingerprint="f")
    Calibration.fit([1.0, 2.0], [0, 1], iter([1, 2]))
    assert_type(fitted, Calibration)
    assert_type(fitted(1.0), float)
    assert_type(fitted.probabilities(logits), NDArray[np.float64])
    fitted.save(folder / "calibration.json")
    assert_type(Calibration.load("calibration.json"), Calibration)
    model = CrossEncoder("secondpass/mini", calibration=folder / "calibration.json")
    assert_type(model.calibration, Calibration | None)
    several: list[Scorer] = [model, Calibrated(scorer, fitted), Calibrated(scorer, "calibration.json")]
    awaitable: list[AsyncScorer] = [Calibrated(several[0], fitted)]
    assert_type(Calibrated(awaitable[0], fitted).rank(QUERY, DOCUMENTS, 3, 0.5), list[RankedDocument])
    found = find_thresholds(fitted, logits, [1, 0], [1, 2], wanted=[Wanted("precision", 0.9)])
    assert_type(found, list[Threshold | OutOfReach])
    langchain_secondpass.SecondPassRerank(model="m", calibration=fitted, score_threshold=0.5)
    llama_index_secondpass.SecondPassRerank(model="m", calibration="calibration.json")
    SecondPassRanker("m", calibration=fitted)
    SecondPassRanker("m", calibration="calibration.json")


def drop_in(pairs: list[tuple[str, str]]) -> None:
    model = secondpass.sentence_transformers.CrossEncoder(
        "secondpass/mini", max_length=128, activation_fn=torch.nn.Sigmoid(), device="cpu"
    )
    assert_type(model.predict(pairs, batch_size=32, show_progress_bar=True), NDArray[np.float32])
    assert_type(model.predict(pairs, convert_to_tensor=True, apply_softmax=True), torch.Tensor)
    ranked = model.rank("query", ["a", "b"], top_k=1, return_documents=True)
    assert_type(ranked[0]["score"], int | float | str)
    model.max_length = 64
    model.activation_fn = torch.nn.Identity()
    assert_type(model.to("cpu").eval().num_labels, int)


def evaluation(folder: Path, scorer: Scorer) -> None:
    collection = read_collection(folder, qrels=folder / "qrels.trec")
    run = read_run(folder / "run.trec")
    run_of_bm25 = BM25(collection.documents).run(collection.queries, depth=100)
    scored = rerank(scorer, collection, run_of_bm25, depth=50, progress_file=folder / "progress.jsonl")
    assert_type(collection, Collection)
    assert_type(scored, list[ScoredQuery])
    write_run(folder / "reranked.trec", scored, depth=50, tag="mini")
    figures = report("mini", collection, run, scored, measures=["nDCG@10"], depth=50)
    assert_type(figures, Report)
    assert_type(figures.comparisons["nDCG@10"], Comparison)
    assert_type(compare({"q": 0.0}, {"q": 1.0}).p_value, float | None)
    assert_type(per_query(["nDCG@10"], collection.qrels, run), dict[str, dict[str, float]])
    samples = read_samples(folder / "samples.jsonl")
    assert_type(samples, list[RerankingSample])
    assert_type(evaluate_samples(scorer, samples), SetResult)


def training(folder: Path) -> Iterator[TrainingResult]:
    yield train(read_config(folder / "run.toml"))
    config = TrainingConfig(
        model=ModelConfig(base="microsoft/MiniLM-L12-H384-uncased", layers=6),
        data=DataConfig(train=("train.jsonl",), held_out=("held_out.jsonl",)),
        run=RunConfig(loss="margin-mse", output="out", decay="cosine"),
        folder=folder,
    )
    result = train(config)
    assert_type(result.folder, Path)
    assert_type(result.held_out["held_out"], float)
    yield result
