import pytest
import torch

from ganlab.data.conditional import interlaced, line_drawings, two_sizes
from ganlab.data.images import to_unit
from ganlab.data.toyfaces.attributes import ATTRIBUTES, COLOUR_ATTRIBUTES
from ganlab.errors import GanlabError
from ganlab.metrics.modes import nearest_mode


def test_points_lie_at_modes_of_their_class():
    target = interlaced(classes=3, modes=4)
    points, labels = target.sample(2000, 0)
    mode, sigmas = nearest_mode(points, target.mixture)
    assert torch.equal(target.class_of[mode], labels.argmax(1)) and labels.sum() == 2000
    assert (sigmas <= 3).float().mean() > 0.97
    assert [len(target.of_class(k)) for k in range(3)] == [4, 4, 4]


def test_conditions_ask_for_each_class_in_turn():
    target = interlaced(classes=3, modes=2)
    assert target.conditions(2).argmax(-1).tolist() == [0, 0, 1, 1, 2, 2]
    assert target.conditions(2, 5).shape == (5, 6, 3)


def test_batches_of_many_seeds_are_those_of_each_seed_and_go_on_where_they_were():
    target = interlaced(2, 3)
    together, alone = target.batches(8, [4, 5]), target.batches(8, 5)
    for _ in range(3):
        (points, labels), (own, own_labels) = next(together), next(alone)
        assert torch.equal(points[1], own) and torch.equal(labels[1], own_labels)
    resumed = target.batches(8, 9)
    resumed.load_state_dict(alone.state_dict())
    assert torch.equal(next(resumed)[0], next(alone)[0])


def test_a_drawing_has_eight_answers_that_share_it_and_the_face_is_one_of_them():
    data = line_drawings(12, 32, seed=3)
    hidden = [ATTRIBUTES.index(name) for name in COLOUR_ATTRIBUTES]
    for i in range(len(data)):
        images, p = data.answers(i)
        assert images.shape == (8, 3, 32, 32) and torch.isclose(p.sum(), torch.tensor(1.0, dtype=p.dtype))
        assert sum(torch.equal(image, data.faces[i]) for image in images) == 1
        assert len(torch.unique(images.flatten(1), dim=0)) == 8
    shown = torch.ones(len(ATTRIBUTES), dtype=torch.bool)
    shown[hidden] = False
    assert not data.attributes[:, ATTRIBUTES.index("Bald")].any()
    assert not data.attributes[:, ATTRIBUTES.index("Wearing_Hat")].any()


def test_a_face_is_the_same_for_every_n_and_another_for_another_seed():
    few, many, other = line_drawings(3, 16, 0), line_drawings(40, 16, 0), line_drawings(3, 16, 1)
    assert torch.equal(few.faces, many.faces[:3]) and torch.equal(few.drawings, many.drawings[:3])
    assert not torch.equal(few.faces, other.faces)
    assert len(many) == 40


def test_nothing_is_refused_by_name():
    with pytest.raises(GanlabError, match="n is 0; ask for at least one drawing"):
        line_drawings(0)
    with pytest.raises(GanlabError, match="There are 0 classes of 6 modes"):
        interlaced(classes=0)


def test_two_sizes_hold_the_same_image_twice():
    images = line_drawings(2, size=16).faces
    both = two_sizes(images)
    small, large = both.split([3 * 8**2, 3 * 16**2], 1)
    assert torch.equal(large, to_unit(images).flatten(1))
    halved = images.float().view(2, 3, 8, 2, 8, 2).mean((3, 5))
    assert (small.view(2, 3, 8, 8) - (halved / 127.5 - 1)).abs().mean() < 0.1  # resizing reaches a little further
