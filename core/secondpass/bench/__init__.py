"""The comparison behind `secondpass bench`: the same pairs, one process, interleaved repeats, medians."""

from secondpass.bench.contenders import BASELINE, CONTENDERS, Contender
from secondpass.bench.measure import Results, measure
from secondpass.bench.setting import ScoreFunction, Setting, make_setting
from secondpass.bench.shapes import SHAPES, save_random
from secondpass.bench.texts import Material, load_material
from secondpass.bench.workloads import WORKLOADS, Workload, build_workloads, very_long

__all__ = [
    "BASELINE",
    "CONTENDERS",
    "SHAPES",
    "WORKLOADS",
    "Contender",
    "Material",
    "Results",
    "ScoreFunction",
    "Setting",
    "Workload",
    "build_workloads",
    "load_material",
    "make_setting",
    "measure",
    "save_random",
    "very_long",
]
