"""Turn a trained checkpoint into the files that the package ships: float16 weights, tokenizer, configuration.

python package.py CHECKPOINT OUT [--answers FOLDER]

The losses of lists do not see what is added to all scores of one, so that training moves their zero. With the held-out
answers of `build_lists.py` it is put half-way between the mean scores of answers and of other passages.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from secondpass import CrossEncoder

# Settings of the tokenizer that only training reads.
_ONLY_IN_TRAINING = (
    "is_local",
    "local_files_only",
    "max_length",
    "stride",
    "truncation_strategy",
    "pad_to_multiple_of",
)
# Questions of each held-out set, and other passages of each, that the zero is put by.
_QUESTIONS, _OTHERS = 15, 8
_BIAS = "classifier.bias"


def middle(checkpoint: Path, answers: Path) -> float:
    """Half-way between the mean scores of held-out answers and of other passages."""
    model = CrossEncoder(checkpoint, dtype="float32", device="cpu")
    known: list[float] = []
    others: list[float] = []
    for path in sorted(answers.glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()[:_QUESTIONS]
        for line in (json.loads(line) for line in lines):
            if line["positive"]:
                documents = line["positive"][:1] + line["negative"][:_OTHERS]
                scores = model.predict([(line["query"], document) for document in documents])
                known.append(float(scores[0]))
                others.extend(scores[1:].tolist())
    return float(np.mean(known) + np.mean(others)) / 2


def main() -> None:
    """Read the arguments, convert, copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--answers", type=Path, help="put zero half-way between these answers and other passages")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    weights = load_file(arguments.checkpoint / "model.safetensors")
    if arguments.answers is not None:
        weights[_BIAS] = weights[_BIAS] - middle(arguments.checkpoint, arguments.answers)
    weights = {name: value.to(torch.float16) for name, value in weights.items()}
    save_file(weights, arguments.out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((arguments.checkpoint / "config.json").read_text(encoding="utf-8"))
    # Stored as float16, computed in float32: transformers would otherwise compute in the stored precision.
    config |= {"dtype": "float32", "use_cache": True}
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(arguments.checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(arguments.out / "tokenizer.json"), pretty=False)
    settings = json.loads((arguments.checkpoint / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings = {name: value for name, value in settings.items() if name not in _ONLY_IN_TRAINING}
    (arguments.out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    for path in arguments.out.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    main()
