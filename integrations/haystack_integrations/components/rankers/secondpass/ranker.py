"""Reranking as a Haystack component."""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.core.errors import SerializationError
from haystack.utils import ComponentDevice, Secret

from haystack_integrations.components.rankers.secondpass.loading import DEFAULT_MODEL, HUB_TOKEN, LoadsModel
from haystack_integrations.components.rankers.secondpass.parameters import (
    copy_names,
    model_options,
    parameter_names,
    refuse_foreign,
)
from haystack_integrations.components.rankers.secondpass.request import Request, Selection
from haystack_integrations.components.rankers.secondpass.saving import saved_parameters
from secondpass.adapters.held_model import HeldModel
from secondpass.adapters.lazy import check_model_name, scorer_of
from secondpass.calibration import Calibration, as_calibration
from secondpass.options import DType, LongDocuments, WindowAggregation
from secondpass.ranking import Scorer


@component
class SecondPassRanker(LoadsModel):
    """Puts documents in the order in which a cross-encoder finds them relevant, best first.

    Takes every parameter of Haystack's `SentenceTransformersSimilarityRanker` and `TransformersSimilarityRanker`, so
    a saved pipeline moves over by changing the component's type. Documents come back as copies with their new score;
    the given ones are not changed. Where a document was not read at once, "passage" in its metadata says where its best
    passage starts and ends, in characters of the content, and the passage's own score. The model is loaded by `warm_up`
    or with the first document and shared within the process. A parameter that is assigned later counts from the next
    run. Safe to use from any number of threads and tasks.

    ```python
    from haystack import Document
    from haystack_integrations.components.rankers.secondpass import SecondPassRanker

    ranker = SecondPassRanker()
    documents = [Document(content="Paris"), Document(content="Berlin")]
    ranker.run(query="City in Germany", documents=documents)["documents"][0].content  # Berlin
    ```

    Args:
        model: Hub id, local folder, or the name of a bundled model; None takes `DEFAULT_MODEL`, and saves its name. Or
            the http(s) URL of a service, as `RemoteScorer` takes it.
        scorer: Instead of a model: any object with `score(query, documents)`. Such a component cannot be saved.
        device: One device; None takes cuda, then mps, then cpu, wherever the pipeline is loaded.
        token: Hub token, for private checkpoints; resolved when the model is loaded. Of a service, its API key: the
            default, which is for the hub, is not sent there.
        top_k: Keep at most this many, at least 1; None keeps all.
        query_prefix: Put in front of the query.
        query_suffix: Put behind the query.
        document_prefix: Put in front of each document.
        document_suffix: Put behind each document.
        meta_fields_to_embed: Metadata put in front of a document's content, where it has it.
        embedding_separator: Between metadata and content.
        scale_score: Whether scores are `sigmoid(logit * calibration_factor)`, from 0 to 1. If not, they are what the
            model's head gives (a logit, unbounded), or what `scorer` gives. Those of a service stay as they are
            served, by most from 0 to 1; if not, its raw ones are asked for.
        calibration_factor: See `scale_score`; greater than 0 and finite.
        calibration: A `Calibration` that was fitted to this model's logits, or the file of one, which is read now:
            scores are its probabilities, in place of the sigmoid's. Saved by content. Not together with
            `scale_score=False` or a `calibration_factor`.
        score_threshold: Keep scores of at least this much, after scaling; applied before `top_k`.
        trust_remote_code: Allow code that the checkpoint brings along to run.
        model_kwargs: As a saved ranker has them. What has a meaning here is honoured (dtype, device, revision, ...);
            anything else is an error.
        tokenizer_kwargs: Likewise; `model_max_length` is `max_length`.
        config_kwargs: Likewise.
        backend: "torch", which is the only one.
        batch_size: Documents of full length that fit into one forward pass; None chooses for the device.
        max_length: Tokens of a pair, special tokens included; None takes the checkpoint's own limit.
        dtype: Arithmetic; None takes float32 on a CPU and half precision on accelerators.
        label: For heads with several labels, index or name of the one that means relevant; None resolves it.
        instruction: What to look for, for rerankers whose prompt has a place for it; None takes the checkpoint's own.
        revision: Branch, tag or commit on the hub.
        cache_dir: Folder for downloads.
        local_files_only: Never ask the network.
        batch_tokens: Tokens of one forward pass, instead of `batch_size`; None chooses for the device.
        share_model: Share one loaded model with every adapter of the process that has the same name and options.
        long_documents: "truncate" reads of a document what fits beside the query, "windows" all of it.
        window_overlap: Tokens that neighbouring windows share; None takes a quarter of a window.
        window_aggregation: A document's score from its windows: "max", of the best, or "mean-top-3".
        return_passages: Give the best passage in place of a long document's content: the best of its windows, or else
            what was read of it.

    Raises:
        InputError: A parameter breaks a rule or cannot be honoured.
    """

    if not TYPE_CHECKING:  # type checkers hold calls against the parameters below

        def __new__(cls, *_: object, **parameters: object) -> Self:
            """Refuse the parameters of other rankers by name, with what to write instead."""
            refuse_foreign(parameters, parameter_names(cls))
            return object.__new__(cls)  # Haystack makes the class again, so `super()` would name another

    def __init__(  # noqa: PLR0913 - Haystack saves every parameter by name
        self,
        model: str | Path | None = None,
        *,
        scorer: Scorer | None = None,
        device: ComponentDevice | None = None,
        token: Secret | None = HUB_TOKEN,
        top_k: int | None = 10,
        query_prefix: str = "",
        query_suffix: str = "",
        document_prefix: str = "",
        document_suffix: str = "",
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        scale_score: bool = True,
        calibration_factor: float | None = 1.0,
        calibration: Calibration | str | dict[str, Any] | None = None,
        score_threshold: float | None = None,
        trust_remote_code: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        tokenizer_kwargs: dict[str, Any] | None = None,
        config_kwargs: dict[str, Any] | None = None,
        backend: str = "torch",
        batch_size: int | None = None,
        max_length: int | None = None,
        dtype: DType | None = None,
        label: int | str | None = None,
        instruction: str | None = None,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        batch_tokens: int | None = None,
        share_model: bool = True,
        long_documents: LongDocuments = "truncate",
        window_overlap: int | None = None,
        window_aggregation: WindowAggregation = "max",
        return_passages: bool = False,
    ) -> None:
        check_model_name(model)
        # The default by its name: a pipeline that is saved now stays what it is in a release with another default.
        self.model = str(model) if model is not None else DEFAULT_MODEL if scorer is None else None
        self.scorer = scorer
        self.device = device
        self.token = token
        self.top_k = top_k
        self.query_prefix = query_prefix
        self.query_suffix = query_suffix
        self.document_prefix = document_prefix
        self.document_suffix = document_suffix
        self.meta_fields_to_embed: list[str] | None = copy_names(meta_fields_to_embed)
        self.embedding_separator = embedding_separator
        self.scale_score = scale_score
        self.calibration_factor = calibration_factor
        self.calibration = as_calibration(calibration)
        self.score_threshold = score_threshold
        self.trust_remote_code = trust_remote_code
        self.model_kwargs = copy.deepcopy(model_kwargs)
        self.tokenizer_kwargs = copy.deepcopy(tokenizer_kwargs)
        self.config_kwargs = copy.deepcopy(config_kwargs)
        self.backend = backend
        self.batch_size = batch_size
        self.max_length = max_length
        self.dtype = dtype
        self.label = label
        self.instruction = instruction
        self.revision = revision
        self.cache_dir = str(cache_dir) if isinstance(cache_dir, Path) else cache_dir
        self.local_files_only = local_files_only
        self.batch_tokens = batch_tokens
        self.share_model = share_model
        self.long_documents = long_documents
        self.window_overlap = window_overlap
        self.window_aggregation = window_aggregation
        self.return_passages = return_passages
        self._held = HeldModel()
        self._check()

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        scale_score: bool | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, list[Document]]:
        """The most relevant documents, best first; equal scores keep the given order, unless a map made them equal.

        Of documents with the same id, only the one with the highest score so far takes part.

        Args:
            query: What is asked.
            documents: The candidates; never changed.
            top_k: Instead of the component's own; None takes that.
            scale_score: Likewise.
            score_threshold: Likewise.

        Returns:
            `{"documents": [...]}`.

        Raises:
            InputError: An argument breaks a rule.
            SecondPassError: The model cannot be loaded, or gives no usable score.
        """
        selection = Selection.of(vars(self), top_k=top_k, scale_score=scale_score, score_threshold=score_threshold)
        request = Request.of(vars(self), query, documents, selection)
        return {"documents": request.rank(self._scorer(selection)) if request.documents else []}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        scale_score: bool | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, list[Document]]:
        """What `run` gives, without blocking the event loop."""
        selection = Selection.of(vars(self), top_k=top_k, scale_score=scale_score, score_threshold=score_threshold)
        request = Request.of(vars(self), query, documents, selection)
        return {"documents": await request.arank(self._scorer(selection)) if request.documents else []}

    def to_dict(self) -> dict[str, Any]:
        """The component as Haystack saves it: basic types only, `device=None` as None, the token by its variable.

        Raises:
            SerializationError: It has a `scorer`, which is an object and cannot be saved.
            InputError: A parameter was assigned a value that breaks a rule.
        """
        self._check()
        if self.scorer is not None:
            raise SerializationError(
                f"a SecondPassRanker with scorer={type(self.scorer).__name__} cannot be saved: give model instead"
            )
        return default_to_dict(self, **saved_parameters(self, self._model_name()))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "SecondPassRanker":
        """The component that was saved; the given dictionary is not changed."""
        # Haystack 2 puts the objects it makes into the dictionary it is given.
        return default_from_dict(cls, copy.deepcopy(data))

    def _check(self) -> None:
        """Raise InputError for what the first run would otherwise raise."""
        Selection.of(vars(self))
        model = self._model_name() if self.scorer is None else self.model
        scorer_of(model, self.scorer, model_options(vars(self)))
