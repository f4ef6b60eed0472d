"""What K discriminators cost: a training step against K, in two forms, beside the loop that everybody writes.

    python bench/rpgan_cost.py               # 64-pixel images: widths 8, 16 and 32 at K = 12, K = 24 and 48 at width 8
    python bench/rpgan_cost.py --threads 2   # the same on two cores

Each repetition times every form once, one after the other, so that a busy machine slows all alike; the smallest time
of each counts. Beside them stands what the machine can do at best: the multiplications a second of one large matrix
product. Written to data/results/08_rpgan/cost.json (cost_2_threads.json).
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import results
import torch
from rpgan_common import FOLDER, fastest
from rpgan_images import multiplications
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganlab.methods.rpgan import RPGAN
from ganlab.nets.dcgan import dcgan_generator
from ganlab.nets.projected import Projected, full_view_convolutions, projected_convolutions
from ganlab.seeds import Streams
from ganlab.train import threads

SIDE, CHANNELS, BATCH, LATENT = 64, 3, 64, 100


class SeparateNetworks(nn.Module):
    """The discriminators as K modules in a Python loop: what grouping is measured against."""

    def __init__(self, together: Projected):
        super().__init__()
        self.count, self.views, self.networks = together.count, nn.ModuleList(), nn.ModuleList()
        for k in range(together.count):
            view = nn.Conv2d(CHANNELS, 1, 8, 2, 3, bias=False).requires_grad_(False)
            view.weight.copy_(together.view.weight[k : k + 1])
            layers: list[nn.Module] = []
            for weight, bias in zip(together.networks.weights, together.networks.biases, strict=True):
                outputs, inputs, size, _ = weight.shape[1:]
                layer = nn.Conv2d(inputs, outputs, size, 2 if size == 4 else 1, 1 if size == 4 else 0)
                layer.load_state_dict({"weight": weight[k], "bias": bias[k]})
                layers += [layer, nn.LeakyReLU(0.2, inplace=True)]
            self.views.append(view)
            self.networks.append(nn.Sequential(*layers[:-1], nn.Flatten(0)))

    def forward(self, x: Tensor) -> Tensor:
        image = x.view(-1, CHANNELS, SIDE, SIDE)
        return torch.stack([net(view(image)) for view, net in zip(self.views, self.networks, strict=True)])


def discriminators(form: str, count: int, width: int) -> nn.Module:
    if form == "modules":
        return SeparateNetworks(projected_convolutions(SIDE, CHANNELS, count, width, 0))
    return projected_convolutions(SIDE, CHANNELS, count, width, 0, form)


def passes(network: nn.Module, real: Tensor) -> Callable[[], None]:
    """What a step asks of the discriminators alone: forward and backward to the weights, on reals and on fakes."""

    def work() -> None:
        network.zero_grad(set_to_none=True)
        (softplus(-network(real)).mean(1) + softplus(network(-real)).mean(1)).sum().backward()

    return work


def step(network: nn.Module, width: int, real: Tensor) -> Callable[[], None]:
    """A whole training step: generator, discriminators, both optimisers."""
    generator = dcgan_generator(SIDE, CHANNELS, LATENT, width, 0)
    method = RPGAN(generator, network, rng=Streams(0), latent=LATENT, lr=2e-4)
    return lambda: method.step(real)


def work_of(discriminator: Projected) -> int:
    """Multiplications of `passes`: forward, to the weights, to each layer's input, for reals and fakes.

    Views are fixed and their images need no gradient: they go forward only, and first layers have no way further back.
    """
    views = discriminator.view.weight.numel() * (SIDE // 2) ** 2
    first = discriminator.networks.weights[0].numel() * (SIDE // 4) ** 2
    return 2 * BATCH * (3 * multiplications(discriminator, SIDE) - 2 * views - first)


def matrix_rate(size: int = 2048, repeats: int = 5) -> float:
    """Billions of multiplications a second in a product of two matrices, what the arithmetic of the machine allows."""
    a, b = torch.ones(size, size), torch.ones(size, size)
    return size**3 / fastest({"product": lambda: a @ b}, repeats)["product"] / 1e9


def measure(counts: list[int], widths: list[int], repeats: int, cores: int) -> None:
    """Every form at K = 12, apart from the step and within it; at other K the step of the modules and grouped."""
    started, rows = time.perf_counter(), []
    real = Streams(0, "cost").uniform(BATCH, CHANNELS * SIDE * SIDE) * 2 - 1
    for width, count in [(width, 12) for width in widths] + [(widths[0], count) for count in counts]:
        forms = ("modules", "loop", "grouped") if count == 12 else ("modules", "grouped")
        works = {f"step {form}": step(discriminators(form, count, width), width, real) for form in forms}
        works["step full view"] = step(full_view_convolutions(SIDE, CHANNELS, width // 2, 0), width, real)
        if count == 12:
            works |= {f"D {form}": passes(discriminators(form, count, width), real) for form in forms}
        taken = {name: round(1000 * seconds, 2) for name, seconds in fastest(works, repeats).items()}
        rows.append({"width": width, "count": count, "milliseconds": taken})
        if count == 12:
            rows[-1]["multiplications"] = work_of(projected_convolutions(SIDE, CHANNELS, count, width, 0))
        shares = [f"{name} {t / taken[name.split()[0] + ' modules']:.2f}" for name, t in taken.items()]
        growth = taken["step grouped"] / taken["step full view"]
        print(f"width {width}, K {count}: {', '.join(shares)}; {growth:.1f} single steps", flush=True)
    settings = {"side": SIDE, "channels": CHANNELS, "batch": BATCH, "threads": cores, "repeats": repeats}
    content = {"settings": settings, "billion_multiplications_a_second": round(matrix_rate(), 1), "rows": rows}
    command = "python bench/rpgan_cost.py" + (f" --threads {cores}" if cores > 1 else "")
    name = "cost.json" if cores == 1 else f"cost_{cores}_threads.json"
    results.write(FOLDER / name, command, started, content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="*", default=[24, 48])
    parser.add_argument("--widths", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    FOLDER = arguments.folder
    with threads(arguments.threads):
        measure(arguments.counts, arguments.widths, arguments.repeats, arguments.threads)
