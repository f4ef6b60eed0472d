"""Watch one training step of a learner's and say what moved, in which direction, and what should not have.

    def check_discriminator_step(answer):
        check_step(
            answer,
            arguments=("generator", "discriminator", "optimiser", "real", "latent"),
            trains="discriminator",
            loss=lambda players, batch: discriminator_loss(
                players["discriminator"](batch["real"]),
                players["discriminator"](players["generator"](batch["latent"]).detach()),
            ),
        )

The step gets two small networks that note what they were called with, a plain SGD over the trained player, and
*planted* gradients in every weight, as a step before would have left them. At the moment of `optimiser.step()` the
trained player's gradients are compared with those of `loss`, and with what typical mistakes would have produced.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ganlab.learn.checks import Misconception, close, same_kind, short, takes
from ganlab.learn.exercise import NotYet

Players = Mapping[str, nn.Module]
Batch = Mapping[str, Tensor]
Loss = Callable[[Players, Batch], Tensor]
Gradient = Sequence[Tensor]  # one for each weight of a player

LR = 0.05

_STEP_FIRST = "step() came before backward(): it used the gradients of the step before. Swap the two."
_ONE_STEP = "optimiser.step() ran more than once. One turn is one loss, one backward() and one step()."


class Player(nn.Module):
    """A network that notes the inputs it was called with, and its outputs."""

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.inputs.append(x.detach().clone())
        y = self.body(x)
        self.outputs.append(y.detach().clone())
        return y


def two_players() -> dict[str, Player]:
    """A generator from 2 to 2 dimensions and a discriminator from 2 dimensions to logits of shape (n,)."""
    return {
        "generator": Player(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))),
        "discriminator": Player(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))),
    }


def gaussian_batch() -> dict[str, Tensor]:
    """16 real points away from the origin, 16 latents."""
    return {"real": torch.randn(16, 2) + torch.tensor([1.0, -0.5]), "latent": torch.randn(16, 2)}


@dataclass
class Watched:
    """What happened in one call of a step."""

    returned: Any
    at_step: list[list[Tensor | None]] = field(default_factory=list)  # trained player's gradients, step by step
    events: list[tuple[str, str]] = field(default_factory=list)  # ("backward", player) and ("step", "")
    moved: set[str] = field(default_factory=set)  # players whose weights or buffers changed
    frozen: set[str] = field(default_factory=set)  # players left with requires_grad off
    switched: set[str] = field(default_factory=set)  # players left in the other of train() and eval()
    by_hand: bool = False  # the trained player's weights are not where plain SGD takes them


def watch_step(
    answer: Callable,
    players: Mapping[str, Player],
    batch: Batch,
    arguments: Sequence[str],
    trains: str,
    planted: Mapping,
) -> Watched:
    """Run a step once on recording players whose gradients are `planted`, and note what it did."""
    optimiser = torch.optim.SGD(players[trains].parameters(), lr=LR)
    watched = Watched(returned=None)

    def note_step(*_):
        gradients = [None if p.grad is None else p.grad.clone() for p in players[trains].parameters()]
        watched.at_step.append(gradients)
        watched.events.append(("step", ""))

    handles = [optimiser.register_step_pre_hook(note_step)]
    before, modes = {}, {}
    for name, player in players.items():
        before[name] = {key: value.clone() for key, value in player.state_dict().items()}
        modes[name] = player.training
        for parameter, stale in zip(player.parameters(), planted[name], strict=True):
            parameter.grad = stale.clone()
            event = ("backward", name)
            handles.append(parameter.register_post_accumulate_grad_hook(lambda _, e=event: watched.events.append(e)))

    pieces = {**players, **batch, "optimiser": optimiser}
    try:
        watched.returned = answer(*(pieces[name] for name in arguments))
    except RuntimeError as error:
        if "modified by an inplace operation" not in str(error) or not watched.at_step:
            raise
        # The weights were stepped while a graph still needed them.
        if ("backward", trains) not in watched.events[: watched.events.index(("step", ""))]:
            raise NotYet("order", _STEP_FIRST) from None
        raise NotYet("steps", _ONE_STEP) from None
    finally:
        for handle in handles:
            handle.remove()
    for name, player in players.items():
        if any(not torch.equal(value, before[name][key]) for key, value in player.state_dict().items()):
            watched.moved.add(name)
        if any(not parameter.requires_grad for parameter in player.parameters()):
            watched.frozen.add(name)
        if player.training != modes[name]:
            watched.switched.add(name)
    if len(watched.at_step) == 1:
        named = zip(players[trains].named_parameters(), watched.at_step[0], strict=True)
        watched.by_hand = any(
            not torch.allclose(p.detach(), before[trains][name] - (0 if g is None else LR * g), rtol=1e-4, atol=1e-6)
            for (name, p), g in named
        )
    return watched


def check_step(
    answer: Callable,
    *,
    arguments: Sequence[str],
    trains: str,
    loss: Loss,
    make_players: Callable[[], dict[str, Player]] = two_players,
    make_batch: Callable[[], dict[str, Tensor]] = gaussian_batch,
    may_reach: Sequence[str] = (),
    misconceptions: Sequence[Misconception] = (),
    clip_norm: float | None = None,
    returns_loss: bool = True,
) -> None:
    """The step moves one player, once, by the gradient of `loss`, and leaves everything else as it was.

    arguments    names of the step's arguments in order: players, "optimiser", and keys of the batch
    trains       the player that the optimiser holds
    loss         from players and batch to the right loss; its gradient must be there at optimiser.step()
    may_reach    other players whose weights may receive (unused) gradients; for a discriminator step none,
                 which is how a missing detach is found
    misconceptions  whose `answer` is a typical wrong loss, from players and batch
    clip_norm    when the step must clip the gradient's norm: to what
    returns_loss the step must return the loss before the update, as a detached scalar tensor

    Raises NotYet: "signature", "no-step", "steps", "other-player", "order", "cleared", "backward", "detach",
    "accumulated", "sign", "sum", "scale", "clip", "latent", "twice", "unused", "gradient", "by-hand", "frozen",
    "mode", "graph", "returned", the kinds of `same_kind`, or the reason of a misconception.
    """
    takes(answer, arguments)
    players, batch = make_players(), make_batch()
    weights = {name: list(player.parameters()) for name, player in players.items()}
    planted = {name: [torch.randn_like(p) for p in parameters] for name, parameters in weights.items()}

    def gradient(of: Loss) -> list[Tensor]:
        found = torch.autograd.grad(of(players, batch), weights[trains], allow_unused=True)
        return [torch.zeros_like(p) if g is None else g for p, g in zip(weights[trains], found, strict=True)]

    want_returned = loss(players, batch).detach()
    unclipped = gradient(loss)
    want = unclipped if clip_norm is None else clipped(unclipped, clip_norm)
    suspects = [
        *_usual_suspects(trains, want, unclipped, planted[trains], len(next(iter(batch.values())))),
        *((mistake.reason, gradient(mistake.answer), mistake.sentence) for mistake in misconceptions),
    ]
    for player in players.values():
        player.inputs.clear()
        player.outputs.clear()

    watched = watch_step(answer, players, batch, arguments, trains, planted)
    others = [name for name in players if name != trains]

    _stepped_once(watched, trains, others)
    for name in others:
        if name in watched.moved:
            raise NotYet("other-player", f"the {name} has changed too. This step must move the {trains} only.")
    _backward_before_step(watched, trains)
    reached = {name for event, name in watched.events if event == "backward"}
    for name in others:
        if name in reached and name not in may_reach:
            raise NotYet(
                "detach",
                f"gradients ran through to the {name}'s weights, which this step does not train. "
                f"Cut them off: detach() what the {name} made, or make it under torch.no_grad().",
            )
    got = watched.at_step[0]
    if not same_gradient(got, want):
        given = {name: tensor for name, tensor in batch.items() if name in arguments}
        _explain_gradient(got, want, trains, suspects, players, given)
    if watched.by_hand:
        raise NotYet("by-hand", f"the {trains}'s weights were changed by something else besides optimiser.step().")
    for name in watched.frozen:
        raise NotYet("frozen", f"the {name} is left with requires_grad off: it will not learn in its next step.")
    for name in watched.switched:
        raise NotYet("mode", f"the {name} is left in the other one of train() and eval() mode. Put it back.")
    if returns_loss:
        _returned(watched.returned, want_returned)


# --------------------------------------------------------------------------------- parts of the check


def same_gradient(got: Sequence[Tensor | None], want: Sequence[Tensor]) -> bool:
    """Two lists of gradients agree; None counts as zero."""
    filled = [torch.zeros_like(w) if g is None else g for g, w in zip(got, want, strict=True)]
    return close(filled, want, rtol=1e-3, atol=1e-6)


def clipped(gradients: Sequence[Tensor], norm: float) -> list[Tensor]:
    """Gradients scaled to a joint norm of at most `norm`, as `torch.nn.utils.clip_grad_norm_` does."""
    total = torch.sqrt(sum(g.square().sum() for g in gradients))
    return [g * min(1.0, norm / (float(total) + 1e-6)) for g in gradients]


def _stepped_once(watched: Watched, trains: str, others: Sequence[str]) -> None:
    if len(watched.at_step) == 1:
        return
    if len(watched.at_step) > 1:
        raise NotYet("steps", _ONE_STEP)
    if watched.moved:
        raise NotYet(
            "no-step",
            f"the weights of the {' and the '.join(sorted(watched.moved))} changed, but not by the optimiser "
            "that was handed in: call optimiser.step().",
        )
    raise NotYet("no-step", f"nothing has moved: optimiser.step() was never called, so the {trains} learns nothing.")


def _backward_before_step(watched: Watched, trains: str) -> None:
    reached = ("backward", trains) in watched.events
    before = watched.events[: watched.events.index(("step", ""))]
    if (
        all(gradient is None or not gradient.any() for gradient in watched.at_step[0])
        and ("backward", trains) in before
    ):
        raise NotYet(
            "cleared",
            "zero_grad() came between backward() and step(), and wiped out what backward() had found.",
        )
    if ("backward", trains) in before or not reached:
        return
    raise NotYet("order", _STEP_FIRST)


def _usual_suspects(
    trains: str, want: Gradient, unclipped: Gradient, stale: Gradient, n: int
) -> list[tuple[str, Gradient, str]]:
    """Wrong gradients that need no knowledge of the loss: reason, gradient, sentence."""
    accumulated = (
        "the gradients of the step before are still in it: backward() adds to .grad. Call optimiser.zero_grad() first."
    )
    return [
        (
            "backward",
            stale,
            "backward() was never called: step() used gradients left over from the step before.",
        ),
        ("accumulated", [g + s for g, s in zip(unclipped, stale, strict=True)], accumulated),
        ("accumulated", [g + s for g, s in zip(want, stale, strict=True)], accumulated),
        (
            "clip",
            unclipped,
            "the gradient arrives at step() unclipped. Clipping works on .grad, so it has an effect only between "
            "backward() and step().",
        ),
        ("sign", [-g for g in want], f"the {trains} goes uphill on its own loss: the sign is the wrong way round."),
        (
            "sum",
            [n * g for g in want],
            f"the gradient is {n} times too large, the size of the batch: a sum where a mean belongs.",
        ),
    ]


def _explain_gradient(
    got: Sequence[Tensor | None],
    want: Gradient,
    trains: str,
    suspects: Sequence[tuple[str, Gradient, str]],
    players: Mapping[str, Player],
    given: Batch,
) -> None:
    """Raise NotYet with the best explanation for a gradient that is not the right one."""
    if all(g is None or not g.any() for g in got):
        raise NotYet(
            "detach",
            f"no gradient reached the {trains}: somewhere between its weights and the loss there is a detach() or a "
            "no_grad(), or backward() was not called.",
        )
    for reason, gradient, sentence in suspects:
        if same_gradient(got, gradient):
            raise NotYet(reason, sentence)
    ratio = _ratio(got, want)
    if ratio is not None:
        raise NotYet("scale", f"the gradient has the right direction but {ratio:.3g} times the right length.")
    _explain_calls(players, given)
    raise NotYet(
        "gradient",
        f"the {trains}'s gradient at optimiser.step() is not that of its loss: its length is "
        f"{short(_length(got))}; expected {short(_length(want))}.",
    )


def _explain_calls(players: Mapping[str, Player], given: Batch) -> None:
    """Raise NotYet when the networks were not called with what the step was given."""
    for name, player in players.items():
        if any(_holds(player.inputs, output) for output in player.outputs):
            raise NotYet("twice", f"the {name} was applied to its own output.")
    seen = [x for player in players.values() for x in player.inputs]
    for name, tensor in given.items():
        if seen and not _holds(seen, tensor):
            reason = "latent" if name.startswith("latent") else "unused"
            raise NotYet(
                reason,
                f"no network was called with the {name} that the step was given. Use that one: then the "
                "step can be repeated.",
            )


def _holds(inputs: Sequence[Tensor], tensor: Tensor) -> bool:
    """Whether the tensor was an input, alone or as part of a concatenated batch."""
    rows = tensor.detach()
    for x in inputs:
        if x.ndim == rows.ndim and x.shape[1:] == rows.shape[1:] and len(x) >= len(rows):
            if any(torch.equal(x[i : i + len(rows)], rows) for i in range(len(x) - len(rows) + 1)):
                return True
    return False


def _length(gradients: Sequence[Tensor | None]) -> float:
    return float(sum(g.square().sum() for g in gradients if g is not None)) ** 0.5


def _ratio(got: Sequence[Tensor | None], want: Sequence[Tensor]) -> float | None:
    """The factor between two parallel gradients, or None when they are not parallel."""
    one = torch.cat(
        [torch.zeros_like(w).flatten() if g is None else g.flatten() for g, w in zip(got, want, strict=True)]
    )
    other = torch.cat([w.flatten() for w in want])
    factor = float(one @ other / (other @ other))
    return factor if close([one], [factor * other], rtol=1e-3, atol=1e-6) else None


def _returned(returned: Any, want: Tensor) -> None:
    same_kind(returned, want, "the returned loss")
    if returned.requires_grad:
        raise NotYet(
            "graph",
            "the returned loss still carries its graph, which keeps the memory of every step. Return loss.detach().",
        )
    if not close([returned], [want]):
        raise NotYet(
            "returned",
            f"the step is right but what it returns is not the loss before the update: {float(returned):.6g}; "
            f"expected {float(want):.6g}.",
        )
