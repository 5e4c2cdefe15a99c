"""A student that follows its teacher: divergence of softmaxes with a temperature.

Hinton, Vinyals, Dean, Distilling the Knowledge in a Neural Network, 2015 (arXiv:1503.02531): both sides are divided by
the temperature, and the loss is multiplied by its square, which keeps the gradient's size. A high temperature makes the
whole order count, a low one the top.
"""

import torch
from sentence_transformers.cross_encoder import CrossEncoder, losses
from torch import Tensor, nn

# Below this standard deviation a list's scores are equal: there is nothing to scale.
_LEAST_DEVIATION = 1e-6


class KLLoss(losses.ListNetLoss):
    """The Kullback-Leibler divergence of the student's softmax over a list from the teacher's, times temperature ** 2.

    Args:
        model: The student.
        temperature: What both sides' scores are divided by, above 0.
        scaled: Whether each list's teacher scores are brought to a standard deviation of 1 first, for teachers whose
            scores spread more for some queries than for others.
        mini_batch_size: As in the parent.
    """

    def __init__(self, model: CrossEncoder, *, temperature: float, scaled: bool, mini_batch_size: int) -> None:
        super().__init__(model, activation_fn=_Divided(temperature), mini_batch_size=mini_batch_size)
        self.temperature = temperature
        self.scaled = scaled

    def forward(
        self,
        inputs: list[list[str] | list[list[str]]],
        labels: list[Tensor],
        prompt: str | None = None,
        task: str | None = None,
    ) -> Tensor:
        """The loss of a batch: a mean over its lists.

        Args:
            inputs: Queries, and the documents of each.
            labels: The teacher's scores, a tensor per list. Shape: (n_documents,).
            prompt: As in the parent.
            task: As in the parent.
        """
        teacher = [self._logits(scores) for scores in labels]
        entropies = [-(logits.softmax(0) * logits.log_softmax(0)).sum() for logits in teacher]
        # The parent's cross-entropy is the divergence and the teacher's own entropy.
        cross_entropy: Tensor = super().forward(inputs, teacher, prompt=prompt, task=task)
        return self.temperature**2 * (cross_entropy - torch.stack(entropies).mean())

    def get_config_dict(self) -> dict[str, float]:
        """The loss's settings, for model cards."""
        return super().get_config_dict() | {"temperature": self.temperature, "scaled": self.scaled}

    def _logits(self, scores: Tensor) -> Tensor:
        scores = scores.float()
        if self.scaled:
            deviation = scores.std(correction=0)
            scores = scores / deviation if deviation > _LEAST_DEVIATION else scores
        return scores / self.temperature


class _Divided(nn.Module):
    def __init__(self, divisor: float) -> None:
        super().__init__()
        self._divisor = divisor

    def forward(self, scores: Tensor) -> Tensor:
        return scores / self._divisor
