"""One loop, checkpoints and run folders."""

from ganlab.files import write_atomically
from ganlab.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from ganlab.train.loop import History, train
from ganlab.train.parallel import available_cores, side_by_side, threads
from ganlab.train.run import RunFolder

__all__ = [
    "CheckpointError",
    "History",
    "RunFolder",
    "available_cores",
    "load_checkpoint",
    "save_checkpoint",
    "side_by_side",
    "threads",
    "train",
    "write_atomically",
]
