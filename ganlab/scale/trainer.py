"""The trainer: any method, on Hugging Face Accelerate, seen by `ganlab.train.train` as a method like any other.

Accelerate gives the device, the precision and the processes. What it lacks for GANs, with their several losses and
optimisers, stands in `processes`. Checkpoints are the course's own, since Accelerate's are pickles.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from ganlab.data.images import contact_sheet, png_of, to_uint8, to_unit
from ganlab.devices import pick_device
from ganlab.errors import GanlabError
from ganlab.files import write_atomically
from ganlab.metrics.distances import frechet_distance
from ganlab.metrics.features import FeatureNetwork, classifier, principal_components
from ganlab.nets.averaging import average
from ganlab.runner.clock import duration
from ganlab.scale import pictures, processes
from ganlab.scale.generator import Trained, copy_of, decay_of
from ganlab.scale.players import build, networks, parts
from ganlab.scale.settings import namespace
from ganlab.seeds import Streams
from ganlab.train import History, RunFolder, load_checkpoint, train

SHOWN = 64  # images on a picture of samples
ASKING = 8  # several processes agree every so many steps whether to stop


class TrainingFailed(GanlabError):
    """A loss that is no number, or too large."""


def fit(
    settings: dict[str, Any],
    folder: str | Path | None = None,
    *,
    changed: Iterable[str] = (),
    stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = print,
    show: Callable[[int, Tensor, dict], None] | None = None,
) -> tuple[Trained, History]:
    """Train from the settings, or go on from the folder's last checkpoint.

    Args:
        settings: all of them, as `ganlab.scale.settings.complete` gives them.
        folder: of the run; `None` keeps nothing.
        changed: names of settings that may differ from those that the folder was started with.
        stop: asked after each step; when it says yes, the run is saved and ends early.
        say: takes a line of progress.
        show: called with the images seen, 64 samples on fixed latents and the numbers, each time these are reported.

    Returns:
        The averaged generator and the history. `history.steps[-1] < steps` when the run was stopped.

    Raises:
        TrainingFailed: a loss is not finite or larger than `exploding`; nothing was saved after it happened.
        GanlabError: the folder holds another run; the processes cannot share the batch; the disk is full.
    """
    s = namespace(settings)
    accelerator = _accelerator(s)
    processes.check_batch(s.batch, accelerator.num_processes)
    torch.manual_seed(s.seed)  # for modules that draw from torch's own stream
    data = pictures.training(s)
    method = build(s, data, accelerator.device)
    average_of = copy_of(method.generator)
    _prepare(method, accelerator, s.compile)
    with accelerator.main_process_first():
        run = Reported(folder, settings, changed=changed, writes=accelerator.is_main_process)
    watched = Watched(s, method, average_of, accelerator, run, data, stop, say, show)
    run.tell = watched.report if accelerator.is_main_process else lambda record: None
    batches = pictures.batches(data, s, accelerator.device)
    try:
        history = train(
            watched, batches, s.steps, every=watched.every, look=watched.look, run=run,
            checkpoint_every=watched.save, stop=watched.stop,
        )  # fmt: skip
    finally:
        if watched.board is not None:
            watched.board.close()
    trained = watched.trained()
    done = int(watched.steps) == s.steps
    again = not watched.names and folder is not None and (Path(folder) / "result.json").exists()
    if accelerator.is_main_process and folder is not None and done and not again:
        if watched.judge is not None and trained.facts["frechet"] is None:  # killed after the last checkpoint
            trained.facts["frechet"] = watched.judge(trained)
        trained.save(Path(folder) / "generator.safetensors")
        words = f"{s.method} on {data.name}, {s.size}x{s.size}: {s.steps * s.batch:,} images seen"
        with contextlib.redirect_stdout(io.StringIO()):  # `say` says it
            run.finish(words, images_per_second=watched.rate, device=str(accelerator.device), **trained.facts)
        say(words)
    elif again and accelerator.is_main_process:
        say(f"The run in {folder} is finished; there is nothing to do.")
    accelerator.wait_for_everyone()
    return trained, history


class Reported(RunFolder):
    """A run folder that also tells what it records."""

    tell: Callable[[dict[str, Any]], None]

    def append_metrics(self, record: dict[str, Any]) -> None:
        super().append_metrics(record)
        self.tell(record)


class Watched:
    """A method with an averaged generator, an eye on its losses, and a report now and then."""

    def __init__(self, s, method, average_of, accelerator, run, data, stop, say, show):
        self.s, self.method, self.average, self.accelerator = s, method, average_of, accelerator
        self.run, self.data, self.asked, self.say, self.show = run, data, stop, say, show
        self.main, self.device = accelerator.is_main_process, accelerator.device
        self.decay = decay_of(s.ema, s.batch)
        self.every = max(1, round(s.log / s.batch))  # steps
        self.save = self.every * max(1, round(s.save / (self.every * s.batch)))
        self.steps = torch.zeros((), dtype=torch.int64, device=self.device)
        self.names, self.first_bad = (), torch.zeros((), dtype=torch.int64, device=self.device)
        self.stopped, self.rate, self.best, self.frechet = False, None, float("inf"), None
        self.judge = Judge(s) if self.main and s.judged else None
        self.board = _tensorboard(run, say) if self.main else None
        self.clock = (time.perf_counter(), 0)

    def step(self, real: Tensor) -> dict[str, Tensor]:
        """A step of the method; nothing here waits for the device."""
        numbers = self.method.step(real)
        average(self.average, self.method.generator, self.decay)
        self.steps += 1
        self.names = tuple(numbers)
        bad = ~(torch.stack([value.float() for value in numbers.values()]).abs() <= self.s.exploding)
        self.first_bad = torch.where((self.first_bad == 0) & bad, self.steps, self.first_bad)
        return numbers

    # Looking

    def look(self, step: int, _: Watched) -> dict[str, Any]:
        """Check, and at each `save` draw and judge. Its numbers join the losses in the record."""
        self.check()
        images = step * self.s.batch
        found: dict[str, Any] = {"images": images}
        saving = step % self.save == 0 or step == self.s.steps
        if self.main:
            trained = self.trained() if saving or self.show else None
            if saving and self.judge is not None:
                found["frechet"] = self.frechet = trained.facts["frechet"] = self.judge(trained)
            if saving:
                self.keep(trained, images, found)
            if self.show is not None:
                self.show(images, trained.images(*self.shown(trained)), found)
        return found

    def keep(self, trained: Trained, images: int, found: dict[str, Any]) -> None:
        """A picture of samples, and the generator if none was better."""
        if self.run.path is None:
            return
        sheet = contact_sheet(to_uint8(trained.images(*self.shown(trained))))
        write_atomically(self.run.path / "samples" / f"{images:012d}.png", png_of(sheet))
        if self.board is not None:
            self.board.add_image("samples", sheet, images)
        best = self.run.path / "best.safetensors"
        if self.best == float("inf") and best.exists():
            self.best = load_checkpoint(best)["facts"]["frechet"]
        if "frechet" in found and found["frechet"] <= self.best:
            self.best = found["frechet"]
            trained.save(best)

    def shown(self, trained: Trained) -> tuple[Tensor, ...]:
        return trained.inputs(SHOWN, Streams(self.s.seed, "shown"))

    def report(self, record: dict[str, Any]) -> None:
        """One line, and TensorBoard. The rate is that since the last report, pictures and judging included."""
        images, now = record["images"], time.perf_counter()
        self.rate = (images - self.clock[1]) / (now - self.clock[0])
        self.clock = (now, images)
        total = self.s.steps * self.s.batch
        words = [f"{images:,} of {total:,} images", f"{self.rate:,.0f} images/s"]
        words += [f"{duration((total - images) / self.rate)} left", f"{_memory(self.device) / 1e9:.1f} GB"]
        numbers = {name: value for name, value in record.items() if name not in ("step", "images")}
        words += [f"{name.replace('_', ' ')} {value:.3g}" for name, value in numbers.items()]
        self.say(" · ".join(words))
        if self.board is not None:
            for name, value in ({"images_per_second": self.rate} | numbers).items():
                self.board.add_scalar(name, value, images)
            self.board.flush()

    def trained(self) -> Trained:
        """The averaged generator as it is now."""
        network = copy_of(self.average)
        prior = self.method.prior.logits.detach().clone() if self.s.method == "nemgan" else None
        conditions = None
        if self.s.method == "msgan":
            conditions = self.data.conditions(self.s.conditions)
        step = int(self.steps)
        facts = {"step": step, "images": step * self.s.batch, "frechet": self.frechet}
        facts["features"] = self.judge.network.name if self.judge is not None else None
        return Trained(network, self.s, prior, conditions, facts)

    # Failing and stopping

    def check(self) -> None:
        """Raises `TrainingFailed` when a loss or a weight is not finite, or a loss exploded. Waits for the device."""
        bad = self.first_bad
        weights = [p.isfinite().all() for network in networks(self.method).values() for p in network.parameters()]
        if not bad.any() and bool(torch.stack(weights).all()):
            return
        step = int(bad[bad > 0].min()) if bad.any() else int(self.steps)
        which = [name for name, at in zip(self.names, bad.tolist(), strict=True) if at == step] if bad.any() else []
        what = "a weight is not finite"
        if which:
            what = f"{' and '.join(which)} became infinite, no number, or larger than {self.s.exploding:g}"
        folder = self.run.checkpoint_folder
        kept = sorted(path.name for path in folder.glob("step-*.safetensors")) if folder else []
        good = f"the last good checkpoint is {folder / kept[-1]}" if kept else "there is no checkpoint before it"
        tries = (
            "a smaller learning_rate, precision: no, a larger batch"
            if self.s.precision != "no"
            else "a smaller learning_rate, a larger batch, smaller weights of the method's own terms"
        )
        raise TrainingFailed(
            f"Training stopped: at step {step} ({step * self.s.batch:,} images) {what}; {good}. Try {tries}; "
            "go on from there with --change and the name of what you change."
        )

    def stop(self, step: int) -> bool:
        """Whether to save and end now; all processes give the same answer."""
        if self.accelerator.num_processes == 1:
            self.stopped = self.asked()
        elif step % ASKING == 0:
            if self.asked():
                self.accelerator.set_trigger()
            self.stopped = self.accelerator.check_trigger()
        if self.stopped:
            self.check()
        return self.stopped

    # State

    def state_dict(self) -> dict[str, Any]:
        scaler = self.accelerator.scaler
        return {
            "method": self.method.state_dict(),
            "average": self.average.state_dict(),
            "steps": self.steps,
            "scaler": None if scaler is None else scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Everything but the optimisers' settings, which are those of this run: a changed learning rate counts."""
        optimisers = [part for part in vars(self.method).values() if isinstance(part, torch.optim.Optimizer)]
        wanted = [[_settings_of(group) for group in optimiser.param_groups] for optimiser in optimisers]
        try:
            self.method.load_state_dict(tree_map_only(Tensor, lambda t: t.to(self.device), state["method"]))
            self.average.load_state_dict(state["average"])
        except (RuntimeError, ValueError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise GanlabError(f"The checkpoint does not fit the networks ({reason}); start a new folder.") from None
        for optimiser, groups in zip(optimisers, wanted, strict=True):
            for group, own in zip(optimiser.param_groups, groups, strict=True):
                group.update(own)
        self.steps.copy_(state["steps"])
        if self.accelerator.scaler is not None and state["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.clock = (time.perf_counter(), int(self.steps) * self.s.batch)


class Judge:
    """The Fréchet distance to images that were not trained on, with the name of its features."""

    def __init__(self, s: SimpleNamespace):
        real = to_unit(pictures.held_out(s, s.judged).images)
        self.network: FeatureNetwork = classifier("faces") if s.data == "faces" else principal_components(real)
        self.n, self.real = len(real), self.network.of(real)

    def __call__(self, trained: Trained) -> float:
        return frechet_distance(self.real, self.network.of(trained.sample(self.n))).value


# Accelerate ---------------------------------------------------------------------------------------------------


def _accelerator(s: SimpleNamespace):
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, PartialState

    on_cpu = pick_device().type == "cpu"  # Accelerate starts no processes on CPUs unless it is told to use them
    state = PartialState(cpu=on_cpu)
    if s.precision == "fp16" and state.device.type != "cuda":
        raise GanlabError(f"precision fp16 needs a CUDA device and this is {state.device.type}; use bf16 or no.")
    AcceleratorState._reset_state()  # one process may train several runs, each with its own precision
    torch.backends.cudnn.benchmark = True  # all steps have the same shapes
    return Accelerator(cpu=on_cpu, mixed_precision=s.precision)


def _prepare(method, accelerator, compiled: bool) -> None:
    """Precision, compilation and processes, put around what the method calls; the method does not know."""
    for network in networks(method).values():
        for part, batch_axis in parts(network):
            if compiled:
                part.forward = torch.compile(part.forward)
            accelerator.prepare_model(part, evaluation_mode=True)  # autocast, and floats out
            if accelerator.num_processes > 1:
                processes.share(part, batch_axis)
    if accelerator.scaler is not None:  # fp16; ganlab.methods.gan.descend looks for it
        for part in vars(method).values():
            if isinstance(part, torch.optim.Optimizer):
                part.scaler = accelerator.scaler


# Small things -------------------------------------------------------------------------------------------------


def _settings_of(group: dict[str, Any]) -> dict[str, Any]:
    return {name: group[name] for name in ("lr", "betas", "weight_decay") if name in group}


def _tensorboard(run: RunFolder, say: Callable[[str], None]):
    if run.path is None:
        return None
    if importlib.util.find_spec("tensorboard") is None:
        say("No TensorBoard logs (pip install tensorboard); metrics.jsonl holds the same numbers.")
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(run.path / "tensorboard")


def _memory(device: torch.device) -> int:
    """Bytes: the most that the device held, or what this process holds."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return psutil.Process().memory_info().rss
