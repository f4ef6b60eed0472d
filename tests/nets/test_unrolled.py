"""The networks of the Unrolled setting: the published shapes, other sides, and what they refuse."""

import pytest
import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.nets.unrolled import sides, unrolled_discriminator, unrolled_encoder, unrolled_generator
from ganlab.seeds import Streams


def shapes(network, x):
    found = []
    for layer in network:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Unflatten):
            found.append(tuple(x.shape[1:]))
    return found


def test_at_28_pixels_the_feature_maps_are_the_published_ones():
    generator = shapes(unrolled_generator(28, rng=0), torch.randn(2, 256))
    assert generator == [(64, 4, 4), (32, 7, 7), (16, 14, 14), (8, 28, 28), (3, 28, 28)]
    body = unrolled_discriminator(28, width=2, rng=0).body
    assert shapes(body, torch.randn(2, 3 * 28 * 28)) == [(3, 28, 28), (2, 14, 14), (4, 7, 7), (8, 4, 4)]


@pytest.mark.parametrize("side", [8, 16, 28, 32])
def test_images_travel_as_vectors_at_every_side(side):
    images = unrolled_generator(side, latent=5, width=4, rng=0)(torch.randn(3, 5))
    assert images.shape == (3, 3 * side * side) and images.abs().max() <= 1
    discriminator = unrolled_discriminator(side, rng=0)
    features, logits = discriminator.features_and_logits(images)
    assert logits.shape == (3,) and features.shape[0] == 3
    packs = unrolled_discriminator(side, channels=6, rng=0)(torch.cat([images, images], 1))
    assert packs.shape == (3,)
    assert unrolled_encoder(side, outputs=5, rng=0)(images).shape == (3, 5)


def test_one_seed_decides_the_weights_and_other_sides_are_refused():
    one, same, other = (unrolled_generator(8, latent=4, rng=Streams(seed, "w")) for seed in (0, 0, 1))
    assert torch.equal(one[0].weight, same[0].weight) and not torch.equal(one[0].weight, other[0].weight)
    assert sides(30) == [4, 8, 15, 30]
    for side in (4, 18):
        with pytest.raises(GanlabError, match=f"side is {side}"):
            unrolled_generator(side)
    with pytest.raises(GanlabError, match="one seed at a time"):
        unrolled_generator(8, rng=Streams([0, 1]))
