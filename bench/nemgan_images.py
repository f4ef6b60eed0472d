"""Mode separation on images: NEMGAN, its learned prior, and what it is compared with. Single process, one thread.

    python bench/nemgan_images.py digits     # 8x8 digits, 10 modes
    python bench/nemgan_images.py two        # digits 3 and 5 at 80:20
    python bench/nemgan_images.py fashion    # Fashion-5 at 16x16: 5 groups of garments, .3 .1 .3 .2 .1
    python bench/nemgan_images.py faces      # toy faces at 16x16: a rare attribute, and real faces carried to it
    python bench/nemgan_images.py fashion-full   # all of Fashion-MNIST, settings of the authors' code: hours
    python bench/nemgan_images.py mnist          # the same on MNIST, where the reader has it

Each writes data/results/07_nemgan/NAME.json, and samples as PICTURES beside it. All contestants have the same networks
(MLPs, so that three seeds train side by side), batches, steps and Adam; who sees labels is said in the table.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.data.classifiers import logits as judged
from ganlab.data.images import to_uint8, to_unit
from ganlab.data.real import digits, fashion, mnist
from ganlab.data.toyfaces import ATTRIBUTES, faces
from ganlab.methods.gan import descend
from ganlab.methods.nemgan import NEMGAN, mode_cross_entropy
from ganlab.metrics.clustering import adjusted_rand_index, cluster_accuracy, normalised_mutual_information, purity
from ganlab.metrics.distances import frechet_distance
from ganlab.metrics.features import classifier
from ganlab.nets.inversion import CosineHead, InversionNetwork
from ganlab.nets.mlp import MLP, Linear
from ganlab.seeds import Streams
from ganlab.train import threads, write_atomically
from ganlab.train.run import plain, versions

FOLDER = Path(__file__).parents[1] / "data" / "results" / "07_nemgan"
FASHION_5 = torch.tensor([3, 4, 2, 3, 2, 0, 2, 0, 1, 0])  # group of each of the ten garments
SHOWN = 10  # samples of each mode that are kept as pictures


@dataclass(frozen=True)
class Task:
    """Images as vectors in [-1, 1] with the group of each, and how to find the group of a generated one."""

    name: str
    shape: tuple[int, int, int]
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    names: list[str]
    judge: str  # the classifier whose features and answers are used
    labelled: int

    @property
    def modes(self) -> int:
        return len(self.names)

    @property
    def shares(self) -> Tensor:
        return self.train_labels.bincount(minlength=self.modes).double() / len(self.train_labels)

    def group(self, images: Tensor) -> Tensor:
        """The group of each image by the classifier; -1 for a class that is in none."""
        answers = judged(self.judge, images.clamp(-1, 1).view(-1, *self.shape))
        if self.judge == "fashion":
            return FASHION_5[answers.argmax(1)]
        if self.judge == "faces":
            return (answers[:, ATTRIBUTES.index(self.names[1])] > 0).long()
        table = torch.full((10,), -1)
        table[torch.tensor([int(name) for name in self.names])] = torch.arange(self.modes)
        return table[answers.argmax(1)]


def flat(images: Tensor) -> Tensor:
    return to_unit(images).flatten(1)


def make_task(name: str, attribute: str) -> Task:
    if name in ("digits", "two"):
        train, test = digits("train"), digits("test")
        if name == "digits":
            kept, kept_test, names, count = slice(None), slice(None), [str(k) for k in range(10)], 14
        else:  # all threes; a quarter as many fives
            three, five = ((train.labels == k).nonzero().flatten() for k in (3, 5))
            kept, names, count = torch.cat([three, five[: len(three) // 4]]), ["3", "5"], 10
            kept_test = (test.labels == 3) | (test.labels == 5)
        labels, test_labels = train.labels[kept], test.labels[kept_test]
        if name == "two":
            labels, test_labels = (labels == 5).long(), (test_labels == 5).long()
        return Task(
            name, (1, 8, 8), flat(train.images[kept]), labels, flat(test.images[kept_test]), test_labels, names,
            "digits", count,
        )  # fmt: skip
    if name == "mnist":
        train, test = mnist("train"), mnist("test")
        return Task(
            name, (1, 28, 28), flat(train.images), train.labels, flat(test.images), test.labels,
            [str(k) for k in range(10)], "digits", 500,
        )  # fmt: skip
    if name.startswith("fashion"):
        whole = name == "fashion-full"
        train, test = (fashion(split, full=whole, size=28 if whole else 16) for split in ("train", "test"))
        names = ["shoes", "bag", "tops", "T-shirt, dress", "trousers"]
        return Task(
            name, tuple(train.images.shape[1:]), flat(train.images), FASHION_5[train.labels], flat(test.images),
            FASHION_5[test.labels], names, "fashion", 500 if whole else 50,
        )  # fmt: skip
    train, test = faces(6000, 16, seed=70), faces(1500, 16, seed=71)
    return Task(
        name, (3, 16, 16), flat(train.images), train.column(attribute).long(), flat(test.images),
        test.column(attribute).long(), [f"no {attribute}", attribute], "faces", 60,
    )  # fmt: skip


class ClusterGANStyle(NEMGAN):
    """A fixed prior; z = (one-hot, normal noise of 0.1), both recovered; no boxes (after arXiv:1809.03627)."""

    def place(self, modes: Tensor, noise: Tensor) -> Tensor:
        normal = torch.erfinv(noise.clamp(-0.999999, 0.999999)) * 2**0.5
        return torch.cat([modes, 0.1 * normal[..., self.modes :]], -1)


class InfoGANStyle(NEMGAN):
    """A fixed prior; z = (one-hot, uniform noise); only the mode is recovered, by a network of its own."""

    def place(self, modes: Tensor, noise: Tensor) -> Tensor:
        return torch.cat([modes, noise[..., self.modes :]], -1)


CONTESTANTS = {
    "InfoGAN-style": (InfoGANStyle, {"z_weight": 0.0, "prior_start": None}, False, False),
    "ClusterGAN-style": (ClusterGANStyle, {"prior_start": None}, False, False),
    "NEMGAN, uniform prior": (NEMGAN, {"prior_start": None, "margin": 12.0}, True, False),
    "NEMGAN-P, no labels": (NEMGAN, {}, False, False),
    "NEMGAN-P, labels": (NEMGAN, {}, False, True),
}  # class, settings, AM-softmax head, sees labels
FIELDS = {  # who runs where, when not all do
    "digits": ["InfoGAN-style", "ClusterGAN-style", "NEMGAN, uniform prior"],  # even classes: nothing to learn
    "two": ["NEMGAN-P, no labels", "NEMGAN-P, labels"],
    "fashion": ["NEMGAN-P, no labels", "NEMGAN-P, labels"],
    "faces": ["NEMGAN-P, labels"],
}


def players(task: Task, seeds: list[int], width: int, extra: int, cosine: bool):
    rng, latent, dim = Streams(seeds, "weights"), task.modes + extra, task.train.shape[1]
    generator = nn.Sequential(MLP([latent, width, width, dim], rng), nn.Tanh())
    critic = MLP([dim, width, width, 1], rng, "leaky_relu", scalar=True)
    head = CosineHead(latent, task.modes, rng) if cosine else Linear(latent, task.modes, rng)
    body = MLP([dim, width, width, latent], rng, "leaky_relu")
    return rng, latent, generator, critic, InversionNetwork(body, head)


def labelled(task: Task, seeds: list[int]) -> tuple[Tensor, Tensor]:
    """Each seed's own random few of the training images, with their groups."""
    chosen = [torch.randperm(len(task.train), generator=torch.Generator().manual_seed(1000 + s)) for s in seeds]
    chosen = torch.stack([order[: task.labelled] for order in chosen])
    return task.train[chosen], task.train_labels[chosen]


def clustering(found: Tensor, true: Tensor) -> dict[str, list[float]]:
    """Scores of the modes found on the test images, one a seed."""
    measures = {
        "accuracy": lambda a, b: cluster_accuracy(a, b).accuracy,
        "NMI": normalised_mutual_information,
        "ARI": adjusted_rand_index,
        "purity": purity,
    }
    return {name: [measure(row, true) for row in found] for name, measure in measures.items()}


def generated_scores(task: Task, method: NEMGAN, found: Tensor, n: int = 500) -> dict:
    """For each seed and mode: the share of its samples in its group, and their Fréchet distance to that group."""
    network = classifier(task.judge)
    features = network.of(task.train.view(-1, *task.shape)).double()
    by_mode = torch.stack([method.sample(n, mode=k) for k in range(task.modes)], 1)  # seeds, modes, n, dim
    purities, distances, matchings = [], [], []
    for row, images in zip(found, by_mode, strict=True):
        matching = cluster_accuracy(row, task.test_labels).matching
        groups = torch.stack([task.group(part) for part in images])
        purities.append([float((g == matching.get(k, -2)).double().mean()) for k, g in enumerate(groups)])
        distances.append([])
        for k, part in enumerate(images):
            real = features[task.train_labels == matching.get(k, 0)]
            made = network.of(part[: len(real)].view(-1, *task.shape)).double()
            distances[-1].append(frechet_distance(real[:n], made).value if k in matching else None)
        matchings.append([matching.get(k, -1) for k in range(task.modes)])
    return {"mode_purity": purities, "frechet": distances, "matching": matchings}


def run_contestant(task: Task, name: str, seeds: list[int], settings: dict) -> tuple[dict, NEMGAN]:
    kind, own, cosine, sees_labels = CONTESTANTS[name]
    rng, latent, generator, critic, inversion = players(task, seeds, settings["width"], settings["extra"], cosine)
    method = kind(
        generator, critic, inversion, rng=rng, modes=task.modes, latent=latent, lr=settings["lr"],
        labelled=labelled(task, seeds) if sees_labels else None, supervise_start=0,
        **{"prior_start": settings["prior_start"], "prior_lr": settings["prior_lr"], **settings["adversary"], **own},
    )  # fmt: skip
    draw, priors = Streams(seeds, "data"), []
    for step in range(settings["steps"]):
        method.step(task.train[draw.integers(len(task.train), settings["batch"])])
        if (step + 1) % max(1, settings["steps"] // 20) == 0:
            priors.append(method.prior.probabilities)
    test = task.test.expand(len(seeds), -1, -1)
    found = method.posteriors(test).argmax(-1)
    result = {"sees_labels": sees_labels, "priors": torch.stack(priors, 1), **clustering(found, task.test_labels)}
    return result | generated_scores(task, method, found), method


def labels_alone(task: Task, seeds: list[int], settings: dict) -> dict:
    """The same inversion network, trained on nothing but the few labelled images."""
    inversion = players(task, seeds, settings["width"], settings["extra"], False)[-1]
    optimiser = torch.optim.Adam(inversion.parameters(), settings["lr"])
    images, labels = labelled(task, seeds)
    modes = F.one_hot(labels, task.modes).float()
    weights = 1 / modes.sum(1, keepdim=True).clamp(min=1)
    weights = (modes * weights).sum(-1, keepdim=True) * modes * len(labels[0]) / task.modes
    for _ in range(1000):
        descend(mode_cross_entropy(inversion(images)[1], weights), optimiser)
    with torch.no_grad():
        found = inversion(task.test.expand(len(seeds), -1, -1))[1].argmax(-1)
    return {"sees_labels": True, **clustering(found, task.test_labels)}


def k_means(task: Task, seeds: list[int]) -> dict:
    """k-means on the pixels, started afresh for each seed."""
    found = [KMeans(task.modes, n_init=10, random_state=s).fit(task.train.numpy()) for s in seeds]
    found = torch.stack([torch.from_numpy(model.predict(task.test.numpy())).long() for model in found])
    return {"sees_labels": False, **clustering(found, task.test_labels)}


def real_distances(task: Task, n: int = 500) -> list[float]:
    """The Fréchet distance of each group's training images to its test images: what no generator can beat."""
    network, found = classifier(task.judge), []
    for k in range(task.modes):
        groups = ((task.train, task.train_labels), (task.test, task.test_labels))
        pair = (network.of(x[y == k][:n].view(-1, *task.shape)).double() for x, y in groups)
        found.append(frechet_distance(*pair).value)
    return found


def transferred(task: Task, method: NEMGAN, mode: int) -> dict:
    """Real test faces without the attribute carried to its mode: how many then show it, and what else changes."""
    source = task.test[task.test_labels == 0][:500].expand(len(method.rng.seeds), -1, -1)
    with torch.no_grad():
        code = method.inversion(source)[0]
        same, carried = method.generator(code), method.transfer(source, mode)
    shown = [[float((task.group(x[s]) == 1).double().mean()) for s in range(len(x))] for x in (same, carried)]
    return {"images": torch.stack([source, same, carried], 1), "before": shown[0], "after": shown[1]}


SHORT = {
    "steps": 1000, "batch": 64, "width": 128, "extra": 10, "lr": 1e-3, "prior_start": 300, "prior_lr": 5e-3,
    "adversary": {"adversary": "cross-entropy", "betas": (0.5, 0.999)},
}  # fmt: skip
PUBLISHED = {
    "steps": 200_000, "batch": 64, "width": 512, "extra": 45, "lr": 1e-4, "prior_start": 10_000, "prior_lr": 1e-3,
    "adversary": {"adversary": "wasserstein", "betas": (0.5, 0.9)},
}  # fmt: skip
SETTINGS = {
    "digits": SHORT,
    "two": SHORT,
    "fashion": SHORT,
    "faces": SHORT | {"extra": 20},
    "mnist": PUBLISHED | {"extra": 40},  # 50 latent coordinates
    "fashion-full": PUBLISHED,
}


def main(name: str, seeds: list[int], changes: dict, attribute: str, only: list[str]) -> None:
    started, task = time.perf_counter(), make_task(name, attribute)
    settings = {**SETTINGS[name], **changes}
    facts = {"names": task.names, "shares": task.shares, "images": len(task.train), "labelled": task.labelled}
    facts["features"] = classifier(task.judge).name
    facts["test_shares"] = task.test_labels.bincount(minlength=task.modes).double() / len(task.test)
    facts["real_in_class"] = (task.group(task.test) == task.test_labels).double().mean()
    runs, pictures = {}, {}
    runs["k-means on pixels"] = k_means(task, seeds)
    runs["the labels alone"] = labels_alone(task, seeds, settings)
    for contestant in only or FIELDS.get(name, CONTESTANTS):
        before = time.process_time()
        runs[contestant], method = run_contestant(task, contestant, seeds, settings)
        runs[contestant]["cpu_seconds"] = round(time.process_time() - before)
        slug = contestant.lower().replace(", ", "_").replace(" ", "_").replace("-", "_")
        rows = torch.stack([method.sample(SHOWN, mode=k)[0] for k in range(task.modes)])
        pictures[slug] = to_uint8(rows.view(task.modes, SHOWN, *task.shape))
        if name == "faces" and contestant.startswith("NEMGAN"):
            carried = transferred(task, method, 1)
            pictures[f"{slug}_transfer"] = to_uint8(carried.pop("images")[0, :, :SHOWN].view(3, SHOWN, *task.shape))
            runs[contestant]["transfer"] = carried
        short = {k: [round(x, 2) for x in runs[contestant][k]] for k in ("accuracy", "NMI", "purity")}
        made = [round(sum(row) / len(row), 2) for row in runs[contestant]["mode_purity"]]
        prior = rounded(runs[contestant]["priors"][:, -1].tolist())
        print(f"{contestant}: {short} made {made} prior {prior} {runs[contestant]['cpu_seconds']} s", flush=True)
        content = {
            "command": f"python bench/nemgan_images.py {name}", "seconds": round(time.perf_counter() - started),
            "versions": versions(), "settings": {**settings, "seeds": seeds}, "task": facts,
            "frechet_of_real_test": real_distances(task), "runs": runs,
        }  # fmt: skip
        if not only:
            FOLDER.mkdir(parents=True, exist_ok=True)
            write_atomically(FOLDER / f"{name}.json", json.dumps(rounded(plain(content)), separators=(",", ":")) + "\n")
            write_atomically(FOLDER / f"{name}.safetensors", save(pictures))
    for title in ("k-means on pixels", "the labels alone"):
        print(title, {k: [round(x, 2) for x in runs[title][k]] for k in ("accuracy", "NMI", "purity")})


def rounded(value):
    """Four digits are enough."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) and abs(value) > 1e-2 else value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--set", default="{}", help="JSON of settings to change; with --only for trials")
    parser.add_argument("--attribute", default="Blond_Hair")
    parser.add_argument("--only", action="append", default=[], help="these contestants, nothing is written")
    arguments = parser.parse_args()
    chosen = list(range(arguments.first_seed, arguments.first_seed + arguments.seeds))
    with threads(1):
        main(arguments.experiment, chosen, json.loads(arguments.set), arguments.attribute, arguments.only)
