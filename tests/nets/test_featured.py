import pytest
import torch

from ganlab.nets.dcgan import dcgan_discriminator
from ganlab.nets.featured import Noise, feature_dcgan, feature_mlp, pooled_discriminator
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_the_mlp_in_two_parts_is_the_mlp(seeds):
    sizes, x = [2, 8, 16], Streams(seeds, "x").normal(5, 2)
    parts = feature_mlp(sizes, Streams(seeds), "leaky_relu")
    whole = MLP([*sizes, 1], Streams(seeds), "leaky_relu", scalar=True)
    features, logits = parts.features_and_logits(x)
    assert features.shape[-1] == 16 and torch.equal(logits, whole(x)) and torch.equal(logits, parts(x))


def test_the_dcgan_in_two_parts_is_the_dcgan():
    x = torch.randn(6, 3 * 16 * 16, generator=torch.Generator().manual_seed(0))
    features, logits = feature_dcgan(16, 3, 4, rng=1).features_and_logits(x)
    assert features.shape == (6, 16 * 8)
    assert torch.equal(logits, dcgan_discriminator(16, 3, 4, rng=1)(x))


def test_at_the_papers_size_there_are_16384_features():
    assert feature_dcgan(64, 3, 128).head[0].in_features == 16384


@pytest.mark.parametrize("side, channels", [(8, 1), (32, 3)])
def test_the_pooled_discriminator_averages_over_positions(side, channels):
    x = torch.randn(4, channels * side * side, generator=torch.Generator().manual_seed(0))
    features, logits = pooled_discriminator(side, channels, 8, rng=0).features_and_logits(x)
    assert features.shape == (4, 32) and logits.shape == (4,)


def test_noise_is_for_training_only():
    layer, x = Noise(0.5), torch.zeros(1000)
    assert 0.4 < layer(x).std() < 0.6
    assert torch.equal(layer.eval()(x), x)
