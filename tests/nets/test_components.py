import pytest
import torch

from ganlab.errors import GanlabError
from ganlab.nets.components import Components


def correlated(n=40, pixels=9):
    rng = torch.Generator().manual_seed(0)
    mixing = torch.randn(pixels, pixels, generator=rng, dtype=torch.float64)
    return 0.05 * torch.randn(n, pixels, generator=rng, dtype=torch.float64) @ mixing + 0.1


def test_components_agree_with_a_singular_value_decomposition():
    images = correlated()
    space = Components(images, 4)
    centred = images - images.mean(0)
    _, values, vectors = torch.linalg.svd(centred, full_matrices=False)
    assert torch.allclose(space.kept, values[:4].square().sum() / values.square().sum())
    wanted = (centred @ vectors[:4].T).abs()
    found = space(images)
    assert torch.allclose((found * space.scale).abs(), wanted)
    assert torch.isclose(found.square().mean(), torch.tensor(1.0, dtype=torch.float64))


def test_distances_within_the_components_keep_their_ratio_and_images_come_back():
    images = correlated()
    space = Components(images, 8)
    found = space(images.view(2, 20, 9))
    inside = space.images(found)
    assert torch.allclose(space(inside), found)
    ratio = torch.pdist(inside.flatten(0, 1)) / torch.pdist(found.flatten(0, 1))
    assert torch.allclose(ratio, space.scale.expand_as(ratio))


def test_images_are_clipped():
    space = Components(correlated(), 2)
    assert space.images(torch.full((1, 2), 1e4, dtype=torch.float64)).abs().max() == 1


@pytest.mark.parametrize("count", [0, 9, 40])
def test_too_many_components_are_refused(count):
    with pytest.raises(GanlabError, match=f"count is {count} for 40 images of 9 pixels; give 1 to 8"):
        Components(correlated(), count)


def test_a_state_loads_into_an_empty_one():
    space = Components(correlated().float(), 3)
    other = Components.empty(9, 3)
    other.load_state_dict(space.state_dict())
    images = correlated().float()
    assert torch.equal(other(images), space(images))
