"""The live views in a real JupyterLab: skipped where there is no Chromium."""

import re
from pathlib import Path

import numpy as np
import pytest
from lab import (
    browser_page,
    chromium,
    jupyterlab,
    keep_screenshot,
    live_cells,
    require_browser,
    run_all,
    write_notebook,
)

from ganlab.show.player import MODULE, player_html
from ganlab.show.trace import trace_from

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
SOURCES = sorted((Path(__file__).parents[2] / "notebooks" / "src").glob("*.py"))


@pytest.fixture(scope="module")
def browser():
    require_browser()
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def traces():
    from ganlab.data.mixtures import ring
    from ganlab.show.live import small_gan
    from ganlab.show.trace import TraceRecorder

    def recorded(seed):
        method, target = small_gan(seed, 1e-3, 1e-3), ring(sigma=0.05)
        recorder = TraceRecorder(target, f"GAN, seed {seed}", samples=128, counted=500)
        batches = target.batches(64, seed)
        for step in range(0, 101, 10):
            recorder.look(step, method)
            for _ in range(10):
                method.step(next(batches))
        return recorder.trace()

    return recorded(0), recorded(1)


@pytest.fixture(scope="module")
def laboratory(browser, tmp_path_factory):
    """(folder, address) of a JupyterLab that serves the folder."""
    folder = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder) as address:
        yield folder, address


@pytest.fixture(scope="module")
def lab_page(browser, laboratory, traces):
    """One notebook with every live view, run in JupyterLab."""
    folder, address = laboratory
    for number, trace in enumerate(traces):
        trace.save(folder / f"{number}.json")
    write_notebook(
        folder / "views.ipynb",
        "import ipywidgets\nfrom ganlab import show\nfrom ganlab.data.mixtures import ring\n"
        "from ganlab.show.player import player_widget",
        "show.live_gan()",
        "def draw(modes, n):\n    return show.samples_over_target(ring(modes).sample(n, 0), ring(modes))",
        "show.explore(draw, modes=show.slider(8, 2, 12), n=show.choice(500, 50))",
        "widget = player_widget(show.load_trace('0.json'), show.load_trace('1.json'))\n"
        "said = ipywidgets.Label('python has frame 0')\n"
        "widget.observe(lambda change: setattr(said, 'value', f'python has frame {change.new}'), 'frame')\n"
        "ipywidgets.VBox([widget, said])",
        "widget.frame = 4",
    )
    with browser_page(browser, address, height=1400) as page:
        run_all(page, address, "views.ipynb")
        yield page
        assert page.outside == []


def test_live_gan_steps_runs_pauses_and_resets_by_mouse_and_keyboard(lab_page):
    page = lab_page
    status = page.locator('[role="status"][aria-live="polite"]').filter(has_text="steps of D")
    status.wait_for()
    assert status.inner_text().startswith("0 steps of D, 0 of G: ")
    picture = page.locator("img.widget-image").first
    before = picture.get_attribute("src")

    page.get_by_role("button", name="Step D", exact=True).click()
    page.get_by_text("10 steps of D, 0 of G: ").wait_for()
    assert picture.get_attribute("src") != before
    page.get_by_role("button", name="Step G", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("10 steps of D, 10 of G: ").wait_for()

    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.get_by_text(re.compile(r"([2-9]\d|\d{3,}) steps of D, ")).wait_for()  # a quick kernel may pass any one number
    page.get_by_role("button", name="Pause", exact=True).click()  # the kernel hears it while it trains
    page.get_by_role("button", name="Run", exact=True).wait_for()
    keep_screenshot(page, "live_gan")

    handle = page.locator(".widget-slider .noUi-handle").first
    readout = page.locator(".widget-readout").first
    rate = readout.inner_text()
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "rate => document.querySelector('.widget-readout').textContent.trim() !== rate", arg=rate.strip()
    )
    page.get_by_role("button", name="Reset", exact=True).click()
    page.get_by_text("0 steps of D, 0 of G: ").wait_for()


def test_explore_draws_again_when_a_slider_moves(lab_page):
    lab_page.get_by_text("8 of 8 modes covered").wait_for(state="attached")
    cell = lab_page.locator(".jp-OutputArea").filter(has_text="modes covered")
    cell.locator(".noUi-handle").first.focus()
    lab_page.keyboard.press("ArrowRight")
    lab_page.get_by_text("over the ring of 9: 9 of 9 modes covered").wait_for(state="attached")
    keep_screenshot(lab_page, "explore")


# The player ---------------------------------------------------------------------------------------------


@pytest.fixture
def static_page(browser, traces, tmp_path):
    path = tmp_path / "player.html"
    path.write_text(player_html(*traces), "utf-8")
    with browser_page(browser, path.as_uri()) as page:
        page.goto(path.as_uri())
        yield page
        assert page.outside == [] and page.errors == []


def test_the_static_player_is_driven_by_the_keyboard_alone(static_page, traces):
    page = static_page
    status = page.locator("[role=status]")
    shown = page.locator(".plane").first
    assert traces[0].sentences[0] in status.inner_text() and traces[1].sentences[0] in status.inner_text()
    picture = shown.evaluate("canvas => canvas.toDataURL()")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Play"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert traces[0].sentences[2] in status.inner_text()
    assert shown.get_attribute("aria-label") == traces[0].sentences[2]
    assert shown.evaluate("canvas => canvas.toDataURL()") != picture
    page.keyboard.press("End")
    assert traces[1].sentences[10] in status.inner_text()
    page.keyboard.press("Home")
    assert traces[0].sentences[0] in status.inner_text()

    page.keyboard.press("Tab")
    slider = page.locator("input[type=range]")
    assert page.evaluate("document.activeElement.type") == "range"
    page.keyboard.press("ArrowRight")
    assert slider.input_value() == "1" and traces[0].sentences[1] in slider.get_attribute("aria-valuetext")
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    page.get_by_role("button", name="Play").wait_for()  # it plays to the end and stops there
    assert slider.input_value() == "10" and traces[0].sentences[10] in status.inner_text()
    keep_screenshot(page, "player")


def test_a_playing_player_pauses_on_a_recorded_frame_and_plays_again_from_the_start(static_page, traces):
    page = static_page
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('input[type=range]').value === '3'")
    page.keyboard.press("Space")
    frame = int(page.locator("input[type=range]").input_value())
    assert 3 <= frame < 10 and traces[0].sentences[frame] in page.locator("[role=status]").inner_text()
    page.keyboard.press("End")
    page.keyboard.press("Space")
    page.wait_for_function("() => Number(document.querySelector('input[type=range]').value) < 10")


def test_the_chart_is_scrubbed_with_the_mouse(static_page):
    box = static_page.locator(".chart").bounding_box()
    static_page.mouse.click(box["x"] + box["width"] - 97, box["y"] + 40)
    assert static_page.locator("input[type=range]").input_value() == "10"
    static_page.mouse.click(box["x"] + 35, box["y"] + 40)
    assert static_page.locator("input[type=range]").input_value() == "0"


def test_the_module_reads_a_trace_as_python_does(browser, traces):
    trace = traces[0]
    with browser_page(browser, "about:") as page:
        page.set_content(
            f"<script type='module'>{MODULE.read_text('utf-8')}\n"
            "window.decode = decode; window.halfway = halfway;</script>"
        )
        page.wait_for_function("() => window.halfway")
        read = page.evaluate(
            "payload => { const t = decode(payload); return [[...t.samples], [...t.field]]; }",
            trace.payload(),
        )
        again = trace_from(trace.payload())
        np.testing.assert_allclose(np.reshape(read[0], again.samples.shape), again.samples, atol=1e-6)
        np.testing.assert_array_equal(np.reshape(read[1], again.field.shape), np.round(again.field * 255))
        lines = page.evaluate("() => halfway((x, y) => x / 4, 5)")
        assert lines and all(x0 == x1 == 2 for x0, _, x1, _ in lines)
        circle = page.evaluate("() => halfway((x, y) => (x - 20) ** 2 + (y - 20) ** 2 < 100 ? 1 : 0, 41)")
        radii = np.hypot(*(np.array(circle)[:, :2] - 20).T)
        assert len(circle) > 40 and abs(radii - 9.75).max() < 0.8
        assert page.errors == []


def test_the_widget_plays_in_jupyterlab_and_its_frame_is_shared_with_python(lab_page, traces):
    page = lab_page
    slider = page.locator(".ganlab-player input[type=range]")
    page.get_by_text("python has frame 4").wait_for()
    page.wait_for_function("() => document.querySelector('.ganlab-player input[type=range]').value === '4'")
    slider.focus()
    for key in ("ArrowRight", "ArrowUp"):  # JupyterLab would move between cells
        page.keyboard.press(key)
    page.get_by_text("python has frame 6").wait_for()
    assert traces[0].sentences[6] in page.locator(".ganlab-player [role=status]").inner_text()
    keep_screenshot(page, "player_in_jupyterlab")
    page.keyboard.press("Space")
    page.get_by_text("python has frame 10").wait_for()


# The live cells of the notebooks ------------------------------------------------------------------------


def test_every_live_view_of_the_notebooks_answers_its_slider(browser, laboratory):
    """Each chapter's own live cells, with the definitions that they need, in one notebook in JupyterLab."""
    found = {source.stem: live_cells(source) for source in SOURCES}
    cells = [(chapter, cell) for chapter, live in found.items() for cell in live]
    assert len(cells) >= 2
    folder, address = laboratory
    write_notebook(folder / "chapters.ipynb", *(cell for _, cell in cells))
    with browser_page(browser, address, height=1400) as page:
        run_all(page, address, "chapters.ipynb")
        for number, (chapter, _) in enumerate(cells):
            area = page.locator(".jp-Cell").nth(number)
            area.scroll_into_view_if_needed()
            picture = area.locator("img.widget-image")
            picture.wait_for()
            before = picture.get_attribute("src")
            handle = area.locator(".widget-slider .noUi-handle").last  # seed or sample size: it draws again
            handle.focus()
            page.keyboard.press("ArrowRight")
            changed = "([number, before]) => document.querySelectorAll('.jp-Cell')[number]" + (
                ".querySelector('img.widget-image').src !== before"
            )
            page.wait_for_function(changed, arg=[number, before])
            assert area.locator("[role=status]").count() and not area.locator("[role=alert]").count()
            keep_screenshot(page, f"live_{chapter}")
        assert page.outside == []


def test_the_lab_tries_a_remedy_and_takes_data_drawn_by_mouse_and_keyboard(browser, laboratory):
    folder, address = laboratory
    write_notebook(folder / "lab.ipynb", "from ganlab.show import live_lab\nlive_lab()")
    with browser_page(browser, address, height=1400) as page:
        run_all(page, address, "lab.ipynb")
        choices = page.locator(".widget-dropdown select")
        choices.nth(1).select_option("RPGAN")
        page.get_by_role("button", name="Step both", exact=True).click()
        page.get_by_text(re.compile(r"10 steps of D, 10 of G: \d of 8 modes.* Mass in place ")).wait_for()
        choices.nth(2).select_option("my own")
        page.get_by_text(re.compile(r"0 steps of D, 0 of G: \d of 3 modes")).wait_for()
        pad = page.locator("canvas[role=application]")
        pad.click(position={"x": 200, "y": 30})
        page.get_by_text(re.compile(r"of 4 modes, ")).wait_for()
        pad.focus()
        for key in ("ArrowUp", "ArrowRight", "Enter"):  # JupyterLab would run the cell
            page.keyboard.press(key)
        page.get_by_text("5 modes. Cursor at 0.25, 0.25.").wait_for()
        page.get_by_text(re.compile(r"of 5 modes, ")).wait_for()
        keep_screenshot(page, "live_lab")
        assert page.outside == [] and not page.locator("[role=alert]").count()


def test_questions_are_answered_with_the_mouse(browser, laboratory):
    """The first question of each chapter: radio buttons, and a response to the choice."""
    names = []
    for source in SOURCES:
        asked = re.search(r'^predict\("([^"]+)"', source.read_text(encoding="utf-8"), re.MULTILINE)
        names += [asked[1]] if asked else []
    calls = "\n".join(f"predict({name!r})" for name in names)
    folder, address = laboratory
    write_notebook(folder / "questions.ipynb", f"from ganlab.learn import predict\n{calls}")
    with browser_page(browser, address, height=1400) as page:
        run_all(page, address, "questions.ipynb")
        boxes = page.locator(".widget-radio-box")
        boxes.nth(len(names) - 1).wait_for(state="attached")
        for number, name in enumerate(names):
            boxes.nth(number).locator("input").first.check()
            page.get_by_text(re.compile(rf"^{re.escape(name)}: (right|not yet)\.")).wait_for()
        keep_screenshot(page, "questions")
        assert page.outside == []
