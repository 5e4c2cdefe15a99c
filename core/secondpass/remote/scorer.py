"""The scorer whose model runs elsewhere."""

import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Final, Literal, Self

from secondpass.concurrency.per_process import PerProcess
from secondpass.errors import InputError, RemoteError, RemoteWarning
from secondpass.errors.caller_warnings import warn_caller
from secondpass.ranking import RankedDocument
from secondpass.ranking.kept_order import kept_order
from secondpass.ranking.order import order_documents
from secondpass.ranking.readings import Reading, documents_of
from secondpass.ranking.request_checks import check_documents, check_query, check_request
from secondpass.remote.apis import ApiName
from secondpass.remote.client import Client
from secondpass.remote.settings import OnFailure, Settings

# What no copy takes over.
_OF_ONE_SCORER: Final = frozenset({"_client", "_counting", "_n_failures", "_last_failure"})


class RemoteScorer:
    """A reranker behind HTTP: `secondpass serve`, TEI, vLLM, infinity, Cohere, Jina, Voyage, and compatible ones.

    Lists are split into what the service takes at once. Requests that fail in a way that may pass (no connection, 408,
    429, 502, 503, 504) are sent again, as soon as the service asks for, else after a pause that grows. An answer counts
    only where every document has come back once, with a finite number.

    Any number of threads, tasks, event loops and forked processes may share one; each process and each event loop has
    connections of its own, which are closed by `close`, with the scorer, or with their event loop. A pickle holds the
    arguments, the API key among them, and no connection. Two scorers with the same arguments are equal. Proxies and
    certificates are those that the environment names for httpx.

    Args:
        url: Of the server (`http://host:8080`), of a version of its API (`…/v1`), or of the endpoint itself
            (`…/v2/rerank`), which is then asked as it stands. `secondpass serve` is asked at `/v2/rerank` whichever of
            these is given: there it answers most.
        api: What the service speaks: "secondpass", "tei", "cohere", "cohere-v1", "jina", "vllm", "infinity" or
            "voyage". "auto" asks the service: `/info` tells of `secondpass serve` and TEI, `/v1/models` of vLLM and
            infinity, `/models` of an infinity without a prefix; a server with other models at `/v1/models` is taken to
            speak like Jina. One that is named is asked as it stands, whatever the service says of itself.
        model: The name of a model, where the service has several; None leaves the choice to it.
        api_key: Sent as `Authorization: Bearer …`; never shown.
        timeout: Seconds for a whole call, with all of its requests, pauses and retries.
        retries: How often a request is sent again, at least 0.
        max_texts: Documents per request, at least 1; None takes what the service says or its API is known for. What
            it refuses as too many is split further.
        raw_scores: Ask for the model's own numbers (logits, unbounded) instead of scores as they are served, where the
            API can.
        on_failure: What becomes of a call that got no scores: "raise" a `RemoteError`, or "keep_order", which warns
            with a `RemoteWarning` and gives the documents in the given order, scored -1, -2, -3 and so on, which a
            threshold of 0 or more drops. A score below 0 means nothing else then: an answer of a service that has one,
            such as llama.cpp, which serves logits, counts as a failure. Such a scorer has no raw scores and no
            fingerprint, and is neither cached nor calibrated.

    Raises:
        InputError: An argument breaks a rule.
    """

    def __init__(  # noqa: PLR0913 - one argument per choice, all but the address by keyword
        self,
        url: str,
        *,
        api: ApiName | Literal["auto"] = "auto",
        model: str | None = None,
        api_key: str | None = None,
        timeout: float = 30.0,
        retries: int = 3,
        max_texts: int | None = None,
        raw_scores: bool = False,
        on_failure: OnFailure = "raise",
    ) -> None:
        self._settings = Settings(
            url=url,
            api=api,
            model=model,
            api_key=api_key,
            timeout=timeout,
            retries=retries,
            max_texts=max_texts,
            raw_scores=raw_scores,
            on_failure=on_failure,
        )
        self._start()

    def _start(self) -> None:
        self._client = Client(self._settings)
        self._counting = PerProcess(threading.Lock)
        self._n_failures = 0
        self._last_failure: RemoteError | None = None

    @property
    def url(self) -> str:
        """As it was given."""
        return self._settings.url

    @property
    def api(self) -> ApiName | Literal["auto"]:
        """What the service speaks, as it was given."""
        return self._settings.api

    @property
    def model(self) -> str | None:
        """The name of the model that is asked for; None where the service chooses."""
        return self._settings.model

    @property
    def raw_scores(self) -> bool:
        """Whether the model's own numbers are asked for, and not scores as they are served."""
        return self._settings.raw_scores

    @property
    def on_failure(self) -> OnFailure:
        """What becomes of a call that got no scores."""
        return self._settings.on_failure

    @property
    def n_failures(self) -> int:
        """How many calls came back in the given order so far, because they got no scores."""
        return self._n_failures

    @property
    def last_failure(self) -> RemoteError | None:
        """Why the latest of these calls got none, in whatever thread it was; None: there was no such call."""
        return self._last_failure

    def score(self, query: str, documents: Iterable[str]) -> list[float]:
        """The relevance of each document to the query, in the given order: from 0 to 1 for most services.

        With `raw_scores` it is the model's own number, such as a logit, unbounded; llama.cpp always gives that.

        Args:
            query: What is asked.
            documents: Texts; never changed.

        Raises:
            InputError: An argument breaks a rule.
            RemoteError: The service gave no scores, and `on_failure` is "raise".
        """
        check_query(query)
        return _scores(self._read(query, check_documents(documents), spans=False))

    def rank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """The documents, best first; passages, truncation and raw scores are known where `secondpass serve` answers.

        Args:
            query: What is asked.
            documents: The candidates' texts; never changed.
            top_k: Keep at most this many, at least 1; None keeps all.
            score_threshold: Keep scores of at least this much; applied before top_k.

        Raises:
            InputError: As `score`.
            RemoteError: As `score`.
        """
        texts = check_request(query, documents, top_k, score_threshold)
        ranked = documents_of(self._read(query, texts, spans=True), texts)
        return order_documents(ranked, top_k=top_k, score_threshold=score_threshold)

    async def ascore(self, query: str, documents: Iterable[str]) -> list[float]:
        """What `score` gives, without blocking the event loop."""
        check_query(query)
        return _scores(await self._aread(query, check_documents(documents), spans=False))

    async def arank(
        self, query: str, documents: Iterable[str], top_k: int | None = None, score_threshold: float | None = None
    ) -> list[RankedDocument]:
        """What `rank` gives, without blocking the event loop."""
        texts = check_request(query, documents, top_k, score_threshold)
        ranked = documents_of(await self._aread(query, texts, spans=True), texts)
        return order_documents(ranked, top_k=top_k, score_threshold=score_threshold)

    def fingerprint(self) -> str:
        """What the scores depend on, in one string, as the service tells it at `/info`.

        Raw scores of `secondpass serve` have the fingerprint that the model would have here, so that a calibration that
        was fitted to the logits of a `CrossEncoder` is one for them.

        Raises:
            NoFingerprintError: The service does not tell.
            InputError: A failure would go unnoticed among the scores, or raw scores are wanted that it does not have.
            RemoteError: The service cannot be reached, or serves no such model.
        """
        if self.on_failure != "raise":
            raise InputError(f'on_failure must be "raise" for a scorer with a fingerprint, got "{self.on_failure}"')
        return self._client.fingerprint()

    def load(self) -> Self:
        """Find out how the service is to be asked, so that nothing but scores is left for the first document.

        Where `api` names what it speaks, it need not answer.

        Where it does not tell, and `on_failure` is "keep_order", a `RemoteWarning` says so; no documents were given, so
        this is no call that `n_failures` counts.

        Raises:
            RemoteError: It does not tell, and `on_failure` is "raise".
        """
        try:
            self._client.look_again()
        except RemoteError as error:
            if self.on_failure == "raise":
                raise
            warn_caller(f"the service is not ready, and documents would keep the given order: {error}", RemoteWarning)
        return self

    def release(self) -> None:
        """As `close`."""
        self.close()

    def close(self) -> None:
        """Close the connections; a later call opens new ones.

        Not to be called while another call is running.
        """
        self._client.close()

    async def aclose(self) -> None:
        """What `close` does, and waits for the connections of this event loop."""
        await self._client.aclose()

    def _read(self, query: str, texts: Sequence[str], *, spans: bool) -> list[Reading]:
        try:
            return self._told_apart(self._client.read(query, texts, spans=spans)) if texts else []
        except RemoteError as error:
            return self._keep_order(error, len(texts))

    async def _aread(self, query: str, texts: Sequence[str], *, spans: bool) -> list[Reading]:
        try:
            return self._told_apart(await self._client.aread(query, texts, spans=spans)) if texts else []
        except RemoteError as error:
            return self._keep_order(error, len(texts))

    def _told_apart(self, found: list[Reading]) -> list[Reading]:
        """An answer; RemoteError where it would look like a failure."""
        lowest = min(one.score for one in found)
        if self.on_failure != "raise" and lowest < 0:
            raise RemoteError(
                f'{self._client.shown} must give no scores below 0 with on_failure="{self.on_failure}", which has them '
                f'for failures, got {lowest}: a service of raw scores, such as llama.cpp, needs on_failure="raise"'
            )
        return found

    def _keep_order(self, error: RemoteError, n_documents: int) -> list[Reading]:
        """Scores that keep the given order, with a warning; or the error again, where that is not wanted."""
        if self.on_failure == "raise":
            raise error
        with self._counting.get():
            self._n_failures += 1
            self._last_failure = error
        warn_caller(f"the documents keep the given order: {error}", RemoteWarning)
        return [Reading(score) for score in kept_order(n_documents)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RemoteScorer) or type(other) is not type(self):  # a subclass may score otherwise
            return NotImplemented
        return self._settings == other._settings

    def __hash__(self) -> int:
        return hash(self._settings)

    def __getstate__(self) -> dict[str, object]:
        """The arguments, and what a subclass has beside them: a copy opens connections and counts failures itself."""
        return {name: value for name, value in vars(self).items() if name not in _OF_ONE_SCORER}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._start()

    def __repr__(self) -> str:
        model = "" if self.model is None else f", model={self.model!r}"
        return f"{type(self).__name__}({self._client.shown!r}, api={self._settings.api!r}{model})"


def _scores(found: Iterable[Reading]) -> list[float]:
    return [one.score for one in found]
