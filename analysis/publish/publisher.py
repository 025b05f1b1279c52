"""Make a report: execute the notebook, export it as HTML and PDF, and move all files into place at once."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.core.errors import AnalysisError, UsageError
from analysis.core.plugins import plugin_failed
from analysis.findings.remote_catalogue import INDEX
from analysis.findings.results_file import EARLIER, keep_earlier
from analysis.publish.folder import carry_over, file_names, replacing, write_atomically, write_manifest
from analysis.publish.forked import fork_is_safe
from analysis.publish.forked_kernel import ForkedKernel
from analysis.publish.preload import preload
from analysis.publish.reports_index import PAGE
from analysis.render.chromium import find_chromium, print_page
from analysis.render.export import EXPORTERS, Exporter, exporters

if TYPE_CHECKING:
    from analysis.publish.execute import CellFailed

NOTEBOOK, HTML, PDF = "report.ipynb", EXPORTERS["html"].file, EXPORTERS["pdf"].file
FAILED, FAILED_LOG = "report.failed.ipynb", "report.failed.log"

ENGINES = ("auto", "fork", "kernel")
"""How cells are run; ``auto`` is a forked child if forking is safe, else a kernel."""

PDFS = ("typst", "web", "none")
"""How the PDF is made: typeset, printed from the HTML by Chromium, or not at all."""

Export = Callable[[Any, Path], Path]


class ReportFailed(Exception):
    """The notebook failed, but not because of the input; the message is one line that names the failed notebook.

    ``details`` is the traceback.
    """

    def __init__(self, message: str, notebook: Path, details: str) -> None:
        super().__init__(f"{message}; the failed notebook is {notebook}")
        self.notebook = notebook
        self.details = details


@dataclass(frozen=True)
class Published:
    """A finished report.

    Attributes
    ----------
    folder : pathlib.Path
    files : tuple of str
        Names of the files made, relative to ``folder``, with forward slashes.
    edited : tuple of str
        New names of files that were edited since the previous report and are kept.
    results : Mapping[str, Any]
        The results, as in the JSON file.
    seconds : Mapping[str, float]
        Wall time of each stage, in order.
    """

    folder: Path
    files: tuple[str, ...]
    edited: tuple[str, ...]
    results: Mapping[str, Any]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Publisher:
    """Maker of reports with fixed options.

    Parameters
    ----------
    engine : str
        One of `ENGINES`.
    pdf : str
        One of `PDFS`: typeset, printed from the HTML by Chromium, or none.
    timeout : float, optional
        Seconds for all cells of a report together.
    template : pathlib.Path, optional
        The notebook to execute instead of the default template.
    also : tuple of str
        Further formats, from `analysis.render.export.markdown.FORMATS`.
    made_from : Mapping[str, object]
        What the report is made from, for its manifest.
    """

    engine: str = "auto"
    pdf: str = "typst"
    timeout: float | None = None
    template: Path | None = None
    also: tuple[str, ...] = ()
    made_from: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for value, known, name in ((self.engine, ENGINES, "engine"), (self.pdf, PDFS, "pdf")):
            if value not in known:
                raise UsageError(f"{name}: {value!r} is not known; choose one of {', '.join(known)}")
        if self.pdf == "web":
            find_chromium()
        if self.template is not None and not self.template.is_file():
            raise UsageError(f"{self.template}: no such notebook")
        if self.engine == "fork" and not fork_is_safe():
            raise UsageError("engine: 'fork' is not possible here (it needs Linux and no other thread); use 'kernel'")

    def publish(self, parameters: Mapping[str, Any], *, out: Path, report_id: str) -> Published:
        """Make one report in ``out / report_id`` as `publish_report` does, with the options of this publisher."""
        target = _target(out, report_id)
        kernel = ForkedKernel(preload) if self.engine != "kernel" and fork_is_safe() else None
        edited: list[str] = []
        try:
            with replacing(target, lambda old, new: edited.extend(carry_into(old, new))) as staging:
                published = self._fill(staging, target, parameters=parameters, kernel=kernel)
            return replace(published, edited=tuple(edited))
        finally:
            if kernel is not None:
                kernel.close()

    def _fill(
        self, folder: Path, target: Path, *, parameters: Mapping[str, Any], kernel: ForkedKernel | None
    ) -> Published:
        watch = _Stopwatch()
        with watch("start"):
            from analysis.publish import execute, notebook_payload
        with watch("execute"), ThreadPoolExecutor(1) as background:
            exporters = background.submit(load_exporters, self.pdf)
            try:
                nb = execute.execute(
                    self.template or template_path(),
                    parameters,
                    output=folder / NOTEBOOK,
                    timeout=self.timeout,
                    kernel=kernel,
                )
            except execute.CellFailed as failure:
                raise _explained(failure, target) from None
        with watch("results"):
            without, also = () if self.pdf != "none" else (PDF,), _further_names(nb, self.also)
            results = notebook_payload.write_parts(nb, folder, without=without, also=also)
            if without or also:
                (folder / NOTEBOOK).write_bytes(execute.as_bytes(nb))
        with watch("export"):
            for export in exporters.result():
                export(nb, folder)
            _write_also(nb, folder, self.also)
        with watch("finish"):
            made = file_names(folder)
            write_manifest(folder, self.made_from)
        return Published(target, made, (), results, watch.seconds)


def publish_report(
    parameters: Mapping[str, Any], *, out: Path, report_id: str, engine: str = "auto", pdf: str = "typst"
) -> Published:
    """Make the report of one run set.

    Everything is built beside ``out / report_id`` and moved into place in one step, so that a failure on the way
    leaves an earlier report intact.

    Parameters
    ----------
    parameters : Mapping[str, Any]
        Parameters of the template, already checked. Relative paths are relative to the current folder.
    out : pathlib.Path
        Folder of reports.
    report_id : str
        Name of the report's folder in ``out``.
    engine, pdf : str
        See `Publisher`.

    Raises
    ------
    AnalysisError
        If the input is wrong, with the message from the notebook. Nothing is written.
    ReportFailed
        If a cell failed for another reason. The failed notebook is kept as ``report.failed.ipynb``.
    """
    return Publisher(engine=engine, pdf=pdf).publish(parameters, out=out, report_id=report_id)


def export_notebook(notebook: Path, folder: Path, *, pdf: str = "typst", also: tuple[str, ...] = ()) -> list[Path]:
    """Export an executed notebook as HTML, PDF and further formats; return the files.

    Raises
    ------
    UsageError
        If the file is not a notebook, or has no cell with outputs.
    """
    import nbformat

    try:
        nb = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as problem:
        raise UsageError(f"{notebook}: cannot be read as a notebook ({' '.join(str(problem).split())[:120]})") from None
    if not any(cell.get("outputs") for cell in nb.cells):
        raise UsageError(f"{notebook}: no cell has an output; execute it first, for example with papermill")
    folder.mkdir(parents=True, exist_ok=True)
    return sorted([export(nb, folder) for export in load_exporters(pdf)] + _write_also(nb, folder, also))


def _further_names(nb: Any, formats: tuple[str, ...]) -> tuple[str, ...]:
    if not formats:
        return ()
    from analysis.render.export.markdown import further_files

    return tuple(further_files(nb, formats))


def _write_also(nb: Any, folder: Path, formats: tuple[str, ...]) -> list[Path]:
    if not formats:
        return []
    from analysis.render.export.markdown import write_also

    return write_also(nb, folder, formats)


def carry_into(old: Path, new: Path) -> tuple[str, ...]:
    """Copy earlier results and the user's files to the new folder of a report; return the names of edited files."""
    keep_earlier(old, new)
    return carry_over(old, new, ignoring=(FAILED, FAILED_LOG, EARLIER))


def template_path() -> Path:
    """Return the path of the template notebook, in the repository or in the installed package."""
    here = Path(__file__).parents[1]
    places = (here.parent / "templates" / "run_report.ipynb", here / "templates" / "run_report.ipynb")
    return next((place for place in places if place.exists()), places[0])


@functools.cache
def load_exporters(pdf: str) -> tuple[Export, ...]:
    """Return the functions that export a notebook; imports take a second, so call it in the background."""
    return tuple(_export(name, row, pdf) for name, row in exporters().items() if pdf != "none" or name != "pdf")


def _export(name: str, row: Exporter, pdf: str) -> Export:
    if name == "pdf" and pdf == "web":
        return _printed
    with _blaming(name):
        exporter = row.make()

    def export(nb: Any, folder: Path) -> Path:
        with _blaming(name):
            content = exporter.from_notebook_node(nb)[0]
        path = folder / row.file
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return export


def _printed(_: Any, folder: Path) -> Path:
    print_page(folder / HTML, folder / PDF)
    return folder / PDF


@contextlib.contextmanager
def _blaming(name: str) -> Iterator[None]:
    """Raise errors in the block as those of a plug-in, unless the exporter is one of ours."""
    try:
        yield
    except Exception as problem:
        if name in EXPORTERS:
            raise
        raise plugin_failed("exporters", name, problem) from problem


def _target(out: Path, report_id: str) -> Path:
    if not report_id or report_id != Path(report_id).name or report_id.startswith("."):
        raise UsageError(f"report_id: {report_id!r} cannot name a folder; use letters, digits, '.', '_' and '-'")
    target = out.absolute() / report_id
    if report_id in (INDEX, PAGE):
        raise UsageError(f"report_id: '{report_id}' is a file of the index of all reports; choose another name")
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target}: a file is in the way of the report's folder; move it or choose another --name")
    return target


def _explained(failure: CellFailed, target: Path) -> Exception:
    """Return the error for a failed cell: an AnalysisError, else a ReportFailed with the failed notebook kept."""
    from analysis.publish.execute import as_bytes

    if failure.name in _names_below(AnalysisError):
        return AnalysisError(str(failure))
    path = target / FAILED
    write_atomically(path, as_bytes(failure.notebook))
    message = " ".join(str(failure).split())
    return ReportFailed(f"{target.name}: {failure.name}: {message}", path, failure.details)


def _names_below(kind: type[BaseException]) -> set[str]:
    return {kind.__name__}.union(*map(_names_below, kind.__subclasses__()))


class _Stopwatch:
    """Wall time of named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - start
