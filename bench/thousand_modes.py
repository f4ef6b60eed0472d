"""Copy the runs of sweeps/thousand_modes.yaml to where chapter 10 studies them.

    ganlab sweep sweeps/thousand_modes.yaml
    python bench/thousand_modes.py

Reads the sweep's table, runs/sweeps/thousand_modes/table.csv, and writes data/results/10_thousand_modes/NAME.json,
and the combination's generators as goal.safetensors.
"""

import argparse
import csv
import json
from pathlib import Path

from ganlab.train import write_atomically
from ganlab.train.run import plain

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "data" / "results" / "10_thousand_modes"
COMMAND = "ganlab sweep sweeps/thousand_modes.yaml"


def name_of(parameters: dict) -> str:
    """What the notebook calls a run with these parameters."""
    if len(parameters["methods"]) == 1:
        return "goal"
    return "ablation" if "SteadyGAN" in parameters["methods"] else parameters["data"]


def copy(run: Path) -> str:
    """Write one run's numbers, and the goal's generators; the name under which."""
    result, started = (json.loads((run / f"{part}.json").read_text()) for part in ("result", "run"))
    name = name_of(result["parameters"])
    content = {"command": COMMAND, "seconds": round(result["seconds"]), "versions": started["versions"]}
    content |= {
        "parameters": result["parameters"],
        "real": plain(result["real"], digits=5),
        "runs": plain(result["runs"], digits=5),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_atomically(FOLDER / f"{name}.json", json.dumps(content, separators=(",", ":")) + "\n")
    if name == "goal":
        weights = run / f"{result['parameters']['methods'][0]}.safetensors"
        write_atomically(FOLDER / "goal.safetensors", weights.read_bytes())
    return name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, nargs="?", default=ROOT / "runs" / "sweeps" / "thousand_modes")
    with open(parser.parse_args().sweep / "table.csv", newline="") as table:
        for row in csv.DictReader(table):
            print(copy(Path(row["folder"])))
