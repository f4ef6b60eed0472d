"""The paper's grid search in miniature (section 4.1): many settings, GAN against Regularized GAN, MODE scores.

    python bench/mdgan_digits.py          # 24 of the 2,592 settings on 8x8 digits, one seed: 5 minutes

The paper's layer widths are divided by 8, its 784 pixels are 64 here, and a setting trains for 800 steps. Written to
data/results/04_mdgan/digits.json.
"""

import argparse
import itertools
import random
import time

import torch
from mdgan_2d import write
from torch import Tensor, nn

from ganlab.data.classifiers import logits
from ganlab.data.images import to_unit
from ganlab.data.real import digits
from ganlab.methods.gan import GAN
from ganlab.methods.mdgan import RegularizedGAN
from ganlab.metrics.scores import class_balance_kl, mode_score
from ganlab.seeds import Streams
from ganlab.train import threads

GRID = {
    "layers_g": [2, 3, 4],
    "layers_d": [2, 3, 4],
    "size_g": [400, 800, 1600, 3200],
    "size_d": [256, 512, 1024],
    "dropout_d": [True, False],
    "optimiser_g": ["SGD", "Adam"],
    "optimiser_d": ["SGD", "Adam"],
    "lr": [1e-2, 1e-3, 1e-4],
}
SHRINK, LATENT, PIXELS, BATCH = 8, 16, 64, 64
LAMBDA1, LAMBDA2 = 0.2, 0.4  # section 4.1.1


def layers(inputs: int, hidden: int, depth: int, outputs: int, dropout: bool = False) -> nn.Sequential:
    """`depth` hidden layers of `hidden` ReLU units."""
    built: list[nn.Module] = []
    for width in [inputs] + [hidden] * (depth - 1):
        built += [nn.Linear(width, hidden), nn.ReLU()] + [nn.Dropout(0.5)] * dropout
    return nn.Sequential(*built, nn.Linear(hidden, outputs))


def trained(setting: dict, regularised: bool, real: Tensor, steps: int, seed: int) -> Tensor:
    """2,000 generated digits (n, 64) of a GAN, or a Regularized GAN, with this setting."""
    torch.manual_seed(seed)
    size_g, size_d = setting["size_g"] // SHRINK, setting["size_d"] // SHRINK
    generator = nn.Sequential(layers(LATENT, size_g, setting["layers_g"], PIXELS), nn.Tanh())
    flat = nn.Flatten(0)
    discriminator = nn.Sequential(layers(PIXELS, size_d, setting["layers_d"], 1, setting["dropout_d"]), flat)
    common = {"rng": Streams(seed), "latent": LATENT, "lr": setting["lr"]}
    if regularised:
        encoder = layers(PIXELS, size_g, setting["layers_g"], LATENT)
        method = RegularizedGAN(generator, discriminator, encoder, lambda1=LAMBDA1, lambda2=LAMBDA2, **common)
    else:
        method = GAN(generator, discriminator, **common)
    if setting["optimiser_g"] == "SGD":
        method.generator_optimiser = torch.optim.SGD(generator.parameters(), setting["lr"])
    if setting["optimiser_d"] == "SGD":
        method.discriminator_optimiser = torch.optim.SGD(discriminator.parameters(), setting["lr"])
    draw = Streams(seed, "data")
    for _ in range(steps):
        method.step(real[draw.integers(len(real), BATCH)])
    return method.sample(2000)


def posteriors(images: Tensor) -> Tensor:
    """What the digits' classifier says of images (n, 64) in [-1, 1]."""
    return logits("digits", images.clamp(-1, 1).view(-1, 1, 8, 8)).double().softmax(1)


def main(count: int, steps: int, seed: int) -> None:
    started = time.perf_counter()
    settings = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    assert len(settings) == 2592  # as in the paper
    chosen = random.Random(seed).sample(settings, count)
    training, test = (to_unit(digits(split).images).flatten(1) for split in ("train", "test"))
    balance = digits("train").labels.bincount(minlength=10).double() / len(training)
    real = {"mode_score": mode_score(posteriors(test), balance)}
    rows = []
    for position, setting in enumerate(chosen):
        row = dict(setting)
        for name, regularised in (("GAN", False), ("Regularized GAN", True)):
            found = posteriors(trained(setting, regularised, training, steps, seed))
            row[name] = {"mode_score": mode_score(found, balance), "balance_kl": class_balance_kl(found, balance)}
        rows.append(row)
        scores = [round(row[name]["mode_score"], 2) for name in ("GAN", "Regularized GAN")]
        print(f"{position + 1} of {count}: GAN {scores[0]}, Regularized GAN {scores[1]}", flush=True)
        facts = {"steps": steps, "seed": seed, "batch": BATCH, "latent": LATENT, "lambda1": LAMBDA1, "lambda2": LAMBDA2}
        content = {"settings": facts, "real_test": real, "rows": rows}
        write("digits", content, started, "python bench/mdgan_digits.py")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with threads(1):
        main(arguments.count, arguments.steps, arguments.seed)
