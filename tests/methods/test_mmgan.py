import copy
import math

import pytest
import torch

from ganlab.data.mixtures import ring
from ganlab.errors import GanlabError
from ganlab.methods import gan
from ganlab.methods.gan import GAN
from ganlab.methods.mmgan import (
    KERNELS,
    MMGAN,
    FeatureMatchingGAN,
    MovingSphere,
    Sphere,
    bandwidth,
    bounded,
    correlation,
    correlation_regulariser,
    discriminator_loss,
    exponential_kernel,
    feature_matching_loss,
    kernel_loss,
    kernel_sphere,
    linear_kernel,
    mean_distance,
    moving_average,
    rank_floor,
    rbf_kernel,
    sphere,
    sphere_loss,
)
from ganlab.nets.featured import feature_mlp
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.train import train


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def small(seeds=0, kind=MMGAN, **settings):
    rng = Streams(seeds, "weights")
    return kind(MLP([2, 16, 2], rng), feature_mlp([2, 16, 32], rng), rng=rng, **settings)


def weights(method) -> dict[str, list[torch.Tensor]]:
    return {
        name: [w.detach().clone() for w in getattr(method, name).parameters()]
        for name in ("generator", "discriminator")
    }


def moved(method, before) -> set[str]:
    now = weights(method)
    return {name for name in now if any(not torch.equal(a, b) for a, b in zip(now[name], before[name], strict=True))}


# Spheres --------------------------------------------------------------------------------------------------------


def test_the_sphere_by_hand():
    """The corners of a 6 x 8 rectangle: the centre in the middle, each corner 5 away from it."""
    corners = torch.tensor([[0.0, 0.0], [6.0, 0.0], [6.0, 8.0], [0.0, 8.0]], dtype=torch.float64)
    centre, radius = sphere(corners)
    assert centre.tolist() == [3.0, 4.0] and radius == 5.0
    shifted = sphere(2 * corners + 10)
    assert sphere_loss(sphere(corners), shifted) == math.hypot(13, 14) + 5
    assert sphere_loss(sphere(corners), shifted, alpha=3.0) == math.hypot(13, 14) + 15


def test_the_centroid_has_the_least_sum_of_squares_and_the_radius_fits_the_distances_best():
    """Propositions 1 and 2."""
    points = normal(40, 5)
    centre, radius = sphere(points)

    def squares(c):
        return (points - c).square().sum()

    def misfit(r):
        return ((points - centre).norm(dim=1) - r).square().sum()

    for nudge in 0.01 * normal(20, 5, seed=1):
        assert squares(centre) < squares(centre + nudge)
    assert misfit(radius) < min(misfit(radius + 0.01), misfit(radius - 0.01))


def test_the_gradient_of_the_sphere_loss_is_the_closed_form():
    """d||c_Y - c_X||/dx_i = (c_X - c_Y) / (n ||c_Y - c_X||); that of the radius, with the centre's own motion."""
    real, fake = normal(9, 3), (2 * normal(7, 3, seed=1) + 1).requires_grad_()
    (gradient,) = torch.autograd.grad(sphere_loss(sphere(real), sphere(fake)), fake)
    centre = fake.mean(0)
    away = centre - real.mean(0)
    unit = (fake - centre) / (fake - centre).norm(dim=1, keepdim=True)
    sign = torch.sign((fake - centre).norm(dim=1).mean() - sphere(real).radius)
    assert torch.allclose(gradient, away / away.norm() / 7 + sign * (unit - unit.mean(0)) / 7)


def test_the_centre_term_pulls_as_hard_near_the_goal_as_far_from_it():
    real = normal(8, 3)
    for shift in (100.0, 1e-3):
        fake = (real + shift).requires_grad_()
        (gradient,) = torch.autograd.grad(sphere_loss(sphere(real), sphere(fake), alpha=0.0), fake)
        assert torch.isclose(gradient.sum(0).norm(), torch.tensor(1.0, dtype=torch.float64))


# Kernels --------------------------------------------------------------------------------------------------------


def test_the_kernels_by_hand():
    a, b, sigma = torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, -2.0]]), torch.tensor([2.5])
    assert linear_kernel(a, b, sigma) == 0
    assert torch.isclose(rbf_kernel(a, b, sigma), torch.tensor(math.exp(-25 / 12.5)))
    assert torch.isclose(exponential_kernel(a, b, sigma), torch.tensor(math.exp(-2)))


def test_with_the_linear_kernel_eq_8_is_about_squared_distances():
    real, fake = normal(3, 9, 4), 2 * normal(3, 7, 4, seed=1)
    spheres = [kernel_sphere(x, linear_kernel, None) for x in (real, fake)]
    squared = (real.mean(1) - fake.mean(1)).square().sum(-1)
    variances = [(x - x.mean(1, keepdim=True)).square().sum(-1).mean(-1) for x in (real, fake)]
    assert torch.allclose(kernel_loss(*spheres, linear_kernel, None, 0.0), squared)
    total = squared + 0.7 * (variances[0] - variances[1]).abs()
    assert torch.allclose(kernel_loss(*spheres, linear_kernel, None, 0.7), total)


@pytest.mark.parametrize("kernel", [rbf_kernel, exponential_kernel])
def test_with_the_other_kernels_the_centre_term_is_2_minus_2k_and_saturates(kernel):
    real, fake, sigma = normal(9, 4), normal(7, 4, seed=1) + 0.5, torch.tensor(1.7, dtype=torch.float64)
    spheres = [kernel_sphere(x, kernel, sigma) for x in (real, fake)]
    between = kernel(real.mean(0), fake.mean(0), sigma)
    assert torch.isclose(kernel_loss(*spheres, kernel, sigma, 0.0), 2 - 2 * between)
    radii = [2 - 2 * kernel(x.mean(0).expand_as(x), x, sigma).mean() for x in (real, fake)]
    assert torch.isclose(spheres[0].radius, radii[0])
    assert torch.isclose(kernel_loss(*spheres, kernel, sigma, 0.3), 2 - 2 * between + 0.3 * (radii[0] - radii[1]).abs())
    far = (fake + 1e3).requires_grad_()
    loss = kernel_loss(spheres[0], kernel_sphere(far, kernel, sigma), kernel, sigma, 0.0)
    assert loss == 2 and not torch.autograd.grad(loss, far)[0].any()


def test_eq_8_does_not_compare_the_means_of_the_images():
    """Two blobs against one, RBF: the centroids agree, the kernel means do not, and the radii tell."""
    sigma, n = torch.tensor(1.0, dtype=torch.float64), 500
    half = 0.05 * normal(n, 2)
    blob = torch.cat([half, -half])
    two = torch.cat([half + torch.tensor([2.0, 0.0]), -half - torch.tensor([2.0, 0.0])])
    real, fake = (kernel_sphere(x, rbf_kernel, sigma) for x in (two, blob))
    assert kernel_loss(real, fake, rbf_kernel, sigma, 0.0) < 1e-12
    gram = {
        (a, b): torch.exp(-torch.cdist(x, y).square() / 2).mean()
        for a, x in enumerate((two, blob))
        for b, y in enumerate((two, blob))
    }
    assert gram[0, 0] - 2 * gram[0, 1] + gram[1, 1] > 1
    assert torch.isclose((real.radius - fake.radius).abs(), torch.tensor(1.73).double(), atol=0.01)


def test_the_bandwidth_follows_the_scale_and_keeps_both_centroids_in_sight():
    real, fake = normal(2, 30, 5).requires_grad_(), normal(2, 30, 5, seed=1)
    sigma = bandwidth(real, fake)
    assert not sigma.requires_grad
    assert torch.allclose(bandwidth(7 * real, 7 * fake, 0.5), 3.5 * sigma)
    for apart in (0.0, 10.0, 1e6):
        sigma = bandwidth(real, fake + apart)
        for kernel in (rbf_kernel, exponential_kernel):
            assert (kernel(real.mean(-2), (fake + apart).mean(-2), sigma) > math.exp(-2) - 1e-9).all()
    assert (bandwidth(torch.zeros(4, 3), torch.zeros(4, 3)) > 0).all()


# R_G ------------------------------------------------------------------------------------------------------------


def test_the_correlation_is_numpys():
    features = normal(2, 6, 20)
    for table, vectors in zip(correlation(features), features, strict=True):
        assert torch.allclose(table, torch.corrcoef(vectors))
    by_hand = torch.linalg.matrix_norm(torch.eye(6, dtype=torch.float64) - torch.corrcoef(features[0]))
    assert torch.isclose(correlation_regulariser(features)[0], by_hand)


def test_the_regulariser_at_its_ends():
    vectors = torch.eye(5, dtype=torch.float64)[:, [0, 1, 2, 3, 4]]
    orthogonal = torch.linalg.qr(normal(20, 20) - normal(20, 20).mean(0)).Q[:, :6]
    orthogonal = torch.linalg.qr(orthogonal - orthogonal.mean(0)).Q.T  # six rows: centred, at right angles
    assert correlation_regulariser(orthogonal) < 1e-9
    equal = normal(1, 30).expand(8, 30)
    assert torch.isclose(correlation_regulariser(equal), torch.tensor(56.0).double().sqrt())
    assert torch.isclose(correlation_regulariser(vectors), torch.tensor(20 / 16.0).double().sqrt())  # each pair: -1/4


@pytest.mark.parametrize("dim, floor", [(2, 63.498), (16, 14.459), (65, 0.0), (128, 0.0)])
def test_the_rank_floor(dim, floor):
    """The figures for n = 64; no batch that we can make by descending on R_G itself gets under them."""
    assert rank_floor(64, dim) == pytest.approx(floor, abs=1e-3)
    vectors = normal(64, dim).requires_grad_()
    optimiser = torch.optim.Adam([vectors], lr=0.05)
    for _ in range(60):
        loss = correlation_regulariser(vectors)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss >= floor - 1e-3
    assert dim != 16 or loss < floor + 0.5  # and the floor is a near thing, not just a bound


def test_two_features_tell_nothing():
    """Whatever the batch, R_G is that of a collapsed one."""
    for vectors in (normal(64, 2), 5 + normal(64, 2, seed=1)):
        assert correlation_regulariser(vectors) == pytest.approx(math.sqrt(64 * 63))


def test_the_rank_floor_wants_two_features():
    with pytest.raises(GanlabError, match="64 samples with 1 features each"):
        rank_floor(64, 1)


def test_the_bound_changes_no_correlation():
    features = 5 * normal(12, 40)
    assert torch.allclose(correlation(bounded(features, 1.0)), correlation(features), atol=1e-9)


# Bound and discriminator -----------------------------------------------------------------------------------------


def test_inside_the_ball_the_sphere_loss_stays_below_three_bounds():
    for scale in (1e-3, 1.0, 1e6):
        real, fake = bounded(scale * normal(30, 8), 2.0), bounded(scale * (normal(30, 8, seed=1) + 9), 2.0)
        assert real.norm(dim=-1).max() <= 2.0 and sphere(real).radius <= 2.0
        assert sphere_loss(sphere(real), sphere(fake)) < 6.0
    direction = torch.nn.functional.cosine_similarity(bounded(normal(5, 3), 2.0), normal(5, 3))
    assert torch.allclose(direction, torch.ones(5, dtype=torch.float64))


def test_without_a_bound_the_discriminator_wins_by_scaling_and_with_one_it_does_not():
    real, fake = normal(30, 8), normal(30, 8, seed=1) + 1
    logits = torch.zeros(30)
    for bound, grows in ((math.inf, True), (1.0, False)):
        losses = [
            float(
                discriminator_loss(logits, logits, sphere_loss(*(sphere(bounded(s * x, bound)) for x in (real, fake))))
            )
            for s in (1.0, 1e3, 1e6)
        ]
        assert losses[0] > losses[1]
        assert (losses[2] < -1e5) == grows and (losses[2] > 2 * math.log(2) - 3) != grows


def test_the_discriminators_loss_is_the_cross_entropy_minus_the_generators():
    real, fake, matched = normal(2, 9), normal(2, 9, seed=1), normal(2)
    own = gan.discriminator_loss(real, fake)
    assert torch.allclose(discriminator_loss(real, fake, matched), own - matched)
    assert torch.allclose(discriminator_loss(real, fake, matched, 0.0), own)


# Numerical safety ------------------------------------------------------------------------------------------------

HARD = {
    "equal batches": lambda: (normal(8, 5), normal(8, 5)),
    "equal samples": lambda: (torch.ones(8, 5).double(), torch.ones(8, 5).double()),
    "all zero": lambda: (torch.zeros(8, 5).double(), torch.zeros(8, 5).double()),
    "one sample": lambda: (normal(1, 5), normal(1, 5, seed=1)),
    "features without spread": lambda: (normal(8, 5), normal(8, 1, seed=1).expand(8, 5).clone()),
    "huge": lambda: (1e16 * normal(8, 5).float(), 1e16 * normal(8, 5, seed=1).float()),
    "tiny": lambda: (1e-16 * normal(8, 5).float(), 1e-16 * normal(8, 5, seed=1).float()),
}


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("form", KERNELS)
@pytest.mark.parametrize("bound", [1.0, math.inf])
def test_values_and_gradients_stay_finite(case, form, bound):
    real, fake = HARD[case]()
    fake.requires_grad_()
    loss, parts = small(form=form, bound=bound).generator_loss(real, fake)
    (gradient,) = torch.autograd.grad(loss, fake)
    assert loss.isfinite() and gradient.isfinite().all()
    if case in ("equal batches", "equal samples", "all zero"):
        assert parts["matched"].item() == pytest.approx(0.0, abs=1e-12)


# Moving averages ------------------------------------------------------------------------------------------------


def test_the_moving_average_and_its_gradient():
    old, new = normal(4).requires_grad_(), normal(4, seed=1).requires_grad_()
    average = moving_average(old, new, 0.9)
    assert torch.allclose(average, 0.9 * old + 0.1 * new)
    assert torch.autograd.grad(average.sum(), old, allow_unused=True, retain_graph=True) == (None,)
    assert torch.allclose(torch.autograd.grad(average.sum(), new)[0], torch.full((4,), 0.1, dtype=torch.float64))


def test_the_moving_sphere_starts_at_the_first_batch_and_keeps_no_graph():
    moving, batches = MovingSphere(0.75), [sphere(normal(9, 3, seed=k).requires_grad_()) for k in range(3)]
    first = moving.update(batches[0])
    assert torch.allclose(first.centre, batches[0].centre)
    for batch in batches[1:]:
        last = moving.update(batch)
    centre = 0.75 * (0.75 * batches[0].centre + 0.25 * batches[1].centre) + 0.25 * batches[2].centre
    radius = 0.75 * (0.75 * batches[0].radius + 0.25 * batches[1].radius) + 0.25 * batches[2].radius
    assert torch.allclose(last.centre, centre) and torch.allclose(last.radius, radius)
    assert last.centre.requires_grad and not moving.value.centre.requires_grad


def test_the_generators_gradient_through_the_average_is_a_tenth_of_the_batchs():
    """At the first step the average is the batch's own sphere, so only the factor 1 - delta differs."""
    real, fake = normal(9, 32), normal(9, 32, seed=1).requires_grad_()
    for form in KERNELS:
        method = small(form=form, beta=0.0, delta=0.9)
        (of_batch,) = torch.autograd.grad(method.generator_loss(real, fake)[0], fake)
        (of_average,) = torch.autograd.grad(method.generator_loss(real, fake, averaged=True)[0], fake)
        assert torch.allclose(of_average, 0.1 * of_batch)


# The class ------------------------------------------------------------------------------------------------------


def test_each_player_moves_in_its_own_half_of_the_step():
    method, real = small(), ring().sample(32, 0)
    before = weights(method)
    method.discriminator_step(real)
    assert moved(method, before) == {"discriminator"} and method.real_sphere.value is None
    assert all(w.grad is None for w in method.generator.parameters())
    before, gradients = weights(method), [w.grad.clone() for w in method.discriminator.parameters()]
    method.generator_step(real)
    assert moved(method, before) == {"generator"}
    for weight, gradient in zip(method.discriminator.parameters(), gradients, strict=True):
        assert torch.equal(weight.grad, gradient) and weight.requires_grad


@pytest.mark.parametrize("form", KERNELS)
def test_a_step_is_the_algorithm_computed_by_hand(form):
    """Algorithm 1 once more, with plain autograd, loops and torch.corrcoef, over two steps."""
    method = small(form=form, alpha=0.7, beta=0.3, delta=0.8, factor=1.5, lr=1e-2)
    by_hand = copy.deepcopy(method)
    G, D, latents = by_hand.generator, by_hand.discriminator, copy.deepcopy(method.rng)
    averages: list[Sphere] = []
    batches = ring().batches(16, 0)

    def statistics(features, sigma):
        centre = sum(features) / len(features)
        if form == "sphere":
            return Sphere(centre, sum((centre - s).norm() for s in features) / len(features))
        return Sphere(centre, sum(apart(centre, s, sigma) for s in features) / len(features))

    def apart(a, b, sigma):
        gap = (a - b).norm()
        if form == "linear":
            return gap**2
        return 2 - 2 * torch.exp(-((gap / sigma) ** 2) / 2 if form == "rbf" else -gap / sigma)

    def final(real, fake, average=False):
        real, fake = ([s / (1 + s.square().sum()).sqrt() for s in features] for features in (real, fake))
        everything = torch.stack([*real, *fake]).detach()
        sigma = 1.5 * (everything - everything.mean(0)).norm(dim=1).mean()
        spheres = [statistics(features, sigma) for features in (real, fake)]
        if average:
            averages[:] = [
                Sphere(*(0.8 * o.detach() + 0.2 * n for o, n in zip(old, new, strict=True)))
                for old, new in zip(averages or spheres, spheres, strict=True)
            ]
            spheres = averages
        (c_y, l_y), (c_x, l_x) = spheres
        centres = (c_y - c_x).norm() if form == "sphere" else apart(c_y, c_x, sigma)
        table = torch.eye(len(fake)) - torch.corrcoef(torch.stack(fake))
        return centres + 0.7 * (l_y - l_x).abs() + 0.3 * table.square().sum().sqrt()

    for _ in range(2):
        real = next(batches)
        losses = method.step(real)
        fake = G(latents.normal(16, 2))
        cross_entropy = -(D(real).sigmoid().log().mean() + (1 - D(fake.detach()).sigmoid()).log().mean())
        loss = cross_entropy - final(D.body(real), D.body(fake.detach()))
        by_hand.discriminator_optimiser.zero_grad()
        loss.backward()
        by_hand.discriminator_optimiser.step()
        assert torch.allclose(losses["discriminator_loss"], loss, rtol=1e-4)
        loss = final(D.body(real).detach(), D.body(fake), average=True)
        by_hand.generator_optimiser.zero_grad()
        loss.backward()
        by_hand.generator_optimiser.step()
        assert torch.allclose(losses["generator_loss"], loss, rtol=1e-4)
    for mine, theirs in zip(G.parameters(), method.generator.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=2e-3)  # Adam turns rounding of tiny gradients into steps


@pytest.mark.parametrize("form", KERNELS)
def test_seeds_trained_together_are_the_same_as_alone(form):
    together, alone = small([0, 1, 2], form=form), small(1, form=form)
    batches, own = ring().batches(32, [0, 1, 2]), ring().batches(32, 1)
    for _ in range(10):
        together.step(next(batches))
        losses = alone.step(next(own))
    assert all(value.shape == () for value in losses.values())
    assert torch.allclose(together.sample(64)[1], alone.sample(64), atol=1e-3)


def test_each_seed_may_have_weights_of_its_own():
    sweep = {"alpha": [0.5, 1.0], "beta": [0.0, 0.1], "delta": [0.9, 0.0], "adversarial": [0.0, 1.0]}
    together = small([3, 3], **{name: torch.tensor(values) for name, values in sweep.items()})
    alone = small(3, **{name: values[1] for name, values in sweep.items()})
    batches, own = ring().batches(32, [3, 3]), ring().batches(32, 3)
    for _ in range(10):
        together.step(next(batches))
        alone.step(next(own))
    first, second = together.sample(64)
    assert torch.allclose(second, alone.sample(64), atol=1e-3)
    assert not torch.allclose(first, second, atol=1e-2)


@pytest.mark.parametrize("kind", [MMGAN, FeatureMatchingGAN])
def test_the_state_holds_everything_that_training_needs(kind):
    method, batches = small([0, 1], kind), ring().batches(16, [0, 1])
    untrained = copy.deepcopy(method.state_dict())
    method.step(next(batches))
    state = copy.deepcopy(method.state_dict())
    real = next(batches)
    expected = method.step(real)
    other = small([8, 9], kind)
    other.load_state_dict(state)
    for name, value in other.step(real).items():
        assert torch.equal(value, expected[name])
    other.load_state_dict(untrained)
    assert kind is FeatureMatchingGAN or other.real_sphere.value is None


def test_a_resumed_run_is_the_unbroken_one(tmp_path):
    from ganlab.train import RunFolder

    def run(steps, folder):
        method = small()
        train(method, ring().batches(16, 0), steps, run=RunFolder(folder, parameters={}))
        return method.sample(32)

    run(5, tmp_path / "broken")
    assert torch.equal(run(9, tmp_path / "broken"), run(9, tmp_path / "whole"))


def test_feature_matching_compares_means_of_features_and_trains_each_player_in_its_half():
    real, fake = normal(2, 9, 4), normal(2, 7, 4, seed=1)
    assert torch.allclose(feature_matching_loss(real, fake), (real.mean(1) - fake.mean(1)).abs().mean(1))
    method, points = small(kind=FeatureMatchingGAN), ring().sample(32, 0)
    plain = GAN(copy.deepcopy(method.generator), copy.deepcopy(method.discriminator), rng=Streams(0))
    plain.rng = copy.deepcopy(method.rng)
    assert torch.equal(
        method.discriminator_step(points)["discriminator_loss"], plain.discriminator_step(points)["discriminator_loss"]
    )
    before = weights(method)
    method.generator_step(points)
    assert moved(method, before) == {"generator"}


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"form": "poly"}, "form is 'poly'; choose one of sphere, linear, rbf, exponential"),
        ({"delta": 1.0}, "delta is 1.0; it must be at least 0 and less than 1"),
        ({"bound": 0.0}, "bound is 0.0; it must be more than 0"),
        ({"factor": -1.0}, "factor is -1.0; it must be more than 0"),
    ],
)
def test_impossible_settings_are_named(settings, words):
    with pytest.raises(GanlabError, match=words):
        small(**settings)


def test_a_discriminator_without_features_and_a_batch_of_one_are_named():
    rng = Streams(0, "weights")
    for kind in (MMGAN, FeatureMatchingGAN):
        with pytest.raises(GanlabError, match="The discriminator, MLP, shows no features"):
            kind(MLP([2, 16, 2], rng), MLP([2, 16, 1], rng, scalar=True), rng=rng)
    with pytest.raises(GanlabError, match="A batch of 1 has no sphere"):
        small().step(torch.zeros(1, 2))


def test_the_mean_distance_is_a_mean():
    """What the printed eq. 4 leaves out."""
    points = normal(6, 3)
    assert torch.isclose(mean_distance(points, points.mean(0)), sum((points.mean(0) - p).norm() for p in points) / 6)
