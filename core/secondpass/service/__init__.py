"""Serve models over HTTP, in every API that rerank clients speak."""

from secondpass.extras import require

require("fastapi", "uvicorn", "prometheus_client", feature="serving models", extra="serve")

from secondpass.service.app import create_app  # noqa: E402 - behind the check for what it stands on
from secondpass.service.limits import Limits  # noqa: E402 - likewise
from secondpass.service.served_model import ServedModel, load_model  # noqa: E402 - likewise
from secondpass.service.server import serve  # noqa: E402 - likewise

__all__ = ["Limits", "ServedModel", "create_app", "load_model", "serve"]
