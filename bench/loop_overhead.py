"""What the training loop costs: `ganlab.train.train` against the same steps in a bare `for` loop.

Both forms run in turns in one process, so that a busy machine slows them alike; the ratio is what counts.

    python bench/loop_overhead.py [--steps 300] [--rounds 15]
"""

import argparse
import statistics
import time

from ganlab.data.mixtures import ring
from ganlab.methods.gan import GAN
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.train import threads, train


def build(width: int, batch: int):
    rng = Streams(0, "weights")
    gan = GAN(MLP([2, width, width, 2], rng), MLP([2, width, width, 1], rng, scalar=True), rng=rng)
    return gan, ring().batches(batch, 0)


def bare(method, batches, steps: int) -> None:
    for _ in range(steps):
        method.step(next(batches))


def seconds(function, *arguments) -> float:
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with threads(1):
        for width, batch in ((64, 128), (128, 256)):
            method, batches = build(width, batch)
            bare(method, batches, 50)
            ratios = []
            for turn in range(options.rounds):
                # The order alternates, so that neither form always follows the other.
                forms = [bare, train] if turn % 2 else [train, bare]
                taken = {form: seconds(form, method, batches, options.steps) for form in forms}
                ratios.append(taken[train] / taken[bare] - 1)
            low, *_, high = sorted(ratios)
            print(
                f"MLP 2x{width}, batch {batch}: the loop adds {100 * statistics.median(ratios):.1f} % "
                f"of processor time (median of {options.rounds} rounds, {100 * low:.1f} to {100 * high:.1f})"
            )


if __name__ == "__main__":
    main()
