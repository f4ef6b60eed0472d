"""Copy the runs of sweeps/thousand_modes.yaml to where chapter 10 studies them.

    ganlab sweep sweeps/thousand_modes.yaml
    python bench/thousand_modes.py
    ganlab sweep sweeps/thousand_modes_unrolled.yaml
    python bench/thousand_modes.py runs/sweeps/thousand_modes_unrolled

Writes data/results/10_thousand_modes/NAME.json; of the combination also its generators, goal.safetensors, and what ten
of their latents looked like on the way, goal_trace.safetensors. Runs that differ in their seeds alone become one file.
"""

import argparse
import json
from pathlib import Path

from ganlab import report
from ganlab.train import write_atomically
from ganlab.train.run import plain

ROOT = Path(__file__).parents[1]


def name_of(parameters: dict) -> str:
    """What the notebook calls a run with these parameters."""
    if parameters["networks"] != "dense":
        return parameters["networks"]
    if len(parameters["methods"]) == 1:
        return "goal"
    return "ablation" if "SteadyGAN" in parameters["methods"] else parameters["data"]


def side_by_side(parts: list[dict]) -> dict:
    """The runs of one method from different seeds as if they had been one: their lists joined, their seconds added."""
    joined = {
        "steps": parts[0]["steps"],
        "seconds": [round(sum(times), 2) for times in zip(*(part["seconds"] for part in parts), strict=True)],
    }
    for name in ("modes", "kl"):  # a row a look, a column a seed
        joined[name] = [sum(rows, []) for rows in zip(*(part[name] for part in parts), strict=True)]
    ends = [name for name in parts[0] if name not in joined]
    return joined | {name: sum((part[name] for part in parts), []) for name in ends}


def copy(name: str, runs: list[Path], folder: Path, command: str) -> None:
    """Write the numbers of runs that differ in their seeds alone, and what the goal has trained."""
    results = sorted(
        (json.loads((run / "result.json").read_text()) for run in runs), key=lambda r: r["parameters"]["seed"]
    )
    alike = [result["parameters"] | {"seed": 0, "seeds": 0} for result in results]
    if any(other != alike[0] for other in alike):
        raise SystemExit(f"The runs of {name} differ in more than their seeds: copy them apart.")
    seeds = sum(result["parameters"]["seeds"] for result in results)
    content = {"command": command, "seconds": round(sum(result["seconds"] for result in results))}
    content["versions"] = json.loads((runs[0] / "run.json").read_text())["versions"]
    content["parameters"] = results[0]["parameters"] | {"seeds": seeds}
    content["real"] = plain(results[0]["real"], digits=5)
    methods = results[0]["parameters"]["methods"]
    joined = {method: side_by_side([result["runs"][method] for result in results]) for method in methods}
    content["runs"] = plain(joined, digits=5)
    write_atomically(folder / f"{name}.json", json.dumps(content, separators=(",", ":")) + "\n")
    if name == "goal":
        (run,) = runs
        for theirs, ours in ((methods[0], "goal"), (f"{methods[0]} trace", "goal_trace")):
            write_atomically(folder / f"{ours}.safetensors", (run / f"{theirs}.safetensors").read_bytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, nargs="?", default=ROOT / "runs" / "sweeps" / "thousand_modes")
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "results" / "10_thousand_modes")
    asked = parser.parse_args()
    named: dict[str, list[Path]] = {}
    for run in report.finished_folders(asked.sweep):
        named.setdefault(name_of(json.loads((run / "result.json").read_text())["parameters"]), []).append(run)
    for name, runs in named.items():
        copy(name, runs, asked.out, command=f"ganlab sweep sweeps/{asked.sweep.name}.yaml")
        print(f"{name}: {len(runs)} run{'s' * (len(runs) != 1)}")
