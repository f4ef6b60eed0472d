"""Killed at any moment, a run goes on to the very same numbers."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ganlab.train import CheckpointError, load_checkpoint, save_checkpoint
from ganlab.train.checkpoint import checkpoints

SCRIPT = Path(__file__).with_name("trained_in_a_process.py")
STEPS = 600


def run(folder: Path, kill_at_line: int | None = None) -> None:
    """Train in a process of its own; with `kill_at_line`, SIGKILL it once metrics.jsonl has that many lines."""
    process = subprocess.Popen([sys.executable, SCRIPT, folder, str(STEPS)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    if kill_at_line is not None:
        metrics = folder / "metrics.jsonl"
        while process.poll() is None:
            if metrics.exists() and metrics.read_bytes().count(b"\n") >= kill_at_line:
                process.send_signal(signal.SIGKILL)
                break
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
    else:
        process.communicate(timeout=120)
        assert process.returncode == 0


def tensors(state, path="") -> dict[str, object]:
    if isinstance(state, dict):
        return {k: v for key, item in state.items() for k, v in tensors(item, f"{path}/{key}").items()}
    if isinstance(state, list):
        return {k: v for i, item in enumerate(state) for k, v in tensors(item, f"{path}/{i}").items()}
    return {path: state}


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a signal of POSIX systems")
@pytest.mark.slow
@pytest.mark.parametrize("lines", [(1,), (3, 11), (20, 35, 50)])
def test_a_run_killed_and_resumed_equals_one_that_was_not(tmp_path, never_killed, lines):
    for line in lines:
        run(tmp_path, kill_at_line=line)
    run(tmp_path)
    name = checkpoints(never_killed / "checkpoints")[-1].name
    expected = tensors(load_checkpoint(never_killed / "checkpoints" / name))
    found = tensors(load_checkpoint(tmp_path / "checkpoints" / name))
    assert found.keys() == expected.keys() and len(expected) > 30
    for key, value in expected.items():
        same = torch.equal(found[key], value) if isinstance(value, torch.Tensor) else found[key] == value
        assert same, f"{key} differs after the resume"
    assert (tmp_path / "metrics.jsonl").read_text() == (never_killed / "metrics.jsonl").read_text()


@pytest.mark.parametrize("damage", ["truncated", "foreign", "pickle", "empty"])
def test_a_broken_checkpoint_is_named_and_the_one_before_is_taken(tmp_path, never_killed, damage, capsys):
    from ganlab.train.checkpoint import newest_whole_checkpoint

    older, newest = checkpoints(never_killed / "checkpoints")
    (tmp_path / older.name).write_bytes(older.read_bytes())
    broken = tmp_path / newest.name
    if damage == "truncated":
        broken.write_bytes(newest.read_bytes()[:-100])
    elif damage == "foreign":
        from safetensors.torch import save_file

        save_file({"weight": torch.zeros(2)}, broken)
    elif damage == "pickle":
        torch.save({"weight": torch.zeros(2)}, broken)
    else:
        broken.write_bytes(b"")
    with pytest.raises(CheckpointError, match=broken.name):
        load_checkpoint(broken)
    path, state = newest_whole_checkpoint(tmp_path)
    assert path.name == older.name and state["step"] == STEPS - 10
    assert broken.name in capsys.readouterr().out


def test_equal_states_are_equal_bytes(tmp_path):
    state = {"weights": [torch.arange(n, dtype=torch.float64) for n in range(12)], "step": 3, "name": "Fréchet"}
    for number in range(20):  # safetensors writes its metadata in an order of chance
        save_checkpoint(tmp_path / f"{number}", state)
    first, *others = (path.read_bytes() for path in tmp_path.iterdir())
    assert all(other == first for other in others)
    read = load_checkpoint(tmp_path / "0")
    assert all(map(torch.equal, read["weights"], state["weights"])) and read["name"] == state["name"]
