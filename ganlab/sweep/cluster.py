"""Where a sweep runs when nobody says otherwise: dask."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

from ganlab.errors import GanlabError

# Ctrl-C reaches every process of the terminal: the command ends its workers itself, in silence.
DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)"


@contextmanager
def dask_executor(scheduler: str, workers: int) -> Iterator[Executor]:
    """An executor on a dask cluster: the one at `scheduler`, or one process a worker on this machine.

    Raises:
        GanlabError: no scheduler answers at the address.
    """
    with dask.config.set({"distributed.scheduler.allowed-failures": 3}):
        if scheduler:
            try:
                client = Client(scheduler, timeout=10)
            except (OSError, ValueError) as error:
                raise GanlabError(
                    f"No dask scheduler answers at {scheduler} ({error}): start one with `dask scheduler`, or leave "
                    "--scheduler out to run on this machine."
                ) from None
            with client:
                yield client.get_executor(pure=False)
            return
        # Memory is not watched by dask: what a run needs lives in its kernel, which is a process of its own.
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, memory_limit=None,
                dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False},  # any port: sweeps do not meet
                silence_logs="CRITICAL", preload=[DEAF],
            ) as cluster,
            Client(cluster) as client,
        ):  # fmt: skip
            yield client.get_executor(pure=False)
