"""A thousand modes: the construction, its exact probabilities, and what the judges read."""

import pytest
import torch

from ganlab.data import (
    Composition,
    compositional,
    count_modes,
    digits,
    fashion,
    read_compositions,
    read_stacks,
    stacked,
    stacked_probabilities,
)
from ganlab.data.images import to_unit
from ganlab.data.stacking import DIGIT_PROBABILITIES, StackBatches, margin
from ganlab.errors import GanlabError
from ganlab.seeds import Streams


@pytest.fixture(scope="module")
def base():
    return digits("test")


def test_each_channel_is_an_image_of_the_class_that_the_mode_spells(base):
    stacks = stacked(base, 300, 0)
    by_bytes = {image.numpy().tobytes(): int(label) for image, label in zip(base.images, base.labels, strict=True)}
    for image, mode in zip(stacks.images, stacks.labels.tolist(), strict=True):
        assert [by_bytes[channel.numpy().tobytes()] for channel in image] == [int(c) for c in f"{mode:03d}"]
    assert torch.equal(stacks.images, stacked(base, 300, 0).images)
    assert not torch.equal(stacks.images, stacked(base, 300, 1).images)


def test_stacked_probabilities_are_products_of_class_shares(base):
    p = stacked_probabilities(base)
    share = base.labels.bincount().double() / len(base)
    assert p.sum().item() == pytest.approx(1)
    assert p[473].item() == pytest.approx((share[4] * share[7] * share[3]).item())
    counted = stacked(base, 200_000, 0).labels.bincount(minlength=1000)
    chi_square = ((counted - 200_000 * p) ** 2 / (200_000 * p)).sum().item()
    assert abs(chi_square - 999) < 6 * (2 * 999) ** 0.5


def test_the_judges_read_real_stacks(base):
    stacks = stacked(base, 2000, 0)
    assert (read_stacks(stacks.images, "digits") == stacks.labels).double().mean() > 0.96
    garments = stacked(fashion("test", full=False), 500, 0)
    accuracy = (read_stacks(garments.images, "fashion") == garments.labels).double().mean().item()
    assert accuracy == pytest.approx(0.926**3, abs=0.08)  # three garments at 92.6 % each


def test_real_stacks_score_as_the_floor_says(base):
    stacks = stacked(base, 5000, 0)
    count = count_modes(stacks.labels, stacked_probabilities(base))
    assert abs(count.modes - count.expected) < 5 * count.deviation
    assert count.reverse_kl == pytest.approx(count.kl_floor, rel=0.1)


@pytest.mark.parametrize("size", [8, 14, 28])
def test_compositions_spell_their_numbers_at_the_stated_places(size):
    base = digits("test", size=size)
    composition = Composition(DIGIT_PROBABILITIES["two rare"], held_out=(0, 123, 999))
    made = compositional(base, 400, 0, composition)
    edge = margin(size)
    assert made.images.shape[-1] == 2 * (size + 2 * edge) == {8: 20, 14: 32, 28: 64}[size]
    half = made.images.shape[-1] // 2
    assert (made.images[..., half:, half:] == 0).all() and (made.images[..., :edge, :] == 0).all()
    by_bytes = {image.numpy().tobytes(): int(label) for image, label in zip(base.images, base.labels, strict=True)}
    for image, number in zip(made.images[:50, 0], made.labels.tolist(), strict=False):
        cells = [image[y : y + size, x : x + size] for y, x in ((edge, edge), (edge, half + edge), (half + edge, edge))]
        assert [by_bytes[cell.contiguous().numpy().tobytes()] for cell in cells] == [int(c) for c in f"{number:03d}"]
    assert (read_compositions(made.images, "digits") == made.labels).double().mean() > 0.95


def test_held_out_numbers_never_come_and_the_others_keep_their_proportions(base):
    composition = Composition(DIGIT_PROBABILITIES["halving"], held_out=tuple(range(0, 1000, 3)))
    p = composition.probabilities()
    whole = Composition(DIGIT_PROBABILITIES["halving"]).probabilities()
    kept = p > 0
    assert kept.sum() == 1000 - 334 and p.sum().item() == pytest.approx(1)
    assert torch.allclose(p[kept] / whole[kept], (1 / whole[kept].sum()).expand(int(kept.sum())))
    drawn = compositional(base, 50_000, 1, composition).labels.bincount(minlength=1000)
    assert drawn[~kept].sum() == 0
    large = p > 20 / 50_000
    assert ((drawn - 50_000 * p)[large].abs() / (50_000 * p)[large].sqrt()).max() < 5


def test_every_image_of_a_class_is_used(base):
    made = compositional(base, 20_000, 2)
    size, edge = 8, margin(8)
    cells = made.images[:, 0, edge : edge + size, edge : edge + size].flatten(1)
    assert len(cells.unique(dim=0)) == len(base.images.flatten(1).unique(dim=0))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda b: stacked(b, 3, Streams([0, 1])), "no seeds axis"),
        (lambda b: stacked(stacked(b, 5, 0), 3, 0), "grey images of ten classes"),
        (lambda b: Composition((0.5, 0.6)), "ten numbers"),
        (lambda b: Composition(held_out=(1000,)), "0 to 999"),
        (lambda b: Composition(held_out=tuple(range(1000))), "held out"),
        (lambda b: compositional(b.take(b.labels > 0), 3, 0), "lacks images of a class"),
        (lambda b: read_stacks(torch.zeros(2, 1, 8, 8), "digits"), r"\(2, 1, 8, 8\)"),
        (lambda b: read_compositions(torch.zeros(2, 1, 7, 7), "digits"), r"\(2, 1, 7, 7\)"),
        (lambda b: read_stacks(torch.zeros(2, 3, 8, 8), "letters"), "no classifier 'letters'"),
    ],
)
def test_bad_inputs_are_named(base, call, words):
    with pytest.raises(GanlabError, match=words):
        call(base)


def test_batches_of_fresh_stacks_depend_on_seed_and_position_alone(base):
    one, resumed = StackBatches(base, 50, 3), StackBatches(base, 50, 3)
    first, second = next(one), next(one)
    assert first.shape == (50, 192) and not torch.equal(first, second)
    resumed.load_state_dict({**one.state_dict(), "given": 1})
    assert torch.equal(next(resumed), second)
    assert not torch.equal(next(StackBatches(base, 50, 4)), first)
    images = {image.numpy().tobytes() for image in to_unit(base.images).flatten(1)}
    assert all(channel.numpy().tobytes() in images for channel in first.view(150, 64))


def test_batches_draw_every_image_equally_often_and_channels_independently(base):
    few = base.take(torch.tensor([int((base.labels == k).nonzero()[0]) for k in range(10)]))
    drawn = torch.cat([next(StackBatches(few, 20_000, seed)) for seed in range(2)]).view(-1, 3, 64)
    classes = torch.cdist(drawn.flatten(0, 1), to_unit(few.images).flatten(1)).argmin(1).view(-1, 3)
    counts = (classes[:, 0] * 100 + classes[:, 1] * 10 + classes[:, 2]).bincount(minlength=1000).double()
    chi_square = ((counts - 40) ** 2 / 40).sum().item()
    assert abs(chi_square - 999) < 6 * (2 * 999) ** 0.5


def test_bad_batches_of_stacks_are_refused_in_words(base):
    with pytest.raises(GanlabError, match="batch is 0"):
        StackBatches(base, 0)
    with pytest.raises(GanlabError, match="grey images of ten classes"):
        StackBatches(stacked(base, 3, 0), 4)
    with pytest.raises(GanlabError, match="seed 7 and this run has 3"):
        StackBatches(base, 50, 3).load_state_dict({"given": 1, "seed": 7, "batch": 50})
