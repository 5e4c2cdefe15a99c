"""The model that a run saves."""

import json
from pathlib import Path

from sentence_transformers.cross_encoder import CrossEncoder

from secondpass.files.whole_files import write_text


def save(model: CrossEncoder, output: Path, *, max_length: int) -> None:
    """Save the model in the layout that transformers, sentence-transformers and this package read alike."""
    output.mkdir(parents=True, exist_ok=True)
    model.max_seq_length = max_length
    model.save_pretrained(str(output), create_model_card=False)
    path = output / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    # The old and the new place of the activation: readers of either find Identity, not a default sigmoid.
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity"}
    write_text(path, json.dumps(config, indent=2, sort_keys=True) + "\n")
