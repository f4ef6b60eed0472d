"""The stored comparisons follow from their sweep files, by the commands that the chapters name."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from ganlab.protocol import BASELINE, CONTESTANTS, NUMBERS, TARGETS, Budget, compete, of_seeds, tune
from ganlab.sweep import read_sweep, run_sweep, write_table

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def stored(name: str, small: dict, folder: Path) -> Path:
    """What the sweep and its script write, with one run of `small` parameters."""
    spec = yaml.safe_load((ROOT / "sweeps" / f"{name}.yaml").read_text())
    spec |= {"fixed": spec["fixed"] | small, "grid": {}, "list": [{}]}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(spec))
    sweep, runs = read_sweep(file, ROOT / "notebooks"), folder / "runs"
    with ThreadPoolExecutor(1) as pool:
        rows = run_sweep(sweep, runs, pool)
    assert [row.status for row in rows] == ["done"], rows[0].line
    write_table(sweep, rows, runs / "sweeps" / name, "here")
    command = [sys.executable, ROOT / "bench" / f"{name}.py", runs / "sweeps" / name, "--out", folder / "out"]
    subprocess.run(command, check=True, timeout=120)
    return folder / "out"


def test_one_protocol_stores_what_its_functions_find(tmp_path):
    methods = [BASELINE, "PacGAN2"]
    small = {"methods": methods, "targets": ["unequal ring"], "steps": 8, "seeds": 2, "tries": 3, "batch": 16}
    out = stored("one_protocol", small, tmp_path)
    content = json.loads((out / "unequal_ring.json").read_text())
    target, budget = TARGETS["unequal ring"], Budget(steps=8, batch=16)
    assert list(content["runs"]) == methods and content["settings"]["seeds"] == [0, 1]
    for name in methods:
        searched = tune(CONTESTANTS[name], target, 3, [100, 101], budget)
        assert content["tuning"][name]["settings"] == searched.settings
        assert content["runs"][name]["settings"] == searched.best
        found = compete(CONTESTANTS[name], searched.best, target, [0, 1], budget)[8]
        kept = of_seeds(content["runs"][name]["steps"])
        for number in NUMBERS:
            torch.testing.assert_close(kept[number], found[number].double(), rtol=1e-4, atol=1e-4, equal_nan=True)
    table = json.loads((out / "table.json").read_text())
    assert [row["method"] for row in table["rows"]] == 2 * [*methods, *content["bounds"]]


def test_the_combination_of_chapter_10_is_stored_with_its_generators_and_its_trace(tmp_path):
    small = {
        "methods": ["BlockNEMGAN, labels"],
        "steps": 6,
        "looks": 3,
        "look_samples": 100,
        "samples": 100,
        "seeds": 2,
    }
    out = stored("thousand_modes", small, tmp_path)
    content = json.loads((out / "goal.json").read_text())
    (found,) = content["runs"].values()
    assert found["steps"] == [2, 4, 6] and len(found["final_modes"]) == len(found["final_kl"]) == 2
    assert content["parameters"]["seed"] == 3 and set(content["real"]) >= {"modes", "floor"}
    trace = load_file(out / "goal_trace.safetensors")["stacks"]
    assert trace.shape == (3, 10, 3, 8, 8) and trace.dtype == torch.uint8
    weights = load_file(out / "goal.safetensors")
    assert all(len(weight) == 2 for weight in weights.values())  # the seeds


def test_runs_of_single_seeds_are_stored_as_one(tmp_path):
    """The published small networks of chapter 10 train one seed at a time."""
    runs = tmp_path / "thousand_modes_unrolled"
    for seed in (4, 3):  # whatever the order of the folders
        parameters = {"methods": ["GAN"], "networks": "unrolled", "data": "digits", "seed": seed, "seeds": 1}
        found = {"steps": [1, 2], "seconds": [0.5, 1.0], "modes": [[seed], [10 * seed]], "kl": [[6.0], [5.0]]}
        found |= {"final_modes": [100 * seed], "final_kl": [1.0], "channels": [[1.0, 0.0, 0.0]], "dependence": [0.1]}
        (runs / str(-seed)).mkdir(parents=True)
        outcome = {
            "line": "",
            "seconds": 60.4,
            "parameters": parameters,
            "runs": {"GAN": found},
            "real": {"floor": 0.2},
        }
        (runs / str(-seed) / "result.json").write_text(json.dumps(outcome))
        record = {"status": "done", "parameters": parameters, "versions": {}, "chapter": "10_thousand_modes"}
        (runs / str(-seed) / "run.json").write_text(json.dumps(record))
    subprocess.run(
        [sys.executable, ROOT / "bench" / "thousand_modes.py", runs, "--out", tmp_path], check=True, timeout=120
    )
    content = json.loads((tmp_path / "unrolled.json").read_text())
    assert content["parameters"]["seeds"] == 2 and content["parameters"]["seed"] == 3 and content["seconds"] == 121
    assert content["command"] == "ganlab sweep sweeps/thousand_modes_unrolled.yaml"
    joined = content["runs"]["GAN"]
    assert (
        joined["final_modes"] == [300, 400]
        and joined["modes"] == [[3, 4], [30, 40]]
        and joined["seconds"] == [1.0, 2.0]
    )
