import copy
import math

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import binary_cross_entropy

from ganlab.data import batches, imported, to_unit
from ganlab.data.importing import find_images, import_images
from ganlab.data.mixtures import ring
from ganlab.errors import GanlabError
from ganlab.methods import gan
from ganlab.methods.gan import GAN
from ganlab.methods.rpgan import RPGAN, accumulated_gradient, discriminator_losses, generator_loss
from ganlab.nets.dcgan import dcgan_generator
from ganlab.nets.mlp import MLP
from ganlab.nets.projected import CentredCube, full_view_mlp, projected_convolutions, projected_mlp
from ganlab.seeds import Streams
from ganlab.train import RunFolder, train

DIM = 2


def small(seeds=0, count=3, **settings) -> RPGAN:
    rng = Streams(seeds, "weights")
    discriminators = projected_mlp(DIM, 1, count, [16], rng)
    return RPGAN(MLP([2, 16, DIM], rng), discriminators, rng=rng, **settings)


def small_of_images(**settings) -> RPGAN:
    discriminators = projected_convolutions(16, 1, 3, 2, 0)
    return RPGAN(dcgan_generator(16, 1, 5, 4, 0), discriminators, rng=Streams(0), latent=5, **settings)


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def snapshot(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def moved(module: nn.Module, before: dict) -> set[str]:
    return {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}


# The losses ---------------------------------------------------------------------------------------------------


def cross_entropy(logits, label):
    return binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, label), reduction="none").mean(-1)


def test_the_losses_agree_with_an_independent_computation():
    real, fake = normal(2, 4, 9), normal(2, 4, 9) - 0.5
    expected = cross_entropy(real, 1.0) + cross_entropy(fake, 0.0)
    assert discriminator_losses(real, fake).shape == (2, 4)
    assert torch.allclose(discriminator_losses(real, fake), expected)
    each = cross_entropy(fake, 1.0)
    assert torch.allclose(generator_loss(fake), (each[:, 0] + each[:, 1] + each[:, 2] + each[:, 3]) / 4)
    assert torch.allclose(generator_loss(fake, reduction="sum"), 4 * generator_loss(fake))
    assert torch.allclose(generator_loss(fake, gan.minimax_generator_loss), -cross_entropy(fake, 0.0).mean(-1))


def test_the_losses_by_hand():
    nothing_known = torch.zeros(3, 5)
    assert torch.allclose(discriminator_losses(nothing_known, nothing_known), torch.full((3,), 2 * math.log(2)))
    certain = torch.tensor([[0.0, 0.0], [-100.0, -100.0]])
    assert torch.isclose(generator_loss(certain), torch.tensor((math.log(2) + 100) / 2))


def test_the_gradients_are_those_of_the_equations():
    fake = normal(4, 9).requires_grad_()
    (gradient,) = torch.autograd.grad(generator_loss(fake), fake)
    assert torch.allclose(gradient, (fake.sigmoid() - 1) / 9 / 4)
    real = normal(4, 9).requires_grad_()
    of_real, of_fake = torch.autograd.grad(discriminator_losses(real, fake).sum(), (real, fake))
    assert torch.allclose(of_real, (real.sigmoid() - 1) / 9) and torch.allclose(of_fake, fake.sigmoid() / 9)


def test_the_losses_stay_finite_at_huge_logits():
    huge = torch.tensor([[-1e4, 1e4], [1e4, -1e4]], requires_grad=True)
    for loss in (generator_loss(huge), discriminator_losses(huge, huge).sum()):
        (gradient,) = torch.autograd.grad(loss, huge)
        assert loss.isfinite() and gradient.isfinite().all()


def test_k_times_the_same_discriminator_is_one():
    """The mean makes the generator's gradient independent of K; the sum makes it K times as long."""
    one = projected_mlp(6, 2, 1, [8], 0).double()
    five = projected_mlp(6, 2, 5, [8], 0).double()
    for name, value in five.state_dict().items():
        value.copy_(one.state_dict()[name].expand_as(value))
    x = normal(7, 6).requires_grad_()
    (alone,) = torch.autograd.grad(generator_loss(one(x)), x)
    (mean,) = torch.autograd.grad(generator_loss(five(x)), x)
    (total,) = torch.autograd.grad(generator_loss(five(x), reduction="sum"), x)
    assert torch.allclose(mean, alone) and torch.allclose(total, 5 * alone)


# One at a time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_the_accumulated_gradient_is_that_of_the_whole_graph(seeds, reduction):
    discriminators = projected_mlp(6, 2, 4, [8], Streams(seeds)).double()
    fake = normal(*Streams(seeds).axis, 9, 6).requires_grad_()
    whole = generator_loss(discriminators(fake), reduction=reduction)
    (expected,) = torch.autograd.grad(whole.sum(), fake)
    one_by_one = [lambda x, k=k: discriminators.one(k, x) for k in range(4)]
    loss, gradient = accumulated_gradient(fake, one_by_one, reduction=reduction)
    assert torch.allclose(loss, whole) and torch.allclose(gradient, expected) and not loss.requires_grad


@pytest.mark.parametrize("make", [small, small_of_images])
def test_a_step_with_accumulation_is_the_same_step(make):
    whole, one_by_one = make(), make(accumulate=True)
    real = torch.rand(8, whole.sample(1).shape[-1]) * 2 - 1
    for step in range(3):
        losses, others = whole.generator_step(8), one_by_one.generator_step(8)
        if step == 0:
            assert all(w.grad is None and w.requires_grad for w in one_by_one.discriminator.parameters())
        losses |= whole.discriminator_step(real)
        others |= one_by_one.discriminator_step(real)
        assert all(torch.allclose(value, others[name], atol=1e-5) for name, value in losses.items())
        for a, b in zip(whole.discriminator.parameters(), one_by_one.discriminator.parameters(), strict=True):
            assert torch.allclose(a.grad, b.grad, rtol=1e-3, atol=1e-6)
    for player in ("generator", "discriminator"):
        pairs = zip(getattr(whole, player).parameters(), getattr(one_by_one, player).parameters(), strict=True)
        assert all(torch.allclose(a, b, atol=1e-4) for a, b in pairs)


def test_the_discriminators_gradients_one_by_one_are_those_of_all_at_once_in_double_precision():
    whole, one_by_one = (small([0, 1], count=4, accumulate=accumulate) for accumulate in (False, True))
    real, gradients = ring().sample(16, Streams([0, 1])).double(), []
    for method in (whole, one_by_one):
        method.generator.double(), method.discriminator.double()
        method.rng = Streams([0, 1]).for_purpose("same")
        method.generator.register_forward_pre_hook(lambda _, inputs: inputs[0].double())
        method.discriminator_step(real)
        gradients.append([w.grad for w in method.discriminator.parameters()])
    assert all(torch.allclose(a, b) and a.any() for a, b in zip(*gradients, strict=True))


def kept_for_backward(step) -> int:
    """Bytes that autograd keeps at the fullest moment of a step."""
    held, most = {}, [0]

    class Kept:
        def __init__(self, tensor):
            self.tensor, self.key = tensor, (tensor.untyped_storage().data_ptr(), id(self))
            held[self.key] = tensor.untyped_storage().nbytes()
            most[0] = max(most[0], sum({pointer: size for (pointer, _), size in held.items()}.values()))

        def __del__(self):
            held.pop(self.key, None)

    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        step()
    return most[0]


def test_accumulation_keeps_the_intermediate_results_of_one_discriminator():
    real = ring().sample(512, 0)

    def memory(count: int, accumulate: bool) -> int:
        method = small(count=count, accumulate=accumulate)
        return kept_for_backward(lambda: method.step(real))

    assert memory(16, accumulate=True) < 1.2 * memory(1, accumulate=True)
    assert memory(16, accumulate=False) > 5 * memory(16, accumulate=True)


# A second domain, at 128 pixels --------------------------------------------------------------------------------


def test_folders_of_photographs_at_128_pixels_train_as_they_are_imported(tmp_path, monkeypatch):
    """A tree like ImageNet's: one folder a class, photographs of any shape. Twelve views as in the paper."""
    monkeypatch.setenv("GANLAB_DATA", str(tmp_path / "home"))
    for number, shape in enumerate([(160, 140), (130, 200), (128, 128), (300, 135)]):
        folder = tmp_path / "canines" / ("n02085620", "n02086079")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = torch.randint(0, 256, (*shape[::-1], 3), dtype=torch.uint8, generator=Streams(number).generators[0])
        Image.fromarray(pixels.numpy()).save(folder / f"{number}.JPEG", "JPEG")
    import_images(find_images(tmp_path / "canines"), "canines", size=128)
    reals = (to_unit(some).flatten(1) for some in batches(imported("canines"), 2, 0))

    generator = nn.Sequential(CentredCube(), dcgan_generator(128, 3, 200, 2, 0))
    discriminators = projected_convolutions(128, 3, 12, 2, 0)
    assert discriminators.view(torch.zeros(1, 3 * 128 * 128)).shape == (1, 12, 64, 64)
    method = RPGAN(generator, discriminators, rng=Streams(0), latent=200, lr=2e-4)
    before = snapshot(method.generator) | snapshot(discriminators)
    history = train(method, reals, 2, every=1)
    assert history["generator_loss"].isfinite().all() and method.sample(3).shape == (3, 3 * 128 * 128)
    assert {name for name, _ in method.generator.named_parameters()} <= moved(method.generator, before)
    assert "view.weight" not in moved(discriminators, before)


# Who moves ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [small, small_of_images])
def test_each_step_moves_its_own_player_and_projections_never_move(make):
    method = make()
    real = torch.rand(8, method.sample(1).shape[-1]) * 2 - 1
    before = snapshot(method.discriminator)
    method.generator_step(8)
    assert moved(method.discriminator, before) == set()
    before_generator = {name: w.clone() for name, w in method.generator.named_parameters()}
    for _ in range(3):
        method.discriminator_step(real)
    trained = {name for name, _ in method.discriminator.named_parameters()}
    assert moved(method.discriminator, before) == trained == set(before) - {"view.weight"}
    assert all(torch.equal(w, before_generator[name]) for name, w in method.generator.named_parameters())
    given = {id(w) for group in method.discriminator_optimiser.param_groups for w in group["params"]}
    assert id(method.discriminator.view.weight) not in given


def test_the_generator_comes_first_and_the_discriminators_get_other_latents():
    method, order = small(), []
    generator_step, discriminator_step = method.generator_step, method.discriminator_step
    method.generator_step = lambda n: order.append("generator") or generator_step(n)
    method.discriminator_step = lambda real: order.append("discriminators") or discriminator_step(real)
    latents = copy.deepcopy(method.rng)
    seen = []
    method.generator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    method.step(ring().sample(8, 0))
    assert order == ["generator", "discriminators"]
    assert torch.equal(seen[0], latents.normal(8, 2)) and torch.equal(seen[1], latents.normal(8, 2))


def test_one_discriminator_that_sees_everything_is_the_plain_gan():
    rng = Streams([0, 1], "weights")
    generator, full = MLP([2, 16, 2], rng), full_view_mlp(2, [16], rng)
    discriminator = copy.deepcopy(full.networks.all)  # two seeds, one discriminator each: the same shapes
    plain = GAN(copy.deepcopy(generator), discriminator, rng=rng)
    method = RPGAN(generator, full, rng=rng)
    batches = ring().batches(32, [0, 1])
    for _ in range(5):
        real = next(batches)
        expected = plain.discriminator_step(real) | plain.generator_step(32)
        for name, value in (method.discriminator_step(real) | method.generator_step(32)).items():
            assert torch.allclose(value, expected[name], atol=1e-6)
    assert torch.allclose(plain.sample(64), method.sample(64), atol=1e-5)


def test_the_sum_is_a_k_times_larger_step_to_sgd_and_the_same_step_to_adam():
    def displacement(reduction: str, optimiser) -> torch.Tensor:
        method = small(count=5, reduction=reduction)
        if optimiser is not None:
            method.generator_optimiser = optimiser(method.generator.parameters())
        before = nn.utils.parameters_to_vector(method.generator.parameters()).clone()
        method.generator_step(64)
        return nn.utils.parameters_to_vector(method.generator.parameters()) - before

    def sgd(parameters):
        return torch.optim.SGD(parameters, lr=0.01)

    assert torch.allclose(displacement("sum", sgd), 5 * displacement("mean", sgd), atol=1e-6)
    total, mean = displacement("sum", None), displacement("mean", None)
    assert torch.allclose(total, mean, rtol=1e-3, atol=1e-5)


# Seeds and state ----------------------------------------------------------------------------------------------


def test_seeds_trained_together_are_the_same_as_alone():
    together, alone = small([0, 1, 2]), small(1)
    batches, own = ring().batches(32, [0, 1, 2]), ring().batches(32, 1)
    for _ in range(20):
        together.step(next(batches))
        losses = alone.step(next(own))
    assert all(value.shape == () for value in losses.values())
    assert torch.allclose(together.sample(64)[1], alone.sample(64), atol=1e-4)


@pytest.mark.parametrize("make", [small, small_of_images])
def test_the_state_holds_everything_that_training_needs_projections_too(make):
    method = make()
    real = torch.rand(8, method.sample(1).shape[-1]) * 2 - 1
    method.step(real)
    state = copy.deepcopy(method.state_dict())
    expected = method.step(real)
    other = make()
    other.discriminator.view.weight.zero_()  # as if it had been drawn from another seed
    other.load_state_dict(state)
    assert torch.equal(other.discriminator.view.weight, method.discriminator.view.weight)
    for name, value in other.step(real).items():
        assert torch.equal(value, expected[name])


def test_a_killed_run_goes_on_with_its_own_projections(tmp_path):
    def run_of(seed: int):
        rng = Streams(0, "weights")
        method = RPGAN(MLP([2, 8, 2], rng), projected_mlp(2, 1, 3, [8], seed), rng=rng)
        return method, ring().batches(16, 0)

    whole = run_of(0)
    train(*whole, 6)
    train(*run_of(0), 3, run=RunFolder(tmp_path))
    resumed = run_of(99)  # other projections and weights, until the checkpoint is read
    train(*resumed, 6, run=RunFolder(tmp_path))
    assert torch.equal(resumed[0].discriminator.view.weight, whole[0].discriminator.view.weight)
    assert torch.equal(resumed[0].sample(32), whole[0].sample(32))


def test_an_unknown_reduction_is_named():
    fake, judge = torch.zeros(4, 2), lambda x: x.sum(-1)
    for ask in (
        lambda: small(reduction="max"),
        lambda: generator_loss(torch.zeros(3, 4), reduction="max"),
        lambda: accumulated_gradient(fake, [judge], reduction="max"),
    ):
        with pytest.raises(GanlabError, match="reduction is 'max'; choose one of mean, sum"):
            ask()
    with pytest.raises(GanlabError, match="at least one"):
        accumulated_gradient(fake, [])
