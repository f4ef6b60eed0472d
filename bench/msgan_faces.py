"""Line drawings to coloured toy faces (MSGAN's paired task in miniature), written to data/results/05_msgan.

    python bench/msgan_faces.py paired    # pix2pix without and with the term, 3 seeds
    python bench/msgan_faces.py sweep     # weight of L1 by weight of the term, 1 seed, fewer steps

Each drawing has eight true colourings of known probability, so what a generator leaves out is counted, not guessed.
"""

import argparse
import time

import torch
from msgan_2d import FOLDER, write
from PIL import Image
from torch import Tensor

from ganlab.data.conditional import LineDrawings, line_drawings
from ganlab.data.images import Batches, contact_sheet, to_uint8, to_unit
from ganlab.methods.msgan import MSGAN, ConditionalGAN
from ganlab.nets.unet import UNet, patch_discriminator
from ganlab.seeds import Streams
from ganlab.train import threads, train

SIDE, LATENT, WIDTH = 32, 8, 16
DRAWS = 50  # samples of each test drawing (appendix of the paper, as quoted by a reader)
SETTINGS = {"side": SIDE, "latent": LATENT, "width": WIDTH, "batch": 12, "lr": 5e-4, "train": 1200, "test": 40}


def flat(images: Tensor) -> Tensor:
    return to_unit(images).flatten(1)


def build(weight: float | None, seed: int, l1: float = 10.0) -> ConditionalGAN:
    """pix2pix with a latent; with the term when `weight` is a number."""
    rng = Streams(seed, "weights")
    players = UNet(SIDE, 1, 3, LATENT, WIDTH, rng), patch_discriminator(SIDE, 4, WIDTH, rng)
    common = {"rng": rng, "latent": LATENT, "lr": SETTINGS["lr"], "reconstruction": l1}
    if weight is None:
        return ConditionalGAN(*players, **common)
    return MSGAN(*players, weight=weight, **common)


@torch.no_grad()
def coloured(method: ConditionalGAN, drawings: Tensor, draws: int) -> Tensor:
    """`draws` colourings of each drawing, shape (drawings, draws, 3 * side * side); batch norm as in evaluation."""
    method.generator.eval()
    rng = method.rng.for_purpose("test")
    made = torch.stack([method.sample(drawing.expand(draws, -1), rng) for drawing in flat(drawings)])
    method.generator.train()
    return made


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
    """Rows of image vectors (n, 3 * side * side), each 32 pixels wide, without gaps, as one small PNG."""
    images = torch.cat([to_uint8(row).view(-1, 3, SIDE, SIDE) for row in rows])
    sheet = contact_sheet(images, columns=len(rows[0]), gap=0)
    Image.fromarray(sheet.permute(1, 2, 0).numpy()).save(FOLDER / f"{name}.png", optimize=True)


def trained(weight: float | None, seed: int, steps: int, data: LineDrawings, l1: float = 10.0) -> tuple:
    method = build(weight, seed, l1)
    batches = Batches(flat(data.faces), SETTINGS["batch"], seed, labels=flat(data.drawings))
    before = time.process_time()
    history = train(method, batches, steps, every=max(1, steps // 10))
    return method, history, time.process_time() - before


def paired(steps: int, seeds: list[int], weight: float) -> None:
    started, data, test = (
        time.perf_counter(),
        line_drawings(SETTINGS["train"], SIDE, 0),
        line_drawings(SETTINGS["test"], SIDE, 1),
    )
    judge, runs = Judge(test), {}
    FOLDER.mkdir(parents=True, exist_ok=True)
    shown = flat(test.drawings[:4]).unflatten(1, (1, -1)).expand(-1, 3, -1).flatten(1)
    for name, chosen in (("pix2pix", None), ("with the term", weight)):
        runs[name] = []
        for seed in seeds:
            method, history, cpu = trained(chosen, seed, steps, data)
            made = coloured(method, test.drawings, DRAWS)
            numbers = judge(made) | {"cpu_seconds": round(cpu, 1), "steps": history.steps}
            numbers |= {"ratio": history["ratio"]} if "ratio" in history.names else {}
            runs[name].append(numbers)
            print(
                name,
                seed,
                {k: round(float(v), 3) for k, v in numbers.items() if torch.as_tensor(v).ndim == 0},
                flush=True,
            )
            if seed == seeds[0]:
                rows = [
                    torch.cat([shown[i : i + 1], judge.answers[i, :1] * 0 + flat(test.faces)[i], made[i, :10]])
                    for i in range(4)
                ]
                picture(f"paired_{'pix2pix' if chosen is None else 'msgan'}", rows)
            settings = SETTINGS | {"steps": steps, "seeds": seeds, "l1": 10.0, "weight": weight, "draws": DRAWS}
            perfect = judge(judge.truth(DRAWS))
            content = {"settings": settings, "truth": perfect, "runs": runs}
            write("paired", content, started, "python bench/msgan_faces.py paired")


def sweep(steps: int, seed: int) -> None:
    started, data, test = (
        time.perf_counter(),
        line_drawings(SETTINGS["train"], SIDE, 0),
        line_drawings(SETTINGS["test"], SIDE, 1),
    )
    judge, table = Judge(test), []
    l1s, weights = [1.0, 10.0, 100.0], [0.0, 0.1, 1.0, 10.0]
    for l1 in l1s:
        for weight in weights:
            method, _, _ = trained(weight, seed, steps, data, l1)
            table.append({"l1": l1, "weight": weight, **judge(coloured(method, test.drawings, DRAWS))})
            print({k: round(float(v), 3) for k, v in table[-1].items() if torch.as_tensor(v).ndim == 0}, flush=True)
            content = {
                "settings": SETTINGS | {"steps": steps, "seed": seed},
                "l1": l1s,
                "weights": weights,
                "rows": table,
            }
            write("paired_sweep", content, started, "python bench/msgan_faces.py sweep")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["paired", "sweep"])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--weight", type=float, default=1.0)
    arguments = parser.parse_args()
    with threads(1):
        if arguments.experiment == "paired":
            paired(arguments.steps, list(range(arguments.seeds)), arguments.weight)
        else:
            sweep(arguments.steps, 0)
