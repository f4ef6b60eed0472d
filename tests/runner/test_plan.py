"""Chapters are found, profiles read and plans checked before anything starts."""

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

import ganlab
from ganlab.data.store import MANIFEST, embedded_folder
from ganlab.errors import GanlabError
from ganlab.runner.chapters import chapters, find_chapter, find_notebooks
from ganlab.runner.clock import duration
from ganlab.runner.profiles import profile_names, read_profile
from ganlab.runner.run import code_fingerprint, free_folder, plan_run


@pytest.fixture
def two(course):
    course.chapter("01_gan_from_scratch")
    course.chapter("02_pacgan")
    return course


@pytest.mark.parametrize(
    "wanted",
    ["1", "01", "01_gan_from_scratch", "scratch", "notebooks/01_gan_from_scratch.ipynb", "01_gan_from_scratch.py"],
)
def test_a_chapter_by_any_name(two, wanted):
    assert find_chapter(two.notebooks, wanted).name == "01_gan_from_scratch"


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("gan", "'gan' fits several chapters: 01_gan_from_scratch, 02_pacgan"),
        ("03", "There is no chapter '03'"),
        ("02_packgan", "There is no chapter '02_packgan' (did you mean '02_pacgan'?)"),
        ("", "There is no chapter ''"),
    ],
)
def test_no_such_chapter(two, wanted, sentence):
    with pytest.raises(GanlabError) as error:
        find_chapter(two.notebooks, wanted)
    assert str(error.value).startswith(sentence)


def test_the_course_is_found_from_inside_it(two, monkeypatch, tmp_path):
    (two.notebooks / "notes.ipynb").touch()
    (two.root / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(two.root / "deep" / "er")
    assert find_notebooks() == two.notebooks
    assert [chapter.name for chapter in chapters(two.notebooks)] == ["01_gan_from_scratch", "02_pacgan"]


def test_profiles_come_before_what_is_given(two):
    two.profile("smoke", "02_pacgan: {steps: 3, rate: 1e-3}")
    chapter = find_chapter(two.notebooks, "02")
    assert profile_names(two.notebooks) == ["class", "smoke"]
    assert plan_run(chapter).parameters == {"steps": 20, "rate": 0.5, "loss": "minimax", "seed": 0}
    assert plan_run(chapter, profile="smoke").parameters["rate"] == 1e-3  # YAML reads 1e-3 as text
    assert plan_run(chapter, profile="smoke", given={"steps": "7"}).parameters["steps"] == 7


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("02_pakgan: {}", "notebooks/profiles/smoke.yaml names the chapter '02_pakgan', which does not exist"),
        ("02_pacgan: {stesp: 3}", "Profile smoke, 02_pacgan: There is no parameter 'stesp' (did you mean 'steps'?)"),
        ("02_pacgan: {steps: 0}", "Profile smoke, 02_pacgan: Parameter 'steps' is 0"),
        ("02_pacgan: {loss: no}", "Profile smoke, 02_pacgan: Parameter 'loss' expects str, got bool False (quote"),
        ("02_pacgan: {run_folder: x}", "Profile smoke, 02_pacgan: Parameter 'run_folder' is set by the run itself"),
        ("02_pacgan:", "notebooks/profiles/smoke.yaml: '02_pacgan' must map"),
        ("- 3", "notebooks/profiles/smoke.yaml must map chapter names"),
        ("a: {", "notebooks/profiles/smoke.yaml is not YAML in line 1: "),
        ("a: 2026-02-30", "notebooks/profiles/smoke.yaml is not YAML: day is out of range"),
    ],
)
def test_a_bad_profile_is_refused(two, text, sentence):
    two.profile("smoke", text)
    with pytest.raises(GanlabError) as error:
        plan_run(find_chapter(two.notebooks, "02"), profile="smoke")
    assert str(error.value).startswith(sentence)


def test_unknown_profile(two):
    with pytest.raises(GanlabError, match=r"no profile 'smok' \(did you mean 'smoke'\?\)"):
        read_profile(two.notebooks, "smok")


def test_the_key_changes_with_what_the_result_depends_on(two):
    chapter = find_chapter(two.notebooks, "02")
    key = plan_run(chapter).key
    assert plan_run(chapter).key == key
    assert plan_run(chapter, given={"steps": "20"}).key == key, "a default that is given changes nothing"
    assert plan_run(chapter, given={"steps": "21"}).key != key
    two.chapter("02_pacgan", "1 + 1")
    assert plan_run(chapter).key != key


def test_the_key_changes_with_the_packages_settings_data_and_base(tmp_path, monkeypatch):
    package, data = tmp_path / "ganlab", tmp_path / "data"
    shutil.copytree(Path(ganlab.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for manifest in embedded_folder().glob(f"*/{MANIFEST}"):
        (data / manifest.parent.name).mkdir(parents=True)
        shutil.copy(manifest, data / manifest.parent.name)
    monkeypatch.setattr(ganlab, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr("ganlab.runner.run.embedded_folder", lambda: data)
    prints = [code_fingerprint()]
    changed = (package / "recipes.yaml", next(package.glob("scale/presets/*.yaml")), data / "classifiers" / MANIFEST)
    for path in (*changed, package / "seeds.py"):
        path.write_text(path.read_text("utf-8") + "\n", "utf-8")
        prints.append(code_fingerprint())
    monkeypatch.setattr("ganlab.runner.run.version", lambda name: "99" if name == "scikit-learn" else version(name))
    prints.append(code_fingerprint())
    assert len(set(prints)) == 6
    (package / "cli.py").write_text("")
    assert code_fingerprint() == prints[-1]


def test_a_missing_or_broken_notebook_is_named(two):
    chapter = find_chapter(two.notebooks, "02")
    chapter.learner.write_text("{")
    with pytest.raises(GanlabError, match="02_pacgan.ipynb is not a readable notebook"):
        plan_run(chapter)
    chapter.learner.unlink()
    with pytest.raises(GanlabError, match="run `ganlab notebooks build 02`"):
        plan_run(chapter)


def test_free_folder(tmp_path):
    folder = tmp_path / "a"
    assert free_folder(folder) == folder
    folder.mkdir()
    (tmp_path / "a-2").mkdir()
    assert free_folder(folder) == tmp_path / "a-3"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (3599.7, "1 h 00 min"), (7380, "2 h 03 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
