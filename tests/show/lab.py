"""A real JupyterLab in a headless Chromium, for the tests of live views."""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jupytext
import nbformat
import pytest

VIEWS = ("live_gan", "live_lab", "explore")
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOTEBOOK = "window.jupyterapp.shell.currentWidget"


def require_browser() -> None:
    """Skip where there is no browser, and say how to get one."""
    if CHROMIUM is None:
        pytest.skip("no Chromium found: install chromium or google-chrome to run the browser tests")
    pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install 'ganlab[test]'")


def keep_screenshot(page, name: str, whole: bool = False) -> None:
    """Leave a picture to look at: in build/screenshots, or in the folder that GANLAB_SCREENSHOTS names."""
    folder = Path(os.environ.get("GANLAB_SCREENSHOTS") or SCREENSHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(folder / f"{name}.png"), full_page=whole)


@contextmanager
def chromium() -> Iterator:
    """A headless Chromium; one at a time, since playwright keeps a running event loop."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def browser_page(browser, allow: str, width: int = 1280, height: int = 1100) -> Iterator:
    """A page, with `page.outside` (requests to other hosts) and `page.errors` (console errors) collected."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(60_000)
    page.outside, page.errors = [], []
    allowed = (allow, allow.replace("http", "ws", 1), "data:", "blob:", "about:")
    page.on("request", lambda r: None if r.url.startswith(allowed) else page.outside.append(r.url))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    page.close()


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """JupyterLab serving `folder`, with settings of its own; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = folder / ".lab"
    settings = home / "settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "GANLAB_STATE": "ganlab",
    }
    environment = {name: value for name, value in os.environ.items() if name != "GANLAB_INTERACTIVE"}
    environment |= {name: str(home / place) for name, place in places.items()}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly",
    ]
    with open(home / "log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stderr=log, stdout=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api", server, home / "log")
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


def write_notebook(path: Path, *cells: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    nbformat.write(notebook, path)
    return path


def live_cells(source: Path) -> list[str]:
    """A notebook's cells that hold views with controls, each with the definitions that it needs and no other."""
    found, before = [], []
    for cell in jupytext.read(source, fmt="py:percent").cells:
        if cell.cell_type != "code":
            continue
        statements = ast.parse(cell.source).body
        if re.search(rf"^(show\.)?({'|'.join(VIEWS)})\(", cell.source, re.MULTILINE):
            needed, kept = _used(statements), []
            for statement in reversed(before):
                if _defined(statement) & needed:
                    needed |= _used([statement])
                    kept.insert(0, ast.unparse(statement))
            found.append("\n".join([*kept, cell.source]))
        before += statements
    return found


def _used(statements: list[ast.stmt]) -> set[str]:
    nodes = (node for statement in statements for node in ast.walk(statement))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _defined(statement: ast.stmt) -> set[str]:
    """Names that a definition, an import or an assignment binds; loops and calls define nothing."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(name.asname or name.name).split(".")[0] for name in statement.names}
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    return set()


def run_all(page, address: str, name: str) -> None:
    """Open a notebook and run its cells; fails when one of them raised."""
    page.goto(f"{address}/lab/tree/{name}?reset")
    # Not the status circle: it says "idle" before there is a kernel.
    page.wait_for_function(
        "() => !!window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel", timeout=90_000
    )
    page.evaluate(
        f"async () => {{ const w = {NOTEBOOK}; await w.context.ready; await w.sessionContext.ready;"
        " await w.sessionContext.session.kernel.info; }"
    )
    page.evaluate(
        "() => { window.ran = null;"
        " jupyterapp.commands.execute('notebook:run-all-cells').then(value => window.ran = [value]); }"
    )
    page.wait_for_function("() => window.ran !== null", timeout=180_000)
    errors = page.evaluate(
        f"() => {NOTEBOOK}.content.model.sharedModel.toJSON().cells.flatMap(cell => cell.outputs ?? [])"
        ".filter(output => output.output_type === 'error').map(output => output.ename + ': ' + output.evalue)"
    )
    assert not errors, errors
