"""Adam with settings of its own for each seed is torch's Adam, seed by seed."""

import pytest
import torch

from ganlab.data.mixtures import ring
from ganlab.errors import GanlabError
from ganlab.methods.gan import GAN, adam
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.seedwise import SeedwiseAdam

RATES, BETAS = [1e-3, 1e-2, 0.1], [0.0, 0.5, 0.9]


@pytest.mark.parametrize("rows, decay", [(3, 0.0), (6, 0.0), (3, 0.01)])
def test_each_seed_goes_as_torchs_adam_with_its_own_settings(rows, decay):
    draw = torch.Generator().manual_seed(0)
    start = torch.randn(rows, 4, 5, generator=draw, dtype=torch.float64)
    together = torch.nn.Parameter(start.clone())
    rates, betas = (torch.tensor(values, dtype=torch.float64) for values in (RATES, BETAS))
    ours = SeedwiseAdam([together], rates, (betas, 0.99))
    ours.param_groups[0]["weight_decay"] = decay
    apart = [torch.nn.Parameter(row.clone()) for row in start]
    owner = [row * 3 // rows for row in range(rows)]  # several rows of a seed stand together
    theirs = [
        torch.optim.Adam([one], lr=RATES[k], betas=(BETAS[k], 0.99), weight_decay=decay)
        for one, k in zip(apart, owner, strict=True)
    ]
    for _ in range(30):
        together.grad = torch.randn(rows, 4, 5, generator=draw, dtype=torch.float64)
        ours.step()
        for one, gradient, optimiser in zip(apart, together.grad, theirs, strict=True):
            one.grad = gradient.clone()
            optimiser.step()
    assert torch.allclose(together, torch.stack(apart), rtol=1e-12, atol=1e-12)


def test_one_number_for_all_is_the_fused_adam_of_every_method():
    player = MLP([2, 3, 1], Streams([0, 1]))
    assert type(adam(player, 1e-3, (0.5, 0.999))) is torch.optim.Adam
    assert type(adam(player, 1e-3, (torch.tensor([0.5, 0.0]), 0.999))) is SeedwiseAdam


def test_a_search_side_by_side_trains_what_each_try_trains_alone():
    def trained(seeds, lr):
        rng = Streams(seeds)
        players = MLP([2, 8, 2], rng.for_purpose("g")), MLP([2, 8, 1], rng.for_purpose("d"), scalar=True)
        method = GAN(*players, rng=rng, lr=lr, generator_lr=2 * lr)
        batches = ring().batches(16, seeds)
        for _ in range(5):
            method.step(next(batches))
        return method.sample(20)

    together = trained([7, 7], torch.tensor([1e-3, 1e-2]))
    for row, lr in enumerate((1e-3, 1e-2)):
        assert torch.allclose(together[row], trained([7], lr)[0], atol=1e-5)


def test_weights_that_do_not_belong_to_the_seeds_are_named():
    weights = torch.nn.Parameter(torch.zeros(4, 2))
    weights.grad = torch.ones(4, 2)
    with pytest.raises(GanlabError, match="settings for 3 seeds and weights of 4 rows"):
        SeedwiseAdam([weights], torch.tensor(RATES)).step()
