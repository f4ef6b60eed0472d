import torch
from torch import nn

from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams


def as_plain(net: MLP, member: int) -> nn.Sequential:
    """One member of a batched network as ordinary torch layers."""
    layers = []
    for layer in net.layers:
        if hasattr(layer, "weight"):
            plain = nn.Linear(*layer.weight.shape[1:]).double()
            plain.weight.data = layer.weight.data[member].T.double()
            plain.bias.data = layer.bias.data[member, 0].double()
            layers.append(plain)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def test_each_member_is_an_ordinary_network_in_value_and_gradient():
    net = MLP([2, 16, 16, 3], Streams([0, 1, 2])).double()
    x = torch.randn(3, 7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    out = net(x)
    out.square().mean((1, 2)).sum().backward()
    for member in range(3):
        plain = as_plain(net, member)
        expected = plain(x[member])
        expected.square().mean().backward()
        assert torch.allclose(out[member], expected)
        assert torch.allclose(net.layers[0].weight.grad[member], plain[0].weight.grad.T)


def test_a_seed_starts_alike_alone_and_beside_others():
    together, alone = MLP([2, 8, 1], Streams([5, 6]), scalar=True), MLP([2, 8, 1], Streams(6), scalar=True)
    for a, b in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(a[1], b)
    x = torch.randn(4, 2)
    assert torch.allclose(together(x.expand(2, 4, 2))[1], alone(x), atol=1e-6)
    assert alone(x).shape == (4,)


def test_the_first_layer_starts_within_torchs_bound():
    weight = MLP([100, 64], Streams(0)).layers[0].weight
    assert 0.099 < weight.abs().max() <= 0.1
