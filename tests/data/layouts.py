"""Small CelebAs in each layout in which people have it."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from ganlab.data.importing import CELEBA_ATTRIBUTES

N = 25
NAMES = [f"{i:06d}.jpg" for i in range(1, N + 1)]
RNG = np.random.default_rng(0)
ATTRIBUTES = RNG.random((N, 40)) < 0.4
SPLIT = np.repeat([0, 1, 2], [15, 5, 5])


def photograph(i: int, width: int = 178, height: int = 218) -> bytes:
    """A smooth picture that tells where it was cut, as JPEG."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([x, y, np.full_like(x, 10 * i % 256)], -1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


PHOTOS = [photograph(i) for i in range(N)]


def attribute_txt() -> str:
    rows = [f"{n} " + " ".join(" 1" if v else "-1" for v in row) for n, row in zip(NAMES, ATTRIBUTES, strict=True)]
    return "\n".join([str(N), " ".join(CELEBA_ATTRIBUTES) + " ", *rows]) + "\n"


def partition_txt() -> str:
    return "".join(f"{n} {s}\n" for n, s in zip(NAMES, SPLIT, strict=True))


def attribute_csv() -> str:
    rows = [f"{n}," + ",".join("1" if v else "-1" for v in row) for n, row in zip(NAMES, ATTRIBUTES, strict=True)]
    return "\n".join(["image_id," + ",".join(CELEBA_ATTRIBUTES), *rows]) + "\n"


def partition_csv() -> str:
    return "image_id,partition\n" + "".join(f"{n},{s}\n" for n, s in zip(NAMES, SPLIT, strict=True))


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def zipped(names_and_bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in names_and_bytes:
            archive.writestr(name, content)
    return buffer.getvalue()


def torchvision_folder(folder):
    images = {f"celeba/img_align_celeba/{n}": p for n, p in zip(NAMES, PHOTOS, strict=True)}
    lists = {"celeba/list_attr_celeba.txt": attribute_txt(), "celeba/list_eval_partition.txt": partition_txt()}
    return write(folder, {**images, **lists, "celeba/identity_CelebA.txt": "000001.jpg 1\n"})


def official_zip(folder):
    archive = zipped((f"img_align_celeba/{n}", p) for n, p in zip(NAMES, PHOTOS, strict=True))
    write(folder, {"Img/img_align_celeba.zip": archive, "Anno/list_attr_celeba.txt": attribute_txt(),
                   "Eval/list_eval_partition.txt": partition_txt()})  # fmt: skip
    return folder / "Img" / "img_align_celeba.zip"


def kaggle_folder(folder):
    images = {f"img_align_celeba/img_align_celeba/{n}": p for n, p in zip(NAMES, PHOTOS, strict=True)}
    lists = {"list_attr_celeba.csv": attribute_csv(), "list_eval_partition.csv": partition_csv()}
    return write(folder, {**images, **lists, "list_bbox_celeba.csv": "image_id,x_1\n"})


def kaggle_zip(folder):
    whole = kaggle_folder(folder / "unpacked")
    files = [(str(p.relative_to(whole)), p.read_bytes()) for p in sorted(whole.rglob("*")) if p.is_file()]
    (folder / "archive.zip").write_bytes(zipped(files))
    return folder / "archive.zip"


def parquet_folder(folder):
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    folder = folder / "img_align+identity+attr"
    folder.mkdir(parents=True)
    for word, s in (("test", 2), ("train", 0), ("valid", 1)):
        rows = np.flatnonzero(SPLIT == s)
        for part, chosen in enumerate(np.array_split(rows, 2)):
            table = {"image": [{"bytes": PHOTOS[i], "path": NAMES[i]} for i in chosen], "celeb_id": list(chosen)}
            table |= {name: ATTRIBUTES[chosen, k] for k, name in enumerate(CELEBA_ATTRIBUTES)}
            parquet.write_table(pyarrow.table(table), folder / f"{word}-0000{part}-of-00002.parquet", row_group_size=3)
    return folder
