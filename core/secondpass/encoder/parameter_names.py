"""A parameter's two names, theirs in a checkpoint and ours in the encoder, in a table that reads both ways.

Ours are, with `{i}` for a layer's number:

```
embeddings.{token,position,token_type}.weight    embeddings.norm.{weight,bias}    embeddings.project.{weight,bias}
relative.embeddings.weight    relative.norm.{weight,bias}
layers.{i}.attention.{query,key,value}.{weight,bias}    or layers.{i}.attention.qkv.{weight,bias}
layers.{i}.attention.{position_query,position_key,out,norm}.{weight,bias}
layers.{i}.attention.{query_norm,key_norm}.weight
layers.{i}.ffn.{up,down,norm}.{weight,bias}    or layers.{i}.ffn.{inner,gate}.{weight,bias} for up's halves
final_norm.{weight,bias}
```
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class NameTable:
    """A reversible table of module names.

    Args:
        modules: Their module's name -> ours, `{i}` standing for a layer's number on both sides.
        unused: Their modules that no score needs, such as BERT's pooler, which belongs to the head.
    """

    modules: Mapping[str, str]
    unused: frozenset[str] = frozenset()

    def ours(self, theirs: Mapping[str, ValueT]) -> dict[str, ValueT]:
        """The same values, tensors or their shapes, under our names.

        Raises:
            KeyError: A name is in no row of the table, so that a parameter would be lost. Then the table is wrong, not
                the checkpoint, whose names transformers has checked.
        """
        return {
            _rename(name, self.modules): value
            for name, value in theirs.items()
            if name.rpartition(".")[0] not in self.unused
        }

    def theirs(self, ours: Mapping[str, ValueT]) -> dict[str, ValueT]:
        """The same values under their names; `theirs(ours(x))` is x without the unused modules."""
        reverse = {our: their for their, our in self.modules.items()}
        return {_rename(name, reverse): value for name, value in ours.items()}


def _rename(name: str, modules: Mapping[str, str]) -> str:
    module, _, leaf = name.rpartition(".")
    numbers = re.findall(r"(?<=\.)\d+(?=\.)", module)
    pattern = re.sub(r"(?<=\.)\d+(?=\.)", "{i}", module)
    return f"{modules[pattern].format(i=numbers[0] if numbers else '')}.{leaf}"
