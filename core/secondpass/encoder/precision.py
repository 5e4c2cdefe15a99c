"""The arithmetic of the transformer: which number formats there are, and which one a machine does well."""

from enum import StrEnum

import torch


class Precision(StrEnum):
    """A number format of the transformer's weights and products; heads and activations stay in float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype of hidden states."""
        return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self, torch.float32)
