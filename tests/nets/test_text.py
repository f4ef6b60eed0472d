"""The networks from captions to images in two stages."""

import torch

from ganlab.nets.text import StackedDiscriminator, StackedGenerator, TextEncoder, split_stages
from ganlab.seeds import Streams

SIDE, FEATURES, LATENT = 16, 6, 4
BOTH = 3 * 8**2 + 3 * 16**2


def players() -> tuple[StackedGenerator, StackedDiscriminator]:
    rng = Streams(0, "weights")
    return StackedGenerator(SIDE, FEATURES, LATENT, 4, rng), StackedDiscriminator(SIDE, FEATURES, 4, rng)


def test_codes_have_one_length_and_ignore_the_padding():
    encoder = TextEncoder(20, 8, rng=0).double()
    tokens = torch.tensor([[3, 5, 2, 0, 0], [3, 5, 2, 7, 0], [2, 5, 3, 0, 0], [0, 0, 0, 0, 0]])
    codes = encoder(tokens)
    assert torch.allclose(codes.norm(dim=1), torch.full((4,), 8**0.5, dtype=torch.float64))
    assert torch.allclose(encoder(tokens[:1, :3]), codes[:1])  # the same sentence, padded less
    assert not torch.allclose(codes[0], codes[1])
    assert not torch.allclose(codes[0], codes[2])  # the same words in another order


def test_both_stages_come_out_and_hear_latent_and_code():
    generator, _ = players()
    generator.eval()
    z, code = Streams(1).normal(2, LATENT), Streams(2).normal(2, FEATURES)
    images = generator(z, code)
    small, large = split_stages(images)
    assert images.shape == (2, BOTH) and small.shape == (2, 192) and large.shape == (2, 768)
    assert torch.equal(torch.cat([small, large], 1), images) and images.abs().max() <= 1
    for other in (generator(z.flip(0), code), generator(z, code.flip(0))):
        assert all((a != b).any() for a, b in zip(split_stages(other), (small, large), strict=True))


def test_the_first_stage_paints_without_the_second():
    """The second stage refines the maps of the first; what it learns alone does not change the small image."""
    generator, _ = players()
    generator.eval()
    z, code = Streams(1).normal(2, LATENT), Streams(2).normal(2, FEATURES)
    before = split_stages(generator(z, code))
    with torch.no_grad():
        for weights in generator.second.parameters():
            weights.mul_(2.0)
    after = split_stages(generator(z, code))
    assert torch.equal(before[0], after[0]) and not torch.allclose(before[1], after[1])


def test_only_one_of_the_two_questions_is_about_the_caption():
    _, discriminator = players()
    discriminator.eval()
    images, code = Streams(1).normal(3, BOTH).tanh(), Streams(2).normal(3, FEATURES)
    logits, others = discriminator(images, code), discriminator(images, code.flip(0))
    assert logits.shape == (12,)
    assert torch.equal(logits[:6], others[:6])  # is it a face: both stages
    assert (logits[6:].view(2, 3)[:, [0, 2]] != others[6:].view(2, 3)[:, [0, 2]]).all()  # does it fit
    assert torch.equal(logits[6:].view(2, 3)[:, 1], others[6:].view(2, 3)[:, 1])  # the middle one kept its caption
    maps = discriminator.maps(images)
    assert torch.equal(logits, torch.cat([discriminator.real(maps), discriminator.fits(maps, code)]))


def test_first_weights_are_a_function_of_the_seed():
    for make in (
        lambda seed: TextEncoder(20, 8, rng=seed),
        lambda seed: StackedGenerator(SIDE, FEATURES, LATENT, 4, seed),
        lambda seed: StackedDiscriminator(SIDE, FEATURES, 4, seed),
    ):
        torch.manual_seed(1)
        one = make(0).state_dict()
        torch.manual_seed(2)
        same, other = make(0).state_dict(), make(1).state_dict()
        assert all(torch.equal(value, same[name]) for name, value in one.items())
        assert any(not torch.equal(value, other[name]) for name, value in one.items())
