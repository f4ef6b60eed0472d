"""Feature networks: what a distance is measured on, and under which name it is printed.

A Fréchet distance on Inception features and one on pixels are different quantities. So every network here carries
a `.name`, and whatever is computed with it prints that name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ganlab.errors import GanlabError
from ganlab.metrics.arrays import as_features, slow


class FeatureNetwork(nn.Module):
    """A frozen module from samples to feature vectors, with a name.

    Attributes:
        name: as printed beside every number, for example "digits classifier (ganlab), penultimate layer".
        num_features: length of a feature vector; torchmetrics looks for this attribute.

    `module` takes a batch and returns `(n, ...)`, which is flattened. To use a classifier of your own, give the
    part before its last layer: `FeatureNetwork(nn.Sequential(*layers[:-1]), "my digits classifier", 128)`.

    >>> network = FeatureNetwork(nn.Flatten(), "pixels", 4)
    >>> network(torch.zeros(3, 1, 2, 2)).shape, network
    (torch.Size([3, 4]), FeatureNetwork('pixels', 4 features))
    """

    def __init__(self, module: nn.Module | Callable[[Tensor], Tensor], name: str, num_features: int):
        super().__init__()
        if not name:
            raise GanlabError("A feature network needs a name, so that its numbers are not taken for another's.")
        self.module = module if isinstance(module, nn.Module) else _Function(module)
        self.name, self.num_features = name, num_features
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> FeatureNetwork:
        """Stays in evaluation mode: features must not depend on the batch."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Float[Tensor, "n features"]:
        features = self.module(x).flatten(1)
        if features.shape[1] != self.num_features:
            raise GanlabError(
                f"The feature network {self.name!r} gives {features.shape[1]} features and says {self.num_features}; "
                "correct num_features."
            )
        return features

    def of(self, x: Tensor, batch: int = 256) -> Float[Tensor, "n features"]:
        """The features of many samples, in batches, with a progress bar when that takes long."""
        return torch.cat([self(part) for part in slow(x.split(batch), f"features: {self.name}")])

    def __repr__(self) -> str:
        return f"FeatureNetwork({self.name!r}, {self.num_features} features)"


class _Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def raw(width: int) -> FeatureNetwork:
    """No network at all: the values themselves. The identity for arrays of features computed elsewhere."""
    return FeatureNetwork(nn.Flatten(), "raw values", width)


class _Linear(nn.Module):
    """x -> (x - mean) @ directions, in float64."""

    def __init__(self, mean: Tensor, directions: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("directions", directions)

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1).double() - self.mean) @ self.directions


def standardised(real: Float[Tensor, "n width"]) -> FeatureNetwork:
    """Each value minus its mean over `real`, over its standard deviation there (constant ones are left out)."""
    real = as_features(real, "real", 2).double()
    scale = real.std(0)
    varies = scale > 1e-9 * scale.max()
    if not varies.any() or scale.max() == 0:
        raise GanlabError("All real samples are the same; there is nothing to measure a generator against.")
    directions = torch.diag(1 / scale.clamp(min=1e-300))[:, varies]
    return FeatureNetwork(_Linear(real.mean(0), directions), "raw values, standardised", int(varies.sum()))


def principal_components(real: Float[Tensor, "n ..."], most: int = 64, keep: float = 0.99) -> FeatureNetwork:
    """Projection on the first principal components of `real`: as many as hold `keep` of the variance, at most `most`.

    Euclidean distances then are those between the pixels (or values), less the noise in the directions left out. It
    is the honest default for small images when no network was trained on them: deterministic, offline, no weights.
    """
    flat = as_features(real, "real", 2)
    if len(flat) > 4000:  # enough for 64 directions; the whole of a large image set would take minutes
        flat = flat[torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))[:4000].to(flat.device)]
    flat = flat.double()
    mean = flat.mean(0)
    centred = flat - mean
    if centred.shape[1] <= len(centred):
        variance, directions = torch.linalg.eigh(centred.mT @ centred)
    else:  # the same directions from the smaller Gram matrix
        variance, left = torch.linalg.eigh(centred @ centred.mT)
        directions = centred.mT @ left / variance.clamp(min=1e-300).sqrt()
    variance, directions = variance.flip(0).clamp(min=0), directions.flip(1)
    if float(variance.sum()) <= 1e-20 * len(flat):
        raise GanlabError("All real samples are the same; there is nothing to measure a generator against.")
    held = variance.cumsum(0) / variance.sum()
    count = min(most, int((held < keep).sum()) + 1, len(variance))
    name = f"principal components of the values ({count} of {flat.shape[1]}, {100 * float(held[count - 1]):.0f} %)"
    return FeatureNetwork(_Linear(mean, directions[:, :count].contiguous()), name, count)


def random_convolutions(channels: int = 3, width: int = 64, seed: int = 0) -> FeatureNetwork:
    """A small convolutional network with fixed random weights (seed in its name), averaged over positions.

    Four 3x3 layers with stride 2, leaky ReLU, unit-variance initialisation; mean and standard deviation of each
    last channel. Random features know no classes, but they are less bound to the position of a stroke than pixels.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = [channels, width // 4, width // 2, width, width]
    weights = [
        torch.randn(b, a, 3, 3, generator=generator) * (2 / (9 * a)) ** 0.5
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    ]

    def apply(x: Tensor) -> Tensor:
        x = x.float()
        for weight in weights:
            stride = 2 if min(x.shape[-2:]) > 2 else 1
            x = F.leaky_relu(F.conv2d(x, weight.to(x), stride=stride, padding=1), 0.2)
        return torch.cat([x.mean((2, 3)), x.flatten(2).std(2, unbiased=False)], 1)

    return FeatureNetwork(apply, f"random convolutions (seed {seed}, untrained)", 2 * width)


def classifier(name: str) -> FeatureNetwork:
    """The last layer but one of a classifier of this course: `"digits"`, `"fashion"`, `"fashion16"` or `"faces"`.

    Trained on the data set itself, so it sees what its classes differ in, and may not see anything else. Images are
    floats in [-1, 1], one channel for digits and fashion.

    >>> classifier("fashion")
    FeatureNetwork("ganlab's fashion classifier, last layer but one", 96 features)
    """
    from ganlab.data.classifiers import load_classifier

    model = load_classifier(name)
    return FeatureNetwork(model.body, f"ganlab's {name} classifier, last layer but one", model.features)


_INCEPTION = "weights-inception-2015-12-05-6726825d.pth"  # the name ends with the start of its SHA-256


def inception(weights: str | Path | None = None) -> FeatureNetwork:
    """The Inception network of the published FID (2,048 features), through torchmetrics and torch-fidelity.

    Args:
        weights: torch-fidelity's `weights-inception-2015-12-05-6726825d.pth`; without it that file is looked for in
            torch's cache and else downloaded from its GitHub release.

    Images must be uint8, `(n, 3, height, width)`; they are resized to 299 x 299. torch-fidelity would unpickle the file
    without restraint, so it is first read with `weights_only=True`, which runs no code and refuses a file that could.

    Raises:
        GanlabError: torch-fidelity is not installed, or the weights are not there, not safe or not to be downloaded.
            There is no silent substitute: choose another feature network, under its own name.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
        from torchmetrics.image.fid import NoTrainInceptionV3
    except ImportError:
        raise GanlabError(
            "Inception features need the package torch-fidelity: pip install torch-fidelity, or choose another "
            "feature network."
        ) from None
    path = Path(torch.hub.get_dir()) / "checkpoints" / _INCEPTION if weights is None else Path(weights)
    try:
        if weights is None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), hash_prefix="6726825d", progress=False)
        torch.load(path, map_location="cpu", weights_only=True)
        network = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path))
    except Exception as error:
        raise GanlabError(
            f"The Inception weights {path} could not be had ({type(error).__name__}: {str(error).splitlines()[0]}); "
            "give the file with inception(weights=...) or --inception-weights, or choose another feature network."
        ) from None
    with open(path, "rb") as file:
        published = hashlib.file_digest(file, "sha256").hexdigest().startswith("6726825d")
    name = "FID weights of 2015-12-05" if published else f"weights of {path.name}, not the published ones"
    return FeatureNetwork(network, f"Inception v3 ({name})", 2048)


def inception_posteriors(network: FeatureNetwork, features: Float[Tensor, "n 2048"]) -> Float[Tensor, "n classes"]:
    """Class probabilities of the Inception network, for the published Inception score.

    softmax(W f): the last layer of `inception()` without its bias, which is how the score has been computed since its
    first code. Float64, so that `scores.inception_score` accepts that each row sums to one.
    """
    weight = network.module.fc.weight
    return (features.to(weight).double() @ weight.double().mT).softmax(1)
