# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · RPGAN: many discriminators that cannot see everything
#
# A discriminator that sees every coordinate of its input can win by a trifle, and then has little to teach. *Stabilizing
# GAN Training with Multiple Random Projections* (Neyshabur, Bhojanapalli and Chakrabarti, 2017) gives the generator K
# judges instead of one. Each sees only a fixed random view of the sample: too little to win by, it is hoped. You will
#
# - measure how a discriminator's view decides how soon it is sure, and what its certainty does to the gradient,
# - find out what K views together can know, and build a pair of distributions that some views cannot tell apart,
# - build the method: views, losses, and a step that needs the memory of one discriminator for K of them,
# - test it, on vectors and on images, against one discriminator with as many weights and with as much time,
# - run K networks as one and see what that saves.
#
# The cells need about a minute and a half; with the exercises it takes about two hours: sections 1 and 2 half an hour,
# 3 a quarter, 4 half an hour, 5 and 6 half an hour, 7 and 8 a quarter. With 90 minutes: sections 1 to 5. Builds on: 01, 02.

# %% tags=["parameters"]
steps: int = 3000  # training steps of the experiment on vectors [20, 1000000]
seeds: int = 2  # random starts of sections 1, 3 and 5 [2, 256]
seed: int = 0  # the first of these seeds [0, 1000000]
dim: int = 64  # dimensions that a sample has [4, 4096]
features: int = 8  # dimensions that a discriminator sees (m) [1, 4096]
count: int = 16  # how many discriminators (K) [1, 512]
batch: int = 64  # samples a step, sections 1, 2 and 5 [8, 65536]
learning_rate: float = 0.001  # Adam, sections 1, 3 to 5 and 8; images have 0.0002 [0.000001, 0.1]
frozen_steps: int = 400  # steps against a generator that stands still [20, 100000]
plane_steps: int = 1000  # training steps of the runs in the plane [20, 100000]
images: str = "digits"  # of section 6: digits, fashion, faces, celeba, or the name of an import
image_side: int = 16  # their side in pixels, a power of two; an import keeps its own [8, 256]
image_width: int = 8  # first width of a projected discriminator [2, 1024]
image_count: int = 12  # how many of them (K) [1, 512]
image_generator_width: int = 8  # the generator's last width [2, 1024]
image_latent: int = 100  # numbers in a latent [1, 4096]
image_accumulate: bool = False  # one discriminator after another: slower, and less memory
image_steps: int = 100  # training steps [2, 10000000]
run_folder: str = ""  # where result.json goes; empty: nowhere

# %%
import json
import math

import torch
from torch import nn
from torch.nn.functional import softplus

from ganlab import show
from ganlab.data.mixtures import mixture, ring
from ganlab.learn import exercise, predict, progress
from ganlab.metrics import mass_in_place, mode_counts
from ganlab.seeds import Streams
from ganlab.show import display
from ganlab.train import RunFolder, threads, train

names = ("steps", "seeds", "seed", "dim", "features", "count", "batch", "learning_rate", "frozen_steps", "plane_steps")
names += ("images", "image_side", "image_width", "image_count", "image_generator_width", "image_latent")
names += ("image_accumulate", "image_steps")
run = RunFolder(run_folder, {name: globals()[name] for name in names})
features = min(features, dim)
all_seeds = list(range(seed, seed + seeds))
SPREAD = "mean and 95 % interval" if seeds > 3 else "mean and, of so few, [lowest, highest]"  # what tables of live runs show

# %% [markdown]
# ## 1. A judge that sees too much
#
# Images fill a tiny part of the space of all pictures. The simplest space with that property: a flat **sheet**, two
# dimensions wide, in 64 dimensions. On the sheet lies a ring of eight modes. A real sample is $x = A u$, where $u$ is drawn
# from the ring and the two columns of $A$ have length 1 and are at right angles. So the true modes are known, as ever.

# %%
flat_ring = ring(8, radius=4.0, sigma=0.2)
A = torch.linalg.qr(Streams(0, "frame").normal(dim, 2)).Q  # (dim, 2)
sheet_modes = mixture(flat_ring.centres @ A.T, 0.2)  # the same eight modes, as points in many dimensions


def real_samples(n, rng):
    return flat_ring.sample(n, rng) @ A.T


def distance_from_sheet(x):
    return (x - x @ A @ A.T).norm(dim=-1)


x = real_samples(5, Streams(seed))
print(f"{len(x)} samples of {dim} numbers, {distance_from_sheet(x).max():.4f} away from the sheet")

# %% [markdown]
# Now imagine a generator that has nearly arrived. It makes every mode, as often as it should, and its only fault is a
# little noise, $\mathcal{N}(0, 0.1^2)$ on each of the 64 numbers. It stands still, and we train discriminators against
# it. One kind sees all 64 numbers. The others see only $m$ of them, or rather $m$ random mixtures: $y = W^\top x$, where
# the columns of $W$ are random directions of length 1, drawn once. (Of each narrow kind there are four, with views of their own. What
# is drawn below is the mean of their right answers, and the gradient of the mean of their losses.)

# %%
### BEGIN SOLUTION
answer = "a"
### END SOLUTION
predict("rpgan.sure", answer)

# %%
from ganlab.methods.gan import discriminator_loss, minimax_generator_loss
from ganlab.methods.gan import generator_loss as plain_generator_loss
from ganlab.nets.projected import full_view_mlp, projected_mlp


def fake_samples(n, rng):
    return real_samples(n, rng) + 0.1 * rng.normal(n, dim)


def slopes(logits, samples, loss):
    """Length of the gradient of a sample's own loss (over several discriminators, their mean): one number for each seed."""
    (gradient,) = torch.autograd.grad(samples.shape[-2] * loss(logits).mean(-1).sum(), samples, retain_graph=True)
    return gradient.norm(dim=-1).mean(-1)


def right_answers(real_logits, fake_logits):
    """Share of fresh samples, real and fake, that the discriminators call by their name."""
    return ((real_logits > 0).float().mean((-1, -2)) + (fake_logits <= 0).float().mean((-1, -2))) / 2


def watch(discriminators, looks=8):
    """Train discriminators alone, and look at them now and then."""
    optimiser = torch.optim.Adam(discriminators.parameters(), lr=learning_rate, betas=(0.5, 0.999))
    draw, seen = Streams(all_seeds, "frozen"), {"step": [], "accuracy": [], "minimax": [], "non-saturating": []}
    real, fake = real_samples(300, Streams(all_seeds, "look")), fake_samples(300, Streams(all_seeds, "look too"))
    for step in range(frozen_steps + 1):
        if step % max(1, frozen_steps // looks) == 0:
            fake.requires_grad_()
            fake_logits = discriminators(fake)
            seen["step"].append(step)
            seen["accuracy"].append(right_answers(discriminators(real).detach(), fake_logits.detach()))
            seen["minimax"].append(slopes(fake_logits, fake, minimax_generator_loss))
            seen["non-saturating"].append(slopes(fake_logits, fake, plain_generator_loss))
        loss = discriminator_loss(
            discriminators(real_samples(batch, draw)), discriminators(fake_samples(batch, draw))
        )
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
    return {name: values if name == "step" else torch.stack(values, -1) for name, values in seen.items()}


frozen = {}
with threads(1):
    for m in (dim, features, 2, 1):
        rng = Streams(all_seeds)
        judges = full_view_mlp(dim, [64, 64], rng) if m == dim else projected_mlp(dim, m, 4, [64, 64], rng)
        frozen["all numbers" if m == dim else f"m = {m}"] = watch(judges)

# %% tags=["nbval-ignore-output", "hide-input"]
from ganlab.show.curves import draw_metric

WATCHED = {"accuracy": "right answers", "minimax": "gradient, minimax loss", "non-saturating": "gradient, non-saturating loss"}
when = next(iter(frozen.values()))["step"]
figure, (panels,) = show.new_figure(9.4, 2.8, 1, 3)
words = []
for panel, (key, title) in zip(panels, WATCHED.items(), strict=True):
    words.append(f"{title}: " + draw_metric(panel, when, {name: seen[key] for name, seen in frozen.items()}, title))
    show.heading(panel, title)
    panel.locator_params(axis="x", nbins=3)
display(show.with_alt(figure, "The same fakes, four views: " + " ".join(words)))
middle = frozen["all numbers"]["minimax"].quantile(0.5, 0)
print(f"All numbers, minimax loss: gradient {middle[0]:.2f} at first, {middle.max():.1f} after {when[int(middle.argmax())]} steps, {middle[-1]:.1f} at the end")

# %% [markdown]
# Left: the generator is the same in all four lines, and so is the size of the hidden layers. What differs is the view. Who sees
# everything finds the noise and becomes sure. Who sees one or two numbers is left with guesses: there the sheet fills the
# whole view, and the noise is covered by the data themselves. In eight numbers the sheet is still thin; there the judge is
# only slower.
#
# Middle and right, on scales of their own: the gradient that the fakes get. This is what is meant by a discriminator that
# **saturates**. Under the minimax loss its gradient first grows, while it learns, and shrinks once it is sure (to zero, as in
# your question, only if it were sure of every sample). Under the non-saturating loss, which everyone trains with, it goes on
# *growing*, although the fault is the same small one all the time. So the trouble with certainty is not always silence. It can
# also be a shout about a trifle.
#
# The paper's first theorem says why fewer dimensions help. Call the region where the data are dense their support. If $P$ is a
# mixture of well separated Gaussians, then after a random projection its support takes up a larger *share* of the
# space, with high probability (theorem 2.1; an inequality for such mixtures, without a rate). The thinner the data lie, the
# easier it is to step beside them. A projection makes them thick.
#
# ## 2. The method
#
# One generator, K discriminators, K fixed random matrices $W_k$. Nothing trains a $W_k$, ever.
#
# $$L_k = -\mathbb{E}_x[\log D_k(W_k^\top x)] - \mathbb{E}_z[\log(1 - D_k(W_k^\top G(z)))] \qquad
# L_G = -\frac{1}{K} \sum_k \mathbb{E}_z[\log D_k(W_k^\top G(z))]$$
#
# Each discriminator minimises its own $L_k$, as if it were alone. The generator minimises the **mean** of its losses
# against all of them. Equation 2 of the paper has a sum there; text and public code average.
#
# **Exercise `rpgan.project`** · difficulty ●●○○○ · 5 minutes
#
# Compute all K views of a batch.

# %% tags=["exercise"]
@exercise("rpgan.project")
def project(samples, projections):
    """Samples (n, dim) and matrices (K, dim, features) to views (K, n, features)."""
    ### BEGIN SOLUTION
    return torch.einsum("nd,kdm->knm", samples, projections)
    ### END SOLUTION


# %% [markdown]
# **Exercise `rpgan.generator_loss`** · difficulty ●●○○○ · 4 minutes
#
# Write $L_G$, from the logits of all K discriminators.

# %% tags=["exercise"]
@exercise("rpgan.generator_loss")
def generator_loss(fake_logits):
    """Logits (K, n) of generated samples, one row for each discriminator, to one number."""
    ### BEGIN SOLUTION
    return softplus(-fake_logits).mean()
    ### END SOLUTION


# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("rpgan.sum", answer)

# %% [markdown]
# Let us see. The same generator, from the same start, takes ten steps with the mean and ten with the sum, under each
# optimiser, against 12 discriminators that stand still:

# %%
def moved(reduce, optimiser_class, lr):
    """How far ten steps carry the generator's weights."""
    torch.manual_seed(seed)
    G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, dim))
    judges = projected_mlp(dim, features, 12, [16], seed)
    start = nn.utils.parameters_to_vector(G.parameters()).detach().clone()
    optimiser = optimiser_class(G.parameters(), lr=lr)
    for _ in range(10):
        loss = reduce(softplus(-judges(G(torch.randn(batch, 4)))).mean(1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return float((nn.utils.parameters_to_vector(G.parameters()).detach() - start).norm())


for name, kind, lr in (("SGD", torch.optim.SGD, 0.01), ("Adam", torch.optim.Adam, 0.001)):
    print(f"{name:4}  the sum moves the generator {moved(torch.sum, kind, lr) / moved(torch.mean, kind, lr):4.1f} times as far as the mean")

# %% [markdown]
# ## 3. What can K views know together?
#
# A view forgets. Could the generator hide a fault in what all K views forget?

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("rpgan.axes", answer)

# %% [markdown]
# To check without training anything we need a distance between two samples along one direction. On a line, the cheapest way
# to carry one heap of sand to where another lies keeps the order: smallest to smallest, and so on. So sort both and
# compare: $\frac1n \sum_i (a_{(i)} - b_{(i)})^2$ is the squared 2-Wasserstein distance of the two samples on the line.
#
# **Exercise `rpgan.sliced_distance`** · difficulty ●●○○○ · 6 minutes
#
# Average that distance over several directions, the columns of `directions`.

# %% tags=["exercise"]
@exercise("rpgan.sliced_distance")
def sliced_distance(real, fake, directions):
    """Samples (n, dim) and (n, dim), directions (dim, K) of length 1, to one number."""
    ### BEGIN SOLUTION
    return ((real @ directions).sort(0).values - (fake @ directions).sort(0).values).square().mean()
    ### END SOLUTION


# %%
diagonal = mixture([[1.0, 1.0], [-1.0, -1.0]], 0.1, name="one diagonal")
other_diagonal = mixture([[1.0, -1.0], [-1.0, 1.0]], 0.1, name="the other")
angles = torch.arange(0, 181, 5)
a, b = diagonal.sample(4000, seed), other_diagonal.sample(4000, seed + 1)
turned = torch.stack([torch.deg2rad(angles).cos(), torch.deg2rad(angles).sin()])  # (2, directions)
along = torch.stack([sliced_distance(a, b, turned[:, k : k + 1]) for k in range(len(angles))])

# %% tags=["nbval-ignore-output", "hide-input"]

figure, ((left, right),) = show.new_figure(7.2, 2.9, 1, 2)
for points, colour, name in ((a, show.figure.REAL, "real"), (b, show.figure.FAKE, "generated")):
    left.scatter(points[:150, 0], points[:150, 1], s=6, color=colour, label=name)
left.set_aspect("equal")
left.legend(fontsize=9, frameon=False, loc="center")
show.heading(left, "The same marginals")
right.plot(angles, along, marker="o", markersize=3, color=show.figure.INK)
right.set_xlabel("direction of the view, degrees")
right.set_ylabel("squared distance")
show.heading(right, "Blind along the axes only")
display(show.with_alt(
    figure,
    "Left: real points at (1, 1) and (-1, -1), generated ones at (1, -1) and (-1, 1). Right: squared distance of their views "
    f"against the direction: {along[0]:.3f} at 0 degrees, {along[9]:.2f} at 45, {along[18]:.3f} at 90, {along[27]:.2f} at 135.",
))  # fmt: skip

# %% [markdown]
# Both axes are blind, and nearly every other direction sees the difference. That is why the directions are *random*: to
# hit a blind one you must be unlucky. (The theorem of Cramér and Wold: if two distributions look alike from *all* directions,
# then they are the same.)
#
# Now with training. The generator starts where it may: can two discriminators with one axis each lead it to the right diagonal?

# %%
from ganlab.methods.rpgan import RPGAN
from ganlab.nets.mlp import MLP
from ganlab.nets.projected import MLPs, Projected, Projections, random_projections


def trained_on(target, view, inputs, **settings):
    """A generator of points in the plane against discriminators behind this view."""
    rng = Streams(all_seeds, "plane")
    judges = Projected(view, MLPs([inputs, 32, 32, 1], view.count, rng))
    method = RPGAN(MLP([2, 64, 64, 2], rng), judges, rng=rng, latent=2, lr=learning_rate, **settings)
    train(method, target.batches(128, all_seeds), plane_steps)
    return method.sample(1000)


axes = torch.eye(2).reshape(2, 2, 1).expand(seeds, -1, -1, -1)  # K = 2 matrices of one column each
made = {}
with threads(1):
    made["two axes"] = trained_on(diagonal, Projections(axes), 1)
    for K in (2, 8):
        view = Projections(random_projections(2, 1, K, Streams(all_seeds)))
        made[f"{K} random directions"] = trained_on(diagonal, view, 1)

# %% tags=["nbval-ignore-output"]
display(show.many_seeds([points[0] for points in made.values()], diagonal, labels=list(made), title=f"Seed {seed}"))

# %% [markdown]
# One seed says little. The same from ten seeds, 0 to 9, stored in `data/results/08_rpgan` (each file there holds the command that
# makes it again):

# %% tags=["nbval-ignore-output"]
from ganlab.data.store import embedded_folder

RESULTS = embedded_folder() / "results" / "08_rpgan"


def read_result(name):
    return json.loads((RESULTS / f"{name}.json").read_text())


def ending(first, second, third, fourth):
    """Where a generator ended, from its shares in the four quadrants."""
    for name, one, other in (("right diagonal", first, third), ("wrong diagonal", second, fourth)):
        if one + other > 0.9 and min(one, other) > 0.1:
            return name
    return "neither"


stored = read_result("axes")
rows = []
for arm, found in stored["runs"].items():
    ends = [ending(*shares) for shares in found["quadrants"]]
    rows.append({"views": arm} | {name: ends.count(name) for name in ("right diagonal", "wrong diagonal", "neither")})
print(stored["command"])
show.interval_table(rows, caption="Seeds of ten that end with 90 % of the samples on a diagonal, at least 10 % in each of its corners")

# %% [markdown]
# With the axes, right and wrong diagonal serve the discriminators equally well, and where the generator ends is a matter of its start:
# more often on the wrong one than on the right. No seed with random directions ends on the wrong diagonal. (Some end in a single corner,
# fewest with eight views: even what a view can see is not always repaired in 1,000 steps. So it is with the axes in seed 0, in the
# figure.) How many views are enough?
#
# - **The paper's theorem** (2.3): if both densities are Lipschitz (constant $L$), have bounded support (radius $B$), and
#   agree in $K > O\big((BL/\epsilon)^{d-m}\big)$ random views from $d$ to $m$ dimensions, they differ by no more than
#   $O(\epsilon)$, with high probability. It says: finitely many views are enough. It does not say: few. The exponent is
#   the number of dimensions that a view forgets, 56 for data in 64 dimensions seen through 8, and over 11,000 for an image of
#   64 x 64. (Of our sheet itself it says nothing: what lies on a sheet has no density.)
# - **The paper's rule**: K = 2 to 4 times $d/m$ was adequate in its experiments. It is an observation on images, not a theorem.

# %%
for name, d, m in ((f"{dim} numbers", dim, features), ("64 x 64 in colour", 64 * 64 * 3, 32 * 32)):
    print(f"{name}: d = {d}, m = {m}. Rule: K = {math.ceil(2 * d / m)} to {math.ceil(4 * d / m)}. Bound with BL/ε = 10: K of the order 10^{d - m}")

# %% [markdown]
# ## 4. Built by hand
#
# K discriminators need K times the memory in the generator's step: a backward pass needs what the forward pass computed. But
# the chain rule can be cut at the samples,
#
# $$\frac{\partial L_G}{\partial \theta} = \frac{\partial G}{\partial \theta}^{\!\top} \; \frac1K \sum_k
# \frac{\partial L_k^G}{\partial G(z)},$$
#
# and a sum can be collected one term at a time. That is what the authors' code does.
#
# **Exercise `rpgan.generator_step`** · difficulty ●●●●○ · 12 minutes
#
# Take one step of the generator against a list of discriminators, so that the graph of only one of them is alive at any time. (The
# check measures it.)

# %% tags=["exercise"]
@exercise("rpgan.generator_step")
def generator_step(generator, discriminators, optimiser, latent):
    """One step of G; each discriminator maps samples to logits (n,). Returns the loss before the step, detached."""
    ### BEGIN SOLUTION
    fake = generator(latent)
    samples = fake.detach().requires_grad_()  # the same numbers, without a history
    gradient, total = torch.zeros_like(samples), 0.0
    for discriminator in discriminators:
        loss = softplus(-discriminator(samples)).mean() / len(discriminators)
        gradient += torch.autograd.grad(loss, samples)[0]  # frees this discriminator's graph
        total = total + loss.detach()
    optimiser.zero_grad()
    fake.backward(gradient)
    optimiser.step()
    return total
    ### END SOLUTION


# %% [markdown]
# How much does it save? Autograd can be asked what it keeps (weights and Adam's averages come on top, K times in any case). Here
# are the fullest moments of both ways, with small discriminators and 256 samples.

# %%
from ganlab.learn.chapters.ch08 import most_kept


def all_at_once(generator, discriminators, optimiser, latent):
    fake = generator(latent)
    loss = torch.stack([softplus(-D(fake)).mean() for D in discriminators]).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def kilobytes(step, K):
    G = nn.Linear(4, dim)
    judges = [nn.Sequential(nn.Linear(dim, 64), nn.Tanh(), nn.Linear(64, 1), nn.Flatten(0)) for _ in range(K)]
    return most_kept(lambda: step(G, judges, torch.optim.SGD(G.parameters(), lr=0.01), torch.randn(256, 4))) / 1000


for K in (1, 4, 16):
    print(f"K = {K:2}: all at once {kilobytes(all_at_once, K):5.0f} kB, one at a time {kilobytes(generator_step, K):4.0f} kB")

# %% [markdown]
# The other half is chapter 01, K times: each discriminator, its own view, its own loss. All see the same batch. No loss has weights
# of another, so each goes backward at once, and no discriminator's gradient depends on how many others there are.

# %%
def discriminators_step(generator, discriminators, optimiser, real, latent):
    fake = generator(latent).detach()
    optimiser.zero_grad()
    for D in discriminators:
        (softplus(-D(real)).mean() + softplus(D(fake)).mean()).backward()  # and its graph is gone
    optimiser.step()


class Behind(nn.Module):
    """A network behind a fixed projection. A buffer is saved with the module, but no optimiser is given it."""

    def __init__(self, matrix, network):
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.network = network

    def forward(self, samples):
        return self.network(samples @ self.matrix).flatten()


# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("rpgan.trained", answer)

# %% [markdown]
# In the package, `RPGAN` holds the same two steps for many seeds, with all K networks as one batched product
# (`ganlab.nets.projected`); with `accumulate=True` it takes one after another in both, as the authors do. Does it do the same as yours? Ten views of the sheet, the same weights, and one step of each kind:

# %%
import copy

from ganlab.methods import rpgan as package

draw = Streams(seed, "equality")
judges = projected_mlp(dim, features, 10, [16], seed)
layers = [layer for layer in judges.networks.all.layers if hasattr(layer, "weight")]
alone = []
for k in range(10):
    network = nn.Sequential(nn.Linear(features, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    for mine, ours in zip(network[::2], layers, strict=True):
        mine.load_state_dict({"weight": ours.weight[k].T, "bias": ours.bias[k, 0]})
    alone.append(Behind(judges.view.weight[k].clone(), network))

samples = draw.normal(32, dim)
views = project(samples, judges.view.weight)
assert torch.allclose(views, judges.view(samples), atol=1e-5)
print("views: the same")
logits = draw.normal(10, 32).requires_grad_()
assert torch.allclose(generator_loss(logits), package.generator_loss(logits))
pair = [torch.autograd.grad(loss(logits), logits)[0] for loss in (generator_loss, package.generator_loss)]
assert torch.allclose(*pair)
print("generator's loss: the same value and the same gradient")

G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, dim))
method = package.RPGAN(copy.deepcopy(G), judges, rng=Streams(seed), latent=4, lr=learning_rate)
latents = copy.deepcopy(method.rng)  # so that both draw the same ones
settings = {"lr": learning_rate, "betas": (0.5, 0.999)}
g_optimiser = torch.optim.Adam(G.parameters(), **settings)
d_optimiser = torch.optim.Adam(nn.ModuleList(alone).parameters(), **settings)
real = real_samples(64, Streams(seed))
generator_step(G, alone, g_optimiser, latents.normal(64, 4))  # the generator first, as in the public code
discriminators_step(G, alone, d_optimiser, real, latents.normal(64, 4))
method.step(real)
assert all(torch.allclose(p, q, atol=1e-4) for p, q in zip(G.parameters(), method.generator.parameters(), strict=True))
assert all(torch.allclose(alone[k].network[0].weight, layers[0].weight[k].T, atol=1e-4) for k in range(10))
assert all(torch.equal(alone[k].matrix, judges.view.weight[k]) for k in range(10))
print("a step of all players: the same weights afterwards, and no projection has moved")

# %% [markdown]
# ## 5. Does it help?
#
# Back to the sheet, now with a generator that learns. Three contestants from the same start: one discriminator that sees
# everything, one of the same kind but with as many weights as all the projected ones together (so about as many
# multiplications too), and K projected ones. It takes about a minute. Before you look: which one will cover most of the eight
# modes, and which one will be nearest to the sheet?

# %%
def width_of(weights):
    """The width h at which a perceptron dim - h - h - 1 has about so many weights."""
    return round((-(dim + 3) + ((dim + 3) ** 2 + 4 * weights) ** 0.5) / 2)


def batches(some_seeds):
    rng = Streams(some_seeds, "data")
    while True:
        yield real_samples(batch, rng)


def contest(judges, some_seeds):
    rng = Streams(some_seeds, "weights")
    method = RPGAN(MLP([8, 64, 64, dim], rng), judges, rng=rng, latent=8, lr=learning_rate)
    fresh = real_samples(500, Streams(some_seeds, "fresh"))

    def look(step, method):
        samples = method.sample(500).requires_grad_()
        with torch.enable_grad():
            fake_logits = method.discriminator(samples)
            push = slopes(fake_logits, samples, plain_generator_loss)
            minimax = slopes(fake_logits, samples, minimax_generator_loss)
        accuracy = right_answers(method.discriminator(fresh).detach(), fake_logits.detach())
        return {"accuracy": accuracy, "push": push, "minimax_push": minimax}

    history = train(method, batches(some_seeds), steps, every=max(1, steps // 12), look=look)
    return {"history": history, "samples": method.sample(2500)}


rng = Streams(all_seeds)
projected = projected_mlp(dim, features, count, [32, 32], rng)
weights = sum(w.numel() for w in projected.parameters()) // seeds
wide = width_of(weights)
contestants = {
    "one, full view": full_view_mlp(dim, [32, 32], rng),
    "one, full view, wide": full_view_mlp(dim, [wide, wide], rng),
    f"K = {count}": projected,
}
with threads(1):
    results = {name: contest(judges, all_seeds) for name, judges in contestants.items()}

# %% tags=["nbval-ignore-output"]
def scores(samples):
    counts = mode_counts(samples, sheet_modes)
    return {
        "modes covered, of 8": show.bootstrap_interval((counts > 0).sum(-1)),
        "mass in place, %": show.bootstrap_interval(100 * mass_in_place(counts, 2500, sheet_modes.weights)),
        "distance from the sheet": show.bootstrap_interval(distance_from_sheet(samples).median(-1).values),
    }


rows = [{"": "one mode, perfectly (floor)"} | scores(sheet_modes.centres[0].expand(seeds, 2500, dim))]
rows += [{"": name} | scores(result["samples"]) for name, result in results.items()]
rows += [{"": "real samples (ceiling)"} | scores(real_samples(2500, Streams(all_seeds, "ceiling")))]
show.interval_table(rows, caption=f"{seeds} seeds, {steps} steps: {SPREAD}")

# %% [markdown]
# **Mass in place** is $\sum_k \min(\frac18, \text{share of all samples within } 3\sigma \text{ of mode } k)$, in all 64
# dimensions. A generator that makes one mode perfectly gets one eighth of it, and one that smears gets nothing. So few seeds
# prove little; the ten seeds below decide. First the pictures: samples, seen from above the sheet. From there a sample counts for
# a mode however far it is above the sheet: the first panel's "8 of 8" are the samples that have 0 of 8 in the table, 1.6 beside the sheet.

# %% tags=["nbval-ignore-output"]
display(
    show.many_seeds(
        [result["samples"][0, :500] @ A for result in results.values()], flat_ring, labels=list(results),
        title=f"Seed {seed}, seen from above the sheet (distance from it is not counted)",
    )
)  # fmt: skip

# %% tags=["nbval-ignore-output", "hide-input"]
SINGLE, TWELVE = "one, full view", "K = 12"
ARMS = {SINGLE: 0, "one, full view, wide": 2, "K = 1": 3, "K = 4": 5, TWELVE: 1, "K = 48": 4, "K = 16": 5}  # and which colour of the palette
STANDING = {"accuracy": "right answers", "minimax_push": "gradient, minimax loss", "push": "gradient, the loss that trains"}


def draw_arms(panel, values, x, x_label):
    """The median of the seeds, and a thin line for each where there are many; returns the last medians in words."""
    for arm, table in values.items():
        number = ARMS.get(arm, ARMS[TWELVE])
        colour, marker = show.figure.SERIES[number], show.figure.MARKERS[number]
        if len(table) > 3:
            panel.plot(x[arm].T, table.T, color=colour, alpha=0.25, linewidth=0.8)
        middle = [each.double().quantile(0.5, 0) for each in (x[arm], table)]
        panel.plot(*middle, marker=marker, markersize=4, markevery=max(1, len(middle[0]) // 7), color=colour, label=arm)
    panel.set_xlabel(x_label)
    return ", ".join(f"{arm} {table[:, -1].double().quantile(0.5):.3g}" for arm, table in values.items())


def legend_of(panel, figure):
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8, frameon=False)


figure, (panels,) = show.new_figure(8.6, 2.4, 1, 3)
words = []
for panel, (name, title) in zip(panels, STANDING.items(), strict=True):
    values = {arm: result["history"][name] for arm, result in results.items()}
    looked = torch.tensor(next(iter(results.values()))["history"].steps)[None]
    words.append(f"{title}: " + draw_arms(panel, values, dict.fromkeys(values, looked), "training steps"))
    show.heading(panel, title)
legend_of(panels[0], figure)
display(show.with_alt(figure, "Over training; medians at the end. " + "; ".join(words) + "."))

# %% [markdown]
# These panels do not repeat section 1. There the generator stood still. Here it answers, and how often a judge is right says as
# much about the generator as about the view: in the ten seeds below sixteen full views are right in 56 % of cases, and sixteen
# narrow ones in 65.
#
# ### Ten seeds
#
# The same with more contestants, stored, from the seeds 0 to 9. The sheet, the learning rate and the number of steps were chosen on
# the seeds 100 and 101, in about eleven tries: two with the single discriminator, four with the wide one, five with projected ones.
# Among the contestants are **sixteen discriminators that all see everything**. Is it the number of judges that matters, or their
# narrow views? They are there twice: with hidden layers as wide as the narrow ones have (and so with more weights, for their first
# layers read 64 numbers), and *thin*, so that they have as many weights in all as sixteen narrow ones.
#
# ("Seen from above" is the mass in place of the samples after they have been laid onto the sheet. "1.75x the steps" takes as much time
# as sixteen narrow ones, "5x the steps" somewhat more.)

# %% tags=["nbval-ignore-output"]
sweep = read_result("sweep")
views = sorted((name for name in sweep["runs"] if name.startswith("K")), key=lambda name: int(name[4:]))
sweep_runs = {name: sweep["runs"][name] for name in [*(name for name in sweep["runs"] if name not in views), *views]}
LONGER = ", 1.75x the steps"  # whose step is that of the wide one
milliseconds = {name: sweep["milliseconds"][name.removesuffix(LONGER)] for name in sweep_runs}  # of a step, all measured in turns
in_place = {}
rows = []
for name, found in sweep_runs.items():
    last = {key: torch.tensor(found[key], dtype=torch.float64)[:, -1] for key in ("modes", "in_place", "flat_in_place", "off", "accuracy")}
    in_place[name] = 100 * last["in_place"]
    rows.append(
        {
            "": name,
            "modes covered, of 8": show.bootstrap_interval(last["modes"]),
            "mass in place, %": show.bootstrap_interval(in_place[name]),
            "seen from above, %": show.bootstrap_interval(100 * last["flat_in_place"]),
            "distance from the sheet": show.bootstrap_interval(last["off"]),
            "right answers": show.bootstrap_interval(last["accuracy"]),
            "weights": found["weights"],
            "CPU time, single = 1": round(milliseconds[name] * found["steps"][-1] / milliseconds["one, full view"] / sweep["settings"]["steps"], 1),
        }
    )
print(sweep["command"])
show.interval_table(rows, caption=f"{len(sweep['settings']['seeds'])} seeds, {sweep['settings']['steps']} steps, views of {sweep['settings']['features']} dimensions")

# %% tags=["nbval-ignore-output"]
eye = {name: values for name, values in in_place.items() if ", 5x" not in name and values.max() > 1}
display(show.strip(eye, "mass in place, %", floor=12.5, ceiling=97.3, title=f"Most mass in place after {sweep['settings']['steps']:,} steps: {max(eye, key=lambda name: eye[name].mean())}"))

# %% [markdown]
# Now the differences, seed by seed, between sixteen views and the others. First after as many *steps*, then after as much *time*: the run
# that is done first is compared with what the other one had by then (between two looks along a straight line). An interval that
# holds 0 decides nothing.

# %% tags=["nbval-ignore-output"]
import numpy as np


def by_then(name, time):
    """Mass in place of each seed after so many milliseconds of training."""
    looked = np.array(sweep_runs[name]["steps"]) * milliseconds[name]
    return torch.tensor([100 * np.interp(time, looked, row) for row in sweep_runs[name]["in_place"]], dtype=torch.float64)


SIXTEEN = "K = 16"
rows = []
for other in sweep_runs:
    if other not in (SIXTEEN, "K = 1", "K = 4"):
        done = min(milliseconds[name] * sweep_runs[name]["steps"][-1] for name in (SIXTEEN, other))
        ours, theirs = by_then(SIXTEEN, done), by_then(other, done)
        line = {f"{SIXTEEN} against": other}
        if sweep_runs[other]["steps"][-1] == sweep_runs[SIXTEEN]["steps"][-1]:
            line["points more, as many steps"] = show.bootstrap_interval(in_place[SIXTEEN] - in_place[other])
        rows.append(line | {"points more, as much time": show.bootstrap_interval(ours - theirs), "by then K = 16 has, %": f"{ours.mean():.0f}", "the other": f"{theirs.mean():.0f}"})
show.interval_table(rows, caption="Mass in place of sixteen narrow views, minus that of the other, in percentage points")

# %% [markdown]
# - One small discriminator with a full view does not bring the generator onto the sheet in these 3,000 steps, nor in five times as many.
#   Then nearly all of its mass is in the right places *seen from above*, and hovers about one unit beside the sheet.
# - One with as many weights as sixteen narrow ones comes nearer. Two seeds of ten then cover all eight modes; four make three modes
#   only (37.5 % from above is three eighths), and in the rest some modes are still too far from the sheet to count. After as many
#   steps it has less in place than sixteen views. But it needs little more than half their time, and by then *it* is ahead. Given as
#   much time as they take, it has 50 % against their 55, which is undecided, in fewer modes: 4.8 against eight.
# - Sixteen views of eight numbers cover all eight modes in every seed. One, four and eight views do not find the sheet in time.
#   With $d/m = 8$ the paper's rule asks for 16 to 32 views: here its lower end is enough, and half of that is not. Its upper end, 32,
#   comes nearer to the sheet, has about as much in place (the interval holds 0), and takes nearly twice the time.
# - **Now the two rows with sixteen full views.** With hidden layers of the same width they cover every mode too, and put *more*
#   mass in place than the narrow views do, with more than twice the weights. With the *same* number of weights they put next to
#   nothing in place.
#
# So on this sheet two things matter: to have *many* judges, and to be able to afford them. A narrow view is not a better teacher in itself:
# at the same hidden width and after as many steps the full view has 20 points more. In the same time the two are not apart (51 and 55 %),
# and with as many weights the narrow ones win clearly, also in time (27 % against 3). What is saved by a narrow view is size.
# The paper compares K views with one discriminator only, and that comparison cannot tell the number from the view. (What 55 % in place also says:
# after 3,000 steps no generator here is finished; real samples have 97.3 %.)
#
# ## 6. Images
#
# A dense matrix for an image would be larger than the discriminator behind it. The authors take a **filter**: 8 x 8 pixels on
# all channels, applied with stride 2. A colour image of 64 x 64 becomes a grey one of 32 x 32, twelve numbers into one. The filter
# is random, N(0, 1), and is then divided by its length, so that all views have the same scale. (The theory wants a dense
# Gaussian matrix; a convolution is not one, and the paper says so.)
#
# **Exercise `rpgan.unit_filters`** · difficulty ●○○○○ · 3 minutes
#
# Give each of K random filters a length of 1.

# %% tags=["exercise"]
@exercise("rpgan.unit_filters")
def unit_filters(filters):
    """Random numbers (K, channels, height, width) to filters of length 1."""
    ### BEGIN SOLUTION
    return filters / filters.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    ### END SOLUTION


# %% tags=["nbval-ignore-output"]
from torch.nn.functional import conv2d

from ganlab.data import faces, to_unit

face = to_unit(faces(1, 64, seed=2).images)
filters = unit_filters(Streams(seed, "filters").normal(6, 3, 8, 8))
seen = conv2d(face, filters, stride=2, padding=3)[0]
limits = seen.abs().amax((1, 2), keepdim=True)
display(
    show.image_grid(
        (seen / limits).unsqueeze(1), labels=[f"D {k + 1}" for k in range(6)], size=1.3, title="One face, as six discriminators see it",
        alt="Six grey pictures of one toy face of 32 by 32 pixels. Each shows edges and areas of the face in another light; "
        "in each a face can be recognised, and none shows its colours.",
    )
)  # fmt: skip

# %% [markdown]
# Each keeps much of the drawing, and each loses something else. With trained filters this would be an ordinary first layer.
#
# A short run, to see the parts at work: the DCGAN generator of chapter 04 against K of these discriminators. (With the
# parameters `image_...` at the published values, as in the profile `full`, this is the paper's own experiment, on CelebA or on a
# folder of photographs that you have imported. It uses a GPU if there is one.)

# %% tags=["nbval-ignore-output"]
from ganlab.data import batches as image_batches
from ganlab.data import celeba, digits, fashion, imported
from ganlab.nets.dcgan import dcgan_generator
from ganlab.nets.projected import CentredCube, projected_convolutions

sources = {
    "digits": lambda: digits("all", size=image_side),
    "fashion": lambda: fashion(full=False, size=image_side),
    "faces": lambda: faces(5000, image_side),
    "celeba": lambda: celeba(image_side),
}
chosen = sources[images]() if images in sources else imported(images)
channels, side = chosen.images.shape[1], chosen.images.shape[-1]
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def roughness(some):
    pixels = some.unflatten(1, (channels, side, side))
    return float((pixels[..., 1:] - pixels[..., :-1]).abs().mean())


generator = dcgan_generator(side, channels, image_latent, image_generator_width, seed)
generator = nn.Sequential(CentredCube(), generator).to(device)  # latents uniform on [-1, 1], as published
judges = projected_convolutions(side, channels, image_count, image_width, seed).to(device)
method = RPGAN(
    generator, judges, rng=Streams(seed, device=device), latent=image_latent, lr=2e-4, accumulate=image_accumulate
)
reals = image_batches(chosen.images.flatten(1), 64, seed, device=device, floats=True)  # as vectors in [-1, 1]
before = method.sample(10)
# With a run folder there is a checkpoint after each 1,000 steps, as published, and a run that was killed goes on from it.
train(method, reals, image_steps, every=max(1, image_steps // 8), run=run, checkpoint_every=1000)
after = method.sample(10)
display(
    show.image_grid(
        torch.cat([before, after]).cpu().unflatten(1, (channels, side, side)), rows=2, labels=["before", f"after {image_steps} steps"],
        title=f"K = {image_count} on {images}: a beginning",
        alt=f"Ten generated images before and ten after training; mean difference of neighbouring pixels {roughness(before):.2f} and {roughness(after):.2f}.",
    )
)  # fmt: skip

# %% [markdown]
# It takes many more steps than that. Those runs are too long for a class, so they are stored: digits at 16 pixels, garments
# (Fashion) and toy faces at 32, and toy faces at 64, the paper's own size; three seeds each. Generator and discriminators are the
# paper's, 8 times narrower (first layer of a projected discriminator: 16 channels, of the single one: 8), at 64 pixels 16 times,
# with the published Adam settings and no batch norm in any discriminator. The wide single one has as many multiplications as
# the twelve together. The width was chosen on seed 100, among a few.
#
# - **Fréchet distance**: between 500 generated and 500 held-out images, on the features of the course's own classifier. Lower is
#   better; only rows of one data set can be compared.
# - **High frequencies**: the power in the upper half of the frequencies, generated over real. 1 is right, more is noise, less is blur.
# - **Seconds**: steps times the time of a step on one core. That time was measured for all arms in turns, because the runs
#   themselves had a busy machine.
#
# First after as many steps as all arms made. Some went on; they come below.

# %% tags=["nbval-ignore-output"]
FILES = {"digits": "digits", "fashion": "fashion", "faces": "faces", "faces, 64 px": "faces64"}
image_runs = {name: read_result(file) for name, file in FILES.items()}
for content in image_runs.values():
    for arm, runs in content["runs"].items():
        for one in runs.values():
            one["seconds"] = [step * content["milliseconds"][arm] / 1000 for step in one["steps"]]


def arms_of(content):
    """Arm to its runs, one a seed."""
    runs = content["runs"]
    return {arm: [runs[arm][one] for one in sorted(runs[arm], key=int)] for arm in ARMS if arm in runs}


def curve(found, key, length=None):
    """(seeds, looks), as long as the shortest run."""
    length = length or min(len(one[key]) for one in found)
    return torch.tensor([one[key][:length] for one in found], dtype=torch.float64)


def smooth(table, width):
    """Means of so many neighbours."""
    return table.unfold(-1, width, 1).mean(-1)


def looks_of(content):
    """How many looks all arms have in common; some were trained longer."""
    return min(len(one["steps"]) for found in arms_of(content).values() for one in found)


def longer(content):
    """The runs that went on, by arm."""
    runs = {arm: [one for one in found if len(one["steps"]) > looks_of(content)] for arm, found in arms_of(content).items()}
    return {arm: found for arm, found in runs.items() if found}


def measured(content, arm, length):
    """A row of numbers at a look, counted from the start."""
    last = {key: curve(arms_of(content)[arm], key, length)[:, -1] for key in ("frechet", "high_frequency", "accuracy", "seconds")}
    return {
        "Fréchet distance": show.bootstrap_interval(last["frechet"]),
        "high frequencies, real = 1": show.bootstrap_interval(last["high_frequency"]),
        "right answers": show.bootstrap_interval(last["accuracy"]),
        "CPU seconds": round(float(last["seconds"].mean())),
    }


rows = []
for name, content in image_runs.items():
    settings, real = content["settings"], content["real"]
    for arm in arms_of(content):
        size = {"multiplications of D, thousands": round(content["multiplications"][arm] / 1000)}
        rows.append({"data": name, "": arm} | measured(content, arm, looks_of(content)) | size)
    rows.append({"data": name, "": "other real images", "Fréchet distance": f"{real['frechet']:.1f}", "high frequencies, real = 1": f"{real['high_frequency']:.2f}"})
    print(f"{name}: {settings['side']} pixels, {settings['steps']} steps, {content['command']}")
show.interval_table(rows, caption="Three seeds: mean [lowest, highest]")

# %% tags=["nbval-ignore-output", "hide-input"]
from PIL import Image


def pictures(content, file):
    """The stored samples and interpolations: label to (pictures, channels, height, width) as uint8."""
    import numpy as np

    side, where = content["settings"]["side"], content["pictures"]
    sheet = np.array(Image.open(RESULTS / file))
    parts = sheet.reshape(len(where["rows"]), side, where["shown"] + where["frames"], side, -1).swapaxes(1, 2)
    return dict(zip(where["rows"], torch.from_numpy(parts.copy()).movedim(-1, 2), strict=True))


def rows_of_images(name, label_of, across, size, title):
    """A row for each stored label that `label_of` names; it gives the label to print, or None. (32 shades do, and keep the file small.)"""
    content, stored = image_runs[name], pictures(image_runs[name], f"{FILES[name]}.png")
    shown = {label: label_of(label) for label in stored if label_of(label)}
    display(
        show.image_grid(
            torch.cat([stored[label][across] // 8 * 8 for label in shown]), rows=len(shown), size=size, labels=list(shown.values()), title=title,
            alt="A row for each arm. Fréchet distance of this seed at the end: "
            + ", ".join(f"{arm} {found[0]['frechet'][-1]:.1f} ({found[0]['steps'][-1]} steps)" for arm, found in arms_of(content).items()) + ".",
        )
    )  # fmt: skip


def short(arm):
    return arm.replace("one, full view, wide", "wide single").replace("one, full view", "single")


for name in ("digits", "fashion", "faces"):
    steps_made = image_runs[name]["settings"]["steps"]
    rows_of_images(name, lambda label: short(label) if label in ARMS else None, slice(0, 4), 0.36, f"{name}, seed 0, {steps_made} steps")

# %% [markdown]
# Three seeds are a demonstration, not a comparison, and real images stand far below all rows: these are beginnings. What can be seen:
#
# - **One view is not enough.** K = 1 is the last on every data set. On faces its pictures stay noise. It is noise that looks right
#   through one filter, and nobody asks for more. With four views there are heads, under a mesh of fine noise. With twelve the mesh is
#   almost gone.
# - Against one discriminator of the whole image there is no such gulf. After as many steps twelve views are nearer on digits and on faces
#   of both sizes, and about as near on garments. A wide single one, with as many multiplications, is about as near as they are on digits
#   and on faces of both sizes, and farther on garments.
#
# ### Over steps, and over seconds
#
# K discriminators cost more time a step. So look at quality over both. Some arms went on for longer: on digits the single one, K = 12 and
# K = 48, on faces the single one, at 64 pixels the single one, the wide one and K = 12.

# %% tags=["nbval-ignore-output", "hide-input"]
from matplotlib.ticker import LogFormatter, NullFormatter


def on_log_scale(panel, axes="xy"):
    for axis in axes:
        getattr(panel, f"set_{axis}scale")("log")
        parts = getattr(panel, f"{axis}axis")
        parts.set_major_formatter(LogFormatter())
        parts.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.4)) if axis == "y" else NullFormatter())


figure, panels = show.new_figure(8.8, 3.6, 2, len(image_runs))
words = []
for column, (name, content) in enumerate(image_runs.items()):
    runs = arms_of(content) | longer(content)
    frechet = {arm: curve(found, "frechet") for arm, found in runs.items()}
    for panel, key, label in zip(panels[:, column], ("steps", "seconds"), ("training steps", "CPU seconds"), strict=True):
        x = {arm: curve(found, key) for arm, found in runs.items()}
        said = draw_arms(panel, frechet, x, label)
        on_log_scale(panel)
    words.append(f"{name}, at the end: {said}")
    show.heading(panels[0, column], name)
for panel in panels[:, 0]:
    panel.set_ylabel("Fréchet distance")
legend_of(panels[0, 0], figure)
display(show.with_alt(figure, f"Fréchet distance over steps, above, and over seconds, below, all scales logarithmic. Medians of the seeds: {'; '.join(words)}."))

# %% tags=["nbval-ignore-output"]
def last_of(found, key, length=None):
    """Where the seed that was done first had made its last look."""
    return float(curve(found, key, length)[:, -1].min())


def points_of(content):
    """Where to compare: after the steps that all arms made, when the fastest had made them, and as late as two rivals of K = 12 reach."""
    found, length, points = arms_of(content) | longer(content), looks_of(content), []
    for key in ("steps", "seconds"):
        first = min(last_of(one, key, length) for one in found.values())
        single = min(last_of(found[SINGLE], key), last_of(found[TWELVE], key))
        both = max(min(last_of(found[TWELVE], key), last_of(rival, key)) for arm, rival in found.items() if arm != TWELVE)
        for where in sorted({first, single, both}):
            if not points or points[-1][0] != key or where > 1.4 * points[-1][1]:
                points.append((key, where))
    return points


def frechet_at(content, arm, key, where):
    """The Fréchet distance of each seed that came so far, between two looks along a straight line."""
    runs = content["runs"][arm].items()
    return {one: float(np.interp(where, run[key], run["frechet"])) for one, run in runs if run[key][-1] >= where}


rows, lines = [], []
for name, content in image_runs.items():
    for key, where in points_of(content):
        frechet = {arm: frechet_at(content, arm, key, where) for arm in arms_of(content)}
        frechet = {arm: found for arm, found in frechet.items() if found}
        at = f"{where:,.0f} {key}"
        rows.append({"data": name, "after": at} | {arm: show.bootstrap_interval(list(found.values())) for arm, found in frechet.items()})
        ours, nearer = frechet[TWELVE], []
        for arm, theirs in frechet.items():
            if arm != TWELVE:
                nearer.append(f"{short(arm)} {sum(ours[one] < theirs[one] for one in ours if one in theirs)}")
        lines.append(f"- {name}, {at}, of {len(ours)}: {', '.join(nearer)}")
print("In how many seeds is K = 12 nearer to the real images than", *lines, sep="\n")
show.interval_table(rows, caption="Fréchet distance after as many steps, or as much time: mean [lowest, highest] of the seeds")

# %% [markdown]
# **Steps.** K = 48 is nearer than K = 12 in all three seeds, after 600 steps and after 1,200 (4.1 against 4.6).
#
# **Seconds.** Here the order turns. While the fastest arm makes its steps, the small single discriminator is ahead of twelve views in every
# seed on garments and faces, and in two of three on digits. With as much time as twelve views take for the steps of the large table it is still far
# ahead on faces of 32 pixels (73 against 106, 320 steps of the twelve), and level on digits (5.97 against 6.17, 600 steps). There twelve views went on, to 4.6 after
# 33 seconds, lower than the single one ever was; it was stopped after 17. K = 48 is at 8.5 by then. Against the *wide* single one twelve
# views are behind on digits at first, and ahead on garments in the end. So early on, K costs more than it buys, on one core; in the end it may pay.
# The paper compares by steps.
#
# ### 64 pixels
#
# After 240 steps nothing can be seen at 64 pixels. So three arms went on, for about as many seconds each: the single one for 1,920
# steps, the wide one for 960, twelve views for 720, and seed 0 for twice that. Are there faces in the end?

# %% tags=["nbval-ignore-output", "hide-input"]
def longest(name):
    """The stored labels of seed 0 at the end of the longer runs, and what to print for each."""
    content = image_runs[name]
    runs = {arm: found[0]["steps"] for arm, found in longer(content).items()}
    return {f"{arm} ({len(steps) // looks_of(content)}x as long)": f"{short(arm)}, {steps[-1]:,} steps" for arm, steps in runs.items()}


content = image_runs["faces, 64 px"]
rows_of_images("faces, 64 px", longest("faces, 64 px").get, slice(0, 4), 0.72, "Faces of 64 pixels, seed 0")

# %% tags=["nbval-ignore-output", "hide-input"]
OVER = {"frechet": "Fréchet distance", "high_frequency": "high frequencies, real = 1", "generator_loss": "generator's loss"} | STANDING
figure, panels = show.new_figure(9.2, 4.7, 2, 3)
words = []
for panel, (key, title) in zip(panels.flat, OVER.items(), strict=True):
    ends = []
    for arm, found in longer(content).items():
        for number, one in enumerate(found):
            values = smooth(torch.tensor([one[key]]), len(one[key]) // len(one["steps"]) * 4)[0]
            where = torch.linspace(0, one["steps"][-1], len(one[key]) + 1)[-len(values) :]
            panel.plot(where, values, color=show.figure.SERIES[ARMS[arm]], linewidth=1.2, label=None if number else arm)
            ends.append(f"{arm} {values[-1]:.2f} (lowest {values.min():.2f}, highest {values.max():.2f})")
    words.append(f"{title}: {', '.join(ends)}")
    show.heading(panel, title)
on_log_scale(panels[0, 0], "y")
for panel in panels[1]:
    panel.set_xlabel("training steps")
legend_of(panels[0, 0], figure)
display(show.with_alt(figure, "64 pixels, a line for each seed, means of 4 looks. At the end: " + "; ".join(words) + "."))

# %% [markdown]
# By eye there are faces now in all three rows, each row with a fault of its own. The single one's lie under noise. The wide one's have
# backgrounds of many colours, as the real ones have, and colours in the face that no face has. The twelve's are the clearest, with eyes
# and glasses, under a fine mesh; but three of these four are alike (of all twelve that are stored, four), and all backgrounds are grey. (The Fréchet distance does not see the mesh: its classifier was made for 40 pixels, and images are brought to that size
# first.)
#
# - **The single one turns back.** Its distance is lowest after 1,350, 750 and 1,560 steps (seeds 0, 1 and 2), and at the end 1.20, 1.45
#   and 1.05 times as large (seed 0: after 3,840 steps). In seeds 0 and 1 its high frequencies rise meanwhile to nearly twice those of real images. The authors saw
#   samples get worse after 40,000 steps. The wide one and the twelve are at their best at the end or close to it; but they made fewer
#   steps.
# - **Who is nearer?** After 720 steps the twelve, in two of three seeds against either. After as much time (143 seconds) the single one, in
#   all three seeds, and the wide one in two. Seed 0 alone went on. After nearly 290 seconds the wide one is at 65, the single one at 84,
#   twelve views are at 92 (means of 4 looks).
# - **Sure of itself?** Section 1 measured certainty on the sheet. Here the wide discriminator is right nine times in ten, the twelve, with as
#   many multiplications together, three times in four, and the small single one about every second time: it cannot tell any more. *Its*
#   gradient goes silent (0.03 to 0.05 at the end, under both losses). The gradient of the sure one does not: under the loss that trains
#   it is the longest all along. So in these runs saturation is not what holds a single discriminator back. In the large table, too, the
#   small one, which sees the whole image, is right less often than the twelve on all four data sets, and the wide one, with the same
#   view, more often than both: a full view alone makes no judge sure here; a full view and size do.
#
# ### High frequencies
#
# The paper saw subtle high-frequency noise with K = 12, and less with 24 and 48. Noise of that kind can be measured: the
# **power spectrum** of the generated images, over that of real ones, at each frequency.

# %% tags=["nbval-ignore-output"]
def power_spectrum(pixels):
    """Mean squared amplitude at 1, 2 ... side / 2 cycles an image, over images (n, channels, side, side)."""
    size = pixels.shape[-1]
    power = torch.fft.fft2(pixels.double()).abs().square().mean((0, 1)) / size**2
    frequency = torch.fft.fftfreq(size, 1 / size, dtype=torch.float64)
    cycles = (frequency[:, None] ** 2 + frequency**2).sqrt().round()
    return torch.stack([power[cycles == c].mean() for c in range(1, size // 2 + 1)])


of_generated = power_spectrum(method.sample(500).cpu().unflatten(1, (channels, side, side)))
of_real = power_spectrum(to_unit(chosen.images[:500]))
upper = float(of_generated[side // 4 :].sum() / of_real[side // 4 :].sum())
print(f"The short run above: {upper:.2f} times the power of real images in the upper half of the frequencies")

# %% tags=["nbval-ignore-output", "hide-input"]
figure, (panels,) = show.new_figure(9.4, 2.7, 1, len(image_runs))
words = []
for panel, (name, content) in zip(panels, image_runs.items(), strict=True):
    real_power = torch.tensor(content["real"]["spectrum"])
    ratios = {arm: (curve(found, "spectrum") / real_power).log10() for arm, found in arms_of(content).items()}
    frequencies = torch.arange(1, len(real_power) + 1).expand(1, -1)
    words.append(f"{name}: " + draw_arms(panel, ratios, dict.fromkeys(ratios, frequencies), "cycles an image"))
    panel.axhline(0, color=show.figure.GREY, linewidth=1)
    show.heading(panel, name)
panels[0].set_ylabel("log10 of the ratio")
legend_of(panels[0], figure)
display(show.with_alt(figure, f"Power at each frequency, generated over real, log10; 0 is as in real images. At the highest frequency: {'; '.join(words)}."))

# %% [markdown]
# The paper's remark, in numbers (all arms after the same steps): among 1, 4 and 12 views, twelve leave the least power at the highest
# frequencies on digits, garments and faces of 32 pixels; one view leaves by far the most on digits and garments, and about as much as
# four on faces. On digits 48 views leave still less than twelve. At 64 pixels 240 steps are too few to say it. The wide single
# discriminator leaves about as little as the twelve (at 64 pixels less). On garments and faces most arms have *too little* power in the
# middle of the range, which is blur.
#
# ### The losses, and what the authors report of them
#
# The first version of the paper is honest about its curves: in *both* settings the generator's loss first falls and then rises, so the
# discriminators win in the end; with one discriminator it stays higher and begins to swing, and its samples get worse after 40,000 of
# 100,000 steps, while those with K = 48 improve throughout. Here are ours.

# %% tags=["nbval-ignore-output", "hide-input"]
figure, (panels,) = show.new_figure(6.6, 2.4, 1, 2)
on_digits, on_sheet = longer(image_runs["digits"]), {arm: sweep_runs[arm] for arm in (SINGLE, SIXTEEN)}
losses = {arm: smooth(curve(found, "generator_loss"), 5) for arm, found in on_digits.items()}
x = {arm: torch.linspace(0, found[0]["steps"][-1], losses[arm].shape[1] + 1)[None, 1:] for arm, found in on_digits.items()}
words = ["digits: " + draw_arms(panels[0], losses, x, "training steps")]
losses = {arm: torch.tensor(found["generator_loss"]) for arm, found in on_sheet.items()}
words.append("the sheet: " + draw_arms(panels[1], losses, {arm: torch.tensor(found["steps"])[None] for arm, found in on_sheet.items()}, "training steps"))
for panel, title in zip(panels, ("digits", "the sheet"), strict=True):
    show.heading(panel, title)
    panel.axhline(math.log(2), color=show.figure.GREY, linewidth=1, linestyle="--", label="log 2")
    panel.legend(fontsize=7.5, frameon=False)
panels[0].set_ylabel("generator's loss")
display(show.with_alt(figure, f"Generator's loss over training, last medians. {'; '.join(words)}. A dashed line marks log 2."))

# %% tags=["nbval-ignore-output"]
rows = []
for name, content in image_runs.items():
    for arm, found in longer(content).items():
        loss, quality = curve(found, "generator_loss"), smooth(curve(found, "frechet"), 4)
        mean = smooth(loss, 8)
        rows.append(
            {
                "data": name,
                "": arm,
                "seeds": len(found),
                "steps": int(curve(found, "steps")[0, -1]),
                "lowest loss": f"{mean.min(1).values.mean():.2f}",
                "after, %": f"{100 * mean.argmin(1).double().mean() / mean.shape[1]:.0f}",
                "loss at the end": f"{mean[:, -1].mean():.2f}",
                "its jumps": f"{(loss[:, 1:] - loss[:, :-1]).abs().mean():.3f}",
                "Fréchet distance, end over best": show.bootstrap_interval(quality[:, -1] / quality.min(1).values),
            }
        )
show.interval_table(rows, caption=f"Runs that went on. log 2 = {math.log(2):.2f}. A jump: from one record to the next. Distances are means of 4 looks; mean [lowest, highest]")

# %% [markdown]
# On digits the beginning has the paper's shape, in all settings: down first, then up, to about $\log 2$, where neither side wins. The
# single discriminator's loss swings about twice as much as the mean of twelve (a mean of twelve swings less for being a mean: this
# does not show that any of the twelve is calmer). It does not climb on in these 1,200 steps, and the quality is at its best at the end
# or close to it, for K = 48 as for the others. At 64 pixels losses do climb, and come part of the way back: the twelve's to about 1.6 and then 1.1,
# the wide single one's to about 4 and then 3, and it swings most; that discriminator wins. The small single one's stays near $\log 2$, and it is *its* samples that get worse. So the
# paper's two remarks about one discriminator, a higher loss that swings and samples that get worse, are both here, but in two
# different discriminators. And all this is short: 100,000 steps with batches of 64 are 32 passes through CelebA with networks sixteen
# times as wide. On the sheet the order is the reverse: the loss rises first, while the generator is far from the data, and then falls.
#
# ### Between two latents
#
# As published: a straight line between two latents drawn from $U(-1, 1)$, eleven steps, and batch norm with the statistics of one
# large batch of 2,048, so that an image does not depend on its neighbours.

# %% tags=["nbval-ignore-output"]
def between(generator, frames=11):
    """Images on a straight line between two latents; batch norm has the statistics of one batch of 2,048."""
    draw = Streams(seed, "between", device=device)
    ends = 2 * draw.uniform(2, image_latent) - 1
    network = copy.deepcopy(generator[1])  # what comes behind the layer that makes latents uniform
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # forget all batches but the last
    with torch.no_grad():
        network.train()(2 * draw.uniform(2048, image_latent) - 1)
        weight = torch.linspace(0, 1, frames, device=device)[:, None]
        return network.eval()(torch.lerp(ends[0], ends[1], weight)).cpu().unflatten(1, (channels, side, side))


display(show.image_grid(between(method.generator), size=0.5, title=f"{images}, this chapter's short run", alt="Eleven images that change gradually."))

# %% tags=["nbval-ignore-output", "hide-input"]
rows_of_images("digits", longest("digits").get, slice(image_runs["digits"]["pictures"]["shown"], None), 0.4, "digits: eleven steps from one latent to another")
twelve = {label: words for label, words in longest("faces, 64 px").items() if label.startswith(TWELVE)}
rows_of_images("faces, 64 px", twelve.get, slice(image_runs["faces, 64 px"]["pictures"]["shown"], None), 0.62, "faces, 64 px")

# %% [markdown]
# ## 7. Twelve networks as one
#
# A loop over twelve small networks wastes time in starting things. Vectors are easy: K matrices make one batched product. For images,
# `conv2d` can split its channels into **groups** that do not see each other.
#
# **Exercise `rpgan.grouped`** · difficulty ●●●○○ · 8 minutes
#
# Run the first layer of K networks (4 x 4, stride 2, padding 1) in one call.

# %% tags=["exercise"]
@exercise("rpgan.grouped")
def grouped(views, weights):
    """Views (n, K * channels, h, w) and filters (K, outputs, channels, 4, 4) to (n, K * outputs, h / 2, w / 2)."""
    ### BEGIN SOLUTION
    return conv2d(views, weights.flatten(0, 1), stride=2, padding=1, groups=len(weights))
    ### END SOLUTION


# %%
from ganlab.nets.projected import ConvolutionalNetworks

views, answers = Streams(seed, "views").normal(4, 12, 16, 16), {}
for form in ("loop", "grouped"):
    networks = ConvolutionalNetworks(12, 16, width=16, rng=seed, form=form).double()
    logits = networks(views.double())
    gradients = torch.autograd.grad(logits.sin().sum(), list(networks.parameters()))
    answers[form] = [logits, *gradients]
for form, values in answers.items():
    error = max(float((one - other).detach().abs().max()) for one, other in zip(values, answers["loop"], strict=True))
    assert error < 1e-9
    print(f"{form}: the same logits and gradients as the loop")

# %% [markdown]
# Is it faster? It depends on the width. All forms were timed in turns in one run on a quiet machine, with 64 colour images of
# 64 x 64 and K = 12. "Modules" is the loop that everybody writes first, each discriminator with a convolution of its own for
# its view. The "loop" of the package computes all views in one convolution, which alone saves a good part; "grouped" has one
# for each layer. A whole step is the generator's step against all twelve, then theirs.

# %% tags=["nbval-ignore-output"]
costs = {"one core": read_result("cost"), "two cores": read_result("cost_2_threads")}
FORMS = ("modules", "loop", "grouped")
rows = []
for cores, cost in costs.items():
    print(cost["command"])
    for row in cost["rows"]:
        if row["count"] == 12:
            taken = row["milliseconds"]
            line = {"": cores, "first width": row["width"], "modules, ms": f"{taken['step modules']:.0f}"}
            for part, words in (("step", ""), ("D", ", D alone")):
                line |= {f"{form}{words}": f"{taken[f'{part} {form}'] / taken[f'{part} modules']:.2f}" for form in FORMS[1:]}
            rows.append(line)
show.interval_table(rows, caption="A training step with 12 discriminators, as a share of the modules' time; then the discriminators' own passes alone")

# %% [markdown]
# At width 8 a grouped step takes a third of the modules' time. Grouping itself has the smaller part in that; most is saved by the
# single convolution for all views, whose gradient with respect to the images the generator needs. And what grouping saves is the
# starting of things: the wider the networks are, the less of the time that is, until grouped convolutions of wide layers are slower than a
# loop. So the package groups networks without a layer of more than 64 channels, and loops over wider ones. Where is the end of
# it? Count multiplications, and compare with a product of two large matrices, the best that the machine can do:

# %% tags=["nbval-ignore-output"]
for cores, cost in costs.items():
    best = cost["billion_multiplications_a_second"]
    for row in cost["rows"]:
        if row["count"] == 12:
            form = min(FORMS, key=lambda form: row["milliseconds"][f"D {form}"])
            rate = row["multiplications"] / row["milliseconds"][f"D {form}"] / 1e6
            print(f"{cores}, first width {row['width']:2}: the fastest form ({form}) does {rate:2.0f} billion multiplications a second, {100 * rate / best:2.0f} % of the best")

# %% [markdown]
# So at width 8 there is still something to save, and at width 32 hardly: there the arithmetic itself is the limit, and no other
# arrangement can make twelve networks much cheaper.
#
# How does a step grow with K, and how did the paper's?

# %% tags=["nbval-ignore-output"]
published = {12: 5.3, 24: 9.7, 48: 18.7}  # seconds an iteration over those of the single D, one Titan X
rows = []
smallest = min(row["width"] for row in costs["one core"]["rows"])
for K, growth in published.items():
    line = {"K": K}
    for cores, cost in costs.items():
        (taken,) = (row["milliseconds"] for row in cost["rows"] if row["width"] == smallest and row["count"] == K)
        line |= {f"{form}, {cores}": round(taken[f"step {form}"] / taken["step full view"], 1) for form in ("modules", "grouped")}
    rows.append(line | {"published (first width 128, GPU)": growth})
show.interval_table(rows, caption=f"A training step in steps of the single discriminator's GAN; here the first width is {smallest}")

# %% [markdown]
# Not the same thing: the paper's networks are sixteen times as wide and ran on a GPU of 2017. Its single discriminator sees the
# whole image, as ours does. Its times lie on a line, about 0.53 + 0.22 K seconds: a fixed part, mostly the generator's, and one
# for each discriminator, which is 0.37 of a whole step with a single one. Ours lie on a line too, and a grouped discriminator
# costs about half of that share. The modules, which spend much on starting things, grow faster than the paper's. On two cores a
# step takes about half the time, and grows about as much.
#
# ## 8. Relatives
#
# - **GMAN** (Durugkar et al., 2016): many discriminators too, but all with the *same* view; they differ by their start. It can weigh
#   the strictest most.
# - **Sliced Wasserstein** generators (Deshpande et al., 2018): fresh one-dimensional views in every step, and for simple data no
#   discriminator at all (for images the authors project the features of one). On a line the distance of two samples has a closed form, and you have written it.
#
# So a generator can be trained with your `sliced_distance` alone:

# %% tags=["nbval-ignore-output"]
near_ring = ring(8, radius=2.0, sigma=0.1)
torch.manual_seed(seed)
G = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
optimiser = torch.optim.Adam(G.parameters(), lr=learning_rate)
source = near_ring.batches(256, seed)
with threads(1):
    for _ in range(plane_steps):
        directions = nn.functional.normalize(torch.randn(2, 16), dim=0)
        loss = sliced_distance(next(source), G(torch.randn(256, 2)), directions)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
with torch.no_grad():
    display(show.many_seeds(G(torch.randn(1, 600, 2)), near_ring, labels=["only sorted views"]))

# %% [markdown]
# And all relatives on the same ring, ten seeds each, from the stored runs. Networks and learning rate are those of the sheet; nothing was
# tuned on the ring. The wide single discriminator has as many weights as eight views, and "4x the steps" takes at least as long as they
# do. A mode is *hit* by one sample of 2,500; beside it, how many modes have at least a quarter of their fair share:

# %% tags=["nbval-ignore-output"]
plane = read_result("ring")
in_plane = {arm: 100 * mass_in_place(torch.tensor(found["counts"]), 2500, sheet_modes.weights) for arm, found in plane["runs"].items()}
rows = []
several = sorted((arm for arm in plane["runs"] if arm[0].isdigit()), key=lambda arm: int(arm.split()[0]))
for arm in [*(arm for arm in plane["runs"] if arm not in several), *several]:
    found = plane["runs"][arm]
    counts = torch.tensor(found["counts"])
    rows.append(
        {
            "": arm,
            "modes hit, of 8": show.bootstrap_interval((counts > 0).sum(-1)),
            "with a quarter of their share": show.bootstrap_interval((counts >= 2500 / 8 / 4).sum(-1)),
            "mass in place, %": show.bootstrap_interval(in_plane[arm]),
            "8 views have more, points": show.bootstrap_interval(in_plane["8 views of one dimension"] - in_plane[arm]),
            "seeds with less than one mode's mass": int((in_plane[arm] < 12.5).sum()),
            "weights of D": found["weights"],
            "CPU seconds, all seeds": round(found["cpu_seconds"]),
        }
    )
print(plane["command"])
show.interval_table(rows, caption=f"Ring of 8, {plane['settings']['steps']} steps, {len(plane['settings']['seeds'])} seeds. Floor of the mass: 12.5 %, ceiling: 97.3 %")

# %% [markdown]
# One view of one dimension leaves the other free, two leave modes out, four hit all eight in eight seeds (though in none with a quarter
# of the fair share everywhere: 34 % in place), and eight in every seed. (So does sliced Wasserstein, with as little in place: a smear.)
# Eight discriminators with *full* views and the plain mean (GMAN without its weights) do not. So after as many steps it is the views that heal in the plane, and
# not the number of judges: the other way round than on the sheet. More of them are not always better: with sixteen views four
# of the ten seeds end with one mode or none. Why, these runs do not say.
#
# **But look at the two rows with a like budget.** The wide single discriminator, with as many weights as eight views, hits
# all eight modes in every seed and takes less time. So does the small one itself after four times the steps, in 1.4 times
# the time. Both put more mass in place than eight views do. Against a single discriminator of the same small size and as many steps
# the projections win clearly, and against one of a like budget they lose. (In the plane they cannot win much: the data do not
# lie on a thin set there.)
#
# ## 9. Fidelity card
#
# <details><summary>Equation, code, departure, public code</summary>
#
# | in the paper | here | departure | public code (rpgan) |
# |---|---|---|---|
# | eq. 2, sum over k | `generator_loss`, mean | as in its text and its code | mean |
# | $L_k$ | `discriminator_losses` | no factor 1/2; to Adam it makes no difference | factor 1/2 |
# | $W_k$ Gaussian, dense | `random_projections` | columns divided by their length | not there; images only |
# | filter 8 x 8, stride 2, padding 3, N(0, 1), unit length | `random_filters`, `Filters` | none | the same, drawn once into a file |
# | $D_k$: 4 x 4 with stride 2, leaky ReLU, no batch norm, width 128 | `ConvolutionalNetworks` | width 16 in the stored runs, 8 at 64 pixels and in the live run | 128 (faces), 64 (dogs) |
# | single D: width 64 | `full_view_convolutions` | width 8, at 64 pixels 4 | 64 |
# | order: G, then all $D_k$ against fakes of fresh latents | `RPGAN.step` | none | the same |
# | memory: one $D_k$ at a time | `accumulated_gradient`, `RPGAN(accumulate=True)` | off unless asked for | the same |
# | latents $U(-1, 1)^{100}$ | `CentredCube` | 64 numbers in the stored runs, 100 in the live run | 100 (200 for dogs) |
# | initial weights uniform, variance 1 / fan-in | $D_k$ the same; generator $\mathcal{N}(0, 0.02^2)$ | the generator's | uniform for both |
# | Adam 2e-4, $\beta_1$ = 0.5, batch 64, 100,000 iterations | images: the same, 240 to 3,840 steps; vectors: 1e-3 | length; vectors are not in the paper | as in the paper |
# | CelebA at 64, K = 12, 24, 48 | digits at 16, Fashion and toy faces at 32, toy faces at 64; K = 1, 4, 12, on digits also 48 | scale; the profile `full` is the paper's own | the same |
# | dogs (ImageNet) at 128, K = 12, widths 64 (D) and 128 (G), 200 latents | any folder of photographs, imported with `--size 128` | centre cut; no dogs come with the course | random cut of 128 from 129 pixels, no flips |
# | interpolation: linear, population statistics of 2,048 | the same | none | the same |
#
# Read: the text of arXiv v1 and the public code. Figures and the later versions were not seen.
#
# </details>
#
# The paper reports samples, loss curves and interpolations, and **no number for quality**; so there is none to put beside ours. Its times
# stand in section 7. By eye, its single discriminator's samples get worse after 40,000 of 100,000 iterations, and those with
# K = 48 improve throughout; in small, section 6 saw both.

# %%
progress("08")

# %%
ten = {name: torch.tensor(found["in_place"], dtype=torch.float64)[:, -1] for name, found in sweep["runs"].items()}


def verdict(other):
    _, low, high = show.bootstrap_interval(ten["K = 16"] - ten[other])
    return "more" if low > 0 else "less" if high < 0 else "no more"


live = {name: mass_in_place(mode_counts(result["samples"], sheet_modes), 2500, sheet_modes.weights) for name, result in results.items()}
run.finish(
    f"stored runs, mass in place after as many steps: 16 narrow views have {verdict('one, full view, wide')} than one full view of as many "
    f"weights, {verdict('16, full view, thin')} than 16 full views of as many, and {verdict('16, full view')} than 16 larger ones",
    **{f"mass in place {name}": values for name, values in live.items()},
    **{f"distance from the sheet {name}": distance_from_sheet(result["samples"]).median(-1).values for name, result in results.items()},
)

# %% [markdown]
# ## What you can say now
#
# - Against a generator that stands still, on thin data, a narrower view is sure later, the narrowest hardly at all. Against one that
#   learns we did not find this: there narrow views were right more often than as many full ones, and on images more often than a
#   small full one.
# - Certainty lets the minimax gradient fall and makes the non-saturating one loud about trifles.
# - Two views along the axes can be blind to what nearly every random view sees; how many are enough is a matter of
#   measuring, not of the theorem.
# - Against one discriminator of their own small size and after as many steps, eight random views heal the ring's collapse (sixteen
#   do so in six seeds of ten), and sixteen bring the generator onto the sheet, where the small one misses the sheet and not the modes.
# - On the ring a single one with as many weights as all of them, or the small one with 1.4 times their time, beats them. On the sheet the small
#   one fails with as much time as well; the wide one has less after as many steps, and about as much after as much time, but in fewer
#   modes. Sixteen judges with full views do better there after as many steps if they may have more than twice the weights, are level in
#   time, and fail with as many weights.
# - On digits and garments more views leave less high-frequency noise; on faces only the step from four to twelve does. One view is not
#   enough on any set. In steps twelve are a good choice, and on digits 48 a better one; in seconds, on one core, not in the beginning.
# - At 64 pixels a small single discriminator's samples get better and then worse, in two of three seeds clearly. Those of twelve views do
#   not turn back in the steps that they made, and neither do those of one discriminator with as many multiplications.
# - K discriminators need not cost K times one in memory (one after another) or in time (grouped), but not both at once: grouping keeps
#   all K graphs alive.
#
# ## Questions
#
# <details><summary><b>Why not draw fresh projections in every step?</b></summary>
#
# A discriminator has to learn its view. With a new one in every step it would never know what it is looking at. The sliced
# Wasserstein distance can do it, because it has nothing to learn.
#
# </details>
#
# <details><summary><b>The data lie on a sheet of two dimensions. In a view of eight they are still on a sheet of two. Why does the view
# help at all?</b></summary>
#
# In exact arithmetic and with endless data it would not: off the sheet is off the sheet. But the first section measured it:
# what counts is how *soon* a discriminator finds the fault, against a moving generator. In fewer dimensions the fault is a smaller
# part of what there is to see. Whether that helps the generator is another question: in section 5 sixteen full views taught it more
# than sixteen narrow ones with the same hidden layers in as many steps, and about as much in as much time. There the help is that a narrow judge is a small one, so that one can afford many.
#
# </details>
#
# <details><summary><b>Is the mean over K the right thing? What if one discriminator is strict and the others are lenient?</b></summary>
#
# Then its gradient counts one K-th. GMAN can weigh the strict ones more. With fixed views nobody can see what a strict one sees in
# another view, which speaks for hearing all alike.
#
# </details>
#
# ## Try next
#
# - `features = 2` and `features = 32` in section 5, at the same `count`.
# - `dim = 16`: is a full view still at a disadvantage?
# - `ganlab run 08 -p seeds=10 -p count=32`.
# - On a GPU, the paper's own experiments (none is run at full length here): `ganlab run 08 --profile full` is K = 48 on CelebA, with
#   `-p image_count=12` or `24` the others; `ganlab train neyshabur2017-face48` is the same on one GPU or several. Both go on from their
#   checkpoints. For dogs, import a folder of photographs (`ganlab data import images PATH --name canines --size 128`) and add
#   `-p images=canines -p image_count=12 -p image_width=64 -p image_latent=200`.
# - Sixteen full views in section 5: replace `projected` by `full_view_mlp(dim, [32, 32], rng, count=16)`, or by `[16, 16]`.
#
# ## Further reading
#
# - Neyshabur, Bhojanapalli, Chakrabarti, *Stabilizing GAN Training with Multiple Random Projections*, 2017, arXiv:1705.07831.
# - Durugkar, Gemp, Mahadevan, *Generative Multi-Adversarial Networks*, 2016, arXiv:1611.01673.
# - Deshpande, Zhang, Schwing, *Generative Modeling using the Sliced Wasserstein Distance*, 2018, arXiv:1803.11188.
# - Albuquerque et al., *Multi-objective training of GANs with multiple discriminators*, 2019, arXiv:1901.08680.
