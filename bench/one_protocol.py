"""Copy the runs of sweeps/one_protocol.yaml to where chapter 09 and the site read them.

    python bench/one_protocol.py --costs      # of a step of every contestant; the machine should be idle
    ganlab sweep sweeps/one_protocol.yaml
    python bench/one_protocol.py

Writes data/results/09_one_protocol/TARGET.json, and table.json: means and intervals of all, and differences to the GAN;
with --costs, costs.json, which sets how many steps each has in equal time.
"""

import argparse
import json
from pathlib import Path

from ganlab import report
from ganlab.protocol import (
    BASELINE,
    CONTESTANTS,
    NUMBERS,
    TARGETS,
    Budget,
    head_to_head,
    of_seeds,
    seconds_a_step,
    stored_numbers,
)
from ganlab.train import threads, write_atomically
from ganlab.train.run import plain, versions

ROOT = Path(__file__).parents[1]
COMMAND = "ganlab sweep sweeps/one_protocol.yaml"


def measure_costs(folder: Path) -> None:
    budget, seeds, rounds = Budget(), 10, 7
    settings = {"batch": budget.batch, "width": budget.width, "seeds": seeds, "rounds": rounds}
    with threads(1):
        found = {
            name: seconds_a_step([*CONTESTANTS.values()], target, budget, seeds, rounds)
            for name, target in TARGETS.items()
        }
    content = {"command": "python bench/one_protocol.py --costs", "versions": versions(), "settings": settings}
    content["seconds_a_step"] = plain(found, digits=5)
    write_atomically(folder / "costs.json", json.dumps(content, indent=1) + "\n")


def copy(run: Path, folder: Path) -> list[str]:
    """Write what one run found, a file a target; the targets."""
    result, started = (json.loads((run / f"{part}.json").read_text()) for part in ("result", "run"))
    comparison = json.loads((run / "comparison.json").read_text())
    for target, found in comparison.items():
        content = {"command": COMMAND, "seconds": round(result["seconds"]), "versions": started["versions"], **found}
        text = json.dumps(content, separators=(",", ":")) + "\n"
        write_atomically(folder / f"{target.replace(' ', '_')}.json", text)
    return list(comparison)


def write_table(folder: Path) -> None:
    """A row for each target, clock and method, "mean", "low" and "high" of each number: what a page shows."""
    rows = []
    for name in TARGETS:
        path = folder / f"{name.replace(' ', '_')}.json"
        if not path.exists():
            continue
        content = json.loads(path.read_text())
        settings = content["settings"]
        bounds = head_to_head({bound: of_seeds(numbers) for bound, numbers in content["bounds"].items()})
        for clock in ("steps", "seconds"):
            for row in head_to_head(stored_numbers(content["runs"], clock)) + bounds:
                run = content["runs"].get(row["method"])
                facts = {"method": row["method"], "target": name, "clock": clock, "bound": run is None}
                if run is not None:
                    facts |= {"steps": run[clock]["steps"], "settings": run["settings"]}
                    facts |= {"told": CONTESTANTS[row["method"]].told}
                facts |= {number: named(row[number]) for number in NUMBERS}
                if "difference" in row:
                    facts["difference"] = {number: named(row["difference"][number]) for number in NUMBERS}
                rows.append(facts)
    content = {
        "command": "python bench/one_protocol.py", "baseline": BASELINE, "numbers": NUMBERS,
        "settings": settings, "rows": rows,
    }  # fmt: skip
    write_atomically(folder / "table.json", json.dumps(plain(content, digits=5), indent=1) + "\n")


def named(interval: tuple[float, float, float] | None) -> dict[str, float] | None:
    return None if interval is None else dict(zip(("mean", "low", "high"), interval, strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, nargs="?", default=ROOT / "runs" / "sweeps" / "one_protocol")
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "results" / "09_one_protocol")
    parser.add_argument("--costs", action="store_true", help="only time the steps of every contestant")
    asked = parser.parse_args()
    if asked.costs:
        measure_costs(asked.out)
        raise SystemExit
    for run in report.finished_folders(asked.sweep):
        print(", ".join(copy(run, asked.out)))
    write_table(asked.out)
