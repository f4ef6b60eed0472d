import copy
import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy, mse_loss

from ganlab.data.mixtures import ring
from ganlab.errors import GanlabError
from ganlab.methods.gan import GAN
from ganlab.methods.mdgan import (
    AS_ARGUED,
    AS_PRINTED,
    MDGAN,
    RegularizedGAN,
    generator_loss,
    mode_regulariser,
    regulariser,
    squared_distance,
)
from ganlab.nets.dcgan import dcgan_discriminator, dcgan_encoder, dcgan_generator
from ganlab.nets.encoder import UniformCube
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams


def players(seeds=0, **settings) -> dict:
    rng = Streams(seeds, "weights")
    return {
        "generator": MLP([2, 16, 2], rng),
        "discriminator": MLP([2, 16, 1], rng, scalar=True),
        "encoder": MLP([2, 16, 2], rng),
        "rng": rng,
        **settings,
    }


def small_regularized(seeds=0, **settings) -> RegularizedGAN:
    return RegularizedGAN(**players(seeds, **settings))


def small_mdgan(seeds=0, **settings) -> MDGAN:
    own = players(seeds, **settings)
    return MDGAN(manifold_discriminator=MLP([2, 16, 1], own["rng"], scalar=True), **own)


NAMES = ("generator", "encoder", "discriminator", "manifold_discriminator")


def weights(method) -> dict[str, list[torch.Tensor]]:
    return {
        name: [w.detach().clone() for w in getattr(method, name).parameters()]
        for name in NAMES
        if hasattr(method, name)
    }


def moved(method, before) -> set[str]:
    now = weights(method)
    return {name for name in now if any(not torch.equal(a, b) for a, b in zip(now[name], before[name], strict=True))}


def with_gradient(method) -> set[str]:
    return {
        name
        for name in NAMES
        if hasattr(method, name)
        and any(w.grad is not None and w.grad.any() for w in getattr(method, name).parameters())
    }


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()

    return {"fake": normal(3, 9), "real": normal(3, 9, 2), "reconstruction": normal(3, 9, 2), "logits": normal(3, 9)}


def log_d(logits):
    """log D by another road: cross-entropy with label 1, of which the sign is turned."""
    return -binary_cross_entropy(logits.sigmoid(), torch.ones_like(logits), reduction="none").mean(-1)


# The losses ---------------------------------------------------------------------------------------------------


def test_the_losses_agree_with_an_independent_computation(batch):
    real, reconstruction, logits = batch["real"], batch["reconstruction"], batch["logits"]
    distance = torch.stack([2 * mse_loss(a, b) for a, b in zip(real, reconstruction, strict=True)])
    assert torch.allclose(squared_distance(real, reconstruction), distance)
    assert torch.allclose(mode_regulariser(logits), log_d(logits))
    encoder = 0.3 * distance - 0.7 * log_d(logits)
    assert torch.allclose(regulariser(real, reconstruction, logits, 0.3, 0.7), encoder)
    generator = generator_loss(batch["fake"], real, reconstruction, logits, 0.3, 0.7)
    assert torch.allclose(generator, encoder - log_d(batch["fake"]))


def test_the_losses_by_hand():
    real, reconstruction = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    logits, fake = torch.zeros(2), torch.zeros(5)
    assert squared_distance(real, reconstruction) == (4 + 25) / 2
    assert torch.isclose(mode_regulariser(logits), torch.tensor(math.log(0.5)))
    assert torch.isclose(regulariser(real, reconstruction, logits, 2.0, 3.0), torch.tensor(29 + 3 * math.log(2)))
    total = generator_loss(fake, real, reconstruction, logits, 2.0, 3.0)
    assert torch.isclose(total, torch.tensor(29 + 4 * math.log(2)))
    printed = regulariser(real, reconstruction, logits, 2.0, 3.0, AS_PRINTED)
    assert torch.isclose(printed, torch.tensor(29 - 3 * math.log(2)))


def test_the_gradients_are_those_of_the_equations(batch):
    real, reconstruction, logits = batch["real"], batch["reconstruction"], batch["logits"]
    loss = generator_loss(batch["fake"], real, reconstruction, logits, 0.3, 0.7).sum()
    of_fake, of_reconstruction, of_logits = torch.autograd.grad(loss, (batch["fake"], reconstruction, logits))
    assert torch.allclose(of_fake, (batch["fake"].sigmoid() - 1) / 9)
    assert torch.allclose(of_reconstruction, 0.3 * 2 * (reconstruction - real) / 9)
    assert torch.allclose(of_logits, -0.7 * (1 - logits.sigmoid()) / 9)
    as_printed = regulariser(real, reconstruction, logits, 0.3, 0.7, AS_PRINTED).sum()
    assert torch.allclose(torch.autograd.grad(as_printed, logits)[0], -of_logits)


def test_the_losses_stay_finite_at_huge_logits():
    huge = torch.tensor([-1e4, 1e4], requires_grad=True)
    points = torch.zeros(2, 2)
    for loss in (
        mode_regulariser(huge),
        generator_loss(huge, points, points, huge, 1.0, 1.0),
        regulariser(points, points, huge, 1.0, 1.0),
    ):
        assert loss.isfinite()
        (gradient,) = torch.autograd.grad(loss, huge)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("sign", [AS_ARGUED, AS_PRINTED])
def test_the_sign_decides_whether_reconstructions_look_more_or_less_real(sign):
    """With lambda1 = 0 and D and G fixed, one small step of E moves log D(G(E(x))) up as argued, down as printed."""
    own = players()
    generator, discriminator, encoder = (own[name] for name in ("generator", "discriminator", "encoder"))
    real = ring().sample(256, 0)
    before = mode_regulariser(discriminator(generator(encoder(real))))
    reconstruction = generator(encoder(real))
    loss = regulariser(real, reconstruction, discriminator(reconstruction), 0.0, 1.0, sign)
    for weight, slope in zip(encoder.parameters(), torch.autograd.grad(loss, list(encoder.parameters())), strict=True):
        weight.data -= 0.01 * slope
    after = mode_regulariser(discriminator(generator(encoder(real))))
    assert (after > before) == (sign == AS_ARGUED)


# Who moves ----------------------------------------------------------------------------------------------------


def test_in_a_regularized_gan_each_step_moves_its_own_players():
    method, real = small_regularized(), ring().sample(32, 0)
    before = weights(method)
    method.discriminator_step(real)
    assert moved(method, before) == {"discriminator"} == with_gradient(method)
    before, gradients = weights(method), [w.grad.clone() for w in method.discriminator.parameters()]
    method.generator_step(real)
    assert moved(method, before) == {"generator", "encoder"}
    for weight, gradient in zip(method.discriminator.parameters(), gradients, strict=True):
        assert torch.equal(weight.grad, gradient) and weight.requires_grad


def test_one_backward_pass_gives_generator_and_encoder_the_gradients_of_their_own_losses():
    method, real = small_regularized(lambda1=0.3, lambda2=0.7), ring().sample(32, 0)
    latents = copy.deepcopy(method.rng)
    reconstruction = method.generator(method.encoder(real))
    of_encoder = regulariser(real, reconstruction, method.discriminator(reconstruction), 0.3, 0.7)
    want_encoder = torch.autograd.grad(of_encoder, list(method.encoder.parameters()), retain_graph=True)
    fake_logits = method.discriminator(method.generator(latents.normal(32, 2)))
    of_generator = generator_loss(fake_logits, real, reconstruction, method.discriminator(reconstruction), 0.3, 0.7)
    want_generator = torch.autograd.grad(of_generator, list(method.generator.parameters()))
    losses = method.generator_step(real)
    assert torch.allclose(losses["generator_loss"], of_generator) and torch.allclose(losses["encoder_loss"], of_encoder)
    for player, wanted in ((method.encoder, want_encoder), (method.generator, want_generator)):
        for weight, want in zip(player.parameters(), wanted, strict=True):
            assert torch.allclose(weight.grad, want, atol=1e-7)


def test_without_weights_a_regularized_gan_is_the_plain_gan():
    own = players([0, 1])
    encoder = own.pop("encoder")
    plain = GAN(**copy.deepcopy(own))
    method = RegularizedGAN(**own, encoder=encoder, lambda1=0.0, lambda2=0.0)
    batches, same = ring().batches(32, [0, 1]), ring().batches(32, [0, 1])
    for _ in range(10):
        plain.step(next(batches))
        method.step(next(same))
    assert torch.allclose(plain.sample(64), method.sample(64), atol=1e-5)


def test_in_mdgan_each_step_moves_its_own_players():
    method, real = small_mdgan(), ring().sample(32, 0)
    before = weights(method)
    method.manifold_step(real)
    assert moved(method, before) == {"generator", "encoder", "manifold_discriminator"}
    assert "discriminator" not in with_gradient(method)
    before = weights(method)
    gradients = [
        w.grad.clone() for player in (method.encoder, method.manifold_discriminator) for w in player.parameters()
    ]
    method.diffusion_step(real)
    assert moved(method, before) == {"generator", "discriminator"}
    now = [w.grad for player in (method.encoder, method.manifold_discriminator) for w in player.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(gradients, now, strict=True))


def test_the_manifold_step_minimises_the_distance_and_believes_the_first_discriminator():
    """distance_weight ||x - G(E(x))||^2 - weight log D1(G(E(x))), with D1 as it is after its own step."""
    method, real = small_mdgan(weight=0.3, distance_weight=0.7), ring().sample(32, 0)
    wanted = copy.deepcopy(method)
    losses = method.manifold_step(real)
    reconstruction = wanted.reconstruct(real)
    log_d1 = log_d(method.manifold_discriminator(reconstruction))
    loss = 0.7 * 2 * mse_loss(reconstruction, real) - 0.3 * log_d1
    assert torch.allclose(losses["manifold_loss"], loss)
    (want, *_) = torch.autograd.grad(loss, list(wanted.encoder.parameters()))
    assert torch.allclose(next(method.encoder.parameters()).grad, want, atol=1e-6)


def test_what_the_second_discriminator_takes_for_real_is_the_reconstruction():
    """The diffusion step must equal a plain GAN's step on G(E(x)), number by number."""
    method, real = small_mdgan(), ring().sample(32, 0)
    plain = GAN(copy.deepcopy(method.generator), copy.deepcopy(method.discriminator), rng=Streams(0))
    plain.rng = copy.deepcopy(method.rng)
    losses = method.diffusion_step(real)
    with torch.no_grad():
        reconstruction = plain.generator(method.encoder(real))
    for name, value in plain.step(reconstruction).items():
        assert torch.equal(value, losses[name])


@pytest.mark.parametrize("make", [small_regularized, small_mdgan])
def test_seeds_trained_together_are_the_same_as_alone(make):
    together, alone = make([0, 1, 2]), make(1)
    batches, own = ring().batches(32, [0, 1, 2]), ring().batches(32, 1)
    for _ in range(20):
        together.step(next(batches))
        losses = alone.step(next(own))
    assert all(value.shape == () for value in losses.values())
    assert torch.allclose(together.sample(64)[1], alone.sample(64), atol=1e-4)


def test_each_seed_may_have_weights_of_its_own():
    """A sweep side by side must be the same as its members alone."""
    together = small_regularized([3, 3], lambda1=torch.tensor([0.1, 2.0]), lambda2=torch.tensor([0.5, -0.5]))
    alone = small_regularized(3, lambda1=2.0, lambda2=-0.5)
    batches, own = ring().batches(32, [3, 3]), ring().batches(32, 3)
    for _ in range(10):
        together.step(next(batches))
        alone.step(next(own))
    first, second = together.sample(64)
    assert torch.allclose(second, alone.sample(64), atol=1e-4)
    assert not torch.allclose(first, second, atol=1e-2)


@pytest.mark.parametrize("make", [small_regularized, small_mdgan])
def test_the_state_holds_everything_that_training_needs(make):
    method, batches = make([0, 1]), ring().batches(16, [0, 1])
    method.step(next(batches))
    state = copy.deepcopy(method.state_dict())
    real = next(batches)
    expected = method.step(real)
    other = make([8, 9])
    other.load_state_dict(state)
    for name, value in other.step(real).items():
        assert torch.equal(value, expected[name])


def test_reconstruction_improves_when_only_distance_counts():
    method, real = small_mdgan(weight=0.0, lr=3e-3), ring().sample(256, 0)
    before = squared_distance(real, method.reconstruct(real)).item()
    for _ in range(100):
        method.manifold_step(real)
    assert squared_distance(real, method.reconstruct(real)).item() < before / 2


def test_images_that_are_not_flat_are_named():
    method = RegularizedGAN(
        generator=dcgan_generator(8, latent=5, width=4, rng=0),
        discriminator=dcgan_discriminator(8, width=4, rng=0),
        encoder=torch.nn.Sequential(torch.nn.Flatten(), dcgan_encoder(8, latent=5, width=4, rng=0)),
        rng=Streams(0),
        latent=5,
    )
    with pytest.raises(GanlabError, match=r"Reals have shape \(6, 1, 8, 8\) and their reconstructions \(6, 64\)"):
        method.reconstruct(torch.zeros(6, 1, 8, 8))


def test_an_unknown_sign_is_named():
    with pytest.raises(GanlabError, match=r"mode_sign is 2; choose -1 \(as argued\) or \+1 \(as printed\)"):
        small_regularized(mode_sign=2)


def test_the_uniform_cube_makes_normal_latents_uniform():
    z = Streams(0).normal(20_000, 3).double()
    u = UniformCube()(z).sort(0).values
    steps = torch.arange(1, 20_001, dtype=torch.float64).unsqueeze(-1) / 20_000
    assert (u - steps).abs().max() < 1.95 / math.sqrt(20_000)  # Kolmogorov-Smirnov, about p = 0.001
    assert torch.allclose(UniformCube()(torch.tensor([-1.959964, 0.0, 1.959964])), torch.tensor([0.025, 0.5, 0.975]))
