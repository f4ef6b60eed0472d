"""The head-to-head of chapter 09, each target written to data/results/09_one_protocol/TARGET.json. One thread.

    python bench/one_protocol.py tune      # 8 tries from 2 tuning seeds for each method and target: about 12 minutes
    python bench/one_protocol.py compare   # the winners from 10 other seeds, at equal steps and equal time: 10 minutes
    python bench/one_protocol.py table     # table.json: means and intervals of all of it, and differences to the GAN

`--targets` and `--methods` run a part; what else a file holds stays, and what is there already is not run again. The
same by `ganlab sweep`, in parallel: sweeps/one_protocol_tuning.yaml and sweeps/one_protocol.yaml.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import torch

from ganlab.protocol import (
    BASELINE,
    CONTESTANTS,
    NUMBERS,
    SAMPLES,
    TARGETS,
    Budget,
    Tuning,
    compete,
    equal_time_steps,
    head_to_head,
    of_seeds,
    real_and_collapsed,
    seconds_a_step,
    stored_numbers,
    tune,
)
from ganlab.train import threads, write_atomically
from ganlab.train.run import plain, versions

FOLDER = Path(__file__).parents[1] / "data" / "results" / "09_one_protocol"
TRIES, TUNING_SEEDS = 8, [100, 101]


def path_of(target: str) -> Path:
    return FOLDER / f"{target.replace(' ', '_')}.json"


def read(target: str) -> dict:
    path = path_of(target)
    return json.loads(path.read_text()) if path.exists() else {"seconds": 0, "tuning": {}, "runs": {}}


def write(target: str, content: dict, seconds: float) -> None:
    rounded = plain(content, digits=5)
    rounded["seconds"] = round(content["seconds"] + seconds)
    for part in ("tuning", "runs"):
        rounded[part] = {name: rounded[part][name] for name in CONTESTANTS if name in rounded[part]}
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_atomically(path_of(target), json.dumps(rounded, separators=(",", ":")) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["tune", "compare", "table"])
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    parser.add_argument("--methods", nargs="+", default=list(CONTESTANTS), choices=list(CONTESTANTS))
    parser.add_argument("--steps", type=int, default=Budget().steps)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    global FOLDER
    FOLDER = asked.folder or FOLDER
    if asked.stage == "table":
        write_table(asked.targets)
        return
    with threads(1):
        for target in asked.targets:
            budget = Budget(steps=asked.steps)
            (tune_all if asked.stage == "tune" else compare_all)(
                target, asked.methods, budget, list(range(asked.seeds))
            )


def tune_all(name: str, methods: list[str], budget: Budget, seeds: list[int]) -> None:
    target, known = TARGETS[name], read(name)
    command = "python bench/one_protocol.py tune && python bench/one_protocol.py compare"
    facts = asdict(budget) | {"tries": TRIES, "tuning_seeds": TUNING_SEEDS, "seeds": seeds, "samples": SAMPLES}
    content = {"command": command, **known, "versions": versions(), "settings": facts}
    started = time.perf_counter()
    content.setdefault("bounds", real_and_collapsed(target, seeds))
    content.setdefault("seconds_a_step", seconds_a_step([*CONTESTANTS.values()], target, budget))
    for method in methods:
        contestant = CONTESTANTS[method]
        if method in content["tuning"] or not contestant.space:
            continue
        found = tune(contestant, target, TRIES, TUNING_SEEDS, budget)
        content["tuning"][method] = {"settings": found.settings, "scores": found.scores}
        write(name, content, time.perf_counter() - started)
        print(f"{name}, {method}: {found.scores.mean(1).max():.3f} with {found.best}", flush=True)


def compare_all(name: str, methods: list[str], budget: Budget, seeds: list[int]) -> None:
    target, content = TARGETS[name], read(name)
    started, cost = time.perf_counter(), content["seconds_a_step"]
    for method in methods:
        if method in content["runs"]:
            continue
        settings = CONTESTANTS[method].usual
        if tuning := content["tuning"].get(method):
            settings = Tuning(tuning["settings"], torch.tensor(tuning["scores"])).best
        timed = equal_time_steps(method, cost, budget)
        before = time.process_time()
        found = compete(CONTESTANTS[method], settings, target, seeds, budget, at=[budget.steps, timed])
        content["runs"][method] = {
            "settings": settings,
            "steps": {"steps": budget.steps, **found[budget.steps]},
            "seconds": {"steps": timed, **found[timed]},
            "cpu_seconds": time.process_time() - before,
        }
        write(name, content, time.perf_counter() - started)
        score = {
            clock: round(float(content["runs"][method][clock]["in_place"].mean()), 3) for clock in ("steps", "seconds")
        }
        print(f"{name}, {method}: {score} after {budget.steps} and {timed} steps", flush=True)


def write_table(targets: list[str]) -> None:
    """A row for each target, clock and method, "mean", "low" and "high" of each number: what a page shows."""
    rows = []
    for name in targets:
        content = read(name)
        if set(content["runs"]) < set(CONTESTANTS):
            print(f"{name}: not whole yet, left out")
            continue
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
        "command": "python bench/one_protocol.py table", "baseline": BASELINE, "numbers": NUMBERS,
        "settings": settings, "rows": rows,
    }  # fmt: skip
    write_atomically(FOLDER / "table.json", json.dumps(plain(content, digits=5), indent=1) + "\n")


def named(interval: tuple[float, float, float] | None) -> dict[str, float] | None:
    return None if interval is None else dict(zip(("mean", "low", "high"), interval, strict=True))


if __name__ == "__main__":
    main()
