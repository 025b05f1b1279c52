"""The command ``run-reports check CANDIDATE --against BASELINE``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.publish.check import Checked

FAILED = 3
"""Exit status if the gate fails."""

DEFAULT = "regressed,diverged,overfitting,insufficient"
STDOUT = "-"


def add(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    check = commands.add_parser("check", help="hold a run against a baseline: exit 0 passed, 3 failed")
    add_comparison(check)
    check.add_argument(
        "--fail-on",
        metavar="CONDITIONS",
        help=f"any of regressed,diverged,overfitting,insufficient (default: {DEFAULT})",
    )
    check.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help="a condition with a number, such as 'full_valid_loss > 3.28'; may be given several times",
    )
    for form in ("markdown", "json"):
        check.add_argument(
            f"--{form}", nargs="?", const=STDOUT, metavar="FILE", help=f"write the result as {form} (default: stdout)"
        )
    check.add_argument("--marker", default="check", metavar="NAME", help="name in the comment's hidden first line")
    check.add_argument(
        "--comment", choices=("github", "gitlab"), help="in CI: comment on the pull request, or replace that comment"
    )
    check.set_defaults(run=_check)


def add_comparison(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select the runs of a comparison and how they are read."""
    parser.add_argument("candidate", metavar="CANDIDATE", help="run ID, path or reference")
    parser.add_argument(
        "--against",
        required=True,
        action="append",
        metavar="BASELINE",
        help="run ID, path or reference; history:N or history:N:WHERE: the last N accepted runs",
    )
    parser.add_argument("--with", dest="others", nargs="+", default=[], metavar="RUN", help="other seeds of the two")
    parser.add_argument(
        "--trust-unstated", action="store_true", help="compare though nobody stated the validation sets"
    )
    parser.add_argument("--runs-dir", metavar="DIR", help="where run IDs are looked up (default: runs)")
    parser.add_argument("--settings", metavar="YAML", help="thresholds to override")
    parser.add_argument("--columns", metavar="YAML", help="log columns by standard name")
    parser.add_argument("--mute", nargs="+", metavar="RULE", help="rules and detectors that shall not report")


def one_baseline(options: argparse.Namespace) -> str:
    """Return the baseline; raise `UsageError` if several were given."""
    from analysis.core.errors import UsageError

    if len(options.against) > 1:
        raise UsageError(f"--against takes one baseline, got {', '.join(options.against)}; check against each in turn")
    return str(options.against[0])


def given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the analysis parameters among the options, without those that were not given."""
    values = {name: getattr(options, name) for name in ("runs_dir", "settings", "columns", "mute")}
    return {name: value for name, value in values.items() if value}


def _check(options: argparse.Namespace) -> int:
    from analysis.core.errors import UsageError
    from analysis.publish.check import check, to_json
    from analysis.publish.check_comment import to_markdown
    from analysis.render.visible_text import legible

    if options.markdown == options.json == STDOUT:
        raise UsageError("--markdown and --json cannot both go to stdout; give one of them a FILE")
    checked = check(
        options.candidate,
        one_baseline(options),
        fail_on=None if options.fail_on is None else [n.strip() for n in options.fail_on.split(",") if n.strip()],
        fail_if=options.fail_if,
        trust_unstated=options.trust_unstated,
        others=options.others,
        parameters=given(options),
    )
    markdown = to_markdown(checked, marker=options.marker)
    write(options.markdown, markdown)
    write(options.json, json.dumps(to_json(checked), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    if STDOUT not in (options.markdown, options.json):
        print(legible("\n".join(_lines(checked))))
    if options.comment is not None:
        from analysis.publish.pull_request import keep_comment

        if trouble := keep_comment(options.comment, markdown):
            print(legible(f"warning: {trouble}"), file=sys.stderr)
    return FAILED if checked.fails else 0


def write(where: str | None, content: str) -> None:
    """Write a result to a file, or to stdout for ``-``; do nothing for None."""
    from analysis.publish.folder import write_atomically

    if where == STDOUT:
        print(content, end="")
    elif where is not None:
        write_atomically(Path(where), content.encode())


def _lines(checked: Checked) -> list[str]:
    a = checked.analysis
    head = f"{checked.outcome}: {a.verdict.result}. {a.verdict.sentence} {a.verdict.numbers}".rstrip()
    regressed = next((c for c in checked.conditions if c.name == "regressed" and c.state == "met"), None)
    if regressed is not None and a.verdict.result == "no evidence of a difference":
        # One run per side shows which model is worse, but not which configuration.
        head = f"{checked.outcome}: the candidate is a worse model. {a.verdict.numbers}"
    reason = next((c.why for c in checked.conditions if c.name == "regressed" and c.state == "cannot tell"), "")
    if reason and checked.outcome == "cannot tell":  # the verdict of an invalid comparison must not be the headline
        head = f"{checked.outcome}: {reason}"
    against = [f"  against {checked.history}"] if checked.history else []
    return [head, *against, *(f"  {c.name}: {c.state} ({c.why})" for c in checked.conditions)]
