import json
import os
import signal
import sys

import pytest
import torch
from safetensors.torch import save_file

from ganlab.data import batches
from ganlab.data.mixtures import ring
from ganlab.errors import GanlabError
from ganlab.methods.gan import GAN
from ganlab.nets.dcgan import dcgan_discriminator, dcgan_generator
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.train import (
    CheckpointError,
    RunFolder,
    load_checkpoint,
    save_checkpoint,
    side_by_side,
    train,
    write_atomically,
)
from ganlab.train.checkpoint import FORMAT, newest_whole_checkpoint


def build(seeds):
    rng = Streams(seeds, "weights")
    gan = GAN(MLP([2, 8, 2], rng), MLP([2, 8, 1], rng, scalar=True), rng=rng)
    return gan, ring().batches(8, seeds)


class Counting:
    """A method whose numbers are known: its loss at step k is k."""

    def __init__(self):
        self.count = torch.zeros(())

    def step(self, real):
        self.count = self.count + 1
        return {"loss": self.count}

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


def test_records_are_means_since_the_last_and_the_last_step_is_always_looked_at():
    history = train(Counting(), ring().batches(1, 0), 10, every=4, look=lambda step, method: {"double": 2 * step})
    assert history.steps == [4, 8, 10]
    assert history["loss"].tolist() == [2.5, 6.5, 9.5]
    assert history["double"].tolist() == [8, 16, 20]
    assert history.names == ["double", "loss"]


def test_the_seeds_axis_comes_first_in_the_history():
    history = train(*build([0, 1, 2]), 6, every=2)
    assert history["generator_loss"].shape == (3, 3)
    history = train(*build([0, 1]), 6, every=2)
    assert history["generator_loss"].shape == (2, 3)


def test_stopping_and_going_on_is_the_same_as_not_stopping(tmp_path):
    whole = train(*build([0, 1]), 25, every=10)
    run = RunFolder(tmp_path / "run", {"seed": 0})
    train(*build([0, 1]), 15, every=10, run=run)
    # The first call stopped at 15, which is also a look: records are 10, 15 and then 20, 25.
    resumed = train(*build([0, 1]), 25, every=10, run=RunFolder(tmp_path / "run", {"seed": 0}))
    assert resumed.steps == [10, 15, 20, 25]
    assert torch.equal(resumed["generator_loss"][:, 0], whole["generator_loss"][:, 0])
    again = train(*build([0, 1]), 25, every=10, run=RunFolder(tmp_path / "run", {"seed": 0}))
    assert again.records == resumed.records  # nothing left to do


def test_other_parameters_are_refused_by_name(tmp_path):
    RunFolder(tmp_path, {"seed": 0, "steps": 10})
    with pytest.raises(GanlabError, match="seed was 0 and is now 1"):
        RunFolder(tmp_path, {"seed": 1, "steps": 10})


def test_result_is_written_last_and_is_plain_json(tmp_path, capsys):
    run = RunFolder(tmp_path / "a", {"seed": 0})
    assert not (tmp_path / "a" / "result.json").exists()
    run.finish("8 of 8 modes", modes=torch.tensor([8, 7]), kl=float("nan"))
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert (result["line"], result["modes"], result["kl"]) == ("8 of 8 modes", [8, 7], None)
    description = json.loads((tmp_path / "a" / "run.json").read_text())
    assert description["versions"]["torch"] == torch.__version__
    RunFolder().finish("in memory")
    assert capsys.readouterr().out == "result: 8 of 8 modes\nresult: in memory\n"


def test_a_checkpoint_gives_back_what_was_saved(tmp_path):
    state = {
        "tensors": [torch.arange(3), torch.zeros(()), torch.zeros(0, 4, dtype=torch.bfloat16)],
        "optimiser": {"state": {0: {"step": torch.tensor(3.0)}}, "lr": 1e-3, "foreach": None, "amsgrad": False},
    }
    save_checkpoint(tmp_path / "c", state)
    found = load_checkpoint(tmp_path / "c")
    assert list(found["optimiser"]["state"]) == [0]
    assert {k: v for k, v in found["optimiser"].items() if k != "state"} == {
        "lr": 1e-3, "foreach": None, "amsgrad": False,
    }  # fmt: skip
    for a, b in zip(found["tensors"], state["tensors"], strict=True):
        assert a.dtype == b.dtype and torch.equal(a, b)


@pytest.mark.parametrize(
    "tree",
    ["[]", "3", "{}", '{"odd": 1}', '{"value": [1]}', '{"list": 3}', '{"dict": [[1]]}', '{"dict": [[[], {}]]}',
     '{"tensor": "none"}', '{"tensor": 0}', '{"list": [' * 50_000 + "]}" * 50_000, "no JSON"],
)  # fmt: skip
def test_a_malformed_tree_is_a_broken_checkpoint_and_the_one_before_is_taken(tmp_path, tree):
    save_checkpoint(tmp_path / "step-000000001.safetensors", {"step": 1})
    newest = tmp_path / "step-000000002.safetensors"
    save_file({"t0": torch.zeros(2)}, newest, metadata={"format": FORMAT, "tree": tree})
    with pytest.raises(CheckpointError, match=newest.name):
        load_checkpoint(newest)
    assert newest_whole_checkpoint(tmp_path, warn=lambda line: None)[1] == {"step": 1}


def test_only_the_last_two_checkpoints_are_kept(tmp_path):
    train(*build([0]), 9, run=RunFolder(tmp_path), checkpoint_every=2)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == [
        "step-000000008.safetensors",
        "step-000000009.safetensors",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX limits")
def test_a_full_disk_leaves_the_old_file_and_one_clear_line(tmp_path):
    import resource

    path = tmp_path / "file"
    write_atomically(path, "old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(GanlabError, match="Could not write .*file .*nothing there was changed"):
            write_atomically(path, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX modes")
def test_files_have_the_mode_that_the_umask_asks_for_and_threads_leave_it_alone(tmp_path, monkeypatch):
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("the umask is one for all threads"))
            write_atomically(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_a_file_gives_one_clear_line(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(GanlabError, match="choose a folder that you may write to"):
        write_atomically(tmp_path / "taken" / "file", "x")


@pytest.mark.parametrize("workers", [1, 2])
def test_seeds_side_by_side_come_back_in_order_and_do_not_depend_on_the_grouping(workers):
    def function(seeds):  # a closure, as in a notebook
        return {"draw": Streams(seeds, "x").normal(2), "pid": [os.getpid()] * len(seeds)}

    result = side_by_side(function, [3, 1, 2], workers=workers)
    assert torch.equal(result["draw"], Streams([3, 1, 2], "x").normal(2))
    assert len(set(result["pid"].tolist())) == workers


@pytest.mark.parametrize("workers", [0, -1])
def test_no_processes_side_by_side_are_refused(workers):
    with pytest.raises(GanlabError, match=f"given {workers} workers"):
        side_by_side(lambda seeds: {}, [0, 1], workers=workers)


@pytest.mark.parametrize("text", ['{"parameters": {', "[1]", "[" * 100_000])
def test_a_run_json_that_is_none_is_one_sentence(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(GanlabError, match="run.json .*delete it or choose another folder"):
        RunFolder(tmp_path, {"seed": 0})


def test_no_seeds_side_by_side_are_refused():
    with pytest.raises(GanlabError, match="given no seeds"):
        side_by_side(lambda seeds: {}, [])


def test_a_look_that_finds_no_number_is_recorded_as_nan():
    history = train(Counting(), ring().batches(1, 0), 4, every=2, look=lambda step, method: {"kl": [1.0, float("nan")]})
    assert history["kl"].shape == (2, 2) and history["kl"][0].tolist() == [1.0, 1.0] and history["kl"][1].isnan().all()


def test_images_in_channels_last_resume_to_the_same_weights(tmp_path):
    """Saved moments come back contiguous; Adam's fused step would pair them with the wrong weights."""

    def images(seed):
        rng = Streams(seed, "weights")
        gan = GAN(dcgan_generator(16, 3, 4, 4, rng), dcgan_discriminator(16, 3, 4, rng), rng=rng, latent=4)
        for weight in (*gan.generator.parameters(), *gan.discriminator.parameters()):
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        return gan, batches(torch.rand(64, 768, generator=torch.Generator().manual_seed(0)) * 2 - 1, 16, seed)

    whole, real = images(0)
    train(whole, real, 6)
    train(*images(0), 3, run=RunFolder(tmp_path / "run", {"seed": 0}))
    resumed, real = images(0)
    train(resumed, real, 6, run=RunFolder(tmp_path / "run", {"seed": 0}))
    for name, weight in whole.generator.named_parameters():
        assert torch.equal(weight, resumed.generator.get_parameter(name)), name


def test_batches_that_cannot_be_saved_are_refused_before_the_first_step(tmp_path):
    gan, real = build(0)
    endless = (next(real) for _ in iter(int, 1))
    with pytest.raises(GanlabError, match="a generator, which cannot be saved"):
        train(gan, endless, 3, run=RunFolder(tmp_path / "run", {}))
    assert len(train(gan, endless, 3)) == 1  # without a folder any iterator will do


def test_a_process_that_only_reads_a_folder_writes_no_result(tmp_path, capsys):
    RunFolder(tmp_path, {"seed": 0})
    RunFolder(tmp_path, {"seed": 0}, writes=False).finish("nothing")
    assert not (tmp_path / "result.json").exists() and capsys.readouterr().out == "result: nothing\n"
