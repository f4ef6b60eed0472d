"""Record the runs that the player shows: `python data/traces/make_traces.py` (under a minute).

The traces are the runs of chapters 00 and 01, with their settings and seeds. Other processors round differently, so
a trace made again shows the same story in other places.
"""

from pathlib import Path

import torch

from ganlab.data.mixtures import GaussianMixture, ring
from ganlab.data.store import write_manifest
from ganlab.methods.gan import GAN
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.show import TraceRecorder
from ganlab.train import train

FRAMES = 30


def gan(seed: int, hidden: list[int], **rates: float) -> GAN:
    rng = Streams(seed, "weights")
    return GAN(MLP([2, *hidden, 2], rng), MLP([2, *hidden, 1], rng, scalar=True), rng=rng, **rates)


def record(name: str, title: str, target: GaussianMixture, method: GAN, seed: int, steps: int) -> str:
    """Train, record, save; returns the file's name."""
    recorder = TraceRecorder(target, title)
    recorder.look(0, method)
    train(method, target.batches(128, seed), steps, every=steps // FRAMES, look=recorder.look)
    trace = recorder.trace()
    trace.save(Path(__file__).with_name(name))
    print(f"{name}: {trace.sentences[-1]}")
    return name


def main() -> None:
    torch.set_num_threads(1)
    wide, narrow = ring(8, 2.0, 0.2), ring(8, 2.0, 0.02)
    fast = gan(0, [64, 64, 64], lr=4e-4, generator_lr=2e-3)
    even = gan(0, [64, 64, 64], lr=4e-4)
    files = [
        record("collapse.json", "Generator learns 5 times as fast", wide, fast, 0, 1500),
        record("even_rates.json", "Both learn equally fast", wide, even, 0, 1500),
        *(
            record(f"gan_seed_{seed}.json", f"GAN, seed {seed}", narrow, gan(seed, [64, 64], lr=1e-3), seed, 3000)
            for seed in (0, 1)
        ),
    ]
    write_manifest(
        Path(__file__).parent,
        files,
        title="Recorded runs for the player",
        licence="Apache-2.0",
        source="trained on the 2D mixtures of ganlab.data.mixtures",
        made_by="python data/traces/make_traces.py",
    )


if __name__ == "__main__":
    main()
