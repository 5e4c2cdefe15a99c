"""What adapters need of calibrations: how one is given, and whether a scorer has one."""

from secondpass.calibration import Calibration, as_calibration, calibration_of

__all__ = ["Calibration", "as_calibration", "calibration_of"]
