"""Imports: five layouts give the same bytes, anything bad is named, and the store stays as it was."""

import io
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from ganlab.data import importing, store
from ganlab.data.importing import CELEBA_ATTRIBUTES, decode, find_celeba, find_images, import_images
from ganlab.data.photos import celeba, imported
from ganlab.errors import GanlabError
from ganlab.files import locked
from ganlab.scale.pictures import held_out, training
from tests.data.layouts import (
    ATTRIBUTES,
    NAMES,
    PHOTOS,
    N,
    attribute_txt,
    kaggle_folder,
    kaggle_zip,
    official_zip,
    parquet_folder,
    partition_txt,
    photograph,
    torchvision_folder,
    write,
    zipped,
)

LAYOUTS = [torchvision_folder, official_zip, kaggle_folder, kaggle_zip, parquet_folder]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANLAB_DATA", str(tmp_path / "home"))
    monkeypatch.setattr(importing, "_CHUNK", 4)
    return tmp_path / "home"


def snapshot(home):
    return {str(p.relative_to(home)): p.read_bytes() for p in home.rglob("*") if p.is_file()} if home.exists() else {}


def visible(home):
    """What lies there, locks aside."""
    return sorted(path.name for path in home.iterdir() if path.suffix != ".lock")


def run(found, name="celeba-64-crop108", **options):
    options = {"crop": 108, "workers": 2} | options
    with found:
        return import_images(found, name, **options)


# --- the five layouts


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images_attributes_and_split(tmp_path, home, layout):
    done = run(find_celeba(layout(tmp_path / "source")))
    assert done.images == N
    whole = celeba(split="all")
    for i in (0, 7, N - 1):  # an independent decoding: PIL, centre crop, bicubic
        image = Image.open(io.BytesIO(PHOTOS[i])).crop((35, 55, 143, 163)).resize((64, 64), Image.Resampling.BICUBIC)
        assert np.array_equal(whole.images[i].permute(1, 2, 0).numpy(), np.asarray(image))
    assert np.array_equal(whole.attributes.numpy(), ATTRIBUTES) and whole.names == CELEBA_ATTRIBUTES
    assert [len(celeba(split=s)) for s in ("train", "valid", "test")] == [15, 5, 5]
    assert torch.equal(celeba(split="valid").images, whole.images[15:20])
    assert torch.equal(whole.column("Smiling"), torch.from_numpy(ATTRIBUTES[:, CELEBA_ATTRIBUTES.index("Smiling")]))
    manifest = store.read_json(home / "celeba-64-crop108" / "manifest.json")
    assert manifest["crop"] == "centre square of 108 pixels" and "non-commercial" in importing.CELEBA_LICENCE
    assert all(store.problem_with(home / "celeba-64-crop108" / f, s) is None for f, s in manifest["files"].items())
    assert visible(home) == ["celeba-64-crop108"]


def test_a_folder_of_images_alone_is_imported_without_attributes(tmp_path):
    found = find_celeba(write(tmp_path / "plain", {f"a/{n}": p for n, p in zip(NAMES, PHOTOS, strict=True)}))
    done = run(found, crop=178, name="celeba-64-crop178")
    assert "without attributes" in done.remarks[0]
    whole = celeba(crop=178, split="all")
    assert whole.attributes is None and len(whole) == N
    with pytest.raises(GanlabError, match="imported without a split"):
        celeba(crop=178, split="train")
    with pytest.raises(GanlabError, match="no attribute 'Smiling'"):
        whole.column("Smiling")


def test_any_images_of_any_shape_and_kind(tmp_path):
    source = tmp_path / "mine"
    source.mkdir()
    for i, (mode, size, ending) in enumerate([("RGB", (90, 40), "png"), ("L", (30, 70), "jpg"), ("P", (50, 50), "png"),
                                              ("RGBA", (64, 20), "webp"), ("CMYK", (33, 33), "jpg")]):  # fmt: skip
        Image.new(mode, size, 0 if mode in "LP" else None).save(source / f"{i}.{ending}")
    (source / "notes.txt").write_text("not an image")
    run(find_images(source), name="mine", size=32, crop=None)
    assert imported("mine").images.shape == (5, 3, 32, 32)


def test_the_centre_is_cut_and_the_orientation_is_kept():
    x, y = np.meshgrid(np.arange(178), np.arange(218))
    buffer = io.BytesIO()
    Image.fromarray(np.stack([x, y, 0 * x], -1).astype(np.uint8)).save(buffer, "PNG")
    out = decode(buffer.getvalue(), "x.png", 108, 108)
    assert out[0, 0, 0] == 35 and out[1, 0, 0] == 55 and out[0, 0, -1] == 142 and out[1, -1, 0] == 162


# --- interruptions


class Stop(BaseException):
    pass


@pytest.mark.parametrize("layout", [torchvision_folder, parquet_folder])
def test_an_interrupted_import_goes_on_to_the_same_bytes(tmp_path, home, layout):
    source = layout(tmp_path / "source")

    def stop_at(done, total):
        if done >= 12:
            raise Stop

    with pytest.raises(Stop):
        run(find_celeba(source), progress=stop_at)
    assert not (home / "celeba-64-crop108").exists()
    with pytest.raises(GanlabError, match="is not in"):
        celeba()
    seen = []
    run(find_celeba(source), progress=lambda done, total: seen.append(done))
    assert seen[0] == 16 and seen[-1] == N  # it did not start again
    resumed = snapshot(home)
    run(find_celeba(source), name="straight")
    straight = (home / "straight" / "images.npy").read_bytes()
    assert resumed["celeba-64-crop108/images.npy"] == straight


def test_a_killed_import_goes_on(tmp_path, home):
    source = torchvision_folder(tmp_path / "source")
    program = f"""
        import os, time
        from pathlib import Path
        from ganlab.data import importing
        importing._CHUNK = 4
        def slow(done, total):
            print(done, flush=True)
            time.sleep(30 if done >= 8 else 0)
        importing.import_images(importing.find_celeba(Path({str(source)!r})), "killed", crop=108, progress=slow)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": os.getcwd()})  # fmt: skip
    assert process.stdout.readline() == "4\n" and process.stdout.readline() == "8\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    seen = []
    run(find_celeba(source), name="killed", progress=lambda done, total: seen.append(done))
    assert seen[0] == 12
    assert len(imported("killed")) == N and visible(home) == ["killed"]


def test_a_half_done_import_of_another_plan_is_not_mixed_in(tmp_path, home):
    source = torchvision_folder(tmp_path / "source")

    def stop(done, total):
        raise Stop

    with pytest.raises(Stop):
        run(find_celeba(source), progress=stop)
    seen = []
    run(find_celeba(source), crop=178, progress=lambda done, total: seen.append(done))
    assert seen[0] == 4  # another crop: from the start
    assert store.read_json(home / "celeba-64-crop108" / "manifest.json")["crop"] == "centre square of 178 pixels"


def test_two_imports_at_once_are_refused(tmp_path):
    found = find_celeba(torchvision_folder(tmp_path / "source"))

    def again(done, total):
        with pytest.raises(GanlabError, match="Another import is writing"):
            run(found)

    run(found, progress=again)


def test_a_lock_is_one_file_for_all_who_wait_for_it(tmp_path):
    """An unlinked lock would be held by whoever waited for it, and a new one by whoever came later."""
    lock = tmp_path / "new" / "lock"
    with locked(lock):
        inode = lock.stat().st_ino
        with pytest.raises(GanlabError, match="taken"), locked(lock, "taken"):
            pass
    with locked(lock, "taken"):
        assert lock.stat().st_ino == inode


# --- bad sources, and the store as it was


def spoil(name, content):
    """torchvision's folder with one file replaced (or removed)."""

    def make(folder):
        torchvision_folder(folder)
        path = folder / "celeba" / name
        path.unlink() if content is None else path.write_bytes(content)
        return folder

    return make


def csv_without(column):
    def make(folder):
        kaggle_folder(folder)
        path = folder / "list_attr_celeba.csv"
        rows = [line.split(",") for line in path.read_text().splitlines()]
        drop = rows[0].index(column)
        path.write_text("\n".join(",".join(v for i, v in enumerate(row) if i != drop) for row in rows))
        return folder

    return make


def big_png(width, height):
    """The header of a picture of that size; its pixels are not there."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def archive(names_and_bytes):
    def make(folder):
        folder.mkdir(parents=True)
        (folder / "x.zip").write_bytes(zipped(names_and_bytes))
        return folder / "x.zip"

    return make


def plain(name, content):
    def make(folder):
        write(folder, {name: content})
        return folder / name if name.endswith((".zip", ".parquet")) else folder

    return make


BAD = {
    "a cut JPEG": (spoil("img_align_celeba/000009.jpg", PHOTOS[8][:1500]), "000009.jpg is not a whole image"),
    "a text as image": (spoil("img_align_celeba/000009.jpg", b"quota"), "000009.jpg is not a whole image"),
    "30,000 pixels": (spoil("img_align_celeba/000009.jpg", big_png(30_000, 30_000)), "000009.jpg is 30,000 x 30,000|"
                      "000009.jpg would unpack"),
    "9,000 pixels": (spoil("img_align_celeba/000009.jpg", big_png(9_000, 9_000)), "9,000 x 9,000 pixels"),
    "a small image": (spoil("img_align_celeba/000009.jpg", photograph(0, 64, 64)), "64 x 64 pixels, smaller than"),
    "a missing image": (spoil("img_align_celeba/000009.jpg", None), "1 of the 25 listed images .* 000009.jpg first"),
    "a list cut short": (spoil("list_attr_celeba.txt", attribute_txt()[:-300].encode()), "promises 25|values"),
    "a quota page as list": (spoil("list_attr_celeba.txt", b"<!DOCTYPE html><html>Quota"), "is a web page"),
    "binary as list": (spoil("list_attr_celeba.txt", bytes(range(256))), "not a text file"),
    "an attribute of 7": (spoil("list_attr_celeba.txt", attribute_txt().replace("-1", " 7", 1).encode()), "is '7'"),
    "a column short": (csv_without("Smiling"), "lacks 1 of CelebA's 40 columns, 'Smiling'"),
    "no image_id": (csv_without("image_id"), "no column 'image_id'"),
    "a bad split": (spoil("list_eval_partition.txt", partition_txt().replace(" 0", " 9").encode()), "holds '9'"),
    "a short split": (spoil("list_eval_partition.txt", b"000001.jpg 0\n"), "says nothing of 000002.jpg"),
    "zip slip": (archive([("../../evil.jpg", PHOTOS[0])]), r"'../../evil.jpg', which points out of the archive"),
    "absolute name": (archive([("/etc/evil.jpg", PHOTOS[0])]), "points out of the archive"),
    "backslashes": (archive([("..\\evil.jpg", PHOTOS[0])]), "points out of the archive"),
    "a zip of nothing": (archive([("readme.txt", b"hello")]), "no images"),
    "a cut zip": (plain("img_align_celeba.zip", zipped([("a.jpg", PHOTOS[0])])[:2000]), "not a whole zip archive"),
    "a quota page as zip": (plain("img_align_celeba.zip", b"<html>Quota exceeded</html>"), "quota page"),
    "a cut parquet": (plain("train.parquet", b"PAR1" + b"\0" * 50), "not a whole parquet file"),
    "an empty folder": (plain("readme.txt", b""), "no images, no parquet files"),
    "nothing": (lambda folder: folder, "does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_sources_are_named_and_the_store_stays_as_it_was(tmp_path, home, case):
    make, words = BAD[case]
    run(find_celeba(torchvision_folder(tmp_path / "good")))
    before = snapshot(home)
    with pytest.raises(GanlabError, match=words) as caught:
        run(find_celeba(make(tmp_path / "bad")), replace=True)
    assert "\n" not in str(caught.value)
    after = snapshot(home)
    if case in ("a cut JPEG", "a text as image", "30,000 pixels", "9,000 pixels", "a small image"):
        half = [name for name in after if name.startswith("celeba-64-crop108.partial/")]  # eight good images came first
        assert half and store.read_json(home / "celeba-64-crop108.partial" / "progress.json")["done"] == 8
        after = {name: content for name, content in after.items() if name not in half}
    assert after == before
    assert len(celeba(split="all")) == N and not list(tmp_path.rglob("evil.jpg"))


def test_a_source_that_cannot_be_read_at_all_leaves_nothing(tmp_path, home):
    with pytest.raises(GanlabError, match="smaller than the crop of 200"):
        run(find_celeba(torchvision_folder(tmp_path / "source")), crop=200)
    assert not visible(home)


@pytest.mark.parametrize("make", [official_zip, kaggle_zip, parquet_folder])
def test_archives_are_closed_when_they_are_imported_and_when_they_are_refused(tmp_path, make, monkeypatch):
    mine = lambda: [file.path for file in psutil.Process().open_files() if file.path.startswith(str(tmp_path / "in"))]
    with find_celeba(make(tmp_path / "in" / "good")) as found:
        assert mine()
    assert found.names and not mine()
    monkeypatch.setattr(importing, "CELEBA_ATTRIBUTES", (*CELEBA_ATTRIBUTES, "Asleep"))
    with pytest.raises(GanlabError, match="'Asleep' first") as caught:
        find_celeba(make(tmp_path / "in" / "refused"))
    assert caught.tb and not mine()  # whatever the traceback still holds


def test_an_image_that_cannot_be_read_is_not_said_to_be_a_full_disk(tmp_path, monkeypatch):
    source = write(tmp_path / "plain", {"a.jpg": PHOTOS[0], "b.jpg": PHOTOS[1]})
    found, read = find_images(source), Path.read_bytes

    def refused(path):
        if path.name == "b.jpg":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(GanlabError, match=r"b.jpg cannot be read \(Permission denied\)"):
        run(found, name="x", crop=None)


def test_a_flipped_byte_inside_a_zip_is_noticed(tmp_path):
    content = bytearray(zipped([("a.png", big_png(4, 4)), ("b.jpg", PHOTOS[0])]))
    content[len(content) // 2] ^= 255
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(GanlabError, match="b.jpg in .* cannot be unpacked|not a whole image"):
        run(find_images(tmp_path / "x.zip"), name="x", crop=None)


def test_an_existing_import_is_kept_unless_it_is_to_be_replaced(tmp_path, home):
    found = find_celeba(torchvision_folder(tmp_path / "source"))
    run(found)
    before = snapshot(home)
    with pytest.raises(GanlabError, match="exists already"):
        run(found, crop=178)
    assert snapshot(home) == before
    run(found, crop=178, replace=True)
    assert snapshot(home) != before and visible(home) == ["celeba-64-crop108"]


def test_a_replacement_cut_off_between_its_renames_is_put_right(tmp_path, home, monkeypatch):
    found = find_celeba(torchvision_folder(tmp_path / "source"))
    run(found)
    before = snapshot(home)
    real_replace, calls = os.replace, []

    def second_fails(a, b):
        if str(b).endswith("celeba-64-crop108") or str(b).endswith(".replaced"):
            calls.append(b)
            if len(calls) == 2:
                raise Stop
        real_replace(a, b)

    monkeypatch.setattr(os, "replace", second_fails)
    with pytest.raises(Stop):
        run(found, crop=178, replace=True)
    monkeypatch.undo()
    monkeypatch.setenv("GANLAB_DATA", str(home))
    with pytest.raises(GanlabError, match="exists already"):
        run(found)
    assert {k: v for k, v in snapshot(home).items() if ".partial" not in k} == before


def test_too_little_room_is_said_before_anything_is_written(tmp_path, home, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(GanlabError, match="needs 0.0 GB"):
        run(find_celeba(torchvision_folder(tmp_path / "source")))
    assert not visible(home)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_said_and_what_is_there_is_kept(tmp_path, home):
    source = torchvision_folder(tmp_path / "source")
    program = f"""
        import resource
        from pathlib import Path
        from ganlab.data import importing
        from ganlab.errors import GanlabError
        importing._CHUNK = 4
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
        try:
            importing.import_images(importing.find_celeba(Path({str(source)!r})), "full", crop=108)
        except GanlabError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.getcwd()})  # fmt: skip
    assert done.returncode == 0 and done.stdout.startswith("Could not write to") and "is kept" in done.stdout
    seen = []
    run(find_celeba(source), name="full", progress=lambda done, total: seen.append(done))
    assert seen[0] == 16  # 12 images fitted
    run(find_celeba(source), name="straight")
    assert torch.equal(imported("full").images, imported("straight").images)


def test_a_truncated_import_is_refused_when_it_is_used(tmp_path, home):
    run(find_celeba(torchvision_folder(tmp_path / "source")))
    path = home / "celeba-64-crop108" / "images.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(GanlabError, match="images.npy has .* bytes instead of"):
        celeba()


def test_using_an_import_never_changes_it(tmp_path, home):
    run(find_celeba(torchvision_folder(tmp_path / "source")))
    before = snapshot(home)
    celeba().images[0] = 0
    assert snapshot(home) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "../out"}, "cannot name a data set"),
        ({"name": "a.partial"}, "cannot name a data set"),
        ({"size": 2}, "size is 2"),
    ],
)
def test_bad_plans_are_refused(tmp_path, home, options, words):
    found = find_celeba(torchvision_folder(tmp_path / "source"))
    with pytest.raises(GanlabError, match=words):
        run(found, **options)
    assert not home.exists()


def test_of_an_import_without_a_split_every_tenth_image_is_never_trained_on(tmp_path):
    source = tmp_path / "mine"
    source.mkdir()
    for i in range(25):
        Image.new("RGB", (8, 8), (10 * i, 0, 0)).save(source / f"{i:02}.png")
    run(find_images(source), name="mine", size=8, crop=None)
    s = SimpleNamespace(data="mine", size=8)
    trained, unseen = (pictures.images[:, 0, 0, 0].tolist() for pictures in (training(s), held_out(s, 5)))
    assert unseen == [90, 190] and trained == [10 * i for i in range(25) if 10 * i not in unseen]
    assert len(held_out(s, 1)) == 1
