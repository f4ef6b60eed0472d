"""Any folder of runs as tables and figures, over seeds: what is attached to a paper.

>>> found = read_runs("runs/sweeps/gan_learning_rate")                   # doctest: +SKIP
>>> numbers = long_table(found, ["modes"], by=["learning_rate"])         # doctest: +SKIP
>>> summarise(numbers)                       # a row a group: mean, low, high, seeds   # doctest: +SKIP
>>> compare(numbers, baseline="learning_rate 0.001")   # paired over the seeds         # doctest: +SKIP
"""

from ganlab.report.export import as_table, copy_records, to_latex, to_markdown, write_report
from ganlab.report.figures import curve, group_strip, mean_map, seed_map
from ganlab.report.reading import Runs, find_folder, finished_folders, read_runs
from ganlab.report.summary import (
    by_seed,
    cautions,
    compare,
    long_table,
    missing,
    opponents,
    paired_differences,
    provenance,
    summarise,
)

__all__ = [
    "Runs",
    "as_table",
    "by_seed",
    "cautions",
    "compare",
    "copy_records",
    "curve",
    "find_folder",
    "finished_folders",
    "group_strip",
    "long_table",
    "mean_map",
    "missing",
    "opponents",
    "paired_differences",
    "provenance",
    "read_runs",
    "seed_map",
    "summarise",
    "to_latex",
    "to_markdown",
    "write_report",
]
