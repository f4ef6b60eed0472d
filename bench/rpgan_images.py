"""The image runs of chapter 08: one discriminator against K projected ones, at CPU scale.

    python bench/rpgan_images.py digits    # 16 pixels, 2 seeds; the only one stored so far
    python bench/rpgan_images.py fashion   # 32 pixels
    python bench/rpgan_images.py faces     # toy faces, 32 pixels, colour

Each writes data/results/08_rpgan/NAME.json (numbers) and NAME.png (samples and interpolations of the first seed).
Optimiser settings are the published ones; the width was chosen on seed 100 among a few. One process, one thread.
"""

import argparse
import copy
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
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
from ganlab.train.run import plain, versions

FOLDER = Path(__file__).parents[1] / "data" / "results" / "08_rpgan"
LATENT, BATCH, LR, SAMPLES, SHOWN, FRAMES = 64, 64, 2e-4, 500, 12, 11
STEPS = {"digits": 600, "fashion": 600, "faces": 500}


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
    drawn = to_unit(faces(6000, 32, seed=0).images)
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
    if arm == "one, full view":
        return full_view_convolutions(data.side, data.channels, width // 2, seed)
    budget = multiplications(projected_convolutions(data.side, data.channels, 12, width, seed), data.side)
    return full_view_convolutions(data.side, data.channels, wide_view(data, budget), seed)


ARMS = ["one, full view", "one, full view, wide", "K = 4", "K = 12"]


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


def run(arm: str, data: Data, width: int, seed: int, steps: int, looks: int) -> tuple[dict, Tensor]:
    rng = Streams(seed, "weights")
    generator = nn.Sequential(CentredCube(), dcgan_generator(data.side, data.channels, LATENT, width, rng))
    method = RPGAN(generator, discriminators(arm, data, width, seed), rng=rng, latent=LATENT, lr=LR)
    reals: Batches = batches(data.training.flatten(1), BATCH, seed)
    real_spectrum = power_spectrum(data.held_out)
    record = {"steps": [], "seconds": [], "frechet": [], "high_frequency": [], "accuracy": []}
    losses = {"discriminator_loss": [], "generator_loss": []}
    spent = 0.0
    for look in range(looks):
        before = time.process_time()
        history = train(method, reals, steps // looks, every=max(1, steps // looks // 4))
        spent += time.process_time() - before
        for name, values in losses.items():
            values += history[name].tolist()
        made = method.sample(SAMPLES)
        with torch.no_grad():
            real_logits = method.discriminator(data.held_out[:SAMPLES].flatten(1))
            fake_logits = method.discriminator(made)
        accuracy = ((real_logits > 0).float().mean() + (fake_logits <= 0).float().mean()) / 2
        images = made.unflatten(1, data.training.shape[1:])
        spectrum = power_spectrum(images)
        record["steps"].append((look + 1) * (steps // looks))
        record["seconds"].append(round(spent, 1))
        record["frechet"].append(frechet(data, images))
        record["high_frequency"].append(high_frequency_ratio(spectrum, real_spectrum))
        record["accuracy"].append(float(accuracy))
    found = record | losses | {"spectrum": spectrum}
    print(
        f"{arm}, seed {seed}: {spent:.0f} s, Frechet {' '.join(f'{x:.1f}' for x in record['frechet'])}, "
        f"high frequencies {record['high_frequency'][-1]:.2f}, accuracy {record['accuracy'][-1]:.2f}",
        flush=True,
    )
    pictures = torch.cat([images[:SHOWN], interpolation(generator, seed).unflatten(1, data.training.shape[1:])])
    return found, pictures


def main(name: str, steps: int, seeds: list[int], width: int, arms: list[str], looks: int, save: bool) -> None:
    started, data = time.perf_counter(), load(name)
    runs, rows = {arm: [] for arm in arms}, []
    for seed in seeds:
        for arm in arms:
            found, pictures = run(arm, data, width, seed, steps, looks)
            runs[arm].append(found)
            if seed == seeds[0]:
                rows.append(pictures)
    if not save:
        return
    other = torch.randperm(len(data.training), generator=torch.Generator().manual_seed(1))[:SAMPLES]
    real = data.training[other]
    budgets = {arm: multiplications(discriminators(arm, data, width, 0), data.side) for arm in arms}
    weights = {arm: sum(w.numel() for w in discriminators(arm, data, width, 0).parameters()) for arm in arms}
    content = {
        "command": f"python bench/rpgan_images.py {name}",
        "seconds": round(time.perf_counter() - started),
        "versions": versions(),
        "settings": {"steps": steps, "seeds": seeds, "width": width, "batch": BATCH, "latent": LATENT, "lr": LR}
        | {"side": data.side, "channels": data.channels, "samples": SAMPLES, "features": data.features.name},
        "pictures": {"rows": arms, "shown": SHOWN, "frames": FRAMES},
        "multiplications": budgets,
        "weights": weights,
        "real": {
            "frechet": frechet(data, real),
            "spectrum": power_spectrum(data.held_out),
            "high_frequency": high_frequency_ratio(power_spectrum(real), power_spectrum(data.held_out)),
        },
        "runs": runs,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_atomically(FOLDER / f"{name}.json", json.dumps(rounded(plain(content)), separators=(",", ":")) + "\n")
    sheet = torch.cat([torch.cat(list(to_uint8(row)), -1) for row in rows], -2)
    picture = Image.fromarray(sheet[0].numpy() if len(sheet) == 1 else sheet.permute(1, 2, 0).contiguous().numpy())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    write_atomically(FOLDER / f"{name}.png", buffer.getvalue())


def rounded(value):
    """Floats to five significant digits, to keep the file small."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=["digits", "fashion", "faces"])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--looks", type=int, default=8)
    parser.add_argument("--arms", nargs="+", default=ARMS)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--dry", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    FOLDER = arguments.folder
    chosen = list(range(arguments.first, arguments.first + arguments.seeds))
    with threads(1):
        main(
            arguments.data,
            arguments.steps or STEPS[arguments.data],
            chosen,
            arguments.width,
            arguments.arms,
            arguments.looks,
            not arguments.dry,
        )
