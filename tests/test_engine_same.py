"""A notebook run by our engines is the notebook that papermill's own engine makes."""

from __future__ import annotations

import contextlib
import copy
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from analysis.core.errors import AnalysisError
from analysis.publish.engines import register_engines
from analysis.publish.forked import fork_is_safe
from analysis.publish.forked_kernel import ForkedKernel
from analysis.publish.preload import preload

OURS = [
    pytest.param("fork", marks=pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system")),
    "kernel",
]

CELLS = {
    "draws": "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots(figsize=(1, 1))",
    "draws twice": "plt.subplots(figsize=(1, 1)); print('between'); plt.subplots(figsize=(1, 1));",
    "clusters": "import numpy as np, pandas as pd, seaborn as sns\n"
    "sns.clustermap(pd.DataFrame(np.arange(12).reshape(4, 3)), figsize=(2, 2));",
    "density": "plt.figure(figsize=(1, 1)); sns.kdeplot(x=[1, 2, 3, 4.5]);",
    "scipy": "import scipy.stats; float(scipy.stats.norm.cdf(0))",
    "backend": "import matplotlib; matplotlib.get_backend(), plt.isinteractive()",
    "retina": "%config InlineBackend.figure_format = 'retina'\nplt.subplots(figsize=(1, 1));",
    "streams": "import sys; print('to stdout'); print('to stderr', file=sys.stderr); print('more')",
    "table": "pd.DataFrame({'a': [1, 2], 'b': ['x', None]})",
    "every form": "class Rich:\n"
    "    def _repr_html_(self): return '<b>'\n"
    "    def _repr_png_(self): return b'\\x89PNG'\n"
    "    def _repr_latex_(self): return '$x$'\n"
    "    def __repr__(self): return 'rich'\n"
    "Rich()",
    "bundle": "class Bundle:\n"
    "    def _repr_mimebundle_(self, **_): return {'text/html': '<b>', 'text/plain': 'b'}, {'k': 1}\n"
    "display(Bundle()); print('between'); Bundle()",
    "displays": "from IPython.display import HTML, JSON, SVG, Latex, Markdown\n"
    "display(HTML('<b>x</b>'), JSON({'a': 1}), Latex('$x$'), Markdown('*m*'))",
    "raw": "display({'application/json': {'b': [1, 2.5, None, float('nan')], 'a': (1,)}}, raw=True)",
    "shows": "handle = display('first', display_id='one')",
    "updates": "handle.update('second'); display('twice', display_id='two'); display('again', display_id='two');",
    "updates all": "handle.update('third', metadata={'k': 1}); handle.display('here too')",
    "clears": "from IPython.display import clear_output\nprint('gone'); clear_output(); print('kept')",
    "clears later": "print('gone too'); clear_output(wait=True); print('kept too')",
    "captures": "%%capture captured\nprint('captured'); display(1); sys.stderr.write('and this')",
    "captured": "captured.stdout, captured.stderr, len(captured.outputs)",
    "shell": "!echo from the shell; echo and its errors >&2",
    "shell lines": "lines = !printf 'a\\nb'\nlines",
    "bash": "%%bash\necho from bash",
    "magics": "%who_ls int",
    "help": "len?",
    "history": "In[-2], _ih[1], len(In), sorted(Out)[:2], _i",
    "last value": "41 + 1",
    "last values": "_, _i, get_ipython().execution_count",
    "silent": "42;",
    "empty": "",
    "nothing": "# a comment",
    "awaits": "import asyncio; await asyncio.sleep(0, 'awaited')",
    "task": "task = asyncio.create_task(asyncio.sleep(0, 'done meanwhile'))",
    "task result": "await task",
    "a loop runs": "asyncio.get_running_loop().is_running()",
    "which shell": "get_ipython().__class__.__name__, 'IPKernelApp' in get_ipython().config, __name__, sys.argv[1]",
    "threads": "import threading; t = threading.Thread(target=print, args=('in a thread',)); t.start(); t.join()",
    "process": "import multiprocessing\n"
    "p = multiprocessing.get_context('fork').Process(target=print, args=('in a process',))\n"
    "p.start(); p.join(); p.exitcode",
    "logs": "import logging; logging.warning('logged')",
    "carriage returns": "print('a\\rb')",
    "widget": "from comm import create_comm\n"
    "state = {'_model_module': '@jupyter-widgets/controls', '_model_name': 'IntSliderModel', 'value': 3}\n"
    "slider = create_comm(target_name='jupyter.widget', comm_id='slider', data={'state': state})\n"
    "view = {'model_id': 'slider', 'version_major': 2, 'version_minor': 0}\n"
    "display({'application/vnd.jupyter.widget-view+json': view, 'text/plain': 'slider'}, raw=True)",
    "widget moves": "slider.send(data={'method': 'update', 'state': {'value': 7}, 'buffer_paths': []})",
    "environment": "import os; {name: os.environ.get(name) for name in ('TERM', 'PAGER', 'MPLBACKEND', 'FORCE_COLOR')}",
    "skipped": "raise RuntimeError('is not run')",
    "expected": "def culprit():\n    raise ValueError('as expected')\nculprit()",
    "asks": "input('your name? ')",
    "went on": "'went on'",
    "bad magic": "%load_ext no_such_extension",
    "never": "print('never')",
}
"""By name; each name is a cell's id."""

TAGS = {"skipped": ["skip-execution"], "expected": ["raises-exception"], "asks": ["raises-exception"]}

Execute = Callable[..., Any]


@contextlib.contextmanager
def plain_process() -> Iterator[None]:
    """Let a kernel not see that a test starts it: that warnings are errors, and where pytest wants outputs to go."""
    with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings():
        patched.delenv("PYTEST_CURRENT_TEST", raising=False)
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")
        yield


@pytest.fixture(scope="module")
def execute(tmp_path_factory: pytest.TempPathFactory) -> Execute:
    """Execute a notebook by an engine; gives the file that papermill wrote, and what it raised."""
    register_engines()
    folder = tmp_path_factory.mktemp("executed")

    def execute_cells(engine: str, nb: Any, **options: Any) -> tuple[Any, Exception | None]:
        output, error = folder / f"{engine}.ipynb", None
        name = None if engine == "papermill" else f"run-report-{engine}"
        options = {"engine_name": name, "kernel_name": "python3", "progress_bar": False, **options}
        with plain_process(), contextlib.ExitStack() as held:
            if engine == "fork":
                kernel = options.get("kernel") or ForkedKernel(preload)
                options["kernel"] = held.enter_context(contextlib.closing(kernel))
            try:
                execute_notebook(copy.deepcopy(nb), output, **options)
            except (PapermillExecutionError, CellTimeoutError, DeadKernelError) as stopped:
                error = stopped
        return nbformat.read(output, as_version=4), error

    return execute_cells


@pytest.fixture(scope="module")
def by_papermill(execute: Execute) -> tuple[Any, Exception | None]:
    """All of `CELLS`, executed by papermill's own engine."""
    return execute("papermill", notebook(CELLS))


def notebook(cells: dict[str, str]) -> Any:
    """Make a notebook; names of cells become their ids."""
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    for name, source in cells.items():
        cell = nbformat.v4.new_code_cell(source, id=name.replace(" ", "-"), metadata={"tags": TAGS.get(name, [])})
        made.cells.append(cell)
    return made


def comparable(nb: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Leave out what differs from one execution to the next: times, and the ids of cells that papermill adds."""
    cells = {}
    for number, cell in enumerate(nb.cells):
        kept = {key: cell.get(key) for key in ("cell_type", "source", "execution_count", "outputs")}
        about = cell.metadata.get("papermill", {})
        kept["status"] = about.get("status"), about.get("exception"), sorted(cell.metadata), sorted(cell.metadata.tags)
        cells[cell.id if cell.cell_type == "code" else f"note {number}"] = kept
    return cells, {key: value for key, value in nb.metadata.items() if key != "papermill"}


@pytest.mark.parametrize("engine", OURS)
def test_a_notebook_comes_out_as_from_papermill(
    execute: Execute, by_papermill: tuple[Any, Exception | None], engine: str
) -> None:
    theirs, their_error = by_papermill
    ours, our_error = execute(engine, notebook(CELLS))
    expected, found = comparable(theirs), comparable(ours)
    assert expected[0].keys() == found[0].keys()
    for name, cell in expected[0].items():
        assert found[0][name] == cell
    assert found[1] == expected[1]
    assert type(our_error) is type(their_error)
    assert str(our_error) == str(their_error)


def test_what_is_compared_is_there(by_papermill: tuple[Any, Exception | None]) -> None:
    """The cells above show what they are meant to show."""
    nb, _ = by_papermill
    shown = {cell.id: cell.outputs for cell in nb.cells if cell.cell_type == "code"}
    for name, count in (("draws", 1), ("draws-twice", 2), ("clusters", 1), ("density", 1), ("retina", 1)):
        assert sum("image/png" in output.get("data", {}) for output in shown[name]) == count, name
    assert [output.data["text/plain"] for output in shown["shows"]] == ["'here too'"]
    assert [output.data["text/plain"] for output in shown["updates"]] == ["'again'", "'again'"]
    assert [output.text for output in shown["clears-later"]] == ["kept too\n"]
    assert shown["skipped"] == []
    assert [output.ename for output in shown["expected"]] == ["ValueError"]
    assert [output.ename for output in shown["asks"]] == ["StdinNotImplementedError"]
    assert shown["went-on"][0].data["text/plain"] == "'went on'"
    assert [output.output_type for output in shown["bad-magic"]] == ["error"]
    assert shown["never"] == []
    (slider,) = nb.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    assert slider["state"]["value"] == 7


@pytest.mark.parametrize("magic", ["%no_such_magic", "%run no_such_file.py", "%cd", "%%no_such_magic\n1"])
@pytest.mark.parametrize("engine", OURS)
def test_a_magic_fails_as_in_papermill(execute: Execute, engine: str, magic: str) -> None:
    nb = notebook({"magic": magic, "next": "1"})
    theirs, ours = (comparable(execute(name, nb)[0]) for name in ("papermill", engine))
    assert ours == theirs


@pytest.mark.parametrize("engine", OURS)
def test_a_cell_may_take_so_long(execute: Execute, engine: str) -> None:
    nb, error = execute(engine, notebook({"hangs": "import signal; signal.pause()"}), execution_timeout=1)
    assert isinstance(error, CellTimeoutError)
    assert nb.cells[0].outputs[-1].ename == "TimeLimitReached"


@pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system")
def test_a_kernel_may_take_so_long_to_start(execute: Execute) -> None:
    release, held = os.pipe()
    kernel = ForkedKernel(lambda: os.close(held) or os.read(release, 1))  # type: ignore[func-returns-value]
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="Kernel didn't respond in 1 seconds"):
        execute("fork", notebook({"cell": "1"}), kernel=kernel, start_timeout=1)
    assert time.monotonic() - start < 30
    os.close(release)
    os.close(held)


@pytest.mark.parametrize("engine", OURS)
def test_a_death_is_raised_as_from_papermill(execute: Execute, engine: str) -> None:
    nb, error = execute(engine, notebook({"dies": "import os; os._exit(3)"}))
    assert isinstance(error, DeadKernelError)
    assert nb.cells[0].outputs[-1].ename == "KernelDied"


@pytest.mark.parametrize("engine", OURS)
def test_nobodys_start_up_files_are_run(
    execute: Execute, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path / "mine" / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "startup" / "00.py").write_text("leak = 'startup'")
    (profile / "ipython_config.py").write_text("c.InteractiveShellApp.exec_lines = ['leak = 1']")
    (tmp_path / "start.py").write_text("leak = 2")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "mine"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "start.py"))
    before = sorted(profile.rglob("*"))
    cells = {"cell": "'leak' in globals()"}
    assert execute(engine, notebook(cells))[0].cells[0].outputs[0].data["text/plain"] == "False"
    assert sorted(profile.rglob("*")) == before
    assert execute("papermill", notebook(cells))[0].cells[0].outputs[0].data["text/plain"] == "True"


@pytest.mark.parametrize("engine", OURS)
def test_a_kernel_ends_as_an_ordinary_process(execute: Execute, engine: str, tmp_path: Path) -> None:
    """Files are written, exit handlers called, threads waited for."""
    place = str(tmp_path)
    leaves = (
        f"import atexit, os, threading; os.chdir({place!r})\n"
        "unclosed = open('written', 'w'); unclosed.write('all')\n"
        "def later(): done.wait(20); open('thread', 'w').close()\n"
        "done = threading.Event(); threading.Thread(target=later).start(); threading.Timer(0.2, done.set).start()\n"
        "atexit.register(lambda: open('handler', 'w').close());"
    )
    execute(engine, notebook({"leaves": leaves}))
    assert (tmp_path / "written").read_text() == "all"
    assert (tmp_path / "thread").exists()
    assert (tmp_path / "handler").exists()


@pytest.mark.skipif(not fork_is_safe(), reason="forking is not safe on this system")
def test_forked_kernels_draw_numbers_of_their_own(execute: Execute) -> None:
    draws = {"draws": "import random, numpy; random.random(), float(numpy.random.rand())"}
    drawn = [execute("fork", notebook(draws))[0].cells[0].outputs[0].data["text/plain"] for _ in range(2)]
    assert drawn[0] != drawn[1]
    assert not {*drawn[0].strip("()").split(", ")} & {*drawn[1].strip("()").split(", ")}


def test_without_a_loopback_interface_a_kernel_says_so_at_once(
    execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    with pytest.raises(AnalysisError, match=r"127\.0\.0\.1 does not answer \(Network is unreachable\); .* 'fork'"):
        execute("kernel", notebook({"cell": "1"}))


def test_a_check_that_is_loaded_when_it_is_needed_is_made() -> None:
    """Nothing is taken from jsonschema: it checks formats as ever."""
    import jsonschema

    import analysis.publish.execute  # noqa: F401  (which imports it in part)

    pytest.importorskip("rfc3987_syntax")
    formats = jsonschema.FormatChecker()
    assert formats.conforms("https://example.org/ü", "iri")
    assert not formats.conforms("no iri", "iri")
