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
# judges instead of one. Each sees only a fixed random view of the sample, too little to win by. You will
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
seeds: int = 2  # random starts of it [2, 256]
seed: int = 0  # the first of these seeds [0, 1000000]
dim: int = 64  # dimensions that a sample has [4, 4096]
features: int = 8  # dimensions that a discriminator sees (m) [1, 4096]
count: int = 16  # how many discriminators (K) [1, 512]
batch: int = 64  # samples a step [8, 65536]
learning_rate: float = 0.001  # of all players, Adam [0.000001, 0.1]
frozen_steps: int = 400  # steps against a generator that stands still [20, 100000]
plane_steps: int = 1000  # training steps of the runs in the plane [20, 100000]
images: str = "digits"  # of section 6: digits, fashion, faces, celeba, or the name of an import
image_side: int = 16  # their side in pixels, a power of two [8, 256]
image_width: int = 8  # first width of a projected discriminator, and the generator's [2, 1024]
image_count: int = 12  # how many of them (K) [1, 512]
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
from ganlab.seeds import Streams
from ganlab.show import display
from ganlab.train import RunFolder, threads, train

names = ("steps", "seeds", "seed", "dim", "features", "count", "batch", "learning_rate", "frozen_steps", "plane_steps")
names += ("images", "image_side", "image_width", "image_count", "image_steps")
run = RunFolder(run_folder, {name: globals()[name] for name in names})
features = min(features, dim)
all_seeds = list(range(seed, seed + seeds))

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
# the columns of $W$ are random directions of length 1, drawn once.

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
    """Length of the gradient of a sample's own loss, mean over samples: one number for each seed and discriminator."""
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

# %% tags=["nbval-ignore-output"]
accuracy = {name: seen["accuracy"] for name, seen in frozen.items()}
when = next(iter(frozen.values()))["step"]
final = {name: float(values[:, -1].median()) for name, values in accuracy.items()}
display(
    show.metric_over_steps(
        when, accuracy, "share of right answers", floor=0.5, ceiling=1.0,
        title=f"The same fakes: told apart in {100 * final['all numbers']:.0f} % of cases, or in {100 * final['m = 1']:.0f} %",
    )
)  # fmt: skip

# %% [markdown]
# The generator is the same in all four lines and so is the size of the hidden layers. What differs is the view. Who sees
# everything finds the noise and becomes sure. Who sees one number is left with guesses, because there the noise is
# covered by the data themselves. And the gradient at the fakes?

# %% tags=["nbval-ignore-output", "hide-input"]
figure, ((left, right),) = show.new_figure(9.2, 3.6, 1, 2)
from ganlab.show.curves import draw_metric

words = []
for panel, loss in ((left, "minimax"), (right, "non-saturating")):
    values = {name: seen[loss] for name, seen in frozen.items()}
    words.append(f"{loss}: " + draw_metric(panel, when, values, "length of the gradient"))
    show.heading(panel, f"{loss} loss")
display(show.with_alt(figure, "Length of the loss's gradient at a fake, against steps. " + " ".join(words)))

# %% [markdown]
# This is what is meant by a discriminator that **saturates**. Under the minimax loss the sure discriminator's gradient
# shrinks, as your question had it. Under the non-saturating loss, which everyone trains with, it does not: it *grows*, although
# the fault is the same small one all the time. So the trouble with certainty is not always silence. It can also be a
# shout about a trifle.
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

figure, ((left, right),) = show.new_figure(9.2, 3.6, 1, 2)
for points, colour, name in ((a, show.figure.REAL, "real"), (b, show.figure.FAKE, "generated")):
    left.scatter(points[:150, 0], points[:150, 1], s=6, color=colour, label=name)
left.set_aspect("equal")
left.legend(fontsize=9, frameon=False, loc="center")
show.heading(left, "The same marginals, two distributions")
right.plot(angles, along, marker="o", markersize=3, color=show.figure.INK)
right.set_xlabel("direction of the view, degrees")
right.set_ylabel("squared distance of the two views")
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
on_diagonal = {name: 100 * (points[..., 0] * points[..., 1] > 0).float().mean(-1) for name, points in made.items()}
display(
    show.many_seeds([points[0] for points in made.values()], diagonal, labels=list(made), title=f"Seed {seed}")
)  # fmt: skip
rows = [{"views": name, "on the right diagonal, %": show.bootstrap_interval(share)} for name, share in on_diagonal.items()]
show.interval_table(rows, caption=f"{seeds} seeds; half would be chance")

# %% [markdown]
# With the axes, right and wrong diagonal serve the discriminators equally well, and where the generator ends is a matter of
# its start. How many views are enough?
#
# - **The paper's theorem** (2.3): if both densities are Lipschitz (constant $L$), have bounded support (radius $B$), and
#   agree in $K > O\big((BL/\epsilon)^{d-m}\big)$ random views from $d$ to $m$ dimensions, they differ by no more than
#   $O(\epsilon)$, with high probability. It says: finitely many views are enough. It does not say: few. The exponent is
#   the number of dimensions that a view forgets, 56 for our sheet and over 11,000 for an image of 64 x 64.
# - **The paper's rule**: K = 2 to 4 times $d/m$ was adequate in its experiments. It is an observation on images, not a theorem.

# %%
for name, d, m in (("our sheet", dim, features), ("64 x 64 in colour", 64 * 64 * 3, 32 * 32)):
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
# How much does it save? Autograd can be asked what it keeps; here are the fullest moments of both ways, with small discriminators
# and 256 samples.

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
# The other half is chapter 01, K times: each discriminator, its own view, its own loss. All see the same batch.

# %%
def discriminators_step(generator, discriminators, optimiser, real, latent):
    fake = generator(latent).detach()
    losses = [softplus(-D(real)).mean() + softplus(D(fake)).mean() for D in discriminators]
    optimiser.zero_grad()
    sum(losses).backward()  # a sum, so that no discriminator's gradient depends on how many others there are
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
# (`ganlab.nets.projected`). Does it do the same as yours? Ten views of the sheet, the same weights, and one step of each kind:

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
            push = slopes(fake_logits, samples, package.generator_loss)
            minimax = slopes(fake_logits, samples, lambda logits: package.generator_loss(logits, minimax_generator_loss))
        accuracy = right_answers(method.discriminator(fresh).detach(), fake_logits.detach())
        return {"accuracy": accuracy, "push": push, "minimax": minimax}

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
from ganlab.metrics import mass_in_place, mode_counts


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
show.interval_table(rows, caption=f"{seeds} seeds, {steps} steps: mean and 95 % interval over seeds")

# %% [markdown]
# **Mass in place** is $\sum_k \min(\frac18, \text{share of all samples within } 3\sigma \text{ of mode } k)$, in all 64
# dimensions. A generator that makes one mode perfectly gets one eighth of it, and one that smears gets nothing. So few seeds
# prove little; the ten seeds below decide. First the pictures: samples, seen from above the sheet.

# %% tags=["nbval-ignore-output"]
display(
    show.many_seeds(
        [result["samples"][0] @ A for result in results.values()], flat_ring, labels=list(results),
        title=f"Seed {seed}, seen from above the sheet",
    )
)  # fmt: skip

# %% tags=["nbval-ignore-output", "hide-input"]
figure, ((left, right),) = show.new_figure(9.2, 3.6, 1, 2)
words = []
for panel, name, title in ((left, "accuracy", "right answers"), (right, "minimax", "gradient, minimax loss")):
    values = {arm: result["history"][name] for arm, result in results.items()}
    words.append(f"{title}: " + draw_metric(panel, next(iter(results.values()))["history"].steps, values, title))
    show.heading(panel, title)
display(show.with_alt(figure, "Over training. " + " ".join(words)))

# %% [markdown]
# ### Ten seeds
#
# The same with more contestants, from the seeds 0 to 9, in `data/results/08_rpgan` (each file holds the command that makes it
# again). The sheet, the learning rate and the number of steps were chosen on the seeds 100 and 101, in about eleven tries:
# two with the single discriminator, four with the wide one, five with projected ones. One more contestant:
# **sixteen discriminators that all see everything**. Is it the number of judges that matters, or their narrow views?
# ("Seen from above" is the mass in place of the samples after they have been laid onto the sheet.)

# %% tags=["nbval-ignore-output"]
from ganlab.data.store import embedded_folder

RESULTS = embedded_folder() / "results" / "08_rpgan"


def read_result(name):
    return json.loads((RESULTS / f"{name}.json").read_text())


sweep = read_result("sweep")
in_place = {}
rows = []
for name, found in sweep["runs"].items():
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
            "CPU time, first row = 1": round(found["cpu_seconds"] / sweep["runs"]["one, full view"]["cpu_seconds"], 1),
        }
    )
print(sweep["command"])
show.interval_table(rows, caption=f"{len(sweep['settings']['seeds'])} seeds, {sweep['settings']['steps']} steps, views of {sweep['settings']['features']} dimensions")

# %% tags=["nbval-ignore-output"]
ranked = sorted(in_place, key=lambda name: -float(in_place[name].mean()))
display(show.strip(in_place, "mass in place, %", floor=12.5, ceiling=97.3, title=f"Most mass in place: {ranked[0]}; least: {ranked[-1]}"))

# %% tags=["nbval-ignore-output"]
def compare(one, other, values):
    """The mean difference over the same seeds, with its interval, as a sentence."""
    mean, low, high = show.bootstrap_interval(values[one] - values[other])
    verdict = "more" if low > 0 else "less" if high < 0 else "undecided"
    return f"{one} against {other}: {mean:+.1f} [{low:+.1f}, {high:+.1f}] points of mass in place: {verdict}"


for other in in_place:
    if other != "K = 16":
        print(compare("K = 16", other, in_place))

# %% [markdown]
# Read the paired lines: they compare the same seeds.
#
# - One small discriminator with a full view does not bring the generator onto the sheet in these 3,000 steps. One with as
#   many weights as sixteen comes nearer, and then most seeds lose modes.
# - Sixteen views of eight numbers cover all eight modes in every seed. A single view and four views do not find the sheet
#   at all. With $d/m = 8$ the paper's rule asks for 16 to 32 views; here it is a good rule.
# - **Now the row with sixteen full views.** It covers every mode too, and puts *more* mass in place than the narrow views do. It
#   stays farther from the sheet, and has more than twice the weights.
#
# So on this sheet what heals is the *number* of judges. Narrow views are not better judges. They save weights (2.3 times) and
# here little time (4.8 against 5.8 single discriminators), and put less in place. The paper
# compares K views with one discriminator only, and that comparison cannot tell the two apart. (What 55 % in place also says: after
# 3,000 steps no generator here is finished; real samples have 97.3 %.)
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
# A short run, to see the parts at work: the DCGAN generator of chapter 04 against K of these discriminators. (With
# `images`, `image_side`, `image_width` and `image_count` at the published values this is the paper's own experiment. It uses a GPU
# if there is one.)

# %% tags=["nbval-ignore-output"]
from ganlab.data import batches as image_batches
from ganlab.data import celeba, digits, fashion, imported, to_unit
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


def flattened(some):
    """Batches of vectors in [-1, 1], as all methods take them."""
    for uint8 in some:
        yield to_unit(uint8.to(device)).flatten(1)


latent = 100
generator = nn.Sequential(CentredCube(), dcgan_generator(side, channels, latent, image_width, seed)).to(device)
judges = projected_convolutions(side, channels, image_count, image_width, seed).to(device)
method = RPGAN(generator, judges, rng=Streams(seed, device=device), latent=latent, lr=2e-4)
before = method.sample(10)
history = train(method, flattened(image_batches(chosen, 64, seed)), image_steps, every=max(1, image_steps // 8))
after = method.sample(10)
display(
    show.image_grid(
        torch.cat([before, after]).cpu().unflatten(1, (channels, side, side)), rows=2, labels=["before", f"after {image_steps} steps"],
        title=f"K = {image_count} on {images}: a beginning", alt="First row: noise. Second row: vertical bands, lighter in the middle.",
    )
)  # fmt: skip

# %% [markdown]
# It takes many more steps than that. Those runs are too long for a class, so they lie in `data/results/08_rpgan`. Generator and discriminators are the
# paper's, 8 times narrower (first layer of a projected discriminator: 16 channels, of the single one: 8), with the published Adam
# settings, on one core. There is no batch norm in any discriminator. The wide single one has as many
# multiplications as the twelve together. Quality is the Fréchet distance between 500 generated and 500 held-out images on the
# features of the course's own classifier: lower is better, and only rows of one data set can be compared.

# %% tags=["nbval-ignore-output"]
SETS = [name for name in ("digits", "fashion", "faces") if (RESULTS / f"{name}.json").exists()]
image_runs = {name: read_result(name) for name in SETS}


def at_the_end(found, key):
    return torch.tensor([one[key][-1] for one in found], dtype=torch.float64)


rows = []
for name, content in image_runs.items():
    for arm, found in content["runs"].items():
        rows.append(
            {
                "data": name,
                "": arm,
                "Fréchet distance": show.bootstrap_interval(at_the_end(found, "frechet")),
                "high frequencies, real = 1": show.bootstrap_interval(at_the_end(found, "high_frequency")),
                "right answers": show.bootstrap_interval(at_the_end(found, "accuracy")),
                "multiplications of D, thousands": round(content["multiplications"][arm] / 1000),
                "CPU seconds": round(float(at_the_end(found, "seconds").mean())),
            }
        )
    rows.append({"data": name, "": "real images", "Fréchet distance": f"{content['real']['frechet']:.1f}", "high frequencies, real = 1": f"{content['real']['high_frequency']:.2f}"})
    settings = content["settings"]
    print(f"{name}: {settings['side']} pixels, {settings['steps']} steps, seeds {settings['seeds']}, {content['command']}")
show.interval_table(rows, caption="Mean and 95 % interval over the seeds")

# %% tags=["nbval-ignore-output", "hide-input"]
from PIL import Image


def pictures(name):
    """The stored samples and interpolations: (arms, pictures, height, width[, 3]) as uint8."""
    import numpy as np

    content = image_runs[name]
    side, where = content["settings"]["side"], content["pictures"]
    sheet = np.asarray(Image.open(RESULTS / f"{name}.png"))
    across = where["shown"] + where["frames"]
    parts = sheet.reshape(len(where["rows"]), side, across, side, -1).swapaxes(1, 2)
    return torch.from_numpy(parts.copy()).movedim(-1, 2)


for name in SETS:
    content = image_runs[name]
    shown = pictures(name)[:, : content["pictures"]["shown"]]
    quality = ", ".join(f"{arm} {content['runs'][arm][0]['frechet'][-1]:.1f}" for arm in content["pictures"]["rows"])
    display(
        show.image_grid(
            shown.flatten(0, 1), rows=len(shown), labels=content["pictures"]["rows"], title=f"{name}, seed 0",
            alt=f"Twelve generated images of each arm. Fréchet distance of this seed: {quality}.",
        )
    )  # fmt: skip

# %% [markdown]
# So few seeds are a demonstration, not a comparison. Twelve views are nearer to the real digits than a single
# discriminator of the published proportions; four are not, and the wide single one, with as many multiplications as twelve,
# takes back much of the difference. Real images stand far below all of them: these are beginnings.
#
# ### Over steps, and over seconds
#
# K discriminators cost more time a step. So look at quality over both:

# %% tags=["nbval-ignore-output", "hide-input"]
for name in SETS:
    content = image_runs[name]
    figure, ((left, right),) = show.new_figure(9.2, 3.6, 1, 2)
    words = []
    for index, (arm, found) in enumerate(content["runs"].items()):
        frechet = torch.tensor([one["frechet"] for one in found]).median(0).values
        seconds = torch.tensor([one["seconds"] for one in found]).median(0).values
        marker, colour = show.figure.MARKERS[index], show.figure.SERIES[index]
        left.plot(found[0]["steps"], frechet, marker=marker, markersize=4, color=colour, label=arm)
        right.plot(seconds, frechet, marker=marker, markersize=4, color=colour, label=arm)
        words.append(f"{arm}: {frechet[0]:.1f} after {found[0]['steps'][0]} steps, {frechet[-1]:.1f} at the end, {seconds[-1]:.0f} seconds")
    for panel, label in ((left, "training steps"), (right, "CPU seconds")):
        panel.set_xlabel(label)
        panel.set_ylabel("Fréchet distance")
        panel.set_yscale("log")
    left.legend(fontsize=8, frameon=False)
    show.heading(left, f"{name}, over steps")
    show.heading(right, "over time")
    display(show.with_alt(figure, f"Fréchet distance on {name}, median of the seeds. {'; '.join(words)}."))

# %% [markdown]
# Over steps twelve views and the wide discriminator are ahead; over time no arm is clearly ahead of another. What K buys in a
# step it costs in seconds, at this size and on one core.
#
# ### High frequencies
#
# The paper saw subtle high-frequency noise with K = 12, and less with 24 and 48. Noise of that kind can be measured: the
# **power spectrum** of the generated images, over that of real ones, at each frequency.

# %% tags=["nbval-ignore-output", "hide-input"]
for name in SETS:
    content = image_runs[name]
    real_power = torch.tensor(content["real"]["spectrum"])
    ratios = {
        arm: torch.stack([torch.tensor(one["spectrum"]) / real_power for one in found]).log10()
        for arm, found in content["runs"].items()
    }
    display(
        show.metric_over_steps(
            range(1, len(real_power) + 1), ratios, "log10 of generated over real power", x_label="cycles an image",
            title=f"{name}: 0 is as in real images",
        )
    )  # fmt: skip

# %% [markdown]
# On digits, which have hardly any high frequencies themselves, all generators add too much of them, the twelve views and the wide
# discriminator less than the other two.
#
# ### The losses, and what the authors report of them
#
# The first version of the paper is honest about its curves: in *both* settings the generator's loss first falls and then rises, so the
# discriminators win in the end; with one discriminator it stays higher and begins to swing. Here are ours.

# %% tags=["nbval-ignore-output", "hide-input"]
for name in SETS:
    content = image_runs[name]
    losses = {
        arm: torch.tensor([one["generator_loss"] for one in content["runs"][arm]])
        for arm in ("one, full view", "K = 12")
    }
    length = next(iter(losses.values())).shape[1]
    swing = {arm: (table[:, 1:] - table[:, :-1]).abs().mean(1) for arm, table in losses.items()}
    when = torch.linspace(0, content["settings"]["steps"], length + 1)[1:]
    display(show.loss_curves(when, losses, title=f"{name}: the generator's loss", equilibrium=math.log(2)))
    for arm, table in losses.items():
        rises = int((table[:, -4:].mean(1) > table.min(1).values + 0.05).sum())
        print(f"{name}, {arm}: ends above its lowest point in {rises} of {len(table)} seeds; mean jump {swing[arm].mean():.2f}")

# %% [markdown]
# The same shape in small, in both settings: down first, then up, to about $\log 2$, where neither side wins (K = 12 ends a little
# above it). The later rise and the swinging are not here; the paper saw them in 100,000 iterations. (The wide single one, not
# drawn, goes another way: up to about 1.8 first, then down to 0.8 to 1.0.)
#
# ### Between two latents
#
# As published: a straight line between two latents drawn from $U(-1, 1)$, eleven steps, and batch norm with the statistics of one
# large batch of 2,048, so that an image does not depend on its neighbours.

# %% tags=["nbval-ignore-output", "hide-input"]
for name in SETS:
    content = image_runs[name]
    rows_of = content["pictures"]["rows"]
    kept = [rows_of.index(arm) for arm in ("one, full view", "K = 12")]
    frames = pictures(name)[kept, content["pictures"]["shown"] :]
    jumps = (frames[:, 1:].float() - frames[:, :-1].float()).square().mean((2, 3, 4)).sqrt()
    display(
        show.image_grid(
            frames.flatten(0, 1), rows=2, labels=["one, full view", "K = 12"], title=f"{name}: eleven steps from one latent to another",
            alt=f"Two rows of eleven images that change gradually. Largest jump over mean jump: {float(jumps[0].max() / jumps[0].mean()):.1f} "
            f"with one discriminator, {float(jumps[1].max() / jumps[1].mean()):.1f} with twelve.",
        )
    )  # fmt: skip

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
for form in ("loop", "grouped", "mixed"):
    networks = ConvolutionalNetworks(12, 16, width=16, rng=seed, form=form).double()
    logits = networks(views.double())
    gradients = torch.autograd.grad(logits.sin().sum(), list(networks.parameters()))
    answers[form] = [logits, *gradients]
for form, values in answers.items():
    error = max(float((one - other).detach().abs().max()) for one, other in zip(values, answers["loop"], strict=True))
    assert error < 1e-9
    print(f"{form}: the same logits and gradients as the loop")

# %% [markdown]
# Is it faster? It depends on the width. The table was measured on one core of a busy machine (so read the ratios, not the
# milliseconds), all forms in turns in one run, with 64 colour images of 64 x
# 64, K = 12. "Modules" is the loop that everybody writes first, each discriminator with a convolution of its own for its view. The
# loop of the package computes all views in one convolution, which alone saves a good part.

# %% tags=["nbval-ignore-output"]
cost = read_result("cost")
rows = []
for row in cost["rows"]:
    taken = row["milliseconds"]
    if row["count"] == 12:
        line = {"first width": f"{row['width']}"}
        for form, title in (("modules", "modules"), ("loop", "loop, one view"), ("grouped", "grouped"), ("mixed", "mixed")):
            line[f"{title}: discriminators, ms"] = f"{taken[f'D {form}']:.0f} ({taken[f'D {form}'] / taken['D modules']:.2f})"
        line["whole step, mixed over modules"] = f"{taken['step mixed'] / taken['step modules']:.2f}"
        rows.append(line)
print(cost["command"])
show.interval_table(rows, caption="Forward and backward of 12 discriminators; in brackets relative to the modules")

# %% [markdown]
# *Mixed* groups layers as long as a network has at most 64 channels in them, and loops over the wider ones: there the arithmetic is the
# limit, and nothing is to be gained by starting fewer things. How does a step grow with K, and how did the paper's?

# %% tags=["nbval-ignore-output"]
published = {1: 1.0, 12: 5.3, 24: 9.7, 48: 18.7}  # seconds an iteration over those of the single D, one Titan X
rows = []
smallest = min(row["width"] for row in cost["rows"])
for row in sorted((row for row in cost["rows"] if row["width"] == smallest), key=lambda row: row["count"]):
    taken = row["milliseconds"]
    rows.append(
        {
            "K": row["count"],
            "modules, over a single D's step": round(taken["step modules"] / taken["step full view"], 1),
            "ours (mixed)": round(taken["step mixed"] / taken["step full view"], 1),
            "published (first width 128, GPU)": published.get(row["count"]) if row["count"] > 1 else None,
        }
    )
show.interval_table(rows, caption=f"Whole training steps, first width {smallest}")

# %% [markdown]
# Not the same thing: the paper's networks are sixteen times as wide and ran on a GPU of 2017, and its "single" is a discriminator
# of the whole image, as ours is.
#
# ## 8. Relatives
#
# - **GMAN** (Durugkar et al., 2016): many discriminators too, but all with the *same* view; they differ by their start. It can weigh
#   the strictest most.
# - **Sliced Wasserstein** generators (Deshpande et al., 2018): fresh one-dimensional views in every step, and no discriminator at all. On a
#   line the distance of two samples has a closed form, and you have written it.
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
    display(show.samples_over_target(G(torch.randn(2000, 2)), near_ring, title="No discriminator, only sorted projections"))

# %% [markdown]
# And all relatives on the same ring, from the stored runs:

# %% tags=["nbval-ignore-output"]
plane = read_result("ring")
rows = []
in_plane = {}
for arm, found in plane["runs"].items():
    counts = torch.tensor(found["counts"])
    in_plane[arm] = 100 * mass_in_place(counts, 2500, sheet_modes.weights)
    rows.append(
        {
            "": arm,
            "modes covered, of 8": show.bootstrap_interval((counts > 0).sum(-1)),
            "mass in place, %": show.bootstrap_interval(in_plane[arm]),
            "CPU seconds, all seeds": round(found["cpu_seconds"]),
        }
    )
print(plane["command"])
show.interval_table(rows, caption=f"Ring of 8, {plane['settings']['steps']} steps, {len(plane['settings']['seeds'])} seeds. Floor of the mass: 12.5 %, ceiling: 97.3 %")

# %% [markdown]
# One view of one dimension leaves the other free, and two leave modes out. Four and eight cover all eight in both seeds. With
# sixteen, one seed of two found nothing, and with eight full views one found two modes. So more is not simply better here, and
# two seeds do not say why.
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
# | $D_k$: 4 x 4 with stride 2, leaky ReLU, no batch norm, width 128 | `ConvolutionalNetworks` | width 16 in the stored runs, 8 in section 6 | 128 (faces), 64 (dogs) |
# | single D: width 64 | `full_view_convolutions` | width 8 | 64 |
# | order: G, then all $D_k$ against fakes of fresh latents | `RPGAN.step` | none | the same |
# | memory: one $D_k$ at a time | `accumulated_gradient` | off unless asked for; only in the generator's step | the same |
# | latents $U(-1, 1)^{100}$ | `CentredCube` | 64 numbers in the stored runs, 100 in section 6 | 100 (200 for dogs) |
# | initial weights uniform, variance 1 / fan-in | $D_k$ the same; generator $\mathcal{N}(0, 0.02^2)$ | the generator's | uniform for both |
# | Adam 2e-4, $\beta_1$ = 0.5, batch 64 | images: the same; vectors: 1e-3 | vectors are not in the paper | 100,000 iterations |
# | CelebA at 64, dogs at 128 | digits at 16 (Fashion, toy faces at 32: `bench/rpgan_images.py`) | scale | – |
#
# Read: the text of arXiv v1 and the public code. Figures and the later versions were not seen.
#
# </details>
#
# The paper reports samples, loss curves and interpolations, and **no number for quality**; so there is none to put beside ours. Its times
# stand in section 7. By eye, its single discriminator's samples get worse after 40,000 of 100,000 iterations, and those with
# K = 48 improve throughout; our runs are far too short to say anything on that.

# %%
progress("08")

# %%
ten = {name: torch.tensor(found["in_place"], dtype=torch.float64)[:, -1] for name, found in sweep["runs"].items()}


def verdict(other):
    _, low, high = show.bootstrap_interval(ten["K = 16"] - ten[other])
    return "more" if low > 0 else "less" if high < 0 else "no more"


live = {name: mass_in_place(mode_counts(result["samples"], sheet_modes), 2500, sheet_modes.weights) for name, result in results.items()}
run.finish(
    f"stored runs, mass in place: 16 narrow views have {verdict('one, full view, wide')} than one full view of as many "
    f"weights, and {verdict('16, full view')} than 16 full views",
    **{f"mass in place {name}": values for name, values in live.items()},
    **{f"distance from the sheet {name}": distance_from_sheet(result["samples"]).median(-1).values for name, result in results.items()},
)

# %% [markdown]
# ## What you can say now
#
# - A discriminator's certainty depends on its view: on thin data a narrower view is sure later, the narrowest hardly at all.
# - Certainty lets the minimax gradient fall and makes the non-saturating one loud about trifles.
# - Two views along the axes can be blind to what nearly every random view sees; how many are enough is a matter of
#   measuring, not of the theorem.
# - Many judges heal a collapse that one large judge leaves. On our sheet it is their number that heals; narrow views save
#   weights, and here little time.
# - K discriminators need not cost K times one, in memory or in time.
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
# part of what there is to see.
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
# - Sixteen full views in section 5: replace `projected` by `full_view_mlp(dim, [32, 32], rng, count=16)`.
#
# ## Further reading
#
# - Neyshabur, Bhojanapalli, Chakrabarti, *Stabilizing GAN Training with Multiple Random Projections*, 2017, arXiv:1705.07831.
# - Durugkar, Gemp, Mahadevan, *Generative Multi-Adversarial Networks*, 2016, arXiv:1611.01673.
# - Deshpande, Zhang, Schwing, *Generative Modeling using the Sliced Wasserstein Distance*, 2018, arXiv:1803.11188.
# - Albuquerque et al., *Multi-objective training of GANs with multiple discriminators*, 2019, arXiv:1901.08680.
