"""Line drawings to coloured toy faces (MSGAN's paired task in miniature), written to data/results/05_msgan.

    python bench/msgan_faces.py     # weight of L1 by weight of the term, 3 seeds: 6 minutes of processor time
    python bench/msgan_faces.py --seeds 1     # seed 1 alone; what the file already holds of other seeds stays

Each drawing has eight true colourings of known probability, so what a generator leaves out is counted, not guessed.
paired.json has the numbers, paired_L1_TERM.png the first draws of seed 0.

The setting was chosen on seed 100, in about 13 trials of single runs: learning rate 5e-4, 1e-3 or 2e-3, 600 to 2,400
steps, weights of L1 and of the term, and the discriminator's norm (batch, group, none). With a batch norm, which lets
the discriminator see the batch as a whole, the baseline listens to z; that is kept as a row of its own.
"""

import argparse
import time

import torch
from msgan_2d import FOLDER, stored, write
from torch import Tensor

from ganlab.data.conditional import LineDrawings, line_drawings
from ganlab.data.images import Batches, contact_sheet, png_of, to_uint8, to_unit
from ganlab.methods.msgan import MSGAN
from ganlab.metrics.answers import read_answers
from ganlab.metrics.distances import frechet_distance, pairwise_diversity
from ganlab.metrics.features import classifier
from ganlab.nets.unet import UNet, patch_discriminator
from ganlab.seeds import Streams
from ganlab.train import threads, train, write_atomically

SIDE, LATENT, WIDTH = 20, 8, 16
DRAWS, SHOWN = 50, (4, 10)  # samples of each test drawing (the appendix's number, as a reader quotes it); pictured
SETTINGS = {"side": SIDE, "latent": LATENT, "width": WIDTH, "batch": 12, "lr": 1e-3, "train": 600, "test": 24}
# (weight of L1, weight of the term, batch norm in D). The released code has 10 and 1, and an instance norm.
ARMS = [(l1, weight, False) for l1 in (10.0, 30.0, 100.0) for weight in (0.0, 0.1, 0.3, 1.0)] + [(100.0, 0.0, True)]


def flat(images: Tensor) -> Tensor:
    return to_unit(images).flatten(1)


def build(l1: float, weight: float, batch_norm: bool, seed: int) -> MSGAN:
    """pix2pix with a latent and the term. With weight 0 it is pix2pix with a latent, bit for bit."""
    rng = Streams(seed, "weights")
    players = UNet(SIDE, 1, 3, LATENT, WIDTH, rng), patch_discriminator(SIDE, 4, WIDTH, rng, batch_norm)
    return MSGAN(*players, rng=rng, latent=LATENT, lr=SETTINGS["lr"], reconstruction=l1, weight=weight)


@torch.no_grad()
def coloured(method: MSGAN, drawings: Tensor, draws: int) -> Tensor:
    """`draws` colourings of each drawing, shape (drawings, draws, 3 * side * side)."""
    rng = method.rng.for_purpose("test")
    return torch.stack([method.sample(drawing.expand(draws, -1), rng) for drawing in flat(drawings)])


class Judge:
    """All true answers of the test drawings, and numbers about generated ones."""

    def __init__(self, test: LineDrawings):
        found = [test.answers(i) for i in range(len(test))]
        self.answers = torch.stack([flat(images) for images, _ in found])  # (drawings, 8, pixels)
        self.probability = torch.stack([p for _, p in found])
        self.network = classifier("faces")
        self.real = self.network.of(self.truth(DRAWS, seed=1).view(-1, 3, SIDE, SIDE))

    def __call__(self, images: Tensor) -> dict:
        """Coverage of the answers, blemish, and on features the diversity within a drawing and the Fréchet distance."""
        found = read_answers(images, self.answers)
        features = self.network.of(images.reshape(-1, 3, SIDE, SIDE))
        within = [pairwise_diversity(own, pairs=50).value for own in features.view(*images.shape[:2], -1)]
        return {
            "answers": found.found(8).mean(),
            "in_place": found.in_place(self.probability).mean(),
            "certain": found.certain.double().mean(),
            "blemish": found.blemish.mean(),
            "pixels_apart": (images[:, ::2] - images[:, 1::2]).abs().mean(),
            "features_apart": sum(within) / len(within),
            "frechet": frechet_distance(self.real, features).value,
        }

    def truth(self, draws: int, seed: int = 0) -> Tensor:
        """What a perfect generator gives: answers drawn with their probabilities."""
        chosen = torch.multinomial(self.probability, draws, True, generator=torch.Generator().manual_seed(seed))
        return self.answers.gather(1, chosen[..., None].expand(-1, -1, self.answers.shape[2]))

    def likeliest(self, draws: int) -> Tensor:
        """A deaf generator that is right: always the most probable answer."""
        return self.answers[torch.arange(len(self.answers)), self.probability.argmax(1)][:, None].expand(-1, draws, -1)


def picture(name: str, images: Tensor) -> None:
    """Images (rows, columns, pixels), without gaps, as one small PNG."""
    sheet = contact_sheet(to_uint8(images).view(-1, 3, SIDE, SIDE), columns=images.shape[1], gap=0)
    write_atomically(FOLDER / f"{name}.png", png_of(sheet))


def main(steps: int, seeds: list[int]) -> None:
    started = time.perf_counter()
    FOLDER.mkdir(parents=True, exist_ok=True)
    data, test = (line_drawings(SETTINGS[part], SIDE, k) for k, part in enumerate(("train", "test")))
    judge = Judge(test)
    settings = SETTINGS | {"steps": steps, "draws": DRAWS, "shown": SHOWN, "arms": ARMS}
    content = {"settings": settings, "features": judge.network.name}
    content |= {"truth": judge(judge.truth(DRAWS)), "likeliest": judge(judge.likeliest(DRAWS))}
    rows = [row for row in stored("paired", settings).get("rows", []) if row["seed"] not in seeds]
    for seed in seeds:
        for l1, weight, batch_norm in ARMS:
            method, before = build(l1, weight, batch_norm, seed), time.process_time()
            batches = Batches(flat(data.faces), SETTINGS["batch"], seed, labels=flat(data.drawings))
            history = train(method, batches, steps, every=steps)
            row = {"l1": l1, "weight": weight, "batch_norm": batch_norm, "seed": seed}
            row |= {"cpu_seconds": round(time.process_time() - before, 1), "ratio": history["ratio"][-1]}
            made = coloured(method, test.drawings, DRAWS)
            rows.append(row | judge(made))
            print({key: round(float(value), 3) for key, value in rows[-1].items()}, flush=True)
            if seed == 0:
                picture(f"paired_{l1:g}_{weight:g}" + "_norm" * batch_norm, made[: SHOWN[0], : SHOWN[1]])
            write("paired", content | {"rows": rows}, started, "python bench/msgan_faces.py")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    with threads(1):
        main(arguments.steps, arguments.seeds)
