"""The side-by-side measure behind `secondpass bench`: same pairs, one process, interleaved repeats, medians."""

from secondpass.bench.contenders import BASELINE, CONTENDERS, Contender
from secondpass.bench.measure import Results, measure
from secondpass.bench.peers import Setting
from secondpass.bench.shapes import SHAPES, save_random
from secondpass.bench.texts import Material, material
from secondpass.bench.workloads import WORKLOADS, Workload, workloads

__all__ = [
    "BASELINE",
    "CONTENDERS",
    "SHAPES",
    "WORKLOADS",
    "Contender",
    "Material",
    "Results",
    "Setting",
    "Workload",
    "material",
    "measure",
    "save_random",
    "workloads",
]
