"""What the images of a trained generator are worth: modes, lost images, distances, diversity, copies.

To use it:

    against = reference(s)                  # real images, a judge of attributes, a feature network
    measure(trained.sample(4000), against)  # a dict of numbers
    measure(against.fresh, against)         # the same of real images: the row to compare with
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.data.classifiers import read_attributes
from ganlab.data.floors import count_modes
from ganlab.data.images import Batches, to_unit
from ganlab.data.toyfaces import ATTRIBUTES, combinations, faces, mode_of
from ganlab.devices import pick_device
from ganlab.errors import GanlabError
from ganlab.metrics.arrays import nearest
from ganlab.metrics.distances import frechet_distance, kernel_distance, pairwise_diversity
from ganlab.metrics.features import FeatureNetwork, classifier, inception, principal_components
from ganlab.metrics.memorisation import nearest_neighbour_test
from ganlab.metrics.missing_modes import real_probability, train_third_party
from ganlab.nets.classifier import Classifier
from ganlab.nets.dcgan import dcgan_discriminator
from ganlab.scale import pictures
from ganlab.scale.pictures import Pictures
from ganlab.seeds import Streams

SIGMAS = (1.0, 3.5, 4.0)  # of the noise; 3.5 and 4 stand in the paper's table 3 (unverified), 1 sees more (chapter 04)
FRESH = 2  # the seed of the toy faces that stand in for a perfect generator's
THIRD_PARTY = {"batch": 64, "lr": 1e-3}


@dataclass(frozen=True)
class Reference:
    """What generated images are compared with.

    Attributes:
        training, test, fresh: real images in [-1, 1]: those trained on, unseen ones, and unseen ones that take the
            generator's place in the row to compare with (for imports, training images).
        features: what distances are measured on.
        reads: from images to attributes, one column for each of `names`; `None` where nobody can tell.
        shares: how often each attribute is true of real images, as `reads` sees it.
    """

    training: Float[Tensor, "n 3 size size"]
    test: Float[Tensor, "t 3 size size"]
    fresh: Float[Tensor, "f 3 size size"]
    features: FeatureNetwork
    names: tuple[str, ...] = ()
    reads: Callable[[Tensor], Bool[Tensor, "n attributes"]] | None = None
    shares: Float[Tensor, " attributes"] | None = None

    @property
    def of_toy_faces(self) -> bool:
        return self.names == ATTRIBUTES

    @cached_property
    def training_features(self) -> Float[Tensor, "n features"]:
        return self.features.of(self.training)


def reference(
    s: SimpleNamespace,
    n: int = 4000,
    unseen: int = 1000,
    weights: str = "",
    judge_steps: int = 2000,
    searched: int = 10_000,
) -> Reference:
    """Real images for what the settings train on.

    Args:
        n: images in the place of a generator's. unseen: test images.
        weights: file of the published Inception weights; without it the course's face classifier gives the features
            of toy faces, and principal components those of other images. The name says which.
        judge_steps: training steps of the judge of attributes, for imports that have any.
        searched: training images, among which copies are looked for; all, if there are no more.
    """
    if s.data == "faces":
        numbers = ((min(s.count, searched), 0), (unseen, pictures.HELD_OUT), (n, FRESH))
        sets = [faces(many, s.size, seed).images for many, seed in numbers]
    else:
        data = pictures.training(s)
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(FRESH))
        others = order[: max(n, len(data) - n)][:searched]  # if there are enough, none in the generator's place
        sets = data.images[others], pictures.held_out(s, unseen).images, data.images[order[-n:]]
    training, test, fresh = map(to_unit, sets)
    if weights:
        published = inception(weights)
        features = FeatureNetwork(lambda x: published((127.5 * (x + 1)).round().byte()), published.name, 2048)
    elif s.data == "faces":
        features = classifier("faces")
    else:
        features = principal_components(training[:n])
    found = Reference(training, test, fresh, features)
    if s.data == "faces":
        found = replace(found, names=ATTRIBUTES, reads=read_attributes)
    elif data.attributes is not None:
        found = replace(found, names=data.names, reads=attribute_judge(data, judge_steps))
    return replace(found, shares=found.reads(test).double().mean(0)) if found.reads else found


def measure(
    images: Float[Tensor, "n 3 size size"],
    against: Reference,
    sigmas: Sequence[float] = SIGMAS,
    third_party_steps: int = 400,
) -> dict[str, Any]:
    """Everything at once, for as many images as you like.

    Returns:
        frechet, kernel: distances to the test images on `against.features`. diversity: mean distance of two images.
        missing: for each sigma, how many test images a third party is sure are none of the generator's (a number for
        each, of len(against.test)). copies: the share of images that all but equal one of `against.training`.
        nearest: the median distance to the nearest of those. closer: the probability that an image is nearer to them
        than a test image is.
        With a judge: shares of the attributes, and their mean absolute error.
        On toy faces: modes, the number expected of a perfect generator, reverse_kl and its floor, and `impossible`,
        the share of images whose attributes exclude each other.
    """
    network = against.features
    real, made = network.of(against.test), network.of(images)
    copying = nearest_neighbour_test(against.training_features, made, real)
    found: dict[str, Any] = {
        "images": len(images),
        "frechet": frechet_distance(real, made).value,
        "kernel": kernel_distance(real, made, subsets=20).value,
        "diversity": pairwise_diversity(made).value,
        "nearest": float(nearest(made, against.training_features)[0].median()),
        "closer": copying.closer,
        "copies": copying.copies,
        "missing": {f"{sigma:g}": missing_images(images, against, sigma, third_party_steps) for sigma in sigmas},
    }
    if against.reads is None:
        return found
    attributes = against.reads(images)
    shares = attributes.double().mean(0)
    found["shares"] = dict(zip(against.names, shares.tolist(), strict=True))
    found["attribute_error"] = float((shares - against.shares).abs().mean())
    if against.of_toy_faces:
        counted = count_modes(mode_of(attributes), combinations()[1])
        found |= {"modes": counted.modes, "expected_modes": counted.expected, "deviation": counted.deviation}
        found |= {"reverse_kl": counted.reverse_kl, "kl_floor": counted.kl_floor}
        found["impossible"] = counted.outside / len(images)
    return found


def missing_images(images: Tensor, against: Reference, sigma: float, steps: int) -> int:
    """Test images that a third party is sure are real, at 0.9 or more (see `ganlab.metrics.missing_modes`).

    It is a DCGAN discriminator of width 8, trained anew; its noise has standard deviation sigma.
    """
    size = images.shape[-1]
    network = nn.Sequential(nn.Flatten(), dcgan_discriminator(size, images.shape[1], 8, 0), nn.Unflatten(0, (-1, 1)))
    training = against.training[: len(images)]  # no more than there are generated ones
    judge = train_third_party(training, images, sigma, network, steps, seed=0, **THIRD_PARTY)
    return int((real_probability(judge, against.test, sigma, draws=4, seed=0) >= 0.9).sum())


def interpolation(trained, rows: int = 4, frames: int = 9, seed: int = 0) -> Float[Tensor, "rows frames 3 size size"]:
    """Images on straight lines between two latents; what else a generator takes stays as it is at the line's start.

    Of a generator with boxes (nemgan) both ends are of one box, since between boxes there is nothing to draw.
    """
    starts = Streams(seed, "interpolation, start"), Streams(seed, "interpolation, end")
    ends = [trained.inputs(rows, rng, **({} if trained.prior is None else {"mode": 0})) for rng in starts]
    weights = torch.linspace(0, 1, frames, device=trained.device)[:, None, None]
    latents = torch.lerp(ends[0][0], ends[1][0], weights).transpose(0, 1).flatten(0, 1)
    others = (x.repeat_interleave(frames, 0) for x in ends[0][1:])
    return trained.images(latents, *others).unflatten(0, (rows, frames))


def nearest_training_images(
    images: Float[Tensor, "n 3 size size"], against: Reference
) -> tuple[Float[Tensor, "n 3 size size"], Float[Tensor, " n"]]:
    """For each image the nearest training image by features, and its distance."""
    distance, index = nearest(against.features.of(images), against.training_features)
    return against.training[index[:, 0]], distance[:, 0]


# A judge of attributes, for images that nobody has trained one for ------------------------------------------------


class AttributeJudge:
    """A small classifier of all attributes, with its accuracy on images that it was not trained on."""

    def __init__(self, network: Classifier, accuracy: dict[str, float]):
        self.network, self.accuracy = network, accuracy

    @torch.no_grad()
    def __call__(self, images: Float[Tensor, "n 3 size size"]) -> Bool[Tensor, "n attributes"]:
        device = next(self.network.parameters()).device
        return torch.cat([self.network(part.to(device)).cpu() > 0 for part in images.split(512)])


def attribute_judge(
    data: Pictures, steps: int, batch: int = 128, size: int = 64, held_out: int = 1000, seed: int = 0
) -> AttributeJudge:
    """Train a judge on all images but the last `held_out` (at most a fifth), on which its accuracy is measured.

    Raises:
        GanlabError: the data have no attributes.
    """
    if data.attributes is None:
        raise GanlabError(f"{data.name} has no attributes to learn; import it with them.")
    held_out = min(held_out, len(data) // 5)
    device = pick_device()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier(3, min(size, data.images.shape[-1]), len(data.names), (32, 64, 128)).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps, pct_start=0.2)
    fit, kept = (slice(0, len(data) - held_out), slice(len(data) - held_out, None))
    batches = Batches(data.images[fit], batch, seed, data.attributes[fit].float(), device, floats=True)
    for _ in range(steps):
        images, wanted = next(batches)
        loss = F.binary_cross_entropy_with_logits(network(images), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    judge = AttributeJudge(network.eval(), {})
    right = (judge(to_unit(data.images[kept])) == data.attributes[kept]).double().mean(0)
    judge.accuracy = dict(zip(data.names, right.tolist(), strict=True))
    return judge
