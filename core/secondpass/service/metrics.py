"""What the service counts, for Prometheus: TEI's names where they fit, ours for what it does not count."""

import threading
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = tuple(2**power for power in range(18))


class _TeiCounter(Collector):
    """A counter under the name that TEI gives it: prometheus_client itself would append `_total`."""

    def __init__(self, name: str, documentation: str, label: str, registry: CollectorRegistry) -> None:
        self._name, self._documentation, self._label = name, documentation, label
        self._values: dict[str, int] = {}
        self._changing = threading.Lock()
        registry.register(self)

    def add(self, label: str) -> None:
        """Count one more."""
        with self._changing:
            self._values[label] = self._values.get(label, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """The counter with all its labels."""
        metric = Metric(self._name, self._documentation, "unknown")
        for label, value in list(self._values.items()):
            metric.add_sample(self._name, {self._label: label}, value)
        yield metric


class _Labelled(Collector):
    """The metrics of a registry with labels that all of them share."""

    def __init__(self, registry: CollectorRegistry, labels: Mapping[str, str]) -> None:
        self._registry, self._labels = registry, labels

    def collect(self) -> Iterable[Metric]:
        """Each metric; `collect` of the registry makes them anew, so that they can be written to."""
        for metric in self._registry.collect():
            metric.samples = [sample._replace(labels={**sample.labels, **self._labels}) for sample in metric.samples]
            yield metric


class Metrics:
    """The counters of one service.

    Attributes:
        labels: What all of them are labelled with: by which service they are, where several answer at one address.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self.labels: Mapping[str, str] = {}
        registry = self._registry = CollectorRegistry()
        self._requests = _TeiCounter("te_request_count", "Requests for scores.", "method", registry)
        self._successes = _TeiCounter("te_request_success", "Requests that were answered.", "method", registry)
        self._failures = _TeiCounter("te_request_failure", "Requests that were refused or failed.", "err", registry)
        self._seconds = Histogram(
            "te_request_duration", "Seconds from request to answer.", buckets=_SECONDS, registry=registry
        )
        self._queue_seconds = Histogram(
            "te_request_queue_duration", "Seconds a request waited.", ["model"], buckets=_SECONDS, registry=registry
        )
        self._scoring_seconds = Histogram(
            "te_request_inference_duration",
            "Seconds from a request's first pass to its last.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._queue_size = Gauge("te_queue_size", "Requests that are not answered yet.", ["model"], registry=registry)
        self._pass_pairs = Histogram(
            "te_batch_next_size", "Pairs of a pass.", ["model"], buckets=_SIZES, registry=registry
        )
        self._pass_tokens = Histogram(
            "te_batch_next_tokens", "Tokens of a pass, estimated.", ["model"], buckets=_SIZES, registry=registry
        )
        self._documents = Counter("secondpass_documents", "Documents scored.", ["model"], registry=registry)
        self._truncated = Counter(
            "secondpass_truncated_documents", "Documents of which a part was not read.", ["model"], registry=registry
        )
        self._shared = Counter(
            "secondpass_shared_pairs", "Pairs that were on their way for another request.", ["model"], registry=registry
        )
        self._gone = Counter("secondpass_gone_clients", "Requests whose client left.", registry=registry)

    def answered(self, method: str, seconds: float, failure: str | None) -> None:
        """A request has been answered, or refused for a reason."""
        self._requests.add(method)
        if failure is None:
            self._successes.add(method)
            self._seconds.observe(seconds)
        else:
            self._failures.add(failure)

    def scored(
        self, model: str, *, n_documents: int, n_truncated: int, queue_seconds: float, scoring_seconds: float
    ) -> None:
        """A request's documents have been scored."""
        self._documents.labels(model).inc(n_documents)
        self._truncated.labels(model).inc(n_truncated)
        self._queue_seconds.labels(model).observe(queue_seconds)
        self._scoring_seconds.labels(model).observe(scoring_seconds)

    def client_left(self) -> None:
        """A client has closed its connection before it was answered."""
        self._gone.inc()

    def of_queue(self, model: str) -> "QueueMetrics":
        """What counts for one model's queue."""
        self._documents.labels(model)
        self._truncated.labels(model)
        return QueueMetrics(self._pass_pairs.labels(model), self._pass_tokens.labels(model), self._shared.labels(model))

    def page(self, queue_sizes: Mapping[str, int]) -> bytes:
        """Everything, in Prometheus' text format.

        Args:
            queue_sizes: Requests that wait, by model.
        """
        for model, size in queue_sizes.items():
            self._queue_size.labels(model).set(size)
        return generate_latest(_Labelled(self._registry, self.labels))


class QueueMetrics:
    """Counts what one model's queue does."""

    def __init__(self, pass_pairs: Histogram, pass_tokens: Histogram, shared: Counter) -> None:
        self._pass_pairs, self._pass_tokens, self._shared = pass_pairs, pass_tokens, shared

    def begun(self, n_pairs: int, n_tokens: int) -> None:
        """A pass has begun."""
        self._pass_pairs.observe(n_pairs)
        self._pass_tokens.observe(n_tokens)

    def shared(self, n_pairs: int) -> None:
        """Pairs were already on their way."""
        self._shared.inc(n_pairs)
