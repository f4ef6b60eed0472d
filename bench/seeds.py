"""Many seeds at once: GAN-steps a second (a discriminator step and a generator step) of each form, in one run.

    python bench/seeds.py [--seeds 16] [--seconds 4] [--rounds 3]

The usual script is a plain `nn.Sequential` GAN with PyTorch's default threads and default Adam, a seed at a time.
"""

import argparse
import statistics
import time

import torch
from torch import nn

from ganlab.data.mixtures import ring
from ganlab.methods.gan import GAN, discriminator_loss, generator_loss
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.train import available_cores, side_by_side, threads


class UsualScript:
    """One GAN as it is usually written."""

    def __init__(self, width: int, batch: int):
        self.generator = nn.Sequential(
            nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
        )
        self.discriminator = nn.Sequential(
            nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1), nn.Flatten(0)
        )
        self.optimisers = [
            torch.optim.Adam(player.parameters(), lr=1e-3, betas=(0.5, 0.999))
            for player in (self.discriminator, self.generator)
        ]
        self.target, self.batch = ring(), batch
        self.rng = Streams(0, "data")

    def step(self) -> None:
        real = self.target.sample(self.batch, self.rng)
        fake = self.generator(torch.randn(self.batch, 2)).detach()
        loss = discriminator_loss(self.discriminator(real), self.discriminator(fake))
        self.optimisers[0].zero_grad()
        loss.backward()
        self.optimisers[0].step()
        loss = generator_loss(self.discriminator(self.generator(torch.randn(self.batch, 2))))
        self.optimisers[1].zero_grad()
        loss.backward()
        self.optimisers[1].step()


class Batched:
    """Several seeds of the package's GAN as one batch."""

    def __init__(self, seeds: list[int], width: int, batch: int):
        rng = Streams(seeds, "weights")
        self.gan = GAN(MLP([2, width, width, 2], rng), MLP([2, width, width, 1], rng, scalar=True), rng=rng)
        self.batches = ring().batches(batch, seeds)

    def step(self) -> None:
        self.gan.step(next(self.batches))


def rate(trainer, seconds: float) -> float:
    """Steps a second, after a few to warm up."""
    for _ in range(5):
        trainer.step()
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        trainer.step()
        steps += 1
    return steps / (time.perf_counter() - start)


def in_processes(seeds: int, width: int, batch: int, seconds: float) -> float:
    def function(group: list[int]) -> dict:
        return {"rate": [rate(Batched(group, width, batch), seconds)] * len(group)}

    side_by_side(function, range(seeds))  # starts the processes
    return float(side_by_side(function, range(seeds))["rate"].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    default, cores, n = torch.get_num_threads(), available_cores(), options.seeds
    print(f"{cores} cores, torch {torch.__version__} with {default} threads by default")
    for width, batch in ((64, 128), (128, 256)):
        forms = {
            "the usual script, default threads": lambda w=width, b=batch: threaded(
                default, lambda: rate(UsualScript(w, b), options.seconds)
            ),
            "the usual script, one thread": lambda w=width, b=batch: threaded(
                1, lambda: rate(UsualScript(w, b), options.seconds)
            ),
            f"{n} seeds batched, default threads": lambda w=width, b=batch: threaded(
                default, lambda: n * rate(Batched(list(range(n)), w, b), options.seconds)
            ),
            f"{n} seeds batched, one thread": lambda w=width, b=batch: threaded(
                1, lambda: n * rate(Batched(list(range(n)), w, b), options.seconds)
            ),
            f"{n} seeds batched in {cores} processes": lambda w=width, b=batch: in_processes(n, w, b, options.seconds),
        }
        rates = {name: [] for name in forms}
        for _ in range(options.rounds):
            for name, form in forms.items():
                rates[name].append(form())
        usual = statistics.median(rates["the usual script, default threads"])
        print(f"\nMLP 2x{width}, batch {batch}: GAN-steps a second, median of {options.rounds} rounds")
        for name, found in rates.items():
            print(f"  {name:36} {statistics.median(found):7.0f}   {statistics.median(found) / usual:5.1f} x")


def threaded(count: int, function) -> float:
    with threads(count):
        return function()


if __name__ == "__main__":
    main()
