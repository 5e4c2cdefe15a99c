"""Margins as a teacher sees them, of lists of any lengths, all pairs of a batch in one forward pass."""

from typing import Any

import torch
from sentence_transformers.cross_encoder import losses
from torch import Tensor


class MarginLoss(losses.MarginMSELoss):
    """The parent's loss, which takes a column of documents, and a forward pass, for each place in the lists.

    Its lists are all as long as the shortest, and a pass over few pairs of one column makes small products, and cannot
    sort pairs of all columns by length.
    """

    def forward(
        self,
        inputs: list[Any],
        labels: Tensor | list[Tensor],
        prompt: str | None = None,
        task: str | None = None,
    ) -> Tensor:
        """The squared error of the first document's margins over each other one: a mean over all margins.

        Args:
            inputs: Queries, and the documents of each.
            labels: The teacher's scores, a tensor per list. Shape: (n_documents,).
            prompt: As in the parent.
            task: As in the parent.
        """
        queries, documents = inputs
        pairs = [(query, document) for query, own in zip(queries, documents, strict=True) for document in own]
        scores = self.logits_from_pairs(pairs, prompt=prompt, task=task).split([len(own) for own in documents])
        student = torch.cat([_margins(own) for own in scores])
        teacher = torch.cat([_margins(own.float()) for own in labels]).to(student.device)
        loss: Tensor = self.loss_fct(student, teacher)
        return loss


def _margins(scores: Tensor) -> Tensor:
    return scores[:1] - scores[1:]
