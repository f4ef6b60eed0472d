"""Text to image: the matching of captions and faces, and one step of the game in two stages."""

import copy
import math

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganlab.methods.msgan import MSGAN, ConditionalGAN
from ganlab.methods.msgan_text import Matching, TextToImage, matching_loss
from ganlab.nets.dcgan import dcgan_encoder
from ganlab.nets.text import StackedDiscriminator, StackedGenerator, TextEncoder, split_stages
from ganlab.seeds import Streams

SIDE, FEATURES, LATENT = 16, 6, 4
BOTH = 3 * 8**2 + 3 * 16**2


def game(seed: int = 0, weight: float = 0.25) -> TextToImage:
    rng = Streams(seed, "weights")
    players = StackedGenerator(SIDE, FEATURES, LATENT, 4, rng), StackedDiscriminator(SIDE, FEATURES, 4, rng)
    return TextToImage(*players, rng=rng, latent=LATENT, weight=weight)


def batch(seed: int = 0, n: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    return Streams(seed, "images").normal(n, BOTH).tanh(), Streams(seed, "codes").normal(n, FEATURES)


def weights_of(method) -> list[torch.Tensor]:
    return [w.detach().clone() for p in (method.generator, method.discriminator) for w in p.parameters()]


def equal(one, other) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_matching_loss_agrees_with_an_independent_computation_in_float64():
    images, texts = torch.randn(2, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    a, b = (x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True) for x in (images, texts))
    scores = a @ b.T / 0.3
    own = np.diag(scores)
    want = np.mean(np.log(np.exp(scores).sum(1)) - own) / 2 + np.mean(np.log(np.exp(scores).sum(0)) - own) / 2
    assert math.isclose(matching_loss(images, texts, 0.3), want, rel_tol=1e-12)
    assert math.isclose(matching_loss(torch.ones_like(images), texts * 0 + 1.0), math.log(7), rel_tol=1e-9)
    assert torch.isclose(matching_loss(3 * images, texts), matching_loss(images, 0.1 * texts))  # lengths say nothing


def test_matching_learns_which_caption_belongs_to_which_image():
    images = Streams(3).normal(6, 3 * SIDE**2).tanh()
    tokens = torch.tensor([[1, 2, 0], [2, 1, 0], [3, 0, 0], [3, 3, 0], [1, 3, 2], [2, 3, 1]])
    rng = Streams(0, "weights")
    method = Matching(TextEncoder(4, FEATURES, rng=rng), dcgan_encoder(SIDE, 3, FEATURES, 4, rng), lr=1e-2)
    for _ in range(60):
        numbers = method.step((images, tokens))
    assert numbers["matching_loss"] < 0.5 * math.log(6)
    other = Matching(TextEncoder(4, FEATURES, rng=1), dcgan_encoder(SIDE, 3, FEATURES, 4, 1), lr=1e-2)
    other.load_state_dict(copy.deepcopy(method.state_dict()))
    assert torch.equal(other.step((images, tokens))["matching_loss"], method.step((images, tokens))["matching_loss"])


def test_the_discriminators_loss_is_real_fake_and_wrong_caption():
    """Reals twice, each batch of fakes once, and twice the wrong pairs, on the two judgements that read the caption."""
    method, (real, code) = game(), batch()
    _, fakes = method.generate(code)
    player = copy.deepcopy(method.discriminator).double()
    real64, code64 = real.double(), code.double()
    fakes64 = [fake.detach().double() for fake in fakes]
    ones, zeros = torch.ones(20, dtype=torch.float64), torch.zeros(20, dtype=torch.float64)
    loss = 2 * bce(player(real64, code64), ones)
    loss = loss + sum(bce(player(fake, code64), zeros) for fake in fakes64)
    wrong = player(real64, torch.stack([code64[(i + 4) % 5] for i in range(5)]))[10:]
    loss = loss + bce(wrong, zeros[:10])
    numbers = method.discriminator_step(real, code, fakes)
    assert math.isclose(numbers["discriminator_loss"], loss.item(), rel_tol=1e-5)
    wanted = torch.autograd.grad(loss, list(player.parameters()))
    for weight, want in zip(method.discriminator.parameters(), wanted, strict=True):
        assert torch.allclose(weight.grad.double(), want, rtol=1e-3, atol=1e-6)
    assert all(w.grad is None for w in method.generator.parameters())


def test_the_term_sees_the_large_images_alone():
    method, (_, code) = game(weight=1.0), batch()
    latents, fakes = method.generate(code)
    term, numbers = method.term(fakes, latents)
    one, other = (split_stages(fake)[1] for fake in fakes)
    ratio = (one - other).abs().mean() / (latents[0] - latents[1]).abs().mean()
    assert torch.isclose(term, 1 / (ratio + 1e-5)) and torch.isclose(numbers["ratio"], ratio)
    gradients = torch.autograd.grad(term, fakes)
    for gradient in gradients:
        small, large = split_stages(gradient)
        assert not small.any() and large.any()


def test_with_weight_0_the_generators_step_is_that_of_a_conditional_gan_bit_for_bit():
    method, plain = game(weight=0.0), game(weight=0.0)
    plain.term = ConditionalGAN.term.__get__(plain)
    assert type(method).generator_step is MSGAN.generator_step is ConditionalGAN.generator_step
    for step in range(3):
        method.step(batch(step))
        plain.step(batch(step))
    assert equal(weights_of(method), weights_of(plain))
    other = game(weight=0.25)
    for step in range(3):
        other.step(batch(step))
    assert not equal(weights_of(method), weights_of(other))


def test_sampling_uses_running_statistics_and_disturbs_nothing():
    method, (_, code) = game(), batch()
    method.step(batch())
    before = copy.deepcopy(method.state_dict())
    alike = method.sample(code[:1].expand(5, -1), Streams(7))  # the same latents, with other captions in the batch
    assert torch.allclose(method.sample(code, Streams(7))[0], alike[0], atol=1e-6)
    assert method.generator.training
    after = method.state_dict()["generator"]
    assert all(torch.equal(value, after[name]) for name, value in before["generator"].items())
    method.generator.eval()
    method.sample(code)
    assert not method.generator.training


def test_the_state_holds_everything_that_training_needs():
    method = game()
    method.step(batch())
    state = copy.deepcopy(method.state_dict())
    expected = method.step(batch(1))
    other = game(5)
    other.load_state_dict(state)
    assert all(torch.equal(value, expected[name]) for name, value in other.step(batch(1)).items())
