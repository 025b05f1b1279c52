"""Calibration results as text, CSV and figure."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from analysis.calibrate.benchmark import KINDS, RHOS
from analysis.calibrate.simulation import CORRELATIONS, CalibrationResult

CSV_NAME = "calibration.csv"
FIGURE_NAME = "calibration.png"
_TITLES = {
    "false positives": "False positives where there is no difference (nominal .05), by autocorrelation",
    "coverage": "Coverage of the 95% intervals, by autocorrelation",
    "power": "Power, by autocorrelation",
}


def format_table(result: CalibrationResult) -> str:
    """Return the calibration as a text table; rates out of range have an exclamation mark."""
    lines = [f"Calibration: {result.simulations} simulations a cell, seed {result.seed}"]
    for section, title in _TITLES.items():
        lines += ["", title, _row("rule (lengths)", [f"{rho:g}" for rho in CORRELATIONS])]
        cells = [cell for cell in result.cells if cell.section == section]
        for rule, lengths in dict.fromkeys((cell.rule, cell.lengths) for cell in cells):
            row = [cell for cell in cells if (cell.rule, cell.lengths) == (rule, lengths)]
            mark = "* " if section == "false positives" and row[0].ours else "  "
            lines.append(
                _row(f"{mark}{rule} ({lengths})", [f"{cell.rate:.3f}{'' if cell.holds else '!'}" for cell in row])
            )
    lines += ["", "* the rules of the report; ! not where it is wanted"]
    lines.append("Coverage is among the intervals given, and judged where at least half were.")
    lines += ["", "Detectors on synthetic runs of 300 steps, in %", *_detector_lines(result)]
    bad = len(result.failures)
    lines += ["", f"{bad} cells are not where they are wanted" if bad else "Every cell is where it is wanted"]
    return "\n".join(lines)


def _row(name: str, numbers: Sequence[str]) -> str:
    return f"{name:<64}" + "".join(f"{number:>8}" for number in numbers)


def _detector_lines(result: CalibrationResult) -> list[str]:
    header = ["false 0", "false .6", *KINDS]
    ours = [100 * result.rate("detectors", "false alarms", rho) for rho in RHOS]
    ours += [50 * sum(result.rate("detectors", kind, rho) for rho in RHOS) for kind in KINDS]
    return ["".join(f"{name:>12}" for name in header), "".join(f"{value:>12.1f}" for value in ours)]


def write(result: CalibrationResult, folder: Path) -> tuple[Path, Path]:
    """Write the CSV and the figure into a folder, which is created if missing.

    Returns
    -------
    tuple of Path
        The CSV and the PNG.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return write_csv(result, folder / CSV_NAME), plot_calibration(result, folder / FIGURE_NAME)


def write_csv(result: CalibrationResult, path: Path) -> Path:
    """Write one line per cell; return the path."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ("section", "rule", "lengths", "rho", "rate", "simulations", "wanted_low", "wanted_high", "holds")
        )
        for cell in result.cells:
            writer.writerow(
                (
                    *(cell.section, cell.rule, cell.lengths, cell.rho, round(cell.rate, 6)),
                    *(cell.simulations, cell.low, cell.high, cell.holds),
                )
            )
    return Path(path)


def plot_calibration(result: CalibrationResult, path: Path) -> Path:
    """Plot the false-positive rates, one row per rule, with lines at the nominal 5% and the limit of 7%."""
    from matplotlib.figure import Figure

    cells = [cell for cell in result.cells if cell.section == "false positives"]
    names = list(dict.fromkeys(f"{cell.rule} ({cell.lengths})" for cell in cells))
    figure = Figure(figsize=(9.5, 0.34 * len(names) + 1.6), layout="constrained")
    ax = figure.subplots()
    for rho, marker, colour in zip(CORRELATIONS, "osD^", ("#1b6ca8", "#2a9d8f", "#e09f3e", "#9e2a2b"), strict=True):
        row = [cell for cell in cells if cell.rho == rho]
        y = [names.index(f"{cell.rule} ({cell.lengths})") for cell in row]
        ax.plot([cell.rate for cell in row], y, marker, color=colour, label=f"autocorrelation {rho:g}", alpha=0.85)
    ax.axvline(0.05, color="black", linewidth=1)
    ax.axvspan(0, 0.07, color="#2a9d8f", alpha=0.12, label="allowed: up to 7%")
    ax.set_yticks(range(len(names)), names)
    for label, name in zip(ax.get_yticklabels(), names, strict=True):
        ours = next(cell.ours for cell in cells if f"{cell.rule} ({cell.lengths})" == name)
        label.set_fontweight("bold" if ours else "normal")
    ax.invert_yaxis()
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel("share called different where nothing differs")
    ax.set_title("False positives; own rules in bold, line at nominal 5%", loc="left")
    ax.grid(axis="y", alpha=0.25)
    ax.legend(loc="lower right", frameon=True)
    figure.savefig(path, dpi=150)
    return Path(path)
