"""Which device to compute on."""

from __future__ import annotations

import torch

from ganlab.errors import GanlabError


def lies_on(device: torch.device, wanted: torch.device) -> bool:
    """Whether what is on `device` is where it is wanted. "cuda" means any of the GPUs: cuda:0 is one of them."""
    return device.type == wanted.type and wanted.index in (None, device.index)


def pick_device(name: str = "auto") -> torch.device:
    """`"auto"` takes CUDA, then Apple's MPS, then the CPU; any other name is torch's own.

    Raises `GanlabError` when the named device is not there, instead of falling back in silence.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise GanlabError(
            f"Device {name!r} cannot be used here ({str(error).splitlines()[0]}); use 'auto' or 'cpu'."
        ) from None
    return device
