"""sentence-transformers: `CrossEncoder.predict` with its own defaults."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from secondpass.bench.native import check_native
from secondpass.bench.setting import Loader, ScoreFunction, Setting
from secondpass.options import DType
from secondpass.ranking import Pair


def loader(dtype: DType, *, backend: Literal["torch", "onnx", "openvino"] = "torch") -> Loader:
    """Its cross-encoder in one arithmetic, on one of its backends."""

    def load(setting: Setting) -> ScoreFunction:
        import torch
        from sentence_transformers import CrossEncoder

        check_native(dtype, setting.device)
        model = CrossEncoder(
            setting.model,
            device=setting.device,
            max_length=setting.max_length,
            activation_fn=torch.nn.Identity(),
            backend=backend,
            trust_remote_code=setting.trust_remote_code,
            model_kwargs={"dtype": getattr(torch, dtype)} if backend == "torch" else None,
        )

        def score(pairs: Sequence[Pair]) -> NDArray[np.float32]:
            scores: NDArray[np.float32] = np.asarray(model.predict(list(pairs), show_progress_bar=False), np.float32)
            return scores.reshape(len(pairs))

        return score

    return load
