"""What the training loop adds to a step: `ganlab.train.train` against the same steps in a bare `for` loop.

The difference is far below the noise of a real step, so it is measured with a method whose step does nothing but
return its two losses; then it is set against the time of a real step.

    python bench/loop_overhead.py
"""

import statistics
import time

import torch

from ganlab.data.mixtures import ring
from ganlab.methods.gan import GAN
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.train import threads, train

ROUNDS = 15


class Nothing:
    """A method and its batches, both free."""

    losses = {"discriminator_loss": torch.zeros(()), "generator_loss": torch.zeros(())}

    def step(self, real):
        return self.losses

    def __next__(self):
        return None

    def state_dict(self):
        return {}


def bare(method, batches, steps: int) -> None:
    for _ in range(steps):
        method.step(next(batches))


def seconds_a_step(function, method, batches, steps: int) -> float:
    def once() -> float:
        start = time.perf_counter()
        function(method, batches, steps)
        return (time.perf_counter() - start) / steps

    return statistics.median(once() for _ in range(ROUNDS))


def main() -> None:
    nothing = Nothing()
    with threads(1):
        added = seconds_a_step(train, nothing, nothing, 2000) - seconds_a_step(bare, nothing, nothing, 2000)
        print(f"the loop adds {1e6 * added:.1f} microseconds a step")
        for width, batch in ((64, 128), (128, 256)):
            rng = Streams(0, "weights")
            gan = GAN(MLP([2, width, width, 2], rng), MLP([2, width, width, 1], rng, scalar=True), rng=rng)
            step = seconds_a_step(bare, gan, ring().batches(batch, 0), 100)
            print(f"MLP 2x{width}, batch {batch}: {1e3 * step:.2f} ms a step, so {100 * added / step:.2f} %")


if __name__ == "__main__":
    main()
