"""Two processes compute what one computes: every method, in float64, and the trainer's checkpoints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils._pytree import keystr, tree_flatten_with_path

from ganlab.errors import GanlabError
from ganlab.scale.processes import check_batch
from ganlab.train import load_checkpoint

HERE = Path(__file__).parent
TINY = """
method: mmgan
count: 200
width: 4
latent: 8
batch: 8
steps: 4
log: 8
save: 16
judged: 0
"""


def launched(processes: int, *command: str | Path) -> None:
    """Run a script or module under torchrun, or directly for one process."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    start = torchrun if processes > 1 else [sys.executable]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*start, *map(str, command)], capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]


def leaves(state) -> dict[str, object]:
    return {keystr(path): leaf for path, leaf in tree_flatten_with_path(state)[0]}


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one_in_every_method(tmp_path):
    for processes in (1, 2):
        (tmp_path / str(processes)).mkdir()
        launched(processes, HERE / "in_processes.py", tmp_path / str(processes))
    compared = 0
    for path in sorted((tmp_path / "1").glob("*.safetensors")):
        one, two = load_checkpoint(path), load_checkpoint(tmp_path / "2" / path.name)
        assert (one["n"], two["n"]) == (1, 2)
        one, two = leaves(one["state"]), leaves(two["state"])
        assert one.keys() == two.keys()
        for name, value in one.items():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                assert torch.allclose(value, two[name], rtol=1e-9, atol=1e-12), (path.name, name)
            elif isinstance(value, torch.Tensor):
                assert torch.equal(value, two[name]), (path.name, name)
        compared += 1
    assert compared == 8


@pytest.mark.slow
def test_a_checkpoint_of_two_processes_goes_on_in_one_and_back(tmp_path):
    """Steps 1-2 in two processes, 3-4 in one, against four in one: the same to the rounding of float32."""
    (tmp_path / "run.yaml").write_text(TINY)
    command = ["-m", "ganlab.cli", "train", tmp_path / "run.yaml", "--change", "steps", "--out"]
    launched(2, *command, tmp_path / "mixed", "-p", "steps=2")
    launched(1, *command, tmp_path / "mixed", "-p", "steps=4")
    launched(1, *command, tmp_path / "one", "-p", "steps=4")
    files = [tmp_path / name / "checkpoints" / "step-000000004.safetensors" for name in ("mixed", "one")]
    mixed, one = (leaves(load_checkpoint(path)) for path in files)
    assert mixed.keys() == one.keys()
    for name, value in one.items():
        if isinstance(value, torch.Tensor) and "_optimiser" not in name:
            # Adam divides by its gradient's size: rounding in a vanishing gradient moves a weight by up to its rate
            assert torch.allclose(value.double(), mixed[name].double(), atol=1e-3), name


def test_a_batch_that_cannot_be_shared_is_refused():
    check_batch(64, 4)
    with pytest.raises(GanlabError, match="batch is 64 and there are 3 processes"):
        check_batch(64, 3)
