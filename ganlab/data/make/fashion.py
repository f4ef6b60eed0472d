"""Make `data/fashion`: a class-balanced subset of Fashion-MNIST, the first images of each class, in their own order."""

from __future__ import annotations

import numpy as np

from ganlab.data import idx, real, store

LICENCE = """\
The MIT License (MIT)

Copyright © 2017 Zalando SE, https://tech.zalando.com

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
EACH = {"train": 500, "test": 100}  # images of each class


def main() -> None:
    folder = store.data_folder() / "fashion"
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for split, names in real._IDX_FILES.items():
        whole = real.fashion(split, full=True)
        labels = whole.labels.numpy()
        chosen = np.sort(np.concatenate([np.flatnonzero(labels == c)[: EACH[split]] for c in range(10)]))
        arrays = (whole.images.numpy()[chosen, 0], labels[chosen])
        for name, array in zip(names, arrays, strict=True):
            idx.write_idx(folder / f"{name}.gz", array)
            files.append(f"{name}.gz")
    (folder / "LICENSE").write_text(LICENCE, encoding="utf-8")
    store.write_manifest(
        folder, files, title="Fashion-MNIST, class-balanced subset", licence="MIT (see LICENSE)",
        source=f"{real.FASHION.source}; the first {EACH['train']} train and {EACH['test']} test images of each class",
        made_by="python -m ganlab.data.make.fashion",
    )  # fmt: skip


if __name__ == "__main__":
    main()
