"""Figures with alt text, live views that degrade to figures, and the player of recorded runs."""

from ganlab.metrics.intervals import bootstrap_interval
from ganlab.show.compare import heatmap, image_grid, interval_table, strip
from ganlab.show.curves import coverage_over_steps, loss_curves, metric_over_steps
from ganlab.show.figure import alt_of, display, heading, headline, new_figure, with_alt
from ganlab.show.lab import live_lab
from ganlab.show.live import (
    HandTrainedGAN,
    Live,
    choice,
    explore,
    interactive,
    live_gan,
    slider,
    training_scenes,
)
from ganlab.show.planar import discriminator_field, extent_of, many_seeds, samples_over_target, trajectories
from ganlab.show.player import player, player_html
from ganlab.show.trace import TraceRecorder, film_strip, load_trace

__all__ = [
    "HandTrainedGAN",
    "Live",
    "TraceRecorder",
    "alt_of",
    "bootstrap_interval",
    "choice",
    "coverage_over_steps",
    "discriminator_field",
    "display",
    "explore",
    "extent_of",
    "film_strip",
    "heading",
    "headline",
    "heatmap",
    "image_grid",
    "interactive",
    "interval_table",
    "live_gan",
    "live_lab",
    "load_trace",
    "loss_curves",
    "many_seeds",
    "metric_over_steps",
    "new_figure",
    "player",
    "player_html",
    "samples_over_target",
    "slider",
    "strip",
    "training_scenes",
    "trajectories",
    "with_alt",
]
