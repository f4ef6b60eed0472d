"""Images a second of one training step, ours against the usual one, in one run (needs a quiet machine: 3 minutes).

    python bench/train_step.py       # writes data/results/11_celeba/train_step.json

DCGAN at 64x64, width 64, batch 64. "usual" is the step as most tutorials write it: contiguous layout, float32, Adam as
it comes, the discriminator's gradients computed in the generator's step too. Each arm after it changes one thing more.
"ours" is the step of `ganlab train`. It draws fresh latents for the generator's step, as the course's GAN does, so it
has a pass of the generator more than the others, which use their fakes twice.

The arms take turns, a few steps each, so that whatever else slows the machine slows all of them. Arithmetic is counted
(multiplications and additions of convolutions and matrix products), and set against what the machine reaches in a
product of two 2048x2048 matrices, measured in the same run.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import softplus
from torch.utils.flop_counter import FlopCounterMode

from ganlab.methods.gan import frozen
from ganlab.nets.dcgan import dcgan_discriminator, dcgan_generator
from ganlab.scale import players, trainer
from ganlab.scale.pictures import Pictures
from ganlab.scale.settings import complete, namespace
from ganlab.train import write_atomically
from ganlab.train.run import versions

OUT = Path(__file__).parents[1] / "data" / "results" / "11_celeba" / "train_step.json"
SIDE, WIDTH, LATENT = 64, 64, 100


class Usual:
    """A DCGAN step with switches for what is not usual."""

    def __init__(self, freeze=False, fused=False, channels_last=False, bf16=False):
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.generator = dcgan_generator(SIDE, 3, LATENT, WIDTH, 0).to(memory_format=layout)
        self.discriminator = dcgan_discriminator(SIDE, 3, WIDTH, 1).to(memory_format=layout)
        self.optimisers = [
            torch.optim.Adam(p.parameters(), lr=2e-4, betas=(0.5, 0.999), **({"fused": True} if fused else {}))
            for p in (self.generator, self.discriminator)
        ]
        self.freeze, self.bf16 = freeze, bf16

    def step(self, real):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            fake = self.generator(torch.randn(len(real), LATENT))
            real_logits, fake_logits = self.discriminator(real), self.discriminator(fake.detach())
            loss = softplus(-real_logits.float()).mean() + softplus(fake_logits.float()).mean()
        self.descend(loss, 1)
        with frozen(*([self.discriminator] if self.freeze else [])):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
                logits = self.discriminator(fake)
            self.descend(softplus(-logits.float()).mean(), 0)

    def descend(self, loss, which):
        self.optimisers[which].zero_grad()
        loss.backward()
        self.optimisers[which].step()


def ours(precision: str, batch: int):
    s = namespace(complete({"size": SIDE, "width": WIDTH, "latent": LATENT, "batch": batch, "precision": precision}))
    nothing = Pictures(torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8), None, (), "nothing")
    method = players.build(s, nothing)
    trainer._prepare(method, trainer._accelerator(s), compiled=False)
    return method


def matrix_product(dtype: torch.dtype, n: int = 2048, times: int = 5) -> float:
    """Operations a second, at best."""
    a, b = torch.randn(n, n, dtype=dtype), torch.randn(n, n, dtype=dtype)
    a @ b
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * n**3 / min(seconds)


def operations(method, real) -> int:
    """Multiplications and additions of one step, each counted as one."""
    with FlopCounterMode(display=False) as counter:
        method.step(real)
    return counter.get_total_flops()


def main(batch: int, rounds: int, steps: int) -> None:
    arms: dict[str, nn.Module] = {
        "usual": Usual(),
        "+ discriminator frozen in the generator's step": Usual(freeze=True),
        "+ fused Adam": Usual(freeze=True, fused=True),
        "+ channels_last": Usual(freeze=True, fused=True, channels_last=True),
        "+ bf16": Usual(freeze=True, fused=True, channels_last=True, bf16=True),
        "ours, float32": ours("no", batch),
        "ours, bf16": ours("bf16", batch),
    }
    flat = torch.rand(batch, 3 * SIDE**2) * 2 - 1
    counted = {name: operations(arm, flat) for name, arm in arms.items()}  # warms them up as well
    ceilings = {"float32": [], "bfloat16": []}
    seconds = {name: [] for name in arms}
    for _ in range(rounds):
        for name, arm in arms.items():
            start = time.perf_counter()
            for _ in range(steps):
                arm.step(flat)
            seconds[name].append((time.perf_counter() - start) / steps)
        for name in ceilings:
            ceilings[name].append(matrix_product(getattr(torch, name)))
    ceiling = {name: statistics.median(values) for name, values in ceilings.items()}
    base, rows = statistics.median(seconds["usual"]), {}
    for name, values in seconds.items():
        middle = statistics.median(values)
        precision = "bfloat16" if "bf16" in name else "float32"
        rows[name] = {
            "images_per_second": round(batch / middle, 2),
            "ratio": round(base / middle, 3),
            "gflop_per_image": round(counted[name] / batch / 1e9, 3),
            "share_of_ceiling": round(counted[name] / middle / ceiling[precision], 3),
        }
        print(f"{name:50} {rows[name]}", flush=True)
    content = {
        "command": "python bench/train_step.py",
        "versions": versions() | {"threads": torch.get_num_threads()},
        "settings": {"side": SIDE, "width": WIDTH, "latent": LATENT, "batch": batch, "rounds": rounds, "steps": steps},
        "matrix_product_gflops": {name: round(value / 1e9, 1) for name, value in ceiling.items()},
        "rows": rows,
    }
    print(content["matrix_product_gflops"])
    OUT.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(OUT, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2)
    arguments = parser.parse_args()
    main(arguments.batch, arguments.rounds, arguments.steps)
