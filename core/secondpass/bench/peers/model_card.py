"""The code of the model cards: transformers, with a query's candidates as one padded batch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.bench.peers.inputs import batches_by_query, load_tokenizer, tokenize_padded
from secondpass.bench.setting import ScoreFunction, Setting
from secondpass.execution.devices import devices_for
from secondpass.ranking import Pair


def load(setting: Setting) -> ScoreFunction:
    """`AutoModelForSequenceClassification` in float32."""
    import torch
    from transformers import AutoModelForSequenceClassification

    tokenizer = load_tokenizer(setting)
    model = AutoModelForSequenceClassification.from_pretrained(
        setting.model, dtype=torch.float32, trust_remote_code=setting.trust_remote_code
    )
    device = devices_for(setting.device)[0]
    model.eval().to(device)

    def score_batch(batch: Sequence[Pair]) -> NDArray[np.float32]:
        inputs = tokenize_padded(tokenizer, batch, setting, "pt").to(device)
        logits: NDArray[np.float32] = model(**inputs).logits.squeeze(-1).float().cpu().numpy()
        return logits

    def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
        with torch.no_grad():
            return np.concatenate([score_batch(batch) for batch in batches_by_query(pairs)])

    return score
