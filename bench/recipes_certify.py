"""Certify the recipes: run each from seeds 0 to 9 and write what came out to data/expected/recipes.json.

To make it again:

    python bench/recipes_certify.py                 # all of them
    python bench/recipes_certify.py momentum        # some; the others keep their numbers
    python bench/recipes_certify.py --seeds 1000 10 --dry   # look at the seeds on which settings were chosen
"""

import argparse
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from ganlab.recipes import MEASURED, recipe, recipes, run
from ganlab.train import available_cores, write_atomically
from ganlab.train.run import versions

FILE = Path(__file__).parents[1] / "data" / "expected" / "recipes.json"
NUMBERS = [*(name for name in MEASURED if name != "favourite"), "discriminator_loss", "generator_loss"]


def certify(name: str, seeds: range) -> dict:
    chosen = recipe(name)
    started = time.perf_counter()
    result = run(chosen, seeds)
    seconds = time.perf_counter() - started
    return {
        "settings": asdict(chosen.settings),
        "claim": str(chosen.claim),
        "holds": chosen.claim.holds(result.modes),
        "modes": result.modes.tolist(),
        "high_quality": [round(value, 3) for value in result["high_quality"][:, -1].tolist()],
        "late": {key: round(result.late(key), 4) for key in [*NUMBERS, "visited"]},
        "seconds": round(seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="recipes (all when none is named)")
    parser.add_argument("--seeds", nargs=2, type=int, default=[0, 10], metavar=("FIRST", "NUMBER"))
    parser.add_argument("--dry", action="store_true", help="print only")
    asked = parser.parse_args()
    seeds = range(asked.seeds[0], sum(asked.seeds))
    found = json.loads(FILE.read_text())["recipes"] if FILE.exists() else {}
    for name in asked.names or recipes():
        found[name] = certify(name, seeds)
        one = found[name]
        mark = "holds" if one["holds"] else "FAILS"
        print(f"{name:28} {one['seconds']:5.1f} s  {mark}  {sorted(one['modes'])}  {one['late']}", flush=True)
        if not asked.dry:
            content = {
                "what": "modes covered at the end, one number a seed, of each recipe in ganlab/recipes.yaml; "
                "late: means over seeds and over the second half of the training",
                "made_by": "bench/recipes_certify.py",
                "seeds": list(seeds),
                "cores": available_cores(),
                "load": round(os.getloadavg()[0], 1),  # seconds mean little on a busy machine
                "versions": versions(),
                "recipes": {key: found[key] for key in recipes() if key in found},
            }
            write_atomically(FILE, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
