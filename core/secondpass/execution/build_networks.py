"""A loaded model becomes networks: one on each device, with its packed encoder where it has one."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from torch import Tensor, nn

from secondpass.checkpoint import Checkpoint, LanguageModel, PlainClassifier, RankingModel, SplitModel, WholeModel
from secondpass.encoder import (
    Capabilities,
    PackedEncoder,
    Precision,
    RoundingTexts,
    TokenBatch,
    packed_encoder,
)
from secondpass.encoder.architectures import is_causal
from secondpass.encoder.parameters import LeavingParameters
from secondpass.encoder.rounding_texts import CANDIDATE_PAIRS, CANDIDATES, RANGE_PAIRS
from secondpass.errors import InputError
from secondpass.execution.devices import Placement
from secondpass.execution.network import Network, batch_on
from secondpass.execution.padded_network import is_of_transformers, padded_network
from secondpass.tokenization.tokens import PairTokens


def networks_on(
    placement: Placement,
    model: RankingModel,
    sample: Callable[[], PairTokens],
    *,
    candidates: Callable[[], PairTokens] | None = None,
    scores: Callable[[Tensor], Tensor] | None = None,
) -> list[Network]:
    """The model on each device.

    Args:
        placement: The devices and the precision of the encoder; the head stays in float32.
        model: On the CPU. Its parameters become the first network's, so that their memory is not needed twice: not to
            be used afterwards.
        sample: Gives a few pairs of different lengths as the model reads them, for precisions that round, and to find
            out whether padding leaks into scores.
        candidates: Gives CANDIDATE_PAIRS as the model reads them, on whose order the effect of rounding is measured;
            None for a model of single texts, where it is measured on the sample.
        scores: What documents are ordered by, from the outputs for these; None for the outputs themselves.

    Raises:
        InputError: The precision has no form for this architecture.
    """
    if placement.precision.needs_ranges and _is_causal(model):
        raise InputError(
            f"dtype must be 'float32', 'bfloat16' or 'float16' for a causal model ({type(model.backbone).__name__}), "
            f"got '{placement.precision}'"
        )
    model = _split(model)
    models = [model, *(_copy(model) for _ in placement.devices[1:])]
    networks = []
    for own, capabilities in zip(models, placement.devices, strict=True):
        head = _head(own, capabilities)
        rounding_texts = None
        if placement.precision.is_measured(capabilities) and not _is_causal(own):
            rounding_texts = RoundingTexts(batch_on(sample(), capabilities), _then(head, scores))
            if candidates is not None:
                lists = batch_on(candidates(), capabilities)
                rounding_texts = replace(rounding_texts, lists=lists, n_lists=len(CANDIDATES))
        encoder = _encoder(own, placement.precision, capabilities, sample, rounding_texts)
        pools = isinstance(own, PlainClassifier | SplitModel)
        blank = ignored_id = None
        if isinstance(own, SplitModel):
            ignored_id = own.ignored_id
            if own.blank_id is not None and isinstance(encoder, PackedEncoder):
                blank = encoder.state_of_nothing(own.blank_id)
        networks.append(Network(encoder, head, capabilities, pools=pools, blank=blank, ignored_id=ignored_id))
    return networks


def pair_networks(placement: Placement, checkpoint: Checkpoint, scores: Callable[[Tensor], Tensor]) -> list[Network]:
    """The model of a checkpoint that reads pairs on each device, with the pairs that precisions are measured on.

    Args:
        placement: As in `networks_on`.
        checkpoint: Its model is not to be used afterwards.
        scores: What documents are ordered by, from the outputs.

    Raises:
        InputError: As `networks_on`.
    """
    return networks_on(
        placement,
        checkpoint.model,
        lambda: checkpoint.tokenize(RANGE_PAIRS),
        candidates=lambda: checkpoint.tokenize(CANDIDATE_PAIRS),
        scores=scores,
    )


def float32_parts_of(networks: Iterable[Network]) -> tuple[str, ...]:
    """The parts of one model that are in float32 on any of its devices, though its precision is another."""
    return tuple(dict.fromkeys(part for network in networks for part in network.float32_parts))


def _split(model: RankingModel) -> RankingModel:
    """The model, as transformer and head where that gives the transformer of a causal model a packed form."""
    if isinstance(model, LanguageModel | WholeModel) and is_of_transformers(model):
        return model.split() or model
    return model


def _is_causal(model: RankingModel) -> bool:
    """Whether it has a causal transformer that is known here; these are many times as large as others.

    So the texts that a precision is measured with would take them longer than all else of a load, and again for each
    part: in half precision they are rounded as they are, and there is no int8 of them.
    """
    return not isinstance(model, PlainClassifier) and is_of_transformers(model) and is_causal(model.backbone.config)


def _copy(model: RankingModel) -> RankingModel:
    """The same model with weights of its own to move; packing moves none."""
    if isinstance(model, PlainClassifier):
        return replace(model, head=copy.deepcopy(model.head))
    return copy.deepcopy(model)


def _encoder(
    model: RankingModel,
    precision: Precision,
    capabilities: Capabilities,
    sample: Callable[[], PairTokens],
    rounding_texts: RoundingTexts | None,
) -> Callable[[TokenBatch], Tensor]:
    """The packed form of the transformer where there is one, else transformers' own forward."""
    packed = None
    if isinstance(model, PlainClassifier) or (isinstance(model, SplitModel) and is_of_transformers(model)):
        packed = packed_encoder(
            model.backbone.config,
            _parameters(model, read_once=rounding_texts is None),
            precision=precision,
            pooling=model.pooling,
            capabilities=capabilities,
            rounding_texts=rounding_texts,
        )
    if packed is not None:
        return packed
    if isinstance(model, PlainClassifier):
        raise ValueError(f"{model.backbone.config.model_type} was read for the packed encoder and has no such form")  # noqa: TRY004 - its config is what is wrong
    if precision.needs_ranges:
        raise InputError(f"dtype '{precision}' has no form for {type(model.backbone).__name__}: use 'float32'")
    return padded_network(model, precision, capabilities, sample)


def _parameters(model: PlainClassifier | SplitModel, *, read_once: bool) -> Mapping[str, Tensor]:
    """The transformer's, by transformers' names."""
    if isinstance(model, PlainClassifier):
        return model.backbone.parameters
    # Where the encoder is built once, the model's weights need not wait for the last of the encoder's.
    if read_once:
        return LeavingParameters(model.backbone)
    return {name: parameter.detach() for name, parameter in model.backbone.named_parameters()}


def _head(model: RankingModel, capabilities: Capabilities) -> nn.Module:
    """What is left to do behind the encoder; nothing behind a model that brings its head along.

    A copy: BERT's pooler is a part of its transformer too, which may turn to another precision.
    """
    if not isinstance(model, PlainClassifier | SplitModel):
        return nn.Identity()
    return copy.deepcopy(model.head).to(capabilities.device)


def _then(head: nn.Module, scores: Callable[[Tensor], Tensor] | None) -> Callable[[Tensor], Tensor]:
    """Pooled states to what documents are ordered by."""
    return head if scores is None else lambda pooled: scores(head(pooled))
