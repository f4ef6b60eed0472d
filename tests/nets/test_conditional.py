import pytest
import torch
from torch import nn

from ganlab.nets.conditional import Conditional, class_dcgan
from ganlab.nets.dcgan import dcgan_discriminator
from ganlab.nets.mlp import MLP
from ganlab.nets.unet import UNet, patch_discriminator
from ganlab.seeds import Streams


def test_input_and_condition_are_joined_with_or_without_a_seeds_axis():
    joined = Conditional(nn.Identity())
    assert torch.equal(joined(torch.ones(2, 3), torch.zeros(2, 1)), torch.tensor([[1.0, 1, 1, 0]] * 2))
    network = Conditional(MLP([5, 4, 1], Streams([0, 1]), scalar=True))
    assert network(torch.zeros(2, 7, 3), torch.zeros(2, 7, 2)).shape == (2, 7)


def test_a_label_becomes_constant_planes_beside_the_image():
    joined = Conditional(nn.Unflatten(1, (3, 4, 4)), pixels=16)(
        torch.zeros(2, 16), torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    )
    assert not joined[:, 0].any()
    assert all((joined[i, 1 + k] == 2 * i + k + 1).all() for i in range(2) for k in range(2))
    discriminator = Conditional(dcgan_discriminator(16, 1 + 2, width=4), pixels=256)
    image = torch.randn(5, 256)
    assert discriminator(image, torch.eye(2)[[0, 1, 0, 1, 0]]).shape == (5,)
    assert not torch.equal(discriminator(image, torch.eye(2)[[0] * 5]), discriminator(image, torch.eye(2)[[1] * 5]))


def test_at_the_published_size_the_class_dcgan_has_the_published_weights():
    """Counted by hand from the released CIFAR-10 code: 4x4 kernels, 110-512-256-128-3 and 13-128-256-512-1."""
    generator, discriminator = class_dcgan(32, 3, 10, latent=100, width=128, rng=0)
    convolutions = 16 * (110 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 3
    assert sum(p.numel() for p in generator.parameters()) == convolutions + 2 * (512 + 256 + 128)
    convolutions = 16 * (13 * 128 + 128 * 256 + 256 * 512 + 512 * 1) + 128 + 1
    assert sum(p.numel() for p in discriminator.parameters()) == convolutions + 2 * (256 + 512)
    label = torch.eye(10)[[0, 7]]
    images = generator(torch.randn(2, 100), label)
    assert images.shape == (2, 3 * 32 * 32) and images.abs().max() <= 1 and discriminator(images, label).shape == (2,)


@pytest.mark.parametrize("side", [16, 20, 32])
def test_the_u_net_keeps_the_size_and_hears_latent_and_image(side):
    network = UNet(side, 1, 3, latent=2, width=4, rng=0)
    image, z = torch.randn(3, side * side).tanh(), torch.randn(3, 2)
    out = network(z, image)
    assert out.shape == (3, 3 * side * side) and out.abs().max() <= 1
    assert not torch.allclose(out, network(z + 1, image)) and not torch.allclose(out, network(z, -image))


def test_each_image_of_a_u_net_depends_on_its_own_latent_alone():
    network = UNet(16, 1, 3, latent=2, width=4, rng=0)
    image, z = torch.randn(3, 256), torch.randn(3, 2)
    changed = z.clone()
    changed[1] += 1
    moved = (network(z, image) != network(changed, image)).any(1)
    assert moved.tolist() == [False, True, False]


def test_the_patch_discriminator_gives_a_logit_for_each_patch_and_sees_no_further():
    discriminator = patch_discriminator(32, 4, 4, rng=0).eval()
    image, drawing = torch.zeros(1, 3 * 1024), torch.zeros(1, 1024)
    logits = discriminator(image, drawing)
    assert logits.shape == (64,)
    changed = image.clone().view(1, 3, 32, 32)
    changed[..., 0, 0] = 5.0
    moved = (discriminator(changed.flatten(1), drawing) != logits).view(8, 8)
    assert moved[0, 0] and not moved[3:].any() and not moved[:, 3:].any()


def test_a_seed_gives_the_same_weights_wherever_it_is_drawn():
    for make in (lambda seed: UNet(16, 1, 3, 2, 4, seed), lambda seed: patch_discriminator(16, 4, 4, seed)):
        one, other, third = make(3), make(3), make(4)
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
        assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), third.parameters(), strict=True))
