"""Scores that mean something: maps from a model's logits to probabilities, fitted to judged pairs, and thresholds."""

from secondpass.calibration.calibrated import Calibrated, calibration_of
from secondpass.calibration.calibration import Calibration, HeldOut, as_calibration
from secondpass.calibration.maps import Beta, Isotonic, Method, Platt, ProbabilityMap, Temperature
from secondpass.calibration.quality import Bin, Quality, quality, reliability
from secondpass.calibration.report import CalibrationReport, report_calibration
from secondpass.calibration.thresholds import Estimate, OutOfReach, Threshold, Wanted, find_thresholds

__all__ = [
    "Beta",
    "Bin",
    "Calibrated",
    "Calibration",
    "CalibrationReport",
    "Estimate",
    "HeldOut",
    "Isotonic",
    "Method",
    "OutOfReach",
    "Platt",
    "ProbabilityMap",
    "Quality",
    "Temperature",
    "Threshold",
    "Wanted",
    "as_calibration",
    "calibration_of",
    "find_thresholds",
    "quality",
    "reliability",
    "report_calibration",
]
