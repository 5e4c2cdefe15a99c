"""Turn a trained checkpoint into the files that the package ships: float16 weights, tokenizer, configuration.

python package.py CHECKPOINT OUT
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


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
    # Stored in half, computed in float32: transformers would otherwise load and compute in what is stored.
    config |= {"dtype": "float32", "use_cache": True}
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for name in _TOKENIZER_FILES:
        shutil.copyfile(arguments.checkpoint / name, arguments.out / name)


if __name__ == "__main__":
    main()
