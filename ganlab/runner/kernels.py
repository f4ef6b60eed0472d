"""Executing notebooks in kernels of our own choosing, so that they can always be stopped and never outlive us."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines

from ganlab.runner.failures import BEGUN

START_TIMEOUT = 120  # seconds that a kernel may take to start on a busy machine
QUIET = ["--log-level=CRITICAL"]  # kernels write to our stderr: that a local port is not encrypted, for one

T = TypeVar("T")
OnCell = Callable[[int, int], None]  # called with (cells finished, cells in all)


class Interrupted(Exception):
    """The notebook was stopped from outside, by `Kernels.stop`."""


class Kernels:
    """The kernels of one command. `stop()` ends all of them at once, from any thread, and lets no new one start.

    Args:
        processes: how many a kernel may train in at a time (`side_by_side`); `None`: one a core. When several
            notebooks run at once they share the cores.
        threads: of each of these processes; `None`: as OMP_NUM_THREADS says, else 1.
    """

    def __init__(self, processes: int | None = None, threads: int | None = None) -> None:
        self.processes, self.threads = processes, threads
        self._clients: set[NotebookClient] = set()
        self._lock = threading.Lock()
        self.stopped = False

    @contextmanager
    def watch(self, client: NotebookClient):
        """Within this context `client` may start a kernel; leaving it because of `stop` raises Interrupted."""
        with self._lock:
            if self.stopped:
                raise Interrupted
            self._clients.add(client)
        try:
            yield
        except (DeadKernelError, CellExecutionError, RuntimeError):
            if self.stopped:
                raise Interrupted from None
            raise
        finally:
            with self._lock:
                self._clients.discard(client)
            if client.km is not None and client.km.has_kernel:
                _kill(client)

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            for client in self._clients:
                _kill(client)


def _kill(client: NotebookClient) -> None:
    provisioner = getattr(client.km, "provisioner", None)
    process = getattr(provisioner, "process", None)
    if process is None or process.poll() is not None:
        return
    with suppress(OSError):
        if hasattr(os, "killpg") and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)  # the kernel leads a group of its own: its children go too
        else:
            process.kill()


def kernel_environment(kernels: Kernels) -> dict[str, str]:
    """The environment of every kernel that a command starts: one thread each, no front end, no progress bars."""
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    threads = str(kernels.threads or os.environ.get("OMP_NUM_THREADS", "1"))
    if kernels.processes:
        kept["LOKY_MAX_CPU_COUNT"] = str(kernels.processes)
    return kept | {
        "GANLAB_INTERACTIVE": "0",
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "TQDM_DISABLE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def call_stoppably(function: Callable[[], T], kernels: Kernels) -> T:
    """`function()` in a thread, so that Ctrl-C in this one ends its kernels first and is then raised here."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return next(results_stoppably([pool.submit(function)], kernels)).result()


def results_stoppably(futures: list[Future], kernels: Kernels) -> Iterator[Future]:
    """The futures as they finish. Whatever stops the caller, kernels are killed and threads awaited before that."""
    waiting = set(futures)
    try:
        while waiting:
            # A wait without an end cannot be interrupted on Windows.
            finished, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            yield from finished
    except BaseException:  # Ctrl-C above all
        for future in waiting:
            future.cancel()
        while waiting:
            kernels.stop()  # again and again: a kernel may have been about to start
            _, waiting = wait(waiting, timeout=0.2)
        raise


def execute(notebook: NotebookNode, kernels: Kernels, *, cwd: Path, on_cell: OnCell | None = None) -> None:
    """Run all cells of `notebook` in place.

    Raises:
        CellExecutionError: a cell failed; `notebook` holds the outputs up to there.
        Interrupted: `kernels.stop()` was called.
    """
    settings = _settings(cwd, len(notebook.cells), on_cell) | {"record_timing": False, "store_widget_state": False}
    client = NotebookClient(notebook, kernel_name="python3", **settings)
    with kernels.watch(client):
        client.execute(env=kernel_environment(kernels))


def _settings(cwd: Path, total: int, on_cell: OnCell | None) -> dict[str, Any]:
    """Of every client: no time limit for a cell, a quiet kernel in `cwd`, and word of each cell."""

    def cell_done(cell: NotebookNode, cell_index: int) -> None:
        if on_cell:
            on_cell(cell_index + 1, total)

    return {
        "timeout": None,
        "startup_timeout": START_TIMEOUT,
        "extra_arguments": QUIET,
        "resources": {"metadata": {"path": str(cwd)}},
        "on_cell_start": _note_begun,
        "on_cell_complete": cell_done,
    }


def _note_begun(cell: NotebookNode, cell_index: int) -> None:
    cell.metadata[BEGUN] = {}


class StoppableEngine(NBClientEngine):
    """papermill's own engine, but with our environment, a folder for each kernel, and kernels that we can stop.

    papermill's `cwd` changes the folder of the whole process, which two notebooks at a time cannot share.
    """

    @classmethod
    def execute_managed_notebook(  # type: ignore[override]
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        kernels: Kernels,
        kernel_cwd: Path,
        keep: Callable[[NotebookNode], None],
        on_cell: OnCell | None = None,
        **_,
    ) -> None:
        keep(nb_man.nb)  # papermill returns the notebook only when no cell failed
        settings = _settings(kernel_cwd, len(nb_man.nb.cells), on_cell)
        client = PapermillNotebookClient(nb_man, kernel_name=kernel_name, **settings)
        with kernels.watch(client):
            client.execute(env=kernel_environment(kernels))


papermill_engines.register("ganlab", StoppableEngine)
