"""Chapter 11: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import math

import torch


def parts(x):
    return [x[k] for k in range(len(x))]


WRONG = {
    "scale.decay": [
        ("per-image", lambda half_life, batch: 0.5 ** (1 / half_life) if half_life else 0.0),
        ("steps", lambda half_life, batch: 0.5 ** (1 / (half_life * batch)) if half_life else 0.0),
        ("linear", lambda half_life, batch: 1 - batch / half_life if half_life else 0.0),
        ("linear-half", lambda half_life, batch: 1 - batch / (2 * half_life) if half_life else 0.0),
        ("e", lambda half_life, batch: math.exp(-batch / half_life) if half_life else 0.0),
        ("weight-of-new", lambda half_life, batch: 1 - 2 ** (-batch / half_life) if half_life else 1.0),
        ("zero", lambda half_life, batch: 2 ** (-batch / half_life) if half_life else 1.0),
        ("value", lambda half_life, batch: 0.999),
        ("print", lambda half_life, batch: print(0.5 ** (batch / half_life))),
        ("type", lambda half_life, batch: "0.93"),
    ],
    "scale.own_rows": [
        ("strided", lambda batch, processes, rank: torch.arange(batch)[rank::processes]),
        ("same", lambda batch, processes, rank: torch.arange(0, batch // processes)),
        ("shape", lambda batch, processes, rank: torch.arange(batch)),
        ("shape", lambda batch, processes, rank: rank * batch + torch.arange(batch)),
        ("shape", lambda batch, processes, rank: torch.arange(rank * (batch // processes), batch)[:-1]),
        ("type", lambda batch, processes, rank: slice(rank, batch)),
        ("tuple", lambda batch, processes, rank: list(range(batch // processes))),
        ("signature", lambda batch, processes: torch.arange(batch // processes)),
    ],
    "scale.centre_distance": [
        ("averaged", lambda real, fake: torch.stack(
            [(f.mean(0) - r.mean(0)).norm() for r, f in zip(parts(real), parts(fake), strict=True)]).mean()),
        ("summed", lambda real, fake: sum(
            (f.mean(0) - r.mean(0)).norm() for r, f in zip(parts(real), parts(fake), strict=True))),
        ("first", lambda real, fake: (fake[0].mean(0) - real[0].mean(0)).norm()),
        ("squared", lambda real, fake: (fake.mean((0, 1)) - real.mean((0, 1))).square().sum()),
        ("rows", lambda real, fake: (fake - real).norm(dim=-1).mean()),
        ("coordinates", lambda real, fake: (fake.mean((0, 1)) - real.mean((0, 1))).abs().mean()),
        ("shape", lambda real, fake: (fake.mean(1) - real.mean(1)).norm(dim=-1)),
        ("no-gradient", lambda real, fake: (fake.mean((0, 1)) - real.mean((0, 1))).norm().detach()),
        ("float", lambda real, fake: float((fake.mean((0, 1)) - real.mean((0, 1))).norm())),
    ],
    "scale.roofline": [
        ("arithmetic", lambda operations, moved, peak, bandwidth: peak / operations),
        ("memory", lambda operations, moved, peak, bandwidth: bandwidth / moved),
        ("faster", lambda operations, moved, peak, bandwidth: max(peak / operations, bandwidth / moved)),
        ("added", lambda operations, moved, peak, bandwidth: 1 / (operations / peak + moved / bandwidth)),
        ("seconds", lambda operations, moved, peak, bandwidth: max(operations / peak, moved / bandwidth)),
        ("type", lambda operations, moved, peak, bandwidth: (peak / operations, bandwidth / moved)),
    ],
}  # fmt: skip

RIGHT = {
    "scale.decay": [
        lambda half_life, batch: 2 ** (-batch / half_life) if half_life > 0 else 0.0,
        lambda half_life, batch: math.exp(-math.log(2) * batch / half_life) if half_life else 0.0,
        lambda half_life, batch: 0.0 if half_life == 0 else 0.5 ** (1 / (half_life / batch)),
    ],
    "scale.own_rows": [
        lambda batch, processes, rank: torch.arange(batch).chunk(processes)[rank],
        lambda batch, processes, rank: torch.arange(batch).view(processes, -1)[rank],
        lambda batch, processes, rank: torch.tensor(
            range(rank * (batch // processes), (rank + 1) * (batch // processes))),
    ],
    "scale.centre_distance": [
        lambda real, fake: torch.linalg.vector_norm(fake.flatten(0, 1).mean(0) - real.flatten(0, 1).mean(0)),
        lambda real, fake: (fake - real).mean((0, 1)).norm(),
        lambda real, fake: (real.mean(1).mean(0) - fake.mean(1).mean(0)).square().sum().sqrt(),
    ],
    "scale.roofline": [
        lambda operations, moved, peak, bandwidth: 1 / max(operations / peak, moved / bandwidth),
        lambda operations, moved, peak, bandwidth: sorted([peak / operations, bandwidth / moved])[0],
        lambda operations, moved, peak, bandwidth: torch.tensor([peak / operations, bandwidth / moved]).min(),
    ],
}  # fmt: skip
