"""The set-up: one list of dependencies, an installer that mends what was cut short, a doctor that finds faults."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from ganlab import doctor

ROOT = Path(__file__).parents[1]
POSIX = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_conda_environment_adds_nothing_of_its_own():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert environment["name"] == project()["name"]
    assert f"python{project()['requires-python']}" in conda
    assert {re.split("[<>=]", name)[0] for name in conda} <= {"python", "pip", "git", "make"}
    (install,) = pip["pip"]
    extras = re.fullmatch(r"-e \.\[([\w,]+)\]", install)[1].split(",")
    assert set(extras) <= set(project()["optional-dependencies"])


def test_torch_and_torchvision_are_ranges_without_an_upper_end():
    ranges = {name: rest for name, rest in (re.match(r"([\w-]+)(.*)", d).groups() for d in project()["dependencies"])}
    assert ranges["torch"] == ">=2.4" and ranges["torchvision"] == ">=0.19"


def test_the_workflow_calls_only_make():
    workflow = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())
    commands = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step and "name" not in step]
    assert commands == ["make test", "make course PROFILE=smoke"]
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


def test_licences_and_citation_are_there():
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert "creativecommons.org/licenses/by/4.0" in (ROOT / "LICENSE-prose.md").read_text()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["title"].startswith("ganlab") and citation["version"] == project()["version"]


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of what the installer needs, and a stand-in for pip that notes each install."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "install.py", tmp_path / ".ci")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


PIP = """#!/bin/sh
case "$*" in
  *install*) echo installed >> "{log}"; test ! -e "{fail}";;
esac
"""


def install(checkout: Path, expect: int = 0) -> str:
    """Run the installer in a Python whose `venv` module makes an environment with the stand-in for pip."""
    script = f"""
import runpy, subprocess, sys
from pathlib import Path
real = subprocess.call
def call(command, **more):
    if command[1:3] == ["-m", "venv"]:
        python = Path(command[-1]) / "bin" / "python"
        import shutil; shutil.rmtree(command[-1], ignore_errors=True)
        python.parent.mkdir(parents=True)
        python.write_text({PIP.format(log=checkout / "log", fail=checkout / "fail")!r})
        python.chmod(0o755)
        with open({str(checkout / "log")!r}, "a") as log:
            log.write("venv ")
        return 0
    return real(command, **more)
subprocess.call = call
sys.argv = ["install.py", ".venv"]
runpy.run_path(".ci/install.py", run_name="__main__")
"""
    log = checkout / "log"
    log.write_text("")
    done = subprocess.run([sys.executable, "-c", script], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == expect, done.stderr
    return log.read_text()


@POSIX
def test_installs_once_then_only_what_changed(checkout):
    assert install(checkout) == "venv installed\n"
    assert install(checkout) == ""
    (checkout / "pyproject.toml").write_text("[project]\nversion = '2'\n")
    assert install(checkout) == "installed\n"
    assert install(checkout) == ""


@POSIX
def test_a_failed_or_cut_install_is_made_anew(checkout):
    (checkout / "fail").touch()
    assert install(checkout, expect=1) == "venv installed\n"
    assert not (checkout / ".venv" / ".installed").exists()
    (checkout / "fail").unlink()
    assert install(checkout) == "venv installed\n"
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / ".installed").unlink()
    assert install(checkout) == "venv installed\n"


@POSIX
def test_a_missing_or_old_python_and_a_missing_git_are_named(checkout):
    make = shutil.which("make")
    done = subprocess.run([make, "course", "PYTHON=python9"], cwd=checkout, capture_output=True, text=True)
    assert done.returncode != 0 and "there is no 'python9'" in done.stdout

    script = "import sys, runpy; sys.version_info = (3, 10, 2); sys.argv = ['install.py', '.venv']; "
    script += "runpy.run_path('.ci/install.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", script], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 1 and "ganlab needs Python 3.11 or newer; this is 3.10." in done.stderr

    command = [sys.executable, ".ci/install.py", ".venv"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, env={"PATH": "/nonexistent"})
    assert done.returncode == 1 and done.stderr.startswith("ganlab needs git")
    assert not (checkout / ".venv").exists()


def test_doctor_gives_versions_and_no_paths():
    findings = doctor.examine()
    text = doctor.as_text(findings)
    assert [finding.name for finding in findings][:3] == ["course", "python", "torch"]
    assert str(Path.home()) not in text and str(ROOT) not in text
    assert ".".join(map(str, sys.version_info[:3])) in text
    assert [entry["ok"] for entry in json.loads(doctor.as_json(findings))] == [finding.ok for finding in findings]


def test_doctor_turns_any_fault_into_a_cure(monkeypatch):
    def torch():
        raise ImportError("libtorch.so: cannot open\nmore")

    monkeypatch.setattr(doctor, "LOOKS", (torch, lambda: ("fine", "")))
    text = doctor.as_text(doctor.examine())
    assert "to fix  torch" in text and "(ImportError: libtorch.so: cannot open)" in text and "more" not in text
    assert f"-> {doctor.REINSTALL}" in text and text.endswith("1 to fix.")


def test_doctor_sees_a_missing_course_widgets_and_memory(monkeypatch, tmp_path):
    import psutil

    from ganlab.errors import GanlabError
    from ganlab.runner import chapters

    def none(*_):
        raise GanlabError("none")

    monkeypatch.setattr(chapters, "find_notebooks", none)
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *_: [str(tmp_path)])
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("State", (), {"available": 2**20, "total": 2**33})())
    assert doctor.course()[1].startswith("change to the folder")
    assert doctor.widgets()[1].startswith("python -m pip install --force-reinstall")
    assert doctor.memory()[1].startswith("close other programs")
