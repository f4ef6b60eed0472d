import torch

from ganlab.nets.inversion import CosineHead, InversionNetwork
from ganlab.nets.mlp import MLP, Linear
from ganlab.seeds import Streams


def test_the_second_head_reads_what_the_first_one_says():
    rng = Streams([0, 1])
    network = InversionNetwork(MLP([2, 8, 4], rng), Linear(4, 3, rng))
    z_found, mode_logits = network(torch.ones(2, 5, 2))
    assert z_found.shape == (2, 5, 4) and mode_logits.shape == (2, 5, 3)
    assert torch.equal(mode_logits, network.head(z_found))
    mode_logits.sum().backward()
    assert all(w.grad is not None for w in network.body.parameters())


def test_cosine_logits_do_not_depend_on_lengths_and_reach_the_scale():
    head = CosineHead(4, 3, Streams([0, 1]), scale=30.0)
    z = Streams([0, 1]).normal(6, 4)
    assert torch.allclose(head(z), head(7 * z), atol=1e-4)
    along = head.weight.detach().mT * 2  # each weight itself, twice as long
    assert torch.allclose(head(along).diagonal(dim1=-2, dim2=-1), torch.full((2, 3), 30.0), atol=1e-4)
    alone = CosineHead(4, 3, Streams(1), scale=30.0)
    assert torch.allclose(head(z)[1], alone(z[1]), atol=1e-5)
