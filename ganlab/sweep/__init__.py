"""Sweeps: one notebook, many parameter sets and seeds, on any `concurrent.futures.Executor`.

>>> sweep = read_sweep(Path("sweeps/gan_learning_rate.yaml"), notebooks)      # doctest: +SKIP
>>> rows = run_sweep(sweep, Path("runs"), ProcessPoolExecutor(2))         # doctest: +SKIP
"""

from ganlab.sweep.engine import Row, run_sweep
from ganlab.sweep.spec import Sweep, read_sweep, shared_seeds
from ganlab.sweep.table import estimate_seconds, write_table

__all__ = ["Row", "Sweep", "estimate_seconds", "read_sweep", "run_sweep", "shared_seeds", "write_table"]
