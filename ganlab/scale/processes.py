"""One step on several processes, with the numbers of one process.

Averaging the gradients of separate batches, as is usual, would change the methods: the losses of MMGAN, MSGAN and
NEMGAN are no means over samples (a sphere, a ratio of means, a divergence of means), and batch norm looks at the whole
batch too. So here every process knows the whole batch and draws the same random numbers; only the networks share the
work. Each runs on its own rows, its outputs are gathered, and the method computes the loss of the whole batch, without
knowing. On the way back a network's weights get their gradient from its own rows, and the sum over processes is the
gradient. The state of every process is the same, so one of them writes it, and any number of processes can go on.

    rows: x -> its own part            backward: the parts of all, gathered
    gather: own part -> all parts      backward: its own part
    total: x -> the sum over processes backward: the same

Each is the other's adjoint, and each backward is made of these three, so gradient penalties work too.
"""

from __future__ import annotations

from types import MethodType

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

from ganlab.errors import GanlabError


class _Rows(Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.chunk(dist.get_world_size())[dist.get_rank()].clone()

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        pass

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _Gather.apply(gradient)


class _Gather(Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        pass

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _Rows.apply(gradient)


class _Total(Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        pass

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _Total.apply(gradient)


def check_batch(batch: int, processes: int) -> None:
    """Raises `GanlabError` when the processes cannot have equal parts of the batch."""
    if batch % processes:
        raise GanlabError(
            f"batch is {batch} and there are {processes} processes; give a batch that {processes} divides."
        )


def share(network: nn.Module, batch_axis: int = 0) -> None:
    """From now on this network computes on its own rows, and shows the rows of all processes.

    Args:
        network: called with tensors whose first axis is the batch.
        batch_axis: that of its outputs.
    """

    def gather(output: Tensor) -> Tensor:
        return _Gather.apply(output.movedim(batch_axis, 0)).movedim(0, batch_axis)

    def after(module: nn.Module, inputs: tuple, output: Tensor | tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
        return tuple(map(gather, output)) if isinstance(output, tuple) else gather(output)

    network.register_forward_pre_hook(lambda module, inputs: tuple(_Rows.apply(x) for x in inputs))
    network.register_forward_hook(after)
    for parameter in network.parameters():
        parameter.register_post_accumulate_grad_hook(lambda parameter: dist.all_reduce(parameter.grad))
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.forward = MethodType(batch_norm, layer)


def batch_norm(
    layer: nn.BatchNorm2d, x: Float[Tensor, "n channels height width"]
) -> Float[Tensor, "n channels height width"]:
    """Batch norm over the rows of all processes (torch's own works on CUDA only and knows one set of statistics)."""
    encoded = getattr(layer, "encoded", False)  # see TwoBatchNorm2d
    mean, variance = (layer.encoded_mean, layer.encoded_var) if encoded else (layer.running_mean, layer.running_var)
    if not layer.training:
        return F.batch_norm(x, mean, variance, layer.weight, layer.bias, False, 0.0, layer.eps)
    wide, n = x.to(layer.weight.dtype), x.numel() // x.shape[1] * dist.get_world_size()
    batch_mean = _Total.apply(wide.sum((0, 2, 3))) / n
    centred = wide - batch_mean[:, None, None]
    batch_variance = _Total.apply(centred.square().sum((0, 2, 3))) / n
    with torch.no_grad():
        mean.lerp_(batch_mean, layer.momentum)
        variance.lerp_(batch_variance * n / (n - 1), layer.momentum)
        if type(layer) is nn.BatchNorm2d:
            layer.num_batches_tracked += 1
    scale = layer.weight * (batch_variance + layer.eps).rsqrt()
    return (centred * scale[:, None, None] + layer.bias[:, None, None]).to(x.dtype)
