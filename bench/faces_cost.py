"""What the papers' runs would cost at best: counted arithmetic against data sheets. Nothing here ran on a GPU.

To make it again:

    python bench/faces_cost.py       # writes data/results/11_celeba/cost.json, 1 minute
"""

import json
from dataclasses import asdict
from pathlib import Path

from ganlab.scale.cost import DEVICES, LAUNCH, cost, hours
from ganlab.scale.settings import namespace, presets, read_settings
from ganlab.train import threads, write_atomically
from ganlab.train.run import versions

OUT = Path(__file__).parents[1] / "data" / "results" / "11_celeba" / "cost.json"


def main() -> None:
    rows = {}
    for name in presets():
        if name.startswith("toyfaces-") and name != "toyfaces-gan":
            continue
        s = namespace(read_settings(name))
        counted = cost(s)
        rows[name] = asdict(counted) | {"images": s.steps * s.batch, "steps": s.steps}
        for device in DEVICES:
            roofs, kernels = hours(s, counted, device)
            rows[name] |= {f"hours, {device.name}": round(roofs, 3), "hours, starting kernels": round(kernels, 3)}
        print(name, rows[name], flush=True)
    sheets = {device.name: {"operations": device.operations, "bytes": device.bytes} for device in DEVICES}
    content = {"command": "python bench/faces_cost.py", "versions": versions(), "computed, not measured": True}
    content |= {"devices": sheets, "seconds to start a kernel (assumed)": LAUNCH, "rows": rows}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(OUT, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    with threads(1):
        main()
