"""A small convolutional classifier: the judge that says which mode an image shows."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Resize(nn.Module):
    """Bilinear resizing to `size` x `size`, antialiased when shrinking; nothing when the size is right already."""

    def __init__(self, size: int):
        super().__init__()
        self.size = size

    def forward(self, x: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n channels size size"]:
        if x.shape[-2:] == (self.size, self.size):
            return x
        return F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False)


class Classifier(nn.Module):
    """Stages of (3x3 convolution, batch norm, ReLU) twice, halved by max pooling; then the mean over positions.

    Args:
        channels: of the images.
        size: the side in pixels that it was made for; other sizes are resized to it.
        outputs: number of logits, one a class (softmax) or one an attribute (sigmoid).
        widths: channels of each stage; the last one is the number of features.

    `body` gives the features `(n, widths[-1])` under the last linear layer `head`; it is an ordinary module, so it can
    serve as the feature network of a distance. `shape` holds the four arguments. Images are floats in [-1, 1].

    >>> import torch
    >>> Classifier(1, 28, 10)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, channels: int, size: int, outputs: int, widths: Sequence[int] = (32, 64, 128)):
        super().__init__()
        self.shape = {"channels": channels, "size": size, "outputs": outputs, "widths": list(widths)}
        layers: list[nn.Module] = [Resize(size)]
        for stage, width in enumerate(widths):
            for inputs in (widths[stage - 1] if stage else channels, width):
                layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            layers.append(nn.MaxPool2d(2) if stage < len(widths) - 1 else nn.AdaptiveAvgPool2d(1))
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(widths[-1], outputs)

    @property
    def features(self) -> int:
        """Length of the feature vector that `body` gives."""
        return self.head.in_features

    def forward(self, x: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n outputs"]:
        return self.head(self.body(x))
