"""From what people have to one memory-mapped `uint8` file: CelebA in five layouts, or any folder of images.

An import writes into `NAME.partial` beside its goal, in order, and notes how far it is. Interrupted at any moment it
goes on from there when the same command is given again. When the last image is in, checksums are taken, and only then
does the folder get its final name: `NAME` is a whole import or it does not exist.

Nothing is extracted from an archive onto the disk, and nothing is unpickled; images are decoded one by one after
their size has been looked at.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import repeat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ganlab.data import store
from ganlab.errors import GanlabError
from ganlab.files import locked, write_atomically

if TYPE_CHECKING:
    from PIL import Image
    from pyarrow.parquet import ParquetFile

T = TypeVar("T")

CELEBA_IMAGES = 202_599
CELEBA_ATTRIBUTES = tuple(
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks "
    "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young".split()
)
CELEBA_LICENCE = "for non-commercial research only; see mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
SPLITS = ("train", "valid", "test")
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
LARGEST_PIXELS = 64_000_000  # an image of more is refused before it is decoded
LARGEST_FILE = 256 << 20  # bytes of one image file, in an archive or out of it
_CHUNK = 512  # images between two notes of how far the import is; fewer when they are large


# --- where images come from: a folder or a zip, read alike ----------------------------------------------------------


class Folder:
    """A tree of files."""

    def __init__(self, path: Path):
        self.path = path

    def close(self) -> None:
        """Nothing is held open."""

    def names(self) -> list[str]:
        found = []
        for folder, folders, files in os.walk(self.path):
            folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
            relative = PurePosixPath(Path(folder).relative_to(self.path).as_posix())
            found += [str(relative / name) for name in files if not name.startswith(".")]
        return sorted(found)

    def read(self, name: str) -> bytes:
        path = self.path / name
        try:
            if (size := path.stat().st_size) > LARGEST_FILE:
                raise GanlabError(f"{path} has {size:,} bytes, more than any image here should; remove it.")
            return path.read_bytes()
        except OSError as error:
            raise GanlabError(f"{path} cannot be read ({error.strerror}); mend or remove it.") from None


class Zip:
    """A zip archive, read in place: its files are never written to the disk under their own names."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise GanlabError(_not_a_zip(path, error)) from None
        for name in self.archive.namelist():
            parts = PurePosixPath(name.replace("\\", "/"))
            if parts.is_absolute() or ".." in parts.parts or re.match(r"[A-Za-z]:", name):
                self.close()
                raise GanlabError(
                    f"{path} holds a file named {name!r}, which points out of the archive; "
                    "do not trust this archive, fetch it from its official source."
                )

    def close(self) -> None:
        self.archive.close()

    def names(self) -> list[str]:
        names = [info.filename for info in self.archive.infolist() if not info.is_dir()]
        return sorted(n for n in names if not n.startswith("__MACOSX") and not PurePosixPath(n).name.startswith("."))

    def read(self, name: str) -> bytes:
        info = self.archive.getinfo(name)
        if info.file_size > LARGEST_FILE:
            raise GanlabError(f"{name} in {self.path} unpacks to {info.file_size:,} bytes, too much for one image.")
        try:
            return self.archive.read(info)
        except (zipfile.BadZipFile, RuntimeError, EOFError, OSError, NotImplementedError) as error:
            raise GanlabError(f"{name} in {self.path} cannot be unpacked ({error}); fetch the archive again.") from None


@contextmanager
def _closed_if_not_found(files: Folder | Zip) -> Iterator[Folder | Zip]:
    """Inside, a fault closes the files; without one they stay open for whoever reads the images."""
    try:
        yield files
    except BaseException:
        files.close()
        raise


def files_of(path: Path) -> Folder | Zip:
    """A folder's files or a zip archive's, to be closed by the caller."""
    return Zip(path) if path.is_file() else Folder(path)


def _not_a_zip(path: Path, error: Exception) -> str:
    start = b""
    if path.is_file():
        with open(path, "rb") as file:
            start = file.read(4096)
    if b"<html" in start.lower() or b"quota" in start.lower():
        return (
            f"{path} is a web page, not an archive: Google Drive answered with its quota page instead of the file. "
            "Wait a day, or take CelebA from Kaggle or Hugging Face, and import that."
        )
    return f"{path} is not a whole zip archive ({error}); fetch it again."


# --- what an import is about to read --------------------------------------------------------------------------------


@dataclass
class Found:
    """Images in their final order, and what is known of them; `read(i)` gives the encoded bytes of image i.

    An archive stays open until `close()`, or the end of a `with` block.
    """

    layout: str
    names: list[str]
    read: Callable[[int], bytes]
    attributes: np.ndarray | None = None  # bool (n, attributes)
    attribute_names: tuple[str, ...] = ()
    split: np.ndarray | None = None  # uint8 (n,), 0 train, 1 valid, 2 test
    remarks: list[str] = field(default_factory=list)
    close: Callable[[], None] = lambda: None

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fingerprint(self) -> str:
        """Changes when the images or what is known of them do; a half-done import goes on only with the same one."""
        digest = hashlib.sha256("\n".join([self.layout, *self.names]).encode())
        for part in (self.attributes, self.split):
            digest.update(b"-" if part is None else part.tobytes())
        return digest.hexdigest()


def find_celeba(path: Path) -> Found:
    """Recognise CelebA at `path`: torchvision's folder, the official zip, Kaggle's layout, a parquet folder, or images.

    Raises:
        GanlabError: nothing of these is there, or its lists are incomplete or do not fit its images.
    """
    path = _existing(path)
    if path.is_file():
        if path.suffix.lower() == ".parquet":
            return _parquet([path])
        with _closed_if_not_found(Zip(path)) as files:
            lists = [(files, name) for name in files.names()]
            beside = Folder(path.parent)  # the official archive holds only images; its lists lie beside it
            near = [p for p in ("", "Anno", "Eval", "../Anno", "../Eval") if (path.parent / p).is_dir()]
            lists += [(beside, str(PurePosixPath(p) / f.name)) for p in near for f in (path.parent / p).iterdir()]
            return _listed(files, files.names(), lists, f"zip archive {path.name}")
    parquet = sorted(path.rglob("*.parquet"))
    if parquet:
        return _parquet(parquet)
    files = Folder(path)
    names = files.names()
    if not any(_is_image(name) for name in names):
        archives = [name for name in names if PurePosixPath(name).name == "img_align_celeba.zip"]
        if not archives:
            raise GanlabError(
                f"{path} holds no images, no parquet files and no img_align_celeba.zip; "
                "give the folder or archive that holds CelebA."
            )
        with _closed_if_not_found(Zip(path / archives[0])) as archive:
            return _listed(archive, archive.names(), [(files, name) for name in names], f"zip archive {archives[0]}")
    return _listed(files, names, [(files, name) for name in names], "folder")


def find_images(path: Path) -> Found:
    """Every image under a folder or in a zip, by name; no attributes, no split."""
    path = _existing(path)
    with _closed_if_not_found(files_of(path)) as files:
        names = [name for name in files.names() if _is_image(name)]
        if not names:
            endings = ", ".join(ENDINGS)
            raise GanlabError(f"{path} holds no images ({endings}); give a folder or a zip archive of images.")
        return Found("images", names, lambda i: files.read(names[i]), close=files.close)


def _existing(path: Path) -> Path:
    path = Path(path).expanduser()
    if not path.exists():
        raise GanlabError(f"{path} does not exist; give the folder or archive that holds the images.")
    return path


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in ENDINGS


def _listed(files: Folder | Zip, names: list[str], lists: list[tuple[Folder | Zip, str]], layout: str) -> Found:
    """CelebA as image files with lists beside them: official .txt (torchvision) or .csv (Kaggle)."""
    images = {PurePosixPath(name).name: name for name in names if _is_image(name)}
    if not images:
        raise GanlabError(f"There are no images in the {layout}; give the archive or folder that holds CelebA.")
    by_name = {PurePosixPath(name).name: (where, name) for where, name in lists}

    def table(stem: str) -> tuple[list[str], dict[str, list[str]]] | None:
        for ending, parse in ((".txt", _parse_txt), (".csv", _parse_csv)):
            if (found := by_name.get(stem + ending)) is not None:
                where, name = found
                return parse(where.read(name), f"{where.path}/{name}", header=stem == "list_attr_celeba")
        return None

    attributes, partition = table("list_attr_celeba"), table("list_eval_partition")
    kind = "official" if "list_attr_celeba.txt" in by_name else "Kaggle's"
    if attributes is None:
        order = sorted(images)
        remarks = ["No list_attr_celeba.txt or .csv was found: the images are imported without attributes and split."]
        return Found(f"{layout}, images only", [images[name] for name in order],
                     lambda i: files.read(images[order[i]]), remarks=remarks, close=files.close)  # fmt: skip
    header, rows = attributes
    if missing := [name for name in CELEBA_ATTRIBUTES if name not in header]:
        raise GanlabError(
            f"The attribute list lacks {len(missing)} of CelebA's 40 columns, {missing[0]!r} first; fetch it again."
        )
    order = sorted(rows)
    if lost := [name for name in order if name not in images]:
        raise GanlabError(
            f"{len(lost):,} of the {len(order):,} listed images are not there, {lost[0]} first; "
            "unpack the images again, or fetch them again."
        )
    columns = [header.index(name) for name in CELEBA_ATTRIBUTES]
    values = _attribute_values([[rows[name][c] for c in columns] for name in order])
    split = None
    remarks = [] if len(order) == CELEBA_IMAGES else [f"{len(order):,} images; the whole set has {CELEBA_IMAGES:,}."]
    if partition is None:
        remarks.append("No list_eval_partition was found: the images are imported without the official split.")
    else:
        unsplit = [name for name in order if name not in partition[1]]
        if unsplit:
            raise GanlabError(f"list_eval_partition says nothing of {unsplit[0]}; fetch the list again.")
        split = _split_values([partition[1][name][0] for name in order])
    if extra := len(images) - len(order):
        remarks.append(f"{extra:,} images are not in the attribute list and are left out.")
    return Found(f"{layout}, {kind} lists", [images[name] for name in order],
                 lambda i: files.read(images[order[i]]), values, CELEBA_ATTRIBUTES, split, remarks,
                 files.close)  # fmt: skip


def _parse_txt(content: bytes, name: str, header: bool) -> tuple[list[str], dict[str, list[str]]]:
    """The official lists: attributes have a count, then the column names, then rows; the partition only rows."""
    lines = [line.split() for line in _text(content, name).splitlines() if line.strip()]
    columns: list[str] = []
    if header:
        if len(lines) < 2 or len(lines[0]) != 1 or not lines[0][0].isdigit():
            raise GanlabError(f"{name} does not start with a count and column names; fetch it again.")
        if int(lines[0][0]) != len(lines) - 2:
            raise GanlabError(
                f"{name} promises {int(lines[0][0]):,} images and lists {len(lines) - 2:,}; fetch it again."
            )
        columns, lines = lines[1], lines[2:]
    return columns, _rows(lines, len(columns) or 1, name)


def _parse_csv(content: bytes, name: str, header: bool) -> tuple[list[str], dict[str, list[str]]]:
    """Kaggle's lists: a header line, the image's name in the first column."""
    lines = [row for row in csv.reader(io.StringIO(_text(content, name))) if row]
    if not lines or lines[0][0] != "image_id":
        raise GanlabError(f"{name} has no column 'image_id' in front; fetch the CSV file again.")
    columns = lines[0][1:]
    if not columns:
        raise GanlabError(f"{name} has no columns beside 'image_id'; fetch the CSV file again.")
    return columns, _rows(lines[1:], len(columns), name)


def _rows(lines: list[list[str]], width: int, name: str) -> dict[str, list[str]]:
    for number, line in enumerate(lines, 1):
        if len(line) != width + 1:
            raise GanlabError(f"Row {number:,} of {name} has {len(line)} values, not {width + 1}; fetch it again.")
    return {line[0]: line[1:] for line in lines}


def _text(content: bytes, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GanlabError(f"{name} is not a text file; fetch it again.") from None
    if "<html" in text[:2000].lower():
        raise GanlabError(f"{name} is a web page, not a list: the download met a quota; fetch it again later.")
    return text


def _attribute_values(rows: list[list[str]]) -> np.ndarray:
    values = np.array(rows)
    on, off = values == "1", (values == "-1") | (values == "0")
    if not (on | off).all():
        bad = str(values[~(on | off)][0])
        raise GanlabError(f"An attribute is {bad!r}; attributes are 1 or -1. Fetch the list again.")
    return on


def _split_values(values: Sequence[str]) -> np.ndarray:
    if bad := set(values) - {"0", "1", "2"}:
        raise GanlabError(f"list_eval_partition holds {sorted(bad)[0]!r}; it must be 0, 1 or 2. Fetch the list again.")
    return np.array(values).astype(np.uint8)


def _parquet(paths: list[Path]) -> Found:
    """A Hugging Face data set: a column `image` of encoded files, a column for each attribute, splits by file name."""
    root = Path(os.path.commonpath([path.parent for path in paths]))
    ranks = {path: _rank(path.relative_to(root)) for path in paths}
    paths = sorted(paths, key=lambda path: (ranks[path] or 0, path))
    with ExitStack() as stack:
        files = [stack.enter_context(_parquet_file(path)) for path in paths]
        columns = _attribute_columns(files, paths)
        attributes = None
        if columns:
            tables = (_whole(path, file.read, columns=columns) for path, file in zip(paths, files, strict=True))
            values = [np.stack([np.asarray(table[name].to_numpy()) > 0 for name in columns], 1) for table in tables]
            attributes = np.concatenate(values)
        opened = stack.pop_all()
    rows = [file.metadata.num_rows for file in files]
    names = [f"{path.relative_to(root)}:{row}" for path, n in zip(paths, rows, strict=True) for row in range(n)]
    split, remarks = None, []
    if None in ranks.values():
        remarks.append("The parquet files do not name their split: the images are imported without it.")
    else:
        split = np.repeat([ranks[path] for path in paths], rows).astype(np.uint8)
    if not columns:
        remarks.append("The parquet files have no attribute columns: the images are imported without attributes.")
    read = _reader_of(files, paths)
    return Found("parquet files", names, read, attributes, columns, split, remarks, opened.close)


def _rank(path: Path) -> int | None:
    """The split that a file's name, or that of a folder above it, tells of."""
    ranks = {"train": 0, "valid": 1, "validation": 1, "val": 1, "test": 2}
    words = re.split(r"[^a-z]+", path.as_posix().lower())
    return next((ranks[word] for word in words if word in ranks), None)


def _whole(path: Path, read: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """What `read` gives; the files of a parquet set show that they are cut short wherever it happens to be."""
    import pyarrow

    try:
        return read(*arguments, **options)
    except (pyarrow.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise GanlabError(f"{path} is not a whole parquet file ({reason}); fetch it again.") from None


def _parquet_file(path: Path) -> ParquetFile:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise GanlabError("Reading parquet files needs pyarrow; `pip install pyarrow`, then import again.") from None
    return _whole(path, ParquetFile, path)


def _attribute_columns(files: list[ParquetFile], paths: list[Path]) -> tuple[str, ...]:
    """CelebA's attributes, if the files have them: all forty, in every file."""
    found = []
    for file, path in zip(files, paths, strict=True):
        names = file.schema_arrow.names
        if "image" not in names:
            raise GanlabError(f"{path} has no column 'image', only {', '.join(names)}; give a set of images.")
        found.append(tuple(name for name in CELEBA_ATTRIBUTES if name in names))
        if found[-1] != found[0]:
            raise GanlabError(f"{path} has other attribute columns than {paths[0].name}; fetch the set again.")
        if lost := [name for name in CELEBA_ATTRIBUTES if name not in names] if found[-1] else []:
            raise GanlabError(f"{path} lacks {len(lost)} of CelebA's 40 columns, {lost[0]!r} first; fetch it again.")
    return found[0]


def _reader_of(files: list[ParquetFile], paths: list[Path]) -> Callable[[int], bytes]:
    """Image i of all the files, one row group in memory at a time: images are read in order."""
    groups = [
        (file, path, group) for file, path in zip(files, paths, strict=True) for group in range(file.num_row_groups)
    ]
    edges = np.cumsum([0] + [file.metadata.row_group(group).num_rows for file, _, group in groups])

    @lru_cache(maxsize=1)
    def column(number: int) -> list:
        file, path, group = groups[number]
        return _whole(path, file.read_row_group, group, columns=["image"])["image"].to_pylist()

    def read(i: int) -> bytes:
        number = int(np.searchsorted(edges, i, side="right")) - 1
        value = column(number)[i - edges[number]]
        content = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            raise GanlabError(f"Row {i:,} of the parquet files holds no image bytes; fetch the set again.")
        return content

    return read


# --- one image ------------------------------------------------------------------------------------------------------


def opened(content: bytes, name: str, least: int | None = None) -> Image.Image:
    """One image file as an RGB picture, looked at before it is decoded.

    Args:
        least: a JPEG may be decoded at a fraction of its size, which is faster, as long as it keeps so many pixels.

    Raises:
        GanlabError: not an image, cut short, or too large to be decoded.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP", "BMP"))
            width, height = image.size
            if width * height > LARGEST_PIXELS:
                raise GanlabError(
                    f"{name} is {width:,} x {height:,} pixels, more than the {LARGEST_PIXELS:,} that are decoded; "
                    "shrink or remove it."
                )
            if image.format == "JPEG" and least is not None:
                image.draft("RGB", (least, least))
            return ImageOps.exif_transpose(image).convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise GanlabError(f"{name} would unpack to far more pixels than a photograph has; remove it.") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise GanlabError(f"{name} is not a whole image ({error}); fetch it again or remove it.") from None


def decode(content: bytes, name: str, size: int, crop: int | None) -> np.ndarray:
    """One image file as `uint8` (3, size, size): the centre square of `crop` pixels, resized (bicubic, antialiased).

    Args:
        crop: side of the centre square in the original's pixels; the largest centre square when `None`.

    Raises:
        GanlabError: not an image, cut short, too large to be decoded, or smaller than the crop.
    """
    from PIL import Image

    image = opened(content, name, least=2 * size if crop is None else None)
    width, height = image.size
    side = crop or min(width, height)
    if side > min(width, height):
        raise GanlabError(
            f"{name} is {width} x {height} pixels, smaller than the crop of {side}; "
            "import aligned CelebA images (178 x 218), or give --crop none to take the largest centre square."
        )
    left, top = (width - side) // 2, (height - side) // 2
    square = image.crop((left, top, left + side, top + side))  # first cut, so that nothing outside colours the edge
    small = square.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(small, np.uint8).transpose(2, 0, 1)


# --- the import -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Imported:
    """A finished import: where it is and what it holds."""

    path: Path
    images: int
    remarks: tuple[str, ...]


def import_images(
    found: Found,
    name: str,
    *,
    size: int = 64,
    crop: int | None = None,
    licence: str = "not stated",
    replace: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    workers: int | None = None,
) -> Imported:
    """Decode, crop and resize every image of `found` into `home/NAME`, in order.

    Args:
        found: from `find_celeba` or `find_images`.
        name: the folder in the home of large data.
        size: side of the images written.
        crop: see `decode`.
        replace: when `NAME` exists already, put the new import in its place once it is whole.
        progress: called with how many images are done, of how many.
        workers: threads that decode; as many as there are processors when not given.

    Raises:
        GanlabError: an image cannot be read, the disk is full, or `NAME` exists. What was imported before stays.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name.endswith(".partial"):
        raise GanlabError(f"{name!r} cannot name a data set; use letters, digits, dots and dashes.")
    if not 4 <= size <= 1024:
        raise GanlabError(f"size is {size}; give 4 to 1024 pixels.")
    goal, partial = store.home() / name, store.home() / f"{name}.partial"
    if not goal.exists() and _aside(goal).exists():  # a replacement was cut off between its two renames
        os.replace(_aside(goal), goal)
    if goal.exists() and not replace:
        raise GanlabError(f"{goal} exists already; `ganlab data verify` checks it, --replace imports it anew.")
    n = len(found.names)
    try:
        _claim_room(partial if partial.exists() else store.home(), 0 if partial.exists() else n * 3 * size * size)
        with locked(goal.with_name(f".{name}.lock"), f"Another import is writing {name!r}; wait until it is done."):
            plan, header = _plan(found, n, size, crop), _header(n, size)
            done = _done(partial, plan, header)
            with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
                for start, part in _decoded(found, done, n, size, crop, pool):
                    _append(partial, plan, header, start, part)
                    progress(start + len(part), n)
            _finish(partial, goal, found, name, n, size, crop, licence)
    except OSError as error:
        raise GanlabError(
            f"Could not write to {store.home()} ({error.strerror or error}); what was imported so far is kept. "
            "Free some space or set GANLAB_DATA to another folder."
        ) from None
    return Imported(goal, n, tuple(found.remarks))


def _claim_room(folder: Path, needed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder).free) < needed:
        raise GanlabError(
            f"The import needs {needed / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB free; "
            "free some space or set GANLAB_DATA to another folder."
        )


def _header(n: int, size: int) -> bytes:
    buffer = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (n, 3, size, size)}
    np.lib.format.write_array_header_1_0(buffer, shape)
    return buffer.getvalue()


def _plan(found: Found, n: int, size: int, crop: int | None) -> dict:
    """What an import is of: a half-done one is gone on with only when this is the same."""
    return {"source": found.fingerprint(), "images": n, "size": size, "crop": crop}


def _done(partial: Path, plan: dict, header: bytes) -> int:
    """How many images the half-done import in `partial` holds, 0 when it cannot be gone on with."""
    with suppress(GanlabError, FileNotFoundError, KeyError):
        state, pixels = store.read_json(partial / "progress.json"), partial / "images.npy"
        enough = len(header) + state["done"] * 3 * plan["size"] ** 2
        if state["plan"] == plan and pixels.stat().st_size >= enough:
            return int(state["done"])
    return 0


def _decoded(
    found: Found, done: int, n: int, size: int, crop: int | None, pool: ThreadPoolExecutor
) -> Iterator[tuple[int, np.ndarray]]:
    chunk = max(1, min(_CHUNK, (64 << 20) // (3 * size * size)))
    for start in range(done, n, chunk):
        stop = min(start + chunk, n)
        contents = [found.read(i) for i in range(start, stop)]
        parts = pool.map(decode, contents, found.names[start:stop], repeat(size), repeat(crop))
        yield start, np.stack(list(parts))


def _append(partial: Path, plan: dict, header: bytes, start: int, part: np.ndarray) -> None:
    if start == 0:  # only now, with images in hand: a source that cannot be read leaves nothing behind
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        (partial / "images.npy").write_bytes(header)
    with open(partial / "images.npy", "r+b") as file:
        file.seek(len(header) + start * part[0].size)
        file.write(part.tobytes())
        file.flush()
        os.fsync(file.fileno())  # the pixels first, then the note that says they are there
    store.write_json(partial / "progress.json", {"plan": plan, "done": start + len(part)})


def _finish(
    partial: Path, goal: Path, found: Found, name: str, n: int, size: int, crop: int | None, licence: str
) -> None:
    files = ["images.npy"]
    for file, array in (("attributes.npy", found.attributes), ("split.npy", found.split)):
        if array is not None:
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            write_atomically(partial / file, buffer.getvalue())
            files.append(file)
    cropping = f"centre square of {crop} pixels" if crop else "largest centre square"
    store.write_manifest(
        partial, files, title=f"{n:,} images of {size} x {size}", licence=licence, source=found.layout,
        made_by="ganlab data import", images=n, size=size, crop=cropping,
        attribute_names=list(found.attribute_names), remarks=found.remarks,
    )  # fmt: skip
    (partial / "progress.json").unlink()
    if goal.exists():
        shutil.rmtree(_aside(goal), ignore_errors=True)
        os.replace(goal, _aside(goal))
    os.replace(partial, goal)
    shutil.rmtree(_aside(goal), ignore_errors=True)
    store.flush(goal.parent)


def _aside(goal: Path) -> Path:
    return goal.with_name(f".{goal.name}.replaced")
