"""What a service says of itself: which API it speaks, how much it takes at once, and what its scores depend on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from secondpass.errors import RemoteError
from secondpass.files.printable import printable
from secondpass.fingerprints import TeiFingerprint
from secondpass.remote.address import Address
from secondpass.remote.apis import APIS, Api, check_raw
from secondpass.remote.failures import refusal, status_in_words
from secondpass.remote.messages import Answer, Ask, Outcome, Steps
from secondpass.remote.retries import Deadline, exchange
from secondpass.remote.server import Server
from secondpass.remote.settings import Settings

# Services that everyone reaches at one place, and that say nothing of themselves.
_HOSTS: Final[Mapping[str, str]] = {
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.jina.ai": "jina",
    "api.voyageai.com": "voyage",
}
# A whole address tells which API it belongs to where it has a version.
_VERSIONS: Final[Mapping[str, str]] = {"/v1": "jina", "/v2": "cohere"}
# The most to wait for what a service says of itself where that is not needed; and no more than a quarter of the call.
_LOOK_SECONDS: Final = 2.0
_NOT_ALLOWED: Final = frozenset({401, 403})
_ELSE_NAMED: Final = f"give api=..., one of {', '.join(APIS)}"

_Said: TypeAlias = Mapping[str, object]


def discover(settings: Settings, address: Address, deadline: Deadline, *, insists: bool) -> Steps[Server]:
    """Find out how a service is to be asked.

    Args:
        settings: What the caller says of it.
        address: Where it is.
        deadline: When to give up.
        insists: Whether a service whose API is known has to answer too, as is needed for what only it can tell.

    Raises:
        RemoteError: It cannot be reached, serves something else, or does not tell what it speaks.
        InputError: Raw scores are wanted, and its API has none.
    """
    if settings.api == "auto":
        server = yield from _find(settings, address, deadline)
    else:
        server = yield from _look(settings, address, deadline, insists=insists)
    check_raw(server.api, raw=settings.raw_scores)
    return server


def _look(settings: Settings, address: Address, deadline: Deadline, *, insists: bool) -> Steps[Server]:
    """A service that speaks what the caller says, with whatever it says of itself beside.

    A gateway may pass on nothing but requests for scores: whatever becomes of the question, it says nothing then.
    """
    server = _server(APIS[settings.api], address)
    if address.host in _HOSTS:
        return server
    ask = _ask(address, "/info")
    answer: Outcome
    if insists:
        answer = yield from exchange(ask, settings.retries, deadline)
    else:
        answer = yield replace(ask, most_seconds=min(_LOOK_SECONDS, deadline.remaining() / 4))
    said = _said(answer) if isinstance(answer, Answer) else {}
    return _with_info(server, said, settings)


def _find(settings: Settings, address: Address, deadline: Deadline) -> Steps[Server]:
    if address.host in _HOSTS:
        return _server(APIS[_HOSTS[address.host]], address)
    said = _said((yield from _page("/info", settings, address, deadline)))
    if said.get("server") == "secondpass":
        return _with_info(_server(APIS["secondpass"], address), said, settings)
    if "model_id" in said:
        _check_model(said, address, settings)
        # It said so at its root, where all that it has is: a version in the address is none of its own.
        return _with_info(_server(APIS["tei"], replace(address, version="")), said, settings)
    return (yield from _find_by_models(settings, address, deadline))


def _find_by_models(settings: Settings, address: Address, deadline: Deadline) -> Steps[Server]:
    owners = _owners((yield from _page("/v1/models", settings, address, deadline)))
    for name in ("secondpass", "vllm"):
        if name in owners:
            return _server(APIS[name], address)
    if "infinity" in owners:  # it has all of its paths behind one prefix, here /v1
        return _server(APIS["infinity"], replace(address, version="/v1"))
    # Whatever else lists models so (LiteLLM, llama.cpp, Xinference) takes what Jina's clients send.
    guess = _VERSIONS.get(address.version, "jina" if owners else None)
    if guess is not None:
        return _server(APIS[guess], address)
    answer = yield from _page("/models", settings, address, deadline)
    if "infinity" in _owners(answer):
        return _server(APIS["infinity"], address)
    raise RemoteError(
        f"{address.shown} does not say which API it speaks, at /info, /v1/models or /models, the last of which "
        f"answered {status_in_words(answer.status)}: {_ELSE_NAMED}"
    )


def _page(path: str, settings: Settings, address: Address, deadline: Deadline) -> Steps[Answer]:
    """What the service has at a path, if only the words that it has nothing there.

    Raises:
        RemoteError: It does not say so much: it is elsewhere, out of order, or not for everyone. What was guessed then
            would be kept, and wrong once it is there.
    """
    ask = _ask(address, path)
    answer = yield from exchange(ask, settings.retries, deadline)
    if answer.status in _NOT_ALLOWED:
        raise refusal(ask, answer, "" if settings.api_key else ": an API key may be missing (api_key=...)")
    if answer.is_redirect or answer.is_server_error:
        raise refusal(ask, answer, f"; where it has no such page, {_ELSE_NAMED}")
    return answer


def _server(api: Api, address: Address) -> Server:
    url = address.only_url(api.path) if api.is_only_there else address.rerank_url(api.path)
    return Server(api=api, url=url, most_documents=api.most_documents)


def _ask(address: Address, path: str) -> Ask:
    return Ask(url=address.root + path)


def _said(answer: Answer) -> _Said:
    """The JSON object of an answer; an empty one where it has none."""
    try:
        content = answer.json() if answer.is_good else None
    except ValueError:
        return {}
    return content if isinstance(content, Mapping) else {}


def _owners(answer: Answer) -> list[str]:
    """What a list of models says of each in `owned_by`, which names secondpass, vLLM and infinity."""
    models = _said(answer).get("data")
    listed = models if isinstance(models, list) else [models]
    return [str(model.get("owned_by", "")) for model in listed if isinstance(model, Mapping) and "id" in model]


def _check_model(said: _Said, address: Address, settings: Settings) -> None:
    """Raise RemoteError where TEI serves another model, or one of another kind: it would not mind being asked."""
    served = printable(str(said["model_id"]))
    if settings.model not in (None, said["model_id"]):
        raise RemoteError(f"{address.shown} must serve {settings.model}, it serves {served}")
    kind = said.get("model_type")
    if isinstance(kind, Mapping) and kind and "reranker" not in kind:
        raise RemoteError(
            f"{address.shown} must serve a reranker, it serves {served}, a model of kind {printable(next(iter(kind)))}"
        )


def _with_info(server: Server, said: _Said, settings: Settings) -> Server:
    """The service with the limit and the fingerprint that its `/info` tells."""
    most = said.get("max_client_batch_size")
    if isinstance(most, int) and most > 0:
        server = replace(server, most_documents=most)
    if said.get("server") == "secondpass":
        return _with_own_models(server, said, settings)
    return replace(server, fingerprint=_tei_fingerprint(said, settings))


def _with_own_models(server: Server, said: _Said, settings: Settings) -> Server:
    """With the fingerprint of the model that is asked for; the first one of a service answers where none is."""
    models = said.get("models")
    served: list[str] = []
    for model in models if isinstance(models, list) else []:
        if not isinstance(model, Mapping):
            continue
        aliases = model.get("aliases")
        names = [model.get("model_id"), *(aliases if isinstance(aliases, list) else [])]
        if settings.model is None or settings.model in names:
            prints = model.get("fingerprint")
            found = prints.get("raw" if settings.raw_scores else "served") if isinstance(prints, Mapping) else None
            return replace(server, fingerprint=found if isinstance(found, str) else None)
        served += map(str, names)
    return replace(server, lacks=printable(", ".join(served)) if served else None)


def _tei_fingerprint(said: _Said, settings: Settings) -> str | None:
    """What TEI says of its model; None where it does not know its revision, as of a local folder."""
    if not said.get("model_sha"):
        return None
    names = ("model_id", "model_sha", "model_dtype", "max_input_length", "version")
    unit = "raw" if settings.raw_scores else "served"
    return str(TeiFingerprint(**{name: str(said.get(name)) for name in names}, unit=unit))
