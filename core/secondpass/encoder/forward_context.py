"""What all layers share when they read a batch."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from secondpass.encoder.attention.relative import PositionTables
from secondpass.encoder.attention.rotary import Rotation, rotate
from secondpass.encoder.packing import Packing
from secondpass.encoder.spec import LayerSpec, Rope


@dataclass(frozen=True, slots=True)
class ForwardContext:
    """What every layer of one forward pass shares.

    Args:
        packing: Where the pairs lie.
        rotations: The rotation of every row, by its frequencies.
        table_rows: See `relative.table_rows`; None where attention knows no distances.
    """

    packing: Packing
    rotations: Mapping[Rope, Rotation]
    table_rows: Tensor | None

    def rotate(self, rows: Tensor, spec: LayerSpec, n_heads: int) -> Tensor:
        """Queries or keys rotated by their positions, if the layer has rotary ones."""
        return rows if spec.rope is None else rotate(rows, self.rotations[spec.rope], n_heads=n_heads)

    def rotate_read(self, query: Tensor, spec: LayerSpec, n_heads: int) -> Tensor:
        """As `rotate`, queries of the tokens that the head reads."""
        if spec.rope is None or not self.packing.reads_last:
            return query  # a first token is at position 0, where nothing is rotated
        return rotate(query, self.rotations[spec.rope].of_rows(self.packing.read_rows), n_heads=n_heads)

    def by_distance(self, tables: PositionTables) -> PositionTables:
        """A layer's tables with a row per distance."""
        if self.table_rows is None:
            raise ValueError("this encoder knows no distances")
        return tables.by_distance(self.table_rows)
