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
    space = Components.of(images, 4)
    centred = images - images.mean(0)
    _, values, vectors = torch.linalg.svd(centred, full_matrices=False)
    assert torch.allclose(space.kept, values[:4].square().sum() / values.square().sum())
    found = space(images)
    assert torch.allclose((found * space.scale).abs(), (centred @ vectors[:4].T).abs())
    spread = values[:4] / len(images) ** 0.5
    assert torch.allclose(found.std(0, correction=0), (spread / spread.square().mean().sqrt()).sqrt())


def test_images_made_of_the_components_come_back():
    images = correlated()
    space = Components.of(images, 8)
    found = space(images.view(2, 20, 9))
    inside = space.images(found)
    assert torch.allclose(space(inside), found)
    lost = (inside.flatten(0, 1) - images).square().sum() / (images - images.mean(0)).square().sum()
    assert torch.allclose(lost, 1 - space.kept)


def test_a_direction_without_spread_does_no_harm():
    flat = torch.cat([correlated()[:, :3], torch.zeros(40, 6, dtype=torch.float64)], 1)
    space = Components.of(flat, 5)
    assert space(flat).isfinite().all() and torch.allclose(space.images(space(flat)), flat)


def test_images_are_clipped():
    space = Components.of(correlated(), 2)
    assert space.images(torch.full((1, 2), 1e4, dtype=torch.float64)).abs().max() == 1


@pytest.mark.parametrize("count", [0, 9, 40])
def test_too_many_components_are_refused(count):
    with pytest.raises(GanlabError, match=f"count is {count} for 40 images of 9 pixels; give 1 to 8"):
        Components.of(correlated(), count)


def test_a_state_loads_into_an_empty_one():
    space = Components.of(correlated().float(), 3)
    other = Components(9, 3)
    other.load_state_dict(space.state_dict())
    images = correlated().float()
    assert torch.equal(other(images), space(images))
