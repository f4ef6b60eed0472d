"""The image runs of chapter 08: one discriminator against K projected ones, at CPU scale.

    python bench/rpgan_images.py digits    # 16 pixels
    python bench/rpgan_images.py fashion   # 32 pixels
    python bench/rpgan_images.py faces     # toy faces, 32 pixels, colour
    python bench/rpgan_images.py faces64   # the same drawn at 64 pixels, the paper's size, networks half as wide
    python bench/rpgan_images.py NAME --times   # only its last part: a step of each arm, timed in turns

Each writes data/results/08_rpgan/NAME.json (numbers) and NAME.png (samples and interpolations of the first seed).
`--arms` and `--seeds` make a part and leave the rest of both files as it is: a file need not hold all arms and seeds.
One process, one thread.

Optimiser settings are the published ones; the width was chosen on seed 100 among a few. Some arms go on for longer
(`times`): the single discriminator for about as many seconds as K = 12 takes, and some to see what becomes of them.
A run's own seconds depend on what else the machine does; the time of a step is therefore measured apart, for all arms
in turns.
"""

import argparse
import copy
import io
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import results
import torch
from jaxtyping import Float
from PIL import Image
from rpgan_common import FOLDER, fastest, standing
from torch import Tensor, nn

from ganlab.data import batches, digits, faces, fashion, to_uint8, to_unit
from ganlab.data.images import Batches
from ganlab.methods.rpgan import RPGAN
from ganlab.metrics.distances import frechet_distance
from ganlab.metrics.features import FeatureNetwork, classifier
from ganlab.nets.dcgan import dcgan_generator
from ganlab.nets.projected import CentredCube, Projected, full_view_convolutions, projected_convolutions
from ganlab.seeds import Streams
from ganlab.train import threads, train, write_atomically

LATENT, BATCH, LR, SAMPLES, SHOWN, FRAMES, LOOKS = 64, 64, 2e-4, 500, 12, 11, 8
SINGLE, WIDE = "one, full view", "one, full view, wide"
ARMS = [SINGLE, WIDE, "K = 1", "K = 4", "K = 12", "K = 48"]


@dataclass
class Plan:
    """What is trained by default: arms on seeds 0 ... 2, those in `times` for so many times the steps."""

    steps: int
    width: int = 16
    arms: tuple[str, ...] = tuple(ARMS[:-1])
    times: dict[str, int] = field(default_factory=dict)
    first: int = 1  # seed 0, whose pictures are kept, goes on for so many times as long as the others


PLANS = {
    "digits": Plan(600, arms=tuple(ARMS), times={SINGLE: 2, "K = 12": 2, "K = 48": 2}),
    "fashion": Plan(600),
    "faces": Plan(320, times={SINGLE: 3}),
    "faces64": Plan(240, width=8, times={SINGLE: 8, WIDE: 4, "K = 12": 3}, first=2),
}


@dataclass
class Data:
    """Training images `(n, channels, side, side)` in [-1, 1], as many others to compare with, and what features."""

    training: Tensor
    held_out: Tensor
    features: FeatureNetwork

    @property
    def side(self) -> int:
        return self.training.shape[-1]

    @property
    def channels(self) -> int:
        return self.training.shape[1]


def load(name: str) -> Data:
    if name == "digits":
        images = to_unit(digits("all", size=16).images)
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        return Data(images[order[SAMPLES:]], images[order[:SAMPLES]], classifier("digits"))
    if name == "fashion":
        training, test = (to_unit(fashion(split, full=False, size=32).images) for split in ("train", "test"))
        return Data(
            training, test[torch.randperm(len(test), generator=torch.Generator().manual_seed(0))], classifier("fashion")
        )
    drawn = to_unit(faces(6000, 64 if name == "faces64" else 32, seed=0).images)
    return Data(drawn[:5000], drawn[5000:], classifier("faces"))


# Arms ---------------------------------------------------------------------------------------------------------


def multiplications(discriminator: Projected, side: int) -> int:
    """For one image, forward, views included."""
    view = getattr(discriminator.view, "weight", None)
    total = 0 if view is None else view.numel() * (side // 2) ** 2
    side = side if view is None else side // 2
    for weight in discriminator.networks.weights:
        side = side // 2 if weight.shape[-1] == 4 else 1
        total += weight.numel() * side * side
    return total


def wide_view(data: Data, budget: int) -> int:
    """The width at which one full-view discriminator has at least `budget` multiplications."""
    width = 1
    while multiplications(full_view_convolutions(data.side, data.channels, width, 0), data.side) < budget:
        width += 1
    return width


def discriminators(arm: str, data: Data, width: int, seed: int) -> Projected:
    """`width` is that of the projected ones' first layer."""
    if arm.startswith("K"):
        return projected_convolutions(data.side, data.channels, int(arm.split()[-1]), width, seed)
    if arm == SINGLE:
        return full_view_convolutions(data.side, data.channels, width // 2, seed)
    budget = multiplications(projected_convolutions(data.side, data.channels, 12, width, seed), data.side)
    return full_view_convolutions(data.side, data.channels, wide_view(data, budget), seed)


# Measures -----------------------------------------------------------------------------------------------------


def frechet(data: Data, images: Tensor) -> float:
    """Fréchet distance to as many held-out images, on the last layer but one of the course's own classifier."""
    return frechet_distance(data.features.of(data.held_out[:SAMPLES]), data.features.of(images)).value


def power_spectrum(images: Float[Tensor, "n channels side side"]) -> Float[Tensor, " rings"]:
    """Mean squared amplitude at each whole frequency 1 ... side / 2 (cycles an image), over images and channels."""
    side = images.shape[-1]
    power = torch.fft.fft2(images.double()).abs().square().mean((0, 1)) / side**2
    frequency = torch.fft.fftfreq(side, 1 / side, dtype=torch.float64)
    ring = (frequency[:, None] ** 2 + frequency**2).sqrt().round().long()
    return torch.stack([power[ring == r].mean() for r in range(1, side // 2 + 1)])


def high_frequency_ratio(generated: Tensor, real: Tensor) -> float:
    """Power in the upper half of the frequencies, generated over real: 1 for a perfect generator."""
    half = len(real) // 2
    return float(generated[half:].sum() / real[half:].sum())


def with_population_statistics(generator: nn.Module, latents: Tensor, batch: Tensor) -> Tensor:
    """Images by a copy whose batch norms hold the statistics of one large batch, as the public code does it."""

    fixed = copy.deepcopy(generator)
    for layer in fixed.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        fixed.train()(batch)
        return fixed.eval()(latents)


def interpolation(generator: nn.Module, seed: int) -> Tensor:
    """Linear between two uniform latents; generator[0] makes normal latents uniform, so they enter behind it."""
    ends = 2 * Streams(seed, "interpolation").uniform(2, LATENT) - 1
    weight = torch.linspace(0, 1, FRAMES)[:, None]
    large = 2 * Streams(seed, "population").uniform(2048, LATENT) - 1
    return with_population_statistics(generator[1:], torch.lerp(ends[0], ends[1], weight), large)


def run(arm: str, data: Data, width: int, seed: int, steps: int, times: int) -> tuple[dict, dict[str, Tensor]]:
    """Train `times * steps` steps. Numbers at LOOKS looks in each `steps`, pictures after `steps` and at the end."""
    rng = Streams(seed, "weights")
    generator = nn.Sequential(CentredCube(), dcgan_generator(data.side, data.channels, LATENT, width, rng))
    method = RPGAN(generator, discriminators(arm, data, width, seed), rng=rng, latent=LATENT, lr=LR)
    reals: Batches = batches(data.training.flatten(1), BATCH, seed)
    held_out, real_spectrum = data.held_out[:SAMPLES].flatten(1), power_spectrum(data.held_out)
    found: dict[str, list] = {"steps": [], "seconds": [], "discriminator_loss": [], "generator_loss": []}
    spent, part, pictures = 0.0, max(1, steps // LOOKS), {}
    for look in range(1, times * LOOKS + 1):
        before = time.process_time()
        history = train(method, reals, part, every=max(1, part // 5))
        spent += time.process_time() - before
        for name in ("discriminator_loss", "generator_loss"):
            found[name] += history[name].tolist()
        images = method.sample(SAMPLES)
        state = {name: float(value) for name, value in standing(method, held_out, images).items()}
        images = images.unflatten(1, data.training.shape[1:])
        spectrum = power_spectrum(images)
        state |= {"frechet": frechet(data, images), "high_frequency": high_frequency_ratio(spectrum, real_spectrum)}
        state |= {"steps": look * part, "seconds": round(spent, 1)}
        for name, value in state.items():
            found.setdefault(name, []).append(value)
        if look == LOOKS:
            found["spectrum"] = spectrum  # where all arms can be compared
        if look in (LOOKS, times * LOOKS):
            between = interpolation(generator, seed).unflatten(1, data.training.shape[1:])
            label = arm if look == LOOKS else f"{arm} ({times}x as long)"
            pictures[label] = to_uint8(torch.cat([images[:SHOWN], between]))
    print(
        f"{arm}, seed {seed}: {spent:.0f} s, Frechet {' '.join(f'{x:.1f}' for x in found['frechet'])}, "
        f"high frequencies {found['high_frequency'][-1]:.2f}, accuracy {found['accuracy'][-1]:.2f}",
        flush=True,
    )
    return found, pictures


# Files --------------------------------------------------------------------------------------------------------


def known_pictures(path: Path, labels: list[str]) -> dict[str, np.ndarray]:
    """The rows of a stored sheet, each (side, across[, 3])."""
    return dict(zip(labels, np.split(np.asarray(Image.open(path)), len(labels)), strict=True)) if labels else {}


def as_row(images: Tensor) -> np.ndarray:
    row = torch.cat(list(images), -1)
    return row[0].numpy() if len(row) == 1 else row.permute(1, 2, 0).contiguous().numpy()


def keep_pictures(path: Path, pictures: dict[str, Tensor]) -> list[str]:
    """Put rows into the sheet, in place of those that these arms had; the labels of all its rows."""
    content = path.with_suffix(".json")
    labels = results.stored(content)["pictures"]["rows"] if path.exists() else []
    made = {label.split(" (")[0] for label in pictures}
    rows = {label: row for label, row in known_pictures(path, labels).items() if label.split(" (")[0] not in made}
    rows |= {label: as_row(images) for label, images in pictures.items()}
    rows = dict(sorted(rows.items(), key=lambda item: (ARMS.index(item[0].split(" (")[0]), item[0])))
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(list(rows.values()))).save(buffer, "PNG", optimize=True)
    write_atomically(path, buffer.getvalue())
    return list(rows)


def times(name: str, plan: Plan, folder: Path, repeats: int = 10) -> None:
    """CPU milliseconds of a training step of each arm: in turns, the smallest of `repeats` times."""
    data, works = load(name), {}
    reals: Batches = batches(data.training.flatten(1), BATCH, 0)
    for arm in plan.arms:
        generator = nn.Sequential(CentredCube(), dcgan_generator(data.side, data.channels, LATENT, plan.width, 0))
        method = RPGAN(generator, discriminators(arm, data, plan.width, 0), rng=Streams(0), latent=LATENT, lr=LR)
        works[arm] = lambda method=method: method.step(next(reals))
    taken = {arm: round(1000 * seconds, 2) for arm, seconds in fastest(works, repeats, time.process_time).items()}
    print(name, taken, flush=True)
    with results.alone("rpgan"):
        results.merge(folder / f"{name}.json", f"python bench/rpgan_images.py {name}", 0, {"milliseconds": taken})


def main(name: str, plan: Plan, seeds: list[int], arms: list[str], folder: Path) -> None:
    data = load(name)
    other = torch.randperm(len(data.training), generator=torch.Generator().manual_seed(1))[:SAMPLES]
    of_held_out, of_others = power_spectrum(data.held_out), power_spectrum(data.training[other])
    content = {
        "settings": {"steps": plan.steps, "width": plan.width, "batch": BATCH, "latent": LATENT, "lr": LR}
        | {"side": data.side, "channels": data.channels, "samples": SAMPLES, "features": data.features.name},
        "real": {
            "frechet": frechet(data, data.training[other]),
            "spectrum": of_held_out,
            "high_frequency": high_frequency_ratio(of_others, of_held_out),
        },
    }
    for seed in seeds:
        for arm in arms:
            started = time.perf_counter()
            longer = plan.times.get(arm, 1) * (plan.first if arm in plan.times and seed == 0 else 1)
            found, pictures = run(arm, data, plan.width, seed, plan.steps, longer)
            built = discriminators(arm, data, plan.width, 0)
            content["multiplications"] = {arm: multiplications(built, data.side)}
            content["weights"] = {arm: sum(w.numel() for w in built.parameters())}
            content["runs"] = {arm: {str(seed): found}}
            with results.alone("rpgan"):
                if seed == 0:
                    rows = keep_pictures(folder / f"{name}.png", pictures)
                    content["pictures"] = {"rows": rows, "shown": SHOWN, "frames": FRAMES}
                command = f"python bench/rpgan_images.py {name}"
                results.merge(folder / f"{name}.json", command, time.perf_counter() - started, content)
            content.pop("pictures", None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=list(PLANS))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--width", type=int, help="first width of a projected discriminator")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", help="all if not given")
    parser.add_argument("--times", action="store_true", help="only measure the time of a step")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    plan = PLANS[arguments.data]
    plan.steps, plan.width = arguments.steps or plan.steps, arguments.width or plan.width
    with threads(1):
        if not arguments.times:
            main(arguments.data, plan, arguments.seeds, arguments.arms or list(plan.arms), arguments.folder)
        times(arguments.data, plan, arguments.folder)
