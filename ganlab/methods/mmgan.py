"""Manifold-Matching GAN (Park et al., arXiv:1707.08273v4): two batches agree when their spheres in feature space do.

The discriminator's last layer before the logit turns samples into feature vectors. A batch of them is summarised by a
sphere: its centroid, and how far from it the vectors lie on average. The generator's loss compares the sphere of fakes
with that of reals and holds *no* ordinary GAN term; the discriminator's does, minus the generator's.

Other methods are called MMGAN too: GANs for multi-modal distributions, multi-modal MRI. This is not they.

Shapes: features `(*seeds, n, dim)`, a centroid `(*seeds, dim)`, a radius and every loss `(*seeds)`. `torch`'s vector
norm has the gradient 0 at 0, so nothing here needs an epsilon inside a root to stay finite: equal batches, a batch of
one and features without any spread all have finite gradients. float32 features must stay below 1e18.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.linalg import vector_norm

from ganlab.errors import GanlabError
from ganlab.methods import gan
from ganlab.methods.gan import GAN, descend, frozen

Kernel = Callable[[Tensor, Tensor, Any], Tensor]


class Sphere(NamedTuple):
    """What the method keeps of a batch: the centroid, and the mean (with a kernel: mean squared) distance from it."""

    centre: Float[Tensor, "*seeds dim"]
    radius: Float[Tensor, "*seeds"]


# Spheres --------------------------------------------------------------------------------------------------------


def centroid(features: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds dim"]:
    """c = (1/n) sum_i s_i (eq. 3): the point with the smallest sum of squared distances (proposition 1)."""
    return features.mean(-2)


def mean_distance(
    features: Float[Tensor, "*seeds n dim"], centre: Float[Tensor, "*seeds dim"]
) -> Float[Tensor, "*seeds"]:
    """l = (1/n) sum_i ||c - s_i|| (eq. 4).

    Departure: eq. 4 is printed without its sum, `||c - s_i|| / n`; the text beside it says "mean distance".
    """
    return vector_norm(features - centre.unsqueeze(-2), dim=-1).mean(-1)


def sphere(features: Float[Tensor, "*seeds n dim"]) -> Sphere:
    """Centroid and mean distance from it. A batch of one is a sphere of radius 0."""
    centre = centroid(features)
    return Sphere(centre, mean_distance(features, centre))


def sphere_loss(real: Sphere, fake: Sphere, alpha: float | Float[Tensor, "*seeds"] = 1.0) -> Float[Tensor, "*seeds"]:
    """L_G = ||c_Y - c_X|| + |l_Y - l_X| (eq. 5), to be minimised by the generator.

    The norm is not squared: its gradient is as long near the goal as far from it. `alpha` on the second term is 1 in
    eq. 5 and appears in eq. 8 only.
    """
    return vector_norm(real.centre - fake.centre, dim=-1) + alpha * (real.radius - fake.radius).abs()


# Kernels: K(a, b) along the last axis; `sigma` may have one value for each seed ------------------------------------


def linear_kernel(
    a: Float[Tensor, "*any dim"], b: Float[Tensor, "*any dim"], sigma: Any = None
) -> Float[Tensor, "*any"]:
    """K(a, b) = a . b, with which eq. 7 and 8 are about squared distances between the features themselves."""
    return (a * b).sum(-1)


def rbf_kernel(
    a: Float[Tensor, "*any dim"], b: Float[Tensor, "*any dim"], sigma: float | Float[Tensor, "*any"]
) -> Float[Tensor, "*any"]:
    """K(a, b) = exp(-||a - b||^2 / (2 sigma^2)), the paper's "RBF". It gives no sigma; see `bandwidth`."""
    return torch.exp(-(vector_norm(a - b, dim=-1) / sigma).square() / 2)


def exponential_kernel(
    a: Float[Tensor, "*any dim"], b: Float[Tensor, "*any dim"], sigma: float | Float[Tensor, "*any"]
) -> Float[Tensor, "*any"]:
    """K(a, b) = exp(-||a - b|| / sigma).

    Departure: the paper's "EXP" comes without a formula. Elsewhere the denominator is written 2 sigma^2; then sigma is
    no distance, and a rule for one kernel is no rule for the other.
    """
    return torch.exp(-vector_norm(a - b, dim=-1) / sigma)


KERNELS: dict[str, Kernel | None] = {
    "sphere": None,  # eq. 5, which has no kernel
    "linear": linear_kernel,
    "rbf": rbf_kernel,
    "exponential": exponential_kernel,
}


def kernel_distance(
    kernel: Kernel, a: Float[Tensor, "*any dim"], b: Float[Tensor, "*any dim"], sigma: Any
) -> Float[Tensor, "*any"]:
    """||phi(a) - phi(b)||^2 = K(a, a) - 2 K(a, b) + K(b, b), the squared distance of two points seen by a kernel."""
    return kernel(a, a, sigma) - 2 * kernel(a, b, sigma) + kernel(b, b, sigma)


def kernel_sphere(features: Float[Tensor, "*seeds n dim"], kernel: Kernel, sigma: Any) -> Sphere:
    """Centroid, and l_K = (1/n) sum_i [K(c, c) - 2 K(c, s_i) + K(s_i, s_i)] (eq. 7): a mean *squared* distance.

    c is the mean of the features and phi(c) its image. That is not the mean of the images phi(s_i) which the maximum
    mean discrepancy compares; so n distances are computed here, not n^2.
    """
    centre = centroid(features)
    per_sample = sigma.unsqueeze(-1) if isinstance(sigma, Tensor) else sigma
    return Sphere(centre, kernel_distance(kernel, centre.unsqueeze(-2), features, per_sample).mean(-1))


def kernel_loss(
    real: Sphere, fake: Sphere, kernel: Kernel, sigma: Any, alpha: float | Float[Tensor, "*seeds"] = 1.0
) -> Float[Tensor, "*seeds"]:
    """L_G^K = K(c_Y, c_Y) - 2 K(c_Y, c_X) + K(c_X, c_X) + alpha |l_K,Y - l_K,X| (eq. 8).

    With the linear kernel the first part is the squared distance of the centroids; with the other two it is
    2 - 2 K(c_Y, c_X), which has no slope once the centroids are many sigma apart.
    """
    centres = kernel_distance(kernel, real.centre, fake.centre, sigma)
    return centres + alpha * (real.radius - fake.radius).abs()


@torch.no_grad()
def bandwidth(
    real: Float[Tensor, "*seeds n dim"], fake: Float[Tensor, "*seeds n dim"], factor: float = 1.0
) -> Float[Tensor, "*seeds"]:
    """sigma = `factor` times the mean distance of reals and fakes *together* from their common centroid.

    The paper gives no rule; this one is ours. It follows the scale of the features, so a discriminator gains nothing by
    scaling them. And (by Jensen's inequality, for as many fakes as reals) it is at least half the distance of the two
    centroids: K(c_Y, c_X) >= exp(-2) at factor 1, and the kernel never goes blind. Treated as a constant: no gradient.
    At least 1e-12, for a batch of equal samples.
    """
    together = torch.cat([real, fake], -2)
    return (factor * mean_distance(together, centroid(together))).clamp(min=1e-12)


# The correlation regulariser ------------------------------------------------------------------------------------


def correlation(features: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds n n"]:
    """A_S: Pearson's correlation of each sample's feature vector with each other's, over the features (rows).

    A vector whose entries are all equal has no correlation; it counts as 0 with everything, itself included.
    """
    centred = features - features.mean(-1, keepdim=True)
    # The square of 1e-6 keeps the slope finite where a vector is constant.
    scaled = centred / torch.sqrt(centred.square().sum(-1, keepdim=True) + 1e-12)
    return scaled @ scaled.mT


def correlation_regulariser(features: Float[Tensor, "*seeds n dim"]) -> Float[Tensor, "*seeds"]:
    """R_G = ||I - A_S||_F (eq. 9): 0 when no two samples of the batch are correlated, sqrt(n(n-1)) when all are equal.

    A batch of n vectors of dimension d cannot reach 0 when n > d - 1; see `rank_floor`. Computed off the diagonal,
    where I - A_S is 0 by definition.
    """
    table = correlation(features)
    others = table - torch.diag_embed(table.diagonal(dim1=-2, dim2=-1))
    return vector_norm(others, dim=(-2, -1))


def rank_floor(n: int, dim: int) -> float:
    """The least R_G that n feature vectors of dimension `dim` can have: sqrt(n^2 / (dim - 1) - n), or 0.

    A_S has trace n and a rank of at most dim - 1 (centring takes one away), so its squared norm is at least
    n^2 / (dim - 1). For dim = 2 that is the value of a fully collapsed batch: R_G then says nothing.

    Raises:
        GanlabError: dim < 2, where a correlation does not exist.
    """
    if dim < 2 or n < 1:
        raise GanlabError(f"There are {n} samples with {dim} features each; a correlation needs at least 2 features.")
    return math.sqrt(max(0.0, n * n / (dim - 1) - n))


# The discriminator's side ---------------------------------------------------------------------------------------


def bounded(features: Float[Tensor, "*seeds n dim"], bound: float) -> Float[Tensor, "*seeds n dim"]:
    """s -> s B / sqrt(B^2 + ||s||^2): every feature vector drawn into the ball of radius B, its direction kept.

    Departure, ours: L_D holds -L_G, and as printed nothing stops the discriminator from winning by multiplying its
    features. Inside the ball ||c_Y - c_X|| < 2B and l <= B, so eq. 5 stays below 3B. A sample's correlations do not
    change (it is one factor a sample), so R_G is what it was. `bound=math.inf` is the paper as printed.
    """
    if math.isinf(bound):
        return features
    length = vector_norm(features, dim=-1, keepdim=True)
    return features * (bound / torch.sqrt(bound**2 + length.square()))


def discriminator_loss(
    real_logits: Float[Tensor, "*seeds n"],
    fake_logits: Float[Tensor, "*seeds n"],
    generator_loss: Float[Tensor, "*seeds"],
    adversarial: float | Float[Tensor, "*seeds"] = 1.0,
) -> Float[Tensor, "*seeds"]:
    """L_D = L_orig - L_G^final (eq. 6 and 10), to be minimised by the discriminator.

    L_orig is the cross-entropy of the plain GAN, as a loss (the paper's eq. 1 taken literally is what D maximises).
    L_G^final includes beta R_G, so as printed D also *raises* the correlation of fakes. `adversarial` weighs the second
    part: 1 in the paper, 0 for a discriminator that only classifies, as in feature matching.
    """
    return gan.discriminator_loss(real_logits, fake_logits) - adversarial * generator_loss


# Moving averages ------------------------------------------------------------------------------------------------


def moving_average(old: Tensor, new: Tensor, delta: float | Tensor) -> Tensor:
    """delta old + (1 - delta) new (algorithm 1, lines 7 to 10).

    `old` is a constant, so the gradient with respect to `new` is 1 - delta: a tenth at the paper's 0.9.
    """
    return delta * old.detach() + (1 - delta) * new


class MovingSphere:
    """A sphere averaged over batches. It starts at the first batch's own (the paper says nothing of the start).

    It averages over *different* discriminators: what it remembers was measured in features that have moved since.
    """

    def __init__(self, delta: float | Float[Tensor, "*seeds"]):
        self.delta = delta
        self.value: Sphere | None = None

    def update(self, batch: Sphere) -> Sphere:
        """The new average, with a graph through this batch only."""
        old = self.value or batch
        of_vectors = self.delta.unsqueeze(-1) if isinstance(self.delta, Tensor) else self.delta
        new = Sphere(
            moving_average(old.centre, batch.centre, of_vectors), moving_average(old.radius, batch.radius, self.delta)
        )
        self.value = Sphere(*(part.detach() for part in new))
        return new

    def state_dict(self) -> dict[str, Tensor]:
        return {} if self.value is None else self.value._asdict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.value = Sphere(**{name: part.clone() for name, part in state.items()}) if state else None


# The methods ----------------------------------------------------------------------------------------------------


class MMGAN(GAN):
    """Manifold-Matching GAN (algorithm 1).

    Args:
        generator, rng, and the other settings: as for `GAN` (its `loss` is not used: there is no such term).
        discriminator: a `ganlab.nets.featured.FeatureDiscriminator`: `features_and_logits(x)`. Use at least 128
            features, see `rank_floor`.
        form: `"sphere"` (eq. 5), or eq. 8 with a kernel: `"linear"`, `"rbf"`, `"exponential"`.
        alpha: weight of the radius term; beta: of R_G (0: not computed); delta: of the past in the moving averages.
            Each may be a tensor of shape `(*seeds)`, so a sweep trains side by side.
        bound: B of `bounded`; `math.inf` for none, as printed.
        factor: of `bandwidth`.
        adversarial: how much of -L_G stands in the discriminator's loss.

    What the paper leaves open, and we chose: the discriminator's L_G is of the batch, the generator's of the moving
    averages, both after line 6 of algorithm 1 as printed; one step of each player in turn, with the same fakes.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        rng,
        form: str = "rbf",
        alpha: float | Float[Tensor, "*seeds"] = 1.0,
        beta: float | Float[Tensor, "*seeds"] = 1.0,
        delta: float | Float[Tensor, "*seeds"] = 0.9,
        bound: float = 1.0,
        factor: float = 1.0,
        adversarial: float | Float[Tensor, "*seeds"] = 1.0,
        **settings: Any,
    ):
        if form not in KERNELS:
            raise GanlabError(f"form is {form!r}; choose one of {', '.join(KERNELS)}.")
        for name, value in {"bound": bound, "factor": factor}.items():
            if not value > 0:
                raise GanlabError(f"{name} is {value}; it must be more than 0.")
        if not bool(((torch.as_tensor(delta) >= 0) & (torch.as_tensor(delta) < 1)).all()):
            raise GanlabError(f"delta is {delta}; it must be at least 0 and less than 1, or nothing new ever enters.")
        _needs_features(discriminator)
        super().__init__(generator, discriminator, rng=rng, **settings)
        self.kernel = KERNELS[form]
        self.alpha, self.beta, self.delta, self.adversarial = alpha, beta, delta, adversarial
        self.bound, self.factor = bound, factor
        self.real_sphere, self.fake_sphere = MovingSphere(delta), MovingSphere(delta)

    def discriminator_step(
        self, real: Float[Tensor, "*seeds n dim"], fake: Float[Tensor, "*seeds n dim"] | None = None
    ) -> dict[str, Tensor]:
        """Line 6: the cross-entropy minus the generator's loss of this batch."""
        fake = self.sample_fakes(real.shape[-2]) if fake is None else fake
        real_features, real_logits = self.discriminator.features_and_logits(real)
        fake_features, fake_logits = self.discriminator.features_and_logits(fake.detach())
        matched, _ = self.generator_loss(real_features, fake_features)
        loss = discriminator_loss(real_logits, fake_logits, matched, self.adversarial)
        descend(loss, self.discriminator_optimiser)
        return {"discriminator_loss": loss.detach()}

    def generator_step(
        self, real: Float[Tensor, "*seeds n dim"], fake: Float[Tensor, "*seeds n dim"] | None = None
    ) -> dict[str, Tensor]:
        """Lines 7 to 11: both averages take in the batch, and the generator follows the gap between them."""
        with frozen(self.discriminator):
            fake = self.sample_fakes(real.shape[-2]) if fake is None else fake
            with torch.no_grad():
                real_features, _ = self.discriminator.features_and_logits(real)
            fake_features, _ = self.discriminator.features_and_logits(fake)
            loss, parts = self.generator_loss(real_features, fake_features, averaged=True)
            descend(loss, self.generator_optimiser)
        return {"generator_loss": loss.detach()} | {name: part.detach() for name, part in parts.items()}

    def step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        """One turn of algorithm 1. The same fakes serve both players."""
        if real.shape[-2] < 2:
            raise GanlabError(f"A batch of {real.shape[-2]} has no sphere; give at least 2 samples.")
        fake = self.sample_fakes(real.shape[-2])
        return self.discriminator_step(real, fake) | self.generator_step(real, fake)

    def sample_fakes(self, n: int) -> Float[Tensor, "*seeds n dim"]:
        """n fresh fakes, with their graph."""
        return self.generator(self.rng.normal(n, self.latent))

    def generator_loss(
        self,
        real_features: Float[Tensor, "*seeds n dim"],
        fake_features: Float[Tensor, "*seeds n dim"],
        averaged: bool = False,
    ) -> tuple[Float[Tensor, "*seeds"], dict[str, Tensor]]:
        """L_G^final (eq. 10) and its parts; `averaged`: of the moving averages, which take in the batch first."""
        real, fake = bounded(real_features, self.bound), bounded(fake_features, self.bound)
        if self.kernel is None:
            spheres = sphere(real), sphere(fake)
        else:
            sigma = bandwidth(real, fake, self.factor)
            spheres = kernel_sphere(real, self.kernel, sigma), kernel_sphere(fake, self.kernel, sigma)
        if averaged:
            spheres = self.real_sphere.update(spheres[0]), self.fake_sphere.update(spheres[1])
        if self.kernel is None:
            matched = sphere_loss(*spheres, self.alpha)
        else:
            matched = kernel_loss(*spheres, self.kernel, sigma, self.alpha)
        if isinstance(self.beta, int | float) and self.beta == 0:
            return matched, {"matched": matched}
        regulariser = correlation_regulariser(fake)
        return matched + self.beta * regulariser, {"matched": matched, "regulariser": regulariser}

    def _parts(self) -> dict[str, Any]:
        return super()._parts() | {"real_sphere": self.real_sphere, "fake_sphere": self.fake_sphere}


def feature_matching_loss(
    real_features: Float[Tensor, "*seeds n dim"], fake_features: Float[Tensor, "*seeds n dim"]
) -> Float[Tensor, "*seeds"]:
    """mean_j |E f_j(x) - E f_j(G(z))|: what the public code of improved GAN minimises (the paper has the squared norm).

    Salimans et al. 2016, arXiv:1606.03498, section 3.1. MMGAN's centre term is its relative.
    """
    return (centroid(real_features) - centroid(fake_features)).abs().mean(-1)


class FeatureMatchingGAN(GAN):
    """The base that the paper calls IGAN: D classifies, G matches the mean of D's features. Settings as for `GAN`."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, **settings: Any):
        _needs_features(discriminator)
        super().__init__(generator, discriminator, **settings)

    def generator_step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        with frozen(self.discriminator):
            fake = self.generator(self.rng.normal(real.shape[-2], self.latent))
            with torch.no_grad():
                real_features, _ = self.discriminator.features_and_logits(real)
            loss = feature_matching_loss(real_features, self.discriminator.features_and_logits(fake)[0])
            descend(loss, self.generator_optimiser)
        return {"generator_loss": loss.detach()}

    def step(self, real: Float[Tensor, "*seeds n dim"]) -> dict[str, Tensor]:
        return self.discriminator_step(real) | self.generator_step(real)


def _needs_features(discriminator: nn.Module) -> None:
    if not hasattr(discriminator, "features_and_logits"):
        raise GanlabError(
            f"The discriminator, {type(discriminator).__name__}, shows no features; give a "
            "ganlab.nets.featured.FeatureDiscriminator."
        )
