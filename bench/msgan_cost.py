"""What the term costs: processor time of a step, written to data/results/05_msgan/cost.json.

    python bench/msgan_cost.py     # in the plane, on classes and on drawings; a minute

One latent, two latents, two latents and the term. The three take turns in blocks of ten steps in one process, so that
other work on the machine meets them alike; the number is the median over blocks of the ratio to the first.
"""

import argparse
import time
from collections.abc import Iterator
from statistics import median

import msgan_2d as plane
import msgan_faces as drawings
import msgan_fashion as classes
import torch

from ganlab.data.conditional import line_drawings
from ganlab.data.images import Batches
from ganlab.methods.msgan import MSGAN, ConditionalGAN
from ganlab.nets.unet import UNet, patch_discriminator
from ganlab.seeds import Streams
from ganlab.train import threads

ARMS = {"one latent": {"draws": 1}, "two latents": {}, "two latents and the term": {"form": "reciprocal"}}
BLOCK = 10


def on_drawings(arm: dict) -> ConditionalGAN:
    rng = Streams(0, "weights")
    players = UNet(drawings.SIDE, 1, 3, 8, drawings.WIDTH, rng), patch_discriminator(drawings.SIDE, 4, 16, rng)
    return (MSGAN if "form" in arm else ConditionalGAN)(*players, rng=rng, latent=8, reconstruction=100.0, **arm)


def on_classes(arm: dict) -> ConditionalGAN:
    return classes.build({"weight": 1.0} if "form" in arm else arm, 0)


def tasks() -> Iterator[tuple[str, dict[str, ConditionalGAN], Iterator]]:
    """Name, the three methods, and batches for them."""
    yield (
        "plane, 10 seeds",
        {n: plane.build(arm, list(range(10))) for n, arm in ARMS.items()},
        plane.TARGET.batches(plane.SETTINGS["batch"], list(range(10))),
    )
    images, labels = torch.randn(320, 256).tanh(), torch.eye(10).repeat(32, 1)
    yield "classes, 16x16", {n: on_classes(arm) for n, arm in ARMS.items()}, Batches(images, 32, 0, labels=labels)
    data = line_drawings(60, drawings.SIDE, 0)
    faces, lines = drawings.flat(data.faces), drawings.flat(data.drawings)
    yield "drawings, 20x20", {n: on_drawings(arm) for n, arm in ARMS.items()}, Batches(faces, 12, 0, labels=lines)


def main(blocks: int) -> None:
    started, found = time.perf_counter(), {}
    for task, methods, batches in tasks():
        spent: dict[str, list[float]] = {name: [] for name in methods}
        for _ in range(blocks + 1):  # the first block warms up
            for name, method in methods.items():
                before = time.process_time()
                for _ in range(BLOCK):
                    method.step(next(batches))
                spent[name].append((time.process_time() - before) / BLOCK)
        first = spent["one latent"][1:]
        ratios = {n: median(b / a for a, b in zip(first, own[1:], strict=True)) for n, own in spent.items()}
        found[task] = {"milliseconds": round(1000 * median(first), 2), "ratios": ratios}
        print(task, found[task], flush=True)
    plane.write("cost", {"settings": {"blocks": blocks, "steps": BLOCK}, "tasks": found}, started,
                "python bench/msgan_cost.py")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=20)
    with threads(1):
        main(parser.parse_args().blocks)
