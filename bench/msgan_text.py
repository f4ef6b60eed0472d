"""Captions to toy faces in two stages (MSGAN's text task in miniature), written to data/results/05_msgan.

    python bench/msgan_text.py     # without and with the term, 3 seeds; --seeds does some

text.json holds the numbers, text.safetensors the text encoder and the generators of seed 0 (half precision), so that
chapter 05 can be asked for captions of one's own.

A caption names some attributes of a face and leaves the others open; with what probabilities is known
(`Captions.answers`). So diversity is judged against the truth and not by itself.
"""

import argparse
import time

import torch
from msgan_2d import FOLDER, stored, write
from safetensors.torch import save
from torch import Tensor

from ganlab.data.classifiers import load_classifier
from ganlab.data.conditional import two_sizes
from ganlab.data.images import Batches, to_unit
from ganlab.data.toyfaces import ATTRIBUTES, VOCABULARY, Captions, captions, encode, faces
from ganlab.data.toyfaces.attributes import HAIR
from ganlab.methods.msgan_text import Matching, TextToImage
from ganlab.metrics.distances import frechet_distance
from ganlab.metrics.features import classifier
from ganlab.nets.dcgan import dcgan_encoder
from ganlab.nets.text import StackedDiscriminator, StackedGenerator, TextEncoder, split_stages
from ganlab.seeds import Streams
from ganlab.train import threads, train, write_atomically

SIDE, FEATURES, LATENT, WIDTH, WORDS = 24, 16, 16, 16, 24
DRAWS = 50  # images of each test caption (as the released code for text)
SETTINGS = {
    "side": SIDE, "features": FEATURES, "latent": LATENT, "width": WIDTH, "even": 0.5, "train": 4000, "test": 24,
    "matching_steps": 600, "matching_batch": 32, "batch": 16, "lr": 5e-4,
}  # fmt: skip
WEIGHTS = {"conditional GAN": 0.0, "MSGAN": 0.25}  # of a mean of four judgements: 1 of their sum, as released
COLUMNS = [ATTRIBUTES.index(name) for name in HAIR]
OTHERS = [i for i in range(len(ATTRIBUTES)) if i not in COLUMNS]


def text_encoder(images: Tensor, tokens: Tensor, seed: int) -> TextEncoder:
    """A text encoder that has learned to match captions with the faces they belong to, frozen."""
    rng = Streams(seed, "text")
    text, image = TextEncoder(len(VOCABULARY), FEATURES, rng=rng), dcgan_encoder(SIDE, 3, FEATURES, WIDTH, rng)
    batches = Batches(images, SETTINGS["matching_batch"], seed, labels=tokens)
    history = train(Matching(text, image), batches, SETTINGS["matching_steps"], every=SETTINGS["matching_steps"] // 6)
    print("matching loss", [round(float(x), 2) for x in history["matching_loss"]], flush=True)
    return text.eval().requires_grad_(False)


def build(weight: float, seed: int) -> TextToImage:
    rng = Streams(seed, "weights")
    players = StackedGenerator(SIDE, FEATURES, LATENT, WIDTH, rng), StackedDiscriminator(SIDE, FEATURES, WIDTH, rng)
    return TextToImage(*players, rng=rng, latent=LATENT, lr=SETTINGS["lr"], weight=weight)


class Judge:
    """What the captions say and leave open, beside what the course's classifier of faces sees in images.

    There are nine questions: the colour of the hair (one of five), and eight attributes that are there or not.
    """

    def __init__(self, texts: Captions, seed: int = 1):
        self.texts, self.network = texts, classifier("faces")
        found = [texts.answers(i) for i in range(len(texts))]
        self.truth = torch.stack([self._shares(rows[None], p)[0] for rows, p in found])  # (captions, 9, 5)
        mentions = torch.cat([texts.mentions[:, COLUMNS].amax(1, keepdim=True), texts.mentions[:, OTHERS]], 1)
        self.said = mentions >= 0
        self.open = self.truth.max(-1).values < 1 - 1e-9
        # Faces drawn anew, so that nothing of a held-out face but its caption is used.
        rng = torch.Generator().manual_seed(seed)
        rows = torch.cat([rows[torch.multinomial(p, 2 * DRAWS, True, generator=rng)] for rows, p in found])
        drawn = to_unit(faces(len(rows), SIDE, seed=3, attributes=rows).images).flatten(1)
        self.real, self.other = drawn.unflatten(0, (len(texts), 2, DRAWS)).unbind(1)  # (captions, DRAWS, pixels)

    @staticmethod
    def _shares(rows: Tensor, weights: Tensor) -> Tensor:
        """Attributes (captions, n, 13) and weights (n,) to the shares of answers (captions, 9, 5)."""
        rows = rows.double()
        hair, yes = rows[..., COLUMNS], rows[..., OTHERS]
        answers = torch.zeros(*rows.shape[:2], 1 + len(OTHERS), len(HAIR), dtype=torch.float64)
        answers[..., 0, :], answers[..., 1:, 0], answers[..., 1:, 1] = hair, yes, 1 - yes
        return torch.einsum("n,cnqa->cqa", weights.double() / weights.sum(), answers)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> dict:
        """The numbers of images (captions, draws, pixels)."""
        flat = images.reshape(-1, 3, SIDE, SIDE)
        network = load_classifier("faces")
        features = torch.cat([network.body(part) for part in flat.split(512)])
        logits = network.head(features)
        seen = logits > 0
        seen[:, COLUMNS] = torch.nn.functional.one_hot(logits[:, COLUMNS].argmax(1), len(HAIR)).bool()
        seen = seen.unflatten(0, images.shape[:2])
        n = images.shape[1]
        shares = self._shares(seen, torch.ones(n))
        asked = self.truth.argmax(-1)  # of a question that the caption answers, the answer
        right = shares.gather(-1, asked[..., None])[..., 0]
        entropy, wanted = (-torch.special.xlogy(p, p).sum(-1)[self.open].sum() for p in (shares, self.truth))
        features = features.unflatten(0, images.shape[:2])
        apart = torch.stack([torch.pdist(f).mean() for f in features]).mean()
        return {
            "kept": right[self.said].mean(),
            "entropy": entropy / wanted,
            "variation": 0.5 * (shares - self.truth).abs().sum(-1)[self.open].mean(),
            "feature_diversity": apart,
            "pixel_diversity": torch.stack([torch.pdist(x, 1).mean() for x in images]).mean() / images.shape[-1],
            "frechet": frechet_distance(self.other.reshape_as(flat), flat, self.network).value,
        }

    def bounds(self) -> dict[str, dict]:
        """What other images would score: one true face for each caption, faces of any caption, all true faces."""
        one = self.real[:, :1].expand_as(self.real)
        anyone = to_unit(faces(len(self.real) * DRAWS, SIDE, seed=4).images).flatten(1).unflatten(0, (-1, DRAWS))
        return {"one true face each": self(one), "faces of any caption": self(anyone), "true faces": self(self.real)}


@torch.no_grad()
def painted(method: TextToImage, codes: Tensor) -> Tensor:
    """Images of both stages for each caption, shape (captions, DRAWS, both)."""
    rng = method.rng.for_purpose("test")
    return torch.stack([method.sample(code.expand(DRAWS, -1), rng) for code in codes])


def test_captions() -> Captions:
    """Captions of held-out faces."""
    return captions(faces(SETTINGS["test"], 16, seed=1).attributes, seed=1, even=SETTINGS["even"])


def run_seed(seed: int, steps: int, judge: Judge) -> list[dict]:
    """Both arms of one seed, with one text encoder. Seed 0 also leaves its networks."""
    data, rows = faces(SETTINGS["train"], SIDE, seed=0), []
    tokens = encode(captions(data.attributes, seed=0, even=SETTINGS["even"]).text, WORDS)
    both, before = two_sizes(data.images), time.process_time()
    encoder = text_encoder(split_stages(both)[1], tokens, seed)
    matching = round(time.process_time() - before, 1)
    with torch.no_grad():
        codes, asked = encoder(tokens), encoder(encode(judge.texts.text, WORDS))
    networks = {f"text.{key}": value for key, value in encoder.state_dict().items()}
    for arm, weight in WEIGHTS.items():
        method, before = build(weight, seed), time.process_time()
        history = train(method, Batches(both, SETTINGS["batch"], seed, labels=codes), steps, every=steps // 4)
        row = {"arm": arm, "seed": seed, "cpu_seconds": round(time.process_time() - before, 1), "matching": matching}
        row |= {"ratio": history["ratio"], "steps": history.steps} | judge(split_stages(painted(method, asked))[1])
        print({key: round(float(value), 3) for key, value in row.items() if key not in ("arm", "ratio", "steps")}, arm)
        rows.append(row)
        networks |= {f"{arm}.{key}": value for key, value in method.generator.state_dict().items()}
    if seed == 0:
        halves = {key: value.half() if value.is_floating_point() else value for key, value in networks.items()}
        write_atomically(FOLDER / "text.safetensors", save(halves))
    return rows


def write_rows(name: str, settings: dict, bounds: dict, rows: list[dict], started: float, command: str) -> None:
    """Into NAME.json, beside the rows of other seeds that the file holds from runs with the same settings."""
    if old := stored(name, settings):
        new = {row["seed"] for row in rows}
        rows = sorted([*(row for row in old["rows"] if row["seed"] not in new), *rows], key=lambda row: row["seed"])
        started -= old["seconds"]
    write(name, {"settings": settings, "bounds": bounds, "rows": rows}, started, command)


def main(steps: int, seeds: list[int]) -> None:
    judge = Judge(test_captions())
    bounds = judge.bounds()
    for seed in seeds:
        started, rows = time.perf_counter(), run_seed(seed, steps, judge)
        if seed < 100:  # others are for tuning
            settings = SETTINGS | {"steps": steps, "draws": DRAWS, "weights": WEIGHTS, "captions": judge.texts.text}
            write_rows("text", settings, bounds, rows, started, "python bench/msgan_text.py")
    print({name: {key: round(float(value), 3) for key, value in row.items()} for name, row in bounds.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    with threads(1):
        main(arguments.steps, arguments.seeds)
