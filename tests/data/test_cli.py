"""`ganlab data` as a reader uses it."""

import re

import pytest
from PIL import Image
from typer.testing import CliRunner

from ganlab.data import store
from ganlab.data.cli import app
from ganlab.errors import GanlabError
from tests.data.layouts import kaggle_folder, torchvision_folder, write


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANLAB_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path / "home"


def call(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_list_names_everything_its_terms_and_where_large_data_lives(home):
    said = call("list")
    for word in ("digits", "faces", "fashion", "classifiers", "mnist", "cifar10", "celeba", "not here", "MIT", "CC BY"):
        assert word in said
    assert f"Large data lives in {home}" in said and not home.exists()  # looking makes nothing


def test_import_list_path_verify_show(tmp_path, home):
    said = call("import", "celeba", kaggle_folder(tmp_path / "kaggle"))
    assert "25 images of 64 x 64" in said and "25 images; the whole set has 202,599." in said
    assert re.search(r"celeba-64-crop108 +imported +25 images of 64 x 64", call("list"))
    assert call("path", "celeba-64-crop108").strip() == str(home / "celeba-64-crop108")
    assert call("path").strip() == str(home)
    assert call("verify", "celeba-64-crop108").count("ok ") == 3
    call("show", "celeba-64-crop108", "--out", tmp_path / "sheet.png", "--count", 9)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (2 + 3 * 130, 2 + 3 * 130)


def test_verify_names_the_damaged_file(tmp_path, home):
    call("import", "celeba", torchvision_folder(tmp_path / "source"))
    path = home / "celeba-64-crop108" / "images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(GanlabError, match="1 of the files are damaged, celeba-64-crop108/images.npy first"):
        call("verify")


def test_everything_embedded_is_whole():
    assert "BAD" not in call("verify")


def test_import_images_with_its_terms(tmp_path, home):
    write(tmp_path / "mine", {})
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (50, 40)).save(tmp_path / "mine" / "a.png")
    call("import", "images", tmp_path / "mine", "--name", "cats", "--size", 16, "--licence", "CC0")
    assert store.read_json(home / "cats" / "manifest.json")["licence"] == "CC0"


def test_an_unfinished_import_is_listed(home):
    write(home / "big.partial", {"progress.json": '{"plan": {"images": 1000}, "done": 512}'})
    assert "512 of 1,000 images" in call("list")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("path", "cats"), "no data set 'cats'"),
        (("path", "mnist"), "mnist has no folder here: it is not here"),
        (("verify", "cats"), "no files of 'cats'"),
        (("show", "cats", "--out", "x.png"), "no data set 'cats' to show"),
        (("import", "celeba", "/nowhere"), "/nowhere does not exist"),
        (("import", "celeba", "/tmp", "--crop", "3"), "--crop is '3'"),
        (("download", "imagenet"), "'imagenet' cannot be downloaded"),
    ],
)
def test_errors_are_one_sentence(arguments, words):
    with pytest.raises(GanlabError, match=words) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["digits", "fashion", "faces", "drawings", "stacked-digits", "stacked-fashion", "compositional-digits"]
)
def test_every_set_has_a_contact_sheet(tmp_path, name):
    call("show", name, "--out", tmp_path / "sheet.png", "--count", 6, "--scale", 1)
    picture = Image.open(tmp_path / "sheet.png")
    assert picture.mode == "RGB" and len(picture.getcolors(1 << 24)) > 10
