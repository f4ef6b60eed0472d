"""Long runs survive, and what they leave behind is whole."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils._pytree import keystr, tree_flatten_with_path

from ganlab.errors import GanlabError
from ganlab.methods.gan import descend
from ganlab.methods.rpgan import RPGAN
from ganlab.nets.averaging import average
from ganlab.nets.mlp import MLP
from ganlab.nets.projected import projected_mlp
from ganlab.scale import players, trainer
from ganlab.scale.generator import CONDITIONS, Trained, copy_of, decay_of, load_trained
from ganlab.scale.pictures import training
from ganlab.scale.settings import METHODS, complete, namespace
from ganlab.scale.trainer import TrainingFailed, fit
from ganlab.seeds import Streams
from ganlab.train import load_checkpoint
from ganlab.train.checkpoint import checkpoints

TINY = {"count": 100, "width": 4, "latent": 8, "batch": 8, "steps": 6, "log": 16, "save": 16, "judged": 0}


def quiet(_: str) -> None:
    pass


def run(folder, changed=(), stop=lambda: False, **given):
    return fit(complete({**TINY, **given}), folder, changed=changed, stop=stop, say=quiet)


def tensors(path: Path) -> dict[str, Tensor]:
    found = tree_flatten_with_path(load_checkpoint(path))[0]
    return {keystr(name): leaf for name, leaf in found if isinstance(leaf, Tensor)}


def last(folder: Path) -> Path:
    return checkpoints(folder / "checkpoints")[-1]


def assert_same(one: Path, other: Path) -> None:
    a, b = tensors(last(one)), tensors(last(other))
    assert a.keys() == b.keys() and len(a) > 50
    for name in a:
        assert torch.equal(a[name], b[name]), name
    assert (one / "metrics.jsonl").read_text() == (other / "metrics.jsonl").read_text()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_stops_and_goes_on_to_the_same_numbers(tmp_path, method):
    own = {"rpgan": {"discriminators": 2, "projected_width": 2}, "nemgan": {"prior_start": 2, "supervise_every": 2}}
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    trained, history = run(whole, method=method, **own.get(method, {}))
    answers = iter([False, False, True])
    _, early = run(parted, method=method, stop=lambda: next(answers), **own.get(method, {}))
    assert history.steps == [2, 4, 6] and early.steps == [2] and not (parted / "result.json").exists()
    run(parted, method=method, **own.get(method, {}))
    assert_same(whole, parted)
    assert trained.sample(5).shape == (5, 3, 32, 32)
    again = load_trained(whole / "generator.safetensors")
    assert torch.allclose(again.sample(3), trained.sample(3), atol=1e-5)
    sheet = Image.open(whole / "samples" / "000000000048.png")
    assert sheet.mode == "RGB" and json.loads((whole / "result.json").read_text())["images"] == 48


def test_stopped_at_its_last_step_a_run_is_finished_and_started_again_it_stays_as_it_is(tmp_path):
    answers = iter([False] * (TINY["steps"] - 1) + [True])
    run(tmp_path, stop=lambda: next(answers, True), judged=50)
    kept = {name: (tmp_path / name).read_bytes() for name in ("result.json", "generator.safetensors")}
    told = []
    fit(complete({**TINY, "judged": 50}), tmp_path, say=told.append)
    assert "nothing to do" in told[-1]
    assert kept == {name: (tmp_path / name).read_bytes() for name in kept}


def test_killed_before_its_generator_was_written_a_run_still_judges_it(tmp_path):
    run(tmp_path, judged=50)
    distance = load_trained(tmp_path / "generator.safetensors").facts["frechet"]
    for name in ("result.json", "generator.safetensors"):
        (tmp_path / name).unlink()
    run(tmp_path, judged=50)
    assert load_trained(tmp_path / "generator.safetensors").facts["frechet"] == distance


def test_the_generator_in_the_file_is_the_one_that_was_judged(tmp_path):
    trained, _ = run(tmp_path, method="msgan", count=CONDITIONS + 200, conditions=["Eyeglasses", "Smiling"])
    again = load_trained(tmp_path / "generator.safetensors")
    torch.testing.assert_close(trained.sample(20), again.sample(20), rtol=0, atol=1e-5)


@pytest.fixture
def yaml_of(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("\n".join(f"{name}: {value}" for name, value in {**TINY, "steps": 100, "save": 80}.items()))
    return path


def started(yaml: Path, folder: Path) -> subprocess.Popen:
    """The command in a process of its own, once it has written its second checkpoint."""
    command = [sys.executable, "-m", "ganlab.cli", "train", yaml, "--out", folder]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    for line in process.stdout:
        if line.startswith("160 "):
            return process
    raise AssertionError(process.stderr.read())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")
def test_killed_or_terminated_the_command_goes_on_to_the_same_numbers(yaml_of, tmp_path):
    settings = complete({**TINY, "steps": 100, "save": 80})
    fit(settings, tmp_path / "whole", say=quiet)
    process = started(yaml_of, tmp_path / "killed")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL and last(tmp_path / "killed").stem != "step-000000100"

    process = started(yaml_of, tmp_path / "terminated")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143 and "Saved and stopped" in said and "Traceback" not in said

    for folder in (tmp_path / "killed", tmp_path / "terminated"):
        fit(settings, folder, say=quiet)
        assert_same(tmp_path / "whole", folder)
        assert len(checkpoints(folder / "checkpoints")) == 2  # the old ones are gone


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), 1e9])
def test_a_loss_that_is_no_number_stops_the_run_with_its_step_and_saves_nothing_after_it(tmp_path, monkeypatch, value):
    def sick(s, data, device="cpu"):
        method, count = players.build(s, data, device), [0]
        healthy = method.step

        def step(real):
            count[0] += 1
            numbers = healthy(real)
            return numbers | {"generator_loss": numbers["generator_loss"] + (value if count[0] == 3 else 0)}

        method.step = step
        return method

    monkeypatch.setattr(trainer, "build", sick)
    with pytest.raises(TrainingFailed) as error:
        run(tmp_path, log=8, steps=12, save=16)
    said = str(error.value)
    assert "at step 3 (24 images) generator_loss became infinite, no number, or larger than 1e+06" in said
    assert "step-000000002.safetensors" in said and "smaller learning_rate" in said and "\n" not in said
    assert [path.stem for path in checkpoints(tmp_path / "checkpoints")] == ["step-000000002"]


def test_a_weight_that_is_no_number_is_found_before_it_is_saved(tmp_path, monkeypatch):
    def sick(s, data, device="cpu"):
        method = players.build(s, data, device)
        healthy = method.step

        def step(real):
            numbers = healthy(real)
            next(method.generator.parameters()).data.fill_(float("inf"))
            return numbers

        method.step = step
        return method

    monkeypatch.setattr(trainer, "build", sick)
    with pytest.raises(TrainingFailed, match="a weight is not finite.*no checkpoint"):
        run(tmp_path, log=8, steps=1)
    assert not (tmp_path / "checkpoints").exists()


def test_a_changed_parameter_is_refused_by_name_unless_asked_and_a_changed_rate_counts(tmp_path):
    run(tmp_path, steps=2)
    with pytest.raises(GanlabError, match="learning_rate was 0.0002 and is now 0.0001, steps was 2 and is now 4"):
        run(tmp_path, steps=4, learning_rate=1e-4)
    with pytest.raises(GanlabError, match=r"\(learning_rate was"):
        run(tmp_path, steps=4, learning_rate=1e-4, changed=["steps"])
    run(tmp_path, steps=4, learning_rate=1e-4, changed=["steps", "learning_rate"])
    state = load_checkpoint(last(tmp_path))
    assert state["method"]["method"]["generator_optimiser"]["param_groups"][0]["lr"] == 1e-4
    assert json.loads((tmp_path / "run.json").read_text())["before"]["steps"] == 2


def test_another_architecture_is_refused_in_a_sentence(tmp_path):
    run(tmp_path, steps=2)
    with pytest.raises(GanlabError, match="does not fit the networks"):
        run(tmp_path, steps=4, width=8, changed=["steps", "width"])


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    run(tmp_path, steps=2)
    before = last(tmp_path).read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("ganlab.files.os.fsync", full)
        with pytest.raises(GanlabError, match="No space left on device"):
            run(tmp_path, steps=4, changed=["steps"])
    assert last(tmp_path).read_bytes() == before and not list(tmp_path.glob("**/*.part"))
    run(tmp_path, steps=4, changed=["steps"])
    assert last(tmp_path).stem == "step-000000004"


def test_the_best_generator_is_kept_when_later_ones_are_worse(tmp_path, monkeypatch):
    distances = iter([30.0, 10.0, 20.0])

    class Judge:
        network = namespace({"name": "a made-up judge"})

        def __init__(self, s): ...

        def __call__(self, trained):
            return next(distances)

    monkeypatch.setattr(trainer, "Judge", Judge)
    run(tmp_path, judged=10)
    best, final = load_trained(tmp_path / "best.safetensors"), load_trained(tmp_path / "generator.safetensors")
    assert (best.facts["step"], best.facts["frechet"]) == (4, 10.0)
    assert (final.facts["step"], final.facts["frechet"], final.facts["features"]) == (6, 20.0, "a made-up judge")


# Precision ------------------------------------------------------------------------------------------------------


def test_bf16_computes_in_bf16_and_keeps_weights_and_losses_in_float32():
    s = namespace(complete({**TINY, "precision": "bf16"}))
    data = training(s)
    method = players.build(s, data)
    trainer._prepare(method, trainer._accelerator(s), compiled=False)
    inside = []
    convolution = next(layer for layer in method.discriminator.modules() if isinstance(layer, nn.Conv2d))
    convolution.register_forward_hook(lambda module, inputs, output: inside.append(output.dtype))
    real = torch.rand(8, 3 * 32 * 32) * 2 - 1
    losses = method.step(real)
    assert set(inside) == {torch.bfloat16} and method.discriminator(real).dtype == torch.float32
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    assert all(p.dtype == torch.float32 for p in method.generator.parameters())


def test_with_no_precision_and_one_process_the_method_is_the_courses_own():
    s = namespace(complete(TINY))
    data = training(s)
    plain, prepared = players.build(s, data), players.build(s, data)
    trainer._prepare(prepared, trainer._accelerator(s), compiled=False)
    real = torch.rand(8, 3 * 32 * 32) * 2 - 1
    assert float(plain.step(real)["generator_loss"]) == float(prepared.step(real)["generator_loss"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what is missing without CUDA")
def test_fp16_without_cuda_is_refused(tmp_path):
    with pytest.raises(GanlabError, match="fp16 needs a CUDA device and this is cpu; use bf16"):
        run(None, precision="fp16")


def test_a_scaled_loss_moves_all_its_optimisers_as_an_unscaled_one():
    """What fp16 does: one scale for a backward pass and for every optimiser that steps on it, changed afterwards."""
    moved = []
    for scaler in (None, torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=1)):
        torch.manual_seed(0)
        first, second, x = nn.Linear(3, 4), nn.Linear(4, 1), torch.randn(5, 3)
        optimisers = [torch.optim.SGD(player.parameters(), 0.1) for player in (first, second)]
        for optimiser in optimisers if scaler else []:
            optimiser.scaler = scaler
        for _ in range(3):
            descend(second(first(x)).square().mean(), *optimisers)
        moved.append([*first.parameters(), *second.parameters()])
    for plain, scaled in zip(*moved, strict=True):
        assert torch.allclose(plain, scaled)
    assert scaler.get_scale() == 1024.0 * 2**3


def test_a_scaled_loss_reaches_projected_discriminators_one_at_a_time():
    weights = []
    for scaler in (None, torch.amp.GradScaler("cpu", init_scale=1024.0)):
        rng = Streams(0)
        judges = projected_mlp(6, 2, 3, [8], rng)
        method = RPGAN(MLP([2, 8, 6], rng), judges, rng=rng, accumulate=True)
        method.generator_optimiser, method.discriminator_optimiser = (
            torch.optim.SGD(player.parameters(), 0.1) for player in (method.generator, judges)
        )
        if scaler:
            method.generator_optimiser.scaler = method.discriminator_optimiser.scaler = scaler
        method.step(rng.normal(16, 6))
        weights.append([*method.generator.parameters(), *judges.parameters()])
    for plain, scaled in zip(*weights, strict=True):
        assert torch.allclose(plain, scaled)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
@pytest.mark.parametrize("method", ["gan", "mdgan", "msgan", "nemgan", "rpgan"])
def test_every_precision_trains_on_a_gpu(tmp_path, method, precision):
    """Never run where there is no GPU, so nothing else in the project may depend on it."""
    trained, history = run(tmp_path / "run", method=method, precision=precision)
    assert all(torch.isfinite(history[name]).all() for name in history.names if name.endswith("loss"))


# The averaged generator -----------------------------------------------------------------------------------------


def test_after_its_half_life_in_images_the_past_weighs_half_whatever_the_batch():
    for batch in (1, 16, 250):
        old, new = nn.Linear(2, 2), nn.Linear(2, 2)
        start, running = old.weight.detach().clone(), copy_of(old)
        for _ in range(1000 // batch):
            average(running, new, decay_of(1000 // batch * batch, batch))
        assert torch.allclose(running.weight, (start + new.weight) / 2, atol=1e-5)
    assert decay_of(0, 64) == 0.0


def test_an_image_depends_on_its_latent_alone():
    s = namespace(complete(TINY))
    trained = Trained(players.generator_network(s), s)
    (latents,) = trained.inputs(10, trainer.Streams(3, "some"))
    assert torch.allclose(trained.images(latents)[:2], trained.images(latents[:2]), atol=1e-5)
    with pytest.raises(GanlabError, match=r"mode is 0 and the latent of this generator \(gan\) has 0 boxes"):
        trained.sample(2, mode=0)


def test_half_the_bytes_nearly_the_same_images(tmp_path):
    s = namespace(complete(TINY))
    trained = Trained(players.generator_network(s), s, facts={"step": 1})
    trained.save(tmp_path / "whole.safetensors")
    trained.save(tmp_path / "half.safetensors", half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.7 * sizes[0]
    assert (load_trained(tmp_path / "half.safetensors").sample(4) - trained.sample(4)).abs().max() < 0.02


def test_a_file_of_something_else_is_no_generator(tmp_path):
    run(tmp_path, steps=2)
    with pytest.raises(GanlabError, match="holds no generator of the trainer"):
        load_trained(last(tmp_path))
