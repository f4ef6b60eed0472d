import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from ganlab.data.conditional import interlaced
from ganlab.errors import GanlabError
from ganlab.methods import gan
from ganlab.methods.msgan import (
    EPS,
    FORMS,
    MSGAN,
    ConditionalGAN,
    capped,
    discriminator_loss,
    distance_ratio,
    dsgan_loss,
    generator_loss,
    maximised,
    mean_distance,
    mode_seeking_loss,
    reciprocal,
)
from ganlab.nets.conditional import Conditional
from ganlab.nets.dcgan import dcgan_discriminator, dcgan_generator
from ganlab.nets.mlp import MLP
from ganlab.nets.unet import UNet, patch_discriminator
from ganlab.seeds import Streams

TARGET = interlaced(classes=2, modes=3)


def players(seeds=0) -> dict:
    rng = Streams(seeds, "weights")
    return {
        "generator": Conditional(MLP([2 + 2, 16, 2], rng)),
        "discriminator": Conditional(MLP([2 + 2, 16, 1], rng, scalar=True)),
        "rng": rng,
    }


def small(seeds=0, **settings) -> MSGAN:
    return MSGAN(**players(seeds), **settings)


def plain(seeds=0, **settings) -> ConditionalGAN:
    return ConditionalGAN(**players(seeds), **settings)


def image_players(seed=0) -> dict:
    """Networks with batch norm, where what is seen together matters."""
    rng = Streams(seed, "weights")
    return {
        "generator": Conditional(dcgan_generator(8, latent=4 + 2, width=4, rng=rng)),
        "discriminator": Conditional(dcgan_discriminator(8, 1 + 2, width=4, rng=rng), pixels=64),
        "rng": rng,
        "latent": 4,
    }


def image_batch(seed=0, n=6) -> tuple[torch.Tensor, torch.Tensor]:
    rng = Streams(seed, "images")
    return rng.normal(n, 64).tanh(), torch.eye(2)[rng.integers(2, n)]


def drawing_players(seed=0) -> dict:
    """From a drawing to a coloured image, with the weight of L1."""
    rng = Streams(seed, "weights")
    networks = {"generator": UNet(16, 1, 3, 2, 4, rng), "discriminator": patch_discriminator(16, 4, 4, rng)}
    return networks | {"rng": rng, "latent": 2, "reconstruction": 10.0}


def drawing_batch(seed=0, n=3) -> tuple[torch.Tensor, torch.Tensor]:
    rng = Streams(seed, "drawings")
    return rng.normal(n, 768).tanh(), rng.normal(n, 256).tanh()


def weights_of(method) -> list[torch.Tensor]:
    return [w.detach().clone() for w in (*method.generator.parameters(), *method.discriminator.parameters())]


def equal(one, other) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture
def pairs() -> tuple[torch.Tensor, ...]:
    """Two sample batches (3 seeds, 7, 5) and two latent batches (3, 7, 4) in float64."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 7, 5), (3, 7, 5), (3, 7, 4), (3, 7, 4)]
    return tuple(torch.randn(*s, dtype=torch.float64, generator=generator).requires_grad_() for s in shapes)


def ratio_by_numpy(arrays) -> np.ndarray:
    seeds = zip(*(a.detach().numpy() for a in arrays), strict=True)
    return np.array([np.mean(np.abs(a - b)) / np.mean(np.abs(u - v)) for a, b, u, v in seeds])


# The ratio and the forms ---------------------------------------------------------------------------------------


def test_the_forms_agree_with_an_independent_computation_in_float64(pairs):
    r = ratio_by_numpy(pairs)
    one, other, z1, z2 = (a.detach().numpy() for a in pairs)
    by_pair = np.abs(one - other).mean(-1) / np.abs(z1 - z2).mean(-1)
    cap = float(np.median(by_pair))
    wanted = {
        "reciprocal": 1 / (r + 1e-5),
        "maximised": -r,
        "numerator": -np.abs(one - other).mean((1, 2)),
        "dsgan": -by_pair.mean(1),
    }
    for name, want in wanted.items():
        assert np.allclose(FORMS[name](*pairs).detach().numpy(), want, rtol=1e-12), name
    for c in (0.5 * r.min(), r.mean(), 2 * r.max()):
        assert np.allclose(FORMS["capped"](*pairs, cap=float(c)).detach().numpy(), -np.minimum(r, c), rtol=1e-12)
    assert np.allclose(dsgan_loss(*pairs, cap=cap).detach().numpy(), -np.minimum(by_pair, cap).mean(1), rtol=1e-12)
    assert set(wanted) | {"capped"} == set(FORMS)


def test_the_gradients_are_those_of_the_equations(pairs):
    one, other, z1, z2 = pairs
    r = torch.tensor(ratio_by_numpy(pairs))[:, None, None]
    latents = (z1 - z2).abs().mean((1, 2), keepdim=True).detach()
    slope_of_r = ((one - other).sign() / (one[0].numel() * latents)).detach()
    inner = {"reciprocal": -1 / (r + EPS) ** 2, "maximised": -1.0, "numerator": -latents}
    for name, factor in inner.items():
        by_one, by_other = torch.autograd.grad(FORMS[name](*pairs).sum(), (one, other))
        assert torch.allclose(by_one, factor * slope_of_r, rtol=1e-12), name
        assert torch.equal(by_other, -by_one), name
    below, above = (float(r.min()) / 2, float(r.max()) * 2)
    assert not torch.autograd.grad(FORMS["capped"](*pairs, cap=below).sum(), one)[0].any()
    assert torch.allclose(torch.autograd.grad(FORMS["capped"](*pairs, cap=above).sum(), one)[0], -slope_of_r)
    by_pair = (z1 - z2).abs().mean(-1, keepdim=True).detach()
    by_one, by_other = torch.autograd.grad(dsgan_loss(*pairs).sum(), (one, other), allow_unused=True)
    assert torch.allclose(by_one, -(one - other).sign().detach() / (by_pair * one[0].numel()))
    assert by_other is None  # the second image is detached


def test_the_slope_of_the_released_form():
    r = torch.tensor([0.0, 1e-5, 0.1, 1.7], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(reciprocal(r).sum(), r)
    assert torch.allclose(slope, -1 / (r + 1e-5) ** 2)
    assert math.isclose(slope[0], -1e10, rel_tol=1e-9)
    assert torch.autograd.grad(maximised(r).sum(), r)[0].eq(-1).all()
    assert torch.equal(capped(r, 0.1), -torch.tensor([0.0, 1e-5, 0.1, 0.1], dtype=torch.float64))


def test_equal_latents_give_numbers_and_no_gradient(pairs):
    one, other, z1, _ = pairs
    released = (one - other).abs().mean() / (z1 - z1).abs().mean()
    assert not torch.isfinite(released)
    same = (one, one * 1.0, z1, z1 * 1.0)
    assert torch.isnan((same[0] - same[1]).abs().mean() / (same[2] - same[3]).abs().mean())  # a generator without noise
    settings = {"capped": {"cap": 1.0}}
    for name, form in FORMS.items():
        for case in (same, (one, other, z1, z1 * 1.0)):
            loss = form(*case, **settings.get(name, {}))
            gradients = torch.autograd.grad(loss.sum(), (one, other, z1), allow_unused=True, retain_graph=True)
            assert loss.isfinite().all(), name
            assert all(g is None or g.isfinite().all() for g in gradients), name
    assert not distance_ratio(one, other, z1, z1 * 1.0).any()
    assert not torch.autograd.grad(mode_seeking_loss(one, other, z1, z1 * 1.0).sum(), one)[0].any()


def test_equal_latents_of_one_seed_leave_the_others_alone(pairs):
    one, other, z1, z2 = pairs
    mixed = z2.detach().clone()
    mixed[1] = z1[1].detach()
    got = distance_ratio(one, other, z1, mixed)
    want = distance_ratio(*pairs)
    assert got[1] == 0 and torch.equal(got[[0, 2]], want[[0, 2]])


def test_at_exactly_equal_images_the_pull_is_lost():
    """|x| has no slope at 0: the value is 1 / eps and the gradient 0. A generator that is deaf to z stays deaf."""
    images, z1, z2 = torch.ones(4, 3, requires_grad=True), torch.randn(4, 2), torch.randn(4, 2)
    loss = mode_seeking_loss(images, images * 1.0, z1, z2)
    assert torch.isclose(loss, torch.tensor(1e5))
    assert not torch.autograd.grad(loss, images)[0].any()


def test_a_ratio_of_means_is_not_a_mean_of_ratios():
    one, other = torch.tensor([[1.0], [1.0]]), torch.zeros(2, 1)
    z1, z2 = torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1)
    assert distance_ratio(one, other, z1, z2) == 1 / 2
    assert torch.isclose(dsgan_loss(one, other, z1, z2), torch.tensor(-(1 + 1 / 3) / 2))


def test_the_range_for_images_and_the_distance_of_normal_latents():
    z1, z2 = Streams(0).normal(2, 2000, 100).double()
    assert abs(mean_distance(z1, z2) - 2 / math.pi**0.5) < 5 * 0.8525 / math.sqrt(2000 * 100)
    black, white = -torch.ones(2000, 8).double(), torch.ones(2000, 8).double()
    assert 1.76 < distance_ratio(black, white, z1, z2) < 1.79
    assert 0.56 < mode_seeking_loss(black, white, z1, z2) < 0.57


# The conditional game ------------------------------------------------------------------------------------------


def test_the_players_losses_count_the_real_term_once_for_each_batch_of_fakes():
    generator = torch.Generator().manual_seed(0)
    real, first, second = torch.randn(3, 2, 9, dtype=torch.float64, generator=generator).requires_grad_()

    def bce(logits, label):
        return binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, label), reduction="none").mean(-1)

    want = 2 * bce(real, 1.0) + bce(first, 0.0) + bce(second, 0.0)
    assert torch.allclose(discriminator_loss(real, first, second), want)
    assert torch.allclose(discriminator_loss(real, first), gan.discriminator_loss(real, first))
    assert torch.allclose(generator_loss(first, second), bce(first, 1.0) + bce(second, 1.0))


@pytest.mark.parametrize(
    "make, batch", [(players, None), (image_players, image_batch), (drawing_players, drawing_batch)]
)
@pytest.mark.parametrize("form", ["reciprocal", "maximised", "numerator", "dsgan"])
def test_with_weight_0_a_run_is_the_baselines_bit_for_bit(make, batch, form):
    start = make()
    baseline, method = ConditionalGAN(**copy.deepcopy(start)), MSGAN(**copy.deepcopy(start), weight=0.0, form=form)
    batches = TARGET.batches(16, 0)
    for step in range(6):
        real = next(batches) if batch is None else batch(step)
        one, other = baseline.step(real), method.step(real)
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert equal(weights_of(baseline), weights_of(method))
    condition = real[1]
    assert torch.equal(baseline.sample(condition), method.sample(condition))


def test_with_a_weight_it_is_not():
    baseline, method, real = plain(), small(), next(TARGET.batches(16, 0))
    baseline.step(real)
    method.step(real)
    assert not equal(weights_of(baseline), weights_of(method))


def test_one_pass_of_the_generator_sees_both_latents_and_the_discriminator_each_batch_by_itself():
    class Spy(nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body, self.sizes = body, []

        def forward(self, x, condition):
            assert len(x) == len(condition)
            self.sizes.append(len(x))
            return self.body(x, condition)

    own = image_players()
    own["generator"], own["discriminator"] = Spy(own["generator"]), Spy(own["discriminator"])
    method = MSGAN(**own)
    method.step(image_batch())
    assert own["generator"].sizes == [12]
    assert sorted(own["discriminator"].sizes) == [6] * 5  # two fakes and the reals for D, two fakes for G


def test_both_latents_share_their_batch_statistics():
    """What G makes of z1 depends on z2: one batch norm over both. In two passes it would not."""
    method = MSGAN(**image_players())
    condition = torch.eye(2)[[0, 1, 0]]
    _, fakes = method.generate(condition)
    method.rng.load_state_dict(method.rng.for_purpose("latent").state_dict())
    latents = method.rng.normal(6, 4)
    together = method.generator(latents, torch.cat([condition, condition]))
    assert torch.equal(torch.cat(fakes), together)
    assert not torch.allclose(method.generator(latents[:3], condition), fakes[0], atol=1e-3)


def test_each_step_moves_its_own_player_and_leaves_no_gradient_behind():
    method, (real, condition) = small(), next(TARGET.batches(16, 0))
    latents, fakes = method.generate(condition)
    generator = [w.detach().clone() for w in method.generator.parameters()]
    discriminator = [w.detach().clone() for w in method.discriminator.parameters()]
    method.discriminator_step(real, condition, fakes)
    assert equal(generator, method.generator.parameters()) and not equal(
        discriminator, method.discriminator.parameters()
    )
    assert all(w.grad is None for w in method.generator.parameters())
    discriminator = [w.detach().clone() for w in method.discriminator.parameters()]
    before = [w.grad.clone() for w in method.discriminator.parameters()]
    method.generator_step(real, condition, fakes, latents)
    assert equal(discriminator, method.discriminator.parameters()) and not equal(
        generator, method.generator.parameters()
    )
    assert equal(before, [w.grad for w in method.discriminator.parameters()])
    assert all(w.requires_grad for w in method.discriminator.parameters())


def test_the_generators_gradient_is_that_of_the_whole_loss():
    method, (real, condition) = small(weight=0.7, reconstruction=3.0), next(TARGET.batches(16, 0))
    latents, fakes = method.generate(condition)
    with torch.no_grad():
        z1, z2 = (z.double() for z in latents)
    generator, discriminator = (copy.deepcopy(p).double() for p in (method.generator, method.discriminator))
    c = condition.double()
    one, other = generator(torch.cat([z1, z2]), torch.cat([c, c])).chunk(2)
    ratio = (one - other).abs().mean() / (z1 - z2).abs().mean()
    adversarial = -(discriminator(one, c).sigmoid().log().mean() + discriminator(other, c).sigmoid().log().mean())
    loss = adversarial + 3.0 * (real.double() - one).abs().mean() + 0.7 / (ratio + 1e-5)
    wanted = torch.autograd.grad(loss, list(generator.parameters()))
    numbers = method.generator_step(real, condition, fakes, latents)
    for weight, want in zip(method.generator.parameters(), wanted, strict=True):
        assert torch.allclose(weight.grad.double(), want, rtol=1e-3, atol=1e-6)
    assert math.isclose(numbers["ratio"], ratio.item(), rel_tol=1e-4)
    assert math.isclose(numbers["mode_seeking"], 0.7 / (ratio.item() + 1e-5), rel_tol=1e-4)


def test_the_weight_fades_linearly_to_nothing():
    method, batches = small(form="numerator", fade=4), TARGET.batches(16, 0)
    found = [method.step(next(batches)) for _ in range(6)]
    left = []
    for numbers in found:
        left.append(float(-numbers["mode_seeking"] / numbers["ratio"]))
    reference = left[0]  # the mean distance of the latents, about 1.13; it varies a little from step to step
    assert reference > 0.5 and left[4] == left[5] == 0
    assert all(abs(value / reference - (1 - k / 4)) < 0.3 for k, value in enumerate(left[:4]))


@pytest.mark.parametrize("make", [plain, small])
def test_seeds_trained_together_are_the_same_as_alone(make):
    together, alone = make([0, 1, 2]), make(1)
    batches, own = TARGET.batches(32, [0, 1, 2]), TARGET.batches(32, 1)
    for _ in range(20):
        together.step(next(batches))
        losses = alone.step(next(own))
    assert all(value.shape == () for value in losses.values())
    assert torch.allclose(together.sample(TARGET.conditions(8, 3))[1], alone.sample(TARGET.conditions(8)), atol=1e-4)


def test_each_seed_may_have_a_weight_of_its_own():
    together, alone = small([3, 3], weight=torch.tensor([0.0, 2.0])), small(3, weight=2.0)
    batches, own = TARGET.batches(32, [3, 3]), TARGET.batches(32, 3)
    for _ in range(10):
        together.step(next(batches))
        alone.step(next(own))
    first, second = together.sample(TARGET.conditions(8, 2))
    assert torch.allclose(second, alone.sample(TARGET.conditions(8)), atol=1e-4)
    assert not torch.allclose(first, second, atol=1e-2)


def test_the_state_holds_everything_that_training_needs():
    method, batches = small([0, 1], form="numerator", fade=5), TARGET.batches(16, [0, 1])
    method.step(next(batches))
    state = copy.deepcopy(method.state_dict())
    real = next(batches)
    expected = method.step(real)
    other = small([8, 9], form="numerator", fade=5)
    other.load_state_dict(state)
    for name, value in other.step(real).items():
        assert torch.equal(value, expected[name])


def test_looking_does_not_disturb_training():
    one, other, batches = small(), small(), TARGET.batches(16, 0)
    for _ in range(3):
        real = next(batches)
        one.step(real)
        other.sample(TARGET.conditions(4))
        other.step(real)
    assert equal(weights_of(one), weights_of(other))


def test_bad_settings_are_named():
    with pytest.raises(GanlabError, match="form is 'ratio'; choose one of reciprocal, maximised"):
        small(form="ratio")
    with pytest.raises(GanlabError, match="there is no cap"):
        small(form="capped")
    with pytest.raises(GanlabError, match="draws is 3; the mode-seeking term compares 2 latents"):
        small(draws=3)
    with pytest.raises(GanlabError, match="draws is 0; each condition needs at least 1"):
        plain(draws=0)


def test_an_image_to_image_step_moves_both_players_and_gives_images():
    method = MSGAN(**drawing_players())
    before = weights_of(method)
    faces, drawings = drawing_batch()
    numbers = method.step((faces, drawings))
    assert all(value.isfinite() for value in numbers.values())
    assert sum(torch.equal(a, b) for a, b in zip(before, weights_of(method), strict=True)) == 0
    assert method.sample(drawings).shape == (3, 768) and method.sample(drawings).abs().max() <= 1
