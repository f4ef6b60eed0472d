"""The built site, from files and in a real browser: skipped where Sphinx or Chromium is missing."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from lab import browser_page, chromium, keep_screenshot, require_browser

pytest.importorskip("sphinx", reason="Sphinx is missing: pip install 'ganlab[docs]'")
pytest.importorskip("ziamath", reason="the site's font is missing: pip install 'ganlab[docs]'")
pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
# Words whose colour is too near to the ground they stand on (WCAG 2: 4.5, and 3 for large ones), once each.
PALE = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const found = {};
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    const text = words.currentNode.data.trim();
    const shown = element?.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!text || !shown || element.closest("script, style, noscript, [disabled], [aria-hidden=true]")) continue;
    const style = getComputedStyle(element);
    let ground = element;
    while (ground && (parse(getComputedStyle(ground).backgroundColor)[3] ?? 1) === 0) ground = ground.parentElement;
    const behind = ground ? parse(getComputedStyle(ground).backgroundColor) : [255, 255, 255];
    const [low, high] = [light(parse(style.color)), light(behind)].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5) - 0.01)
      found[`${element.tagName.toLowerCase()}.${element.className}`] = `${contrast.toFixed(2)} “${text.slice(0, 30)}”`;
  }
  return found;
}"""
OUTLINE = """() => ({
  headings: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
    .filter(heading => heading.checkVisibility()) // the theme has a second title for print
    .map(heading => Number(heading.tagName[1])),
  unseen: [...document.images].filter(image => !image.alt.trim()).map(image => image.src),
  broken: [...document.images].filter(image => image.complete && !image.naturalWidth).map(image => image.src),
  wide: document.documentElement.scrollWidth - window.innerWidth,
})"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(folder of the pages, what the build printed); GANLAB_SITE names one that is built already, as build/site."""
    if ready := os.environ.get("GANLAB_SITE"):
        return (ROOT / ready / "html").resolve(), None
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, str(ROOT / "site" / "build.py"), str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "html", done.stdout


@pytest.fixture(scope="module")
def site(built):
    return built[0]


@pytest.fixture(scope="module")
def browser():
    require_browser()
    with chromium() as browser:
        yield browser


@contextmanager
def opened(browser, path, query="", **size):
    """A page opened from its file while no other host can be reached."""
    with browser_page(browser, "file://", **size) as page:
        page.set_default_timeout(20_000)
        page.route(re.compile(r"^(https?|wss?|ftp):"), lambda route: route.abort())
        page.emulate_media(reduced_motion="reduce")
        if path:
            page.goto(path.as_uri() + query)
        yield page


def sentences(name):
    return json.loads((ROOT / "data" / "traces" / f"{name}.json").read_text("utf-8"))["sentences"]


def test_the_build_says_where_to_open_it(built):
    html, said = built
    if said is None:
        pytest.skip("GANLAB_SITE was built elsewhere")
    assert re.search(rf"\d+ pages, [\d.]+ MB, built in \d+ s\. Open {re.escape(str(html / 'index.html'))}", said)


def test_every_chapter_is_there_with_its_figures(site):
    for path in NOTEBOOKS:
        page = (site / "notebooks" / f"{path.stem}.html").read_text("utf-8")
        figures = [
            output
            for cell in nbformat.read(path, as_version=4).cells
            for output in cell.get("outputs", [])
            if "image/png" in output.get("data", {})
        ]
        assert page.count('src="../_images/') == len(figures), path.name
        assert f"solutions/{path.name[:-6]}" in page or not (ROOT / "notebooks" / "solutions" / path.name).exists()
        assert f'notebooks/{path.stem}.html"' in (site / "index.html").read_text("utf-8")


def test_no_link_within_the_site_leads_nowhere(site):
    from bs4 import BeautifulSoup

    pages = {path: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in site.rglob("*.html")}
    anchors = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in pages.items()}
    lost = []
    for path, page in pages.items():
        for link in page.find_all("a", href=True):
            target, _, anchor = unquote(link["href"]).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            to = (path.parent / target.partition("?")[0]).resolve() if target else path
            if not to.is_file() or (anchor and to in anchors and anchor not in anchors[to]):
                lost.append(f"{path.relative_to(site)}: {link['href']}")
    assert not lost, lost[:20]


def test_every_page_is_whole_without_a_network(browser, site):
    """No request to another host, no console error, headings in order, alt text everywhere, words that stand out."""
    wrong = {}
    with opened(browser, None) as page:
        for path in sorted(site.rglob("*.html")):
            if "_static" in path.parts:  # templates of the theme, no pages
                continue
            page.outside.clear()
            page.errors.clear()
            page.goto(path.as_uri())
            found = page.evaluate(OUTLINE)
            levels = found["headings"]
            skipped = [pair for pair in zip(levels, levels[1:], strict=False) if pair[1] > pair[0] + 1]
            problems = {
                "requests": [*page.outside],
                "errors": [*page.errors],
                "h1": levels.count(1) - 1,
                "skipped levels": skipped,
                "images without alt": found["unseen"],
                "images that do not load": found["broken"],
                "words too pale": page.evaluate(PALE),
            }
            if path.name in ("index.html", "head_to_head.html", "replays.html", "fidelity.html"):
                keep_screenshot(page, f"site_{path.parent.name}_{path.stem}")
            if problems := {name: problem for name, problem in problems.items() if problem}:
                wrong[path.relative_to(site).as_posix()] = problems
    assert not wrong, json.dumps(wrong, indent=1)[:3000]


def test_the_player_obeys_the_keyboard_alone(browser, site):
    said = sentences("collapse")
    with opened(browser, site / "index.html") as page:
        sentence = page.locator(".ganlab-player .sentence").first
        assert sentence.inner_text() == said[-1]  # reduced motion: it stands at the end
        assert page.locator(".ganlab-player button").inner_text() == "Play"
        for _ in range(60):  # into the player by the tab key
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.closest('.ganlab-player') !== null"):
                break
        page.keyboard.press("Home")
        assert sentence.inner_text() == said[0]
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert sentence.inner_text() == said[2]
        assert said[2] in page.locator(".ganlab-player [role=status]").inner_text()
        page.keyboard.press("End")
        assert sentence.inner_text() == said[-1]
        assert not page.errors


def test_the_landing_page_plays_by_itself_unless_asked_not_to(browser, site):
    with opened(browser, None) as page:
        page.emulate_media(reduced_motion="no-preference")
        page.goto((site / "index.html").as_uri())
        page.wait_for_function("Number(document.querySelector('.ganlab-player input').value) > 1")
        assert page.locator(".ganlab-player button").inner_text() == "Pause"


def test_search_finds_chapters_and_no_solutions(browser, site):
    with opened(browser, site / "search.html", "?q=collapse") as page:
        page.locator("#search-results li a").first.wait_for()
        page.wait_for_function("/finished/.test(document.querySelector('#search-results').innerText)")
        links = page.locator("#search-results li a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        keep_screenshot(page, "site_search")
        assert any(link.startswith("notebooks/03") for link in links)
        assert not any(link.startswith("solutions") for link in links)
        assert not page.errors and not page.outside


def test_formulas_are_drawn_in_the_font_that_comes_along(browser, site):
    with opened(browser, site / "notebooks" / f"{NOTEBOOKS[1].stem}.html") as page:
        assert page.locator("math").count() > 20
        page.evaluate("document.fonts.ready")
        loaded = "[...document.fonts].filter(f => f.family.includes('STIX') && f.status === 'loaded').length"
        page.wait_for_function(f"{loaded} === 1")
        keep_screenshot(page, "site_chapter")


@pytest.mark.parametrize("name", ["index", "notebooks/01_gan_from_scratch", "fidelity", "reference/methods"])
def test_nothing_sticks_out_on_a_narrow_screen(browser, site, name):
    with opened(browser, site / f"{name}.html", width=390, height=800) as page:
        assert page.evaluate(OUTLINE)["wide"] <= 0
        keep_screenshot(page, f"site_narrow_{name.replace('/', '_')}")
