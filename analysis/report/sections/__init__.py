"""`SECTIONS`: the sections of the report in order, each a function from an `Analysis` to blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.core.blocks import Block, Heading
from analysis.core.errors import AnalysisError
from analysis.core.plugins import plugin_failed, plugins
from analysis.findings.analysis_result import Analysis
from analysis.report.sections.advice import actions, next_experiments, optimizations
from analysis.report.sections.answer import executive_summary
from analysis.report.sections.appendix import appendix
from analysis.report.sections.charts import curves_figure, forest_figure, metrics_figure
from analysis.report.sections.detail import curves, gap
from analysis.report.sections.effort import coverage, efficiency
from analysis.report.sections.history import changes, predicted
from analysis.report.sections.impact import impact
from analysis.report.sections.key_findings import epochs, stability
from analysis.report.sections.performance import final_training, final_validation
from analysis.report.sections.rankings import leaders, ranking
from analysis.report.sections.summary import conclusion, footer, lessons, path_forward, title
from analysis.report.sections.technical import data_quality, files_generated, methodology


@dataclass(frozen=True)
class Section:
    """One code cell of the template: its heading (level 0: none), and the function that builds its content."""

    level: int
    heading: str
    build: Callable[[Analysis], list[Block]] | None


def more(a: Analysis) -> list[Block]:
    """Build the sections that plug-ins add, each under its heading; RuntimeError if a plug-in fails."""
    blocks: list[Block] = []
    for name, section in plugins("sections", Section).items():
        if section.heading:
            blocks.append(Heading(section.heading, section.level, f"plugin-{name}"))
        try:
            blocks += section.build(a) if section.build is not None else []
        except AnalysisError:
            raise
        except Exception as problem:
            raise plugin_failed("sections", name, problem) from problem
    return blocks


SECTIONS: tuple[Section, ...] = (
    Section(0, "", title),
    Section(2, "Executive Summary", executive_summary),
    Section(3, "Since the Last Report", changes),
    Section(2, "Key Findings", forest_figure),
    Section(3, "Stability Analysis (Loss Oscillations)", stability),
    Section(3, "Performance Metrics", metrics_figure),
    Section(4, "Final Training Performance", final_training),
    Section(4, "Final Validation Performance", final_validation),
    Section(3, "Training Efficiency", efficiency),
    Section(3, "Epoch-by-Epoch Analysis", epochs),
    Section(3, "Validation Coverage Analysis", coverage),
    Section(2, "Detailed Performance Analysis", None),
    Section(3, "Training Curve Characteristics", curves_figure),
    Section(0, "", curves),
    Section(3, "Validation vs Training Performance Gap", gap),
    Section(2, "Configuration Impact Analysis", impact),
    Section(2, "Comparative Rankings", None),
    Section(3, "Overall Configuration Ranking", ranking),
    Section(3, "Specific Metric Leaders", leaders),
    Section(2, "Recommendations", None),
    Section(3, "Immediate Actions", actions),
    Section(3, "Next Experiment Series", next_experiments),
    Section(3, "Advanced Optimizations", optimizations),
    Section(3, "What We Predicted", predicted),
    Section(2, "Technical Specifications", None),
    Section(3, "Analysis Methodology", methodology),
    Section(3, "Data Quality", data_quality),
    Section(3, "Files Generated", files_generated),
    Section(0, "", more),
    Section(2, "Conclusion", conclusion),
    Section(3, "Key Lessons Learned", lessons),
    Section(3, "Recommended Path Forward", path_forward),
    Section(2, "Evidence Appendix", appendix),
    Section(0, "", footer),
)
"""Every section, in order. The template notebook has the same headings and calls, as a test checks."""

__all__ = ["SECTIONS", "Section"]
