"""Views that answer: sliders, buttons and running training where there is a front end, else a figure.

Nothing here runs in a thread. A click does a bounded piece of work; a running view trains a few steps, draws,
and gives the kernel back to its event loop before the next few.
"""

from __future__ import annotations

import asyncio
import html
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.figure import Figure

from ganlab.data.mixtures import GaussianMixture, ring
from ganlab.errors import GanlabError
from ganlab.methods.gan import GAN, GENERATOR_LOSSES
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.show.curves import draw_metric
from ganlab.show.figure import (
    FAKE,
    REAL,
    alt_of,
    display,
    heading,
    legend_below,
    mimebundle,
    new_figure,
    placed_figure,
    png,
    with_alt,
)
from ganlab.show.planar import believes, coverage_of, draw_field, draw_target, extent_of, field_key


def interactive() -> bool:
    """Whether live views may be shown: there is a Jupyter kernel, and GANLAB_INTERACTIVE is not 0."""
    if os.environ.get("GANLAB_INTERACTIVE", "1") == "0":
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


# Controls -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slider:
    """A number in a range; on a logarithmic scale with `log`."""

    default: float
    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.default <= self.high:
            raise GanlabError(f"The slider starts at {self.default}, outside [{self.low}, {self.high}].")
        if self.log and self.low <= 0:
            raise GanlabError(f"A logarithmic slider cannot start at {self.low}: give a positive low end.")

    def widget(self, name: str) -> Any:
        import ipywidgets

        look = {"description": name, "continuous_update": False, **_WIDE}
        if self.log:
            return ipywidgets.FloatLogSlider(
                value=self.default,
                base=10,
                min=math.log10(self.low),
                max=math.log10(self.high),
                step=self.step or 0.05,
                readout_format=".1e",
                **look,
            )
        whole = all(float(x).is_integer() for x in (self.default, self.low, self.high, self.step or 1))
        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        step = self.step or (1 if whole else (self.high - self.low) / 100)
        return kind(value=self.default, min=self.low, max=self.high, step=step, **look)


@dataclass(frozen=True)
class Choice:
    """One of several options; the first is the default."""

    options: tuple[Any, ...]

    @property
    def default(self) -> Any:
        return self.options[0]

    def widget(self, name: str) -> Any:
        import ipywidgets

        return ipywidgets.Dropdown(options=self.options, value=self.default, description=name, **_WIDE)


_WIDE = {"style": {"description_width": "9.5em"}, "layout": {"width": "24em"}}
_AS_DRAWN = {"align_self": "flex-start", "max_width": "100%"}  # a box would stretch the picture to its width


def slider(default: float, low: float, high: float, step: float | None = None, log: bool = False) -> Slider:
    """A control for a number; whole numbers give a slider of whole numbers."""
    return Slider(default, low, high, step, log)


def choice(*options: Any) -> Choice:
    """A control for one of several options, the first being the default."""
    if not options:
        raise GanlabError("A choice needs at least one option.")
    return Choice(options)


def explore(draw: Callable[..., Figure], **controls: Slider | Choice) -> None:
    """Show a figure with a control for each argument; without a front end, the figure at the defaults.

    Args:
        draw: keyword arguments, one for each control, to a Figure with alt text.
        controls: `slider(...)` or `choice(...)` by argument name.
    """
    defaults = {name: control.default for name, control in controls.items()}
    if not interactive():
        display(draw(**defaults))
        return
    from IPython.display import display as show

    show(explorer(draw, **controls))


def explorer(draw: Callable[..., Figure], **controls: Slider | Choice) -> Any:
    """The widget that `explore` shows."""
    import ipywidgets

    widgets = {name: control.widget(name.replace("_", " ")) for name, control in controls.items()}
    image, said = ipywidgets.Image(format="png", layout=_AS_DRAWN), ipywidgets.HTML()

    def update(_: Any = None) -> None:
        with _spoken(said):
            figure = draw(**{name: widget.value for name, widget in widgets.items()})
            image.value = png(figure, optimise=False)
            said.value = _status(alt_of(figure), hidden=True)

    for widget in widgets.values():
        widget.observe(update, "value")
    update()
    return ipywidgets.VBox([*widgets.values(), image, said])


def _status(text: str, hidden: bool = False) -> str:
    """A line that a screen reader speaks when it changes."""
    clip = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap"
    look = clip if hidden else "line-height:1.5;font-size:14px"
    return f'<div role="status" aria-live="polite" style="{look}">{html.escape(text)}</div>'


class _spoken:
    """Say an error of a callback in its status line: a front end shows no traceback of a callback."""

    def __init__(self, said: Any):
        self.said = said

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: Any) -> bool:
        if not isinstance(error, Exception):
            return False
        words = str(error) if isinstance(error, GanlabError) else f"{kind.__name__}: {error}"
        self.said.value = f'<div role="alert" style="color:#a33c00">{html.escape(words)}</div>'
        return True


class Live:
    """A figure that is drawn again while a cell trains; without a front end, only its last state is shown.

    >>> live = Live(draw, every=100)            # doctest: +SKIP
    >>> for step in range(2000):                # doctest: +SKIP
    ...     method.step(next(batches))
    ...     live.update(step, method)
    >>> live.close()                            # doctest: +SKIP
    """

    def __init__(self, draw: Callable[..., Figure], every: int = 1):
        if every < 1:
            raise GanlabError(f"every is {every}: draw at least every 1 update.")
        self.draw, self.every = draw, every
        self._count, self._last, self._shown, self._handle = 0, None, None, None

    def update(self, *arguments: Any) -> None:
        """Call at every step; it draws at every `every`th."""
        self._count, self._last = self._count + 1, arguments
        if interactive() and self._count % self.every == 0:
            self._show()

    def close(self) -> None:
        """Draw the last state, if it is not on show already."""
        if self._last is None:
            raise GanlabError("Nothing was drawn: call update(...) before close().")
        if self._handle is None or self._shown != self._count:
            self._show()

    def _show(self) -> None:
        figure = self.draw(*self._last)
        if not interactive():
            display(figure)
            return
        from IPython.display import display as show

        data, metadata = mimebundle(figure)
        if self._handle is None:
            self._handle = show(data, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(data, metadata=metadata, raw=True)
        self._shown = self._count


# A GAN that you train by hand ---------------------------------------------------------------------------


def small_gan(seed: int, discriminator_lr: float, generator_lr: float, width: int = 64) -> GAN:
    """A 2D GAN small enough to answer a click: two hidden layers a player."""
    rng = Streams(seed)
    return GAN(
        MLP([2, width, width, 2], rng=rng.for_purpose("generator")),
        MLP([2, width, width, 1], rng=rng.for_purpose("discriminator"), scalar=True),
        rng=rng,
        lr=discriminator_lr,
        generator_lr=generator_lr,
    )


class HandTrainedGAN:
    """A GAN with its history, trained some steps at a time; it knows nothing of widgets.

    Args:
        mixture: the target.
        build: (seed, discriminator_lr, generator_lr) to a method with `discriminator_step(real)`,
            `generator_step(n)`, `step(real)`, `sample(n)`, `discriminator` and the two optimisers.
        batch: samples a step.
    """

    def __init__(
        self,
        mixture: GaussianMixture | None = None,
        build: Callable[[int, float, float], GAN] = small_gan,
        seed: int = 0,
        discriminator_lr: float = 1e-3,
        generator_lr: float = 1e-3,
        batch: int = 128,
        loss: str = "non-saturating",
    ):
        self.mixture = ring() if mixture is None else mixture
        self.build, self.batch = build, batch
        self.rates = {"discriminator": discriminator_lr, "generator": generator_lr}
        self.loss = loss
        self.look_around(seed)
        self.reset(seed)

    def look_around(self, seed: int) -> None:
        """What is shown of the mixture: the frame, and some real points."""
        self.extent = extent_of(self.mixture, 0.5)
        self.real = self.mixture.sample(256, seed)

    def judge(self, points: torch.Tensor) -> torch.Tensor:
        """The discriminator's logits of n points, (n,)."""
        return self.method.discriminator(points)

    def reset(self, seed: int) -> None:
        """New networks and new data from this seed."""
        self.seed = seed
        self.method = self.build(seed, self.rates["discriminator"], self.rates["generator"])
        self.batches = self.mixture.batches(self.batch, seed)
        self.updates = {"discriminator": 0, "generator": 0}
        self.history: dict[str, list[float]] = {"updates": [], "modes": [], "at real": [], "at fake": []}
        self.choose_loss(self.loss)
        self._look()

    def choose_loss(self, loss: str) -> None:
        """The generator's loss from now on."""
        if loss not in GENERATOR_LOSSES:
            raise GanlabError(f"loss is {loss!r}; choose one of {', '.join(GENERATOR_LOSSES)}.")
        self.loss, self.method.loss = loss, GENERATOR_LOSSES[loss]

    def set_rate(self, player: str, rate: float) -> None:
        """The learning rate of "discriminator" or "generator" from now on."""
        self.rates[player] = rate
        for group in getattr(self.method, f"{player}_optimiser").param_groups:
            group["lr"] = rate

    def step(self, who: str, times: int = 1) -> None:
        """Train "discriminator", "generator" or "both" `times` times, then look."""
        for _ in range(times):
            if who == "both":
                self.method.step(next(self.batches))
            elif who == "discriminator":
                self.method.discriminator_step(next(self.batches))
            else:
                self.method.generator_step(self.batch)
        for player in self.updates:
            self.updates[player] += times if who in (player, "both") else 0
        self._look()

    @torch.no_grad()
    def _look(self) -> None:
        self.samples = self.method.sample(1000)
        self.coverage = coverage_of(self.samples, self.mixture)
        self.history["updates"].append(sum(self.updates.values()))
        self.history["modes"].append(self.coverage.count)
        for name, points in (("at real", self.real), ("at fake", self.samples)):
            self.history[name].append(float(torch.sigmoid(self.judge(points)).mean()))

    def sentence(self) -> str:
        at_real, at_fake = self.history["at real"][-1], self.history["at fake"][-1]
        return (
            f"{self.updates['discriminator']} steps of D, {self.updates['generator']} of G: "
            f"{self.coverage.finding()}, {100 * self.coverage.high_quality:.0f} % within 3 sigma. "
            f"D is {at_real:.2f} at real, {at_fake:.2f} at fake."
        )

    def draw_panel(self, axes: Any, size: float = 1.0) -> Any:
        """Field, arrows, samples and modes on given axes; returns the image of the field."""
        _, image = draw_field(
            axes,
            self.judge,
            self.samples[:200],
            self.real,
            self.extent,
            self.loss,
            arrows=round(28 * size),
            resolution=81,
            size=size,
        )
        draw_target(axes, self.mixture, self.coverage.covered, self.extent, ring=7.0 * size)
        return image

    def draw(self) -> Figure:
        """The state as a figure: the plane at the left, modes and beliefs over updates at the right."""
        places = {
            "plane": (0.05, 0.1, 0.43, 0.83),
            "bar": (0.49, 0.2, 0.008, 0.63),
            "modes": (0.6, 0.59, 0.3, 0.34),
            "beliefs": (0.6, 0.12, 0.3, 0.34),
        }
        figure, panels = placed_figure(9.2, 4.75, places)
        plane, top, bottom = panels["plane"], panels["modes"], panels["beliefs"]
        believes(figure, self.draw_panel(plane), cax=panels["bar"])
        heading(plane, self.coverage.finding())
        updates, history, modes = self.history["updates"], self.history, self.mixture.modes
        draw_metric(top, updates, history["modes"], "modes", None, modes, whole=True, limits=(-0.3, modes * 1.06))
        heading(top, "modes covered")
        top.set_xlabel("")
        beliefs = {"real": history["at real"], "fake": history["at fake"]}
        draw_metric(bottom, updates, beliefs, "D", colours=(REAL, FAKE), limits=(-0.04, 1.04))
        bottom.axhline(0.5, color="#9a9a9a", linewidth=0.9, linestyle="--", zorder=1)
        heading(bottom, "D, on average")
        bottom.set_xlabel("updates of either player")
        return with_alt(figure, f"Discriminator's field with samples, real points and modes. {self.sentence()}")


SCENES = (
    ("Start", None, 0),
    ("50 steps of D alone", "discriminator", 50),
    ("then 50 of G alone", "generator", 50),
    ("then 500 of both", "both", 500),
)


def training_scenes(session: HandTrainedGAN, scenes: Sequence[tuple[str, str | None, int]] = SCENES) -> Figure:
    """The view as a figure: a panel for each scene of real training, (heading, who, steps)."""
    figure, ((axes),) = new_figure(9.4, 3.4, 1, len(scenes))
    words, image = [], None
    for panel, (name, who, times) in zip(axes, scenes, strict=True):
        if who:
            session.step(who, times)
        image = session.draw_panel(panel, size=0.6)
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_title(name, loc="left", fontsize=10, fontweight="bold")
        panel.set_xlabel(
            f"{session.coverage.finding()}\nD: {session.history['at real'][-1]:.2f} real, "
            f"{session.history['at fake'][-1]:.2f} fake",
            fontsize=9.5,
        )
        words.append(f"{name}: {session.sentence()}")
    believes(figure, image, ax=list(axes))
    field_key(axes[0])
    legend_below(figure, handles=axes[0].get_legend_handles_labels()[0], loc="outside lower center")
    return with_alt(figure, f"Discriminator's field, samples and the generator's next moves. {' '.join(words)}")


class LiveGAN:
    """The live view: step D, step G, step both, run, pause, reset; learning rates, loss and seed.

    `live_gan()` shows it; tests press its buttons by calling their methods.
    """

    def __init__(self, session: HandTrainedGAN, chunk: int = 20, limit: int = 20_000):
        import ipywidgets

        self.session, self.chunk, self.limit = session, chunk, limit
        self.running = False
        self._task: asyncio.Task | None = None

        def button(text: str, act: Callable[[], None], hint: str) -> Any:
            widget = ipywidgets.Button(description=text, tooltip=hint, layout={"width": "auto"})
            widget.on_click(lambda _: act())
            return widget

        self.times = ipywidgets.Dropdown(
            options=[1, 10, 100],
            value=10,
            description="steps a click",
            style={"description_width": "initial"},
        )
        self.times.layout.width = "11em"
        self.step_discriminator = button("Step D", lambda: self.step("discriminator"), "Train the discriminator")
        self.step_generator = button("Step G", lambda: self.step("generator"), "Train the generator")
        self.step_both = button("Step both", lambda: self.step("both"), "Train both in turn")
        self.run_button = button("Run", self.run_or_pause, "Train both until you pause")
        self.reset_button = button("Reset", self.reset, "New networks from the seed")
        rates = session.rates
        self.discriminator_rate = slider(rates["discriminator"], 1e-5, 1e-1, log=True).widget("learning rate of D")
        self.generator_rate = slider(rates["generator"], 1e-5, 1e-1, log=True).widget("learning rate of G")
        self.seed = slider(session.seed, 0, max(20, session.seed)).widget("seed")
        self.loss = ipywidgets.Dropdown(
            options=list(GENERATOR_LOSSES), value=session.loss, description="loss of G", **_WIDE
        )
        self.image, self.said = ipywidgets.Image(format="png", layout=_AS_DRAWN), ipywidgets.HTML()

        self.discriminator_rate.observe(lambda change: session.set_rate("discriminator", change["new"]), "value")
        self.generator_rate.observe(lambda change: session.set_rate("generator", change["new"]), "value")
        self.loss.observe(self._choose_loss, "value")
        self.seed.observe(lambda _: self.reset(), "value")
        buttons = [
            self.step_discriminator,
            self.step_generator,
            self.step_both,
            self.run_button,
            self.reset_button,
        ]
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([*buttons, self.times], layout={"flex_flow": "row wrap"}),
                ipywidgets.HBox([self.discriminator_rate, self.generator_rate], layout={"flex_flow": "row wrap"}),
                ipywidgets.HBox([self.seed, self.loss], layout={"flex_flow": "row wrap"}),
                self.said,
                self.image,
            ]
        )
        self.draw()

    def spoken(self) -> _spoken:
        """Within it, an error becomes the view's sentence."""
        return _spoken(self.said)

    def draw(self) -> None:
        with _spoken(self.said):
            self.image.value = png(self.session.draw(), optimise=False)
            self.said.value = _status(self.session.sentence())

    def step(self, who: str) -> None:
        self._stop()
        with _spoken(self.said):
            self.session.step(who, self.times.value)
        self.draw()

    def reset(self) -> None:
        self._stop()
        with _spoken(self.said):
            self.session.reset(self.seed.value)
        self.draw()

    def _choose_loss(self, change: dict) -> None:
        self.session.choose_loss(change["new"])
        self.draw()

    def run_or_pause(self) -> None:
        if self.running:
            self._stop()
        else:
            self.running, self.run_button.description = True, "Pause"
            self._task = asyncio.get_running_loop().create_task(self.run())

    def _stop(self) -> None:
        self.running, self.run_button.description = False, "Run"

    async def run(self) -> None:
        """Train in chunks until paused, or for `limit` steps; in between the kernel hears other messages."""
        try:
            with _spoken(self.said):
                for _ in range(-(-self.limit // self.chunk)):
                    if not self.running:
                        break
                    self.session.step("both", self.chunk)
                    self.draw()
                    await asyncio.sleep(0.02)
        finally:
            self._stop()


def live_gan(
    mixture: GaussianMixture | None = None,
    build: Callable[[int, float, float], GAN] = small_gan,
    seed: int = 0,
    discriminator_lr: float = 1e-3,
    generator_lr: float = 1e-3,
    batch: int = 128,
) -> None:
    """Train a 2D GAN by hand: buttons in JupyterLab, a strip of four scenes without a front end.

    Args:
        mixture: the target; the ring of 8 when not given.
        build: (seed, discriminator_lr, generator_lr) to a method, for example one with your own losses.
    """
    session = HandTrainedGAN(mixture, build, seed, discriminator_lr, generator_lr, batch)
    if not interactive():
        display(training_scenes(session))
        return
    from IPython.display import display as show

    show(LiveGAN(session).widget)
