"""The networks of each method on images, built from settings: one short function a method, nothing hidden.

Latents are normal; `ganlab.nets.dcgan` says what the networks are. Everything random here comes from the CPU's stream
of the seed, so a run starts the same on every device.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ganlab.data.images import to_unit
from ganlab.errors import GanlabError
from ganlab.methods.gan import GAN
from ganlab.methods.mdgan import MDGAN, RegularizedGAN
from ganlab.methods.mmgan import MMGAN
from ganlab.methods.msgan import MSGAN
from ganlab.methods.nemgan import NEMGAN
from ganlab.methods.rpgan import RPGAN
from ganlab.nets.conditional import Conditional
from ganlab.nets.dcgan import dcgan_discriminator, dcgan_encoder, dcgan_generator
from ganlab.nets.featured import FeatureDiscriminator, feature_dcgan
from ganlab.nets.inversion import InversionNetwork
from ganlab.nets.projected import CentredCube, Projected, projected_convolutions
from ganlab.scale.pictures import Pictures
from ganlab.seeds import Streams

CHANNELS = 3


def build(s: SimpleNamespace, data: Pictures, device: str | torch.device = "cpu") -> GAN | NEMGAN:
    """The method that the settings name, its networks on the device.

    Raises:
        GanlabError: the method needs attributes that the data have not.
    """
    common = {"rng": Streams(s.seed, device=device), "latent": s.latent, "lr": s.learning_rate}
    common["betas"] = (s.beta1, s.beta2)
    method = {
        "gan": gan, "regularized": regularized, "mdgan": mdgan, "msgan": msgan, "mmgan": mmgan, "nemgan": nemgan,
        "rpgan": rpgan,
    }[s.method](s, data, common)  # fmt: skip
    for network in networks(method).values():
        network.to(device)
        for weight in network.parameters():
            if weight.ndim == 4:  # what a convolution then gives is laid out so, too
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return method


def networks(method: GAN | NEMGAN) -> dict[str, nn.Module]:
    """The trained networks of a method, by name. NEMGAN's prior is no network: it has no batch to share."""
    return {name: part for name, part in vars(method).items() if isinstance(part, nn.Module) and name != "prior"}


def parts(network: nn.Module) -> list[tuple[nn.Module, int]]:
    """What a method calls of a network, and the batch axis of what that gives."""
    if isinstance(network, FeatureDiscriminator):
        return [(network.body, 0), (network.head, 0)]
    return [(network, -1 if isinstance(network, Projected) else 0)]


def generator_network(s: SimpleNamespace) -> nn.Module:
    """The generator alone, as it is before training."""
    if s.method == "msgan":
        return Conditional(dcgan_generator(s.size, CHANNELS, s.latent + len(s.conditions), s.width, weights(s)))
    network = dcgan_generator(s.size, CHANNELS, s.latent, s.width, weights(s))
    return nn.Sequential(CentredCube(), network) if s.method == "rpgan" else network


def weights(s: SimpleNamespace, of: str = "generator") -> Streams:
    return Streams(s.seed, of)


def discriminator_network(s: SimpleNamespace, of: str = "discriminator", norm: bool = True) -> nn.Module:
    return dcgan_discriminator(s.size, CHANNELS, s.width, weights(s, of), norm)


def encoder_network(s: SimpleNamespace, norm: bool = True) -> nn.Module:
    return dcgan_encoder(s.size, CHANNELS, s.latent, s.width, weights(s, "encoder"), norm)


# One function a method ----------------------------------------------------------------------------------------


def gan(s: SimpleNamespace, data: Pictures, common: dict) -> GAN:
    return GAN(generator_network(s), discriminator_network(s), **common)


def regularized(s: SimpleNamespace, data: Pictures, common: dict) -> RegularizedGAN:
    players = generator_network(s), discriminator_network(s), encoder_network(s)
    return RegularizedGAN(*players, lambda1=s.lambda1, lambda2=s.lambda2, **common)


def mdgan(s: SimpleNamespace, data: Pictures, common: dict) -> MDGAN:
    players = generator_network(s), discriminator_network(s), encoder_network(s)
    manifold = discriminator_network(s, "manifold discriminator")
    return MDGAN(*players, manifold, weight=s.log_weight, distance_weight=s.distance_weight, **common)


def msgan(s: SimpleNamespace, data: Pictures, common: dict) -> MSGAN:
    body = dcgan_discriminator(s.size, CHANNELS + len(s.conditions), s.width, weights(s, "discriminator"))
    discriminator = Conditional(body, pixels=s.size**2)
    return MSGAN(generator_network(s), discriminator, weight=s.mode_seeking, weight_decay=s.weight_decay, **common)


def mmgan(s: SimpleNamespace, data: Pictures, common: dict) -> MMGAN:
    discriminator = feature_dcgan(s.size, CHANNELS, s.width, weights(s, "discriminator"))
    settings = {"form": s.kernel, "alpha": s.alpha, "beta": s.beta, "delta": s.delta, "bound": s.bound or math.inf}
    return MMGAN(generator_network(s), discriminator, **settings, **common)


def nemgan(s: SimpleNamespace, data: Pictures, common: dict) -> NEMGAN:
    rng = common["rng"]
    norm = s.adversary != "wasserstein"  # a gradient penalty is of one image at a time
    discriminator = discriminator_network(s, norm=norm)
    head = nn.Linear(s.latent, 2)
    nn.init.zeros_(head.bias)
    with torch.no_grad():
        head.weight.copy_(0.02 * weights(s, "head").normal(2, s.latent))
    inversion = InversionNetwork(encoder_network(s), head)
    known, modes = labelled(s, data)
    settings = {
        "labelled": (known.to(rng.device), modes.to(rng.device)), "adversary": s.adversary,
        "penalty": s.penalty, "penalty_every": s.penalty_every,
        "supervise_every": s.supervise_every, "prior_start": s.prior_start, "prior_lr": s.prior_rate,
    }  # fmt: skip
    return NEMGAN(generator_network(s), discriminator, inversion, modes=2, **settings, **common)


def labelled(s: SimpleNamespace, data: Pictures) -> tuple[Tensor, Tensor]:
    """The first training images, as vectors in [-1, 1], and their modes: 1 where the attribute is there."""
    modes = data.column(s.attribute)[: s.labelled].long()
    if len(modes.unique()) < 2:
        raise GanlabError(
            f"The first {s.labelled} images are all {'with' if modes[0] else 'without'} {s.attribute}; "
            "give a larger `labelled`, or another attribute."
        )
    return to_unit(data.images[: s.labelled]).flatten(1), modes


def rpgan(s: SimpleNamespace, data: Pictures, common: dict) -> RPGAN:
    discriminators = projected_convolutions(
        s.size, CHANNELS, s.discriminators, s.projected_width, weights(s, "discriminator")
    )
    return RPGAN(generator_network(s), discriminators, **common)
