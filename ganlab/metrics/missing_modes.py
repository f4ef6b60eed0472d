"""How much of the data lies in modes that the generator misses, without labels: the third-party discriminator.

Che et al. (Mode Regularized GAN, ICLR 2017, section 4.1.2 of arXiv v1): when the generator is finished, train a *new*
discriminator on generated against training data, with Gaussian noise added to its input; test images that it is sure
are real lie where the generator puts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.data.mixtures import GaussianMixture
from ganlab.errors import GanlabError
from ganlab.metrics.arrays import slow
from ganlab.metrics.ndb import two_proportion_z


def ideal_discriminator(
    x: Float[Tensor, "*batch dim"], real: GaussianMixture, generated: GaussianMixture, sigma: float
) -> Float[Tensor, "*batch"]:
    """p_r / (p_r + p_g) where both densities are blurred with N(0, sigma^2 I): what the trained one should approach.

    Near 1 where only the data are, 1/2 where both are. (Equation 5 of arXiv v1 prints p_g in the numerator, against
    its own text.)
    """
    return torch.sigmoid(blurred(real, sigma).log_density(x) - blurred(generated, sigma).log_density(x))


def blurred(mixture: GaussianMixture, sigma: float) -> GaussianMixture:
    """The mixture plus independent N(0, sigma^2 I) noise: each mode's variance grows by sigma^2."""
    return GaussianMixture(
        mixture.centres, (mixture.sigma.square() + sigma**2).sqrt(), mixture.weights, f"{mixture.name}, blurred"
    )


@dataclass(frozen=True)
class MissingModes:
    """What `missing_mode_mass` found.

    `share`: of the test samples, the part that scores at least `threshold`: the mass of the missing modes.
    `count`: how many those are, `n`: of how many. `scores`: the discriminator's probability that each test sample is
    real, averaged over draws of the noise. `real_share`: the same measured for held-out real data in the place of the
    generated, the row to compare with (NaN when it was not asked for); `z`: `share` over `real_share` in standard
    errors.
    """

    share: float
    count: int
    n: int
    scores: Float[Tensor, " n"]
    sigma: float
    threshold: float
    real_share: float
    z: float

    def __str__(self) -> str:
        return (
            f"{self.count} of {self.n} test samples ({100 * self.share:.1f} %) lie in missing modes "
            f"(noise {self.sigma:.3g}, threshold {self.threshold:g}); real against real: {100 * self.real_share:.1f} %"
        )


def default_discriminator(shape: tuple[int, ...]) -> nn.Module:
    """Two hidden layers of 128 for vectors; two strided convolutions and a linear layer for images."""
    if len(shape) == 1:
        return nn.Sequential(nn.Linear(shape[0], 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
    channels, height, width = shape
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 3, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(64 * ((height + 3) // 4) * ((width + 3) // 4), 1),
    )


def train_third_party(
    training: Float[Tensor, "n ..."],
    generated: Float[Tensor, "m ..."],
    sigma: float,
    discriminator: nn.Module | None = None,
    steps: int = 500,
    batch: int = 128,
    lr: float = 1e-3,
    seed: int = 0,
) -> nn.Module:
    """Train D* to tell training data (logit up) from generated samples (down), noise on every input.

    The noise keeps it from separating the two perfectly: without it every test sample scores 1.
    """
    rng = torch.Generator(training.device).manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if discriminator is None:
            discriminator = default_discriminator(tuple(training.shape[1:]))
    discriminator = discriminator.to(training).train()
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=lr)
    for _ in slow(range(steps), "third-party discriminator"):
        logits = []
        for samples in (training, generated):
            chosen = samples[torch.randint(len(samples), (batch,), generator=rng, device=rng.device)]
            logits.append(discriminator(chosen + sigma * _noise(chosen, rng)))
        real_logits, generated_logits = logits
        loss = F.softplus(-real_logits).mean() + F.softplus(generated_logits).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return discriminator.eval()


def _noise(like: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=rng, device=like.device, dtype=like.dtype)


@torch.no_grad()
def real_probability(
    discriminator: nn.Module, x: Float[Tensor, "n ..."], sigma: float, draws: int = 8, seed: int = 0
) -> Float[Tensor, " n"]:
    """sigmoid(D*) averaged over `draws` of the input noise."""
    rng = torch.Generator(x.device).manual_seed(seed)
    total = torch.zeros(len(x), device=x.device, dtype=x.dtype)
    for _ in range(draws):
        parts = [discriminator(part + sigma * _noise(part, rng)).flatten() for part in x.split(1024)]
        total += torch.cat(parts).sigmoid()
    return total / draws


def missing_mode_mass(
    training: Float[Tensor, "n ..."],
    generated: Float[Tensor, "m ..."],
    test: Float[Tensor, "t ..."],
    sigma: float,
    threshold: float = 0.9,
    held_out: Float[Tensor, "h ..."] | None = None,
    discriminator: nn.Module | None = None,
    steps: int = 500,
    batch: int = 128,
    lr: float = 1e-3,
    seed: int = 0,
) -> MissingModes:
    """The share of unseen real data that a noisy third-party discriminator takes for real with certainty.

    share = mean over test samples of [ E_noise sigmoid D*(x + noise) >= threshold ]. Range 0 to 1, lower is better.
    The paper gives no cut-off ("close to 1"); `threshold` is our choice, as is one discriminator for vectors and one
    for images. Both, and the training budget, must be the same for every generator that is compared.

    Args:
        training, generated: what the discriminator is trained on.
        test: real samples that it has not seen.
        sigma: the standard deviation of its input noise, in data units. Too small and everything is missing; too
            large and nothing is. About the distance between neighbouring modes over 4 works on the ring.
        held_out: more real samples, which take the generator's place for the row to compare with. Without them that
            row is not computed.
        discriminator: an untrained module from samples to one logit; it is trained in place.

    Raises:
        GanlabError: an empty set, shapes that differ, a sigma or threshold out of range.
    """
    sets = {"training": training, "generated": generated, "test": test}
    shapes = {name: tuple(x.shape[1:]) for name, x in sets.items()}
    if len(set(shapes.values())) > 1:
        raise GanlabError(f"Samples differ in shape ({shapes}); bring them to one shape first.")
    if min(len(training), len(generated), len(test)) == 0:
        raise GanlabError("One of training, generated and test is empty; give at least one sample in each.")
    if sigma < 0 or not 0.5 < threshold < 1:
        raise GanlabError(f"sigma is {sigma} and threshold {threshold}; give sigma >= 0 and a threshold in (0.5, 1).")
    if discriminator is not None and held_out is not None:
        raise GanlabError("A discriminator of your own is trained once; leave held_out out, or run it a second time.")

    def scores_against(other: Tensor) -> Tensor:
        judge = train_third_party(training, other, sigma, discriminator, steps, batch, lr, seed)
        return real_probability(judge, test, sigma, seed=seed)

    scores = scores_against(generated)
    share, n = float((scores >= threshold).double().mean()), len(test)
    real_share, z = float("nan"), float("nan")
    if held_out is not None:
        real_share = float((scores_against(held_out) >= threshold).double().mean())
        pair = torch.tensor([[real_share], [share]], dtype=torch.float64)
        z = float(two_proportion_z(pair[0], n, pair[1], n))
    return MissingModes(share, round(share * n), n, scores, sigma, threshold, real_share, z)
