"""The live views in a real JupyterLab: skipped where there is no Chromium."""

import os
from pathlib import Path

import pytest
from lab import browser_page, jupyterlab, require_browser, run_all, write_notebook

pytestmark = pytest.mark.timeout(240)


def keep_screenshot(page, name: str) -> None:
    """Where GANLAB_SCREENSHOTS names a folder, leave a picture to look at."""
    folder = os.environ.get("GANLAB_SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    require_browser()
    folder = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder) as address:
        yield folder, address


def test_live_gan_steps_runs_pauses_and_resets_by_mouse_and_keyboard(lab):
    folder, address = lab
    write_notebook(folder / "live.ipynb", "from ganlab import show", "show.live_gan()")
    with browser_page(address) as page:
        run_all(page, address, "live.ipynb")
        status = page.locator('[role="status"][aria-live="polite"]').filter(has_text="steps of D")
        status.wait_for(timeout=30_000)
        assert status.inner_text().startswith("0 steps of D, 0 of G: ")
        picture = page.locator("img.widget-image")
        before = picture.get_attribute("src")

        page.get_by_role("button", name="Step D", exact=True).click()
        page.get_by_text("10 steps of D, 0 of G: ").wait_for()
        assert picture.get_attribute("src") != before
        page.get_by_role("button", name="Step G", exact=True).focus()
        page.keyboard.press("Enter")
        page.get_by_text("10 steps of D, 10 of G: ").wait_for()

        page.get_by_role("button", name="Run", exact=True).click()
        page.get_by_role("button", name="Pause", exact=True).wait_for()
        page.get_by_text("50 steps of D, 50 of G: ").wait_for()
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
        assert page.outside == []


def test_explore_draws_again_when_a_slider_moves(lab):
    folder, address = lab
    write_notebook(
        folder / "explore.ipynb",
        "from ganlab import show\nfrom ganlab.data.mixtures import ring\n"
        "def draw(modes, n):\n    return show.samples_over_target(ring(modes).sample(n, 0), ring(modes))",
        "show.explore(draw, modes=show.slider(8, 2, 12), n=show.choice(500, 50))",
    )
    with browser_page(address) as page:
        run_all(page, address, "explore.ipynb")
        page.get_by_text("8 of 8 modes covered").wait_for(state="attached", timeout=30_000)
        page.locator(".widget-slider .noUi-handle").first.focus()
        page.keyboard.press("ArrowRight")
        page.get_by_text("over the ring of 9: 9 of 9 modes covered").wait_for(state="attached")
        keep_screenshot(page, "explore")
        assert page.outside == []
