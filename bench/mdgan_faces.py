"""The third-party estimator on toy faces, where the truth is known. Two questions:

    python bench/mdgan_faces.py lost --seeds 1   # a renderer that has lost one attribute: is it found? 2 minutes
    python bench/mdgan_faces.py trained          # trained generators: is what they miss found? 9 minutes

`lost`: the "generator" is the painter of the faces itself, without the faces that have one attribute. So it is known of
each test face whether it is missing, and nothing else tells generated faces from training faces.
`trained`: DCGAN, Regularized DCGAN and MDGAN at the same number of steps, 2 seeds. The truth is read by the faces'
classifier: a test face is missing when its combination of attributes is generated less than a ninth as often as it
occurs. (A perfect third party says p_data / (p_data + p_generated), which is 0.9 at a ninth.)
Written to data/results/04_mdgan/faces_lost.json and faces_trained.json.
"""

import argparse
import time
from functools import cache

import torch
from mdgan_2d import write
from mdgan_compositional import image_method
from torch import Tensor

from ganlab.data.classifiers import read_attributes
from ganlab.data.images import batches, to_uint8, to_unit
from ganlab.data.toyfaces import FaceSet, combinations, faces, mode_of
from ganlab.metrics.missing_modes import real_probability, train_third_party
from ganlab.nets.dcgan import dcgan_discriminator
from ganlab.train import threads, train

SIDE, THRESHOLD = 32, 0.9
SIGMAS = {"lost": (1.0, 2.0, 3.5), "trained": (1.0, 2.0, 3.5, 4.0)}  # 3.5 and 4 are the paper's (unverified)
TRAINING, TEST, GENERATED = 8000, 2000, 8000
LOST = ("nothing", "Bald", "Wearing_Hat")
THIRD_PARTY = {"steps": 400, "batch": 64, "lr": 1e-3, "width": 8}
METHODS = {"DCGAN": {}, "Regularized DCGAN": {"lambda1": 0.005, "lambda2": 0.2}, "MDGAN": {"weight": 0.01}}
LATENT, WIDTH, BATCH, LR = 100, 8, 64, 5e-4
TRAINING_SEED, TEST_SEED, OTHER_SEED = 1, 2, 3  # of the faces


@cache
def drawn(n: int, seed: int) -> FaceSet:
    return faces(n, SIDE, seed)


def third_party_scores(generated: Tensor, sigma: float, seed: int) -> Tensor:
    """D*'s probability that each test face is real; trained on the training faces against `generated` (uint8)."""
    training, test = to_unit(drawn(TRAINING, TRAINING_SEED).images), to_unit(drawn(TEST, TEST_SEED).images)
    network = torch.nn.Sequential(
        torch.nn.Flatten(), dcgan_discriminator(SIDE, 3, THIRD_PARTY["width"], seed), torch.nn.Unflatten(0, (-1, 1))
    )
    settings = {name: THIRD_PARTY[name] for name in ("steps", "batch", "lr")}
    judge = train_third_party(training, to_unit(generated), sigma, network, seed=seed, **settings)
    return real_probability(judge, test, sigma, seed=seed)


def verdict(scores: Tensor, missing: Tensor) -> dict:
    """How many test faces the third party flags, how many it should, and how many of these it hits."""
    flagged = scores >= THRESHOLD
    found = {"flagged": flagged.sum(), "missing": missing.sum(), "hit": (flagged & missing).sum()}
    found |= {"score_where_missing": scores[missing].mean(), "score_elsewhere": scores[~missing].mean()}
    return {name: float(value) for name, value in found.items()}


def without(attribute: str, n: int) -> Tensor:
    """n faces as the painter makes them, but none with this attribute."""
    face_set = drawn(2 * n + n // 2, OTHER_SEED)
    kept = face_set if attribute == "nothing" else face_set.take(~face_set.column(attribute))
    return kept.images[:n]


def facts(seeds: list[int]) -> dict:
    names = ("SIDE", "SIGMAS", "THRESHOLD", "TRAINING", "TEST", "GENERATED", "THIRD_PARTY")
    names += ("METHODS", "LATENT", "WIDTH", "BATCH", "LR")
    return {name.lower(): globals()[name] for name in names} | {"seeds": seeds}


def lost(seeds: list[int]) -> None:
    started, rows = time.perf_counter(), []
    test = drawn(TEST, TEST_SEED)
    for attribute in LOST:
        missing = torch.zeros(TEST, dtype=torch.bool) if attribute == "nothing" else test.column(attribute)
        generated = without(attribute, GENERATED)
        for sigma in SIGMAS["lost"]:
            for seed in seeds:
                found = verdict(third_party_scores(generated, sigma, seed), missing)
                rows.append({"lost": attribute, "sigma": sigma, "seed": seed, **found})
            print(rows[-1], flush=True)
        command = f"python bench/mdgan_faces.py lost --seeds {len(seeds)}"
        write("faces_lost", {"settings": facts(seeds), "rows": rows}, started, command)


def too_rare(images: Tensor) -> tuple[Tensor, float]:
    """Which test faces have a combination that these images show less than a ninth as often as it occurs.

    Also the share of the images whose attributes, as read, cannot occur together.
    """
    modes = mode_of(read_attributes(images))
    share = modes[modes >= 0].bincount(minlength=len(combinations()[1])).double() / len(images)
    rare = share <= combinations()[1] / 9
    return rare[drawn(TEST, TEST_SEED).labels], float((modes < 0).double().mean())


def trained(steps: int, seeds: list[int]) -> None:
    started, rows = time.perf_counter(), []
    for seed in seeds:
        for name in ("real", *METHODS):
            before = time.process_time()
            if name == "real":
                images = faces(GENERATED, SIDE, OTHER_SEED + 100 + seed).images
            else:
                method = image_method(name, 3, SIDE, LATENT, WIDTH, seed, lr=LR, **METHODS[name])
                training = drawn(TRAINING, TRAINING_SEED).images.flatten(1)
                train(method, batches(training, BATCH, seed, floats=True), steps)
                images = to_uint8(method.sample(GENERATED)).view(-1, 3, SIDE, SIDE)
            seconds = round(time.process_time() - before, 1)
            missing, impossible = too_rare(images)
            for sigma in SIGMAS["trained"]:
                found = verdict(third_party_scores(images, sigma, seed), missing)
                rows.append({"method": name, "seed": seed, "sigma": sigma, "impossible": impossible, **found})
            print(name, seed, seconds, rows[-1], flush=True)
            content = {"settings": facts(seeds) | {"train_steps": steps}, "rows": rows}
            write("faces_trained", content, started, "python bench/mdgan_faces.py trained")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["lost", "trained"])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    with threads(1):
        if arguments.experiment == "lost":
            lost(list(range(arguments.seeds)))
        else:
            trained(arguments.steps, list(range(arguments.seeds)))
