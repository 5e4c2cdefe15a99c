"""Margins as a teacher sees them, all columns of a batch in one forward pass."""

import torch
from sentence_transformers.cross_encoder import losses
from torch import Tensor


class MarginLoss(losses.MarginMSELoss):
    """The parent's loss, which takes one forward pass per column: here the pairs of all of them share one.

    A pass over few pairs of one column makes small products, and cannot sort pairs of all columns by length.
    """

    def forward(
        self,
        inputs: list[list[str]],
        labels: Tensor | list[Tensor],
        prompt: str | None = None,
        task: str | None = None,
    ) -> Tensor:
        """The squared error of the first document's margins over each other one: a mean over all margins.

        Args:
            inputs: Queries, and a column of documents, one per query, for each place in the lists.
            labels: The teacher's scores, a tensor per query or one of all. Shape: (n_columns,), (n_queries, n_columns).
            prompt: As in the parent.
            task: As in the parent.
        """
        queries, *columns = inputs
        pairs = [pair for column in columns for pair in zip(queries, column, strict=True)]
        scores = self.logits_from_pairs(pairs, prompt=prompt, task=task).view(len(columns), len(queries)).T
        teacher = (labels if isinstance(labels, Tensor) else torch.stack(labels)).to(scores.device).float()
        loss: Tensor = self.loss_fct(scores[:, :1] - scores[:, 1:], teacher[:, :1] - teacher[:, 1:])
        return loss
