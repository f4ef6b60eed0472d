"""The branches of chapter 07 that need data which few readers have: MNIST and CelebA, at the settings of `full`."""

from pathlib import Path

import jupytext
import pytest
import torch
import yaml

import ganlab.data
from ganlab.methods import nemgan
from ganlab.seeds import Streams

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SMALL = {"image_steps": 3, "image_prior_start": 1, "image_labels": 40, "image_width": 4}  # else it takes hours


@pytest.fixture
def stand_ins(monkeypatch):
    """Digits at MNIST's size, and toy faces, which have CelebA's columns."""
    digits, faces = ganlab.data.digits, ganlab.data.faces
    monkeypatch.setattr(ganlab.data, "mnist", lambda split, size: digits(split, size=size))
    monkeypatch.setattr(ganlab.data, "celeba", lambda size, split: faces(200, size, seed=len(split)))


@pytest.mark.parametrize("given, modes", [({}, 10), ({"images": "celeba", "image_side": 64}, 2)])
def test_the_published_settings_run(stand_ins, given, modes):
    cells = [cell for cell in jupytext.read(NOTEBOOKS / "src" / "07_nemgan.py").cells if cell.cell_type == "code"]
    profile = yaml.safe_load((NOTEBOOKS / "profiles" / "full.yaml").read_text())["07_nemgan"]
    names: dict = {"package": nemgan, "Streams": Streams, "__name__": "07_nemgan"}
    exec(cells[0].source, names)  # the project's own source
    names |= profile | given | SMALL
    for cell in cells[1:]:
        if cell.source.startswith("import copy") or "LOADERS = {" in cell.source:
            exec(cell.source, names)
    method = names["method"]
    assert (method.modes, method.latent) == (modes, 50) and method.turn == 3
    assert torch.isfinite(method.sample(4)).all() and not torch.equal(method.prior.logits, torch.zeros(modes))
