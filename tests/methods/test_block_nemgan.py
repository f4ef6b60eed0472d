"""The stabilisers against independent computations; blocks, labelled stacks, and who moves in a step."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganlab.errors import GanlabError
from ganlab.methods.block_nemgan import (
    BlockNEMGAN,
    SteadyGAN,
    block_cross_entropy,
    block_latent,
    zero_centred_penalty,
)
from ganlab.methods.gan import GAN
from ganlab.nets.averaging import average
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams


def test_the_penalty_is_the_squared_slope_and_reaches_the_weights():
    torch.manual_seed(0)
    first, second = torch.randn(4, 6, dtype=torch.float64, requires_grad=True), torch.randn(6, dtype=torch.float64)
    x = torch.randn(7, 4, dtype=torch.float64)
    value = zero_centred_penalty(lambda x: torch.tanh(x @ first) @ second, x)
    slopes = ((1 - torch.tanh(x @ first) ** 2) * second) @ first.T  # by hand
    assert torch.allclose(value, (slopes**2).sum(1).mean())
    got, expected = (torch.autograd.grad(one, first)[0] for one in (value, (slopes**2).sum(1).mean()))
    assert torch.allclose(got, expected)


def test_seeds_side_by_side_have_penalties_of_their_own():
    together = MLP([3, 5, 1], Streams([0, 1], "w"), "tanh", scalar=True)
    alone = MLP([3, 5, 1], Streams(1, "w"), "tanh", scalar=True)
    x = torch.randn(2, 6, 3)
    assert torch.allclose(zero_centred_penalty(together, x)[1], zero_centred_penalty(alone, x[1]))


def test_the_average_follows_the_weights():
    slow, fast = nn.Linear(3, 2), nn.Linear(3, 2)
    expected = 0.9 * slow.weight + 0.1 * fast.weight
    average(slow, fast, 0.9)
    assert torch.allclose(slow.weight, expected)


def test_blocks_are_one_hot_and_read_block_by_block():
    classes = torch.tensor([[4, 7, 3], [0, 9, 9]])
    z = block_latent(classes, torch.zeros(2, 4))
    assert z.shape == (2, 34) and z.sum() == 6
    assert [row.nonzero().flatten().tolist() for row in z] == [[4, 17, 23], [0, 19, 29]]
    logits = torch.randn(2, 30)
    expected = sum(F.cross_entropy(logits[:, 10 * k : 10 * k + 10], classes[:, k]) for k in range(3))
    assert torch.allclose(block_cross_entropy(logits, classes), expected)


def networks(rng, latent=5):
    generator = nn.Sequential(MLP([latent, 16, 12], rng), nn.Tanh())
    return generator, MLP([12, 16, 1], rng, "leaky_relu", scalar=True)


def block_method(seeds=0, **settings):
    rng = Streams(seeds, "w")
    generator, discriminator = networks(rng, 30 + 5)
    labelled = Streams(9, "labelled").normal(25, 4), torch.arange(25) % 10
    settings = {"latent": 5, "labelled": labelled} | settings
    return BlockNEMGAN(generator, discriminator, MLP([12, 16, 30], rng), rng=rng, **settings)


def test_without_penalty_the_players_do_what_the_plain_gan_does():
    one, other = (kind(*networks(Streams(0, "w")), rng=Streams(0, "w"), latent=5, **own)
                  for kind, own in ((GAN, {}), (SteadyGAN, {"penalty": 0.0})))  # fmt: skip
    real = torch.randn(8, 12)
    for _ in range(3):
        one.step(real)
        other.step(real)
    for a, b in zip(one.generator.parameters(), other.generator.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(other.sample(4), other.sample(4, averaged=False))


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_each_step_moves_its_own_players(seeds):
    method = block_method(seeds)
    real = torch.randn(*method.rng.axis, 8, 12)

    def moved(step):
        before = copy.deepcopy([p.detach() for p in everyone])
        step()
        return [not torch.equal(a, b) for a, b in zip(before, everyone, strict=True)]

    players = ("generator", "discriminator", "inversion", "average")
    everyone = [p for name in players for p in getattr(method, name).parameters()]
    owner = [name for name in players for _ in getattr(method, name).parameters()]
    by_discriminator = dict(zip(owner, moved(lambda: method.discriminator_step(real)), strict=True))
    assert by_discriminator == {"generator": False, "discriminator": True, "inversion": False, "average": False}
    by_generator = moved(lambda: method.generator_step(8))
    assert {name for name, did in zip(owner, by_generator, strict=True) if did} == {"generator", "inversion", "average"}
    assert method.sample(6).shape == (*method.rng.axis, 6, 12)


def test_labelled_stacks_are_made_of_labelled_parts_every_class_alike():
    parts, classes = torch.randn(31, 4), torch.tensor([0] * 22 + list(range(1, 10)))
    method = block_method(labelled=(parts, classes))
    stacks, drawn = method.draw_labelled(4000)
    nearest = torch.cdist(stacks.view(-1, 4), parts).argmin(1)
    assert torch.equal(classes[nearest].view(-1, 3), drawn)
    assert (torch.cdist(stacks.view(-1, 4), parts).amin(1) < 1e-3).all()
    counts = drawn.flatten().bincount(minlength=10)
    assert (counts - 1200).abs().max() < 6 * (12000 * 0.1 * 0.9) ** 0.5
    assert len(nearest[classes[nearest] == 0].unique()) == 22


def test_a_missing_class_is_refused_and_a_resumed_run_goes_on_the_same():
    with pytest.raises(GanlabError, match="at least one real of every class"):
        block_method(labelled=(torch.randn(4, 4), torch.arange(4)))
    real, one, other = torch.randn(8, 12), block_method(), block_method()
    one.step(real)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    one.step(real)
    other.step(real)
    assert torch.equal(one.sample(5), other.sample(5))


def test_with_labelled_reals_the_inversion_network_does_not_learn_from_fakes_unless_told():
    for together, same in ((False, True), (True, False)):
        found = []
        for scale in (0.1, 3.0):
            method = block_method(together=together)
            with torch.no_grad():
                for weight in method.generator.parameters():
                    weight.mul_(scale)
            method.generator_step(8)
            found.append(torch.cat([p.grad.flatten() for p in method.inversion.parameters()]))
        assert torch.allclose(*found) == same
