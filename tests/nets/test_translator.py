"""Content and style, taken apart and joined."""

import torch

from ganlab.nets.translator import Decoder, StyleEncoder, content_discriminator, content_encoder
from ganlab.seeds import Streams

SIDE, STYLE, WIDTH = 16, 3, 4


def test_shapes_and_range():
    images = Streams(1).normal(5, 3 * SIDE**2).tanh()
    maps = content_encoder(SIDE, WIDTH, 0)(images)
    assert maps.shape == (5, 2 * WIDTH, SIDE // 2, SIDE // 2)
    mean, log_variance = StyleEncoder(SIDE, STYLE, WIDTH, 0)(images)
    assert mean.shape == log_variance.shape == (5, STYLE)
    painted = Decoder(STYLE, WIDTH, 0)(maps, mean)
    assert painted.shape == images.shape and painted.abs().max() <= 1
    logits = content_discriminator(WIDTH, 0)(maps)
    assert logits.ndim == 1 and len(logits) % 5 == 0


def test_content_keeps_where_and_style_forgets_it():
    """A shifted image has shifted content and the same style, but for what the border does to both."""
    image = torch.full((1, 3, SIDE, SIDE), -0.2)
    image[..., 4:7, 4:7] = 0.8
    moved = image.roll(4, -1)
    encoder, styles = content_encoder(SIDE, WIDTH, 0), StyleEncoder(SIDE, STYLE, WIDTH, 0)
    maps, shifted = encoder(image.flatten(1)), encoder(moved.flatten(1))
    here, there, stayed = maps[..., :6], shifted[..., 2:], shifted[..., :6]
    assert torch.cosine_similarity(here.flatten(), there.flatten(), 0) > 0.95
    assert torch.cosine_similarity(here.flatten(), stayed.flatten(), 0) < 0.8
    one, other = (styles(x.flatten(1))[0] for x in (image, moved))
    assert (one - other).norm() < 0.05 * one.norm()


def test_the_decoder_hears_content_and_style():
    decoder = Decoder(STYLE, WIDTH, 0)
    maps, style = Streams(1).normal(2, 2 * WIDTH, SIDE // 2, SIDE // 2), Streams(2).normal(2, STYLE)
    painted = decoder(maps, style)
    assert not torch.allclose(painted, decoder(maps, style.flip(0)))
    assert not torch.allclose(painted, decoder(maps.flip(0), style))
