"""A training run that the tests kill: python trained_in_a_process.py FOLDER STEPS"""

import sys

import torch
from torch import nn

from ganlab.data.mixtures import ring
from ganlab.methods.gan import GAN
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams
from ganlab.train import RunFolder, train

SEEDS = [0, 1]


def build() -> tuple[GAN, object]:
    rng = Streams(SEEDS, "weights")
    generator, discriminator = MLP([2, 16, 2], rng), MLP([2, 16, 1], rng, scalar=True)
    discriminator.layers.insert(2, nn.Dropout(0.1))  # draws from torch's global stream
    return GAN(generator, discriminator, rng=rng), ring().batches(32, SEEDS)


def look(step: int, method: GAN) -> dict:
    return {"mean": method.sample(64).mean((1, 2))}


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder, steps = sys.argv[1], int(sys.argv[2])
    print("ready", flush=True)
    train(*build(), steps, every=7, look=look, run=RunFolder(folder, {"seeds": SEEDS}), checkpoint_every=10)
