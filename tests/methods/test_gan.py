import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from ganlab.data.mixtures import ring
from ganlab.errors import GanlabError
from ganlab.methods.gan import GAN, discriminator_loss, generator_loss, minimax_generator_loss
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams


def small_gan(seeds=0, **settings) -> GAN:
    rng = Streams(seeds, "weights")
    return GAN(MLP([2, 16, 2], rng), MLP([2, 16, 1], rng, scalar=True), rng=rng, **settings)


def weights(player) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in player.parameters()]


def moved(player, before) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(player.parameters(), before, strict=True))


@pytest.fixture
def logits() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(3, 9, dtype=torch.float64, generator=generator).requires_grad_(),
        torch.randn(3, 9, dtype=torch.float64, generator=generator).requires_grad_(),
    )


def test_the_losses_are_cross_entropies_with_the_right_labels(logits):
    real, fake = logits
    one, zero = torch.ones_like(real), torch.zeros_like(real)
    expected = binary_cross_entropy(real.sigmoid(), one, reduction="none").mean(-1)
    expected = expected + binary_cross_entropy(fake.sigmoid(), zero, reduction="none").mean(-1)
    assert torch.allclose(discriminator_loss(real, fake), expected)
    assert torch.allclose(generator_loss(fake), binary_cross_entropy(fake.sigmoid(), one, reduction="none").mean(-1))
    assert torch.allclose(minimax_generator_loss(fake), (1 - fake.sigmoid()).log().mean(-1))


def test_the_gradients_are_those_of_the_equations(logits):
    real, fake = logits
    discriminator_loss(real, fake).sum().backward()
    assert torch.allclose(real.grad, (real.sigmoid() - 1).detach() / 9)
    assert torch.allclose(fake.grad, fake.sigmoid().detach() / 9)
    (non_saturating,) = torch.autograd.grad(generator_loss(fake).sum(), fake)
    assert torch.allclose(non_saturating, (fake.sigmoid() - 1) / 9)
    (minimax,) = torch.autograd.grad(minimax_generator_loss(fake).sum(), fake)
    assert torch.allclose(minimax, -fake.sigmoid() / 9)


def test_the_losses_stay_finite_at_huge_logits():
    huge = torch.tensor([-1e4, 1e4], requires_grad=True)
    for loss in (discriminator_loss(huge, huge), generator_loss(huge), minimax_generator_loss(huge)):
        assert loss.isfinite()
        (gradient,) = torch.autograd.grad(loss, huge)
        assert gradient.isfinite().all()


def test_each_step_moves_its_own_player_and_leaves_no_gradient_on_the_other():
    method = small_gan()
    generator, discriminator = weights(method.generator), weights(method.discriminator)
    method.discriminator_step(ring().sample(32, 0))
    assert not moved(method.generator, generator) and moved(method.discriminator, discriminator)
    assert all(weight.grad is None for weight in method.generator.parameters())
    discriminator = weights(method.discriminator)
    gradients = [weight.grad.clone() for weight in method.discriminator.parameters()]
    method.generator_step(32)
    assert moved(method.generator, generator) and not moved(method.discriminator, discriminator)
    for weight, gradient in zip(method.discriminator.parameters(), gradients, strict=True):
        assert torch.equal(weight.grad, gradient) and weight.requires_grad


def test_a_layer_that_never_learns_stays_so():
    method = small_gan()
    first, *others = method.discriminator.parameters()
    first.requires_grad_(False)
    before = first.clone()
    for _ in range(2):
        method.step(ring().sample(32, 0))
    assert torch.equal(first, before) and not first.requires_grad and all(weight.requires_grad for weight in others)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_step_goes_downhill_on_its_own_loss(player):
    method = small_gan(lr=1e-4)
    real = ring().sample(512, 0)

    def loss() -> float:
        fake = method.sample(512)
        if player == "generator":
            return generator_loss(method.discriminator(fake)).item()
        return discriminator_loss(method.discriminator(real), method.discriminator(fake)).item()

    before = loss()
    for _ in range(5):
        method.generator_step(512) if player == "generator" else method.discriminator_step(real)
    assert loss() < before


def test_seeds_trained_together_are_the_same_as_alone():
    together, alone = small_gan([0, 1, 2]), small_gan(1)
    batches, own = ring().batches(32, [0, 1, 2]), ring().batches(32, 1)
    for _ in range(20):
        together.step(next(batches))
        losses = alone.step(next(own))
    assert losses["generator_loss"].shape == ()
    assert torch.allclose(together.sample(64)[1], alone.sample(64), atol=1e-4)


def test_sampling_does_not_disturb_training():
    quiet, looked_at = small_gan(), small_gan()
    batches, same = ring().batches(16, 0), ring().batches(16, 0)
    for _ in range(3):
        quiet.step(next(batches))
        looked_at.step(next(same))
        first = looked_at.sample(50)
        assert torch.equal(first, looked_at.sample(50))
    assert torch.equal(quiet.sample(50), looked_at.sample(50))


@pytest.mark.parametrize("momentum", [0.1, None])
def test_sampling_normalises_by_the_batch_and_leaves_the_running_statistics(momentum):
    layers = [nn.Linear(2, 8), nn.BatchNorm1d(8, momentum=momentum), nn.Linear(8, 2)]
    generator = nn.Sequential(*layers)
    rng = Streams(0, "weights")
    method = GAN(generator, MLP([2, 16, 1], rng, scalar=True), rng=rng)
    method.step(ring().sample(32, 0))
    before = copy.deepcopy(generator.state_dict())
    samples = method.sample(50)
    assert generator.training
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    with torch.no_grad():
        assert torch.equal(samples, generator(rng.for_purpose("look").normal(50, 2)))


def test_the_state_holds_everything_that_training_needs():
    method, batches = small_gan([0, 1]), ring().batches(16, [0, 1])
    method.step(next(batches))
    state = copy.deepcopy(method.state_dict())
    real = next(batches)
    expected = method.step(real)
    other = small_gan([8, 9])
    with pytest.raises(GanlabError):
        small_gan([0]).rng.load_state_dict(state["rng"])
    other.load_state_dict(state)
    for name, value in other.step(real).items():
        assert torch.equal(value, expected[name])


def test_an_unknown_loss_is_named():
    with pytest.raises(GanlabError, match="'wasserstein'; choose one of non-saturating, minimax"):
        small_gan(loss="wasserstein")
