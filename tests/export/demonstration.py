"""A notebook as the toolkit makes it, with made-up content: what tests and eyes look at."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache

import matplotlib as mpl
import nbformat
import numpy as np
from matplotlib.figure import Figure as Drawing
from nbformat import NotebookNode

from analysis.core.blocks import (
    Block,
    Callout,
    Cell,
    Code,
    Column,
    Cover,
    Details,
    Figure,
    Footer,
    Heading,
    Item,
    Items,
    Prose,
    Table,
)
from analysis.core.rich_text import Rich, rich, text
from analysis.render import Shown

INK, MUTED, GRID = "#1f2430", "#6b7280", "#e5e7eb"
COLOURS = ("#0072b2", "#d55e00", "#009e73")


@cache
def drawing(seed: int) -> tuple[str, bytes]:
    """Draw three noisy curves as SVG and PNG, in the colours that plots use."""
    rng = np.random.default_rng(seed)
    settings = {"svg.fonttype": "none", "svg.hashsalt": str(seed), "text.color": INK, "axes.edgecolor": MUTED}
    with mpl.rc_context(settings):
        figure = Drawing(figsize=(9.2, 3.6))
        figure.patch.set_alpha(0)
        axes = figure.subplots(1, 2)
        for ax, name in zip(axes, ("Training loss", "Validation loss"), strict=True):
            ax.set_facecolor("none")
            for index, colour in enumerate(COLOURS):
                values = 0.32 + 0.1 * np.exp(-np.arange(240) / 40) + rng.normal(0, 0.02, 240)
                ax.plot(values, color=colour, alpha=0.25, lw=0.8)
                ax.plot(np.convolve(values, np.ones(20) / 20, "valid"), color=colour, lw=1.8)
                ax.text(222, values[-20:].mean(), f"Run {index + 2}", color=colour, size=9)
            ax.set_title(name, loc="left", color=INK, size=10)
            ax.grid(axis="y", color=GRID)
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(colors=MUTED, labelsize=8)
            ax.set_xlabel("step", color=MUTED, size=8.5)
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None})
        figure.savefig(png, format="png", dpi=150)
    return svg.getvalue(), png.getvalue()


def _cell(value: str, minor: str = "", tone: str = "neutral") -> Cell:
    return Cell(text(value), text(minor), tone)  # type: ignore[arg-type]


def figure(identity: str, *, seed: int, data: Table | None = None) -> Figure:
    svg, png = drawing(seed)
    return Figure(
        identity,
        f"{identity}.png",
        rich("**The curves lie on each other after step 60.** Faint: every step; strong: mean of 20 steps."),
        "Two panels of loss against step. Runs 2, 3 and 4 fall from 0.42 to about 0.32 within 60 steps.",
        svg,
        png,
        data,
    )


def stability() -> Table:
    columns = (
        Column("Run"),
        Column("Learning rate", "right"),
        Column("Oscillations", "right", "D-OSC", "rules"),
        Column("vs Run 3", "right", None, "rules"),
        Column("Assessment", "left", "D-STAB", "rules"),
        Column("Rate per transition", "right", "E-RATE", "evidence"),
        Column("Excess noise", "right", "E-NOISE", "evidence"),
    )
    rows = (
        (
            _cell("Run 2"),
            _cell("1.5"),
            _cell("654"),
            _cell("+143.1%"),
            _cell("Worst", tone="bad"),
            _cell("95.9%", "94.1 to 97.2"),
            _cell("1.40", "1.31 to 1.49", "warning"),
        ),
        (
            _cell("Run 3"),
            _cell("0.5"),
            _cell("269"),
            _cell("Baseline"),
            _cell("Best", tone="good"),
            _cell("92.8%", "89.1 to 95.3"),
            _cell("0.99", "0.89 to 1.10", "good"),
        ),
        (
            _cell("Run 4"),
            _cell("0.75"),
            _cell("517"),
            _cell("+92.2%"),
            _cell("Poor", tone="bad"),
            _cell("92.5%", "90.0 to 94.4"),
            _cell("1.01", "0.93 to 1.09", "good"),
        ),
    )
    note = rich("Run 2 ran with batch 32, the others with 64, so its noise is larger by √2 ([D-OSC](#def-D-OSC)).")
    return Table("table-stability", "Loss oscillations and excess noise", columns, rows, frozenset({1}), (note,))


def many_runs() -> Table:
    names = [
        "Run",
        "Learning rate",
        "Batch",
        "Epochs",
        "Steps",
        "Train loss",
        "Valid loss",
        "Train acc.",
        "Valid acc.",
        "Full valid loss",
        "Grade",
    ]
    columns = tuple(Column(name, "left" if index in (0, 10) else "right") for index, name in enumerate(names))
    rows = tuple(
        (
            _cell(f"sweep_2025-09-11_lr{0.1 * i:.1f}_seed{i}_cosine_warmup"),
            _cell(f"{0.1 * i:.1f}"),
            _cell("64"),
            _cell("2"),
            _cell("560"),
            _cell(f"{0.31 + i / 900:.3f}"),
            _cell(f"{0.29 + i / 800:.3f}", "±0.009"),
            _cell("83.33%"),
            _cell("87.50%", "81.7 to 91.7"),
            _cell("0.2957"),
            _cell("B−", tone="warning"),
        )
        for i in range(1, 13)
    )
    return Table("table-sweep", "Twelve runs of a sweep", columns, rows)


def findings(count: int = 40) -> Table:
    columns = (
        Column("Finding"),
        Column("Status"),
        Column("Sentence"),
        Column("Estimate", "right"),
        Column("p", "right", "E-RATE", "evidence"),
    )
    statuses = (
        ("good", "supported"),
        ("warning", "not supported"),
        ("bad", "contradicted"),
        ("unknown", "cannot tell"),
    )
    rows = tuple(
        (
            Cell(text(f"F-{number:02d}"), id=f"finding-{number}"),
            _cell(statuses[number % 4][1], tone=statuses[number % 4][0]),
            _cell(
                f"The difference in metric {number} between Run 3 and Run 4 is within what the noise of "
                f"{64 * number} examples produces by itself."
            ),
            _cell(f"−{number / 1000:.4f}", f"−{number / 500:.4f} to +{number / 900:.4f}"),
            _cell(f"0.{number:02d}"),
        )
        for number in range(1, count + 1)
    )
    return Table("table-findings", "Every finding with its evidence", columns, rows)


def definitions() -> Items:
    known = {
        "D-OSC": "number of steps at which the loss changes by more than 1%",
        "D-STAB": "word for the count of oscillations relative to the smallest",
        "E-RATE": "share of transitions that change by more than 1%, with a long-run interval",
        "E-NOISE": "noise of the training loss relative to that of the validation minibatches",
    }
    return Items(tuple(Item(rich("**{id}** {meaning}", id=id, meaning=known[id]), id=f"def-{id}") for id in known))


CURVES = Table(
    "table-curves",
    "Mean loss of the last 60 steps",
    (Column("Run"), Column("Train loss", "right"), Column("Valid loss", "right")),
    tuple((_cell(f"Run {i}"), _cell(f"0.3{i}"), _cell(f"0.29{i}", "±0.009")) for i in (2, 3, 4)),
)

YAML = """name: run_5
parent: run_3
config:
  learning_rate_multiplier: 0.6
  n_epochs: 1
  batch_size: 64  # as before, so that noise can be compared
  validation: 18% stratified, frozen, excluded from all ancestors' training
prediction:
  metric: full_valid_loss
  interval: [0.2861, 0.3047]
"""


def _facts() -> tuple[tuple[str, Rich], ...]:
    return (
        ("Candidate", text("Run 4 (balanced_optimal)")),
        ("Baseline", text("Run 3 (stable)")),
        ("Configuration", text("Learning rate 0.75, 2 epochs, batch 64, 2x balancing, 18% validation")),
        ("Document's verdict", rich("**Mixed results** by the report's own rules")),
        ("Steps", text("683, 291 and 560")),
        ("Date", text("2025-09-11")),
    )


def sections() -> list[tuple[str, list[Block]]]:
    """Give the report: Markdown headings and the blocks below each."""
    trade = rich(
        "Run 4 has the best validation accuracy ([V-4](#table-sweep)), **87.50%** against 86.46%: "
        "168 of 192 tokens against 166, *p* = .76."
    )
    return [
        (
            "",
            [
                Cover(
                    "Fine-tuning run 4 compared with 2 others",
                    _facts(),
                )
            ],
        ),
        (
            "## Executive Summary",
            [
                Prose(
                    rich(
                        "Run 4 was to give **better performance while maintaining stability**. Its full "
                        "validation loss is 0.29568 against 0.29535 for {run}, a difference "
                        "of +0.0003 [−0.0086, +0.0093].",
                        run="Run 3",
                    )
                ),
                Callout(
                    "warning",
                    rich("The rules of thumb and the evidence disagree"),
                    (
                        rich(
                            "The rules call Run 4 *92% less stable*: it made 517 oscillations against 269. "
                            "It also ran 1.9 times as many steps; the rates are 92.5% and 92.8%."
                        ),
                        rich("Nothing in these logs says that the learning rate is too high; see [F-01](#finding-1)."),
                    ),
                ),
                Callout(
                    "good",
                    rich("Goal: better performance while maintaining stability"),
                    (rich("Stability was maintained; performance cannot be told apart from Run 3."),),
                ),
            ],
        ),
        (
            "## Key Findings\n\n### Stability Analysis (Loss Oscillations)",
            [
                stability(),
                Prose(rich("Run 4 has 92% more oscillations than Run 3."), "contradicted", "F-01"),
                figure("training_analysis_visualization", seed=1, data=CURVES),
            ],
        ),
        (
            "### Performance Metrics\n\n#### Final Training Performance",
            [CURVES, Prose(trade, "not supported", "F-02")],
        ),
        ("#### Final Validation Performance", [figure("training_metrics_comparison", seed=2)]),
        (
            "### Training Efficiency",
            [
                Prose(
                    rich("All runs took exactly the steps that their data sizes give: `ceil(21852/32) = 683`."),
                    "supported",
                ),
                Prose(rich("Second epoch caused overfitting."), "cannot tell"),
            ],
        ),
        (
            "## Configuration Impact Analysis",
            [
                Heading("Learning Rate Impact (0.5 → 0.75)", 3, "impact-learning-rate"),
                Prose(rich("Runs are chained, so that the learning rate is not identified.")),
                many_runs(),
                Callout(
                    "unknown",
                    rich("Not attributable to the learning rate"),
                    (rich("Parent and data changed with it."),),
                ),
            ],
        ),
        (
            "## Recommendations\n\n### Immediate Actions",
            [
                Items(
                    (
                        Item(
                            rich("**Keep** the learning rate of Run 3"),
                            (rich("Target: 0.5"), rich("Rationale: nothing to gain")),
                            "supported",
                        ),
                        Item(
                            rich("**Freeze** one validation file"),
                            (rich("excluded from all ancestors' training"),),
                        ),
                    ),
                    True,
                ),
            ],
        ),
        ("### Next Experiment Series", [Code(YAML, "yaml", "Run 5, written to next_runs/run_5.yaml")]),
        (
            "## Technical Specifications\n\n### Analysis Methodology",
            [
                definitions(),
                Details(
                    rich("How the intervals are made"),
                    (Prose(rich("By the larger of two standard errors.")), CURVES),
                ),
            ],
        ),
        ("## Evidence appendix", [findings()]),
        (
            "## Conclusion",
            [
                Callout("bad", rich("Three claims do not hold"), (rich("They are marked in the text."),)),
                Footer(rich("Report generated on 2025-09-11 | 560 training steps across 2 epochs")),
            ],
        ),
    ]


def output_of(block: Block) -> NotebookNode:
    data, metadata = Shown(block)._repr_mimebundle_()
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)


def cell_of(blocks: Sequence[Block], source: str = "show(section(a))") -> NotebookNode:
    return nbformat.v4.new_code_cell(source, outputs=[output_of(block) for block in blocks])


def notebook_of(*cells: NotebookNode) -> NotebookNode:
    """Make a notebook whose ids do not change from one run to the next."""
    made = nbformat.v4.new_notebook(cells=list(cells))
    for index, cell in enumerate(made.cells):
        cell["id"] = f"cell-{index}"
    return made


def demonstration() -> NotebookNode:
    """Give the whole report as an executed notebook."""
    cells = [nbformat.v4.new_code_cell('run_ids = ["run_2", "run_3", "run_4"]  # the runs to compare\ngoal = None')]
    for heading, blocks in sections():
        if heading:
            cells.append(nbformat.v4.new_markdown_cell(heading))
        cells.append(cell_of(blocks))
    return notebook_of(*cells)
