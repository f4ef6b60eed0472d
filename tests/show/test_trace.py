"""Traces: recorded without disturbing the run, small, read back, and refused when they are none."""

import json
import re

import numpy as np
import pytest
import torch

from ganlab import show
from ganlab.data.mixtures import ring
from ganlab.data.store import embedded, embedded_manifests
from ganlab.errors import GanlabError
from ganlab.methods.gan import GAN
from ganlab.metrics.modes import mode_report
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.show.figure import BELIEF, FAKE, REAL
from ganlab.show.player import MODULE, player_widget
from ganlab.show.trace import LIMIT, TraceRecorder, load_trace, trace_from
from ganlab.train import train


def small(seeds):
    rng = Streams(seeds)
    return GAN(
        MLP([2, 16, 2], rng=rng.for_purpose("generator")),
        MLP([2, 16, 1], rng=rng.for_purpose("discriminator"), scalar=True),
        rng=rng,
    )


def record(seeds=0, row=0, steps=6, **options):
    target, method = ring(sigma=0.1), small(seeds)
    recorder = TraceRecorder(target, "GAN <seed 0>", seed=row, **{"samples": 64, "size": 8, "counted": 300} | options)
    recorder.look(0, method)
    train(method, target.batches(32, seeds), steps=steps, every=2, look=recorder.look)
    return recorder.trace(), method


@pytest.fixture(scope="module")
def trace():
    return record()[0]


def test_a_trace_reads_back_as_it_was_written(trace, tmp_path):
    trace.save(tmp_path / "run.json")
    again = load_trace(tmp_path / "run.json")
    assert (again.title, again.steps, again.sentences) == (trace.title, trace.steps, trace.sentences)
    assert again.metrics == trace.metrics and again.counted == 300
    np.testing.assert_array_equal(again.covered, trace.covered)
    width = trace.extent[1] - trace.extent[0]
    np.testing.assert_allclose(again.samples, trace.samples, atol=width / 65535 + 1e-9)
    np.testing.assert_allclose(again.field, trace.field, atol=0.5 / 255 + 1e-9)
    assert again.to_json() == trace.to_json()


def test_each_frame_is_what_the_method_was_at_that_step():
    trace, method = record(steps=6)
    assert trace.steps == [0, 2, 4, 6]
    samples = method.sample(300)
    np.testing.assert_allclose(trace.samples[-1], samples[:64].numpy())
    report = mode_report(samples, ring(sigma=0.1))
    assert trace.sentences[-1] == f"Step 6: {report.sentence()}."
    assert trace.metrics["modes covered"].values[-1] == report["modes_covered"].mean
    assert trace.metrics["modes covered"].ceiling == 8
    left, right, bottom, top = trace.extent
    corner = torch.tensor([[left + (right - left) / 16, top - (top - bottom) / 16]])  # of the first cell above
    with torch.no_grad():
        believed = float(torch.sigmoid(method.discriminator(corner)))
    assert trace.field[-1][7, 0] == pytest.approx(believed, abs=1e-6)


def test_recording_does_not_disturb_the_run():
    _, watched = record(steps=6)
    alone = small(0)
    train(alone, ring(sigma=0.1).batches(32, 0), steps=6)
    for one, other in zip(watched.generator.parameters(), alone.generator.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_row_of_the_seeds_axis_is_the_seed_alone():
    together, alone = record([0, 1], row=1)[0], record(1)[0]
    np.testing.assert_allclose(together.samples, alone.samples, atol=1e-5)
    np.testing.assert_allclose(together.field, alone.field, atol=1e-5)


def test_a_method_with_another_discriminator_brings_its_own_probability_or_none():
    own = record(probability=lambda method, points: torch.full((len(points),), 0.25))[0]
    assert (own.field == 0.25).all()
    bare = record(size=0)[0]
    assert bare.field is None and "field" not in bare.payload()


def test_points_outside_stay_outside_and_missing_ones_do_not_appear(trace):
    wild = np.array(trace.samples)
    wild[0, 0], wild[0, 1] = [1e9, -1e9], [np.nan, np.nan]
    again = trace_from(json.loads(json.dumps(trace.__class__(**{**vars(trace), "samples": wild}).payload())))
    left, right, bottom, top = trace.extent
    for x, y in again.samples[0, :2]:
        assert x > right and (y < bottom or y > top)


def test_a_trace_of_the_usual_size_fits_and_a_larger_one_is_refused_with_nothing_written(tmp_path):
    method, target = small(0), ring()
    usual, large = TraceRecorder(target, "usual"), TraceRecorder(target, "large", samples=2000, size=64)
    for step in range(41):
        usual.look(step, method)
        large.look(step, method)
    assert len(usual.trace().to_json()) < 0.5 * LIMIT
    with pytest.raises(GanlabError, match="more than 300"):
        large.trace().save(tmp_path / "large.json")
    assert not list(tmp_path.iterdir())


def broken(trace):
    whole = trace.payload()
    yield "not JSON", "{"
    yield "a list", "[]"
    yield "foreign", json.dumps({"format": "other"})
    yield "newer", json.dumps(whole | {"version": 2})
    yield "short data", json.dumps(whole | {"samples": whole["samples"] | {"data": "AAAA"}})
    yield "not base64", json.dumps(whole | {"samples": whole["samples"] | {"data": "?"}})
    yield "lost sentences", json.dumps(whole | {"sentences": []})
    yield "lost part", json.dumps({name: part for name, part in whole.items() if name != "extent"})
    yield "huge", " " * (LIMIT + 1)


def test_what_is_no_trace_is_refused_in_one_line(trace, tmp_path):
    path = tmp_path / "trace.json"
    with pytest.raises(GanlabError, match="no trace at"):
        load_trace(path)
    for name, text in broken(trace):
        path.write_text(text)
        with pytest.raises(GanlabError) as caught:
            load_trace(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value), name


def test_a_trace_goes_forwards_and_is_not_empty():
    recorder = TraceRecorder(ring(), "GAN")
    with pytest.raises(GanlabError, match="Nothing was recorded"):
        recorder.trace()
    recorder.look(5, small(0))
    with pytest.raises(GanlabError, match="forwards"):
        recorder.look(5, small(0))
    with pytest.raises(GanlabError, match="more than"):
        TraceRecorder(ring(), "GAN", samples=10, counted=5)


def test_without_a_front_end_the_player_is_a_film_strip_with_the_sentences(trace, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *values, **options: shown.append((values, options)))
    show.player(trace, trace, frames=3)
    ((data,), _) = shown[0]
    assert len(shown) == 1 and data["text/plain"].startswith("Figure: Frames of recorded training.")
    for frame in (0, 2, 3):
        assert trace.sentences[frame] in data["text/plain"]
    figure = show.film_strip(trace)
    assert sum(axes.get_visible() for axes in figure.axes) == 4


def test_the_player_takes_one_trace_or_two(trace):
    for traces in ((), (trace,) * 3):
        with pytest.raises(GanlabError, match="one, or two"):
            show.player_html(*traces)


def test_the_widget_says_the_same_about_itself_at_every_run(trace):
    assert repr(player_widget(trace)) == "TracePlayer(Trace('GAN <seed 0>', 4 frames))"


def test_the_page_holds_all_it_needs_and_no_title_can_break_out_of_it(trace):
    evil = trace.__class__(**{**vars(trace), "title": "</script><script>alert(1)</script>"})
    page = show.player_html(evil)
    assert "alert(1)</script>" not in page.replace("&lt;", "<\\").split("<noscript>")[0]
    assert page.count("</script>") == 2
    assert not re.search(r"(src|href)=|https?://|import\(|fetch\(", page)
    assert show.player_html(trace, page=False).startswith('<div class="ganlab-player-place">')


@pytest.mark.parametrize("name", [name for name in embedded_manifests()["traces"]["files"] if name.endswith("json")])
def test_the_traces_that_come_with_the_course_are_whole(name):
    trace = load_trace(embedded(f"traces/{name}"))
    modes = trace.covered.shape[1]
    assert len(trace) >= 20 and trace.steps[0] == 0 and trace.metrics["modes covered"].ceiling == modes
    for covered, count, sentence in zip(
        trace.covered, trace.metrics["modes covered"].values, trace.sentences, strict=True
    ):
        assert covered.sum() == count and f": {count:.0f} of {modes} modes" in sentence


def test_the_player_has_the_colours_of_the_figures():
    source = MODULE.read_text()
    from matplotlib.colors import to_hex

    assert {REAL, FAKE, *(to_hex(BELIEF(part)) for part in (0.0, 1.0))} <= set(re.findall(r"#[0-9a-f]{6}", source))
