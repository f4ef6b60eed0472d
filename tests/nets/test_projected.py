import math

import pytest
import torch
from torch import nn

from ganlab.errors import GanlabError
from ganlab.nets.projected import (
    FORMS,
    ConvolutionalNetworks,
    Filters,
    MLPs,
    Projections,
    SameView,
    full_view_convolutions,
    full_view_mlp,
    members,
    projected_convolutions,
    projected_mlp,
    random_filters,
    random_projections,
)
from ganlab.seeds import Streams


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


# Projections --------------------------------------------------------------------------------------------------


def test_columns_and_filters_have_length_one_and_are_normal_before():
    weight = random_projections(40, 3, 5, Streams([0, 1]))
    assert weight.shape == (2, 5, 40, 3)
    assert torch.allclose(weight.norm(dim=-2), torch.ones(2, 5, 3))
    filters = random_filters(3, 5, 0)
    assert filters.shape == (5, 3, 8, 8)
    assert torch.allclose(filters.flatten(1).norm(dim=1), torch.ones(5))
    # A coordinate of a uniform direction in d dimensions has variance 1/d and, in many dimensions, kurtosis 3.
    many = random_projections(50, 1, 400, 0).flatten().double()
    assert abs(many.mean()) < 4 / math.sqrt(50 * len(many))
    assert abs(many.pow(4).mean() / many.pow(2).mean() ** 2 - 3 * 50 / 52) < 0.15


def test_projections_are_the_matrix_products_of_the_paper():
    weight, x = normal(2, 4, 6, 3), normal(2, 7, 6)
    together = Projections(weight)(x)
    expected = torch.einsum("snd,skdm->sknm", x, weight)
    assert torch.allclose(together, expected)
    assert all(torch.allclose(Projections(weight).one(k, x), expected[:, k]) for k in range(4))
    assert torch.allclose(Projections(weight[0])(x[0]), expected[0])


def test_filters_are_strided_convolutions_computed_by_hand():
    filters, images = normal(2, 3, 8, 8), normal(2, 3, 16, 16)
    got = Filters(filters, 16)(images.flatten(1))
    assert got.shape == (2, 2, 8, 8)
    padded = nn.functional.pad(images, (3, 3, 3, 3))
    for k, i, j in ((0, 0, 0), (1, 3, 5), (0, 7, 7)):
        patch = padded[1, :, 2 * i : 2 * i + 8, 2 * j : 2 * j + 8]
        assert torch.isclose(got[1, k, i, j], (patch * filters[k]).sum())
    assert torch.allclose(Filters(filters, 16).one(1, images.flatten(1))[:, 0], got[:, 1])
    assert Filters(random_filters(3, 12, 0), 64)(torch.zeros(1, 3 * 64 * 64)).shape == (1, 12, 32, 32)


def test_projections_are_saved_with_the_module_and_are_no_parameters():
    for discriminators in (projected_mlp(10, 2, 3, [8], 0), projected_convolutions(16, 3, 3, 4, 0)):
        assert "view.weight" in discriminators.state_dict()
        assert not any(name.startswith("view") for name, _ in discriminators.named_parameters())


def test_what_is_drawn_for_one_discriminator_does_not_depend_on_how_many_there_are():
    few, many = projected_mlp(10, 2, 2, [8], Streams([0, 1])), projected_mlp(10, 2, 5, [8], Streams([1, 0]))
    assert torch.equal(few.view.weight, many.view.weight.flip(0)[:, :2])
    x = normal(2, 4, 10).float()
    assert torch.allclose(few(x), many(x.flip(0)).flip(0)[:, :2], atol=1e-6)
    few, many = projected_convolutions(16, 1, 2, 4, 3), projected_convolutions(16, 1, 5, 4, 3)
    assert torch.equal(few.view.weight, many.view.weight[:2])
    assert torch.equal(few.networks.weights[1], many.networks.weights[1][:2])
    other = projected_convolutions(16, 1, 2, 4, 4)
    assert not torch.equal(few.view.weight, other.view.weight)
    assert members(Streams(0, "a"), 2).seeds != members(Streams(0, "b"), 2).seeds


# The K networks as one ----------------------------------------------------------------------------------------


def conv_alone(networks: ConvolutionalNetworks, k: int) -> nn.Sequential:
    """Network k from layers of torch."""
    layers = []
    *hidden, last = zip(networks.weights, networks.biases, strict=True)
    for weight, bias in [*hidden, last]:
        outputs, inputs, size, _ = weight.shape[1:]
        layer = nn.Conv2d(inputs, outputs, size, 2 if size == 4 else 1, 1 if size == 4 else 0, dtype=weight.dtype)
        layer.load_state_dict({"weight": weight[k], "bias": bias[k]})
        layers += [layer, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1], nn.Flatten(0))


def mlp_alone(networks: MLPs, k: int) -> nn.Sequential:
    layers = []
    for layer in networks.all.layers:
        if hasattr(layer, "weight"):
            alone = nn.Linear(*layer.weight.shape[1:], dtype=layer.weight.dtype)
            alone.load_state_dict({"weight": layer.weight[k].T, "bias": layer.bias[k, 0]})
            layer = alone
        layers.append(layer)
    return nn.Sequential(*layers, nn.Flatten(0))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("side", "channels", "width"), [(4, 1, 2), (16, 1, 2), (16, 2, 20), (32, 3, 8)])
def test_each_form_equals_k_networks_of_torch_in_value_and_gradient(form, side, channels, width):
    networks = ConvolutionalNetworks(3, side, channels, width, rng=0, form=form).double()
    for bias in networks.biases:
        bias.data = normal(*bias.shape)
    views = normal(5, 3 * channels, side, side).requires_grad_()
    alone = [conv_alone(networks, k) for k in range(3)]
    weigh = normal(3, 5)

    logits = networks(views)
    expected = torch.stack([net(x) for net, x in zip(alone, views.chunk(3, 1), strict=True)])
    assert logits.shape == (3, 5) and torch.allclose(logits, expected)
    assert torch.allclose(networks.one(1, views[:, channels : 2 * channels]), expected[1])

    sources = [views, *networks.weights, *networks.biases]
    got = torch.autograd.grad((weigh * logits.sin()).sum(), sources)
    (of_views,) = torch.autograd.grad((weigh * expected.sin()).sum(), views, retain_graph=True)
    (weigh * expected.sin()).sum().backward()
    assert torch.allclose(got[0], of_views)
    for k, net in enumerate(alone):
        layers = [layer for layer in net if isinstance(layer, nn.Conv2d)]
        for i, layer in enumerate(layers):
            assert torch.allclose(got[1 + i][k], layer.weight.grad)
            assert torch.allclose(got[1 + len(layers) + i][k], layer.bias.grad)


@pytest.mark.parametrize("seeds", [0, [0, 1]])
def test_the_perceptrons_as_one_equal_k_networks_of_torch_in_value_and_gradient(seeds):
    discriminators = projected_mlp(6, 2, 3, [8, 8], Streams(seeds)).double()
    x = normal(*Streams(seeds).axis, 5, 6).requires_grad_()
    logits = discriminators(x)
    views = torch.einsum("...nd,...kdm->...knm", x, discriminators.view.weight).flatten(0, -3)
    alone = [mlp_alone(discriminators.networks, member) for member in range(len(views))]
    expected = torch.stack([net(view) for net, view in zip(alone, views, strict=True)]).view_as(logits)
    assert torch.allclose(logits, expected)
    assert all(torch.allclose(discriminators.one(k, x), expected[..., k, :]) for k in range(3))

    parameters = list(discriminators.parameters())
    got = torch.autograd.grad(logits.sin().sum(), [x, *parameters])
    (of_x,) = torch.autograd.grad(expected.sin().sum(), x, retain_graph=True)
    expected.sin().sum().backward()
    assert torch.allclose(got[0], of_x)
    linears = [[layer for layer in net if isinstance(layer, nn.Linear)] for net in alone]
    for i, gradient in enumerate(got[1::2]):
        assert torch.allclose(gradient, torch.stack([layers[i].weight.grad.T for layers in linears]))


def test_discriminators_share_nothing():
    for discriminators, dim in ((projected_mlp(6, 2, 3, [8], 0), 6), (projected_convolutions(8, 1, 3, 2, 0), 64)):
        discriminators(torch.randn(4, dim))[1].sum().backward()
        for parameter in discriminators.parameters():
            touched = parameter.grad.flatten(1).any(1).tolist()
            assert touched[0] is False and touched[2] is False
        assert touched[1] is True


# Views that hide nothing --------------------------------------------------------------------------------------


def test_the_same_view_shows_everyone_the_sample():
    x = normal(2, 5, 3)
    assert torch.equal(SameView(4)(x), torch.stack([x] * 4, 1))
    image = SameView(2, (3, 4))(normal(5, 48))
    assert image.shape == (5, 6, 4, 4) and torch.equal(image[:, :3], image[:, 3:])
    assert full_view_mlp(3, [8], Streams([0, 1]), count=4).float()(x.float()).shape == (2, 4, 5)
    assert full_view_convolutions(16, 3, 4, 0)(torch.zeros(5, 768)).shape == (1, 5)


@pytest.mark.parametrize(
    ("discriminators", "parameters", "products"),
    [
        (lambda: projected_convolutions(64, 3, 1, 128, 0), 11.0e6, 101e6),
        (lambda: full_view_convolutions(64, 3, 64, 0), 11.15e6, 137e6),
    ],
)
def test_sizes_at_the_published_width(discriminators, parameters, products):
    """Parameters and multiplications for one image, counted from the architecture in the paper's code."""
    built = discriminators()
    assert math.isclose(sum(w.numel() for w in built.parameters()), parameters, rel_tol=0.005)
    side, total = (32 if hasattr(built.view, "weight") else 64), 0
    for weight in built.networks.weights:
        side = side // 2 if weight.shape[-1] == 4 else 1
        total += weight[0].numel() * side * side
    if hasattr(built.view, "weight"):
        total += built.view.weight.numel() * 32 * 32
    assert math.isclose(total, products, rel_tol=0.01)


def test_impossible_requests_are_named():
    with pytest.raises(GanlabError, match="number of discriminators is 0; give at least 1"):
        projected_mlp(6, 2, 0, [8], 0)
    with pytest.raises(GanlabError, match="features is 7; a projection from 6 dimensions has 1 to 6"):
        random_projections(6, 7, 2)
    with pytest.raises(GanlabError, match="side of 12; give 4, 8"):
        ConvolutionalNetworks(2, 12)
    with pytest.raises(GanlabError, match="form is 'fast'; choose one of loop, grouped, by size"):
        ConvolutionalNetworks(2, 8, form="fast")
    with pytest.raises(GanlabError, match="this stream holds 2 seeds"):
        projected_convolutions(16, 1, 2, 4, Streams([0, 1]))
