import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from ganlab.data.mixtures import ring
from ganlab.errors import GanlabError
from ganlab.methods.nemgan import (
    NEMGAN,
    ClusterGANStyle,
    InfoGANStyle,
    LabelledReals,
    Prior,
    critic_loss,
    engineered_latent,
    gradient_penalty,
    gumbel_modes,
    hard_modes,
    inversion_loss,
    mode_cross_entropy,
    prior_divergence,
    smoothed_modes,
    step_half_width,
)
from ganlab.nets.dcgan import dcgan_discriminator
from ganlab.nets.inversion import CosineHead, InversionNetwork
from ganlab.nets.mlp import MLP, Linear
from ganlab.seeds import Streams

NAMES = ("generator", "discriminator", "inversion", "prior")


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def evenly(n: int) -> torch.Tensor:
    """n numbers in the middles of n equal parts of [0, 1]: an integral over u instead of random draws."""
    return (torch.arange(n, dtype=torch.float64) + 0.5) / n


def logits_of(*probabilities: float) -> torch.Tensor:
    return torch.tensor(probabilities, dtype=torch.float64).log()


# The draw of modes ----------------------------------------------------------------------------------------------


def test_the_draw_agrees_with_the_published_formula_where_steps_do_not_overlap():
    logits, u = logits_of(0.1, 0.25, 0.4, 0.25), evenly(4001)
    edges = logits.softmax(0).cumsum(0)
    below = [1 - min(max(0.2 * 1e7 * (float(x) - float(a)) ** 3 + 0.5, 0), 1) for x in u for a in edges[:-1]]
    below = torch.tensor(below, dtype=torch.float64).view(len(u), 3)
    published = [below[:, 0]] + [(1 - below[:, k - 1]) * below[:, k] for k in (1, 2)]
    published.append(1 - below[:, 2])  # the last step is at 1: all of [0, 1) lies below it
    assert torch.allclose(smoothed_modes(u, logits), torch.stack(published, 1), atol=1e-12)


def test_rows_are_probabilities_and_one_hot_away_from_the_boundaries():
    logits, u = logits_of(0.004, 0.396, 0.6), evenly(20_001)  # the first mode is narrower than a step
    y = smoothed_modes(u, logits)
    assert (y >= 0).all() and torch.allclose(y.sum(-1), torch.ones_like(u))
    far = (u.unsqueeze(-1) - logits.softmax(0).cumsum(0)[:-1]).abs().amin(-1) > step_half_width()
    assert torch.equal(y[far], hard_modes(u, logits)[far])
    assert 0 < (~far).double().mean() < 4 * step_half_width()


def test_the_share_of_draws_that_are_not_one_hot_is_known():
    y = smoothed_modes(evenly(100_000), torch.zeros(5, dtype=torch.float64))
    share = (y.amax(-1) < 1).double().mean()
    assert math.isclose(share, 4 * 2 * step_half_width(), abs_tol=1e-4)  # 5 %; 5.7 % with the published last step
    assert math.isclose(step_half_width(), 0.0063, abs_tol=1e-5)


def test_the_mean_is_the_prior_and_its_gradient_is_unbiased():
    logits, u = logits_of(0.1, 0.1, 0.2, 0.3, 0.3).requires_grad_(), evenly(200_000)
    mean = smoothed_modes(u, logits).mean(0)
    assert torch.allclose(mean, logits.softmax(0), atol=1e-5)
    p = logits.softmax(0)
    exact = torch.diag(p) - torch.outer(p, p)
    found = torch.stack([torch.autograd.grad(m, logits, retain_graph=True)[0] for m in mean])
    assert torch.allclose(found, exact, atol=1e-4)


def test_the_slope_of_a_step_integrates_to_one_and_has_the_known_peak():
    u = evenly(400_000)
    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
    half = smoothed_modes(u, torch.stack([shift, -shift]))[:, 0]  # boundary at sigmoid(2 shift), slope 1/2 at 0
    (mean_slope,) = torch.autograd.grad(half.mean(), shift)
    assert math.isclose(mean_slope, 0.5, abs_tol=1e-4)
    peak = 0.6 * 1e7 * step_half_width() ** 2  # 3 slope w^2 / 5: 238
    assert math.isclose(peak, 238, abs_tol=0.5)


def test_the_gradient_of_the_divergence_tends_to_the_closed_form():
    logits, found = (
        logits_of(0.3, 0.3, 0.2, 0.1, 0.1).requires_grad_(),
        torch.tensor([0.1, 0.1, 0.2, 0.3, 0.3]).double(),
    )
    loss = prior_divergence(found, smoothed_modes(evenly(200_000), logits).mean(0))
    assert torch.isclose(loss, (found * (found / logits.softmax(0)).log()).sum(), atol=1e-4)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.allclose(gradient, (logits.softmax(0) - found).detach(), atol=1e-3)


def test_the_gumbel_softmax_has_a_wrong_mean_at_high_temperature_and_a_right_one_when_hard():
    rng, logits = Streams(0), logits_of(0.1, 0.2, 0.7)
    u = rng.uniform(200_000, 3).double()
    p, error = logits.softmax(0), 4 * 0.5 / math.sqrt(200_000)
    assert (gumbel_modes(u, logits, 2.0).mean(0) - p).abs().max() > 0.1
    assert (gumbel_modes(u, logits, 0.05).mean(0) - p).abs().max() < 0.01
    hard = gumbel_modes(u, logits, 2.0, straight_through=True)
    assert (hard.mean(0) - p).abs().max() < error
    assert torch.allclose(hard.amax(-1), torch.ones(200_000).double())


def test_with_a_seeds_axis_each_seed_draws_with_its_own_prior():
    logits = torch.stack([logits_of(0.5, 0.3, 0.2), logits_of(0.1, 0.1, 0.8)])
    u = evenly(1000).expand(2, -1)
    for draw in (smoothed_modes, hard_modes):
        together = draw(u, logits)
        assert together.shape == (2, 1000, 3)
        for k in range(2):
            assert torch.equal(together[k], draw(u[k], logits[k]))


# Latents --------------------------------------------------------------------------------------------------------


def test_the_boxes_are_disjoint():
    rng = Streams(0)
    modes = hard_modes(rng.uniform(5000), torch.zeros(4))
    z = engineered_latent(modes, 2 * rng.uniform(5000, 6) - 1)
    on, off = z[:, :4][modes == 1], z[:, :4][modes == 0]
    assert 0.7 <= on.min() and on.max() < 1.3 and -0.3 <= off.min() and off.max() < 0.3
    assert z[:, 4:].abs().max() <= 0.3 and z.shape == (5000, 6)


def test_a_latent_too_small_for_its_modes_is_refused():
    with pytest.raises(GanlabError, match="latent is 3 for 4 modes"):
        engineered_latent(torch.eye(4), torch.zeros(4, 3))


# Losses ---------------------------------------------------------------------------------------------------------


def test_the_inversion_loss_agrees_with_an_independent_computation():
    z, z_found, logits = normal(3, 9, 4), normal(3, 9, 4, seed=1), normal(3, 9, 2, seed=2)
    labels = torch.randint(2, (3, 9), generator=torch.Generator().manual_seed(0))
    modes = torch.eye(2, dtype=torch.float64)[labels]
    for k in range(3):
        wanted = 10 * mse_loss(z_found[k], z[k]) + cross_entropy(logits[k], labels[k])
        assert torch.isclose(inversion_loss(z_found, logits, z, modes)[k], wanted)


def test_additive_margin_softmax_agrees_with_its_definition():
    rng = Streams(0)
    head = CosineHead(5, 3, rng, scale=30.0).double()
    z, labels = normal(7, 5), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    cosine = torch.stack([z @ w / (z.norm(dim=1) * w.norm()) for w in head.weight.T], 1)
    assert torch.allclose(head(z), 30 * cosine)
    total = 0.0
    for row, label in zip(cosine, labels, strict=True):
        top = torch.exp(30 * (row[label] - 0.4))
        total -= torch.log(top / (top + sum(torch.exp(30 * row[j]) for j in range(3) if j != label))) / 7
    assert torch.isclose(mode_cross_entropy(head(z), torch.eye(3).double()[labels], margin=12.0), total)


def test_an_empty_mode_makes_the_bare_divergence_infinite_and_a_straight_through_gradient_undefined():
    found = torch.tensor([0.5, 0.3, 0.2]).double()
    u = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1]]).double()  # nobody draws the last mode

    def slope(loss, draw):
        logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        value = loss(draw(logits).mean(0))
        return value, torch.autograd.grad(value, logits)[0]

    def bare(drawn):
        return (found * (found / drawn).log()).sum()

    def straight_through(logits):
        return gumbel_modes(u, logits, 0.5, straight_through=True)

    def smoothed(logits):
        return smoothed_modes(u[:, 1] / 2, logits)

    assert slope(bare, smoothed)[0].isinf() and slope(bare, smoothed)[1].isfinite().all()
    assert slope(bare, straight_through)[0].isinf() and slope(bare, straight_through)[1].isnan().any()
    for draw in (smoothed, straight_through):
        value, gradient = slope(lambda drawn: prior_divergence(found, drawn), draw)
        assert value.isfinite() and gradient.isfinite().all()


@pytest.mark.parametrize("p, hard, smooth", [(0.1, 0.0012, 0.0005), (0.05, 0.038, 0.016)])
def test_how_often_a_batch_of_64_lacks_a_mode(p, hard, smooth):
    """A mode in the middle, so that both its steps reach outwards; drawn forty thousand times."""
    logits = logits_of(0.4, p, 0.6 - p)
    u = torch.rand(40_000, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for draw, wanted in ((hard_modes, hard), (smoothed_modes, smooth)):
        empty = (draw(u, logits)[..., 1].amax(-1) == 0).double().mean()
        assert math.isclose(empty, wanted, abs_tol=4 * math.sqrt(wanted / 40_000) + 5e-4 * (p == 0.05))


def test_the_prior_is_not_learned_from_the_inversion_networks_side():
    found = torch.tensor([0.5, 0.5], requires_grad=True)
    drawn = torch.tensor([0.4, 0.6], requires_grad=True)
    prior_divergence(found, drawn).backward()
    assert found.grad is None and drawn.grad is not None


class Cubic(nn.Module):
    """A critic with a known gradient: D(x) = a sum_i x_i^3, so grad D = 3 a x^2."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.7, dtype=torch.float64))

    def forward(self, x):
        return self.a * x.pow(3).sum(-1)


def test_the_gradient_penalty_and_its_gradient_by_hand():
    critic, real, fake = Cubic(), normal(2, 6, 3), normal(2, 6, 3, seed=1)
    mix = torch.rand(2, 6, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    between = (1 - mix) * real + mix * fake
    length = (3 * 0.7 * between.square()).norm(dim=-1)
    penalty = gradient_penalty(critic, real, fake, mix)
    assert torch.allclose(penalty, (length - 1).square().mean(-1))
    (slope,) = torch.autograd.grad(penalty.sum(), critic.a)
    assert torch.isclose(slope, (2 * (length - 1) * length / 0.7).mean(-1).sum())


def test_the_gradient_penalty_agrees_with_a_double_backward_pass():
    critic = MLP([2, 16, 1], Streams([0, 1]), scalar=True).double()
    real, fake, mix = normal(2, 8, 2), normal(2, 8, 2, seed=1), normal(2, 8, 1, seed=2).sigmoid()
    x = (real + mix * (fake - real)).requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    wanted = (slope.square().sum(-1).sqrt() - 1).square().mean(-1)
    penalty = gradient_penalty(critic, real, fake, mix)
    assert torch.allclose(penalty, wanted)
    weights = [w for w in critic.parameters() if w.shape[-1] > 1 or w.shape[-2] > 1]
    for a, b in zip(
        *(torch.autograd.grad(p.sum(), weights, allow_unused=True) for p in (penalty, wanted)), strict=True
    ):
        assert (a is None) == (b is None) and (a is None or torch.allclose(a, b))


@pytest.mark.slow
def test_the_gradient_penalty_can_be_compiled():
    critic = MLP([2, 16, 1], Streams(0), scalar=True)
    real, fake, mix = normal(8, 2).float(), normal(8, 2, seed=1).float(), torch.full((8, 1), 0.3)
    compiled = torch.compile(lambda *x: gradient_penalty(critic, *x), backend="aot_eager", fullgraph=True)
    weight = critic.layers[0].weight
    eager, traced = gradient_penalty(critic, real, fake, mix), compiled(real, fake, mix)
    assert torch.allclose(eager, traced)
    assert torch.allclose(*(torch.autograd.grad(p, weight)[0] for p in (eager, traced)), atol=1e-6)


@pytest.mark.slow
def test_the_gradient_penalty_of_a_convolutional_critic_can_be_compiled():
    critic = dcgan_discriminator(8, 1, width=4, rng=0, norm=False)
    rng = Streams(1)
    real, fake, mix = 2 * rng.uniform(6, 64) - 1, 2 * rng.uniform(6, 64) - 1, rng.uniform(6, 1)
    compiled = torch.compile(lambda *x: gradient_penalty(critic, *x), backend="aot_eager", fullgraph=True)
    eager, traced = gradient_penalty(critic, real, fake, mix), compiled(real, fake, mix)
    assert torch.allclose(eager, traced)
    weights = [w for w in critic.parameters() if w.ndim > 1]
    for a, b in zip(*(torch.autograd.grad(p, weights) for p in (eager, traced)), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_a_critic_that_knows_nothing_has_no_loss():
    assert critic_loss(torch.full((3, 5), 2.0), torch.full((3, 4), 2.0)).tolist() == [0, 0, 0]


# Labelled reals -------------------------------------------------------------------------------------------------


def test_labelled_reals_are_drawn_balanced_and_with_their_own_labels():
    labels = torch.tensor([[0] * 17 + [2] * 3, [1] * 10 + [0] * 5 + [2] * 5])
    few = LabelledReals(labels.unsqueeze(-1).float(), labels, modes=4)
    real, modes = few.draw(30_000, Streams([0, 1]))
    assert torch.equal(real.squeeze(-1).long(), modes.argmax(-1))
    shares = modes.mean(-2)
    assert torch.allclose(shares, torch.tensor([[1 / 2, 0, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3, 0]]), atol=0.015)


@pytest.mark.parametrize(
    "labels, sentence",
    [([0, 1], "give one label each"), ([0, 1, 5], "labels run from 0 to 5; they must be 0 to 3")],
)
def test_labels_that_do_not_fit_are_named(labels, sentence):
    with pytest.raises(GanlabError, match=sentence):
        LabelledReals(torch.zeros(3, 2), torch.tensor(labels), modes=4)


# The method -----------------------------------------------------------------------------------------------------


def small(seeds=0, modes=3, labels=True, kind=NEMGAN, **settings) -> NEMGAN:
    rng = Streams(seeds, "weights")
    generator, discriminator = MLP([4, 16, 2], rng), MLP([2, 16, 1], rng, scalar=True)
    inversion = InversionNetwork(MLP([2, 16, 4], rng), Linear(4, 3, rng))
    labelled = ring(3).sample_with_modes(12, Streams(seeds, "labelled")) if labels else None
    settings = {"supervise_start": 0, "supervise_every": 1, "prior_start": 0, **settings}
    return kind(generator, discriminator, inversion, rng=rng, modes=modes, latent=4, labelled=labelled, **settings)


def weights(method):
    return {name: [w.detach().clone() for w in getattr(method, name).parameters()] for name in NAMES}


def moved(method, before):
    return {
        name
        for name, now in weights(method).items()
        if any(not torch.equal(a, b) for a, b in zip(now, before[name], strict=True))
    }


@pytest.mark.parametrize("adversary", ["wasserstein", "cross-entropy"])
def test_each_step_moves_its_own_players(adversary):
    method, real = small(adversary=adversary), ring(3).sample(512, 0)  # enough for a draw within a step
    for step, argument, players in (
        (method.discriminator_step, real, {"discriminator"}),
        (method.generator_step, 32, {"generator"}),
        (method.inversion_step, 32, {"generator", "inversion"}),
        (method.supervision_step, 32, {"inversion"}),
        (method.prior_step, real, {"prior"}),
    ):
        before = weights(method)
        step(argument)
        assert moved(method, before) == players, step.__name__
    assert all(w.requires_grad for w in method.discriminator.parameters())


def test_another_draw_may_move_the_prior():
    """A draw that knows its mean takes the closed form's step."""

    class Known(NEMGAN):
        def drawn(self, n):
            return self.prior.logits.softmax(-1)

    method, real = small(kind=Known, labels=False), ring(3).sample(64, 0)
    found = method.posteriors(real).mean(0)
    method.prior_step(real)
    assert torch.allclose(method.prior.logits.grad, 1 / 3 - found, atol=1e-6)


def test_the_prior_waits_for_its_start_and_may_never_move():
    method, batches = small(prior_start=3), ring(3).batches(512, 0)
    for turn in range(1, 6):
        method.step(next(batches))
        assert bool((method.prior.logits == 0).all()) == (turn <= 3)
    fixed = small(prior_start=None, modes=torch.tensor([0.2, 0.3, 0.5]))
    for _ in range(3):
        fixed.step(next(batches))
    assert torch.allclose(fixed.prior.probabilities, torch.tensor([0.2, 0.3, 0.5]))


def test_the_priors_rate_decays_from_its_start():
    method, real = small(prior_start=2, prior_lr=0.1, prior_decay=0.5, labels=False), ring(3).sample(32, 0)
    rates = []
    for _ in range(5):
        method.step(real)
        rates.append(method.prior_optimiser.param_groups[0]["lr"])
    assert rates[2:] == [0.1 / 1.5, 0.1 / 2, 0.1 / 2.5]


class NearestCentre(nn.Module):
    """An inversion network that is always right."""

    def __init__(self, centres):
        super().__init__()
        self.register_buffer("centres", centres)

    def forward(self, x):
        return x, -50 * torch.cdist(x, self.centres)


def test_a_prior_that_is_told_the_truth_finds_it():
    """The prior's step alone, with an inversion network that is always right."""
    target = ring(3, weights=[0.6, 0.3, 0.1])
    seeds = list(range(8))
    method = small(seeds, prior_lr=2e-2, prior_decay=1e-2)
    method.inversion = NearestCentre(target.centres.expand(8, -1, -1))
    batches = target.batches(256, seeds)
    for turn in range(400):
        method.turn = turn
        method.prior_step(next(batches))
    assert torch.allclose(method.prior.probabilities.mean(0), target.weights, atol=0.03)


def test_samples_of_one_mode_come_from_its_box_and_leave_training_alone():
    method = small([0, 1])
    state = method.rng.state_dict()["state"]
    z, modes = method.draw(50, Streams([0, 1], "look"), mode=2)
    assert (modes.argmax(-1) == 2).all() and (z[..., 2] >= 0.7).all() and (z[..., :2] < 0.3).all()
    assert torch.equal(method.sample(40, mode=1), method.sample(40, mode=1))
    assert torch.equal(method.rng.state_dict()["state"], state)


@pytest.mark.parametrize("kind, spread", [(ClusterGANStyle, 0.1), (InfoGANStyle, 3**-0.5)])
def test_the_rivals_latents_have_a_one_hot_part_and_noise_of_their_own(kind, spread):
    rng = Streams(0, "weights")
    inversion = InversionNetwork(MLP([2, 8, 6], rng), Linear(6, 3, rng))
    players = MLP([6, 8, 2], rng), MLP([2, 8, 1], rng, scalar=True), inversion
    method = kind(*players, rng=rng, modes=3, latent=6, prior_start=None)
    z, modes = method.draw(4000)
    assert torch.equal(z[:, :3], modes)
    noise = z[:, 3:]
    assert abs(float(noise.std()) - spread) < 0.03 * spread and abs(float(noise.mean())) < 0.03 * spread * 3
    kurtosis = float((noise / noise.std()).pow(4).mean())  # 3 for the normal, 1.8 for the uniform distribution
    assert abs(kurtosis - (3 if kind is ClusterGANStyle else 1.8)) < 0.2


def test_the_discriminator_may_take_several_steps_in_a_turn():
    method, real, taken = small(critic_steps=3), ring(3).sample(32, 0), []
    one = method.discriminator_step
    method.discriminator_step = lambda x: taken.append(x) or one(x)
    assert set(method.step(real)) == {"discriminator_loss", "generator_loss", "inversion_loss"}
    assert len(taken) == 3 and all(x is real for x in taken)


def test_the_inversion_network_is_trained_on_noisy_samples_and_asked_about_clean_ones():
    method, seen = small([0, 1], inversion_noise=0.5), []
    method.inversion.register_forward_pre_hook(lambda network, inputs: seen.append(inputs[0]))
    method.generator = lambda z: torch.zeros(2, z.shape[-2], 2, requires_grad=True)
    method.labelled.real = torch.ones_like(method.labelled.real)
    method.inversion_step(20_000)
    method.supervision_step(20_000)
    for samples, centre in zip(seen, (0.0, 1.0), strict=True):
        assert torch.allclose(samples.mean(-2), torch.tensor(centre), atol=0.02)
        assert torch.allclose(samples.std(-2), torch.tensor(0.5), atol=0.02)
        assert not torch.equal(samples[0], samples[1])
    clean = torch.zeros(2, 4, 2)
    method.posteriors(clean)
    assert torch.equal(seen[-1], clean)


def test_looking_and_the_priors_step_leave_running_statistics_alone():
    def normalising(*widths):
        return nn.Sequential(nn.Linear(widths[0], 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, widths[1]))

    rng, real = Streams(0, "weights"), ring(3).sample(512, 0)
    generator, inversion = normalising(4, 2), InversionNetwork(normalising(2, 4), Linear(4, 3, rng))
    method = NEMGAN(generator, MLP([2, 8, 1], rng, scalar=True), inversion, rng=rng, modes=3, latent=4, prior_start=0)
    method.step(real)
    before = copy.deepcopy([generator.state_dict(), inversion.state_dict()])
    said = method.posteriors(real)
    method.sample(40), method.transfer(real, 1), method.prior_step(real)
    for now, then in zip((generator.state_dict(), inversion.state_dict()), before, strict=True):
        assert all(torch.equal(now[name], value) for name, value in then.items())
    assert torch.equal(said, inversion(real)[1].softmax(-1))  # in training mode: normalised by the batch


class InversionOfTheIdentity(nn.Module):
    def forward(self, x):
        return x, x[..., :3]


def test_transfer_keeps_the_place_within_the_box():
    method = small()
    z, _ = method.draw(20, Streams(0), mode=0)
    method.generator, method.inversion = nn.Identity(), InversionOfTheIdentity()
    moved_to = method.transfer(z, 2)
    assert torch.allclose(moved_to - z, torch.tensor([-1.0, 0.0, 1.0, 0.0]).expand(20, 4))


@pytest.mark.parametrize("adversary", ["wasserstein", "cross-entropy"])
def test_seeds_trained_together_are_the_same_as_alone(adversary):
    settings = {"adversary": adversary, "prior_lr": 0.01, "lr": 1e-3}
    together, alone = small([0, 1, 2], **settings), small(1, **settings)
    batches, own = ring(3).batches(32, [0, 1, 2]), ring(3).batches(32, 1)
    for _ in range(15):
        together.step(next(batches))
        losses = alone.step(next(own))
    assert all(value.shape == () for value in losses.values())
    assert torch.allclose(together.sample(64)[1], alone.sample(64), atol=1e-4)
    assert torch.allclose(together.prior.logits[1], alone.prior.logits, atol=1e-4)


def test_the_state_holds_everything_that_training_needs():
    method, batches = small([0, 1]), ring(3).batches(16, [0, 1])
    for _ in range(3):
        method.step(next(batches))
    state = copy.deepcopy(method.state_dict())
    real = next(batches)
    expected, prior = method.step(real), method.prior.probabilities
    other = small([0, 1], lr=0.5)
    other.load_state_dict(state)
    for name, value in other.step(real).items():
        assert torch.equal(value, expected[name])
    assert torch.equal(other.prior.probabilities, prior) and other.turn == 4


def test_an_unknown_adversary_is_named():
    with pytest.raises(GanlabError, match="adversary is 'hinge'; choose wasserstein or cross-entropy"):
        small(adversary="hinge")


def test_a_prior_starts_uniform_or_where_it_is_told():
    assert torch.allclose(Prior(4, Streams([0, 1])).probabilities, torch.full((2, 4), 0.25))
    assert torch.allclose(Prior(torch.tensor([0.2, 0.8]), Streams(0)).probabilities, torch.tensor([0.2, 0.8]))
