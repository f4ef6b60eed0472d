"""The examples in the docstrings of ganlab.metrics run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import ganlab.metrics

MODULES = [f"ganlab.metrics.{found.name}" for found in pkgutil.iter_modules(ganlab.metrics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    import torch

    results = doctest.testmod(module, extraglobs={"torch": torch}, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0
    metrics = {"modes", "ndb", "prdc", "clustering", "scores", "memorisation", "faults", "distances", "features"}
    if name.rsplit(".", 1)[1] in metrics:
        assert results.attempted > 0
