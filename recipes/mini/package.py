"""Turn a trained checkpoint into the files that the package ships: float16 weights, tokenizer, configuration.

python package.py CHECKPOINT OUT
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

# Settings of the tokenizer that only training reads.
_ONLY_IN_TRAINING = (
    "is_local",
    "local_files_only",
    "max_length",
    "stride",
    "truncation_strategy",
    "pad_to_multiple_of",
)


def main() -> None:
    """Read the arguments, convert, copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    weights = {
        name: value.to(torch.float16) for name, value in load_file(arguments.checkpoint / "model.safetensors").items()
    }
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
