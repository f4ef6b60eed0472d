"""Train the course's classifiers and write `data/classifiers`: `python -m ganlab.data.make.classifiers digits`.

    digits    one 8x8 digit; 1,437 training images, 360 held out
    fashion   one 28x28 garment; the full set's 60,000 training images, its 10,000 test images held out
    fashion16 one garment at 16x16, for generators too small for 28: the same data, shrunk
    faces     the thirteen attributes of a face, read at 40x40; 32,000 faces of seed 1000 drawn at 32, 64 and 128
              pixels, 5,000 of seed 2000 held out at each size

Each takes some minutes on one CPU core. Weights differ in the last digits from machine to machine; the measured
accuracy is written beside them.
"""

from __future__ import annotations

import argparse
import time

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from ganlab.data import real, store
from ganlab.data.classifiers import FOLDER
from ganlab.data.images import Batches, resize, to_unit
from ganlab.data.toyfaces import ATTRIBUTES, faces
from ganlab.files import write_atomically
from ganlab.nets.classifier import Classifier

FACE_TRAIN, FACE_TEST, FACE_SIZE = 32_000, 5_000, 40


def train(
    model: Classifier, images: Tensor, targets: Tensor, *, epochs: int, batch: int, lr: float, loss, augment
) -> Classifier:
    """AdamW with a one-cycle learning rate, in bfloat16 where the matrix products are."""
    model.to(memory_format=torch.channels_last).train()
    order = Batches(images, batch, seed=0, labels=targets)
    steps = epochs * len(images) // batch
    optimiser = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps, pct_start=0.2)
    started, rng = time.perf_counter(), torch.Generator().manual_seed(0)
    for step in range(steps):
        picture, target = next(order)
        picture = augment(to_unit(picture), rng).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(model(picture), target)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            seconds = time.perf_counter() - started
            print(f"step {step + 1}/{steps}  loss {value.item():.4f}  {seconds:.0f} s", flush=True)
    return model.eval().to(memory_format=torch.contiguous_format)


@torch.no_grad()
def predict(model: Classifier, images: Tensor) -> Tensor:
    return torch.cat([model(to_unit(part)) for part in images.split(500)])


def shifted(most: int, flip: bool = False):
    """Shift each batch by up to `most` pixels, and mirror half of the images when `flip`."""

    def augment(x: Tensor, rng: torch.Generator) -> Tensor:
        dy, dx = torch.randint(0, 2 * most + 1, (2,), generator=rng).tolist()
        height, width = x.shape[-2:]
        x = F.pad(x, (most,) * 4, value=-1)[..., dy : dy + height, dx : dx + width]
        if flip:
            mirrored = torch.rand(len(x), 1, 1, 1, generator=rng) < 0.5
            x = torch.where(mirrored, x.flip(-1), x)
        return x

    return augment


def enlarged(x: Tensor, rng: torch.Generator) -> Tensor:
    """Half of the batches as they look after being upsampled to 9 to 32 pixels and shrunk again to be read."""
    x = shifted(1)(x, rng)
    if torch.rand((), generator=rng) < 0.5:
        size = int(torch.randint(9, 33, (), generator=rng))
        larger = F.interpolate(x, (size, size), mode="bilinear", align_corners=False)
        x = F.interpolate(larger, x.shape[-2:], mode="bilinear", antialias=True, align_corners=False)
    return x


def noisy(x: Tensor, rng: torch.Generator) -> Tensor:
    """Shifted by up to a pixel, with a little noise: a judge should not hang on single grey levels."""
    return shifted(1)(x, rng) + 0.02 * torch.randn(x.shape, generator=rng)


def classes(model: Classifier, held_out: real.ImageSet) -> dict:
    """Accuracy and the confusion matrix (rows: the truth, columns: what was said)."""
    said = predict(model, held_out.images).argmax(1)
    n = len(held_out.names)
    confusion = torch.zeros(n, n, dtype=torch.int64)
    confusion.index_put_((held_out.labels, said), torch.ones_like(said), accumulate=True)
    return {
        "accuracy": round((said == held_out.labels).double().mean().item(), 4),
        "held_out": f"{held_out.name}, {len(held_out):,} images",
        "names": list(held_out.names),
        "confusion": confusion.tolist(),
    }


def make_digits() -> tuple[Classifier, dict]:
    data = real.digits("train")
    model = train(Classifier(1, 8, 10, (32, 64)), data.images, data.labels, epochs=80, batch=64, lr=3e-3,
                  loss=F.cross_entropy, augment=enlarged)  # fmt: skip
    measured = classes(model, real.digits("test"))
    for size in (14, 16, 28, 32):  # digits are often upsampled before a GAN sees them
        measured[f"accuracy_at_{size}"] = classes(model, real.digits("test", size))["accuracy"]
    return model, measured


def make_fashion(size: int = 28, widths: tuple[int, ...] = (24, 48, 96)) -> tuple[Classifier, dict]:
    data = real.fashion("train", full=True, size=size)
    model = train(Classifier(1, size, 10, widths), data.images, data.labels, epochs=6, batch=128, lr=6e-3,
                  loss=F.cross_entropy, augment=shifted(size // 14, flip=True))  # fmt: skip
    return model, classes(model, real.fashion("test", full=True, size=size))


def make_fashion16() -> tuple[Classifier, dict]:
    return make_fashion(16, (24, 48))


def make_faces() -> tuple[Classifier, dict]:
    images, targets = [], []
    for i, size in enumerate((64, 32, 64, 128, 64, 32, 64, 64)):
        drawn = faces(FACE_TRAIN // 8, size, seed=1000, start=i * FACE_TRAIN // 8)
        images.append(resize(drawn.images, FACE_SIZE))
        targets.append(drawn.attributes.float())
    model = train(Classifier(3, FACE_SIZE, len(ATTRIBUTES), (16, 32, 64)), torch.cat(images), torch.cat(targets),
                  epochs=4, batch=100, lr=8e-3, loss=F.binary_cross_entropy_with_logits, augment=noisy)  # fmt: skip
    measured = {"names": list(ATTRIBUTES), "held_out": f"{FACE_TEST:,} faces of seed 2000 at each size"}
    for size in (32, 64, 128):
        held_out = faces(FACE_TEST, size, seed=2000)
        right = (predict(model, held_out.images) > 0) == held_out.attributes
        each = {name: round(p, 4) for name, p in zip(ATTRIBUTES, right.double().mean(0).tolist(), strict=True)}
        measured[f"accuracy_at_{size}"] = each
        measured[f"all_right_at_{size}"] = round(right.all(1).double().mean().item(), 4)
        print(size, each, measured[f"all_right_at_{size}"])
    measured["accuracy"] = min(measured["accuracy_at_64"].values())
    return model, measured


def main() -> None:
    makers = {"digits": make_digits, "fashion": make_fashion, "fashion16": make_fashion16, "faces": make_faces}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=makers)
    for name in parser.parse_args().names:
        torch.manual_seed(0)
        started = time.perf_counter()
        model, measured = makers[name]()
        seconds = round(time.perf_counter() - started)
        print(f"{name}: accuracy {measured['accuracy']}, {seconds} s")
        write(name, model, measured)


def write(name: str, model: Classifier, measured: dict) -> None:
    folder = store.data_folder() / FOLDER
    write_atomically(folder / f"{name}.safetensors", save(model.state_dict()))
    manifest = folder / store.MANIFEST
    known = store.read_json(manifest)["classifiers"] if manifest.exists() else {}
    known[name] = {"shape": model.shape, "torch": torch.__version__, **measured}
    store.write_manifest(
        folder, [f"{known_name}.safetensors" for known_name in sorted(known)],
        title="Classifiers that say which mode an image shows", licence="Apache-2.0",
        source="trained on digits, Fashion-MNIST and toy faces",
        made_by="python -m ganlab.data.make.classifiers digits fashion fashion16 faces",
        classifiers={known_name: known[known_name] for known_name in sorted(known)},
    )  # fmt: skip


if __name__ == "__main__":
    main()
