"""A few steps of every method in float64, in as many processes as torchrun starts; process 0 saves the states.

To run it by hand:

    torchrun --nproc-per-node 2 tests/scale/in_processes.py FOLDER
"""

import sys
from pathlib import Path

import torch

from ganlab.data.images import to_unit
from ganlab.data.toyfaces import faces
from ganlab.scale import trainer
from ganlab.scale.pictures import Pictures
from ganlab.scale.players import build
from ganlab.scale.settings import METHODS, complete, namespace
from ganlab.train import save_checkpoint

SETTINGS = {"width": 4, "latent": 8, "batch": 8}
OWN = {
    "nemgan": {"prior_start": 1, "supervise_every": 2, "labelled": 40},
    "nemgan wasserstein": {"adversary": "wasserstein", "labelled": 40},
    "rpgan": {"discriminators": 3, "projected_width": 2},
}


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    drawn = faces(64, 32, 0)
    data = Pictures(drawn.images, drawn.attributes, drawn.names, drawn.name)
    reals = to_unit(drawn.images).flatten(1).double()
    torch.set_default_dtype(torch.float64)
    for name in (*METHODS, "nemgan wasserstein"):
        s = namespace(complete({**SETTINGS, "method": name.split()[0], **OWN.get(name, {})}))
        method = build(s, data)
        accelerator = trainer._accelerator(s)
        trainer._prepare(method, accelerator, compiled=False)
        if s.method == "nemgan":
            method.labelled.real = method.labelled.real.double()
        for step in range(3):
            rows = slice(8 * step, 8 * step + 8)
            real = reals[rows]
            method.step((real, data.conditions(s.conditions)[rows].double()) if s.method == "msgan" else real)
        if accelerator.is_main_process:
            state = {"state": method.state_dict(), "n": accelerator.num_processes}
            save_checkpoint(folder / f"{name}.safetensors", state)
        accelerator.wait_for_everyone()
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
