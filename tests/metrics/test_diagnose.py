"""The verdict on oracle samplers, and every way in which input can be wrong."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file
from sklearn.datasets import load_digits
from typer.testing import CliRunner

from ganlab.cli import app
from ganlab.data.mixtures import ring, unequal_ring
from ganlab.errors import GanlabError
from ganlab.metrics import evidence, faults, loading
from ganlab.metrics.diagnose import choose_features, diagnose_samples
from ganlab.metrics.features import principal_components, standardised
from ganlab.metrics.report import to_html, to_json
from ganlab.seeds import Streams


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return faults.ArraySource(torch.tensor(data.images), torch.tensor(data.target), seed=0)


# Oracle samplers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", list(faults.standard_faults(8).values()), ids=lambda f: f.name)
def test_faults_do_one_thing_for_every_seed(fault):
    source = faults.MixtureSource(ring(8))
    together = fault(source, 200, Streams([4, 9], "oracle"))
    assert together.shape == (2, 200, 2) and together.isfinite().all()
    alone = fault(source, 200, Streams(9, "oracle"))
    torch.testing.assert_close(together[1], alone, atol=1e-6, rtol=0)


def test_faults_of_images_keep_their_shape(digits):
    for fault in faults.standard_faults(10).values():
        samples = fault(digits, 60, 0)
        assert samples.shape == (60, 8, 8) and samples.isfinite().all(), fault.name


def test_array_draws_are_different_samples_in_the_asked_proportions(digits):
    weights = torch.zeros(10)
    weights[[2, 5]] = 0.5
    samples, modes = digits.draw(100, Streams(0, "oracle"), weights)
    assert set(modes.tolist()) == {2, 5} and len(samples.flatten(1).unique(dim=0)) == 100
    with pytest.raises(GanlabError, match="ask for fewer"):
        digits.draw(5000, Streams(0, "oracle"))
    with pytest.raises(GanlabError, match="leaves none"):
        faults.drop(digits, 5, 0, modes=10)


# The verdict ---------------------------------------------------------------------------------------------------


def verdict(source, network, fault, n, seed):
    generated = fault(source, n, Streams(seed, "test verdict"))
    real = network.of(source.training)
    return evidence.decide(evidence.gather(real, network.of(generated), splits=6, seed=seed))


@pytest.mark.parametrize("name", list(faults.standard_faults(8)))
def test_verdicts_on_the_ring(name):
    """A small part of bench/metrics_diagnose_confusion.py. Two of two draws: it is right in more than 95 %."""
    fault = faults.standard_faults(8)[name]
    for seed in (20, 21):
        source = faults.MixtureSource(ring(8), 800, seed)
        assert verdict(source, standardised(source.training), fault, 400, seed).name == fault.verdict


@pytest.mark.parametrize("name", list(faults.standard_faults(10)))
def test_verdicts_on_digits(name, digits):
    fault = faults.standard_faults(10)[name]
    n = 140 if name == "drop most modes" else 400
    assert verdict(digits, principal_components(digits.training), fault, n, 22).name == fault.verdict


def test_the_statistics_of_real_against_real_are_level():
    real = ring(8).sample(1200, 3)
    e = evidence.gather(real[:800], real[800:], splits=6)
    for row in e.rows.values():
        assert abs(row.z) < 6, row
    assert e.modes.count == 8 and e.modes.clear and not e.missing


def test_missing_modes_are_counted_and_named():
    source = faults.MixtureSource(ring(8), 800)
    e = evidence.gather(source.training, faults.drop(source, 400, 0, modes=3), splits=4)
    assert len(e.missing) == 3 and e["missing"].generated == pytest.approx(3 / 8, abs=0.06)
    for k in e.missing:
        nearest = (ring(8).centres - e.modes.centres[k]).norm(dim=1).argmin()
        assert int(nearest) in (5, 6, 7)


def test_too_few_samples_cannot_clear_a_generator():
    real = ring(8).sample(500, 0)
    found = evidence.decide(evidence.gather(real, ring(8).sample(30, 1), splits=4))
    assert found.name == evidence.TOO_FEW and "could be missing unnoticed" in found.because


def test_a_blatant_fault_needs_few_samples():
    real = ring(8).sample(500, 0)
    assert evidence.decide(evidence.gather(real, torch.randn(60, 2) * 0.001 + real[0], splits=4)).name == "collapse"


def test_a_rare_mode_below_the_stated_limit_is_not_claimed_to_be_there():
    source = faults.MixtureSource(unequal_ring(), 600)
    found = evidence.decide(evidence.gather(source.training, faults.drop(source, 300, 0, modes=1), splits=4))
    limit = float(found.because.split("smaller than ")[1].split(" %")[0]) / 100
    assert found.name == "nothing found" and limit > float(source.weights[-1])


def test_brightness_is_another_distribution_and_no_collapse(digits):
    network = principal_components(digits.training)
    shifted = faults.clean(digits, 300, 1) * 0.8
    found = evidence.decide(evidence.gather(network.of(digits.training), network.of(shifted), splits=4))
    assert found.name not in ("nothing found", "collapse", "partial collapse", "memorisation")


def test_rules_are_a_table_with_every_verdict():
    named = [rule.verdict for rule in evidence.RULES]
    assert len(set(named)) == len(named)
    expected = {fault.verdict for fault in faults.standard_faults(8).values()} - {"nothing found"}
    assert expected <= set(named)
    for rule in evidence.RULES:
        assert rule.advice and rule.chapter[:2].isdigit()


# Reading -------------------------------------------------------------------------------------------------------


def save_images(folder, images, mode=None):
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(np.asarray(image, dtype=np.uint8), mode).save(folder / f"{i:03}.png")
    return folder


def grey(n=3, size=8):
    return np.random.default_rng(0).integers(0, 255, (n, size, size))


def complaint(path, **options):
    with pytest.raises(GanlabError) as caught:
        loading.load_samples(path, **options)
    return str(caught.value)


def test_images_arrays_and_tensors_read_alike(tmp_path):
    images = grey(5)
    folder = save_images(tmp_path / "folder", images)
    np.save(tmp_path / "a.npy", images.astype(np.uint8))
    np.savez(tmp_path / "b.npz", only=images.astype(np.uint8))
    save_file({"x": images.astype(np.uint8)}, tmp_path / "c.safetensors")
    np.save(tmp_path / "d.npy", (images / 127.5 - 1).astype(np.float32)[:, None])
    np.save(tmp_path / "e.npy", (images / 255.0)[..., None])
    first = loading.load_samples(folder)
    assert first.values.shape == (5, 1, 8, 8) and first.names[0] == "000.png"
    for name in ("a.npy", "b.npz", "b.npz:only", "c.safetensors", "d.npy", "e.npy"):
        torch.testing.assert_close(loading.load_samples(tmp_path / name).values, first.values, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("real", "bright"),
    [
        (np.linspace(-1, 1, 192), np.linspace(0.6, 1, 192)),
        (np.linspace(0, 255, 192), np.linspace(0, 1, 192)),
        (np.arange(192, dtype=np.uint8), np.ones(192, np.uint8)),
    ],
)
def test_generated_images_are_read_on_the_scale_of_the_real_ones(tmp_path, real, bright):
    np.save(tmp_path / "real.npy", real.reshape(3, 1, 8, 8))
    np.save(tmp_path / "made.npy", bright.reshape(3, 1, 8, 8))
    first = loading.load_samples(tmp_path / "real.npy")
    made = loading.load_samples(tmp_path / "made.npy", scale=first.scale)
    expected = (bright - first.scale.black) / (first.scale.white - first.scale.black)
    torch.testing.assert_close(made.values.flatten().double(), torch.tensor(expected), atol=1e-6, rtol=0)
    assert f"{first.scale}, of which they take" in made.read_as and made.scale == first.scale
    other = loading.load_samples(save_images(tmp_path / "folder", grey()), scale=first.scale)
    assert other.scale == loading.EIGHT_BITS  # what is clear from the file is not asked


def test_images_beyond_the_scale_of_the_real_ones_are_named(tmp_path):
    np.save(tmp_path / "made.npy", np.linspace(-1, 1, 192).reshape(3, 1, 8, 8))
    assert "values from -1 to 1, beyond the scale from 0 to 1" in complaint(tmp_path / "made.npy", scale=loading.UNIT)
    np.save(tmp_path / "mask.npy", np.eye(8, dtype=np.uint8)[None])
    mask = loading.load_samples(tmp_path / "mask.npy")
    assert mask.scale == loading.MASK and mask.values.max() == 1
    np.save(tmp_path / "bytes.npy", np.full((1, 8, 8), 200, np.uint8))
    assert "beyond the scale from 0 to 1" in complaint(tmp_path / "bytes.npy", scale=mask.scale)


def test_at_most_so_many_are_read_and_it_says_so(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(40.0).reshape(20, 2))
    some = loading.load_samples(tmp_path / "a.npy", most=5)
    assert len(some) == 5 and some.available == 20
    assert [float(v[0]) for v in some.values] == [2.0 * int(name.split()[1]) for name in some.names]


def test_folders_that_cannot_be_compared(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert f"{empty} holds no images (it is empty)" in complaint(empty)
    (empty / "notes.txt").write_text("no")
    assert "notes.txt" in complaint(empty)
    mixed = save_images(tmp_path / "mixed", grey())
    Image.fromarray(np.zeros((9, 8), np.uint8)).save(mixed / "tall.png")
    assert "tall.png has 8 x 9 pixels and 000.png has 8 x 8; bring all" in complaint(mixed)
    assert loading.load_samples(mixed, resize=6).values.shape == (4, 1, 6, 6)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(mixed / "red.png")
    assert "red.png is colour and 000.png is greyscale" in complaint(mixed, resize=6)


def test_damaged_images_are_named(tmp_path):
    folder = save_images(tmp_path / "f", grey(1, 64))
    whole = (folder / "000.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert "cut.png is damaged or cut short" in complaint(folder)
    (folder / "cut.png").write_bytes(b"not an image")
    assert "cut.png is not an image" in complaint(folder)
    (folder / "cut.png").write_bytes(b"")
    assert "cut.png is not an image" in complaint(folder)


def test_deep_transparent_and_animated_images_are_named(tmp_path):
    deep = tmp_path / "deep.png"
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(deep)
    with pytest.raises(GanlabError, match="deep.png has more than 8 bits"):
        loading.read_image(deep)
    clear = tmp_path / "clear.png"
    Image.fromarray(np.full((4, 4, 4), 99, np.uint8)).save(clear)
    with pytest.raises(GanlabError, match="clear.png is partly transparent"):
        loading.read_image(clear)
    moving = tmp_path / "moving.gif"
    frames = [Image.fromarray(np.full((4, 4), v, np.uint8)) for v in (0, 200)]
    frames[0].save(moving, save_all=True, append_images=frames[1:])
    with pytest.raises(GanlabError, match="moving.gif is animated"):
        loading.read_image(moving)
    opaque = tmp_path / "opaque.png"
    Image.fromarray(np.dstack([np.full((4, 4, 3), 7), np.full((4, 4, 1), 255)]).astype(np.uint8)).save(opaque)
    assert loading.read_image(opaque).shape == (3, 4, 4)


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    bomb = tmp_path / "bomb.png"
    Image.new("1", (5000, 5000)).save(bomb)
    assert bomb.stat().st_size < 50_000
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(GanlabError, match="bomb.png has 5000 x 5000 pixels"):
        loading.read_image(bomb)


def test_arrays_that_cannot_be_read(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    assert "Python objects, which are never loaded" in complaint(tmp_path / "objects.npy")
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    assert "Python objects" in complaint(tmp_path / "objects.npz")
    np.save(tmp_path / "cut.npy", np.zeros((100, 2)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:300])
    assert "cut.npy cannot be read" in complaint(tmp_path / "cut.npy")
    np.savez(tmp_path / "two.npz", a=np.zeros((3, 2)), b=np.zeros((3, 2)))
    assert "2 arrays (a, b)" in complaint(tmp_path / "two.npz") and "two.npz:a" in complaint(tmp_path / "two.npz")
    assert "2 arrays (a, b)" in complaint(f"{tmp_path / 'two.npz'}:c")
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 40)
    assert "x.safetensors cannot be read" in complaint(tmp_path / "x.safetensors")
    (tmp_path / "g.pt").write_bytes(b"")
    assert "--generator" in complaint(tmp_path / "g.pt")
    assert "does not exist" in complaint(tmp_path / "none.npy")


def test_values_that_cannot_be_samples(tmp_path):
    def complain(array):
        np.save(tmp_path / "a.npy", array)
        return complaint(tmp_path / "a.npy")

    bad = np.zeros((30, 4))
    bad[7, 1] = np.nan
    assert "NaN or infinite values in 1 of 30 samples, the first in row 7" in complain(bad)
    assert "complex" in complain(np.zeros((3, 2), complex))
    assert "shape (4,)" in complain(np.zeros(4))
    assert "shape (0, 4)" in complain(np.zeros((0, 4)))
    assert "5 channels" in complain(np.zeros((2, 5, 8, 8)))
    assert "image values from -9 to 9" in complain(np.linspace(-9, 9, 128).reshape(2, 8, 8))
    assert "image values from 0 to 65535" in complain(np.linspace(0, 65535, 128).reshape(2, 8, 8).astype(np.uint16))


def test_sets_of_different_kinds_are_told_how_to_meet(tmp_path):
    def load(array):
        np.save(tmp_path / "a.npy", array)
        return loading.load_samples(tmp_path / "a.npy")

    one, three = load(np.zeros((3, 8, 8), np.uint8)), load(np.zeros((3, 8, 8, 3), np.uint8))
    large, flat = load(np.zeros((3, 9, 9), np.uint8)), load(np.zeros((3, 64)))
    for other, says in ((three, "greyscale"), (large, "--resize 8"), (flat, "same kind")):
        with pytest.raises(GanlabError, match=says):
            loading.check_same_kind(one, other)


# The report ----------------------------------------------------------------------------------------------------


def as_samples(values, source="set"):
    values = values.unsqueeze(1).float() / 16 if values.ndim == 3 else values
    names = [f"<b>{i}</b>" for i in range(len(values))]
    return loading.Samples(values, names, source, len(values), "test")


@pytest.fixture(scope="module")
def diagnosis(digits):
    real, generated = digits.training[:400], faults.drop(digits, 300, 0, modes=3)
    held = faults.clean(digits, 100, 5)
    return diagnose_samples(as_samples(real), as_samples(generated, "<script>"), held_out=as_samples(held), splits=4)


def test_the_page_is_self_contained_and_escapes_what_is_foreign(diagnosis):
    page = to_html(diagnosis)
    assert "<script" not in page and "&lt;script&gt;" in page and "<b>0</b>" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<img ") == page.count('alt="') > 10
    assert diagnosis.features in page and "Chapter 04" in page


def test_the_json_says_the_same(diagnosis):
    data = json.loads(to_json(diagnosis))
    assert data["verdict"] == diagnosis.verdict.name == "partial collapse"
    assert data["made_by"] == "ganlab diagnose" and data["features"].startswith("principal components")
    assert len(data["measurements"]) > 15
    for row in data["measurements"]:
        assert row["real_against_real"] is not None or "Support size" in row["name"], row
    assert data["held_out"]["used"] == 100


def test_one_sample_and_a_handful():
    real = as_samples(torch.randn(50, 2))
    with pytest.raises(GanlabError, match="set holds 1 sample"):
        diagnose_samples(real, as_samples(torch.randn(1, 2)))
    few = diagnose_samples(real, as_samples(torch.randn(10, 2)))
    assert few.verdict.name == evidence.TOO_FEW and "nothing can be said" in to_html(few)
    assert json.loads(to_json(few))["modes"]["silhouette"] is None


def test_features_are_chosen_by_kind_and_refused_when_they_do_not_fit():
    vectors, images = as_samples(torch.randn(30, 3)), as_samples(torch.rand(30, 1, 8, 8))
    assert choose_features(vectors).name == "raw values, standardised"
    assert choose_features(images).name.startswith("principal components")
    assert "random" in choose_features(images, "random-convolutions").name
    assert choose_features(images, "digits").of(images.values).shape[0] == 30
    for wanted, says in (("random-convolutions", "need images"), ("pixels", "choose from")):
        with pytest.raises(GanlabError, match=says):
            choose_features(vectors, wanted)
    with pytest.raises(GanlabError, match="reads greyscale images and set holds colour"):
        choose_features(as_samples(torch.rand(30, 3, 8, 8)), "digits")


# The command ---------------------------------------------------------------------------------------------------


def run(*arguments):
    result = CliRunner().invoke(app, ["diagnose", *map(str, arguments)])
    if isinstance(result.exception, GanlabError):
        return 2, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture
def arrays(tmp_path):
    source = faults.MixtureSource(ring(8), 300)
    np.save(tmp_path / "real.npy", source.training.numpy())
    np.save(tmp_path / "fake.npy", faults.one_point(source, 300, 0).numpy())
    return tmp_path


def test_the_command_writes_both_files_and_says_the_verdict(arrays):
    code, text = run(arrays / "real.npy", arrays / "fake.npy", "--out", arrays / "r.html")
    assert code == 0 and text.startswith("collapse:")
    assert json.loads((arrays / "r.json").read_text())["verdict"] == "collapse"
    assert (arrays / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert sorted(p.name for p in arrays.iterdir()) == ["fake.npy", "r.html", "r.json", "real.npy"]


def test_the_command_writes_over_nothing_that_is_not_its_own(arrays):
    (arrays / "r.html").write_text("my thesis")
    code, text = run(arrays / "real.npy", arrays / "fake.npy", "--out", arrays / "r.html")
    assert code == 2 and "not a report of ours" in text and (arrays / "r.html").read_text() == "my thesis"


def test_the_command_reads_all_images_on_one_scale(tmp_path):
    rng = np.random.default_rng(0)
    for name, low in (("real", -1), ("fake", 0.5), ("held", 0.1)):
        np.save(tmp_path / f"{name}.npy", rng.uniform(low, 1, (40, 1, 8, 8)).astype(np.float32))
    sets = [tmp_path / f"{name}.npy" for name in ("real", "fake", "held")]
    for arguments in (sets, [sets[2], *sets[1:], "--value-range", "-1:1"]):
        code, text = run(*arguments[:2], "--held-out", *arguments[2:], "--out", tmp_path / "r.html")
        assert code == 0, text
        data = json.loads((tmp_path / "r.json").read_text())
        assert all("values -1 to 1" in data[part]["read_as"] for part in ("real", "generated", "held_out"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Give either"),
        (["fake.npy", "--generator", "g.pt"], "and not both"),
        (["--generator", "g.pt"], "--latent N"),
        (["--generator", "g.pt", "--latent", "2"], "--trust-generator"),
        (["fake.npy", "--latent-distribution", "cauchy"], "normal or uniform"),
        (["fake.npy", "--value-range", "0:2"], "give auto, 0:1 or -1:1"),
    ],
)
def test_options_that_do_not_fit(arrays, monkeypatch, arguments, says):
    monkeypatch.chdir(arrays)
    code, text = run("real.npy", *arguments)
    assert code == 2 and says in text
    assert not list(arrays.glob("diagnosis*"))


class Line(torch.nn.Module):
    """Every latent to nearly one point."""

    def forward(self, z):
        return 0.001 * z[:, :2] + 1.0


@pytest.fixture(scope="module")
def generators(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generators")
    torch.jit.save(torch.jit.script(Line()), folder / "script.pt")
    example = (torch.zeros(4, 3),)
    torch.export.save(torch.export.export(Line(), example), folder / "fixed.pt2")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("file", ["script.pt", "fixed.pt2"])
def test_exported_generators_are_sampled(generators, file):
    samples = loading.sample_generator(generators / file, latent=3, n=10)
    assert samples.values.shape == (10, 2)
    torch.testing.assert_close(samples.values, torch.ones(10, 2), atol=0.01, rtol=0)
    assert len(samples.values.unique(dim=0)) == 10


@pytest.mark.slow
def test_as_many_samples_of_a_generator_are_made_as_most_says(generators, arrays):
    options = ["--generator", generators / "script.pt", "--latent", 3, "--trust-generator", "--most", 2100]
    code, text = run(arrays / "real.npy", *options, "--out", arrays / "r.html")
    assert code == 0, text
    assert json.loads((arrays / "r.json").read_text())["generated"]["used"] == 2100


@pytest.mark.slow
def test_a_generator_that_fails_is_told_in_its_own_words(tmp_path):
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"nonsense")
    with pytest.raises(GanlabError, match="broken.pt could not be run"):
        loading.sample_generator(broken, latent=2, n=4)


@pytest.mark.slow
def test_diagnosing_needs_no_network(arrays):
    """In a process whose sockets raise."""
    program = (
        "import socket\n"
        "def refuse(*a, **k): raise OSError('no network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from ganlab.metrics.cli import diagnose\n"
        f"diagnose(r'{arrays / 'real.npy'}', r'{arrays / 'fake.npy'}', "
        f"out=__import__('pathlib').Path(r'{arrays / 'o.html'}'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "collapse" in done.stdout
