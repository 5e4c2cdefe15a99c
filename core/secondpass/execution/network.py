"""A loaded model on one device in one precision: token batches in, float32 outputs out."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from secondpass.checkpoint import Checkpoint, LanguageModel, PlainClassifier, PretrainedModel, RankingModel, SplitModel
from secondpass.encoder import (
    Capabilities,
    ModelInputs,
    PackedEncoder,
    Precision,
    RoundingTexts,
    TokenBatch,
    pack_parameters,
    packed_encoder,
    to_device,
)
from secondpass.encoder.padded import (
    PaddedClassifier,
    PaddedEncoder,
    PaddedLanguageModel,
    raise_head_to_float32,
    without_padding_token,
)
from secondpass.encoder.padding_leaks import VERIFIED, ByEnds, OneByOne, PaddingApart, WithoutPadding, padding_leaks
from secondpass.encoder.round_up import round_up
from secondpass.encoder.rounding_texts import CANDIDATE_PAIRS, CANDIDATES, RANGE_PAIRS
from secondpass.errors import InputError
from secondpass.execution.ambient import plain_torch
from secondpass.execution.devices import Placement
from secondpass.tokenization.tokens import PairTokens

# Rows of a head's products come in multiples of this: kernels take rows at the edge of a matrix otherwise than the
# rest, and documents of the same tokens would differ in the last bit, so that a tie loses the given order.
_HEAD_ROW_MULTIPLE = 16


class Network:
    """An encoder and its head on a device.

    Stateless between calls, so threads may share one.

    Args:
        encoder: Token batches to pooled states or logits.
        head: Pooled states to outputs, in float32.
        capabilities: Of the device where both are.
        pools: Whether the encoder gives states of texts, of which that of a text without tokens is zero.

    Attributes:
        pads: Whether the encoder pads the pairs of a batch to its longest one.
        float32_parts: Those parts of the encoder that are in float32 though its precision is another.
    """

    def __init__(
        self,
        encoder: Callable[[TokenBatch], Tensor],
        head: nn.Module,
        capabilities: Capabilities,
        *,
        pools: bool = False,
    ) -> None:
        self.capabilities = capabilities
        self.pads = not isinstance(encoder, PackedEncoder)
        self.float32_parts = encoder.float32_parts if isinstance(encoder, PackedEncoder) else ()
        self._encoder = encoder
        self._head = head
        self._pools = pools

    def __call__(self, pairs: PairTokens) -> Tensor:
        """The head's outputs on this network's device. Shape: (n_pairs, n_outputs), float32."""
        with torch.inference_mode(), plain_torch(self.capabilities.device):
            # There is no first token of none, nor a mean.
            pooled = self._encoder(_batch(pairs.without_gaps() if self._pools else pairs, self.capabilities))
            if self._pools and not pairs.lengths.all():
                blank = to_device(torch.from_numpy(pairs.lengths == 0), self.capabilities)
                pooled = pooled.masked_fill(blank[:, None], 0.0)
            n_pairs = len(pooled)
            rows = functional.pad(pooled, (0, 0, 0, round_up(n_pairs, _HEAD_ROW_MULTIPLE) - n_pairs))
            output: Tensor = self._head(rows)[:n_pairs]
            return output


def networks_on(
    placement: Placement,
    model: RankingModel,
    sample: Callable[[], PairTokens],
    inputs: ModelInputs,
    *,
    candidates: Callable[[], PairTokens] | None = None,
    scores: Callable[[Tensor], Tensor] | None = None,
) -> list[Network]:
    """The model on each device.

    Args:
        placement: The devices and the precision of the encoder; the head stays in float32.
        model: In float32 on the CPU. Its parameters become the first network's, so that their memory is not needed
            twice: not to be used afterwards.
        sample: Gives a few pairs of different lengths as the model reads them, for precisions that round, and to find
            out whether padding leaks into scores.
        inputs: What the model's tokenizer gives it, for architectures that run through transformers' own forward.
        candidates: Gives CANDIDATE_PAIRS as the model reads them, on whose order the effect of rounding is measured;
            None for a model of single texts, where it is measured on the sample.
        scores: What documents are ordered by, from the outputs for these; None for the outputs themselves.

    Raises:
        InputError: The precision has no form for this architecture.
    """
    models = [model, *(_copy(model) for _ in placement.devices[1:])]
    networks = []
    for own, capabilities in zip(models, placement.devices, strict=True):
        head = _head(own, capabilities)
        rounding_texts = None
        if placement.precision.is_measured(capabilities):
            rounding_texts = RoundingTexts(_batch(sample(), capabilities), _then(head, scores))
            if candidates is not None:
                lists = _batch(candidates(), capabilities)
                rounding_texts = replace(rounding_texts, lists=lists, n_lists=len(CANDIDATES))
        encoder = _encoder(own, placement.precision, capabilities, sample, inputs, rounding_texts)
        pools = isinstance(own, PlainClassifier | SplitModel)
        networks.append(Network(encoder, head, capabilities, pools=pools))
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
        checkpoint.inputs,
        candidates=lambda: checkpoint.tokenize(CANDIDATE_PAIRS),
        scores=scores,
    )


def float32_parts_of(networks: Iterable[Network]) -> tuple[str, ...]:
    """The parts of one model that are in float32 on any of its devices, though its precision is another."""
    return tuple(dict.fromkeys(part for network in networks for part in network.float32_parts))


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
    inputs: ModelInputs,
    rounding_texts: RoundingTexts | None,
) -> Callable[[TokenBatch], Tensor]:
    """The packed form of the transformer where there is one, else transformers' own forward."""
    if isinstance(model, PlainClassifier):
        packed = pack_parameters(
            model.backbone.config,
            model.backbone.parameters,
            precision=precision,
            pooling=model.pooling,
            capabilities=capabilities,
            rounding_texts=rounding_texts,
        )
        if packed is None:
            raise ValueError(f"{model.backbone.config.model_type} was read for the packed encoder and has no such form")
        return packed
    if isinstance(model, SplitModel) and _is_of_transformers(model):
        packed = packed_encoder(
            model.backbone,
            precision=precision,
            pooling=model.pooling,
            capabilities=capabilities,
            rounding_texts=rounding_texts,
        )
        if packed is not None:
            return packed
    if precision.needs_ranges:
        raise InputError(f"dtype '{precision}' has no form for {type(model.backbone).__name__}: use 'float32'")
    return _padded_encoder(model, precision, capabilities, sample, inputs)


def _padded_encoder(
    model: PretrainedModel,
    precision: Precision,
    capabilities: Capabilities,
    sample: Callable[[], PairTokens],
    inputs: ModelInputs,
) -> Callable[[TokenBatch], Tensor]:
    encoder: Callable[[TokenBatch], Tensor]
    if isinstance(model, SplitModel):
        encoder = PaddedEncoder(model.backbone, model.pooling, inputs)
    elif isinstance(model, LanguageModel):
        encoder = PaddedLanguageModel(model.backbone, inputs)
    else:
        encoder = PaddedClassifier(model.backbone, inputs)
        config = model.backbone.config
        if config.pad_token_id is None:  # nor has the tokenizer any
            encoder = OneByOne(encoder)
        elif config.is_encoder_decoder:
            encoder = ByEnds(encoder, config.eos_token_id)
        elif not model.names_padding:
            as_stated = OneByOne(PaddedClassifier(without_padding_token(model.backbone), inputs))
            encoder = PaddingApart(encoder, config.pad_token_id, as_stated, only=False)
        elif inputs.padding_side == "left":
            encoder = PaddingApart(encoder, config.pad_token_id, WithoutPadding(encoder), only=True)
    # Asked while the model is still in float32 on the CPU, where rounding hides nothing.
    is_verified = _is_of_transformers(model) and model.backbone.config.model_type in VERIFIED
    leaks = not is_verified and padding_leaks(encoder, _side_by_side(sample()))
    nn.Module.to(model.backbone, capabilities.device, precision.states_dtype(capabilities))
    if not isinstance(model, SplitModel):
        raise_head_to_float32(model.backbone)
    return WithoutPadding(encoder) if leaks else encoder


def _is_of_transformers(model: PretrainedModel) -> bool:
    """Whether no code of the checkpoint's own computes; that may do anything, whatever its config names."""
    return type(model.backbone).__module__.startswith("transformers.")


def _side_by_side(sample: PairTokens) -> TokenBatch:
    """The longest and the shortest pair, side by side on the CPU."""
    pairs = sample.take([int(sample.lengths.argmax()), int(sample.lengths.argmin())])
    ids, type_ids = (torch.from_numpy(array).long() for array in (pairs.ids, pairs.type_ids))
    return TokenBatch(ids, type_ids, tuple(pairs.lengths.tolist()))


def _head(model: RankingModel, capabilities: Capabilities) -> nn.Module:
    """What is left to do behind the encoder; nothing behind a model that brings its head along."""
    return model.head.to(capabilities.device) if isinstance(model, PlainClassifier | SplitModel) else nn.Identity()


def _then(head: nn.Module, scores: Callable[[Tensor], Tensor] | None) -> Callable[[Tensor], Tensor]:
    """Pooled states to what documents are ordered by."""
    return head if scores is None else lambda pooled: scores(head(pooled))


def _batch(pairs: PairTokens, capabilities: Capabilities) -> TokenBatch:
    # Widened on the device: less to copy.
    ids, type_ids = (to_device(torch.from_numpy(array), capabilities).long() for array in (pairs.ids, pairs.type_ids))
    return TokenBatch(ids, type_ids, tuple(pairs.lengths.tolist()))
