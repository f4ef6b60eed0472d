"""Which answer an image is, along the directions in which the answers differ, and what is left over."""

import pytest
import torch

from ganlab.errors import GanlabError
from ganlab.metrics.answers import read_answers

# Two conditions of three answers in four pixels. The last pixel is the same in all.
ANSWERS = torch.tensor(
    [
        [[1.0, 0, 0, 0.5], [0, 1, 0, 0.5], [0, 0, 1, 0.5]],
        [[0.0, 0, 0, 0.5], [2, 0, 0, 0.5], [0, 8, 0, 0.5]],
    ]
)


def test_the_answers_themselves_are_read_without_a_blemish():
    found = read_answers(ANSWERS, ANSWERS)
    assert found.nearest.tolist() == [[0, 1, 2]] * 2 and found.certain.all() and found.blemish.max() < 1e-6
    assert found.found(3).tolist() == [3, 3]
    assert torch.allclose(found.in_place(torch.full((2, 3), 1 / 3)), torch.ones(2))


def test_what_lies_off_the_directions_is_a_blemish_and_does_not_blur_the_reading():
    images = ANSWERS.clone()
    images[..., 3] += 4  # far away, but along a direction in which the answers do not differ
    found = read_answers(images, ANSWERS)
    assert found.nearest.tolist() == [[0, 1, 2]] * 2 and found.certain.all()
    assert torch.allclose(found.blemish, torch.ones(2, 3))  # 4 in one of four pixels


def test_between_two_answers_nothing_is_certain():
    halfway = (ANSWERS[:, :1] + ANSWERS[:, 1:2]) / 2
    near = 0.9 * ANSWERS[:, :1] + 0.1 * ANSWERS[:, 1:2]
    found = read_answers(torch.cat([halfway, near], 1), ANSWERS)
    assert found.certain.tolist() == [[False, True]] * 2
    assert found.counts(3).tolist() == [[1, 0, 0]] * 2 and found.found(3).tolist() == [1, 1]


def test_each_answer_has_room_to_its_own_neighbour():
    """In the second condition the third answer is eight away from the others, which are two apart."""
    images = torch.tensor([[[0.0, 5, 0, 0.5], [0, 1.5, 0, 0.5]]]).expand(2, -1, -1)
    found = read_answers(images, ANSWERS)
    assert found.nearest[1].tolist() == [2, 0] and found.certain[1].tolist() == [True, False]


def test_mass_in_place_counts_shares_up_to_their_probability():
    probability = torch.tensor([[0.5, 0.25, 0.25]]).expand(2, -1)
    only_first = read_answers(ANSWERS[:, :1].expand(-1, 8, -1), ANSWERS)
    assert torch.allclose(only_first.in_place(probability), torch.tensor(0.5))


def test_shapes_that_do_not_fit_are_named():
    for images, answers in ((ANSWERS[0], ANSWERS), (ANSWERS[..., :3], ANSWERS), (ANSWERS[:1], ANSWERS),
                            (ANSWERS, ANSWERS[:, :1])):  # fmt: skip
        with pytest.raises(GanlabError, match="do not fit"):
            read_answers(images, answers)
