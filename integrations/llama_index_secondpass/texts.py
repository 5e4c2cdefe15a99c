"""What a cross-encoder reads of a node."""

from llama_index.core.schema import ImageNode, MetadataMode, Node, NodeWithScore

from llama_index_secondpass.nodes import own_text
from secondpass.errors import InputError


def text_of(node: NodeWithScore, metadata_mode: MetadataMode) -> str:
    """The node's text, with its metadata as `metadata_mode` says; "" for a text node without text.

    Raises:
        InputError: The node holds an image, audio or video and no text of its own: all such nodes would score the same,
            or by the names of their files, and push out nodes that were read.
    """
    if _has_media(node) and not own_text(node.node).strip():
        raise InputError(
            f"node must have text to be reranked, got {type(node.node).__name__} {node.node_id} without any: "
            "give it a caption, or keep it away from the reranker"
        )
    return node.get_content(metadata_mode=metadata_mode)


def _has_media(node: NodeWithScore) -> bool:
    inner = node.node
    if isinstance(inner, ImageNode):
        return True
    if not isinstance(inner, Node):
        return False
    return any(media is not None for media in (inner.image_resource, inner.audio_resource, inner.video_resource))
