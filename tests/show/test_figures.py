"""Figures: what they say is what the data holds, and the reader's own plots are left alone."""

import io
import math

import numpy as np
import pytest
import torch
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from ganlab import show
from ganlab.data.mixtures import grid, mixture, ring, unequal_ring
from ganlab.errors import GanlabError
from ganlab.metrics.modes import high_quality_share, modes_covered
from ganlab.show.compare import as_pixels
from ganlab.show.figure import DPI, PALETTE, contrast, for_text, mimebundle, number, png, spread_labels
from ganlab.show.planar import cell_centres, coverage_of, field_on_grid, generator_pull


def collapsed(target, modes, n=300):
    """Points at these modes only, all within 3 sigma."""
    chosen = torch.tensor(modes).repeat(-(-n // len(modes)))[:n]
    noise = torch.randn(n, 2, generator=torch.Generator().manual_seed(0)).clamp(-2, 2)
    return target.centres[chosen] + target.sigma[chosen, None] * noise


def logits(points):
    """A discriminator whose gradient is known: logit = x0 - 2 x1."""
    return points[..., 0] - 2 * points[..., 1]


STEPS = [0, 100, 200]
COUNTS = np.array([[0, 2, 3], [0, 4, 8], [0, 1, 1]])


def every_figure():
    target = ring()
    samples = collapsed(target, [0, 3])
    pictures = np.zeros((6, 1, 4, 4), np.uint8)
    yield show.samples_over_target(samples, target)
    yield show.samples_over_target(samples, unequal_ring())
    yield show.samples_over_target(samples, ring(sigma=0.1))
    yield show.many_seeds(torch.stack([samples] * 5), target)
    yield show.many_seeds(torch.stack([samples] * 12), target, "Many", columns=6)
    yield show.discriminator_field(logits, samples, target.sample(50, 0), show.extent_of(target))
    yield show.trajectories([[[0, 0], [1, 1]]], field=lambda points: -points, labels=["down"])
    yield show.coverage_over_steps(STEPS, COUNTS, modes=8)
    yield show.metric_over_steps(STEPS, {"GAN": COUNTS, "PacGAN": COUNTS + 1}, "reverse KL", 0, 9)
    yield show.loss_curves(STEPS, {"discriminator": COUNTS, "generator": COUNTS}, equilibrium=2 * math.log(2))
    yield show.strip({"GAN": [1, 2, 2], "MDGAN": [8, 8, 7]}, "modes covered", 1, 8)
    yield show.heatmap([[1, np.nan], [3, 4]], ["a", "b"], ["x", "y"], "z")
    yield show.image_grid(pictures, 2, ["real", "fake"])


@pytest.fixture(scope="module")
def figures():
    return list(every_figure())


def test_every_figure_has_alt_text_a_modest_png_and_the_width_of_a_notebook(figures):
    for figure in figures:
        assert isinstance(figure, Figure)
        alt, data = show.alt_of(figure), png(figure)
        image = Image.open(io.BytesIO(data))
        assert len(alt) > 30 and alt.endswith("."), alt
        assert image.width <= 9.6 * DPI and len(data) < 150_000, (alt, image.size, len(data))
        assert len(image.convert("RGB").getcolors(1 << 20)) > 3, alt  # not a blank sheet


def test_all_words_in_figures_stand_out_from_their_ground(figures):
    """WCAG 2 asks 4.5 of small text; words on a heat map's cells stand on the cell's colour."""
    too_pale = []
    for figure in figures:
        for axes in figure.axes:
            cells = axes.images[0] if axes.images else None
            for text in axes.findobj(Text):
                if not text.get_visible() or not text.get_text().strip():
                    continue
                on_cell = cells is not None and text in axes.texts
                ground = "white"
                if on_cell:
                    column, row = map(round, text.get_position())
                    value = cells.get_array()[row, column]
                    ground = axes.patch.get_facecolor() if np.ma.is_masked(value) else cells.cmap(cells.norm(value))
                if contrast(text.get_color(), ground) < 4.5:
                    too_pale.append((text.get_text(), text.get_color(), ground))
    assert not too_pale


def test_colour_is_never_the_only_difference(figures):
    """Curves of two colours have two markers; filled points of two colours have two shapes."""
    alike = []
    for figure in figures:
        for axes in figure.axes:
            curves, points = {}, {}
            for line in axes.lines:
                if len(line.get_xdata()) > 2 and line.get_marker() != "None":
                    curves[line.get_color()] = line.get_marker()
            for marks in axes.collections:
                if isinstance(marks, PathCollection) and len(colours := marks.get_facecolor()):
                    if colours[0][3] > 0.3 and contrast(colours[0]) > 1.1 and len(marks.get_offsets()):
                        points[tuple(colours[0])] = marks.get_paths()[0].vertices.tobytes()
            alike += [found for found in (curves, points) if len(set(found.values())) < len(found)]
    assert not alike


def test_a_colour_becomes_readable_and_a_dark_one_stays():
    assert contrast("black") == pytest.approx(21) and contrast("#767676") == pytest.approx(4.54, abs=0.01)
    assert for_text("#262626") == "#262626"
    for colour in PALETTE:
        assert contrast(for_text(colour)) >= 4.5


def test_no_figure_touches_pyplot(figures):
    import matplotlib.pyplot as pyplot

    assert pyplot.get_fignums() == [] and pyplot.rcParams["font.size"] == 10


def test_the_same_figure_gives_the_same_bytes():
    target = ring()
    first, second = (png(show.samples_over_target(collapsed(target, [1]), target)) for _ in range(2))
    assert first == second


def test_display_emits_one_image_with_alt_text_and_the_same_words_as_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *values, **options: shown.append((values, options)))
    target = ring()
    show.display(show.samples_over_target(collapsed(target, [1]), target))
    ((data,), options) = shown[0]
    alt = options["metadata"]["image/png"]["alt"]
    assert len(shown) == 1 and options["raw"]
    assert set(data) == {"image/png", "text/plain"} and data["text/plain"] == f"Figure: {alt}"


def test_a_figure_as_the_last_expression_shows_its_alt_text():
    from IPython.core.interactiveshell import InteractiveShell

    figure = show.coverage_over_steps(STEPS, COUNTS, modes=8)
    data, metadata = InteractiveShell.instance().display_formatter.format(figure)
    assert data["text/plain"] == f"Figure: {figure.alt}" and metadata["image/png"]["alt"] == figure.alt


def test_a_figure_of_ones_own_gets_its_alt_text_and_one_without_is_refused():
    figure = Figure()
    with pytest.raises(GanlabError, match="with_alt"):
        show.display(figure)
    assert show.alt_of(show.with_alt(figure, "A line\n  from 0 to 1.")) == "A line from 0 to 1."
    assert mimebundle(figure)[0]["text/plain"] == "Figure: A line from 0 to 1."
    with pytest.raises(GanlabError, match="empty"):
        show.with_alt(figure, "  ")


@pytest.mark.parametrize("target", [ring(), grid(), unequal_ring()], ids=lambda target: target.name)
def test_coverage_is_that_of_the_metrics(target):
    samples = torch.cat([collapsed(target, [0, 2]), torch.full((50, 2), 0.3)])
    coverage = coverage_of(samples, target)
    assert coverage.count == int(modes_covered(samples, target))
    assert coverage.high_quality == pytest.approx(float(high_quality_share(samples, target)))


def test_samples_say_which_modes_are_covered_and_which_missing():
    target = ring()
    figure = show.samples_over_target(collapsed(target, [0, 3]), target)
    assert figure.axes[0].get_title(loc="left") == "2 of 8 modes"
    assert "covered: 0 and 3; missing: 1, 2, 4, 5, 6 and 7" in figure.alt
    crosses = [marks for marks in figure.axes[0].collections if len(marks.get_paths()[0].vertices) == 4]
    places = np.concatenate([np.asarray(marks.get_offsets()) for marks in crosses if len(marks.get_offsets())])
    np.testing.assert_allclose(places, target.centres[[1, 2, 4, 5, 6, 7]].numpy(), atol=1e-6)


def test_points_outside_the_frame_are_counted():
    target = ring()
    samples = torch.cat([collapsed(target, [0]), torch.full((7, 2), 50.0)])
    assert "7 points lie outside the frame" in show.samples_over_target(samples, target).alt


def test_narrow_modes_get_a_ring_that_can_be_seen_and_wide_ones_their_true_circles():
    target = ring()
    narrow = show.samples_over_target(collapsed(target, [0]), target).axes[0]
    wide = show.samples_over_target(target.sample(50, 0), ring(sigma=0.1)).axes[0]
    assert not narrow.patches
    assert [round(circle.radius, 6) for circle in wide.patches[:3]] == [0.3, 0.2, 0.1]


def test_many_seeds_counts_each_seed_and_names_methods():
    target = ring()
    seeds = torch.stack([collapsed(target, list(range(count))) for count in (1, 5, 8)])
    figure = show.many_seeds(seeds, target)
    assert [axes.get_title() for axes in figure.axes[:3]] == [
        "seed 0: 1 of 8",
        "seed 1: 5 of 8",
        "seed 2: 8 of 8",
    ]
    assert "Median 5 of 8" in figure.alt
    named = show.many_seeds(seeds, target, labels=["GAN", "PacGAN2", "MDGAN"])
    assert "GAN: 1 of 8 modes; PacGAN2: 5 of 8 modes; MDGAN: 8 of 8 modes" in named.alt


def test_the_generators_pull_is_minus_the_gradient_of_its_loss():
    points = torch.tensor([[0.3, -0.2], [2.0, 1.0]], dtype=torch.float64)
    probability = 1 / (1 + np.exp(-(points[:, 0] - 2 * points[:, 1]).numpy()))[:, None]
    direction = np.array([[1.0, -2.0]])
    np.testing.assert_allclose(generator_pull(logits, points), (1 - probability) * direction, rtol=1e-5)
    np.testing.assert_allclose(generator_pull(logits, points, "minimax"), probability * direction, rtol=1e-5)
    with pytest.raises(GanlabError, match="choose one of"):
        generator_pull(logits, points, "wasserstein")


def test_the_pull_leaves_no_gradient_in_the_discriminator():
    network = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Flatten(0))
    generator_pull(network, torch.zeros(3, 2))
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_field_is_evaluated_at_cell_centres_with_row_0_at_the_bottom():
    extent = (0.0, 4.0, -2.0, 2.0)
    x, y = cell_centres(extent, 4)
    np.testing.assert_allclose(x, [0.5, 1.5, 2.5, 3.5])
    np.testing.assert_allclose(y, [-1.5, -0.5, 0.5, 1.5])
    field = field_on_grid(logits, extent, 4)
    np.testing.assert_allclose(field, 1 / (1 + np.exp(-(x[None] - 2 * y[:, None]))), rtol=1e-5)


def test_a_discriminator_that_never_crosses_a_half_is_drawn_without_a_warning(recwarn):
    samples = torch.zeros(3, 2)
    png(show.discriminator_field(lambda points: points[:, 0] * 0 + 3, samples, samples, (-1, 1, -1, 1)))
    assert not recwarn.list


def test_trajectories_tell_where_they_started_and_ended():
    figure = show.trajectories([[[1, 0], [0, 1], [0, 0.5]]], labels=["plain"])
    assert "plain: 2 steps from (1, 0) to (0, 0.5), distance to the equilibrium 1 then 0.5" in figure.alt


def test_curves_draw_every_seed_and_the_median():
    figure = show.coverage_over_steps(STEPS, COUNTS, modes=8, floor=1)
    lines = [line.get_ydata() for line in figure.axes[0].lines]
    for seed in COUNTS:
        assert any(np.array_equal(line, seed) for line in lines)
    assert any(np.array_equal(line, [0, 2, 3]) for line in lines)
    assert "median 0 at step 0, 3 at step 200 (seeds from 1 to 8)" in figure.alt
    assert "ceiling 8, floor 1" in figure.alt and figure.axes[0].get_title(loc="left").startswith("All 8 modes")


def test_thin_and_thick_lines_are_named_where_there_are_both():
    many, one = (show.metric_over_steps(STEPS, values, "KL") for values in ({"GAN": COUNTS}, {"GAN": COUNTS[0]}))
    assert "median" in many.axes[0].get_xlabel() and one.axes[0].get_xlabel() == "training steps"


def test_curves_over_something_else_say_so():
    figure = show.metric_over_steps([-1, 0.5], [2, 3], "pull", x_label="logit")
    assert figure.alt == "pull over logit. 2 at −1, 3 at 0.5." and figure.axes[0].get_xlabel() == "logit"


def test_curves_bear_missing_values():
    figure = show.metric_over_steps(STEPS, [[np.nan, 1, 2], [np.nan, 3, np.nan]], "spread")
    assert "n/a at step 0" in figure.alt and "2 at step 200" in figure.alt
    png(figure)
    strip = show.strip({"GAN": [np.nan, 2, 4], "NaN": [np.nan]}, "spread")
    assert "GAN: mean 3" in strip.alt and "2 seeds, 1 without a value; NaN: no value" in strip.alt
    png(strip)


def test_an_interval_lies_below_its_dots_and_one_value_has_none():
    numbers = {"GAN": [8.0] * 10, "MDGAN": [1.0, 2.0, 2.0], "RPGAN": [5.0]}
    figure = show.strip(numbers, "modes covered", 1, 8)
    (axes,) = figure.axes
    bars = {tuple(line.get_ydata()) for line in axes.lines if line.get_linewidth() == 2.2}
    for row, marks in enumerate(axes.collections):
        heights = np.asarray(marks.get_offsets())[:, 1]
        own = [y for bar in bars for y in bar if row - 0.5 < y <= row + 0.5]
        assert (heights > row - 0.5).all() and len(set(map(tuple, marks.get_offsets()))) == len(heights)
        assert bool(own) == (len(heights) > 1) and all(y > heights.max() for y in own)
    assert "RPGAN: 5, one seed" in figure.alt and "GAN: mean 8, 95 % interval 8 to 8, 10 seeds" in figure.alt
    assert "5" in [text.get_text() for text in axes.texts]
    alone = show.strip({"GAN": [1.0], "MDGAN": [2.0]}, "modes covered")
    assert "interval" not in alone.alt + alone.axes[0].get_xlabel()


@pytest.mark.parametrize(("floor", "ceiling"), [(0, 1), (1, 0), (0.5, 0.6), (0.6, 0.5), (None, 1), (1, None)])
def test_the_names_of_floor_and_ceiling_keep_off_each_other(floor, ceiling):
    figure = show.strip({"GAN": [0.0, 0.4, 1.0]}, "share", floor, ceiling)
    png(figure)
    names = [text for text in figure.axes[0].texts if text.get_text().startswith(("floor", "ceiling"))]
    boxes = [text.get_window_extent() for text in names]
    assert len(boxes) == (floor is not None) + (ceiling is not None)
    assert len(boxes) < 2 or not boxes[0].overlaps(boxes[1])


def test_more_groups_than_colours_have_one_look():
    few, many = (show.strip({f"method {n}": [n, n + 1] for n in range(count)}, "modes") for count in (6, 7))
    looks = [{marks.get_facecolor().tobytes() for marks in figure.axes[0].collections} for figure in (few, many)]
    assert [len(found) for found in looks] == [6, 1]


def test_names_at_the_ends_of_curves_are_apart_from_their_values():
    figure = show.loss_curves(STEPS, {"m = 8": [1, 2, 2.06], "D": [1, 1, 1]}, equilibrium=1.386)
    assert [text.get_text() for text in figure.axes[0].texts] == ["m = 8: 2.06", "D: 1", "equilibrium 1.39"]
    assert figure.alt.endswith("equilibrium 1.39.")


@pytest.mark.parametrize(
    ("centre", "better", "name"),
    [(None, None, "cividis"), (None, "low", "cividis_r"), (0, None, "PuOr_r"), (0, "high", "PuOr")],
)
def test_the_colour_of_what_is_good(centre, better, name):
    figure = show.heatmap([[1, -2]], ["GAN"], ["a", "b"], "JSD", "By class", centre=centre, better=better)
    assert figure.axes[0].images[0].cmap.name == name
    assert ("lower is better" in figure.alt) == ("lower is better" in figure.axes[0].get_xlabel()) == (better == "low")


def test_the_bootstrap_interval_is_repeatable_and_near_the_normal_one():
    values = np.random.default_rng(3).normal(5, 2, 200)
    mean, low, high = show.bootstrap_interval(values)
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((mean - 1.96 * error, mean + 1.96 * error), abs=0.05)
    assert show.bootstrap_interval(values) == (mean, low, high)
    assert show.bootstrap_interval([4.0]) == (4.0, 4.0, 4.0)


def test_tables_show_intervals_as_text_html_and_markdown():
    table = show.interval_table(
        [{"method": "GAN <b>", "modes": (5.25, 3.9, 6.4), "seeds": 8}, {"method": "MDGAN", "modes": 8.0}],
        "Ring",
    )
    assert repr(table).splitlines() == [
        "Ring",
        "method             modes  seeds",
        "───────────────────────────────",
        "GAN <b> 5.25 [3.9, 6.4]      8".replace("GAN <b> ", "GAN <b>  "),
        "MDGAN                  8      –",
    ]
    assert "GAN &lt;b&gt;" in table._repr_html_() and '<th scope="row"' in table._repr_html_()
    assert "| MDGAN | 8 | – |" in table._repr_markdown_()


def test_images_are_the_same_as_bytes_and_as_floats():
    values = torch.arange(256, dtype=torch.uint8).reshape(4, 1, 8, 8)
    np.testing.assert_array_equal(as_pixels(values.float() / 127.5 - 1), as_pixels(values))
    assert as_pixels(torch.zeros(2, 3, 5, 4)).shape == (2, 5, 4, 3)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda: show.samples_over_target(torch.zeros(3, 9, 2), ring()), "many_seeds"),
        (lambda: show.samples_over_target(torch.zeros(9, 3), ring()), r"\(n, 2\)"),
        (lambda: show.extent_of(mixture([[0.0, 0, 0], [1, 1, 1]], 0.1)), "3 dimensions"),
        (lambda: show.many_seeds([torch.zeros(4, 2)], ring(), labels=["a", "b"]), "2 labels for 1 panels"),
        (lambda: show.trajectories([]), "no path"),
        (
            lambda: show.trajectories([[[0, 0]]], field=lambda p: p[:, 0], extent=(-1, 1, -1, 1)),
            "keep the shape",
        ),
        (lambda: show.metric_over_steps([0, 1], [[1, 2, 3]], "KL"), r"\(seeds, 2\)"),
        (lambda: show.strip({}, "modes"), "no group"),
        (lambda: show.strip({"GAN": [math.nan]}, "modes"), "no finite"),
        (lambda: show.heatmap([[1, 2]], ["a"], ["x"]), "1 rows by 1 columns"),
        (lambda: show.image_grid(torch.full((2, 1, 4, 4), 9.0)), "floats must be in"),
        (lambda: show.image_grid(torch.zeros(2, 2, 4, 4)), "1 or 3"),
        (lambda: show.image_grid(torch.zeros(2, 1, 4, 4), rows=3), "choose 1 to 2"),
        (lambda: show.image_grid(torch.zeros(4, 1, 4, 4), 2, ["a", "b", "c"]), "3 labels"),
        (lambda: show.interval_table([]), "no rows"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(act, says):
    with pytest.raises(GanlabError, match=says):
        act()


def test_a_table_by_row_colours_shares_and_writes_counts():
    figure = show.heatmap([[1, 3], [10, 30], [0, 0]], ["a", "b", "c"], ["x", "y"], "runs", by_row=True)
    shown = figure.axes[0].images[0].get_array()
    assert np.allclose(shown, [[0.25, 0.75], [0.25, 0.75], [0, 0]])
    assert "b: x 10, y 30" in show.alt_of(figure)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (8.0, "8"), (0.12345, "0.123"), (-1.5, "−1.5"), (12345.6, "12\u2009346"), (1.5e-5, "1.5e−05"),
     (math.nan, "n/a"), (math.inf, "∞"), (99.99, "100"), (0.00999, "0.00999"), (-0.0, "0")],
)  # fmt: skip
def test_numbers_for_people(value, text):
    assert number(value) == text


def test_labels_move_apart_and_keep_their_order():
    places = spread_labels([1.0, 1.01, 5.0, 1.02], 0.5)
    assert np.diff(np.sort(places)).min() > 0.499
    np.testing.assert_array_equal(np.argsort(places), [0, 1, 3, 2])
    assert places[2] == 5.0
