"""Cells run in a forked child as they do in a kernel, and nothing they do harms the parent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.publish.engines import MOST_PRINTED
from analysis.publish.execute import CellFailed, execute
from analysis.publish.forked import fork_is_safe
from analysis.publish.forked_kernel import ForkedKernel
from tests.notebooks import make_template

ENGINES = ["kernel", pytest.param("fork", marks=pytest.mark.skipif(os.name == "nt", reason="needs fork"))]

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Execute cells in a notebook by the engine asked for."""

    def run_cells(engine: str, *cells: str, timeout: float | None = None, **parameters: object) -> Any:
        template = make_template(tmp_path / "template {x}.ipynb", *cells)
        output = tmp_path / f"{engine}.ipynb"
        with contextlib.closing(ForkedKernel()) if engine == "fork" else contextlib.nullcontext() as kernel:
            return execute(template, parameters, output=output, timeout=timeout, kernel=kernel)

    return run_cells


def outputs(nb: Any, cell: str) -> list[Any]:
    return list(next(c for c in nb.cells if c.id == cell).outputs)


EVERY_KIND_OF_OUTPUT = (
    "import sys; print('to stdout'); print('more'); print('to stderr', file=sys.stderr)",
    "class Both:\n"
    "    def _repr_mimebundle_(self, **_): return {'text/html': '<b>', 'text/plain': 'b'}, {'k': 1}\n"
    "display(Both()); print('between'); Both()",
    "display({'image/png': b'\\x89PNG', 'application/json': {'b': [1, 2.5, None], 'a': (1,)}}, raw=True)",
    "handle = display('first', display_id='one'); handle.update('second')",
    "print('gone'); from IPython.display import clear_output; clear_output(); print('kept')",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nfigure, axes = plt.subplots(figsize=(1, 1))",
    "x, __name__, get_ipython().execution_count",
    "42;",
    "",
    "await __import__('asyncio').sleep(0, 'awaited')",
)


def test_a_forked_child_gives_the_same_notebook_as_a_kernel(run: Run) -> None:
    notebooks = [run(engine, *EVERY_KIND_OF_OUTPUT, x=[1, "two"]) for engine in ("kernel", "fork")]
    for nb in notebooks:
        (figure,) = outputs(nb, "cell-5")
        assert figure.data.pop("image/png").startswith("iVBOR")
    assert notebooks[0] == notebooks[1]


def test_nothing_that_changes_from_run_to_run_is_kept(run: Run, tmp_path: Path) -> None:
    for engine in ("kernel", "fork"):
        run(engine, "x", x=2)
        first = (tmp_path / f"{engine}.ipynb").read_bytes()
        run(engine, "x", x=2)
        assert (tmp_path / f"{engine}.ipynb").read_bytes() == first
        assert str(tmp_path).encode() not in first


@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_stops_the_notebook_and_is_kept_in_it(run: Run, engine: str) -> None:
    with pytest.raises(CellFailed, match="division by zero") as failure:
        run(engine, "print('before'); 1 / 0", "print('never')")
    nb = failure.value.notebook
    stream, error = outputs(nb, "cell-0")
    assert stream.text == "before\n"
    assert (failure.value.name, error.ename) == ("ZeroDivisionError", "ZeroDivisionError")
    assert "print('before'); 1 / 0" in re.sub(r"\x1b\[[0-9;]*m", "", "".join(error.traceback))
    assert outputs(nb, "cell-1") == []


@pytest.mark.parametrize("engine", ENGINES)
def test_an_expected_error_does_not_stop_the_notebook(run: Run, engine: str, tmp_path: Path) -> None:
    import nbformat

    template = make_template(tmp_path / "t.ipynb", "1 / 0", "'went on'")
    nb = nbformat.read(template, as_version=4)
    nb.cells[1].metadata["tags"] = ["raises-exception"]
    nbformat.write(nb, template)
    with contextlib.closing(ForkedKernel()) if engine == "fork" else contextlib.nullcontext() as kernel:  # noqa: SIM117
        with pytest.raises(CellFailed):  # papermill itself knows no expected errors once all cells have run
            execute(template, {}, output=tmp_path / "o.ipynb", kernel=kernel)
    done = nbformat.read(tmp_path / "o.ipynb", as_version=4)
    assert outputs(done, "cell-1")[0].data["text/plain"] == "'went on'"


@pytest.mark.parametrize(
    ("engine", "code", "said"),
    [
        ("kernel", "import os; os._exit(7)", "the kernel died"),
        ("fork", "import os; os._exit(7)", "the process ended with exit status 7"),
        (
            "fork",
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "ended by SIGKILL (out of memory?)",
        ),
        ("fork", "import ctypes; ctypes.string_at(0)", "ended by SIGSEGV"),
    ],
)
def test_a_death_is_reported_in_the_cell_that_died(run: Run, engine: str, code: str, said: str) -> None:
    with pytest.raises(CellFailed) as failure:
        run(engine, "print('fine')", code, "print('never')")
    (error,) = outputs(failure.value.notebook, "cell-1")
    assert said in str(failure.value)
    assert error.ename == "KernelDied"


FORKED = "import os, time\nif os.fork() == 0:\n    time.sleep(60)\n    os._exit(0)\n"
"""A cell that leaves a process behind, which holds whatever its parent has open."""


def test_a_death_is_noticed_though_a_process_of_its_own_lives_on(run: Run) -> None:
    start = time.monotonic()
    with pytest.raises(CellFailed, match="exit status 7"):
        run("fork", f"{FORKED}os._exit(7)", timeout=30.0)
    assert time.monotonic() - start < 20


def test_a_process_that_a_cell_forked_takes_no_part_in_the_cells_that_follow(run: Run) -> None:
    cells = ["import os; me = os.getpid(); os.fork()", *(f"(os.getpid() == me, {n})" for n in range(20))]
    nb = run("fork", *cells)
    shown = [outputs(nb, f"cell-{n + 1}")[0].data["text/plain"] for n in range(20)]
    assert shown == [f"(True, {n})" for n in range(20)]


@pytest.mark.parametrize(("engine", "said"), [("kernel", "the kernel died"), ("fork", "exit status 0")])
def test_a_kernel_that_is_left_answers_no_more(run: Run, engine: str, said: str) -> None:
    with pytest.raises(CellFailed, match=said):
        run(engine, "exit()", "import asyncio; await asyncio.sleep(60)")


def test_a_crash_leaves_its_traceback(run: Run) -> None:
    with pytest.raises(CellFailed) as failure:
        run("fork", "def culprit():\n    import ctypes; ctypes.string_at(0)\nculprit()")
    (error,) = outputs(failure.value.notebook, "cell-0")
    assert "in culprit" in "\n".join(error.traceback)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_hang_ends_at_the_time_limit_and_says_where(run: Run, engine: str) -> None:
    hang = "import time\ndef culprit():\n    while True: time.sleep(0.01)\nculprit()"
    with pytest.raises(CellFailed, match="the time limit was reached") as failure:
        run(engine, hang, timeout=5.0)
    error = outputs(failure.value.notebook, "cell-0")[-1]
    assert failure.value.name == "TimeLimitReached"
    assert "culprit" in "\n".join(error.traceback)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cell_that_prints_without_end_ends_at_the_time_limit(run: Run, engine: str) -> None:
    """There is always more to read from it; what it printed first is kept."""
    endless = "def culprit():\n    while True: print('more ' * 100)\nculprit()"
    with pytest.raises(CellFailed, match="the time limit was reached") as failure:
        run(engine, endless, timeout=5.0)
    printed, *_, error = outputs(failure.value.notebook, "cell-0")
    assert printed.text.startswith("more more")
    assert len(printed.text) < MOST_PRINTED + 100
    assert "culprit" in "\n".join(error.traceback)


PRINTS_MUCH = (
    "import sys\nfor n in range(3000): print('y' * 99, file=(sys.stdout, sys.stderr)[n % 2])",
    "print('x' * 3_000_000)",
)


def test_of_much_that_is_printed_the_beginning_is_kept(run: Run) -> None:
    """The same by both engines."""
    for engine in ("fork", "kernel"):
        nb = run(engine, *PRINTS_MUCH)
        alternating, long = outputs(nb, "cell-0"), outputs(nb, "cell-1")
        assert {output.name for output in alternating} == {"stdout", "stderr"}
        for output in (*alternating, *long):
            assert output.text[MOST_PRINTED:] == "\n[the cell printed more, which is not kept]\n"


def test_a_letter_that_no_file_can_hold_is_no_failure(run: Run) -> None:
    nb = run("fork", "print('half a pair: \\ud83d, a whole one: \U0001f40d')")
    assert outputs(nb, "cell-0")[0].text == "half a pair: ?, a whole one: \U0001f40d\n"


def test_a_hang_deep_in_compiled_code_ends_too(run: Run) -> None:
    deaf = "import signal, ctypes; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))"
    blocked = f"{deaf}; ctypes.CDLL(None).pause()"
    start = time.monotonic()
    with pytest.raises(CellFailed, match="the time limit was reached"):
        run("fork", blocked, timeout=0.5)
    assert time.monotonic() - start < 30


def test_what_a_child_changes_stays_in_it(run: Run) -> None:
    before = dict(os.environ), os.getcwd(), list(warnings.filters)
    run(
        "fork",
        "import os, warnings, sys; os.environ['LEAK'] = '1'; os.chdir('/'); warnings.simplefilter('ignore')",
    )
    assert (dict(os.environ), os.getcwd(), list(warnings.filters)) == before


def test_the_loop_of_a_child_is_its_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a loop that both had, one would get what was to wake the other: a kernel that was to end ran on."""
    run("fork", "1")  # after which the parent has a loop
    monkeypatch.setattr(asyncio.get_event_loop(), "of_the_parent", True, raising=False)
    nb = run("fork", "import asyncio; hasattr(asyncio.get_running_loop(), 'of_the_parent')")
    assert outputs(nb, "cell-0")[0].data["text/plain"] == "False"


def test_processes_that_a_cell_left_behind_end_with_the_child(run: Run) -> None:
    import psutil

    nb = run("fork", "import subprocess; subprocess.Popen(['sleep', '60']).pid")
    pid = int(outputs(nb, "cell-0")[0].data["text/plain"])
    gone = not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert gone or not psutil.wait_procs([psutil.Process(pid)], timeout=5)[1]


def test_what_a_kernel_leaves_in_the_temporary_folder_goes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file of ports lies where it is taken away, though the process that started it be killed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    nb = run("kernel", "import sys; print(sys.argv[2])")
    ports = Path(outputs(nb, "cell-0")[0].text.strip())
    assert (ports.parent.suffix, ports.parent.parent) == (".scratch", tmp_path)
    assert not ports.parent.exists()


@pytest.mark.skipif(not fork_is_safe(), reason="needs fork")
def test_a_kernel_goes_with_its_folder_though_the_wait_for_its_end_be_interrupted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    slow = "import atexit, time; atexit.register(time.sleep, 60)"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("analysis.publish.forked_kernel.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("fork", slow)
    assert list(tmp_path.glob("*.scratch")) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cell_cannot_wait_for_a_person(run: Run, engine: str) -> None:
    with pytest.raises(CellFailed, match="does not support input requests"):
        run(engine, "input('your name? ')")


def test_no_fork_beside_other_threads() -> None:
    if not fork_is_safe():
        pytest.skip("forking is not safe on this system")
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        assert not fork_is_safe()
    finally:
        release.set()
        thread.join()
