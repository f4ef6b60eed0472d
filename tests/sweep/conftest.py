"""The tiny course of the runner's tests, here too."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_spec = spec_from_file_location("runner_conftest", Path(__file__).parents[1] / "runner" / "conftest.py")
_module = module_from_spec(_spec)
_spec.loader.exec_module(_module)
course = _module.course
