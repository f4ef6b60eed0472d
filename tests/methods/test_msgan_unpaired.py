"""The translator of two domains: its losses, what each step moves, and that nothing is mixed up."""

import copy
import math

import torch
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganlab.methods.msgan_unpaired import Translator, X, Y, style_divergence, undecided
from ganlab.seeds import Streams

SIDE, STYLE, N = 16, 3, 4


def small(seed: int = 0, **settings) -> Translator:
    return Translator(SIDE, rng=Streams(seed, "weights"), style=STYLE, width=4, **settings)


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(Streams(seed, "images").normal(2, N, 3 * SIDE**2).tanh())


def parameters(module) -> list[torch.Tensor]:
    return [w.detach().clone() for w in module.parameters()]


def equal(one, other) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_styles_divergence_is_that_of_two_normals():
    mean, log_variance = torch.randn(2, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    want = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).mean()
    assert torch.isclose(style_divergence(mean, log_variance), want, rtol=1e-12)
    assert style_divergence(mean * 0, mean * 0) == 0


def test_undecided_is_the_cross_entropy_to_one_half():
    logits = torch.tensor([-3.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.isclose(undecided(logits), bce(logits, torch.full_like(logits, 0.5)))
    assert math.isclose(undecided(0 * logits.detach()), math.log(2), rel_tol=1e-12)
    (slope,) = torch.autograd.grad(undecided(logits), logits)
    assert (slope.sign() == torch.tensor([-1, 0, 1])).all()


def test_all_images_are_made_of_the_right_content_and_style():
    method, (x, y) = small(), batch()
    found = method.translate({X: x, Y: y})
    z1, z2 = found["latents"]
    to_y, to_x = found["made"][Y], found["made"][X]
    assert torch.allclose(to_y["drawn1"], method.decoders[Y](method.content[X](x), z1), atol=1e-6)
    assert torch.allclose(to_y["drawn2"], method.decoders[Y](method.content[X](x), z2), atol=1e-6)
    assert torch.allclose(to_x["drawn1"], method.decoders[X](method.content[Y](y), z1), atol=1e-6)
    with torch.no_grad():  # styles without any spread: the means
        for encoder in method.styles.values():
            encoder.body[-1].weight[STYLE:] = 0.0
            encoder.body[-1].bias[STYLE:] = -60.0
    found = method.translate({X: x, Y: y})
    style = {X: method.styles[X](x)[0], Y: method.styles[Y](y)[0]}
    assert torch.allclose(found["made"][X]["own"], method.decoders[X](method.content[X](x), style[X]), atol=1e-6)
    assert torch.allclose(found["made"][X]["crossed"], method.decoders[X](method.content[Y](y), style[X]), atol=1e-6)
    assert torch.allclose(found["made"][Y]["crossed"], method.decoders[Y](method.content[X](x), style[Y]), atol=1e-6)


def test_the_generators_loss_is_the_sum_of_its_parts_in_float64():
    method, (x, y) = small(weight=0.7), batch()
    images = {X: x, Y: y}
    found = method.translate(images)
    nets = copy.deepcopy(method)
    for part in (nets.generator, nets.judges):
        part.double()
    x, y, made = x.double(), y.double(), found["made"]
    made = {d: {name: image.detach().double() for name, image in made[d].items()} for d in made}
    z1, z2 = (z.double() for z in found["latents"])

    def real(player, image):
        logits = player(image)
        return bce(logits, torch.ones_like(logits))

    def l1(a, b):
        return (a - b).abs().mean()

    half = sum(
        bce(logits, torch.full_like(logits, 0.5))
        for logits in (nets.judges["content"](nets.content[X](x)), nets.judges["content"](nets.content[Y](y)))
    )
    back_x = nets.decoders[X](nets.content[Y](made[Y]["crossed"]), nets.styles[X](made[X]["crossed"])[0])
    back_y = nets.decoders[Y](nets.content[X](made[X]["crossed"]), nets.styles[Y](made[Y]["crossed"])[0])
    want = half + 10 * (l1(x, back_x) + l1(y, back_y) + l1(x, made[X]["own"]) + l1(y, made[Y]["own"]))
    for d, image in ((X, x), (Y, y)):
        want = want + sum(real(nets.judges[d], made[d][name]) for name in ("crossed", "drawn1", "drawn2"))
        want = want + 10 * l1(nets.styles[d](made[d]["drawn1"])[0], z1)
        mean, log_variance = nets.styles[d](image)
        want = want + 0.01 * kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).mean()
        want = want + 0.7 / (l1(made[d]["drawn1"], made[d]["drawn2"]) / l1(z1, z2) + 1e-5)
    numbers = method.generator_step(images, found)
    assert math.isclose(numbers["generator_loss"], want.item(), rel_tol=1e-4)
    ratio = l1(made[Y]["drawn1"], made[Y]["drawn2"]) / l1(z1, z2)
    assert math.isclose(numbers["ratio_y"], ratio.item(), rel_tol=1e-4)


def test_the_discriminators_loss_in_float64():
    method, (x, y) = small(), batch()
    images = {X: x, Y: y}
    found = method.translate(images)
    judges = copy.deepcopy(method.judges).double()

    def against(player, image, label):
        logits = player(image.detach().double())
        return bce(logits, torch.full_like(logits, label))

    want = against(judges["content"], found["content"][X], 1.0) + against(judges["content"], found["content"][Y], 0.0)
    for d in (X, Y):
        want = want + 3 * against(judges[d], images[d], 1.0)
        want = want + sum(against(judges[d], found["made"][d][k], 0.0) for k in ("crossed", "drawn1", "drawn2"))
    assert math.isclose(method.discriminator_step(images, found)["discriminator_loss"], want.item(), rel_tol=1e-5)


def test_each_step_moves_its_own_player_only():
    method, images = small(), dict(zip((X, Y), batch(), strict=True))
    found = method.translate(images)
    makers, judges = parameters(method.generator), parameters(method.judges)
    method.discriminator_step(images, found)
    assert equal(makers, method.generator.parameters()) and all(w.grad is None for w in method.generator.parameters())
    moved = parameters(method.judges)
    assert not any(torch.equal(a, b) for a, b in zip(judges, moved, strict=True))
    method.generator_step(images, found)
    assert equal(moved, method.judges.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(makers, method.generator.parameters(), strict=True))
    assert all(w.requires_grad for w in method.judges.parameters())


def test_the_term_pulls_in_both_directions():
    """Its weight moves the decoders of both domains; everything else being equal."""
    plain, method = small(weight=0.0), small(weight=5.0)
    for one in (plain, method):
        one.step(batch())
    for d in (X, Y):
        assert not equal(plain.decoders[d].parameters(), method.decoders[d].parameters())
    assert equal(plain.judges.parameters(), method.judges.parameters())


def test_sampling_goes_to_the_other_domain_and_disturbs_nothing():
    one, other = small(), small()
    for step in range(2):
        one.step(batch(step))
        x, y = batch(step)
        drawn = other.sample(x, Y)
        assert drawn.shape == x.shape and torch.equal(drawn, other.sample(x, Y))
        assert not torch.equal(drawn, other.sample(x, Y, Streams(1)))
        other.step((x, y))
    assert equal(one.generator.parameters(), other.generator.parameters())


def test_the_state_holds_everything_that_training_needs():
    method = small()
    method.step(batch())
    state = copy.deepcopy(method.state_dict())
    expected = method.step(batch(1))
    other = small(7)
    other.load_state_dict(state)
    assert all(torch.equal(value, expected[name]) for name, value in other.step(batch(1)).items())
