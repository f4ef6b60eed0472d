"""Checkpoints: one safetensors file, tensors and plain values only. Nothing is ever unpickled.

A nested state (dicts, lists, tensors, numbers, strings) becomes a flat set of tensors and one JSON text in the
file's header. Loading reads numbers; it cannot run code.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganlab.errors import GanlabError
from ganlab.files import write_atomically

FORMAT = "ganlab checkpoint 1"


class CheckpointError(GanlabError):
    """A file that is not a whole ganlab checkpoint."""


def save_checkpoint(path: str | Path, state: Any) -> None:
    """Write a nested state of dicts, lists, tensors and plain values to one file, atomically."""
    tensors: dict[str, Tensor] = {}
    tree = _flatten(state, tensors)
    write_atomically(path, _in_order(save(tensors, metadata={"format": FORMAT, "tree": json.dumps(tree)})))


def load_checkpoint(path: str | Path) -> Any:
    """The state that `save_checkpoint` wrote, on the CPU.

    Raises:
        CheckpointError: the file is missing, truncated, or was not written by ganlab.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise CheckpointError(f"{path} is not a ganlab checkpoint (its format is {metadata.get('format')!r}).")
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        return _rebuild(json.loads(metadata["tree"]), tensors)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is truncated or not a ganlab checkpoint ({_first_line(error)}).") from None


def checkpoint_path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:09d}.safetensors"


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a folder, oldest first."""
    return sorted(path for path in folder.glob("step-*.safetensors") if re.fullmatch(r"step-\d{9}", path.stem))


def newest_whole_checkpoint(folder: Path, warn=print) -> tuple[Path, Any] | None:
    """The newest checkpoint that can be read; a broken one is named, and the one before it is taken."""
    for path in reversed(checkpoints(folder)):
        try:
            return path, load_checkpoint(path)
        except CheckpointError as error:
            warn(f"{error} Trying the checkpoint before it.")
    return None


def _in_order(data: bytes) -> bytes:
    """The same file with its header sorted: safetensors writes metadata in an order of chance, and equal states
    should be equal bytes."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:start]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # tensors start at multiples of 8 bytes
    return len(header).to_bytes(8, "little") + header + data[start:]


def _flatten(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = f"t{len(tensors)}"
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {"tensor": name}
    if isinstance(value, dict):  # pairs, because the keys of an optimiser's state are integers
        return {"dict": [[key, _flatten(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_flatten(item, tensors) for item in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    raise TypeError(f"a checkpoint holds tensors and plain values, not {type(value).__name__}")


def _rebuild(node: Any, tensors: dict[str, Tensor]) -> Any:
    match node:
        case {"tensor": str(name)}:
            return tensors[name]
        case {"dict": list(pairs)}:
            return {key: _rebuild(item, tensors) for key, item in pairs}
        case {"list": list(items)}:
            return [_rebuild(item, tensors) for item in items]
        case {"value": None | bool() | int() | float() | str() as value}:
            return value
    raise ValueError("its tree holds a node of no known kind")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def random_state() -> dict[str, Tensor]:
    """torch's global generators, which dropout and a reader's own code draw from."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
