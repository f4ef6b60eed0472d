"""Fréchet and kernel distances, and perceptual diversity, on any feature network; the result carries its name."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from ganlab.errors import GanlabError
from ganlab.metrics.arrays import slow, waiting
from ganlab.metrics.features import FeatureNetwork, raw


@dataclass(frozen=True)
class Distance:
    """A distance and the features that it was measured on. `spread` is over subsets, for the kernel distance."""

    value: float
    kind: str
    features: str
    real: int
    generated: int
    spread: float | None = None

    def __str__(self) -> str:
        spread = "" if self.spread is None else f" (standard deviation over subsets {self.spread:.4g})"
        return (
            f"{self.kind} distance {self.value:.4g}{spread}, {self.real} real and {self.generated} generated, "
            f"on {self.features}"
        )


class FrechetDistance(FrechetInceptionDistance):
    """torchmetrics' Fréchet distance on a `FeatureNetwork`: `update(samples, real=True)`, `compute()`, `reset()`.

    Unlike its parent it never falls back on Inception: the network is yours to name.

    >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    >>> metric = FrechetDistance(raw(3))
    >>> metric.update(x, real=True); metric.update(x + 1, real=False)
    >>> round(float(metric.compute()), 4)
    3.0
    """

    def __init__(self, features: FeatureNetwork):
        super().__init__(feature=features)  # sums in float64; the network, which others may share, keeps its type


class KernelDistance(KernelInceptionDistance):
    """torchmetrics' kernel distance (KID) on a `FeatureNetwork`; `compute()` gives mean and spread over subsets."""

    def __init__(self, features: FeatureNetwork, subsets: int = 100, subset_size: int = 1000):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*will save all extracted features.*")
            super().__init__(feature=features, subsets=subsets, subset_size=subset_size)


def _as_network(features: FeatureNetwork | None, samples: Tensor) -> FeatureNetwork:
    return raw(samples[0].numel()) if features is None else features


def frechet_distance(
    real: Float[Tensor, "n ..."],
    generated: Float[Tensor, "m ..."],
    features: FeatureNetwork | None = None,
    batch: int = 256,
) -> Distance:
    """|mu_r - mu_g|^2 + tr(S_r + S_g - 2 (S_r S_g)^(1/2)) between Gaussians fitted to features.

    Dowson and Landau 1982; Heusel et al. 2017 on Inception features, which alone may be called FID. From 0, lower is
    better; in squared feature units, so comparable only on the same network. Biased upwards, the more so the fewer
    samples: compare at equal numbers, beside the real-against-real row. It sees means and covariances only.

    Args:
        features: the network; without it the values themselves.

    Raises:
        GanlabError: fewer than two samples on a side.

    >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    >>> print(frechet_distance(x, 2 * x.mean(0) - x + 1))
    Fréchet distance 3, 500 real and 500 generated, on raw values
    """
    if len(real) < 2 or len(generated) < 2:
        raise GanlabError(f"There are {len(real)} real and {len(generated)} generated samples; give at least 2 each.")
    network = _as_network(features, real)
    metric = FrechetDistance(network).to(real.device)
    for samples, is_real in ((real, True), (generated, False)):
        for part in slow(samples.split(batch), f"Fréchet distance on {network.name}"):
            # Sums of squares keep their digits only in float64.
            metric.update(part.double() if features is None else part, real=is_real)
    with waiting("Fréchet distance, matrix root"):
        value = float(metric.compute())
    return Distance(value, "Fréchet", network.name, len(real), len(generated))


def kernel_distance(
    real: Float[Tensor, "n ..."],
    generated: Float[Tensor, "m ..."],
    features: FeatureNetwork | None = None,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 0,
    batch: int = 256,
) -> Distance:
    """The unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3 (Bińkowski et al. 2018).

    The mean over random subsets of `subset_size` (default 1,000, or all when there are fewer). About 0 for a perfect
    generator, slightly negative included; lower is better. `spread` is the standard deviation over subsets, which
    overlap: not a standard error. On Inception features, and only there, it is called KID.

    Raises:
        GanlabError: fewer samples than `subset_size`, or than 2.

    >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    >>> kernel_distance(x[:250], x[250:]).value < 0.05 < kernel_distance(x[:250], x[250:] + 1).value
    True
    """
    fewest = min(len(real), len(generated))
    size = min(1000, fewest) if subset_size is None else subset_size
    if not 2 <= size <= fewest:
        raise GanlabError(
            f"The kernel distance was asked for subsets of {size} of {fewest} samples; give 2 to {fewest}."
        )
    network = _as_network(features, real)
    metric = KernelDistance(network, subsets, size).to(real.device)
    for samples, is_real in ((real, True), (generated, False)):
        for part in slow(samples.split(batch), f"kernel distance on {network.name}"):
            metric.update(part.double() if features is None else part, real=is_real)
    # torchmetrics draws the subsets from the global stream: borrow it, and give it back as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with waiting("kernel distance, subsets"):
            mean, spread = metric.compute()
    return Distance(float(mean), "kernel", network.name, len(real), len(generated), float(spread))


def pairwise_diversity(
    samples: Float[Tensor, "n ..."], features: FeatureNetwork | None = None, pairs: int = 1000, seed: int = 0
) -> Distance:
    """The mean Euclidean feature distance of random pairs of samples: 0 for a generator of one output.

    The stand-in for LPIPS diversity where its weights are not at hand; never call it LPIPS. Compare with real data.
    """
    network = _as_network(features, samples)
    found = network.of(samples).double()
    if len(found) < 2:
        raise GanlabError(f"There are {len(found)} samples; a pair needs 2.")
    rng = torch.Generator().manual_seed(seed)
    first = torch.randint(len(found), (pairs,), generator=rng)
    other = (first + torch.randint(1, len(found), (pairs,), generator=rng)) % len(found)
    first, other = first.to(found.device), other.to(found.device)
    distance = (found[first] - found[other]).norm(dim=1)
    return Distance(float(distance.mean()), "mean pairwise", network.name, len(found), 0, float(distance.std()))


def lpips_diversity(
    images: Float[Tensor, "n 3 height width"],
    net: str = "alex",
    pairs: int = 50,
    seed: int = 0,
    network: nn.Module | None = None,
) -> Distance:
    """The mean LPIPS distance (Zhang et al. 2018) of random pairs: MSGAN's diversity, 50 pairs a condition.

    Args:
        images: in [-1, 1].
        net: the backbone, "alex" or "vgg" or "squeeze"; its ImageNet weights are downloaded by torchvision.
        network: another module `(a, b) -> distance`, used instead (for example one with weights from a file).

    Raises:
        GanlabError: fewer than two images, images outside [-1, 1], or the weights cannot be had; `pairwise_diversity`
            needs none.
    """
    if len(images) < 2:
        raise GanlabError(f"There are {len(images)} images; a pair needs 2.")
    if images.ndim != 4 or images.shape[1] != 3 or float(images.abs().max()) > 1:
        raise GanlabError(
            f"LPIPS takes images (n, 3, height, width) in [-1, 1]; got shape {tuple(images.shape)}, values "
            f"{float(images.min()):.3g} to {float(images.max()):.3g}."
        )
    if network is None:
        try:
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

            network = LearnedPerceptualImagePatchSimilarity(net_type=net).net.to(images.device)
        except Exception as error:
            raise GanlabError(
                f"The LPIPS backbone {net!r} could not be had ({type(error).__name__}: {error}); use "
                "pairwise_diversity with a feature network, which is another quantity."
            ) from None
    rng = torch.Generator().manual_seed(seed)
    first = torch.randint(len(images), (pairs,), generator=rng)
    other = (first + torch.randint(1, len(images), (pairs,), generator=rng)) % len(images)
    with torch.no_grad():
        found = [network(images[a : a + 1], images[b : b + 1]) for a, b in zip(first, other, strict=True)]
    distance = torch.cat([value.flatten() for value in found])
    return Distance(float(distance.mean()), "LPIPS", f"LPIPS ({net})", len(images), 0, float(distance.std()))


__all__ = [
    "Distance",
    "FrechetDistance",
    "KernelDistance",
    "frechet_distance",
    "kernel_distance",
    "lpips_diversity",
    "pairwise_diversity",
]
