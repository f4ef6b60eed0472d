"""Live views without a browser: their callbacks, and the figure that they become."""

import asyncio

import ipywidgets
import numpy as np
import pytest
import torch

from ganlab import show
from ganlab.data.mixtures import ring
from ganlab.errors import GanlabError
from ganlab.show import live
from ganlab.show.live import HandTrainedGAN, LiveGAN, explorer, small_gan


@pytest.fixture
def shown(monkeypatch):
    """What IPython was asked to display."""
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda *values, **options: seen.append((values, options)))
    return seen


@pytest.fixture
def front_end(monkeypatch):
    monkeypatch.setattr(live, "interactive", lambda: True)


def said(widget):
    (box,) = [child for child in widget.children if isinstance(child, ipywidgets.HTML)]
    return box.value


def draw(height=1, word="a"):
    figure, _ = show.new_figure(2, 2)
    return show.with_alt(figure, f"height {height} {word}")


def test_without_a_kernel_or_with_ganlab_interactive_0_nothing_is_live(monkeypatch):
    monkeypatch.delenv("GANLAB_INTERACTIVE", raising=False)
    assert not show.interactive()
    monkeypatch.setattr("IPython.get_ipython", lambda: type("Shell", (), {"kernel": object()})())
    assert show.interactive()
    monkeypatch.setenv("GANLAB_INTERACTIVE", "0")
    assert not show.interactive()


def test_explore_is_the_figure_at_the_defaults_without_a_front_end(shown):
    show.explore(draw, height=show.slider(3, 1, 5), word=show.choice("low", "high"))
    assert [values[0]["text/plain"] for values, _ in shown] == ["Figure: height 3 low"]


def test_moving_a_control_draws_again_and_is_spoken():
    widget = explorer(draw, height=show.slider(3, 1, 5), word=show.choice("low", "high"))
    height, word, image, _ = widget.children
    before = bytes(image.value)
    assert "height 3 low" in said(widget) and 'aria-live="polite"' in said(widget)
    height.value = 4
    word.value = "high"
    assert "height 4 high" in said(widget) and before[:4] == b"\x89PNG"


def test_an_error_in_a_callback_is_said_and_the_next_value_works():
    def fussy(n):
        if n == 2:
            raise GanlabError("n is 2: choose another <n>.")
        if n == 3:
            raise ZeroDivisionError("oh")
        return draw(n)

    widget = explorer(fussy, n=show.slider(1, 1, 5))
    control = widget.children[0]
    control.value = 2
    assert "choose another &lt;n&gt;." in said(widget) and 'role="alert"' in said(widget)
    control.value = 3
    assert "ZeroDivisionError: oh" in said(widget)
    control.value = 4
    assert "height 4" in said(widget)


def test_controls_have_the_type_and_the_range_of_their_numbers():
    whole, broken, log = (
        show.slider(3, 1, 5).widget("n"),
        show.slider(0.5, 0, 1).widget("p"),
        show.slider(1e-3, 1e-5, 1e-1, log=True).widget("lr"),
    )
    assert isinstance(whole, ipywidgets.IntSlider) and (whole.min, whole.max, whole.value) == (1, 5, 3)
    assert isinstance(broken, ipywidgets.FloatSlider) and broken.step == 0.01
    assert isinstance(log, ipywidgets.FloatLogSlider) and (log.min, log.max) == (-5, -1)
    for bad in (lambda: show.slider(9, 0, 1), lambda: show.slider(0, 0, 1, log=True), lambda: show.choice()):
        with pytest.raises(GanlabError):
            bad()


def test_live_shows_only_the_last_state_without_a_front_end(shown):
    view = show.Live(draw, every=2)
    for height in range(5):
        view.update(height)
    view.close()
    assert [values[0]["text/plain"] for values, _ in shown] == ["Figure: height 4 a"]


def test_live_draws_every_so_often_in_one_place(front_end, monkeypatch):
    drawn = []

    class Handle:
        def update(self, data, metadata, raw):
            drawn.append(data["text/plain"])

    def display(data, metadata, raw, display_id):
        drawn.append(data["text/plain"])
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    view = show.Live(draw, every=2)
    for height in range(1, 6):
        view.update(height)
    view.close()
    view.close()
    assert drawn == ["Figure: height 2 a", "Figure: height 4 a", "Figure: height 5 a"]


def test_live_refuses_to_close_before_anything_was_drawn():
    with pytest.raises(GanlabError, match="update"):
        show.Live(draw).close()
    with pytest.raises(GanlabError, match="every is 0"):
        show.Live(draw, every=0)


def parameters(network):
    return [parameter.detach().clone() for parameter in network.parameters()]


def same(before, network):
    return all(torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))


def test_a_step_moves_only_the_player_whose_turn_it_is():
    session = HandTrainedGAN()
    method = session.method
    generator, discriminator = parameters(method.generator), parameters(method.discriminator)
    session.step("discriminator", 3)
    assert same(generator, method.generator) and not same(discriminator, method.discriminator)
    discriminator = parameters(method.discriminator)
    session.step("generator", 2)
    assert same(discriminator, method.discriminator) and not same(generator, method.generator)
    session.step("both", 4)
    assert session.updates == {"discriminator": 7, "generator": 6}
    assert session.history["updates"] == [0, 3, 5, 13]


def test_training_by_hand_is_the_methods_own_training():
    session, alone = HandTrainedGAN(seed=3), small_gan(3, 1e-3, 1e-3)
    session.step("both", 5)
    batches = ring().batches(128, 3)
    for _ in range(5):
        alone.step(next(batches))
    torch.testing.assert_close(session.samples, alone.sample(1000), rtol=0, atol=0)


def test_a_learning_rate_of_zero_stops_its_player_alone():
    session = HandTrainedGAN()
    session.set_rate("generator", 0.0)
    generator = parameters(session.method.generator)
    session.step("both", 3)
    assert same(generator, session.method.generator)
    session.reset(0)  # the rate outlives a reset
    assert session.method.generator_optimiser.param_groups[0]["lr"] == 0.0


def test_reset_starts_again_from_the_seed():
    session = HandTrainedGAN()
    start = session.samples
    session.step("both", 3)
    session.reset(0)
    torch.testing.assert_close(session.samples, start, rtol=0, atol=0)
    assert session.updates == {"discriminator": 0, "generator": 0} and session.history["updates"] == [0]
    session.reset(1)
    assert not torch.equal(session.samples, start)


@pytest.fixture(scope="module")
def view():
    return LiveGAN(HandTrainedGAN(), chunk=2)


def test_buttons_and_sliders_reach_the_session(view):
    view.times.value = 1
    view.step_discriminator.click()
    view.step_generator.click()
    view.step_both.click()
    assert view.session.updates == {"discriminator": 2, "generator": 2}
    assert "2 steps of D, 2 of G" in view.said.value
    view.discriminator_rate.value = 1e-2
    assert view.session.method.discriminator_optimiser.param_groups[0]["lr"] == pytest.approx(1e-2)
    view.loss.value = "minimax"
    assert view.session.loss == "minimax"
    view.seed.value = 4
    assert view.session.seed == 4 and view.session.updates == {"discriminator": 0, "generator": 0}
    view.reset_button.click()
    assert view.session.loss == "minimax"  # what was chosen outlives a reset


def test_run_lets_go_of_the_loop_and_pauses(view):
    async def scene():
        before = view.session.updates["generator"]
        view.run_button.click()
        assert view.running and view.run_button.description == "Pause"
        while view.session.updates["generator"] < before + 4:
            await asyncio.sleep(0)
        view.run_button.click()
        await view._task
        return view.session.updates["generator"] - before

    steps = asyncio.run(scene())
    assert steps >= 4 and steps % view.chunk == 0
    assert not view.running and view.run_button.description == "Run"


def test_run_ends_by_itself_at_its_limit():
    view = LiveGAN(HandTrainedGAN(), chunk=2, limit=4)

    async def scene():
        view.run_button.click()
        await view._task

    asyncio.run(scene())
    assert view.session.updates["generator"] == 4 and not view.running


def test_an_error_while_running_is_said_and_stops_the_run():
    view = LiveGAN(HandTrainedGAN(), chunk=2)
    view.session.method.discriminator_step = lambda real: 1 / 0

    async def scene():
        view.run_button.click()
        await view._task

    asyncio.run(scene())
    assert not view.running and "ZeroDivisionError" in view.said.value


def test_without_a_front_end_the_live_gan_is_four_scenes_of_real_training(shown):
    show.live_gan()
    ((data,), options) = shown[0]
    alt = options["metadata"]["image/png"]["alt"]
    assert len(shown) == 1 and "image/png" in data
    for scene in (
        "Start: 0 steps of D, 0 of G",
        "50 steps of D alone: 50",
        "then 500 of both: 550 steps of D, 550",
    ):
        assert scene in alt


def test_the_drawing_holds_the_history():
    session = HandTrainedGAN(ring(sigma=0.2))
    session.step("both", 2)
    session.step("both", 2)
    figure = session.draw()
    curves = [line.get_ydata() for axes in figure.axes for line in axes.lines]
    assert any(np.array_equal(curve, session.history["modes"]) for curve in curves)
    assert session.sentence() in figure.alt
