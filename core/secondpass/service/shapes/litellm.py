"""LiteLLM at `/rerank`: its `infinity` and its `hosted_vllm` send the same bytes, and read two forms of documents."""

from collections.abc import Mapping
from dataclasses import replace

from secondpass.service.requests import RerankRequest
from secondpass.service.shapes.vllm import Vllm


class LiteLlm(Vllm):
    """vLLM's answer without documents, which both take: strings fail the one and objects the other."""

    def read(self, body: Mapping[str, object]) -> RerankRequest:
        """The request; no documents come back."""
        return replace(super().read(body), shown=None)
