"""A tiny course in a temporary folder."""

from pathlib import Path

import nbformat
import pytest

from ganlab.authoring.source import generate

PARAMETERS = """steps: int = 20  # training steps [1, 100]
rate: float = 0.5  # learning rate [0, 1]
loss: str = "minimax"  # the loss {minimax, non-saturating}
seed: int = 0  # the seed
run_folder: str = ""  # where result.json goes; empty: nowhere"""

FINISH = """import json, pathlib
if run_folder:
    pathlib.Path(run_folder, "result.json").write_text(json.dumps({"line": f"{steps} steps"}))"""


class Course:
    """Chapters made of a few cells; their notebooks are not executed beforehand, since runs do that."""

    def __init__(self, root: Path) -> None:
        self.root, self.notebooks = root, root / "notebooks"
        (self.notebooks / "src").mkdir(parents=True)
        (self.notebooks / "profiles").mkdir()
        (root / "pyproject.toml").touch()
        self.profile("smoke", "{}")

    def chapter(self, name: str, *cells: str, finish: str = FINISH) -> None:
        text = f"# %% [markdown]\n# # {name[:2]} · {name[3:].title()}\n#\n# What $x^2$ is.\n"
        text += f'\n# %% tags=["parameters"]\n{PARAMETERS}\n'
        text += "".join(f"\n# %%\n{cell}\n" for cell in (*cells, finish))
        (self.notebooks / "src" / f"{name}.py").write_text(text)
        nbformat.write(generate(text, solved=False), self.notebooks / f"{name}.ipynb")

    def profile(self, name: str, text: str) -> None:
        (self.notebooks / "profiles" / f"{name}.yaml").write_text(text)


@pytest.fixture
def course(tmp_path, monkeypatch) -> Course:
    made = Course(tmp_path / "course")
    monkeypatch.chdir(made.root)
    return made
