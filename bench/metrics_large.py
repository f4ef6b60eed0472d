"""PRDC, NDB and Fréchet distance on many large feature vectors: time, and peak memory of the process.

    python bench/metrics_large.py --samples 50000 --features 2048

Each step runs in a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import torch

STEPS = ("prdc", "ndb", "frechet")


def features(n: int, d: int, seed: int, device: str) -> torch.Tensor:
    """Unit-variance float32 vectors on a curved 64-dimensional sheet, as the features of a network are."""
    rng = torch.Generator(device).manual_seed(seed)
    shared = torch.Generator(device).manual_seed(99)
    into = torch.randn(64, d, generator=shared, device=device) / 8
    parts = [
        (torch.randn(min(5000, n - start), 64, generator=rng, device=device) @ into).tanh_()
        for start in range(0, n, 5000)
    ]
    return torch.cat(parts)


def measure(step: str, n: int, d: int, device: str) -> None:
    from ganlab.metrics.distances import frechet_distance
    from ganlab.metrics.ndb import ndb
    from ganlab.metrics.prdc import prdc

    real, generated = features(n, d, 0, device), features(n, d, 1, device)
    functions = {
        "prdc": lambda: prdc(real, generated),
        "ndb": lambda: ndb(real, generated, bins=100),
        "frechet": lambda: frechet_distance(real, generated, batch=1000),
    }
    start = time.perf_counter()
    result = functions[step]()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if device != "cpu":
        peak = torch.cuda.max_memory_allocated() / 2**30
    print(f"{step:8} {n} x {d} on {device}: {seconds:7.1f} s, peak {peak:.1f} GB", flush=True)
    print("  " + str(result).replace("\n", "\n  "), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=2048)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--alone", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        measure(options.alone, options.samples, options.features, options.device)
        return
    for step in options.steps:
        command = [sys.executable, __file__, "--alone", step, "--device", options.device]
        size = ["--samples", str(options.samples), "--features", str(options.features)]
        subprocess.run([*command, *size], check=True)


if __name__ == "__main__":
    main()
