"""Rerank clients, as their own projects release them, get from `secondpass serve` what the library says itself."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rerank_clients import CLIENTS, Client, Server

# The clients' own deprecations are theirs.
pytestmark = pytest.mark.filterwarnings("default")

QUERY = "How can I keep the data of a container?"
PASSAGES = (
    "Docker volumes keep data outside of a container, so that it outlives it.",
    "Berlin has 3.5 million inhabitants.",
    "docker ps lists the containers that are running.",
    "Um Daten zu behalten, bindet man ein Verzeichnis ein — auch „read-only“.",
    "コンテナのデータはボリュームに保存されます。🐳",
    'A bind mount maps a folder of the host: -v "$PWD/data":/data\n\tand stays when the container goes.',
)
# More than TEI's own limit of 32, and each its own text.
MANY = tuple(f"{text} ({number})" for number in range(17) for text in PASSAGES)
# Far more tokens than the model reads.
LONG = (PASSAGES[1] * 2000, PASSAGES[0] * 2000, *PASSAGES)


def these(*, but: frozenset[str] = frozenset()) -> pytest.MarkDecorator:
    """A test with each client; those that are not installed skip."""
    return pytest.mark.parametrize(
        "client",
        [
            pytest.param(
                client,
                id=name,
                marks=pytest.mark.skipif(
                    bool(client.missing), reason=f"needs {', '.join(client.missing)}: see tests/clients/requirements"
                ),
            )
            for name, client in CLIENTS.items()
            if name not in but
        ],
    )


@these()
@pytest.mark.parametrize(
    ("texts", "top_n"),
    [
        pytest.param(PASSAGES, 6, id="all"),
        pytest.param(PASSAGES, 2, id="best two"),
        pytest.param(PASSAGES[:1], 1, id="one"),
        pytest.param(PASSAGES * 2, 12, id="each twice"),
        pytest.param(MANY, 102, id="many"),
        pytest.param(LONG, 8, id="long"),
    ],
)
def test_a_client_gets_the_librarys_scores_and_order(
    client: Client, server: Server, library: Any, texts: Sequence[str], top_n: int
) -> None:
    ranked = client.ask(server, QUERY, texts, top_n)
    expected = library.rank(QUERY, texts)[:top_n]
    assert [index for index, _ in ranked] == [index for index, _ in expected]
    assert [score for _, score in ranked] == pytest.approx([score for _, score in expected], abs=1e-6, rel=0)


# These drop what a server says: two raise no error of it, and one tells the status alone.
SILENT = frozenset(
    {"langchain_community.InfinityRerank", "llama_index.TextEmbeddingInference", "haystack.HuggingFaceTEIRanker"}
)


@these(but=SILENT)
def test_what_is_wrong_reaches_the_clients_user(client: Client, server: Server) -> None:
    with pytest.raises(Exception, match="a valid API key must be sent"):
        client.ask(replace(server, key="wrong"), QUERY, PASSAGES, 2)
    with pytest.raises(Exception, match=r"(documents|texts)\[1\] must have at most 1000000 characters, got 1000001"):
        client.ask(server, QUERY, ["short", "x" * 1_000_001], 2)
