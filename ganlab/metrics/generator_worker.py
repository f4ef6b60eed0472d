"""Runs a generator file that the reader trusts, in a process of its own: see `loading.sample_generator`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def load(file: str) -> tuple[Callable[[Tensor], Tensor], int | None]:
    """The generator, and the only batch size that it takes, if it was exported with a fixed one."""
    if file.endswith(".pt2"):
        program = torch.export.load(file)
        return program.module(), _fixed_batch(program)
    return torch.jit.load(file, map_location="cpu").eval(), None


def _fixed_batch(program: torch.export.ExportedProgram) -> int | None:
    for node in program.graph_signature.user_inputs:
        for placeholder in program.graph.nodes:
            if placeholder.op == "placeholder" and placeholder.name == node:
                size = placeholder.meta["val"].shape[0]
                return size if isinstance(size, int) else None
    return None


@torch.no_grad()
def main(file: str, latent: str, n: str, distribution: str, seed: str, out: str) -> None:
    generator, fixed = load(file)
    rng = torch.Generator().manual_seed(int(seed))
    parts: list[np.ndarray] = []
    wanted, made, batch = int(n), 0, fixed or 64
    while made < wanted:
        z = torch.empty(batch, int(latent))
        z = z.normal_(generator=rng) if distribution == "normal" else z.uniform_(-1, 1, generator=rng)
        part = generator(z)
        if not isinstance(part, Tensor) or part.shape[:1] != (batch,):
            raise TypeError(f"the generator returned {getattr(part, 'shape', type(part).__name__)} for {batch} latents")
        parts.append(part.float().numpy())
        made += batch
    np.save(out, np.concatenate(parts)[:wanted])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        sys.exit(f"{type(error).__name__}: {lines[-1] if len(lines[-1]) > 3 else lines[0]}")
