"""uint8 in memory, floats in the step, and an order that a resumed run finds again."""

import numpy as np
import pytest
import torch

from ganlab.data import Batches, ImageSet, batches, contact_sheet, resize, to_uint8, to_unit
from ganlab.devices import lies_on
from ganlab.errors import GanlabError


def test_every_grey_level_survives_the_round_trip():
    levels = torch.arange(256, dtype=torch.uint8)
    unit = to_unit(levels)
    assert unit.min() == -1 and unit.max() == 1
    assert torch.equal(to_uint8(unit), levels)
    assert torch.equal(to_uint8(torch.tensor([-3.0, 3.0])), torch.tensor([0, 255], dtype=torch.uint8))


@pytest.mark.parametrize(("n", "batch"), [(10, 4), (10, 10), (7, 20), (5, 1), (12, 5)])
def test_each_epoch_visits_every_item_once(n, batch):
    order = Batches(torch.arange(n), batch, seed=3)
    seen = torch.cat([next(order) for _ in range(-(-4 * n // batch))])[: 4 * n].view(4, n)
    assert torch.equal(seen.sort(1).values, torch.arange(n).expand(4, n))
    if n > 6:
        assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("stop", [0, 1, 3, 11])
def test_resume_is_exact_at_any_point(stop):
    items = torch.arange(23)
    unbroken = Batches(items, 5, seed=1)
    expected = [next(unbroken) for _ in range(20)]
    first = Batches(items, 5, seed=1)
    for _ in range(stop):
        next(first)
    second = Batches(items, 5, seed=1)
    second.load_state_dict(first.state_dict())
    for batch in expected[stop:]:
        assert torch.equal(next(second), batch)


def test_the_order_depends_on_the_seed_and_not_on_the_global_state():
    torch.manual_seed(0)
    a = next(Batches(torch.arange(100), 50, seed=0))
    torch.manual_seed(1)
    assert torch.equal(a, next(Batches(torch.arange(100), 50, seed=0)))
    assert not torch.equal(a, next(Batches(torch.arange(100), 50, seed=1)))


@pytest.mark.parametrize("other", [{"seed": 1}, {"batch": 3}, {"n": 9}])
def test_a_state_of_another_run_is_refused(other):
    state = Batches(torch.arange(10), 4, seed=0).state_dict()
    wrong = Batches(torch.arange(other.get("n", 10)), other.get("batch", 4), other.get("seed", 0))
    with pytest.raises(GanlabError, match="resume with"):
        wrong.load_state_dict(state)


def test_labels_stay_with_their_images(tmp_path):
    pixels = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.uint8, shape=(30, 1, 2, 2))
    pixels[:] = np.arange(30, dtype=np.uint8)[:, None, None, None]
    mapped = torch.from_numpy(np.load(tmp_path / "x.npy", mmap_mode="c"))
    data = ImageSet(mapped, torch.arange(30), tuple(map(str, range(30))), "mapped")
    for _, (images, labels) in zip(range(9), batches(data, 8, seed=0, labels=True), strict=False):
        assert torch.equal(images[:, 0, 0, 0].long(), labels)


def test_floats_are_what_a_step_takes():
    data = ImageSet(torch.arange(8, dtype=torch.uint8).view(8, 1, 1, 1) * 30, torch.arange(8), tuple("abcdefgh"), "x")
    bytes_, floats = batches(data, 3, seed=2), batches(data, 3, seed=2, floats=True)
    for _ in range(5):
        assert torch.equal(to_unit(next(bytes_)), next(floats))
    assert data.to("cpu").images.dtype == torch.uint8


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Batches(torch.empty(0, 3), 4), "empty"),
        (lambda: Batches(torch.arange(3), 0), "batch is 0"),
        (lambda: Batches(torch.arange(3), 1, labels=torch.arange(2)), "3 images and 2 labels"),
        (lambda: ImageSet(torch.zeros(2, 1, 4, 4), torch.zeros(2), (), "x"), "float32"),
        (lambda: ImageSet(torch.zeros(2, 4, 4, dtype=torch.uint8), torch.zeros(2), (), "x"), r"\(2, 4, 4\)"),
        (lambda: resize(torch.zeros(1, 1, 4, 4, dtype=torch.uint8), 0), "size is 0"),
    ],
)
def test_bad_inputs_are_named(make, words):
    with pytest.raises(GanlabError, match=words):
        make()


def test_resize_keeps_a_flat_image_flat_and_the_mean_of_any():
    flat = torch.full((2, 3, 8, 8), 77, dtype=torch.uint8)
    assert (resize(flat, 21) == 77).all()
    busy = torch.randint(0, 256, (4, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert (resize(busy, 8).float().mean() - busy.float().mean()).abs() < 2


def test_contact_sheet_puts_each_image_in_its_place():
    images = torch.arange(6, dtype=torch.uint8)[:, None, None, None].expand(6, 1, 3, 3) * 10
    sheet = contact_sheet(images, columns=4, gap=1, scale=2)
    assert sheet.shape == (1, 1 + 2 * 7, 1 + 4 * 7)
    assert sheet[0, 1, 1] == 0 and sheet[0, 1, 8] == 10 and sheet[0, 8, 8] == 50 and sheet[0, 8, 15] == 255


def test_a_gpu_without_a_number_is_any_gpu():
    assert lies_on(torch.device("cuda", 0), torch.device("cuda"))
    assert not lies_on(torch.device("cuda", 0), torch.device("cuda", 1))
    assert not lies_on(torch.device("cpu"), torch.device("cuda"))
