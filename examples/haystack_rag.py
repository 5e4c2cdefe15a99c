"""Retrieve with BM25, take a second pass, and answer from what is left: a pipeline of Haystack.

pip install ".[haystack]"
python examples/haystack_rag.py --query "when are tides highest"
python examples/haystack_rag.py --query "who won the world cup" --score-threshold 0  # nothing is left
"""

from corpus import answer, arguments, texts
from haystack import Document, Pipeline, component
from haystack.components.builders import PromptBuilder
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from haystack_integrations.components.rankers.secondpass import SecondPassRanker

PROMPT = """Answer from these sources. If there are none, say that you do not know.
{% for document in documents %}
[{{ loop.index }}] {{ document.content }}
{% endfor %}
Question: {{ question }}"""


@component
class LanguageModel:
    """Your generator."""

    @component.output_types(replies=list[str])
    def run(self, prompt: str) -> dict[str, list[str]]:
        """Answer."""
        return {"replies": [answer(prompt)]}


def main() -> None:
    """Build the pipeline and ask it."""
    options = arguments(__doc__)
    store = InMemoryDocumentStore()
    store.write_documents(
        [Document(id=str(number), content=text) for number, text in enumerate(texts(options.documents))]
    )

    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store, top_k=options.candidates))
    # Haystack scales scores to 0 to 1; left as they are, a threshold means what it means everywhere else.
    ranker = SecondPassRanker(
        options.model, top_k=options.top_n, score_threshold=options.score_threshold, scale_score=False
    )
    pipeline.add_component("ranker", ranker)
    pipeline.add_component("prompt", PromptBuilder(PROMPT, required_variables="*"))
    pipeline.connect("retriever.documents", "ranker.documents")
    pipeline.add_component("language_model", LanguageModel())
    pipeline.connect("ranker.documents", "prompt.documents")
    pipeline.connect("prompt.prompt", "language_model.prompt")

    result = pipeline.run(
        {
            "retriever": {"query": options.query},
            "ranker": {"query": options.query},
            "prompt": {"question": options.query},
        },
        include_outputs_from={"ranker", "prompt"},
    )
    for document in result["ranker"]["documents"]:
        print(f"{document.score:8.3f}  {document.content[:90]}")
    print("\n" + result["prompt"]["prompt"])
    print("\n" + result["language_model"]["replies"][0])
    # pipeline.dumps() is YAML that any process with secondpass installed can load.


if __name__ == "__main__":
    main()
