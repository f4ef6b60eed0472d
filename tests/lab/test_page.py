"""The lab's page in a real browser, opened from a file: by keyboard alone, and no request to anyone."""

from pathlib import Path

import pytest
from lab import browser_page, chromium, require_browser

PAGE = (Path(__file__).parents[2] / "site" / "lab" / "index.html").as_uri()


@pytest.mark.slow
def test_the_lab_is_played_by_keyboard():
    require_browser()
    with chromium() as browser, browser_page(browser, "file://") as page:
        page.goto(PAGE)
        step = "ganlabLab.games()[0].game.step"
        assert page.evaluate(step) == 0
        page.keyboard.press("b")
        page.keyboard.press("d")
        assert page.evaluate(step) == 1
        assert "Step 1:" in page.inner_text("#left-says") and "Mode Regularized GAN" in page.inner_text("#spoken")
        page.keyboard.press("Space")
        page.wait_for_function(f"{step} > 5")
        page.keyboard.press("Space")
        stopped = page.evaluate(step)
        assert page.evaluate("ganlabLab.running()") is False and page.evaluate(step) == stopped

        page.select_option("#method", "rpgan")
        page.select_option("#data", "drawn")
        assert page.evaluate(step) == 0 and "of 3 modes" in page.inner_text("#right-says")
        page.click("#add")
        assert "of 4 modes" in page.inner_text("#left-says")
        page.click("#left", position={"x": 50, "y": 60})
        assert "of 5 modes" in page.inner_text("#left-says")
        page.select_option("#method", "gan")
        assert not page.is_visible("#right")
        page.locator("#generator-rate").press("ArrowRight")
        assert page.inner_text("#generator-shown") == "0.0025"
        assert page.evaluate("ganlabLab.games()[0].game.generator.rate") == 0.0025
        assert page.errors == [] and page.outside == []
