"""What a run would cost: arithmetic and memory traffic of a step, counted, against what a device can do at best.

Everything here is computed. No device is measured: a real step is slower than both roofs.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from ganlab.scale import players
from ganlab.scale.pictures import Pictures


@dataclass(frozen=True)
class Device:
    """A device's two roofs, from its maker's data sheet: dense 16-bit operations, and bytes, a second."""

    name: str
    operations: float
    bytes: float


DEVICES = (
    Device("T4 (fp16)", 65e12, 320e9),
    Device("V100 (fp16)", 125e12, 900e9),
    Device("L4", 121e12, 300e9),
    Device("RTX 4090", 165e12, 1008e9),
    Device("A100 40 GB", 312e12, 1555e9),
    Device("H100 SXM", 989e12, 3350e9),
)


LAUNCH = 5e-6  # seconds that starting one kernel takes, roughly, whatever the device: an assumption


@dataclass(frozen=True)
class Cost:
    """Of one training step: operations (additions and multiplications) and bytes per image, and kernels in all."""

    operations: float
    bytes: float
    kernels: int


class _Counter(TorchDispatchMode):
    """What all operations compute, read and write, none fused with another; views cost nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.bytes = self.kernels = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        result = function(*arguments, **keywords)
        aliases = [one.alias_info for one in function._schema.returns]
        if any(alias is not None and not alias.is_write for alias in aliases):
            return result
        if (count := flop_registry.get(function._overloadpacket)) is not None:
            self.operations += count(*arguments, **keywords, out_val=result)
        leaves = tree_leaves((arguments, keywords, result))
        self.bytes += sum(leaf.numel() * leaf.element_size() for leaf in leaves if isinstance(leaf, Tensor))
        self.kernels += 1
        return result


def cost(s: SimpleNamespace) -> Cost:
    """Counted in a step of a batch of 2 and in one of 4, so that what does not grow with the batch (Adam) is left out.

    Bytes are of float32; halve them for 16 bits. Many projected discriminators are counted as one and one more.
    """
    if getattr(s, "discriminators", 0) > 2:
        one, two = (cost(SimpleNamespace(**{**vars(s), "discriminators": k})) for k in (1, 2))
        more = s.discriminators - 1
        each = zip(astuple(one), astuple(two), strict=True)
        return Cost(*(a + more * (b - a) for a, b in each))
    counted = []
    for batch in (2, 4):
        method = players.build(s, _nothing(s))
        real = torch.zeros(batch, players.CHANNELS * s.size**2)
        item = (real, torch.zeros(batch, len(s.conditions))) if s.method == "msgan" else real
        with _Counter() as counter:
            method.step(item)
        counted.append(counter)
    few, many = counted
    return Cost((many.operations - few.operations) / 2, (many.bytes - few.bytes) / 2, many.kernels)


def images_per_second(operations: float, moved: float, device_operations: float, device_bytes: float) -> float:
    """The roofline: the slower of the two that an image needs sets the pace.

        rate = min(operations a second / operations an image, bytes a second / bytes an image)

    >>> images_per_second(2e9, 50e6, 100e12, 1e12)
    20000.0
    """
    return min(device_operations / operations, device_bytes / moved)


def hours(s: SimpleNamespace, of: Cost, device: Device) -> tuple[float, float]:
    """At least so many hours for the whole run on one device in 16 bits: by its two roofs, and by starting kernels."""
    rate = images_per_second(of.operations, of.bytes / 2, device.operations, device.bytes)
    return s.steps * s.batch / rate / 3600, s.steps * of.kernels * LAUNCH / 3600


def _nothing(s: SimpleNamespace) -> Pictures:
    """A data set with the right names and two modes, for methods that ask."""
    names = tuple(dict.fromkeys([*getattr(s, "conditions", ()), getattr(s, "attribute", "")]))
    n = getattr(s, "labelled", 2)
    attributes = (torch.arange(n) % 2 == 0)[:, None].expand(-1, len(names))
    images = torch.zeros(n, players.CHANNELS, s.size, s.size, dtype=torch.uint8)
    return Pictures(images, attributes, names, "nothing")
