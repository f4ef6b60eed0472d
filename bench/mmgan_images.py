"""The three image sets of chapter 06: each method on two bases, equal steps, three seeds.

    python bench/mmgan_images.py          # digits, Fashion and toy faces: about 15 minutes; --sets does some of them

Writes data/results/06_mmgan/images.json and, of seed 0, eight images of each run to images.safetensors.

Bases, as in the paper but small: "DCGAN" (16 channels before the last layer) and "IGAN", whose discriminator averages
its features over positions as improved GAN's does. MMGAN changes the losses and nothing else. alpha = beta = 1 on
digits and faces and beta = 0.1 on Fashion, the paper's values for MNIST, CelebA and CIFAR-10; delta = 0.9, B = 1.
Not tuned. Digits have 8x8 pixels, the others are shrunk to 16x16.
"""

import argparse
import hashlib
import time

import results
import torch
from mmgan_2d import FOLDER
from safetensors.torch import load, save
from torch import Tensor

from ganlab.data import batches, digits, faces, fashion
from ganlab.data.classifiers import load_classifier
from ganlab.data.images import to_uint8, to_unit
from ganlab.data.toyfaces.attributes import ATTRIBUTES, HAIR
from ganlab.methods.gan import GAN
from ganlab.methods.mmgan import MMGAN, FeatureMatchingGAN
from ganlab.metrics.distances import frechet_distance
from ganlab.metrics.features import classifier
from ganlab.metrics.scores import class_balance_kl, inception_score
from ganlab.nets.dcgan import dcgan_generator
from ganlab.nets.featured import feature_dcgan, pooled_discriminator
from ganlab.seeds import Streams
from ganlab.train import threads, train, write_atomically

WIDTH, LATENT, BATCH, LR, JUDGED = 16, 32, 64, 1e-3, 1000
SIDES, CHANNELS = {"digits": 8, "fashion": 16, "faces": 16}, {"digits": 1, "fashion": 1, "faces": 3}
STEPS = {"digits": 500, "fashion": 500, "faces": 300}
JUDGES = {"digits": "digits", "fashion": "fashion16", "faces": "faces"}  # the course's classifiers
BETAS = {"digits": 1.0, "fashion": 0.1, "faces": 1.0}
BASES = {"DCGAN": (GAN, feature_dcgan), "IGAN": (FeatureMatchingGAN, pooled_discriminator)}
METHODS = {
    "base": {},
    "MMGAN RBF": {"form": "rbf"},
    "MMGAN EXP": {"form": "exponential"},
    "MMGAN RBF, no R_G": {"form": "rbf", "beta": 0.0},
}


def images_of(name: str) -> tuple[Tensor, Tensor]:
    """Training and held-out images, uint8 (n, channels, side, side)."""
    if name == "faces":
        return faces(4000, size=SIDES[name], seed=0).images, faces(JUDGED, size=SIDES[name], seed=1).images
    if name == "fashion":
        return tuple(fashion(split, full=False, size=SIDES[name]).images for split in ("train", "test"))
    return tuple(digits(split, size=SIDES[name]).images for split in ("train", "test"))


class Judge:
    """The course's classifier: its features, and ten classes or (of faces) the five of hair, of which each has one."""

    def __init__(self, name: str, held_out: Tensor):
        self.name, self.network, self.head = name, classifier(JUDGES[name]), load_classifier(JUDGES[name]).head
        self.real = self.network.of(to_unit(held_out))
        self.marginal = self.posteriors(self.real).mean(0)

    def posteriors(self, features: Tensor) -> Tensor:
        found = self.head(features).double()
        if self.name == "faces":
            found = found[:, [ATTRIBUTES.index(colour) for colour in HAIR]]
        return found.softmax(1)

    def __call__(self, images: Tensor) -> dict[str, float]:
        """Fréchet distance to the held-out images, Inception-style score, and balance against theirs."""
        features = self.network.of(images)
        found = self.posteriors(features)
        return {
            "frechet": frechet_distance(self.real, features).value,
            "score": inception_score(found),
            "balance_kl": class_balance_kl(found, self.marginal),
        }


def trained(name: str, base: str, method: str, seed: int, steps: int, real: Tensor) -> tuple[Tensor, float]:
    """Generated images in [-1, 1], and the processor time of the training."""
    side, channels = SIDES[name], CHANNELS[name]
    rng = Streams(seed)
    kind, discriminator = BASES[base]
    players = (
        dcgan_generator(side, channels, LATENT, WIDTH, rng.for_purpose("generator")),
        discriminator(side, channels, WIDTH, rng.for_purpose("discriminator")),
    )
    settings = {"rng": rng, "latent": LATENT, "lr": LR}
    if method.startswith("MMGAN"):
        kind, settings = MMGAN, settings | {"beta": BETAS[name]} | METHODS[method]
    torch.manual_seed(seed)  # the noise layer of the second base
    gan = kind(*players, **settings)
    data = batches(to_unit(real).flatten(1), BATCH, seed)
    started = time.process_time()
    train(gan, data, steps)
    seconds = time.process_time() - started
    return gan.sample(JUDGED).reshape(-1, channels, side, side), seconds


def references(judge: Judge, real: Tensor) -> dict[str, dict]:
    """What is possible, and what the mean image with a little noise gets."""
    rng = torch.Generator().manual_seed(0)
    some = real[torch.randperm(len(real), generator=rng)[:JUDGED]]
    mean = to_unit(real).mean(0).expand(JUDGED, -1, -1, -1)
    noisy = mean + 0.05 * torch.randn(mean.shape, generator=rng)
    return {
        "real training images": judge(to_unit(some)),
        "the mean image with noise": judge(noisy.clamp(-1, 1)),
    }


def keep(name: str, content: dict, pictures: dict[str, Tensor], seconds: float) -> None:
    """Into images.json, and the pictures into images.safetensors beside it."""
    with results.alone("mmgan"):
        path = FOLDER / "images.safetensors"
        known = load(path.read_bytes()) if path.exists() else {}
        saved = save(known | {f"{name}/{key}": value for key, value in pictures.items()})
        write_atomically(path, saved)
        facts = {"batch": BATCH, "latent": LATENT, "width": WIDTH, "lr": LR, "judged": JUDGED, "sides": SIDES}
        facts |= {"alpha": 1.0, "beta": BETAS, "delta": 0.9, "bound": 1.0}
        facts |= {"sha256 of images.safetensors": hashlib.sha256(saved).hexdigest()}
        content = {"settings": facts, "sets": {name: content}}
        results.merge(FOLDER / "images.json", "python bench/mmgan_images.py", seconds, content)


def main(names: list[str], asked_steps: int | None, seeds: list[int]) -> None:
    for name in names:
        started, steps = time.perf_counter(), asked_steps or STEPS[name]
        real, held_out = images_of(name)
        judge = Judge(name, held_out)
        content = {"features": judge.network.name, "held_out": len(held_out), "steps": steps, "seeds": seeds}
        content |= {"references": references(judge, real), "runs": {}}
        pictures = {"real": held_out[:8]}
        for base in BASES:
            for method in METHODS:
                found = []
                for seed in seeds:
                    made, seconds = trained(name, base, method, seed, steps, real)
                    found.append(judge(made) | {"cpu_seconds": seconds})
                    if seed == 0:
                        pictures[f"{base}/{method}"] = to_uint8(made[:8])
                content["runs"][f"{base}/{method}"] = {key: [row[key] for row in found] for key in found[0]}
                means = {key: sum(row[key] for row in found) / len(found) for key in found[0]}
                print(name, base, method, *(f"{key} {value:.2f}" for key, value in means.items()), flush=True)
        keep(name, content, pictures, time.perf_counter() - started)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--steps", type=int, help="of every set; by default 500, and 300 on faces")
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    with threads(1):
        main(asked.sets, asked.steps, list(range(asked.seeds)))
