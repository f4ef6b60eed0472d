"""The lab in JupyterLab: a recipe that collapses, a remedy to try on it, data of your own, and the numbers to watch.

The same idea as the lab on the course's site, but with the course's own methods, on torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ganlab.data.mixtures import GaussianMixture, mixture
from ganlab.errors import GanlabError
from ganlab.metrics.modes import mass_in_place, mode_counts, perfect_scores
from ganlab.protocol import CONTESTANTS, Target
from ganlab.recipes import Recipe, build, recipe, recipes
from ganlab.seeds import Streams
from ganlab.show.figure import display
from ganlab.show.live import _WIDE, HandTrainedGAN, LiveGAN, interactive, training_scenes

PAD = Path(__file__).with_name("pad.js")
NONE = "none"
REMEDIES = (NONE, "PacGAN2", "Regularized GAN", "MDGAN", "MSGAN's term", "MMGAN", "NEMGAN", "RPGAN")
START = [(-1.5, -1.0), (1.5, -1.0), (0.0, 1.5)]  # the modes to begin with, when the data are drawn
DRAWN_SIGMA, WIDTH, EDGE = 0.05, 32, 3.0
DISCRIMINATORS = ("discriminator_optimiser", "manifold_optimiser")


class LabSession(HandTrainedGAN):
    """A hand-trained GAN from a recipe, with a remedy or without, on the recipe's data or on drawn ones.

    Without a remedy it is the recipe's own GAN. Remedies have the networks of chapter 09 (the discriminator's
    activation is a leaky ReLU) with the recipe's rates, momentum, batch and generator's loss (NEMGAN and MMGAN have one
    of their own), and their usual weights.
    """

    def __init__(self, name: str = "fast-generator", remedy: str = NONE, seed: int = 0):
        self.recipe, self.remedy = recipe(name), _known(remedy)
        chosen = self.recipe.settings
        super().__init__(
            chosen.target(), self._build, seed, chosen.discriminator_lr, chosen.generator_lr, chosen.batch, chosen.loss
        )

    def choose(self, name: str, remedy: str, drawn: Sequence[tuple[float, float]] | None = None) -> None:
        """Start again with another recipe, remedy, or modes of one's own; with the recipe's rates.

        Raises:
            GanlabError: no such recipe or remedy, or fewer than two modes. Then everything stays as it was.
        """
        chosen = recipe(name).settings
        target = chosen.target() if drawn is None else _drawn(drawn)
        self.recipe, self.remedy, self.mixture = recipe(name), _known(remedy), target
        self.rates = {"discriminator": chosen.discriminator_lr, "generator": chosen.generator_lr}
        self.batch, self.loss = chosen.batch, chosen.loss
        self.look_around(self.seed)
        self.reset(self.seed)

    def reset(self, seed: int) -> None:
        super().reset(seed)
        for player, rate in self.rates.items():  # also of a remedy's other players
            self.set_rate(player, rate)

    def set_rate(self, player: str, rate: float) -> None:
        """Of all networks on that side; NEMGAN's prior, which has a schedule, keeps its own."""
        self.rates[player] = rate
        for side, optimiser in self._optimisers():
            if side == player and optimiser is not getattr(self.method, "prior_optimiser", None):
                for group in optimiser.param_groups:
                    group["lr"] = rate

    def step(self, who: str, times: int = 1) -> None:
        """As of every hand-trained GAN; a remedy's other players keep still while one of them is trained alone."""
        if who == "both" or self.remedy == NONE:
            super().step(who, times)
            return
        with self._only(who):
            for _ in range(times):
                self.method.step(next(self.batches))
        self.updates[who] += times
        self._look()

    def judge(self, points: torch.Tensor) -> torch.Tensor:
        """A point beside itself for PacGAN's pairs; the mean of RPGAN's discriminators; no condition for MSGAN."""
        discriminator = self.method.discriminator
        if self.remedy == "PacGAN2":
            return discriminator(points.repeat_interleave(2, 0))
        if self.remedy == "MSGAN's term":
            return discriminator(points, points[..., :0])
        logits = discriminator(points)
        return logits.mean(0) if self.remedy == "RPGAN" else logits

    def sentence(self) -> str:
        """With the mass in place, beside what a perfect generator scores."""
        counts = mode_counts(self.samples, self.mixture)
        place = float(mass_in_place(counts, len(self.samples), self.mixture.weights))
        perfect = perfect_scores(len(self.samples), self.mixture)["mass_in_place"].mean
        return f"{super().sentence()} Mass in place {place:.2f} (of perfect samples {perfect:.2f}, at worst 0)."

    def _build(self, seed: int, discriminator_lr: float, generator_lr: float) -> Any:
        chosen = self.recipe.settings
        if self.remedy == NONE:
            method, _, _ = build(_with_rates(self.recipe, discriminator_lr, generator_lr), seed)
            return method
        contestant = CONTESTANTS[self.remedy]
        settings = dict(contestant.usual) | {"lr": discriminator_lr, "beta1": chosen.beta1}
        if "ratio" in settings:
            settings["ratio"] = generator_lr / discriminator_lr
        return contestant.build(Target("lab", self.mixture), Streams(seed, "weights"), WIDTH, **settings)

    @contextmanager
    def _only(self, who: str) -> Iterator[None]:
        """Only one side's optimisers take steps."""
        still = [optimiser for side, optimiser in self._optimisers() if side != who]
        for optimiser in still:
            optimiser.step = lambda *_, **__: None
        try:
            yield
        finally:
            for optimiser in still:
                del optimiser.step

    def _optimisers(self) -> list[tuple[str, torch.optim.Optimizer]]:
        """Each with the side that it is on, "discriminator" or "generator"."""
        parts = vars(self.method).items()
        return [
            ("discriminator" if name in DISCRIMINATORS else "generator", part)
            for name, part in parts
            if isinstance(part, torch.optim.Optimizer)
        ]


def _known(remedy: str) -> str:
    if remedy not in REMEDIES:
        raise GanlabError(f"remedy is {remedy!r}; choose one of {', '.join(REMEDIES)}.")
    return remedy


def _with_rates(chosen: Recipe, discriminator_lr: float, generator_lr: float) -> Recipe:
    return chosen.but(discriminator_lr=discriminator_lr, generator_lr=generator_lr)


def _drawn(points: Sequence[tuple[float, float]]) -> GaussianMixture:
    if len(points) < 2:
        raise GanlabError(f"Draw at least 2 modes; there {'is 1' if points else 'are none'}.")
    return mixture([list(point) for point in points], DRAWN_SIGMA, name="drawn mixture")


def drawing_pad(points: Sequence[tuple[float, float]] = START) -> Any:
    """A square of side 2 `EDGE` to draw modes on, by mouse or keyboard; its `points` are synchronised."""
    import anywidget
    import traitlets

    class DrawingPad(anywidget.AnyWidget):
        _esm = PAD
        points = traitlets.List().tag(sync=True)
        edge = traitlets.Float(EDGE).tag(sync=True)

        def __repr__(self) -> str:
            return "DrawingPad()"

    return DrawingPad(points=[list(point) for point in points])


class LiveLab(LiveGAN):
    """The live view of `LabSession`: above the buttons a recipe, a remedy, and the data."""

    def __init__(self, session: LabSession, chunk: int = 20):
        import ipywidgets

        super().__init__(session, chunk)
        titles = [(one.title, name) for name, one in recipes().items()]
        self.recipe = ipywidgets.Dropdown(options=titles, value=session.recipe.name, description="recipe", **_WIDE)
        self.remedy = ipywidgets.Dropdown(options=REMEDIES, value=session.remedy, description="remedy", **_WIDE)
        self.data = ipywidgets.Dropdown(options=["the recipe's", "my own"], description="data", **_WIDE)
        self.pad = drawing_pad()
        self.pad_place = ipywidgets.VBox([])
        for control in (self.recipe, self.remedy, self.data):
            control.observe(lambda _: self.choose(), "value")
        self.pad.observe(lambda _: self.choose(), "points")
        choices = ipywidgets.HBox([self.recipe, self.remedy, self.data], layout={"flex_flow": "row wrap"})
        self.widget.children = (choices, self.pad_place, *self.widget.children)

    def choose(self) -> None:
        """Start again with what is chosen."""
        self._stop()
        own = self.data.value == "my own"
        self.pad_place.children = (self.pad,) if own else ()
        with self.spoken():
            self.session.choose(
                self.recipe.value, self.remedy.value, [tuple(point) for point in self.pad.points] if own else None
            )
            rates = self.session.rates
            self.discriminator_rate.value, self.generator_rate.value = rates["discriminator"], rates["generator"]
            self.loss.value = self.session.loss
            self.loss.disabled = self.remedy.value != NONE  # a remedy keeps the recipe's
            self.draw()


def live_lab(name: str = "fast-generator", remedy: str = NONE, seed: int = 0) -> None:
    """Play with recipes, remedies and data: buttons in JupyterLab, a strip of four scenes without a front end.

    Args:
        name: of the recipe to begin with (`ganlab.recipes`).
        remedy: one of `REMEDIES`.
    """
    session = LabSession(name, remedy, seed)
    if not interactive():
        display(training_scenes(session))
        return
    from IPython.display import display as show

    show(LiveLab(session).widget)
