"""Line drawings to coloured toy faces (MSGAN's paired task in miniature), written to data/results/05_msgan.

    python bench/msgan_faces.py     # without, with, and with ten times the term; 3 seeds, 3 minutes of processor time

Each drawing has eight true colourings of known probability, so what a generator leaves out is counted, not guessed.
"""

import argparse
import time

import torch
from joblib import Parallel, delayed
from msgan_2d import FOLDER, write
from PIL import Image
from torch import Tensor

from ganlab.data.conditional import LineDrawings, line_drawings
from ganlab.data.images import Batches, contact_sheet, to_uint8, to_unit
from ganlab.methods.msgan import MSGAN, ConditionalGAN
from ganlab.nets.unet import UNet, patch_discriminator
from ganlab.seeds import Streams
from ganlab.train import threads, train

SIDE, LATENT, WIDTH = 20, 8, 16
DRAWS = 50  # samples of each test drawing (appendix of the paper, as quoted by a reader)
SETTINGS = {"side": SIDE, "latent": LATENT, "width": WIDTH, "batch": 12, "lr": 5e-4, "train": 600, "test": 12}


def flat(images: Tensor) -> Tensor:
    return to_unit(images).flatten(1)


# (weight of L1, weight of the term). The released code has 10 and 1.
ARMS = [(100.0, 0.0), (100.0, 1.0), (100.0, 10.0)]


def build(l1: float, weight: float, seed: int) -> ConditionalGAN:
    """pix2pix with a latent; without the term when its weight is 0."""
    rng = Streams(seed, "weights")
    players = UNet(SIDE, 1, 3, LATENT, WIDTH, rng), patch_discriminator(SIDE, 4, WIDTH, rng)
    common = {"rng": rng, "latent": LATENT, "lr": SETTINGS["lr"], "reconstruction": l1}
    return MSGAN(*players, weight=weight, **common) if weight else ConditionalGAN(*players, **common)


@torch.no_grad()
def coloured(method: ConditionalGAN, drawings: Tensor, draws: int) -> Tensor:
    """`draws` colourings of each drawing, shape (drawings, draws, 3 * side * side)."""
    rng = method.rng.for_purpose("test")
    return torch.stack([method.sample(drawing.expand(draws, -1), rng) for drawing in flat(drawings)])


class Judge:
    """All true answers of the test drawings, and which of them an image is."""

    def __init__(self, test: LineDrawings):
        found = [test.answers(i) for i in range(len(test))]
        self.answers = torch.stack([flat(images) for images, _ in found])  # (drawings, 8, pixels)
        self.probability = torch.stack([p for _, p in found])
        apart = torch.cdist(self.answers, self.answers)
        apart.diagonal(dim1=1, dim2=2).fill_(torch.inf)
        self.room = apart.min(-1).values / 2  # nearer than this to an answer, an image is nearer to no other

    def __call__(self, images: Tensor, seed: int = 0) -> dict:
        """Counts of each answer, how many are beyond doubt, the error, and the diversity, of images by drawing."""
        distance, nearest = torch.cdist(images, self.answers).min(-1)
        sure = distance < self.room.gather(1, nearest)
        counts = torch.nn.functional.one_hot(nearest, self.answers.shape[1]).sum(1)
        certain = (torch.nn.functional.one_hot(nearest, self.answers.shape[1]) * sure[..., None]).sum(1)
        own = self.answers.gather(1, nearest[..., None].expand_as(images))
        drawings, n = images.shape[:2]
        rng = torch.Generator().manual_seed(seed)
        first = torch.randint(n, (drawings, 50), generator=rng)
        other = (first + torch.randint(1, n, (drawings, 50), generator=rng)) % n
        pairs = images.gather(1, first[..., None].expand(-1, -1, images.shape[2]))
        pairs = (pairs - images.gather(1, other[..., None].expand(-1, -1, images.shape[2]))).abs().mean()
        return {
            "answers": (counts > 0).sum(1).double().mean(),
            "certain_answers": (certain > 0).sum(1).double().mean(),
            "certain": sure.double().mean(),
            "variation": 0.5 * (counts / n - self.probability).abs().sum(1).mean(),
            "error": (images - own).abs().mean(),
            "diversity": pairs,
            "shares": (counts / n).mean(0),
        }

    def truth(self, draws: int, seed: int = 0) -> Tensor:
        """What a perfect generator gives: answers drawn with their probabilities."""
        chosen = torch.multinomial(self.probability, draws, True, generator=torch.Generator().manual_seed(seed))
        return self.answers.gather(1, chosen[..., None].expand(-1, -1, self.answers.shape[2]))


def picture(name: str, rows: list[Tensor]) -> None:
    """Rows of image vectors (n, 3 * side * side), without gaps, as one small PNG."""
    images = torch.cat([to_uint8(row).view(-1, 3, SIDE, SIDE) for row in rows])
    sheet = contact_sheet(images, columns=len(rows[0]), gap=0)
    Image.fromarray(sheet.permute(1, 2, 0).numpy()).save(FOLDER / f"{name}.png", optimize=True)


def run_seed(seed: int, steps: int, first: bool) -> list[dict]:
    """All arms of one seed. The first seed also leaves its pictures."""
    rows = []
    with threads(1):
        data, test = (line_drawings(SETTINGS[part], SIDE, k) for k, part in enumerate(("train", "test")))
        judge = Judge(test)
        shown = flat(test.drawings.expand(-1, 3, -1, -1)), flat(test.faces)
        for l1, weight in ARMS:
            method, before = build(l1, weight, seed), time.process_time()
            batches = Batches(flat(data.faces), SETTINGS["batch"], seed, labels=flat(data.drawings))
            train(method, batches, steps)
            row = {"l1": l1, "weight": weight, "seed": seed, "cpu_seconds": round(time.process_time() - before, 1)}
            made = coloured(method, test.drawings, DRAWS)
            rows.append(row | judge(made))
            words = {key: round(float(value), 3) for key, value in rows[-1].items() if key != "shares"}
            print(words, flush=True)
            if first:
                columns = [torch.cat([shown[0][i : i + 1], shown[1][i : i + 1], made[i, :10]]) for i in range(4)]
                picture(f"paired_{l1:g}_{weight:g}", columns)
    return rows


def main(steps: int, seeds: list[int], workers: int) -> None:
    started = time.perf_counter()
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = Parallel(n_jobs=workers)(delayed(run_seed)(seed, steps, seed == seeds[0]) for seed in seeds)
    judge = Judge(line_drawings(SETTINGS["test"], SIDE, 1))
    settings = SETTINGS | {"steps": steps, "seeds": seeds, "draws": DRAWS, "arms": ARMS}
    rows = [row for rows in found for row in rows]
    content = {"settings": settings, "truth": judge(judge.truth(DRAWS)), "rows": rows}
    write("paired", content, started, "python bench/msgan_faces.py")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    main(arguments.steps, list(range(arguments.seeds)), arguments.workers)
