"""What sweeps cost: two workers against one, and a run of `ganlab` against plain papermill.

Both are ratios of times taken in turn on the same machine, for a notebook that computes for some seconds on one core.
The cluster is started before the clock; runs are fresh each time. The machine must have two idle cores.

    python bench/sweep.py --out data/results/12_report/sweep_cost.json     # about 10 minutes; chapter 12 reads it
    python bench/sweep.py --work 0.2 --runs 2 --rounds 1
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import nbformat
import papermill

from ganlab.runner.kernels import Kernels
from ganlab.runner.run import execute_run
from ganlab.sweep import read_sweep, run_sweep
from ganlab.sweep.cluster import dask_executor

CELLS = (
    'work: float = 1.0  # seconds of work on an idle core [0, 1000]\nseed: int = 0  # of the run\nrun_folder: str = ""  # x',  # noqa: E501
    "import torch\n\ntorch.manual_seed(seed)\na = torch.randn(300, 300)\n"
    "for _ in range(int(work * LOOPS)):\n    a = torch.tanh(a @ a / 300)",
    'from ganlab.train import RunFolder\n\nRunFolder(run_folder, {"work": work, "seed": seed}).finish("done")',
)


def loops_a_second() -> int:
    """How many rounds of the notebook's loop take a second here, on one thread."""
    import torch

    torch.set_num_threads(1)
    a, count, start = torch.randn(300, 300), 0, time.perf_counter()
    while time.perf_counter() - start < 1.0:
        a = torch.tanh(a @ a / 300)
        count += 1
    return count


def make_course(root: Path) -> Path:
    """A course of one notebook; the notebooks' folder."""
    (root / "notebooks" / "src").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    cells = [nbformat.v4.new_code_cell(cell.replace("LOOPS", str(loops_a_second()))) for cell in CELLS]
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks" / "90_work.ipynb")
    return root / "notebooks"


def plain_papermill(notebook: Path, output: Path, parameters: dict) -> None:
    """What a run costs without us."""
    papermill.execute_notebook(
        notebook, output, parameters, kernel_name="python3", language="python", progress_bar=False
    )


def seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=float, default=10.0, help="seconds of work in each run")
    parser.add_argument("--runs", type=int, default=6, help="runs of each sweep; an even number")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is timed")
    parser.add_argument("--out", type=Path, help="a JSON file for the numbers")
    asked = parser.parse_args()

    from ganlab.train.run import versions  # torch: not for the workers, which import this file

    os.environ["OMP_NUM_THREADS"] = "1"  # papermill's kernels too
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), asked)
    found |= {"work": asked.work, "runs": asked.runs, "versions": versions()}
    print(json.dumps(found, indent=1))
    if asked.out:
        command = f"python bench/sweep.py --out {asked.out.as_posix()}"
        asked.out.write_text(json.dumps({"command": command} | found, indent=1) + "\n")


def measure(root: Path, asked: argparse.Namespace) -> dict:
    notebooks = make_course(root)
    file = root / "work.yaml"
    file.write_text(f"notebook: '90'\nfixed: {{work: {asked.work}}}\nseeds: 0-{asked.runs - 1}\n")
    sweep = read_sweep(file, notebooks)
    (root / "warm.yaml").write_text("notebook: '90'\nfixed: {work: 0.0}\nseeds: 1000-1001\n")
    warm = read_sweep(root / "warm.yaml", notebooks)

    def through_dask(workers: int, name: str) -> float:
        with dask_executor("", workers) as executor:
            run_sweep(warm, root / f"warm-{name}", executor)  # workers import papermill once
            took = seconds(lambda: rows.extend(run_sweep(sweep, root / name, executor)))
        assert all(row.status == "done" for row in rows), rows
        return took

    one, two, here, plain, rows = [], [], [], [], []
    for turn in range(asked.rounds):
        one.append(through_dask(1, f"one-{turn}"))
        two.append(through_dask(2, f"two-{turn}"))
        plan = sweep.plans[0]
        here.append(seconds(lambda: execute_run(plan, root / f"here-{turn}", Kernels(processes=1))))  # noqa: B023
        values = plan.parameters | {"run_folder": str(root / f"plain-{turn}")}
        output = root / f"plain-{turn}.ipynb"
        plain.append(seconds(lambda: plain_papermill(plan.notebook, output, values)))  # noqa: B023
    efficiency = [a / (2 * b) for a, b in zip(one, two, strict=True)]
    overhead = [a / b for a, b in zip(here, plain, strict=True)]
    in_sweep = [a / asked.runs / b for a, b in zip(one, plain, strict=True)]
    return {
        "efficiency of two workers": statistics.median(efficiency),
        "a run of ganlab / plain papermill": statistics.median(overhead),
        "a run in a sweep with one worker / plain papermill": statistics.median(in_sweep),
        "rounds": {"one": one, "two": two, "ganlab": here, "papermill": plain},
    }


if __name__ == "__main__":
    main()
