"""Small checkpoints under the names that sentence-transformers' own tests of its CrossEncoder load."""

import json
from collections.abc import Sequence
from pathlib import Path

import checkpoints
import torch
from hub_cache import HubCache
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForSequenceClassification, AutoTokenizer

_SIGMOID = "torch.nn.modules.activation.Sigmoid"
_TANH = "torch.nn.modules.activation.Tanh"
# Of test_rank: the published model puts these documents into this order.
_QUERY = "A man is eating pasta."
_DOCUMENTS = (
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A man is riding a horse.",
    "A woman is playing violin.",
    "Two men pushed carts through the woods.",
    "A man is riding a white horse on an enclosed ground.",
    "A monkey is playing drums.",
    "A cheetah is running behind its prey.",
)
_ORDER = (0, 1, 3, 6, 2, 5, 7, 4, 8)


def publish_stand_ins(cache: HubCache, work: Path) -> None:
    """All of them, made in `work` where they are not made in place."""
    tiny = "cross-encoder-testing/reranker-bert-tiny-gooaq-bce"
    checkpoints.bert(cache.new(tiny), sentence_transformers={"activation_fn": _SIGMOID, "version": "4.0.1"})
    checkpoints.bert(cache.new(f"{tiny}-tanh-v3"), sbert_ce_default_activation_function=_TANH)
    checkpoints.bert(cache.new(f"{tiny}-tanh-v4"), sentence_transformers={"activation_fn": _TANH, "version": "4.0.1"})
    checkpoints.xlm_roberta(cache.new("BAAI/bge-reranker-base"), max_position_embeddings=514)
    names = {0: "contradiction", 1: "entailment", 2: "neutral"}
    checkpoints.roberta(
        cache.new("cross-encoder/nli-MiniLM2-L6-H768"),
        num_labels=3,
        id2label=names,
        label2id={v: k for k, v in names.items()},
    )
    ranker = cache.new("cross-encoder/stsb-distilroberta-base")
    checkpoints.roberta(ranker)
    _fit_order(ranker, _QUERY, _DOCUMENTS, _ORDER)
    checkpoints.wordpiece().save_pretrained(cache.new("google-bert/bert-base-uncased"))
    bi_encoder = work / "bi_encoder"
    SentenceTransformer(str(checkpoints.base_transformer(work / "base"))).save_pretrained(str(bi_encoder))
    cache.add("sentence-transformers-testing/stsb-bert-tiny-safetensors", bi_encoder)


def _fit_order(folder: Path, query: str, documents: Sequence[str], order: Sequence[int]) -> None:
    """Give a RoBERTa classifier the last layer that puts these documents into this order."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    features = AutoTokenizer.from_pretrained(folder)(
        [query] * len(documents), list(documents), padding=True, return_tensors="pt"
    )
    seen: list[torch.Tensor] = []
    model.classifier.out_proj.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        model(**features)
    wanted = torch.empty(len(order))
    wanted[list(order)] = torch.linspace(2, -2, len(order))
    with torch.no_grad():
        model.classifier.out_proj.bias.zero_()
        model.classifier.out_proj.weight.copy_(torch.linalg.lstsq(seen[0].clone(), wanted[:, None]).solution.T)
    model.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["architectures"] == ["RobertaForSequenceClassification"]
