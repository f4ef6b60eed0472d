"""Profiles: named sets of parameters. `class` is what the notebooks' own defaults are; the others are files."""

from pathlib import Path
from typing import Any

from ganlab.errors import GanlabError
from ganlab.files import parse_yaml
from ganlab.runner.chapters import chapters, nearest


def profile_names(notebooks: Path) -> list[str]:
    """`class` and every file in notebooks/profiles."""
    return ["class", *sorted(path.stem for path in (notebooks / "profiles").glob("*.yaml"))]


def read_profile(notebooks: Path, profile: str) -> dict[str, dict[str, Any]]:
    """Parameters by chapter name; a chapter that the profile does not name runs with its defaults.

    Raises:
        GanlabError: no such profile, no such chapter, or a file that is not a mapping of mappings.
    """
    known = profile_names(notebooks)
    if profile not in known:
        raise GanlabError(f"There is no profile '{profile}'{nearest(profile, known)}. Known: {', '.join(known)}.")
    if profile == "class":
        return {}
    where = f"notebooks/profiles/{profile}.yaml"
    content = parse_yaml((notebooks / "profiles" / f"{profile}.yaml").read_bytes(), where) or {}
    if not isinstance(content, dict):
        raise GanlabError(f"{where} must map chapter names to parameters.")
    names = [chapter.name for chapter in chapters(notebooks)]
    for name, parameters in content.items():
        if name not in names:
            raise GanlabError(f"{where} names the chapter '{name}', which does not exist{nearest(str(name), names)}.")
        if not isinstance(parameters, dict):
            raise GanlabError(f"{where}: '{name}' must map parameter names to values; write {{}} for none.")
    return content
