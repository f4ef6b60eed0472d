import pytest
import torch

from ganlab.data.mixtures import ring
from ganlab.errors import GanlabError
from ganlab.methods.gan import GAN
from ganlab.methods.pacgan import Packing, pack
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams


def test_a_pack_holds_neighbours_and_no_seed_sees_another():
    samples = torch.arange(2 * 6 * 3.0).reshape(2, 6, 3)
    packs = pack(samples, 3)
    assert packs.shape == (2, 2, 9)
    for seed in range(2):
        for k in range(2):
            assert torch.equal(packs[seed, k], torch.cat([samples[seed, 3 * k + i] for i in range(3)]))
    assert torch.equal(pack(samples, 1), samples)


@pytest.mark.parametrize("size", [0, -1, 4])
def test_a_size_that_does_not_fit_is_named(size):
    with pytest.raises(GanlabError, match=f"6 samples cannot be packed by {size}"):
        pack(torch.zeros(6, 2), size)


def players(size, seeds=0):
    rng = Streams(seeds, "weights")
    return MLP([2, 16, 2], rng), Packing(MLP([2 * size, 16, 1], rng, scalar=True), size), rng


def test_packs_of_one_are_the_plain_gan_bit_for_bit():
    generator, packing, rng = players(1)
    packed = GAN(generator, packing, rng=rng)
    generator, packing, rng = players(1)
    plain = GAN(generator, packing.discriminator, rng=rng)
    batches, same = ring().batches(32, 0), ring().batches(32, 0)
    for _ in range(5):
        packed.step(next(batches))
        plain.step(next(same))
    assert torch.equal(packed.sample(64), plain.sample(64))


def test_the_discriminator_can_tell_a_collapsed_pack_from_a_varied_one():
    """The idea of the paper: same marginal, other pairs. A linear judge of (x1 - x2)^2 tells them apart."""
    varied = torch.tensor([[-1.0], [1.0]]).repeat(8, 1)
    alike = varied.reshape(8, 2, 1).transpose(0, 1).reshape(16, 1)  # the same numbers, equal ones packed together
    assert varied.sort(0).values.equal(alike.sort(0).values)
    gap = lambda packs: (packs[:, 0] - packs[:, 1]).square()
    assert (gap(pack(varied, 2)) == 4).all() and (gap(pack(alike, 2)) == 0).all()


def test_seeds_side_by_side_are_the_seeds_alone():
    def trained(seeds):
        generator, packing, rng = players(2, seeds)
        method, batches = GAN(generator, packing, rng=rng), ring().batches(32, seeds)
        for _ in range(3):
            method.step(next(batches))
        return method.sample(16)

    torch.testing.assert_close(trained([4, 5])[1], trained(5))
