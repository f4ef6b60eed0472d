"""Mode separation on images: NEMGAN, its learned prior, and what it is compared with. Single process, one thread.

    python bench/nemgan_images.py digits       # 8x8 digits, 10 modes, 0 to 144 labels
    python bench/nemgan_images.py two          # digits 3 and 5 at 80:20
    python bench/nemgan_images.py fashion      # Fashion-5 at 16x16: 5 groups of garments, .3 .1 .3 .2 .1
    python bench/nemgan_images.py fashion-10   # the same images, ten garments, a tenth each
    python bench/nemgan_images.py hair         # toy faces at 32x32: which are blond? And real faces carried to blond
    python bench/nemgan_images.py glasses      # the same for eyeglasses
    python bench/nemgan_images.py fashion-full # all of Fashion-MNIST at the settings of the authors' code: a GPU, hours
    python bench/nemgan_images.py mnist        # the same on MNIST, where the reader has it
    python bench/nemgan_images.py celeba       # and on CelebA's eyeglasses at 64x64, where it was imported

Each writes data/results/07_nemgan/NAME.json, samples as pictures beside it, for some a checkpoint of the first seed.
`--only CONTESTANT` adds one row to what is there. All contestants have the same networks, batches, steps and Adam; the
number of labels is in the name. All but the last three: MLPs on principal components, three seeds side by side, and a
critic with gradient penalty. The last three: convolutions and the settings of the authors' code.
"""

import argparse
import json
import time
from dataclasses import dataclass, replace

import torch
from nemgan_2d import FOLDER, rounded
from safetensors.torch import load_file, save
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.data.classifiers import load_classifier
from ganlab.data.images import to_uint8, to_unit
from ganlab.data.photos import celeba
from ganlab.data.real import digits, fashion, mnist
from ganlab.data.toyfaces import ATTRIBUTES, faces
from ganlab.devices import pick_device
from ganlab.methods.gan import descend
from ganlab.methods.nemgan import NEMGAN, ClusterGANStyle, InfoGANStyle, mode_cross_entropy
from ganlab.metrics.clustering import adjusted_rand_index, cluster_accuracy, normalised_mutual_information, purity
from ganlab.metrics.distances import frechet_distance
from ganlab.metrics.features import classifier
from ganlab.nets.components import Components
from ganlab.nets.dcgan import dcgan_discriminator, dcgan_encoder, upsampling_generator
from ganlab.nets.inversion import CosineHead, InversionNetwork
from ganlab.nets.mlp import MLP, Linear
from ganlab.seeds import Streams
from ganlab.train import save_checkpoint, threads, write_atomically
from ganlab.train.run import plain, versions

FASHION_5 = torch.tensor([3, 4, 2, 3, 2, 0, 2, 0, 1, 0])  # group of each of the ten garments
SHOWN = 10  # samples of each mode that are kept as pictures
JUDGED = 300  # that the classifier looks at
ATTRIBUTE = {"hair": "Blond_Hair", "glasses": "Eyeglasses", "celeba": "Eyeglasses"}


class Pixels(nn.Identity):
    """Images as they are; compare `Components`."""

    def images(self, pixels: Tensor) -> Tensor:
        return pixels


@dataclass(frozen=True)
class Task:
    """Images as vectors, 0 to 255, with the group of each, and how to find the group of a generated one."""

    name: str
    shape: tuple[int, int, int]
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    names: list[str]
    judge: str | None  # the classifier whose features and answers are used, if there is one
    space: nn.Module  # images to what the networks see, and back

    @property
    def modes(self) -> int:
        return len(self.names)

    @property
    def shares(self) -> Tensor:
        return self.train_labels.bincount(minlength=self.modes).double() / len(self.train_labels)

    def real(self, chosen: Tensor) -> Tensor:
        """Some training images as the networks see them."""
        return self.space(to_unit(self.train[chosen]))

    def on(self, device: torch.device, components: int) -> "Task":
        """The same on a device, as seen through that many components, or as it is for 0."""
        space = Components.of(to_unit(self.train), components) if components else Pixels()
        moved = replace(self, train=self.train.to(device), train_labels=self.train_labels.to(device))
        return replace(moved, space=space.to(device))

    def features(self, images: Tensor) -> Tensor:
        """The classifier's features of images in [-1, 1], (n, features)."""
        return classifier(self.judge).of(images.cpu().view(-1, *self.shape))

    def answers(self, features: Tensor) -> Tensor:
        """What the classifier says of images with these features, (n, outputs)."""
        return load_classifier(self.judge).head(features)

    def group(self, features: Tensor) -> Tensor:
        """The group of each image by the classifier, from its features; -1 for a class that is in none."""
        answers = self.answers(features)
        if self.judge.startswith("fashion"):
            return answers.argmax(1) if self.modes == 10 else FASHION_5[answers.argmax(1)]
        if self.judge == "faces":
            return (answers[:, ATTRIBUTES.index(self.names[1])] > 0).long()
        table = torch.full((10,), -1)
        table[torch.tensor([int(name) for name in self.names])] = torch.arange(self.modes)
        return table[answers.argmax(1)]


def of_classes(name: str, train, test, labels: list[Tensor], names: list[str], judge: str) -> Task:
    shape = tuple(train.images.shape[1:])
    held_out = to_unit(test.images).flatten(1)
    return Task(name, shape, train.images.flatten(1), labels[0], held_out, labels[1], names, judge, Pixels())


def make_task(name: str) -> Task:
    if name in ("digits", "mnist"):
        train, test = ((digits if name == "digits" else mnist)(split) for split in ("train", "test"))
        return of_classes(name, train, test, [train.labels, test.labels], [str(k) for k in range(10)], "digits")
    if name == "two":  # all threes; a quarter as many fives
        train, test = digits("train"), digits("test")
        three, five = ((train.labels == k).nonzero().flatten() for k in (3, 5))
        train = train.take(torch.cat([three, five[: len(three) // 4]]))
        test = test.take((test.labels == 3) | (test.labels == 5))
        return of_classes(name, train, test, [(x.labels == 5).long() for x in (train, test)], ["3", "5"], "digits")
    if name.startswith("fashion"):
        whole = name == "fashion-full"
        train, test = (fashion(split, full=whole, size=28 if whole else 16) for split in ("train", "test"))
        if name == "fashion-10":
            return of_classes(name, train, test, [train.labels, test.labels], list(train.names), "fashion16")
        names = ["shoes", "bag", "tops", "T-shirt, dress", "trousers"]
        labels = [FASHION_5[x.labels] for x in (train, test)]
        return of_classes(name, train, test, labels, names, "fashion" if whole else "fashion16")
    attribute = ATTRIBUTE[name]
    if name == "celeba":
        train, test = (celeba(64, split=split) for split in ("train", "test"))
    else:
        train, test = faces(12_000, 32, seed=70), faces(1500, 32, seed=71)
    labels = [x.column(attribute).long() for x in (train, test)]
    judge = None if name == "celeba" else "faces"
    return of_classes(name, train, test, labels, [f"no {attribute}", attribute], judge)


WGAN = {"adversary": "wasserstein", "betas": (0.5, 0.9)}
PLAIN = {"adversary": "cross-entropy", "betas": (0.5, 0.999)}
UNSUPERVISED = {
    "InfoGAN-style": (InfoGANStyle, False, {"z_weight": 0.0, "prior_start": None}),
    "ClusterGAN-style": (ClusterGANStyle, False, {"prior_start": None}),
    "NEMGAN, uniform prior": (NEMGAN, True, {"prior_start": None, "margin": 12.0}),
}  # class, AM-softmax head, settings
OPTIONS = {
    "prior held": {"prior_start": None}, "plain GAN losses": {"adversary": PLAIN},
    "no noise for h": {"inversion_noise": 0.0}, "one critic step": {"critic_steps": 1},
    "neither": {"inversion_noise": 0.0, "critic_steps": 1},
    "no labels first": {"labels_first": 0}, "too early": {"labels_first": 0, "prior_start": 0},
}  # fmt: skip


def contestant(name: str) -> tuple[type, bool, dict, int]:
    """Class, AM-softmax head, changed settings, number of labels: of "NEMGAN-P, 50 labels, prior held" and the like."""
    if name in UNSUPERVISED:
        return *UNSUPERVISED[name], 0
    _, count, *more = name.split(", ")
    count = 0 if count == "no labels" else int(count.split()[0])
    return NEMGAN, False, {key: value for option in more for key, value in OPTIONS[option].items()}, count


BASELINES = ["k-means on pixels", *UNSUPERVISED]
FIELDS = {
    "digits": [*BASELINES, "NEMGAN-P, no labels"]
    + [f"{what}{n} labels" for n in (14, 50, 144) for what in ("", "NEMGAN-P, ")],
    "two": [*BASELINES, "10 labels", "NEMGAN-P, no labels", "NEMGAN-P, 10 labels"],
    "fashion": [*BASELINES, "45 labels", "45 labels, no noise for h", "NEMGAN-P, no labels", "NEMGAN-P, 45 labels"]
    + [f"NEMGAN-P, 45 labels, {option}" for option in OPTIONS],
    "fashion-10": [*BASELINES, "45 labels", "NEMGAN-P, no labels", "NEMGAN-P, 45 labels"],
    "hair": ["k-means on pixels", "110 labels", "NEMGAN-P, no labels", "NEMGAN-P, 110 labels"],
    "glasses": ["k-means on pixels", "110 labels", "NEMGAN-P, no labels", "NEMGAN-P, 110 labels"],
    "mnist": ["NEMGAN, uniform prior", "NEMGAN-P, 500 labels"],
    "fashion-full": ["NEMGAN-P, 500 labels"],
    "celeba": ["NEMGAN-P, 1500 labels"],
}
KEPT = {  # whose seed 0 is kept as a checkpoint
    "fashion": "NEMGAN-P, 45 labels", "hair": "NEMGAN-P, 110 labels",
    "mnist": "NEMGAN-P, 500 labels", "celeba": "NEMGAN-P, 1500 labels",
}  # fmt: skip


def players(task: Task, seeds: list[int] | int, settings: dict, cosine: bool):
    """MLPs on principal components, of many seeds side by side; or convolutions on pixels, of one seed."""
    rng, latent, width = Streams(seeds, "weights"), task.modes + settings["extra"], settings["width"]
    if settings["components"]:
        dim = settings["components"]
        generator = MLP([latent, width, width, dim], rng)
        critic = MLP([dim, width, width, 1], rng, "leaky_relu", scalar=True)
        body = MLP([dim, width, width, latent], rng, "leaky_relu")
    else:
        channels, side, _ = task.shape
        generator = upsampling_generator(side, channels, latent, width, rng)
        critic = dcgan_discriminator(side, channels, width, rng, norm=False)
        body = dcgan_encoder(side, channels, latent, width, rng, norm=False)
    head = CosineHead(latent, task.modes, rng) if cosine else Linear(latent, task.modes, rng)
    device = task.train.device
    return latent, generator.to(device), critic.to(device), InversionNetwork(body, head).to(device)


def labelled(task: Task, seeds: list[int] | int, count: int) -> tuple[Tensor, Tensor]:
    """Each seed's own random few of the training images, with their groups."""
    if isinstance(seeds, list):
        each = [labelled(task, seed, count) for seed in seeds]
        return tuple(torch.stack(part) for part in zip(*each, strict=True))
    chosen = torch.randperm(len(task.train), generator=torch.Generator().manual_seed(1000 + seeds))[:count]
    return task.real(chosen), task.train_labels[chosen]


def clustering(task: Task, found: Tensor) -> dict[str, float]:
    """Scores of the modes found on the test images."""
    return {
        "accuracy": cluster_accuracy(found, task.test_labels).accuracy,
        "NMI": normalised_mutual_information(found, task.test_labels),
        "ARI": adjusted_rand_index(found, task.test_labels),
        "purity": purity(found, task.test_labels),
    }


@torch.no_grad()
def read(task: Task, inversion: InversionNetwork, seeds: list[int] | int) -> Tensor:
    """The mode of each test image, (seeds, n)."""
    images = task.space(task.test).to(task.train.device)
    images = images.expand(len(seeds), -1, -1) if isinstance(seeds, list) else images
    return inversion(images)[1].argmax(-1).cpu().view(-1, len(task.test))


def generated_scores(task: Task, by_mode: list[Tensor], found: Tensor, real: list[Tensor]) -> dict:
    """For each mode: the share of its samples in its group, of its commonest group, and the Fréchet distance.

    `by_mode` holds samples of each mode, `real` features of each group's training images.
    """
    matching = cluster_accuracy(found, task.test_labels).matching
    scores = {"matching": [matching.get(k, -1) for k in range(task.modes)]}
    scores |= {"mode_purity": [], "commonest": [], "frechet": []}
    for k in range(task.modes):
        features = task.features(by_mode[k])
        groups = task.group(features)
        scores["mode_purity"].append((groups == matching.get(k, -2)).double().mean())
        scores["commonest"].append(groups[groups >= 0].bincount(minlength=task.modes).max() / JUDGED)
        distance = frechet_distance(real[matching[k]], features.double()).value if k in matching else None
        scores["frechet"].append(distance)
    return scores


def run_contestant(
    task: Task, name: str, seeds: list[int] | int, settings: dict, real: list[Tensor]
) -> tuple[list[dict], NEMGAN]:
    """One dict of numbers a seed, and what was trained."""
    kind, cosine, changed, count = contestant(name)
    settings = settings | changed
    latent, generator, critic, inversion = players(task, seeds, settings, cosine)
    passed = ("lr", "inversion_noise", "critic_steps", "z_weight", "margin")
    passed += ("prior_start", "prior_lr", "supervise_start")
    device = task.train.device
    method = kind(
        generator, critic, inversion, rng=Streams(seeds, device=device), modes=task.modes, latent=latent,
        labelled=labelled(task, seeds, count) if count else None,
        **{key: settings[key] for key in passed}, **settings["adversary"],
    )  # fmt: skip
    for _ in range(settings["labels_first"] if count else 0):  # h alone, so that boxes get their names early
        method.supervision_step(settings["batch"])
    draw, priors = Streams(seeds, "data", device), []
    for step in range(settings["steps"]):
        method.step(task.real(draw.integers(len(task.train), settings["batch"])))
        if (step + 1) % max(1, settings["steps"] // 20) == 0:
            priors.append(method.prior.probabilities.view(-1, task.modes).cpu())
    made = [method.sample(JUDGED, mode=k) for k in range(task.modes)]
    by_mode, rows = [by_seed(task, samples) for samples in made], []
    own = torch.stack([(method.posteriors(x).argmax(-1) == k).double().mean(-1) for k, x in enumerate(made)], -1)
    told = told_apart(task, method, seeds)
    for k, found in enumerate(read(task, inversion, seeds)):
        row = {"priors": torch.stack([prior[k] for prior in priors]), "own_box": own.view(-1, task.modes)[k]}
        row["told_apart"] = told[k]
        row |= clustering(task, found)
        if task.judge:
            row |= generated_scores(task, [images[k] for images in by_mode], found, real)
        rows.append(row)
    if task.judge == "faces":
        for row, carried in zip(rows, transferred(task, method, seeds, [r["matching"] for r in rows]), strict=True):
            row["transfer"] = carried
    return rows, method


@torch.no_grad()
def told_apart(task: Task, method: NEMGAN, seeds: list[int] | int) -> list[float]:
    """How often a linear probe on h1's output tells held-out samples from training images; 1/2: it cannot."""
    n = min(1000, len(task.train))
    real = task.real(torch.arange(n))
    real = real.expand(len(seeds), -1, -1) if isinstance(seeds, list) else real
    both = torch.cat([method.inversion(x)[0].cpu() for x in (real, method.sample(n))], -2)
    both = both.view(-1, 2 * n, method.latent)
    fake, even = torch.arange(2 * n) >= n, torch.arange(2 * n) % 2 == 0
    scores = []
    for features in (both - both.mean(1, keepdim=True)) / both.std(1, keepdim=True).clamp(min=1e-6):
        probe = LogisticRegression(max_iter=500).fit(features[even], fake[even])
        scores.append(probe.score(features[~even], fake[~even]))
    return scores


def by_seed(task: Task, samples: Tensor) -> Tensor:
    """What a network made, as images in [-1, 1], (seeds, n, pixels)."""
    return task.space.images(samples).cpu().view(-1, samples.shape[-2], task.test.shape[-1])


def labels_alone(task: Task, name: str, seeds: list[int] | int, settings: dict) -> list[dict]:
    """The same inversion network, trained on nothing but the few labelled images, with the same noise on them.

    `priors` has the mean of what it then says of all training images.
    """
    count, *options = name.split(", ")
    settings = settings | {key: value for option in options for key, value in OPTIONS[option].items()}
    inversion = players(task, seeds, settings, False)[-1]
    optimiser = torch.optim.Adam(inversion.parameters(), settings["lr"])
    images, labels = labelled(task, seeds, int(count.split()[0]))
    modes = F.one_hot(labels, task.modes).float()
    counts = modes.sum(-2, keepdim=True)  # each class that occurs weighs the same
    weights = modes * labels.shape[-1] / counts.clamp(min=1) / (counts > 0).sum(-1, keepdim=True)
    noise = Streams(seeds, "noise", task.train.device)
    for _ in range(settings["labels_alone"]):
        noisy = images + settings["inversion_noise"] * noise.normal(*images.shape[-2:])
        descend(mode_cross_entropy(inversion(noisy)[1], weights), optimiser)
    with torch.no_grad():
        every = task.real(torch.arange(len(task.train)))
        every = every.expand(len(seeds), -1, -1) if isinstance(seeds, list) else every
        shares = inversion(every)[1].softmax(-1).mean(-2).view(-1, 1, task.modes)
    scores = [clustering(task, found) for found in read(task, inversion, seeds)]
    return [row | {"priors": one} for row, one in zip(scores, shares, strict=True)]


def k_means(task: Task, seed: int) -> dict:
    """k-means on the pixels, started afresh for each seed."""
    model = KMeans(task.modes, n_init=10, random_state=seed).fit(to_unit(task.train).cpu().numpy())
    return clustering(task, torch.from_numpy(model.predict(task.test.numpy())).long())


def real_features(task: Task, split: str) -> list[Tensor]:
    """The classifier's features of the first images of each group."""
    labels = task.train_labels.cpu() if split == "train" else task.test_labels
    chosen = [(labels == k).nonzero()[:JUDGED, 0] for k in range(task.modes)]
    images = [to_unit(task.train[x]) if split == "train" else task.test[x] for x in chosen]
    return [task.features(x).double() for x in images]


@torch.no_grad()
def transferred(task: Task, method: NEMGAN, seeds: list[int] | int, matchings: list[list[int]]) -> list[dict]:
    """Real test faces without the attribute carried to its mode: how many then show it, and what else changes."""
    real = task.test[task.test_labels == 0][:JUDGED]
    source = task.space(real).expand(*((len(seeds),) if isinstance(seeds, list) else ()), -1, -1)
    same = by_seed(task, method.generator(method.inversion(source)[0]))
    to_mode = [by_seed(task, method.transfer(source, mode)) for mode in range(2)]
    column = ATTRIBUTES.index(task.names[1])
    others, rows = [k for k in range(len(ATTRIBUTES)) if k != column], []
    for k, matching in enumerate(matchings):
        said = [task.answers(task.features(x)) > 0 for x in (real, same[k], to_mode[1 - matching.index(0)][k])]
        rows.append({
            "before": said[1][:, column].double().mean(),
            "after": said[2][:, column].double().mean(),
            "others_kept_by_inversion": (said[0] == said[1])[:, others].double().mean(),
            "others_kept_by_transfer": (said[1] == said[2])[:, others].double().mean(),
        })  # fmt: skip
    return rows


SHORT = {
    "steps": 1500, "batch": 64, "components": 32, "width": 128, "extra": 20, "lr": 1e-3,
    "inversion_noise": 0.5, "critic_steps": 3, "z_weight": 1.0, "margin": 0.0, "prior_start": 250, "prior_lr": 1e-2,
    "supervise_start": 0, "labels_first": 300, "labels_alone": 500, "adversary": WGAN,
}  # fmt: skip
PUBLISHED = {
    "steps": 200_000, "batch": 64, "components": 0, "width": 64, "extra": 45, "lr": 1e-4,
    "inversion_noise": 0.0, "critic_steps": 1, "z_weight": 10.0, "margin": 0.0, "prior_start": 10_000,
    "prior_lr": 1e-3, "supervise_start": 100, "labels_first": 0, "labels_alone": 5000, "adversary": WGAN,
}  # fmt: skip
SETTINGS = {
    **dict.fromkeys(("digits", "two", "fashion", "fashion-10"), SHORT),
    "hair": SHORT | {"components": 64, "steps": 3000, "critic_steps": 5},
    "glasses": SHORT | {"components": 128, "steps": 3000, "critic_steps": 5},
    "mnist": PUBLISHED | {"extra": 40},  # 50 latent coordinates
    "fashion-full": PUBLISHED,
    "celeba": PUBLISHED | {"extra": 48},
}


FIRST_SEED = {"hair": 3, "glasses": 3}  # seeds 0 to 2 had been seen when their settings were chosen


def compete(task: Task, name: str, seeds: list[int], settings: dict, real: list[Tensor]) -> tuple[dict, NEMGAN | None]:
    """All seeds of one contestant: lists with one entry a seed; and what was trained with the first seed."""
    before, rows, first = time.process_time(), [], None
    for group in [seeds] if settings["components"] else seeds:
        if name == "k-means on pixels":
            rows += [k_means(task, seed) for seed in (group if isinstance(group, list) else [group])]
        elif name[0].isdigit():
            rows += labels_alone(task, name, group, settings)
        else:
            found, method = run_contestant(task, name, group, settings, real)
            rows += found
            first = first or method
    seconds = {"cpu_seconds": round(time.process_time() - before)}
    return plain({key: [row[key] for row in rows] for key in rows[0]}) | seconds, first


def checkpoint(method: NEMGAN, space: nn.Module, one: bool) -> dict:
    """Generator, inversion network and prior of the first seed, and what turns components to images."""
    parts = {part: getattr(method, part).state_dict() for part in ("generator", "inversion", "prior")}
    if not one:
        parts = {part: {name: value[0].clone() for name, value in state.items()} for part, state in parts.items()}
    return parts | {"space": space.state_dict()}


def facts(task: Task, real: list[Tensor]) -> dict:
    known = {"names": task.names, "shares": task.shares, "images": len(task.train), "shape": task.shape}
    known["test_shares"] = task.test_labels.bincount(minlength=task.modes).double() / len(task.test)
    if task.judge:
        known["features"] = classifier(task.judge).name
        test = real_features(task, "test")
        right = torch.cat([task.group(x.float()) == k for k, x in enumerate(test)])
        known["real_in_class"] = right.double().mean()
        if task.judge == "faces":  # who makes one and the same face keeps each other attribute's commoner value
            answers = task.answers(task.features(task.test[task.test_labels == 0][:JUDGED])) > 0
            shown = answers[:, [name != task.names[1] for name in ATTRIBUTES]].double().mean(0)
            known["one_face_keeps"] = torch.maximum(shown, 1 - shown).mean()
        known["frechet_of_real_test"] = [frechet_distance(*pair).value for pair in zip(real, test, strict=True)]
    return rounded(plain(known))


def main(name: str, seeds: list[int], changes: dict, only: list[str], keep: bool) -> None:
    task, settings = make_task(name), {**SETTINGS[name], **changes}
    device = torch.device("cpu") if settings["components"] else pick_device()
    task = task.on(device, settings["components"])
    real = real_features(task, "train") if task.judge else []
    path = FOLDER / f"{name}.json"
    content = {
        "command": f"python bench/nemgan_images.py {name}", "seconds": 0, "versions": versions(),
        "settings": plain({**settings, "seeds": seeds}), "task": facts(task, real), "runs": {},
    }  # fmt: skip
    pictures = {}
    if keep and only and path.exists():
        found = json.loads(path.read_text())
        if found["settings"] == content["settings"]:
            content["runs"], pictures = found["runs"], load_file(path.with_suffix(".safetensors"))
    for contestant_name in only or FIELDS[name]:
        run, method = compete(task, contestant_name, seeds, settings, real)
        content["runs"][contestant_name] = run
        if method is not None:
            rows = torch.stack([by_seed(task, method.sample(SHOWN, mode=k))[0] for k in range(task.modes)])
            pictures[contestant_name] = to_uint8(rows.view(task.modes, SHOWN, *task.shape))
        short = {k: [round(x, 2) for x in run[k]] for k in ("accuracy", "NMI")}
        if "mode_purity" in run:
            short |= {k: [round(sum(x) / len(x), 2) for x in run[k]] for k in ("mode_purity", "commonest")}
            short |= {"prior": rounded([x[-1] for x in run["priors"]])}
            short |= {"frechet": [round(sum(filter(None, x)) / len(x), 1) for x in run["frechet"]]}
        print(f"{contestant_name}: {short} {run.get('transfer', '')} {run['cpu_seconds']} s", flush=True)
        if keep:
            ranks = {n: k for k, n in enumerate(FIELDS[name])}
            content["runs"] = dict(sorted(content["runs"].items(), key=lambda item: ranks.get(item[0], len(ranks))))
            content["seconds"] = sum(run["cpu_seconds"] for run in content["runs"].values())
            FOLDER.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(rounded(plain(content)), separators=(",", ":")) + "\n")
            write_atomically(path.with_suffix(".safetensors"), save(pictures))
            if contestant_name == KEPT.get(name):
                parts = checkpoint(method, task.space, not settings["components"])
                save_checkpoint(FOLDER / f"{name}_checkpoint.safetensors", parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int)
    parser.add_argument("--set", default="{}", help="JSON of settings to change; nothing is written then")
    parser.add_argument("--only", nargs="+", default=[], help="these contestants, beside those in the file")
    arguments = parser.parse_args()
    usual = FIRST_SEED.get(arguments.experiment, 0)
    first = usual if arguments.first_seed is None else arguments.first_seed
    chosen, changes = list(range(first, first + arguments.seeds)), json.loads(arguments.set)
    with threads(1):
        main(arguments.experiment, chosen, changes, arguments.only, not changes and first == usual)
