"""Mode collapse on demand: recipes that collapse reliably, and healthy controls.

The recipes are data, in `recipes.yaml`. Each says what it changes in a control, what it claims ("at most 3 of 8 modes
in at least 9 of 10 seeds"), and why. `run` trains one from many seeds and measures the reason along the way.

    result = run(recipe("momentum"), seeds=range(10))
    result.modes          # modes covered at the end, one number a seed
    result["moved"]       # (seeds, looks): samples that changed their mode since the look before
    recipe("momentum").but(beta1=0.5)     # the same recipe, one knob turned back
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache, partial
from importlib import resources
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganlab.data.mixtures import GaussianMixture, MixtureBatches, grid, ring
from ganlab.errors import GanlabError, unknown
from ganlab.files import parse_yaml
from ganlab.methods.gan import GAN, GENERATOR_LOSSES
from ganlab.metrics.modes import high_quality_share, modes_covered, nearest_mode
from ganlab.nets.mlp import ACTIVATIONS, MLP
from ganlab.seeds import Streams
from ganlab.train import side_by_side, train

SAMPLES = 2500  # looked at each time: PacGAN's number
LOOKS = 20

# What is measured at each look, beside the losses. All but the first two are about the reasons.
MEASURED = {
    "modes": "modes covered",
    "high_quality": "share of samples within 3 sigma of a mode",
    "spread": "standard deviation of the samples, mean over the coordinates, in units of the data's",
    "accuracy": "discriminator's accuracy on fresh reals and fakes; 0.5 is guessing",
    "belief": "mean of D over the samples",
    "push": "length of the generator loss's gradient at a sample, mean over samples",
    "agreement": "length of the mean push over the mean length: 1 when all samples are pushed the same way",
    "moved": "share of samples whose nearest mode is another one than at the look before",
    "favourite": "the mode to which most samples are nearest",
}

# Numbers of a whole run.
OF_A_RUN = {
    "visited": "how many different modes have been the favourite at some look",
}


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on, but for its seeds."""

    mixture: str
    spread: float
    sigma: float
    latent: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    activation: str
    loss: str
    generator_lr: float
    discriminator_lr: float
    beta1: float
    batch: int
    steps: int

    def __post_init__(self):
        choices = {"mixture": ("ring", "grid"), "activation": tuple(ACTIVATIONS), "loss": tuple(GENERATOR_LOSSES)}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise GanlabError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(allowed)}.")
        for name in ("generator", "discriminator"):
            widths = getattr(self, name)
            if not isinstance(widths, tuple | list) or not widths or not all(_is_count(width) for width in widths):
                raise GanlabError(f"{name} is {widths!r}; give the widths of its hidden layers, for example [32, 32].")
            object.__setattr__(self, name, tuple(widths))
        for name in ("latent", "batch", "steps"):
            if not _is_count(getattr(self, name)):
                raise GanlabError(f"{name} is {getattr(self, name)!r}; it must be a whole number, at least 1.")
        for name in ("spread", "sigma", "generator_lr", "discriminator_lr"):
            if not _is_number(getattr(self, name)) or not 0 < getattr(self, name) < float("inf"):
                raise GanlabError(f"{name} is {getattr(self, name)!r}; it must be a positive number.")
        if not _is_number(self.beta1) or not 0 <= self.beta1 < 1:
            raise GanlabError(f"beta1 is {self.beta1!r}; it must be at least 0 and less than 1.")

    def target(self) -> GaussianMixture:
        """The mixture: 8 modes on a ring of radius `spread`, or 25 on a grid of that spacing."""
        return ring(8, self.spread, self.sigma) if self.mixture == "ring" else grid(5, self.spread, self.sigma)


@dataclass(frozen=True)
class Claim:
    """How many modes are covered at the end, in at least so many of ten seeds."""

    modes: int
    collapses: bool  # at most that many; else at least that many
    seeds: int

    def kept_by(self, modes: Int[Tensor, " seeds"]) -> int:
        """In how many seeds it is true."""
        return int(((modes <= self.modes) if self.collapses else (modes >= self.modes)).sum())

    def holds(self, modes: Int[Tensor, " seeds"]) -> bool:
        """Whether it is true in the claimed share of the seeds."""
        return 10 * self.kept_by(modes) >= self.seeds * len(modes)

    def __str__(self) -> str:
        return f"at {'most' if self.collapses else 'least'} {self.modes} modes in at least {self.seeds} of 10 seeds"


@dataclass(frozen=True)
class Recipe:
    """One entry of `recipes.yaml`. `like` names its control, and `changed` holds what differs from it."""

    name: str
    title: str
    settings: Settings
    claim: Claim
    because: str
    like: str | None = None
    changed: Mapping[str, Any] = field(default_factory=dict)
    shown_by: tuple[str, ...] = ()

    def but(self, **settings: Any) -> Recipe:
        """The same recipe with some settings changed. It makes no claim about what comes out.

        Raises:
            GanlabError: a setting that does not exist, or an impossible value.
        """
        return replace(
            self,
            name=f"{self.name}, changed",
            settings=_changed(self.settings, settings),
            changed={**self.changed, **settings},
        )


@dataclass(frozen=True)
class Result:
    """What came out of a recipe. `result["name"]` is `(seeds, looks)` for each name of `MEASURED` and the losses."""

    recipe: Recipe
    seeds: tuple[int, ...]
    steps: tuple[int, ...]
    samples: Float[Tensor, "seeds n 2"]
    looks: Mapping[str, Float[Tensor, "seeds looks"]]

    def __getitem__(self, name: str) -> Float[Tensor, "seeds looks"]:
        return self.looks[name]

    @property
    def modes(self) -> Int[Tensor, " seeds"]:
        """Modes covered at the end."""
        return self.looks["modes"][:, -1].long()

    def late(self, name: str) -> float:
        """One number of `MEASURED`, the mean over seeds and the second half of the looks, or one of `OF_A_RUN`."""
        if name == "visited":
            return float(torch.tensor([len(row.unique()) for row in self.looks["favourite"]]).float().mean())
        looks = self.looks[name]
        return float(looks[:, looks.shape[1] // 2 :].double().mean())


# Finding recipes ------------------------------------------------------------------------------------------------


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        GanlabError: there is none; the sentence gives the nearest name.
    """
    known = recipes()
    if name in known:
        return known[name]
    raise unknown("recipe", name, known)


@cache
def recipes() -> dict[str, Recipe]:
    """All recipes by name, in the order of `recipes.yaml`; a control stands before what is compared with it."""
    return parse(resources.files("ganlab").joinpath("recipes.yaml").read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, Recipe]:
    """Recipes from the text of a file such as `recipes.yaml`.

    Raises:
        GanlabError: an entry that is not a recipe; the sentence names the entry and the fault.
    """
    found: dict[str, Recipe] = {}
    for name, entry in parse_yaml(text, "recipes.yaml").items():
        try:
            found[name] = _recipe(name, entry, found)
        except (KeyError, TypeError) as error:
            raise GanlabError(f"Recipe {name!r} is not whole: {error}.") from None
        except GanlabError as error:
            raise GanlabError(f"Recipe {name!r}: {error}") from None
    return found


def _recipe(name: str, entry: Mapping[str, Any], before: Mapping[str, Recipe]) -> Recipe:
    extra = entry.keys() - {"title", "settings", "like", "change", "claim", "because", "shown_by"}
    if extra:
        raise GanlabError(f"it has no part called {', '.join(sorted(extra))}.")
    like, changed = entry.get("like"), entry.get("change", {})
    if like is None:
        settings = Settings(**entry["settings"])
    elif like in before:
        settings = _changed(before[like].settings, changed)
    else:
        raise GanlabError(f"it is like {like!r}, which does not stand before it.")
    claim = entry["claim"]
    collapses = "at_most" in claim
    shown_by = tuple(entry.get("shown_by", ()))
    for measured in shown_by:
        if measured not in MEASURED | OF_A_RUN:
            raise GanlabError(f"shown_by names {measured!r}, which is not measured.")
    return Recipe(
        name=name,
        title=entry["title"],
        settings=settings,
        claim=Claim(claim["at_most" if collapses else "at_least"], collapses, claim["in"]),
        because=entry["because"],
        like=like,
        changed=changed,
        shown_by=shown_by,
    )


def _changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    known = [one.name for one in fields(Settings)]
    for name in changes:
        if name not in known:
            raise unknown("setting", name, known)
    return replace(settings, **changes)


# Running them ---------------------------------------------------------------------------------------------------


def build(recipe: Recipe, seeds: int | Sequence[int]) -> tuple[GAN, MixtureBatches, GaussianMixture]:
    """The GAN, its real batches and the mixture behind them, ready for `ganlab.train.train`."""
    chosen = recipe.settings
    rng = Streams(seeds)
    gan = GAN(
        MLP([chosen.latent, *chosen.generator, 2], rng.for_purpose("generator"), chosen.activation),
        MLP([2, *chosen.discriminator, 1], rng.for_purpose("discriminator"), chosen.activation, scalar=True),
        rng=rng,
        latent=chosen.latent,
        lr=chosen.discriminator_lr,
        generator_lr=chosen.generator_lr,
        betas=(chosen.beta1, 0.999),
        loss=chosen.loss,
    )
    target = chosen.target()
    return gan, target.batches(chosen.batch, rng.for_purpose("data")), target


def run(
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    steps: int | None = None,
    looks: int = LOOKS,
    workers: int | None = None,
) -> Result:
    """Train a recipe from each of the seeds, side by side, and measure as it goes.

    Args:
        recipe: which one.
        seeds: random starts; the same seed gives the same run whatever its neighbours.
        steps: instead of the recipe's own (its claim is about those).
        looks: about how many times to measure, spread evenly: every `steps // looks` steps, and at the end.
        workers: processes; `None` takes one a core.
    """
    steps = recipe.settings.steps if steps is None else steps
    group = partial(_run_group, asdict(recipe.settings), steps, max(1, steps // looks))
    joined = side_by_side(group, seeds, workers)
    return Result(
        recipe=recipe,
        seeds=tuple(seeds),
        steps=tuple(joined.pop("step")[0].tolist()),
        samples=joined.pop("samples"),
        looks=joined,
    )


def _run_group(settings: dict[str, Any], steps: int, every: int, seeds: list[int]) -> dict[str, Tensor]:
    gan, batches, target = build(Recipe("", "", Settings(**settings), Claim(0, True, 0), ""), seeds)
    reals = target.sample(SAMPLES, Streams(seeds, "look/real"))
    scale = _spread(reals)
    nearest = nearest_mode(gan.sample(SAMPLES), target)[0]

    def look(step: int, method: GAN) -> dict[str, Tensor]:
        nonlocal nearest
        samples = method.sample(SAMPLES)
        was, nearest = nearest, nearest_mode(samples, target)[0]
        return {
            "modes": modes_covered(samples, target),
            "high_quality": high_quality_share(samples, target),
            "spread": _spread(samples) / scale,
            "moved": (nearest != was).float().mean(-1),
            "favourite": nearest.mode(-1).values,
            **reasons(method, samples, reals),
        }

    history = train(gan, batches, steps, every=every, look=look)
    return {
        "step": torch.tensor(history.steps).expand(len(seeds), -1),
        "samples": gan.sample(SAMPLES),
        **{name: history[name] for name in history.names},
    }


def reasons(
    method: GAN, samples: Float[Tensor, "*seeds n 2"], reals: Float[Tensor, "*seeds n 2"]
) -> dict[str, Float[Tensor, "*seeds"]]:
    """What the discriminator knows, and what it tells the generator: accuracy, belief, push, agreement.

    The push on a sample is minus the gradient of its own generator loss with respect to its position: where it would
    go to be believed, and how strongly it is pulled there (per unit of length).
    """
    with torch.enable_grad():
        leaf = samples.detach().clone().requires_grad_()
        fake_logits = method.discriminator(leaf)
        (gradient,) = torch.autograd.grad(method.loss(fake_logits).sum() * samples.shape[-2], leaf)
    with torch.no_grad():
        real_logits = method.discriminator(reals)
    fake_logits = fake_logits.detach()
    strength = gradient.norm(dim=-1).mean(-1)
    return {
        "accuracy": ((real_logits > 0).float().mean(-1) + (fake_logits <= 0).float().mean(-1)) / 2,
        "belief": fake_logits.sigmoid().mean(-1),
        "push": strength,
        "agreement": gradient.mean(-2).norm(dim=-1) / strength.clamp(min=1e-12),
    }


def _spread(samples: Float[Tensor, "*seeds n 2"]) -> Float[Tensor, "*seeds"]:
    return samples.std(-2).mean(-1)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
