"""Toy faces without and with a hat, no pairs (MSGAN's unpaired task in miniature), to data/results/05_msgan.

    python bench/msgan_unpaired.py     # DRIT in miniature without and with the term, 3 seeds; --seeds does some of them

unpaired.json holds the numbers, unpaired.png faces of seed 0.

Colours that have nothing to do with hats are fixed, so that all true answers are known. A face without a hat may get
one of three kinds in any hue: 18 answers stand for them. A hat may have hidden a fringe or not: two answers, one when
the head is bald.
"""

import argparse
import time

import torch
from msgan_2d import FOLDER
from msgan_text import write_rows
from torch import Tensor
from torch.nn.functional import one_hot

from ganlab.data.classifiers import load_classifier
from ganlab.data.conditional import COLOUR_FACTORS
from ganlab.data.images import Batches, contact_sheet, png_of, to_uint8, to_unit
from ganlab.data.toyfaces import ATTRIBUTES, FACTORS, answers, draw_factors, render
from ganlab.data.toyfaces.attributes import HAIR
from ganlab.methods.msgan_unpaired import OTHER, Translator, X, Y
from ganlab.metrics.distances import frechet_distance
from ganlab.metrics.features import classifier
from ganlab.seeds import Streams
from ganlab.train import threads, train, write_atomically

SIDE, STYLE, WIDTH = 20, 8, 16
DRAWS = 50
SETTINGS = {"side": SIDE, "style": STYLE, "width": WIDTH, "batch": 8, "lr": 5e-4, "train": 1000, "test": 16}
# 1 as released, for photographs that differ everywhere. A hat changes few pixels: two true answers are only .078 apart,
# a ratio of .07, where 1 / r pulls with a slope of 200. At weight .05 that slope is 10, the weight of a reconstruction.
WEIGHTS = {"DRIT": 0.0, "λ = 1": 1.0, "λ = 0.05": 0.05}
HAT, BANGS, BALD = (ATTRIBUTES.index(name) for name in ("Wearing_Hat", "Bangs", "Bald"))
KIND, HUE = FACTORS.index("hat_kind"), FACTORS.index("hat_hue")
KINDS = {0.2: 0.40, 0.56: 0.32, 0.86: 0.28}  # a hat_kind in the middle of each kind's range: the kind's probability
HUES = (torch.arange(6) + 0.5) / 6
FIXED = [FACTORS.index(name) for name in (*COLOUR_FACTORS, "hat_shade")]
COLUMNS = [ATTRIBUTES.index(name) for name in HAIR]
KEPT = [ATTRIBUTES.index(name) for name in ("Eyeglasses", "No_Beard", "Pale_Skin")]  # and the colour of the hair


def faces_of(domain: str, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Attributes and factors of n faces, without a hat for X and with one for Y."""
    rows, p = answers({"Wearing_Hat": domain == Y})
    chosen = torch.multinomial(p, n, True, generator=torch.Generator().manual_seed(2 * seed + (domain == Y)))
    factors = draw_factors(n, 2 * seed + (domain == Y))
    factors[:, FIXED] = 0.5
    return rows[chosen], factors


def painted(attributes: Tensor, factors: Tensor) -> Tensor:
    return to_unit(render(attributes, factors, SIDE)).flatten(1)


def true_answers(attributes: Tensor, factors: Tensor) -> tuple[Tensor, Tensor]:
    """One face's answers in the other domain, and their probabilities."""
    if attributes[HAT]:
        plain = attributes.clone()
        plain[HAT] = False
        fringed = plain.clone()
        fringed[BANGS] = True
        rows, p = (plain[None], [1.0]) if plain[BALD] else (torch.stack([plain, fringed]), [0.75, 0.25])
        return painted(rows, factors.expand(len(rows), -1)), torch.tensor(p)
    hatted = attributes.clone()
    hatted[HAT], hatted[BANGS] = True, False
    own = factors.repeat(len(KINDS) * len(HUES), 1)
    own[:, KIND] = torch.tensor(list(KINDS)).repeat_interleave(len(HUES))
    own[:, HUE] = HUES.repeat(len(KINDS))
    return painted(hatted.expand(len(own), -1), own), torch.tensor(list(KINDS.values())).repeat_interleave(6) / 6


class Judge:
    """What became of the test faces of the domain opposite `to`: is the domain right, the face kept, the hat varied?

    Kept are asked the attributes that the classifier reads well at 20 pixels (92 % and more of real faces).
    """

    def __init__(self, to: str, seed: int = 1):
        self.to, (attributes, factors) = to, faces_of(OTHER[to], SETTINGS["test"], seed)
        self.attributes, self.sources = attributes, painted(attributes, factors)
        self.answers, self.p = zip(*map(true_answers, attributes, factors), strict=True)
        rng = torch.Generator().manual_seed(seed)
        picks = [torch.multinomial(p, 2 * DRAWS, True, generator=rng) for p in self.p]
        drawn = torch.stack([own[pick] for own, pick in zip(self.answers, picks, strict=True)])
        self.real, self.other = drawn.split(DRAWS, 1)  # (faces, DRAWS, pixels)
        self.network = classifier("faces")

    @torch.no_grad()
    def __call__(self, images: Tensor) -> dict:
        """The numbers of images (faces, draws, pixels)."""
        flat = images.reshape(-1, 3, SIDE, SIDE)
        network = load_classifier("faces")
        features = torch.cat([network.body(part) for part in flat.split(512)])
        logits, source = network.head(features), self.attributes.repeat_interleave(images.shape[1], 0)
        hair = logits[:, COLUMNS].argmax(1) == source[:, COLUMNS].long().argmax(1)
        same = torch.cat([hair[:, None], (logits > 0)[:, KEPT] == source[:, KEPT]], 1)
        found, variation, error = [], [], []
        for own, p, made in zip(self.answers, self.p, images, strict=True):
            nearest = torch.cdist(made, own).argmin(1)
            shares = one_hot(nearest, len(own)).double().mean(0)
            found.append((shares > 0).double().mean())
            variation.append(0.5 * (shares - p).abs().sum())
            error.append((made - own[nearest]).abs().mean())
        features = features.unflatten(0, images.shape[:2])
        return {
            "domain": ((logits[:, HAT] > 0) == (self.to == Y)).double().mean(),
            "kept": same.double().mean(),
            "answers": torch.stack(found).mean(),
            "variation": torch.stack(variation).mean(),
            "error": torch.stack(error).mean(),
            "pixel_diversity": torch.stack([torch.pdist(x, 1).mean() for x in images]).mean() / images.shape[-1],
            "feature_diversity": torch.stack([torch.pdist(f).mean() for f in features]).mean(),
            "frechet": frechet_distance(self.other.reshape_as(flat), flat, self.network).value,
        }

    def guessed(self) -> Tensor:
        """The share kept by the one description that suits most of the test faces."""
        hair = self.attributes[:, COLUMNS].double().mean(0).max()
        others = self.attributes[:, KEPT].double().mean(0)
        return torch.cat([hair[None], torch.maximum(others, 1 - others)]).mean()

    def bounds(self) -> dict[str, dict]:
        """What others would score: the face as it was, one true answer, all true answers, one description for all."""
        one = self.real[:, :1]
        shown = {"the face unchanged": self.sources[:, None], "one true answer": one}
        found = {name: self(x.expand_as(self.real)) for name, x in shown.items()}
        return found | {"true answers": self(self.real), "one description": {"kept": self.guessed()}}


@torch.no_grad()
def translated(method: Translator, judge: Judge) -> Tensor:
    """DRAWS images of each test face, shape (faces, DRAWS, pixels)."""
    rng = method.rng.for_purpose("test")
    return torch.stack([method.sample(face.expand(DRAWS, -1), judge.to, rng) for face in judge.sources])


def picture(found: dict[str, dict[str, Tensor]], judges: dict[str, Judge]) -> None:
    """Rows are faces, four to get a hat and two to lose it: the face, four true answers, eight images of each arm."""
    rows = []
    for to, n in ((Y, 4), (X, 2)):
        judge = judges[to]
        blocks = [judge.sources[:n, None], judge.real[:n, :4], *(images[to][:n, :8] for images in found.values())]
        rows.append(to_uint8(torch.cat(blocks, 1)))
    sheet = torch.cat(rows)
    sheet = contact_sheet(sheet.reshape(-1, 3, SIDE, SIDE), columns=sheet.shape[1], gap=0)
    write_atomically(FOLDER / "unpaired.png", png_of(sheet))


def run_seed(seed: int, steps: int, judges: dict[str, Judge]) -> list[dict]:
    """All arms of one seed. Seed 0 also leaves its picture."""
    data, rows, found = {d: painted(*faces_of(d, SETTINGS["train"], 0)) for d in (X, Y)}, [], {}
    for arm, weight in WEIGHTS.items():
        rng, before = Streams(seed, "weights"), time.process_time()
        method = Translator(SIDE, rng=rng, style=STYLE, width=WIDTH, weight=weight, lr=SETTINGS["lr"])
        batches = zip(*(Batches(data[d], SETTINGS["batch"], 2 * seed + (d == Y)) for d in (X, Y)), strict=True)
        history = train(method, batches, steps, every=steps // 4)
        row = {"arm": arm, "seed": seed, "cpu_seconds": round(time.process_time() - before, 1), "steps": history.steps}
        found[arm] = {to: translated(method, judge) for to, judge in judges.items()}
        for to, judge in judges.items():
            row[to] = judge(found[arm][to]) | {"ratio": history[f"ratio_{to}"]}
            print(arm, to, {key: round(float(x), 3) for key, x in row[to].items() if key != "ratio"}, flush=True)
        rows.append(row)
    if seed == 0:
        picture(found, judges)
    return rows


def main(steps: int, seeds: list[int]) -> None:
    judges = {to: Judge(to) for to in (Y, X)}
    bounds = {to: judge.bounds() for to, judge in judges.items()}
    for to in bounds:
        print({name: {key: round(float(x), 3) for key, x in row.items()} for name, row in bounds[to].items()})
    for seed in seeds:
        started, rows = time.perf_counter(), run_seed(seed, steps, judges)
        if seed < 100:  # others are for tuning
            settings = SETTINGS | {"steps": steps, "draws": DRAWS, "weights": WEIGHTS}
            write_rows("unpaired", settings, bounds, rows, started, "python bench/msgan_unpaired.py")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    with threads(1):
        main(arguments.steps, arguments.seeds)
