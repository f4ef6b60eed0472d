"""Compositional digits (section 4.1.2 of arXiv v1): how many of the numbers 000 to 999 does a generator never make?

    python bench/mdgan_compositional.py          # 2 sets of probabilities, 2 methods, 3 seeds: 7 minutes
    python bench/mdgan_compositional.py tune     # how learning rate and lambda1 were chosen, printed: 4 minutes

Three 8x8 digits in one 20x20 image. In each set the digits have other probabilities, and the same 100 numbers are held
out: no training image shows them. A classifier reads 10,000 generated images digit by digit. The DCGAN is looked at
after as many steps as the Regularized DCGAN, and again after twice as many, when it has cost about as much.
Written to data/results/04_mdgan/compositional.json.

Tuned: learning rate (5e-4 or 1e-3, both methods) and lambda1 (0.002, 0.02, 0.1), on seed 100 and set "line": 8 runs.
lambda2 was not. Missing after 800 steps, in 4,000 samples, at 5e-4: DCGAN 214, lambda1 = 0.002 202, 0.02 163, 0.1 166.
"""

import argparse
import time
from dataclasses import asdict

import torch
from mdgan_2d import write
from torch import Tensor

from ganlab.data.floors import ModeCount, count_modes
from ganlab.data.images import batches, to_uint8
from ganlab.data.real import digits
from ganlab.data.stacking import DIGIT_PROBABILITIES, MODES, Composition, compositional, read_compositions
from ganlab.methods.gan import GAN
from ganlab.methods.mdgan import MDGAN, RegularizedGAN
from ganlab.nets.dcgan import dcgan_discriminator, dcgan_encoder, dcgan_generator
from ganlab.seeds import Streams
from ganlab.train import threads, train

SIDE, LATENT, WIDTH, BATCH, LR = 20, 32, 12, 64, 5e-4
LAMBDA1, LAMBDA2 = 0.02, 0.2
TRAINING_IMAGES, SAMPLES, HELD_OUT = 50_000, 10_000, 100
NAMES = ("DCGAN", "Regularized DCGAN")
SETS = ("even", "line")  # of ganlab.data.stacking.DIGIT_PROBABILITIES


def image_method(name: str, channels: int, side: int, latent: int, width: int, seed: int, **settings) -> GAN:
    """One of the chapter's methods with DCGAN networks. All methods of a seed start from the same G and D."""
    rng = Streams(seed, "weights")
    generator = dcgan_generator(side, channels, latent, width, rng)
    discriminator = dcgan_discriminator(side, channels, width, rng)
    settings |= {"rng": rng, "latent": latent}
    if name == "DCGAN":
        return GAN(generator, discriminator, **settings)
    encoder = dcgan_encoder(side, channels, latent, width, rng)
    if name == "MDGAN":
        return MDGAN(generator, discriminator, encoder, dcgan_discriminator(side, channels, width, rng), **settings)
    return RegularizedGAN(generator, discriminator, encoder, **settings)


def composition(name: str) -> Composition:
    """One of the four sets of digit probabilities, without the 100 numbers that are held out of all of them."""
    held_out = torch.randperm(MODES, generator=torch.Generator().manual_seed(0))[:HELD_OUT]
    return Composition(DIGIT_PROBABILITIES[name], tuple(held_out.tolist()))


def as_images(vectors: Tensor) -> Tensor:
    """Generated vectors to `uint8` images (n, 1, 20, 20)."""
    return to_uint8(vectors.view(-1, 1, SIDE, SIDE))


def counted(images: Tensor, chosen: Composition) -> tuple[ModeCount, Tensor]:
    """The count of modes, and how often each of the 1000 numbers was read."""
    numbers = read_compositions(images, "digits")
    return count_modes(numbers, chosen.probabilities()), numbers.bincount(minlength=MODES)


def trained(name: str, set_name: str, seed: int, steps: int, lr: float = LR, lambda1: float = LAMBDA1) -> list[dict]:
    """One run: what each look found."""
    chosen = composition(set_name)
    training = compositional(digits("train"), TRAINING_IMAGES, Streams(seed, "compositions"), chosen).images
    weights = {} if name == "DCGAN" else {"lambda1": lambda1, "lambda2": LAMBDA2}
    method = image_method(name, 1, SIDE, LATENT, WIDTH, seed, lr=lr, **weights)
    looks = []

    def look(step: int, method: GAN) -> dict:
        seconds = time.process_time() - started
        images = as_images(method.sample(SAMPLES))
        count, numbers = counted(images, chosen)
        looks.append({"step": step, "cpu_seconds": round(seconds, 1), **asdict(count), "numbers": numbers})
        return {}

    started = time.process_time()
    longest = 2 * steps if name == "DCGAN" else steps
    train(method, batches(training.flatten(1), BATCH, seed, floats=True), longest, every=steps, look=look)
    return looks


def facts(steps: int, seeds: list[int]) -> dict:
    names = ("SIDE", "LATENT", "WIDTH", "BATCH", "LR", "LAMBDA1", "LAMBDA2", "TRAINING_IMAGES", "SAMPLES")
    held_out = composition("even").held_out
    return {name.lower(): globals()[name] for name in names} | {"steps": steps, "seeds": seeds, "held_out": held_out}


def tune(steps: int) -> None:
    """Learning rate and lambda1, on one set and one seed that the comparison does not use. Prints only."""
    for lr in (5e-4, 1e-3):
        for name, lambda1 in (("DCGAN", 0.0), *(("Regularized DCGAN", value) for value in (0.002, 0.02, 0.1))):
            looks = trained(name, "line", 100, steps, lr, lambda1)
            found = [f"{look['possible'] - look['modes']} missing, KL {look['reverse_kl']:.3f}" for look in looks]
            print(f"lr {lr:g}, {name}, lambda1 {lambda1:g}: {'; '.join(found)}", flush=True)


def main(steps: int, seeds: list[int]) -> None:
    started, sets = time.perf_counter(), {}
    for set_name in SETS:
        chosen = composition(set_name)
        real = compositional(digits("test"), SAMPLES, Streams(12345, "judge"), chosen)
        count, numbers = counted(real.images, chosen)
        sets[set_name] = {"probabilities": DIGIT_PROBABILITIES[set_name], "runs": {name: [] for name in NAMES}}
        sets[set_name]["real"] = {**asdict(count), "numbers": numbers}
        for seed in seeds:
            for name in NAMES:
                looks = trained(name, set_name, seed, steps)
                sets[set_name]["runs"][name].append(looks)
                brief = [f"{look['possible'] - look['modes']} missing, KL {look['reverse_kl']:.3f}" for look in looks]
                print(f"{set_name}, seed {seed}, {name}: {'; '.join(brief)}, {looks[-1]['cpu_seconds']} s", flush=True)
        content = {"settings": facts(steps, seeds), "sets": sets}
        write("compositional", content, started, "python bench/mdgan_compositional.py")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", nargs="?", choices=["compare", "tune"], default="compare")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    with threads(1):
        if arguments.experiment == "tune":
            tune(arguments.steps)
        else:
            main(arguments.steps, list(range(arguments.seeds)))
