"""What `/info` tells: TEI's fields for the first model, and the same for every model; and `/v1/models`."""

from importlib.metadata import version

from secondpass.service.limits import Limits
from secondpass.service.served_model import ServedModel
from secondpass.service.service import Service, pass_tokens


async def info(service: Service) -> dict[str, object]:
    """The models and limits of a service.

    TEI's fields: model_id, model_dtype, model_type, max_input_length (tokens of a pair), max_batch_tokens (of a pass),
    max_client_batch_size (documents per request), auto_truncate, version. `max_concurrent_requests` is null, for
    tokens are limited and not requests. `fingerprint` says what scores depend on, `raw` ones and those as `served`.
    """
    models = [
        _model(model, service.limits) | {"fingerprint": await service.fingerprints(model)} for model in service.models
    ]
    return {
        **models[0],
        "server": "secondpass",
        "version": version("secondpass"),
        "max_client_batch_size": service.limits.max_documents,
        "max_concurrent_requests": None,
        "max_queued_tokens": service.limits.max_queued_tokens,
        "max_body_bytes": service.limits.max_body_bytes,
        "max_text_characters": service.limits.max_text_characters,
        "auto_truncate": True,
        "models": models,
    }


def models(service: Service, created: int) -> dict[str, object]:
    """The names by which requests may ask for models, in OpenAI's form.

    Args:
        service: Whose models.
        created: When it began, in seconds since 1970: of the models nobody knows.
    """
    names = [name for model in service.models for name in (model.name, *model.aliases)]
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": created, "owned_by": "secondpass"} for name in names],
    }


def _model(model: ServedModel, limits: Limits) -> dict[str, object]:
    labels = dict(enumerate(model.labels))
    return {
        "model_id": model.name,
        "aliases": list(model.aliases),
        "model_dtype": model.dtype,
        "model_type": {
            "reranker": {
                "id2label": {str(index): label for index, label in labels.items()},
                "label2id": {label: index for index, label in labels.items()},
            }
        },
        "max_input_length": model.max_length,
        "max_batch_tokens": pass_tokens(model, limits),
    }
