"""Retrieve with BM25, take a second pass, and build a prompt: a pipeline of Haystack, saved and loaded as YAML.

pip install ".[haystack]"
python examples/haystack_rag.py --query "when are tides highest"
"""

from corpus import arguments, texts
from haystack import Document, Pipeline
from haystack.components.builders import PromptBuilder
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from haystack_integrations.components.rankers.secondpass import SecondPassRanker

PROMPT = """Answer from these sources.
{% for document in documents %}
[{{ loop.index }}] {{ document.content }}
{% endfor %}
Question: {{ question }}"""


def main() -> None:
    """Build the pipeline and ask it."""
    options = arguments(__doc__)
    store = InMemoryDocumentStore()
    store.write_documents(
        [Document(id=str(number), content=text) for number, text in enumerate(texts(options.documents))]
    )

    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store, top_k=options.candidates))
    pipeline.add_component("ranker", SecondPassRanker(options.model, top_k=options.top_n))
    pipeline.add_component("prompt", PromptBuilder(PROMPT, required_variables="*"))
    pipeline.connect("retriever.documents", "ranker.documents")
    pipeline.connect("ranker.documents", "prompt.documents")

    result = pipeline.run(
        {
            "retriever": {"query": options.query},
            "ranker": {"query": options.query},
            "prompt": {"question": options.query},
        },
        include_outputs_from={"ranker"},
    )
    for document in result["ranker"]["documents"]:
        print(f"{document.score:8.3f}  {document.content[:90]}")
    print("\n" + result["prompt"]["prompt"])
    # pipeline.dumps() is YAML that any process with secondpass installed can load.


if __name__ == "__main__":
    main()
