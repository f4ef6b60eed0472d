import pytest
import torch

from ganlab.errors import GanlabError
from ganlab.methods.mdgan import MDGAN, RegularizedGAN
from ganlab.nets.dcgan import (
    dcgan_discriminator,
    dcgan_encoder,
    dcgan_generator,
    initialised,
    upsampling_generator,
)
from ganlab.nets.encoder import TwoBatchNorm2d, encoder_statistics
from ganlab.seeds import Streams


@pytest.mark.parametrize(("side", "channels"), [(8, 1), (16, 3), (20, 1), (28, 1), (32, 1), (64, 3)])
def test_shapes_fit_together(side, channels):
    generator = dcgan_generator(side, channels, latent=7, width=4)
    image = generator(torch.randn(3, 7))
    assert image.shape == (3, channels * side * side)
    assert image.abs().max() <= 1
    assert dcgan_discriminator(side, channels, width=4)(image).shape == (3,)
    assert dcgan_encoder(side, channels, latent=7, width=4)(image).shape == (3, 7)


@pytest.mark.parametrize(("side", "channels"), [(8, 1), (16, 3), (28, 1)])
def test_without_batch_norm_a_sample_does_not_depend_on_its_batch(side, channels):
    generator = upsampling_generator(side, channels, latent=7, width=4, rng=0)
    critic = dcgan_discriminator(side, channels, width=4, rng=0, norm=False)
    encoder = dcgan_encoder(side, channels, latent=7, width=4, rng=0, norm=False)
    z = Streams(1).normal(6, 7)
    images = generator(z)
    assert images.shape == (6, channels * side * side) and images.std() < 0.3  # nearly grey at first
    for network, batch in ((generator, z), (critic, images), (encoder, images)):
        whole, alone = network(batch), network(batch[:1])
        assert torch.allclose(whole[:1], alone, atol=1e-5)
    scores = critic(2 * Streams(2).uniform(64, channels * side * side) - 1)
    assert 0.05 < scores.std() < 5  # signals keep their size without batch norm


@pytest.mark.parametrize("side", [0, 4, 7, 18, 33])
def test_other_sides_are_refused_by_number(side):
    with pytest.raises(GanlabError, match=f"side is {side}; give 4, 5, 6 or 7 times"):
        dcgan_generator(side)


def test_many_seeds_are_refused():
    with pytest.raises(GanlabError, match="this stream holds 2 seeds"):
        dcgan_generator(8, rng=Streams([0, 1]))


def test_a_seed_gives_the_same_weights_wherever_it_is_drawn():
    one, other = (dcgan_generator(8, latent=5, width=4, rng=3) for _ in range(2))
    third = dcgan_generator(8, latent=5, width=4, rng=4)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert not torch.equal(one[0].weight, third[0].weight)
    assert abs(initialised(torch.nn.Linear(200, 200), 0).weight.std().item() - 0.02) < 0.001


def test_training_batches_are_normalised_by_themselves_whatever_the_other_kind_was():
    """What G makes of z may not depend on what it was shown by the encoder just before."""
    outputs = []
    for scale in (1.0, 50.0):
        generator = dcgan_generator(8, latent=5, width=4, rng=0)
        with encoder_statistics(generator):
            generator(scale * Streams(1).normal(6, 5))
        outputs.append(generator(Streams(2).normal(6, 5)))
        outputs.append(generator.eval()(Streams(2).normal(6, 5)))
    trained, evaluated, trained_again, evaluated_again = outputs
    assert torch.equal(trained, trained_again) and torch.equal(evaluated, evaluated_again)


def test_the_two_kinds_have_their_own_running_statistics_and_one_set_of_parameters():
    layer, reference = TwoBatchNorm2d(3), torch.nn.BatchNorm2d(3)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    x = 4 + torch.randn(8, 3, 2, 2)
    with encoder_statistics(layer):
        encoded = layer(x)
    assert torch.allclose(encoded, reference(x))
    assert torch.allclose(layer.encoded_mean, reference.running_mean)
    assert torch.allclose(layer.encoded_var, reference.running_var)
    assert torch.equal(layer.running_mean, torch.zeros(3)) and torch.equal(layer.running_var, torch.ones(3))
    layer.eval()
    with encoder_statistics(layer):
        assert torch.allclose(layer(x), reference.eval()(x))
    assert not torch.allclose(layer(x), reference(x))


@pytest.mark.parametrize("method", [RegularizedGAN, MDGAN])
def test_methods_train_images_as_vectors(method):
    rng = Streams(0, "weights")
    own = {
        "generator": dcgan_generator(8, latent=5, width=4, rng=rng),
        "discriminator": dcgan_discriminator(8, width=4, rng=rng),
        "encoder": dcgan_encoder(8, latent=5, width=4, rng=rng),
    }
    if method is MDGAN:
        own["manifold_discriminator"] = dcgan_discriminator(8, width=4, rng=rng)
    losses = method(**own, rng=rng, latent=5).step(torch.rand(6, 64) * 2 - 1)
    assert all(value.isfinite() and value.shape == () for value in losses.values())
