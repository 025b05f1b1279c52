"""Every section of every report can be drawn in every format; nothing is empty and every link leads somewhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

import numpy as np
import pytest

from analysis.core.blocks import Block, Callout, Column, Cover, Details, Figure, Footer, Item, Items, Prose, Table
from analysis.core.number_format import cell, in_unit
from analysis.core.rich_text import Rich, plain
from analysis.core.run import Data, Run
from analysis.core.run_facts import in_epochs, place
from analysis.findings.analysis_result import Analysis
from analysis.findings.definitions import DEFINITIONS
from analysis.render import html
from analysis.render.mimebundle import mimebundle
from analysis.report.sections import SECTIONS, charts, effort
from analysis.report.sections.assessments import filled
from tests.builders import analyzed, at, flat, known, log, noise, run, sections, tables
from tests.degenerate import CASES, HOSTILE, analysis_of

FORMS = {"text/html", "text/markdown", "text/plain", "text/vnd.typst"}


class Tags(HTMLParser):
    """What a browser would make of a page: its tags, ids and links."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.links: set[str] = set()
        self.handlers: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        self.tags[tag] += 1
        self.handlers += [name for name in about if name.startswith("on")]
        if about.get("id"):
            self.ids[str(about["id"])] += 1
        if str(about.get("href", "")).startswith("#"):
            self.links.add(str(about["href"])[1:])


def spans(block: Block) -> Iterator[Rich]:
    """All rich text of a block."""
    if isinstance(block, Prose | Footer):
        yield block.text
    elif isinstance(block, Items):
        for entry in block.items:
            yield entry.text
            yield from entry.children
    elif isinstance(block, Callout):
        yield block.title
        yield from block.body
    elif isinstance(block, Details):
        yield block.summary
    elif isinstance(block, Figure):
        yield block.caption
    elif isinstance(block, Table):
        yield from block.notes
        for cells in block.rows:
            for cell in cells:
                yield cell.text
                yield cell.minor


@pytest.mark.parametrize("case", CASES)
def test_every_section_is_drawn_in_every_format(case: str) -> None:
    filled = sections(analysis_of(case))
    page = ""
    for name, blocks in filled.items():
        for block in flat(blocks):
            bundle = mimebundle(block)
            assert bundle.keys() >= FORMS, name
            for form in FORMS:
                assert str(bundle[form]).strip(), (name, form, block)
        page += "".join(html.render(block) for block in blocks)
    seen = Tags(page)
    assert not seen.tags.keys() & {"script", "iframe", "object", "i"}
    assert seen.handlers == []
    assert seen.links <= seen.ids.keys()
    assert [name for name, count in seen.ids.items() if count > 1] == []


@pytest.mark.parametrize("case", CASES)
def test_no_table_is_empty_and_every_row_is_full(case: str) -> None:
    for blocks in sections(analysis_of(case), figures=False).values():
        for block in flat(blocks):
            if isinstance(block, Table):
                assert block.rows, block.id
                assert {len(row) for row in block.rows} == {len(block.columns)}, block.id
                assert all(column.label for column in block.columns), block.id
            if isinstance(block, Items):
                assert block.items


@pytest.mark.parametrize("case", CASES)
def test_no_number_is_shown_as_nan_or_none(case: str) -> None:
    if case == "hostile text":
        pytest.skip("its text holds such words on purpose")
    for name, blocks in sections(analysis_of(case), figures=False).items():
        for block in flat(blocks):
            for words in map(plain, spans(block)):
                assert not re.search(r"\b(nan|inf)\b|\bNone\b(?! applies|$)", words), (name, words)


def test_hostile_text_stays_text() -> None:
    page = "".join(html.render(b) for blocks in sections(analysis_of("hostile text")).values() for b in blocks)
    assert "&lt;script&gt;" in page
    assert "<script" not in page.lower()
    cover = sections(analysis_of("hostile text"), figures=False)["title"][0]
    assert isinstance(cover, Cover)
    assert HOSTILE in plain(cover.facts[0][1])


def whole(a: Analysis) -> dict[str, list[Block]]:
    return sections(a, figures=False)


def told(blocks: Sequence[Block]) -> Iterator[Prose | Item]:
    """The paragraphs and list entries that give a claim a status."""
    for block in flat(blocks):
        if isinstance(block, Prose) and block.status is not None:
            yield block
        elif isinstance(block, Items):
            yield from (entry for entry in block.items if entry.status is not None)


@pytest.mark.parametrize("which", ["reference", "sample", "two_alike"])
def test_each_judged_sentence_links_to_its_finding(which: str, request: pytest.FixtureRequest) -> None:
    a: Analysis = request.getfixturevalue(which)
    filled = whole(a)
    ids = {f"finding-{f.id}" for f in a.findings}
    rows = tables(filled.pop("appendix"))["findings"].rows
    assert {row[0].id for row in rows} == ids
    for name, blocks in filled.items():
        for entry in told(blocks):
            links = {span.href[1:] for span in entry.text if span.href}
            assert links & ids, (name, plain(entry.text))


@pytest.mark.parametrize("which", ["reference", "sample", "two_alike"])
def test_each_finding_is_told_in_the_section_it_names(which: str, request: pytest.FixtureRequest) -> None:
    a: Analysis = request.getfixturevalue(which)
    filled = whole(a)
    filled.pop("appendix")
    links = [span.href for blocks in filled.values() for b in flat(blocks) for text in spans(b) for span in text]
    for finding in a.findings:
        assert f"#finding-{finding.id}" in links


@pytest.mark.parametrize("which", ["reference", "sample"])
def test_each_definition_that_is_named_is_in_methodology(which: str, request: pytest.FixtureRequest) -> None:
    a: Analysis = request.getfixturevalue(which)
    filled = whole(a)
    methodology = {plain(row[0].text) for row in tables(filled["methodology"])["definitions"].rows}
    assert methodology < set(DEFINITIONS)
    named = {
        column.definition for blocks in filled.values() for t in tables(blocks).values() for column in t.columns
    } - {None}
    hrefs = {s.href for blocks in filled.values() for b in flat(blocks) for text in spans(b) for s in text if s.href}
    named |= {href.removeprefix("#def-") for href in hrefs if href.startswith("#def-")}
    assert named
    assert named <= methodology


def test_the_verdict_links_to_what_it_rests_on(reference: Analysis) -> None:
    callout = whole(reference)["executive_summary"][0]
    assert isinstance(callout, Callout)
    assert [s.href for s in callout.body[0] if s.href] == ["#finding-performance.primary"]
    assert [s.href for s in callout.body[1] if s.href] == ["#finding-gate:run_4"]


def test_the_lessons_say_where_rules_of_thumb_and_evidence_disagree(reference: Analysis) -> None:
    (counted,) = whole(reference)["lessons"]
    assert isinstance(counted, Prose)
    claimed = [f for f in reference.findings if f.claim and f.section != "data-quality" and f.rule != "gap.rounding"]
    contradicted = [f for f in claimed if f.status == "contradicted"]
    assert f"The evidence contradicts {len(contradicted)}" in plain(counted.text)
    first = {f.section: f.id for f in reversed(contradicted) if not f.section.startswith("impact-")}
    assert {f"#finding-{name}" for name in first.values()} <= {span.href for span in counted.text}


def test_a_badge_stands_only_beside_a_claim(reference: Analysis) -> None:
    """What the evidence says by itself is no judgement of anybody."""
    claims = [plain(f.claim) for f in reference.findings if f.claim]
    for name, blocks in whole(reference).items():
        for entry in told(blocks):
            assert entry.claim or plain(entry.text) in claims or name in ("actions", "optimizations"), plain(entry.text)


def test_where_nothing_disagrees_no_claim_is_listed() -> None:
    falling = log(1)["train_loss"] - np.linspace(0, 0.1, 300)
    quiet = analyzed([run("a", {"train_loss": falling})], mute=["data.timestamps"])
    assert {f.status for f in quiet.findings if f.claim} == {"supported"}
    (counted,) = whole(quiet)["lessons"]
    assert isinstance(counted, Prose)
    assert "contradicts none and cannot confirm none" in plain(counted.text)


MISSING = {
    "no accuracy": {"gap": "", "final_training": "Train accuracy was not logged"},
    "no validation": {
        "final_validation": "generalisation cannot be assessed",
        "coverage": "No run logged a validation",
        "gap": "No run has both",
    },
    "no sidecar": {"impact": "put a sidecar <run>.yaml", "data_quality": "Not stated for "},
    "one row": {"stability": "no run has two steps", "impact": "one run only"},
    "one value an epoch": {"stability": "one value an epoch"},
    "everything NaN": {"final_training": "No run logged a train loss", "curves": "No run logged a training curve"},
}


@pytest.mark.parametrize(("case", "section"), [(case, name) for case, says in MISSING.items() for name in says])
def test_a_section_says_what_is_missing_and_why(case: str, section: str) -> None:
    words = " ".join(plain(text) for block in flat(whole(analysis_of(case))[section]) for text in spans(block))
    if (case, section) == ("no accuracy", "gap"):
        table = tables(whole(analysis_of(case))["gap"])["gap"]
        assert [column.label for column in table.columns] == ["Run", "Loss gap"]
        assert all(plain(row[-1].minor).startswith("[") for row in table.rows)
    else:
        assert MISSING[case][section] in words


def test_sections_stand_in_the_documents_order_and_no_heading_twice() -> None:
    headings = [s.heading for s in SECTIONS if s.heading]
    assert len(headings) == len(set(headings))
    assert all(2 <= s.level <= 4 for s in SECTIONS if s.heading)
    assert all(s.build is not None for s in SECTIONS if not s.heading)


def test_every_factor_that_differs_has_its_subsection() -> None:
    runs: list[Run] = [
        known("a", log(1), warmup=0.1, optimizer="adam"),
        known("b", log(2), warmup=0.2, optimizer="sgd", batch_size=32),
    ]
    headings = [b.text for b in whole(analyzed(runs))["impact"] if hasattr(b, "level")]
    assert [h.partition(" Impact")[0] for h in headings] == ["Batch Size", "Optimizer", "Warmup"]


def test_muted_rules_are_listed() -> None:
    a = analyzed([known("a", log(1))], mute=["data.cadence", "det.spikes"])
    words = " ".join(plain(text) for block in whole(a)["methodology"] for text in spans(block))
    assert "Muted on request: data.cadence, det.spikes." in words


def test_where_accuracy_is_not_logged_the_second_panel_shows_what_is() -> None:
    """A trainer that logs losses alone still gets four panels with curves in them, and words in the right unit."""
    columns = {seed: {m: v for m, v in log(seed).items() if "accuracy" not in m} for seed in (1, 2)}
    a = analyzed([known("run_1", columns[1]), known("run_2", columns[2])])
    (figure,) = charts.curves_figure(a)
    assert isinstance(figure, Figure)
    assert figure.data is not None
    assert "Full validation loss at the end" in [column.label for column in figure.data.columns]
    ends = [in_unit("full_valid_loss", float(run.series("full_valid_loss")[-1])) for run in a.runs]
    assert f"Full validation loss ends at Run 1 {ends[0]} and Run 2 {ends[1]};" in figure.alt


def test_a_divergence_stands_at_the_top() -> None:
    bad = log(2)
    bad["train_loss"][200:] += np.linspace(0, 3, 100)
    a = analyzed([known("a", log(1)), known("b", bad)], baseline="a")
    assert any("diverged from" in str(block) for block in sections(a, figures=False)["executive_summary"])


def test_metrics_that_the_document_does_not_know_are_not_called_the_same() -> None:
    rng = np.random.default_rng(1)
    runs = [
        run(name, {"map50": level + noise(rng, 60, sd=0.01)}, config={"model": name})
        for name, level in (("a", 0.5), ("b", 0.7))
    ]
    drawn = sections(analyzed(runs, baseline="a"), figures=False)
    assert "No difference" not in str(drawn["impact"])
    assert "No run logged a validation." not in str(drawn["coverage"])
    assert "mAP 50 on validation data" in str(drawn["coverage"])


def test_a_leader_that_shares_its_number_is_not_alone() -> None:
    a = analyzed([known(name, log(seed, 300 if seed else 600)) for seed, name in enumerate("abc")], baseline="a")
    lines = [plain(item.text) for block in sections(a)["leaders"] if isinstance(block, Items) for item in block.items]
    assert "Best Efficiency: b (300 steps, like 1 other run)" in lines


def test_nobody_leads_in_what_all_share() -> None:
    a = analyzed([known(name, log(seed)) for seed, name in enumerate("abc")], baseline="a")
    assert "Best Efficiency" not in str(sections(a)["leaders"])


def test_a_metric_of_validation_data_is_not_drawn_as_unvalidated() -> None:
    steps = np.arange(1, 31)
    logged = {"step": steps, "epoch": steps, "map50": 0.7 - 0.5 * np.exp(-steps / 5)}
    drawn = str(charts.curves_figure(analyzed([run("a", logged), run("b", logged)], baseline="a")))
    assert "mAP 50" in drawn
    assert "no validation was logged" not in drawn
    assert "map 50" not in drawn


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (("train_loss",), "No run logged a validation."),
        (("train_loss", "val/box_loss"), "under a known name, but val/box_loss on validation data."),
    ],
)
def test_without_any_validation_none_is_spoken_of(metrics: tuple[str, ...], said: str) -> None:
    """What was measured under other names is named; where nothing was, the sentence says just that."""
    columns = {metric: log(1)["train_loss"] for metric in metrics}
    (block,) = effort.coverage(analyzed([run("a", columns), run("b", columns)]))
    assert isinstance(block, Prose)
    assert block.muted
    assert plain(block.text).endswith(said)


def test_a_share_is_shown_in_percentage_points_wherever_it_stands() -> None:
    """The verdict, the figure and the appendix give one difference one unit, whatever its metric is called."""
    levels = {"a": 0.86, "b": 0.9}
    a = analyzed([run(name, {"test_acc": [0.5, v]}, data=Data(n_valid=10_000)) for name, v in levels.items()])
    filled = sections(a)
    row = tables(filled["appendix"])["comparisons"].rows[0]
    assert "+4.00 pp" in a.verdict.numbers
    assert plain(row[2].text).startswith("+4.00 pp")
    assert "in pp<" in "".join(block.svg for block in flat(filled["forest_figure"]) if isinstance(block, Figure))


def test_a_column_that_holds_nothing_is_left_out_and_what_all_rows_say_is_said_once() -> None:
    rows = tuple((cell("a"), cell("–", "too few points"), cell(f"{k}", "last value")) for k in range(2))
    table = filled(Table("t", "T", (Column("Run"), Column("Noise"), Column("Gap")), rows))
    assert [column.label for column in table.columns] == ["Run", "Gap"]
    assert [plain(note) for note in table.notes] == ["Noise: too few points.", "Gap: last value."]
    assert all(not row[1].minor for row in table.rows)


def test_a_row_of_an_epoch_is_called_by_its_epoch_whatever_the_log_counts_from() -> None:
    epochs = run("a", {"step": [0, 1, 2], "epoch": [0, 1, 2], "train_loss": [3.0, 2.0, 1.0]})
    assert [place(epochs, "train_loss", step) for step in (0, 2)] == ["epoch 1", "epoch 3"]
    assert in_epochs("best at step 1, then flat", epochs, "train_loss") == "best at epoch 2, then flat"
    seldom = run("c", {"step": np.arange(1, 41), "epoch": np.arange(1, 41) / 4, "valid_loss": at(40, 8, 1.0)})
    assert [place(seldom, "valid_loss", int(step)) for step in seldom.steps_of("valid_loss")] == [
        f"epoch {k}" for k in (2, 4, 6, 8, 10)
    ]
    steps = run("b", {"step": [1_000, 2_000], "train_loss": [3.0, 2.0]})
    assert place(steps, "train_loss", 2_000) == "step 2,000"


def test_findings_of_one_rule_on_many_runs_are_folded() -> None:
    a = analyzed([known(f"run_{k}", log(k, 300 if k else 600)) for k in range(7)], baseline="run_0")
    kinds = [block for block in sections(a, figures=False)["stability"] if isinstance(block, Details)]
    (folded,) = [block for block in kinds if plain(block.summary).startswith("Counts of oscillations run by run")]
    (items,) = folded.blocks
    assert isinstance(items, Items)
    assert len(items.items) >= 5
