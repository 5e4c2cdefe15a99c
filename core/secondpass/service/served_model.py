"""The models of a service: what each is called, how it scores, and what its logits become."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from secondpass.adapters.units import is_activated
from secondpass.arguments import check_names, check_text, check_unicode, describe, items_of
from secondpass.calibration import Calibration
from secondpass.errors import InputError, InputTypeError, SecondPassError
from secondpass.options import ModelOptions
from secondpass.ranking import Fingerprinted, ScoreMap, Scorer, Sigmoid
from secondpass.ranking.scorer_checks import check_pointwise, check_raises_failures, check_scorer
from secondpass.service.problems import Kind, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A scorer under the names by which requests ask for it.

    Args:
        name: What it is called in answers.
        scorer: Gives logits: the raw scores that a request may ask for. Where they are from 0 to 1 already, `score_map`
            has to say what becomes of them. One thread at a time calls it; two do where it has `devices` that are CPUs
            alone, as a `CrossEncoder` has.
        score_map: What scores become where a request does not ask for raw ones: numbers from 0 to 1, in the same order,
            such as those of a `Calibration`; `float` leaves them as they are.
        aliases: Other names that requests may use.
        instruction: What the model is told about the task, where it was loaded with that.

    Raises:
        InputError: The scorer's scores depend on what else it is given, such as a `Cascade`'s: requests share passes.
            Or it scores its own failures, as `RemoteScorer(..., on_failure="keep_order")` does. Or it is known to give
            no logits, as with `activation="sigmoid"` or a checkpoint's own tanh, and their sigmoid would be served. Or
            a name is none.
    """

    name: str
    scorer: Scorer
    score_map: ScoreMap = field(default_factory=Sigmoid)
    aliases: tuple[str, ...] = ()
    instruction: str | None = None

    def __post_init__(self) -> None:
        """Refuse scores that other requests would change, that are made up, or whose unit would be applied twice."""
        check_naming(self.name, self.aliases)
        object.__setattr__(self, "aliases", tuple(self.aliases))
        check_text("instruction", self.instruction)
        check_scorer(self.scorer)
        check_pointwise(self.scorer, "requests share passes")
        check_raises_failures(self.scorer)
        if not callable(self.score_map):
            raise InputTypeError(f"score_map must be a function from score to score, got {describe(self.score_map)}")
        if self.score_map == Sigmoid() and is_activated(self.scorer):
            raise InputError(
                "scorer must give logits where score_map is a sigmoid, got one whose scores are no logits: write "
                'CrossEncoder(..., activation="identity"), RemoteScorer(..., raw_scores=True) or '
                "score_map=calibration for what is calibrated, or score_map=float to serve its scores as they are"
            )

    @property
    def max_length(self) -> int | None:
        """The most tokens it reads of a pair; None where the scorer does not say."""
        return getattr(self.scorer, "max_length", None)

    @property
    def most_tokens(self) -> int | None:
        """The most tokens that count of a pair; None where all of them do, as where a document is read in windows."""
        return None if getattr(self.scorer, "long_documents", None) == "windows" else self.max_length

    @property
    def dtype(self) -> str | None:
        """Arithmetic of the transformer; None where the scorer does not say."""
        return getattr(self.scorer, "dtype", None)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the head's labels; empty where the scorer does not say."""
        return getattr(self.scorer, "labels", ())

    @property
    def devices(self) -> tuple[str, ...]:
        """Where it runs; empty where the scorer does not say."""
        return getattr(self.scorer, "devices", ())

    def fingerprints(self) -> dict[str, str | None]:
        """What its scores depend on, `raw` ones and those as they are `served`; None where the scorer does not say now.

        The first takes as long as reading the model's files, or as asking the service that the scorer asks.
        """
        raw = served = None
        if isinstance(self.scorer, Fingerprinted):
            # A scorer around others may know of one that has none, and a service may be out of reach.
            with suppress(SecondPassError, OSError):
                raw = self.scorer.fingerprint()
        if raw is not None:
            served = _in_unit(raw, self.score_map)
        return {"raw": raw, "served": served}

    @property
    def is_on_cpus(self) -> bool:
        """Whether it says that it runs on CPUs alone, as loaded models do, which any thread may call."""
        return bool(self.devices) and not self.is_accelerated

    @property
    def is_accelerated(self) -> bool:
        """Whether it runs on something other than a CPU."""
        return any(not device.startswith("cpu") for device in self.devices)


def check_naming(name: object, aliases: Sequence[str]) -> None:
    """Raise InputError unless a model has a name, and a list of other ones, which JSON can hold."""
    if not isinstance(name, str) or not name:
        raise InputTypeError(f"name must be that of a model, got {describe(name)}")
    check_unicode(name, "name")
    check_names("aliases", aliases)
    for index, alias in enumerate(aliases):
        place = f"aliases[{index}]"
        if not alias:
            raise InputError(f"{place} must be a name, got {alias!r}")
        check_unicode(alias, place)


def _in_unit(raw: str, score_map: ScoreMap) -> str | None:
    """The fingerprint of what raw scores become; None for a function that is not known."""
    if score_map is float:
        return raw
    if isinstance(score_map, Sigmoid):
        return f"{raw} sigmoid:{score_map.factor}"
    return f"{raw} calibration:{score_map.digest()}" if isinstance(score_map, Calibration) else None


def load_model(name: str, options: ModelOptions | None = None, *, aliases: Sequence[str] = ()) -> ServedModel:
    """A model to serve, loaded and run once, so that the first request finds it warm.

    Args:
        name: Hub id, local folder, or the name of a bundled model.
        options: How it is found and loaded. The activation must be left out, for requests choose the unit of scores:
            logits, or what the calibration makes of them; without one, their sigmoid.
        aliases: Other names that requests may use.

    Raises:
        CheckpointError: The checkpoint cannot be scored the way its authors meant.
        InputError: An argument or an option breaks a rule.
    """
    check_naming(name, aliases)
    from secondpass.cross_encoder import CrossEncoder  # noqa: PLC0415 - torch, which other scorers do without

    options = ModelOptions() if options is None else options
    if options.activation is not None:
        raise InputError(f"activation must be left out: every request chooses its unit, got {options.activation!r}")
    scorer = CrossEncoder.from_options(name, replace(options, activation="identity", calibration=None))
    if options.calibration is not None:
        options.calibration.check_model(scorer.fingerprint())
    scorer.score("warm", ["up"])
    return ServedModel(
        name=name,
        scorer=scorer,
        score_map=Sigmoid() if options.calibration is None else options.calibration,
        aliases=tuple(aliases),
        instruction=options.instruction,
    )


def check_models(models: object) -> list[str | ServedModel]:
    """The models; raise InputTypeError unless they are a list: the letters of one name would count as names."""
    given = None if isinstance(models, str | Mapping) else items_of(models)
    if given is None:
        raise InputTypeError(f"models must be a list of names and ServedModels, got {describe(models)}")
    checked: list[str | ServedModel] = []
    for index, model in enumerate(given):
        if not isinstance(model, str | ServedModel):
            raise InputTypeError(f"models[{index}] must be a name or a ServedModel, got {describe(model)}")
        checked.append(model)
    return checked


class ServedModels:
    """Served models by name; the first answers requests that name none.

    Raises:
        InputError: There is none, or two have the same name.
    """

    def __init__(self, models: Sequence[ServedModel]) -> None:
        if not models:
            raise InputError("models must name at least one model, got none")
        self._models = tuple(models)
        self._by_name: dict[str, ServedModel] = {}
        for model in models:
            for name in dict.fromkeys((model.name, *model.aliases)):
                if name in self._by_name:
                    raise InputError(f"names of models must differ, got {name!r} twice")
                self._by_name[name] = model

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self._models)

    def named(self, name: str | None) -> ServedModel:
        """The model of that name; raise Problem if there is none."""
        if not name:
            return self._models[0]
        model = self._by_name.get(name)
        if model is None:
            raise Problem(
                Kind.UNKNOWN_MODEL,
                f"model must be one of {', '.join(self._by_name)}, got {name[:60]!r}",
                parameter="model",
            )
        return model
