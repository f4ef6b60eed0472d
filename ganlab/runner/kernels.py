"""Executing notebooks in kernels of our own choosing, so that they can always be stopped and never outlive us."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

QUIET = ["--log-level=ERROR"]  # a kernel warns on our stderr that a local port is not encrypted

OnCell = Callable[[int, int], None]  # called with (cells finished, cells in all)


class Interrupted(Exception):
    """The notebook was stopped from outside, by `Kernels.stop`."""


class Kernels:
    """The kernels of one command. `stop()` ends all of them at once, from any thread, and lets no new one start."""

    def __init__(self) -> None:
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


def kernel_environment(interactive: bool = False) -> dict[str, str]:
    """The environment of every kernel that a command starts: one thread each, no front end, no progress bars."""
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return kept | {
        "GANLAB_INTERACTIVE": "1" if interactive else "0",
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "TQDM_DISABLE": "1",
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def execute(notebook: NotebookNode, kernels: Kernels, *, cwd: str, on_cell: OnCell | None = None) -> None:
    """Run all cells of `notebook` in place.

    Raises:
        CellExecutionError: a cell failed; `notebook` holds the outputs up to there.
        Interrupted: `kernels.stop()` was called.
    """
    total = len(notebook.cells)
    finished = 0

    def cell_done(cell: NotebookNode, cell_index: int) -> None:
        nonlocal finished
        finished = cell_index + 1
        if on_cell:
            on_cell(finished, total)

    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=None,
        startup_timeout=120,
        resources={"metadata": {"path": cwd}},
        extra_arguments=QUIET,
        on_cell_complete=cell_done,
        allow_errors=False,
        record_timing=False,
        store_widget_state=False,
    )
    with kernels.watch(client):
        client.execute(env=kernel_environment())
