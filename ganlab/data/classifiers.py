"""The trained judges that come with the course, and what they say about images.

Each was trained by `python -m ganlab.data.make.classifiers NAME`; its accuracy on held-out data, and its confusion or
the accuracy of each attribute, stand in `data/classifiers/manifest.json` and in `facts(NAME)`.
"""

from __future__ import annotations

import copy
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ganlab.data import store
from ganlab.data.images import to_unit
from ganlab.errors import GanlabError
from ganlab.nets.classifier import Classifier

FOLDER = "classifiers"


def facts(name: str) -> dict:
    """What is known of a classifier: its shape, data, held-out accuracy, confusion, and how it was trained."""
    known = store.read_json(store.embedded_folder() / FOLDER / store.MANIFEST)["classifiers"]
    if name not in known:
        raise GanlabError(f"There is no classifier {name!r}; there are {', '.join(known)}.")
    return known[name]


@cache
def _loaded(name: str, device: torch.device) -> Classifier:
    from safetensors.torch import load_file

    model = Classifier(**facts(name)["shape"])
    model.load_state_dict(load_file(store.embedded(f"{FOLDER}/{name}.safetensors")))
    return model.eval().requires_grad_(False).to(device)


def load_classifier(name: str, device: str | torch.device = "cpu") -> Classifier:
    """A trained classifier, frozen, in evaluation mode: `"digits"`, `"fashion"`, `"fashion16"` or `"faces"`.

    It is yours to move or train.
    """
    return copy.deepcopy(_loaded(name, torch.device(device)))


@torch.no_grad()
def logits(name: str, images: Tensor, batch: int = 512) -> Float[Tensor, "n outputs"]:
    """A classifier's logits for images of any size, in batches, on the device of the images.

    Args:
        name: which classifier.
        images: `uint8` 0..255, or floats in [-1, 1]; shape `(n, channels, height, width)`.
    """
    model = _loaded(name, images.device)
    wanted = facts(name)["shape"]["channels"]
    if images.ndim != 4 or images.shape[1] != wanted:
        raise GanlabError(
            f"The classifier of {name} reads images of shape (n, {wanted}, height, width); got {tuple(images.shape)}."
        )
    parts = [model(to_unit(p) if p.dtype == torch.uint8 else p.float()) for p in images.split(batch)]
    return torch.cat(parts) if parts else torch.empty(0, facts(name)["shape"]["outputs"])


def classify(name: str, images: Tensor) -> Int[Tensor, " n"]:
    """The most likely class of each image."""
    return logits(name, images).argmax(1)


def read_attributes(images: Tensor) -> Bool[Tensor, "n attributes"]:
    """The attributes that the faces' classifier sees, columns `ganlab.data.toyfaces.ATTRIBUTES`."""
    return logits("faces", images) > 0
