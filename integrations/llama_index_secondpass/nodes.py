"""Copies of nodes: with metadata that neither embeddings nor an LLM read, and with a passage in place of the text."""

from typing import Any

from llama_index.core.schema import BaseNode, Node, NodeRelationship, TextNode

from secondpass.adapters.passages import passage_text
from secondpass.ranking import Passage


def with_hidden_metadata(node: BaseNode, metadata: dict[str, Any]) -> BaseNode:
    """A copy of the node that also has this metadata, where neither embeddings nor an LLM read it."""
    return node.model_copy(
        update={
            "metadata": {**node.metadata, **metadata},
            "excluded_embed_metadata_keys": _with_keys(node.excluded_embed_metadata_keys, metadata),
            "excluded_llm_metadata_keys": _with_keys(node.excluded_llm_metadata_keys, metadata),
        }
    )


def own_text(node: BaseNode) -> str:
    """The node's text, without its metadata."""
    if isinstance(node, TextNode):
        return node.text
    if isinstance(node, Node):
        return "" if node.text_resource is None else node.text_resource.text or ""
    return node.get_content()


def start_of_own_text(text: str, read: str) -> int:
    """Where a node's text begins in what is read of the node; its end, where the node's template leaves the text out.

    Below 0 by the white space ahead of the text that is not read.

    Args:
        text: The node's own.
        read: The text within the node's template, which has metadata around it and no white space at its ends.
    """
    stripped = text.lstrip()
    # Templates put the text last, unless they are the user's own.
    start = read.rfind(stripped.rstrip())
    return len(read) if start < 0 else start - (len(text) - len(stripped))


def passage_of(node: BaseNode, passage: Passage) -> BaseNode:
    """A copy of the node with the passage as its text, and without the embedding, which is that of the whole text.

    It keeps the id and all relationships; without a source, the given node becomes it. Where the node says which
    characters of its source it has, the copy says so of the passage, else which characters of the node.
    """
    text = passage_text(passage, own_text(node))
    source = {NodeRelationship.SOURCE: node.as_related_node_info()}
    update: dict[str, Any] = {"embedding": None, "relationships": {**source, **node.relationships}}
    if isinstance(node, TextNode):
        start = (node.start_char_idx or 0) + passage.start
        update |= {"text": text, "start_char_idx": start, "end_char_idx": start + len(text)}
    elif isinstance(node, Node) and node.text_resource is not None:
        update["text_resource"] = node.text_resource.model_copy(update={"text": text, "embeddings": None})
    return node.model_copy(update=update)


def _with_keys(keys: list[str], new: dict[str, Any]) -> list[str]:
    return [*keys, *(key for key in new if key not in keys)]
