"""Images a second on each road from where they lie to a float batch on the device.

    python bench/data_throughput.py [--images 20000] [--batch 128] [--seconds 3] [--device auto] [--json FILE]

Roads, for `uint8` images of 3 x size x size, each ending with `to_unit` on the device:

    on the device     the whole set lies there as uint8; indexed there
    in memory         a tensor in RAM; each batch is copied
    mapped            a .npy file mapped from the disk, as `ganlab data import` writes it; each batch is copied
    DataLoader, w     torch's loader over the same mapped file with w worker processes, one item at a time
    drawn             faces drawn as they are needed (CPU)

"cold" is the first pass over a mapped file after asking the system to forget it (Linux); the others are warm. Rounds
take turns, so that a busy machine slows all roads alike; printed are the median and the range over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganlab.data import batches, faces, to_unit
from ganlab.devices import pick_device


def synchronise(device: torch.device) -> None:
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


def rate(batch_of: Iterator[Tensor], device: torch.device, seconds: float) -> float:
    """Images a second of an endless or finite iterator of uint8 batches, converted on the device."""
    to_unit(next(batch_of).to(device))
    synchronise(device)
    start, images = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        chosen = next(batch_of, None)
        if chosen is None:
            break
        to_unit(chosen.to(device, non_blocking=True))
        images += len(chosen)
    synchronise(device)
    return images / (time.perf_counter() - start)


def loader(mapped: Tensor, batch: int, workers: int) -> Iterator[Tensor]:
    data = torch.utils.data.TensorDataset(mapped)
    while True:
        order = torch.utils.data.DataLoader(data, batch, shuffle=True, drop_last=True, num_workers=workers)
        for (images,) in order:
            yield images


def drawn(size: int, batch: int) -> Iterator[Tensor]:
    start = 0
    while True:
        yield faces(batch, size, seed=0, start=start).images
        start += batch


def forget(path: Path) -> bool:
    """Ask the system to drop the file from its cache."""
    if not hasattr(os, "posix_fadvise"):
        return False
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each road in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 2])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device, batch, size = pick_device(options.device), options.batch, options.size

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        shape = (options.images, 3, size, size)
        np.save(path, np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
        mapped = torch.from_numpy(np.load(path, mmap_mode="c"))
        memory = mapped.clone()
        there = memory.to(device)
        roads: dict[str, Callable[[], Iterator[Tensor]]] = {
            "on the device": lambda: batches(there, batch),
            "in memory": lambda: batches(memory, batch, device=device),
            "mapped": lambda: batches(mapped, batch, device=device),
            **{f"DataLoader, {w}": (lambda w=w: loader(mapped, batch, w)) for w in options.workers},
            "drawn": lambda: drawn(size, batch),
        }
        measured: dict[str, list[float]] = {name: [] for name in roads}
        if forget(path):
            measured["mapped, cold"] = [rate(batches(mapped, batch, device=device), device, options.seconds)]
        for _ in range(options.rounds):
            for name, road in roads.items():
                measured[name].append(rate(road(), device, options.seconds))

    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or platform.machine()
    print(f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{options.images:,} images 3x{size}x{size}, batch {batch}; images a second, median [range]")
    for road, rates in measured.items():
        print(f"{road:16} {statistics.median(rates):12,.0f}  [{min(rates):,.0f}, {max(rates):,.0f}]")
    if options.json:
        options.json.write_text(json.dumps({"device": name, "options": vars(options), "rates": measured}, default=str))


if __name__ == "__main__":
    main()
