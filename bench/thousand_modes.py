"""Copy the runs of sweeps/thousand_modes.yaml to where chapter 10 studies them.

    ganlab sweep sweeps/thousand_modes.yaml
    python bench/thousand_modes.py

Writes data/results/10_thousand_modes/NAME.json; of the combination also its generators, goal.safetensors, and what ten
of their latents looked like on the way, goal_trace.safetensors.
"""

import argparse
import json
from pathlib import Path

from ganlab import report
from ganlab.train import write_atomically
from ganlab.train.run import plain

ROOT = Path(__file__).parents[1]
COMMAND = "ganlab sweep sweeps/thousand_modes.yaml"


def name_of(parameters: dict) -> str:
    """What the notebook calls a run with these parameters."""
    if len(parameters["methods"]) == 1:
        return "goal"
    return "ablation" if "SteadyGAN" in parameters["methods"] else parameters["data"]


def copy(run: Path, folder: Path) -> str:
    """Write one run's numbers, and what the goal has trained; the name under which."""
    result, started = (json.loads((run / f"{part}.json").read_text()) for part in ("result", "run"))
    name = name_of(result["parameters"])
    content = {"command": COMMAND, "seconds": round(result["seconds"]), "versions": started["versions"]}
    content |= {
        "parameters": result["parameters"],
        "real": plain(result["real"], digits=5),
        "runs": plain(result["runs"], digits=5),
    }
    write_atomically(folder / f"{name}.json", json.dumps(content, separators=(",", ":")) + "\n")
    if name == "goal":
        (method,) = result["parameters"]["methods"]
        for theirs, ours in ((method, "goal"), (f"{method} trace", "goal_trace")):
            write_atomically(folder / f"{ours}.safetensors", (run / f"{theirs}.safetensors").read_bytes())
    return name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, nargs="?", default=ROOT / "runs" / "sweeps" / "thousand_modes")
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "results" / "10_thousand_modes")
    asked = parser.parse_args()
    for run in report.finished_folders(asked.sweep):
        print(copy(run, asked.out))
