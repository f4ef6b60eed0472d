"""What the benches of chapter 08 share: how the discriminators stand, and the time of a step."""

import time
from collections.abc import Callable

import results
import torch
from jaxtyping import Float
from torch import Tensor

from ganlab.methods.gan import minimax_generator_loss
from ganlab.methods.rpgan import RPGAN, generator_loss

FOLDER = results.ROOT / "08_rpgan"


def standing(
    method: RPGAN, real: Float[Tensor, "*seeds n dim"], fake: Float[Tensor, "*seeds n dim"]
) -> dict[str, Float[Tensor, "*seeds"]]:
    """Accuracy of the discriminators on fresh samples, the mean over K; lengths of dL_G/dx at a fake.

    The gradient is that of a sample's own loss (L_G times n), so that it does not depend on the batch. L_G is the mean
    over K: `push` is of the non-saturating loss, which trains, `minimax_push` of the other.
    """
    n, leaf = fake.shape[-2], fake.detach().requires_grad_()
    with torch.enable_grad():
        logits = method.discriminator(leaf)
        (push,) = torch.autograd.grad(n * generator_loss(logits).sum(), leaf, retain_graph=True)
        (minimax,) = torch.autograd.grad(n * generator_loss(logits, minimax_generator_loss).sum(), leaf)
    with torch.no_grad():
        real_logits = method.discriminator(real)
    accuracy = ((real_logits > 0).float().mean((-1, -2)) + (logits <= 0).float().mean((-1, -2))) / 2
    lengths = {"push": push, "minimax_push": minimax}
    return {"accuracy": accuracy} | {name: g.norm(dim=-1).mean(-1) for name, g in lengths.items()}


def fastest(
    works: dict[str, Callable[[], None]], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """The smallest seconds of each, taken in turns."""
    best = dict.fromkeys(works, float("inf"))
    for repeat in range(repeats + 1):
        for name, work in works.items():
            started = clock()
            work()
            if repeat:  # the first warms up
                best[name] = min(best[name], clock() - started)
    return best
