"""Chapter 06, Manifold-Matching GAN: spheres of features, the kernel form, decorrelation, moving averages."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from ganlab.learn.checks import Case, Misconception, same_function
from ganlab.learn.exercise import Choice, Exercise, Question
from ganlab.methods import mmgan
from ganlab.methods.mmgan import correlation_regulariser, moving_average


def sphere(features: Float[Tensor, "n dim"]) -> tuple[Float[Tensor, " dim"], Float[Tensor, ""]]:
    """Centroid and mean distance from it, as a pair."""
    return tuple(mmgan.sphere(features))


def sphere_loss(real_features: Float[Tensor, "n dim"], fake_features: Float[Tensor, "m dim"]) -> Float[Tensor, ""]:
    """||c_Y - c_X|| + |l_Y - l_X| (eq. 5)."""
    return mmgan.sphere_loss(mmgan.sphere(real_features), mmgan.sphere(fake_features))


def rbf_loss(
    real_features: Float[Tensor, "n dim"], fake_features: Float[Tensor, "m dim"], sigma: float, alpha: float
) -> Float[Tensor, ""]:
    """Equation 8 with K(a, b) = exp(-||a - b||^2 / (2 sigma^2)), the radii as in equation 7."""
    real, fake = (mmgan.kernel_sphere(x, mmgan.rbf_kernel, sigma) for x in (real_features, fake_features))
    return mmgan.kernel_loss(real, fake, mmgan.rbf_kernel, sigma, alpha)


# ---------------------------------------------------------------------------------------------- spheres


def _centre_and(radius):
    """A wrong sphere with the right centre: radius(distances, features)."""

    def answer(features):
        centre = features.mean(0)
        return centre, radius(vector_norm(features - centre, dim=1), features)

    return answer


def _check_sphere(answer):
    same_function(
        answer,
        sphere,
        [
            Case("20 random features in 3 dimensions", (torch.randn(20, 3) + 1,)),
            Case("5 random features in 64 dimensions", (torch.randn(5, 64),)),
            Case("a batch of one", (torch.randn(1, 4),)),
            Case("four equal samples", (torch.ones(4, 3),), "not-finite", _AT_ZERO),
        ],
        gradients=True,
        atol=2e-4,  # 1e-8 inside the root, a usual remedy, gives 1e-4 at 0
        misconceptions=[
            Misconception(
                "printed",
                lambda s: (s.mean(0), vector_norm(s - s.mean(0)) / len(s)),
                "this is the norm of *all* differences at once, divided by n: equation 4 as printed, without its sum. "
                "Take the distance of each sample, then the mean of the distances.",
            ),
            Misconception(
                "squared",
                _centre_and(lambda d, s: d.square().mean()),
                "the radius is the mean of the squared distances; equation 4 does not square.",
            ),
            Misconception(
                "root-mean-square",
                _centre_and(lambda d, s: d.square().mean().sqrt()),
                "this is the root of the mean square; it weighs far samples more. Equation 4 is the mean of the "
                "distances.",
            ),
            Misconception(
                "coordinates",
                _centre_and(lambda d, s: (s - s.mean(0)).abs().mean()),
                "it averages over the coordinates as well. The distance of a sample is the norm over its coordinates.",
            ),
            Misconception(
                "manhattan",
                _centre_and(lambda d, s: (s - s.mean(0)).abs().sum(1).mean()),
                "these are sums of absolute differences; ||.|| is the Euclidean norm.",
            ),
            Misconception("sum", _centre_and(lambda d, s: d.sum()), "the distances are added up: take their mean."),
            Misconception("largest", _centre_and(lambda d, s: d.max()), "the radius is the mean distance."),
            Misconception(
                "origin",
                lambda s: (s.mean(0), vector_norm(s, dim=1).mean()),
                "the distances are from the origin; they belong from the centroid.",
            ),
            Misconception(
                "wrong-axis",
                lambda s: (s.mean(1), vector_norm(s - s.mean(1, keepdim=True), dim=1).mean()),
                "the centroid is the mean over the samples, the first axis.",
            ),
            Misconception(
                "root-at-zero",
                lambda s: (s.mean(0), (s - s.mean(0)).square().sum(1).sqrt().mean()),
                "the value is right, but its gradient is not a number: " + _AT_ZERO,
            ),
            Misconception(
                "frozen-centre",
                lambda s: (s.mean(0), vector_norm(s - s.mean(0).detach(), dim=1).mean()),
                "the value is right, but the radius treats the centroid as a constant. It moves with the samples.",
            ),
        ],
    )  # fmt: skip


_AT_ZERO = (
    "the square root has an infinite slope at 0, and infinite times 0 is not a number. torch.linalg.vector_norm (or "
    ".norm(dim=1)) has the slope 0 there."
)


def _from_spheres(change):
    """A wrong loss of two right spheres: change(centre difference, radius difference)."""

    def answer(real_features, fake_features):
        (c_y, l_y), (c_x, l_x) = sphere(real_features), sphere(fake_features)
        return change(c_y - c_x, l_y - l_x)

    return answer


def _check_sphere_loss(answer):
    equal = torch.randn(6, 4)
    same_function(
        answer,
        sphere_loss,
        [
            Case("20 and 20 features", (torch.randn(20, 3), 2 * torch.randn(20, 3) + 1)),
            Case("the wider batch first", (3 * torch.randn(20, 3) + 1, torch.randn(20, 3))),
            Case("30 and 12 features", (torch.randn(30, 8), 2 * torch.randn(12, 8) + 1)),
            Case("two equal batches", (equal, equal.clone()), "not-finite", _AT_ZERO),
        ],
        gradients=True,
        atol=2e-4,
        misconceptions=[
            Misconception(
                "squared",
                _from_spheres(lambda c, r: c.square().sum() + r.abs()),
                "the distance of the centroids is squared; equation 5 is not. (The linear kernel will square it.)",
            ),
            Misconception(
                "both-squared",
                _from_spheres(lambda c, r: c.square().sum() + r.square()),
                "both terms are squared; neither is in equation 5.",
            ),
            Misconception(
                "signed",
                _from_spheres(lambda c, r: vector_norm(c) + r),
                "the radius term has lost its absolute value: a generator would win by spreading without end.",
            ),
            Misconception(
                "centres-only",
                _from_spheres(lambda c, r: vector_norm(c)),
                "the radius term is missing: a generator that puts everything into the centroid would be content.",
            ),
            Misconception(
                "radii-only", _from_spheres(lambda c, r: r.abs()), "the distance of the centroids is missing."
            ),
            Misconception(
                "mean-coordinates",
                _from_spheres(lambda c, r: c.abs().mean() + r.abs()),
                "the first term is a mean over coordinates, as in feature matching. Equation 5 has the Euclidean norm.",
            ),
            Misconception(
                "minus",
                _from_spheres(lambda c, r: vector_norm(c) - r.abs()),
                "the radius term is subtracted; the two are added.",
            ),
            Misconception(
                "root-at-zero",
                _from_spheres(lambda c, r: c.square().sum().sqrt() + r.abs()),
                "the value is right, but its gradient is not a number: " + _AT_ZERO,
            ),
            Misconception(
                "real-only-gradient",
                lambda y, x: sphere_loss(y, x.detach()) + 0 * x.sum(),
                "the value is right, but no gradient reaches the fakes: the generator would learn nothing.",
            ),
        ],
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- kernels


def _k(a, b, sigma):
    return mmgan.rbf_kernel(a, b, sigma)


def _radius(s, sigma):
    return (2 - 2 * _k(s.mean(0), s, sigma)).mean()


def _centres(y, x, sigma):
    return 2 - 2 * _k(y.mean(0), x.mean(0), sigma)


def _radii(y, x, sigma):
    return (_radius(y, sigma) - _radius(x, sigma)).abs()


def _discrepancy(y, x, sigma, alpha):
    def gram(a, b):
        return torch.exp(-torch.cdist(a, b).square() / (2 * sigma**2)).mean()

    return gram(y, y) - 2 * gram(y, x) + gram(x, x)


def _check_rbf_loss(answer):
    def case(words, n, m, sigma, alpha, scale=1.0):
        return Case(words, (torch.randn(n, 3), scale * torch.randn(m, 3) + 0.5, sigma, alpha))

    same_function(
        answer,
        rbf_loss,
        [
            case("20 and 20 features, sigma 1.5, alpha 0.7", 20, 20, 1.5, 0.7, 2.0),
            case("the narrower batch second", 20, 20, 1.5, 0.7, 0.5),
            case("30 and 12 features, sigma 0.8, alpha 2", 30, 12, 0.8, 2.0, 2.0),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "discrepancy",
                _discrepancy,
                "this is the maximum mean discrepancy, which takes the mean of K over all pairs of samples. Equation 8 "
                "evaluates K at the centroids: c is the mean of the *features*.",
            ),
            Misconception(
                "discrepancy-and-radii",
                lambda y, x, s, a: _discrepancy(y, x, s, a) + a * _radii(y, x, s),
                "the first part is the maximum mean discrepancy over all pairs; equation 8 evaluates K at the two "
                "centroids.",
            ),
            Misconception(
                "root",
                lambda y, x, s, a: _centres(y, x, s).sqrt() + a * _radii(y, x, s),
                "the first part has a square root; equation 8 keeps the squared distance.",
            ),
            Misconception(
                "radius-root",
                lambda y, x, s, a: (
                    2
                    - 2 * _k(y.mean(0), x.mean(0), s)
                    + a * ((2 - 2 * _k(y.mean(0), y, s)).clamp(min=1e-12).sqrt().mean()
                           - (2 - 2 * _k(x.mean(0), x, s)).clamp(min=1e-12).sqrt().mean()).abs()
                ),
                "the radii are means of distances; equation 7 is the mean of *squared* distances, without a root.",
            ),
            Misconception(
                "plain-radii",
                lambda y, x, s, a: _centres(y, x, s) + a * (sphere(y)[1] - sphere(x)[1]).abs(),
                "the radii are those of equation 4; with a kernel they come from equation 7.",
            ),
            Misconception(
                "centres-only",
                lambda y, x, s, a: _centres(y, x, s),
                "the radius term is missing.",
            ),
            Misconception(
                "similarity",
                lambda y, x, s, a: _k(y.mean(0), x.mean(0), s) + a * _radii(y, x, s),
                "it minimises K itself, which is largest when the centroids agree. The squared distance is "
                "K(a, a) - 2 K(a, b) + K(b, b).",
            ),
            Misconception(
                "half",
                lambda y, x, s, a: 1 - _k(y.mean(0), x.mean(0), s) + a * _radii(y, x, s),
                "the first part is half of what it should be: K(a, a) and K(b, b) are 1 each, K(a, b) counts twice.",
            ),
            Misconception(
                "alpha",
                lambda y, x, s, a: _centres(y, x, s) + _radii(y, x, s),
                "alpha is missing: it weighs the radius term.",
            ),
            Misconception(
                "width",
                lambda y, x, s, a: rbf_loss(y, x, s / 2**0.5, a),
                "K is exp(-||a - b||^2 / sigma^2); the denominator is 2 sigma^2.",
            ),
            Misconception(
                "width",
                lambda y, x, s, a: rbf_loss(y, x, s**0.5, a),
                "sigma is not squared in the denominator: it is 2 sigma^2.",
            ),
            Misconception(
                "exponential",
                lambda y, x, s, a: 2 - 2 * torch.exp(-vector_norm(y.mean(0) - x.mean(0)) / s)
                + a * (torch.exp(-vector_norm(y - y.mean(0), dim=1) / s).mean()
                       - torch.exp(-vector_norm(x - x.mean(0), dim=1) / s).mean()).mul(2).abs(),
                "this is the exponential kernel, with the distance not squared. The RBF squares it.",
            ),
        ],
    )  # fmt: skip


# -------------------------------------------------------------------------------------------------- R_G


def _off_diagonal(table):
    return table - torch.diag(table.diagonal())


def _rows(features, centre=True, axis=1):
    features = features - features.mean(axis, keepdim=True) if centre else features
    return features / vector_norm(features, dim=1, keepdim=True)


def _check_regulariser(answer):
    same_function(
        answer,
        correlation_regulariser,
        [
            Case("8 random samples with 32 features", (torch.randn(8, 32) + 0.5,)),
            Case("24 samples with 16 features", (torch.randn(24, 16) * torch.rand(16) + 1,)),
            Case("two samples with opposite features", (torch.tensor([[1.0, 2.0, 4.0], [-1.0, -2.0, -4.0]]),)),
        ],
        gradients=True,
        rtol=1e-3,
        atol=1e-4,
        misconceptions=[
            Misconception(
                "not-centred",
                lambda s: vector_norm(_off_diagonal(_rows(s, False) @ _rows(s, False).T)),
                "this is the cosine of the samples. A correlation first subtracts the mean of a sample's own features.",
            ),
            Misconception(
                "centred-over-batch",
                lambda s: vector_norm(_off_diagonal(_rows(s, axis=0) @ _rows(s, axis=0).T)),
                "the mean over the *batch* is subtracted. A_S correlates two samples with each other, so each sample "
                "loses the mean of its own features (its row).",
            ),
            Misconception(
                "features",
                lambda s: vector_norm(_off_diagonal(torch.corrcoef(s.T))),
                "these are correlations between *features*, a d x d matrix. Equation 9 correlates samples: n x n.",
            ),
            Misconception(
                "covariance",
                lambda s: vector_norm(torch.eye(len(s)) - torch.cov(s)),
                "this is the covariance; the correlation divides each row by its own length first.",
            ),
            Misconception(
                "squared",
                lambda s: correlation_regulariser(s).square(),
                "the norm is squared. The Frobenius norm is the root of the sum of squares.",
            ),
            Misconception(
                "mean",
                lambda s: _off_diagonal(_rows(s) @ _rows(s).T).square().mean().sqrt(),
                "it is a mean over the n^2 entries; the Frobenius norm sums them.",
            ),
            Misconception(
                "absolute",
                lambda s: _off_diagonal(_rows(s) @ _rows(s).T).abs().sum(),
                "it adds up absolute values; the Frobenius norm is the root of the sum of squares.",
            ),
            Misconception(
                "spectral",
                lambda s: torch.linalg.matrix_norm(_off_diagonal(_rows(s) @ _rows(s).T), 2),
                "this is the largest singular value; the Frobenius norm counts all entries.",
            ),
            Misconception(
                "no-identity",
                lambda s: vector_norm(_rows(s) @ _rows(s).T),
                "the identity is not subtracted: each sample is allowed to be correlated with itself.",
            ),
            Misconception(
                "one-way",
                lambda s: vector_norm(_off_diagonal(_rows(s) @ _rows(s).T).clamp(min=0)),
                "negative correlations are dropped. Equation 9 wants them to be 0 as well.",
            ),
        ],
    )  # fmt: skip


# ------------------------------------------------------------------------------------- moving averages


def _check_moving_average(answer):
    same_function(
        answer,
        moving_average,
        [
            Case("delta 0.9", (torch.randn(8), torch.randn(8), 0.9)),
            Case("delta 0.5", (torch.randn(8), torch.randn(8), 0.5)),
            Case("delta 0", (torch.randn(3), torch.randn(3), 0.0)),
        ],
        gradients=True,
        misconceptions=[
            Misconception(
                "swapped",
                lambda old, new, delta: (1 - delta) * old.detach() + delta * new,
                "delta weighs the new batch; in algorithm 1 it weighs the past.",
            ),
            Misconception(
                "swapped-no-detach",
                lambda old, new, delta: (1 - delta) * old + delta * new,
                "delta weighs the new batch; in algorithm 1 it weighs the past.",
            ),
            Misconception(
                "no-detach",
                lambda old, new, delta: delta * old + (1 - delta) * new,
                "the value is right, but a gradient flows into the past: the graph of every earlier step would have to "
                "be kept. detach() the old average.",
            ),
            Misconception(
                "no-new",
                lambda old, new, delta: delta * old.detach() + new,
                "the weights do not add up to 1: the new batch counts 1 - delta.",
            ),
            Misconception(
                "all-detached",
                lambda old, new, delta: delta * old + (1 - delta) * new.detach(),
                "the gradient flows into the past instead of the present: detach() the old one, not the new.",
            ),
            Misconception(
                "straight-through",
                lambda old, new, delta: new + (delta * (old - new)).detach(),
                "the value is right, but the gradient is the whole batch's. Through an average it carries 1 - delta.",
            ),
        ],
    )  # fmt: skip


EXERCISES = [
    Exercise(
        name="mmgan.sphere",
        difficulty=1,
        minutes=5,
        reference=sphere,
        check=_check_sphere,
        hints=(
            "The mean over the first axis is the centroid. Then one distance for each sample.",
            "torch.linalg.vector_norm(features - centre, dim=1) has shape (n,). Its mean is the radius.",
        ),
    ),
    Exercise(
        name="mmgan.sphere_loss",
        difficulty=1,
        minutes=4,
        reference=sphere_loss,
        check=_check_sphere_loss,
        hints=(
            "Two spheres, from your function (or the course's): subtract centre from centre, radius from radius.",
            "torch.linalg.vector_norm(c_y - c_x) + (l_y - l_x).abs(). Neither term is squared.",
        ),
    ),
    Exercise(
        name="mmgan.rbf_loss",
        difficulty=3,
        minutes=12,
        reference=rbf_loss,
        check=_check_rbf_loss,
        hints=(
            "K(a, a) = 1 for this kernel, so a squared distance is 2 - 2 K(a, b).",
            "The centroid is the mean of the features, as before. K compares the two centroids, and each centroid with "
            "its own samples: n values, of which you take the mean.",
            "2 - 2 K(c_y, c_x) + alpha * |mean(2 - 2 K(c_y, y_i)) - mean(2 - 2 K(c_x, x_i))|, no root anywhere.",
        ),
    ),
    Exercise(
        name="mmgan.correlation_regulariser",
        difficulty=3,
        minutes=10,
        reference=correlation_regulariser,
        check=_check_regulariser,
        hints=(
            "Pearson's correlation of two vectors: subtract from each its own mean, divide by its length, multiply.",
            "Do it for all rows at once: rows minus their means, over their lengths; then rows @ rows.T is A_S. "
            "torch.corrcoef does just this.",
            "torch.linalg.matrix_norm(torch.eye(n) - A_S): the Frobenius norm is its default.",
        ),
    ),
    Exercise(
        name="mmgan.moving_average",
        difficulty=1,
        minutes=3,
        reference=moving_average,
        check=_check_moving_average,
        hints=(
            "delta near 1 means a long memory.",
            "delta * old.detach() + (1 - delta) * new.",
        ),
    ),
]

QUESTIONS = [
    Question(
        name="mmgan.blind",
        text="The real points sit on a ring around 0. Which wrong generator has a sphere loss of about 0?",
        choices=(
            Choice(
                "One that puts every point at 0, the centre.",
                "Its centroid is right, but its radius is 0 instead of the ring's: the radius term sees it.",
            ),
            Choice(
                "One that makes two opposite points of the ring only.",
                "The centroid is 0 and every point lies at the ring's distance from it. Six modes of eight are "
                "gone, and the sphere is the same.",
            ),
            Choice(
                "One that makes one half of the ring.",
                "Its centroid lies off the centre, on the side of that half: the centre term sees it.",
            ),
        ),
        right="b",
    ),
    Question(
        name="mmgan.goal",
        text="R_G is 0 when no two samples of a batch are correlated. The data are a ring of eight tight modes, the "
        "batch has 64 samples. What is R_G of a batch of *real* data?",
        choices=(
            Choice(
                "About 0: real data are as varied as can be.",
                "About eight samples of 64 come from each mode and are all but equal, so their features are, too.",
            ),
            Choice(
                "It depends on the generator.",
                "A_S of a real batch holds real samples only (in the method it is computed on fakes).",
            ),
            Choice(
                "Well above 0: samples of one mode look alike.",
                "Eight equal samples in each of eight unrelated modes give the root of 64 x 7 = 448, which is 21; "
                "uneven numbers, as chance deals them, give more. A generator that matches the data pays that price, "
                "and can lower it by leaving the modes.",
            ),
        ),
        right="c",
    ),
    Question(
        name="mmgan.scale",
        text="The discriminator minimises L_orig - L_G. It multiplies all its features by 1000 and divides the "
        "weights of its last layer by 1000, so that no logit changes. What happens to its loss? L_G is equation 5.",
        choices=(
            Choice(
                "It falls, for nothing learned.",
                "L_G is 1000 times as large and enters with a minus. There is no end to it. A kernel whose "
                "bandwidth follows the features does not move; equation 5 needs a bound.",
            ),
            Choice(
                "Nothing: the logits are the same, so it classifies as before.",
                "L_orig is the same. But L_G is a distance between features, and they are 1000 times as far apart.",
            ),
            Choice(
                "It rises, because the generator sees larger gradients and learns faster.",
                "The generator does not move in the discriminator's step. The loss holds -L_G, and L_G has grown.",
            ),
        ),
        right="a",
    ),
]  # fmt: skip
