"""Calibration: the error rates of the report's rules, measured by simulation."""

from analysis.calibrate.show import format_table as format_table
from analysis.calibrate.show import write as write
from analysis.calibrate.show import write_csv as write_csv
from analysis.calibrate.simulation import CalibrationResult as CalibrationResult
from analysis.calibrate.simulation import Cell as Cell
from analysis.calibrate.simulation import calibrate as calibrate
