"""Data sets: each gives tensors and, where they exist, the true modes.

    from ganlab.data import batches, celeba, digits, faces, fashion, ring, stacked, to_unit

A name is looked up when it is first used, so importing one data set does not load the others.
"""

from importlib import import_module

_HOMES = {
    "birds": ("Birds", "cub"),
    "classifiers": ("classify", "load_classifier", "read_attributes"),
    "floors": ("ModeCount", "count_modes", "expected_modes", "expected_reverse_kl"),
    "images": ("Batches", "ImageSet", "batches", "contact_sheet", "resize", "to_uint8", "to_unit"),
    "mixtures": ("GaussianMixture", "grid", "ring"),
    "paired": ("Pairs", "paired_folder"),
    "photos": ("PhotoSet", "celeba", "imported"),
    "real": ("cifar10", "digits", "fashion", "mnist"),
    "stacking": (
        "Composition", "compositional", "read_compositions", "read_stacks", "stacked", "stacked_probabilities",
    ),
    "toyfaces": ("FaceSet", "captions", "colourings", "drawings", "faces"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
