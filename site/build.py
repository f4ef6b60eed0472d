"""Build the site: `python site/build.py [FOLDER]` (build/site when not given)."""

import os
import re
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme", "ziamath")


def main(folder: Path) -> int:
    start = time.perf_counter()
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        print(f"The site needs {', '.join(missing)}: pip install -e '.[docs]', or make site.", file=sys.stderr)
        return 2
    source, html = folder / "source", folder / "html"
    from ganlab.errors import GanlabError
    from ganlab.runner.console import short

    try:
        write_sources(source)
    except GanlabError as error:
        print(error, file=sys.stderr)
        return 2
    code = sphinx(source, html, folder / "doctrees")
    if code:
        print(f"The site was not built: see the lines above. Its sources are in {source}.", file=sys.stderr)
        return code
    shutil.copytree(HERE / "lab", html / "lab")  # a page of its own, not one of Sphinx
    size = sum(path.stat().st_size for path in html.rglob("*") if path.is_file())
    count = len(list(html.rglob("*.html")))
    seconds = time.perf_counter() - start
    print(f"{count} pages, {size / 1e6:.1f} MB, built in {seconds:.0f} s. Open {short(html / 'index.html')}")
    return 0


def write_sources(folder: Path) -> None:
    """Everything that Sphinx reads, written where it changed; what is there from another day goes."""
    import course
    import reference

    pages = course.read_course(ROOT / "notebooks")
    files = {path.name: path.read_text("utf-8") for path in HERE.glob("*.md")}
    files["course_table.txt"] = course.course_table(pages, (ROOT / "README.md").read_text("utf-8"))
    files["replays.md"] = course.replays_page(pages, ROOT / "data" / "traces")
    table = ROOT / "data" / "results" / "09_one_protocol" / "table.json"
    if table.exists():
        files["head_to_head.md"] = course.head_to_head_page(table, pages)
    else:  # no page, no link to it
        files["index.md"] = re.sub(r"^.*head_to_head.*\n", "", files["index.md"], flags=re.MULTILINE)
    files["fidelity.md"] = course.fidelity_page(pages, ROOT / "ganlab" / "methods")
    for page in pages:
        files |= course.chapter_files(page)
    files |= {f"reference/{name}.md": text for name, text in reference.pages(ROOT / "ganlab").items()}
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def sphinx(source: Path, html: Path, doctrees: Path) -> int:
    """Warnings are errors: each is a formula, a link or a figure that a reader would miss."""
    shutil.rmtree(html, ignore_errors=True)  # no page of a chapter that is gone
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", str(HERE)]
    quiet = os.environ | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return subprocess.run([*command, "-d", str(doctrees), str(source), str(html)], env=quiet).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build" / "site"))
