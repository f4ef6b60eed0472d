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
# # 01 · A GAN from scratch
#
# You will build the two-player game in plain PyTorch: first with one number for each player, so that you can see all
# of it, then with two networks on eight clouds of points. On the way you find out
#
# - why the players circle each other instead of settling,
# - what each line of a training step is for, and what happens when it is left out,
# - that one seed proves nothing.
#
# Section 1 is the idea, 2 to 5 build a GAN, 7 and 9 are the experiments. It takes about 90 minutes with the exercises; the
# cells themselves need about two. Builds on: 00.

# %% tags=["parameters"]
steps: int = 3000  # training steps of the main experiment [50, 1000000]
seeds: int = 10  # how many random starts of the main experiment [2, 256]
seed: int = 0  # the first of these seeds [0, 1000000]
batch: int = 128  # real points a step [8, 65536]
learning_rate: float = 0.001  # of both players, Adam [0.000001, 0.1]
ablation_steps: int = 1200  # training steps of each broken variant [20, 100000]
ablation_seeds: int = 3  # random starts of each broken variant [1, 64]
run_folder: str = ""  # where result.json goes; empty: nowhere

# %%
import torch
from torch import nn
from torch.nn.functional import softplus

from ganlab.learn import exercise, expect, predict
from ganlab.show import display
from ganlab.train import RunFolder

run = RunFolder(
    run_folder,
    {"steps": steps, "seeds": seeds, "seed": seed, "batch": batch, "learning_rate": learning_rate},
)

# %% [markdown]
# ## 1. The smallest GAN
#
# Let the data be a single point, 0. Let the generator be a single point too, $\theta$: it "generates" $\theta$, always.
# Let the discriminator have a single weight, $\psi$: it holds $x$ for real with probability
# $D(x) = \mathrm{sigmoid}(\psi x)$. This is the **Dirac-GAN** (Mescheder, Geiger and Nowozin, 2018; they draw its mirror
# image). The game is that of every GAN:
#
# $$\min_\theta \max_\psi \; L(\theta, \psi) = \log D(0) + \log(1 - D(\theta)).$$
#
# The discriminator wants the data called real and the generated point called fake, which makes $L$ large. The generator
# wants its point called real, which makes $L$ small. Now $D(0) = \tfrac12$ whatever $\psi$ is, so only the second term
# moves: $\log(1 - D(\theta)) = -\log(1 + e^{\psi\theta})$.
#
# With $\theta = 0$, on top of the data, no $\psi$ is better than another; with $\psi = 0$ no $\theta$ is. At $(0, 0)$
# nobody gains by moving alone: it is the **equilibrium**.
#
# The generator goes downhill on $L$, the discriminator uphill. At each point of the plane this gives one arrow.
#
# **Exercise `gan.dirac_field`** · difficulty ●●○○○ · 8 minutes
#
# Return the arrow: $-\partial L/\partial\theta$ for the generator, $+\partial L/\partial\psi$ for the discriminator.
# (The slope of $\log(1 + e^t)$ is $\mathrm{sigmoid}(t)$, in code `torch.sigmoid(t)`.)

# %% tags=["exercise"]
@exercise("gan.dirac_field")
def dirac_field(theta, psi):
    """The arrow (d_theta, d_psi) at each point: two tensors of one shape in, two of that shape out."""
    ### BEGIN SOLUTION
    slope = torch.sigmoid(psi * theta)
    return psi * slope, -theta * slope
    ### END SOLUTION


# %% [markdown]
# Start at $\theta = 1$, $\psi = 0$, and let both players take small steps along their arrows, both at the same moment.
# Where will they go? Set `answer`, run the cell, then run the one below it.

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("gan.rotation", answer)


# %%
def walk(learning_rate, steps, alternate=False, penalty=0.0):
    """The path of both players from (1, 0): shape (steps + 1, 2)."""
    theta, psi = torch.tensor(1.0), torch.tensor(0.0)
    path = [torch.stack([theta, psi])]
    for _ in range(steps):
        d_theta, d_psi = dirac_field(theta, psi)
        psi = psi + learning_rate * (d_psi - penalty * psi)
        if alternate:  # the generator answers the discriminator's new value
            d_theta, _ = dirac_field(theta, psi)
        theta = theta + learning_rate * d_theta
        path.append(torch.stack([theta, psi]))
    return torch.stack(path)


def field(points):
    return torch.stack(dirac_field(points[:, 0], points[:, 1]), dim=1)


from ganlab.show import trajectories

both_at_once = walk(0.3, 120)
display(trajectories([both_at_once], field, title="Both players step at once: outwards"))
print(f"distance from the equilibrium: 1.0 at the start, {both_at_once[-1].norm():.1f} after 120 steps")

# %% [markdown]
# The arrows go round. Each player does the right thing, and together they never arrive. In words: when the generator
# stands right of the data, the discriminator learns to say "left is real" ($\psi$ falls below 0); the generator walks
# left, overshoots, and the discriminator needs time to change its mind.
#
# Is this just a step size too large? Look at your arrow: $\theta\,d_\theta + \psi\,d_\psi = 0$. It stands at a right angle
# to the line from the equilibrium. So a step of any length leads along one side of a right angle to the end of the
# hypotenuse: further out. Near the equilibrium the arrow is half as long as the distance, and Pythagoras says that a step
# of size $\eta$ multiplies the distance by $\sqrt{1 + \eta^2/4}$. Try smaller steps, and more of them:

# %%
for step_size in (0.3, 0.1, 0.03):
    path = walk(step_size, round(36 / step_size))
    print(f"{len(path) - 1:5} steps of size {step_size:.2f}: from distance 1.00 to {path[-1].norm():.2f}")

# %% [markdown]
# A smaller step spirals out more slowly, but it still spirals out. Infinitely small ones would circle for ever. (If you
# know eigenvalues: those of the field's derivative at the equilibrium are $\pm i/2$. With a negative real part small
# errors would shrink; it is 0.)
#
# Two things change the picture. If the players take **turns**, as real GAN code does, the spiral closes to a circle.
# And a **penalty** on the discriminator's slope, here a term $-\gamma\psi$ in its arrow, pulls inwards (this is R1
# regularisation).

# %%
paths = [walk(0.3, 120, alternate=True), walk(0.3, 120, alternate=True, penalty=0.3)]
labels = ["in turns", "in turns, with penalty"]
display(trajectories(paths, field, labels=labels, title="In turns: a circle. With a penalty: home"))
distances = [path[-1].norm().item() for path in paths]
print(f"distance after 120 steps: {distances[0]:.1f} in turns, {distances[1]:.1f} with the penalty")

# %% [markdown]
# Keep this picture in mind. A GAN is not a hill to walk down; it is two walkers, each on a hill that the other one
# moves. That is why losses say so little, and why a generator can chase one mode after another for ever.
#
# ## 2. Data with eight modes
#
# From here on the data are eight narrow Gaussians on a circle, the standard test for mode collapse: the ring of chapter
# 00, with clouds ten times narrower, so that a point between two modes is plainly on neither. We need the centres. There is
# a trap here that several published codes fell into.
#
# **Exercise `gan.ring_centres`** · difficulty ●○○○○ · 5 minutes
#
# Return the centres of `modes` modes, evenly spaced on a circle round the origin, the first at `(radius, 0)`.

# %% tags=["exercise"]
@exercise("gan.ring_centres")
def ring_centres(modes, radius):
    """Tensor of shape (modes, 2)."""
    ### BEGIN SOLUTION
    angles = 2 * torch.pi * torch.arange(modes) / modes
    return radius * torch.stack([angles.cos(), angles.sin()], dim=1)
    ### END SOLUTION


# %% [markdown]
# The trap: `torch.linspace(0, 2 * torch.pi, 8)` holds 0 and $2\pi$, which are the same angle. It gives seven modes, one of
# them twice as heavy.
#
# Draw from the ring. (The blue rings in the figure are wider than three standard deviations, or you would not see them.)

# %%
RADIUS, SIGMA = 2.0, 0.02
centres = ring_centres(8, RADIUS)


def sample_real(n):
    """n real points: choose a mode, then add a little Gaussian noise."""
    modes = torch.randint(len(centres), (n,))
    return centres[modes] + SIGMA * torch.randn(n, 2)


from ganlab.data.mixtures import ring
from ganlab.show import samples_over_target

target = ring(8, RADIUS, SIGMA)  # the package's own, for the figures and the counting
torch.manual_seed(seed)
display(samples_over_target(sample_real(500), target, title="500 real points", points_are="real"))

# %% [markdown]
# ## 3. Two networks
#
# The generator takes two random numbers and returns a point. The discriminator takes a point and returns one number,
# a **logit**: large means real. The probability that it gives to "real" is $D(x) = \mathrm{sigmoid}(\text{logit})$. (In
# section 1 the logit was $\psi x$.)

# %%
def new_players(seed, width=64):
    """A fresh generator and discriminator. The seed decides their weights."""
    torch.manual_seed(seed)
    generator = nn.Sequential(
        nn.Linear(2, width), nn.ReLU(),
        nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, 2),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Linear(2, width), nn.ReLU(),
        nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, 1), nn.Flatten(0),  # logits of shape (n,), not (n, 1)
    )  # fmt: skip
    return generator, discriminator


generator, discriminator = new_players(seed)
latent = torch.randn(5, 2)
print("5 latents", tuple(latent.shape), "-> 5 points", tuple(generator(latent).shape))
print("5 points -> 5 logits", tuple(discriminator(generator(latent)).shape))

# %% [markdown]
# ## 4. What each player wants
#
# The discriminator wants $D$ near 1 on real points and near 0 on generated ones. As a loss to be made small
# (Goodfellow et al., 2014, equation 1, with its sign turned):
#
# $$L_D = -\,\mathbb{E}_x[\log D(x)] \;-\; \mathbb{E}_z[\log(1 - D(G(z)))].$$
#
# ($\mathbb{E}_x$ is the mean over real points $x$, $\mathbb{E}_z$ that over latents $z$, and $G$ is the generator.)
# Computers are bad at $\log(\mathrm{sigmoid}(t))$: for $t = -200$ the sigmoid is 0 and the logarithm $-\infty$. But
# $\log \mathrm{sigmoid}(t) = -\mathrm{softplus}(-t)$ exactly, and `softplus` never overflows. So losses take logits. For
# the second term you need $1 - \mathrm{sigmoid}(t) = \mathrm{sigmoid}(-t)$.
#
# **Exercise `gan.discriminator_loss`** · difficulty ●●○○○ · 8 minutes
#
# Write $L_D$ with `softplus`. The expectations are means over the batch.

# %% tags=["exercise"]
@exercise("gan.discriminator_loss")
def discriminator_loss(real_logits, fake_logits):
    """Logits of n real and of m generated points, shapes (n,) and (m,), to one number."""
    ### BEGIN SOLUTION
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()
    ### END SOLUTION


# %% [markdown]
# A discriminator that knows nothing gives every point the logit 0, that is $D = \tfrac12$. What is its loss? You met this
# number in chapter 00.

# %%
know_nothing = torch.zeros(4)
print(f"{discriminator_loss(know_nothing, know_nothing):.3f}")

# %% [markdown]
# The generator wants the opposite: its points called real. The game as written asks it to *minimise*
# $\mathbb{E}_z[\log(1 - D(G(z)))]$, the **minimax** loss. Goodfellow et al. use another one in practice, the
# **non-saturating** loss:
#
# $$L_G = -\,\mathbb{E}_z[\log D(G(z))].$$
#
# **Exercise `gan.generator_loss`** · difficulty ●○○○○ · 5 minutes
#
# Write the non-saturating loss.

# %% tags=["exercise"]
@exercise("gan.generator_loss")
def generator_loss(fake_logits):
    """Logits of generated points, shape (n,), to one number."""
    ### BEGIN SOLUTION
    return softplus(-fake_logits).mean()
    ### END SOLUTION


# %% [markdown]
# Why not the loss of the game itself? Look at how strongly each of them pulls. The horizontal axis is the logit that
# the discriminator gives to a generated point; far left, it is sure that the point is fake.

# %%
from ganlab.show import metric_over_steps

logit = torch.linspace(-8, 8, 81, requires_grad=True)
pull = {}
for name, loss in {
    "non-saturating": lambda t: softplus(-t),  # -log D
    "minimax": lambda t: -softplus(t),  # log(1 - D)
}.items():
    (gradient,) = torch.autograd.grad(loss(logit).sum(), logit)
    pull[name] = gradient.abs()

display(
    metric_over_steps(
        logit.detach(), pull, "strength of the pull",
        title="Where the generator is worst, only one of them pulls",
        x_label="logit of a generated point: surely fake on the left, surely real on the right",
    )
)  # fmt: skip
print(f"at logit -8: non-saturating pulls with {pull['non-saturating'][0]:.3f}, minimax with {pull['minimax'][0]:.4f}")

# %% [markdown]
# Both push in the same direction. The minimax loss stops pushing just where the generator needs it most; we say that
# it *saturates*.
#
# ## 5. One step of each
#
# Now the heart of it. A training step is: make fakes, compute the loss, clear old gradients, compute new ones, move. Two
# calls decide whether it is right:
#
# - `x.detach()` is $x$ without its past: gradients go no further back than here.
# - `optimiser.zero_grad()` clears gradients, because `backward()` *adds* to those that are there. Clear before
#   `backward()`: the step cannot know what another one has left behind.
#
# **Exercise `gan.discriminator_step`** · difficulty ●●●○○ · 10 minutes
#
# Train the discriminator on one batch. The generator must not be touched: neither its weights nor their gradients. Return
# the loss from before the move, detached. The check looks at what has moved, and in which direction.

# %% tags=["exercise"]
@exercise("gan.discriminator_step")
def discriminator_step(generator, discriminator, optimiser, real, latent):
    """One step of the discriminator, whose weights are in `optimiser`. Returns the detached loss."""
    ### BEGIN SOLUTION
    fake = generator(latent).detach()
    loss = discriminator_loss(discriminator(real), discriminator(fake))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()
    ### END SOLUTION


# %% [markdown]
# **Exercise `gan.generator_step`** · difficulty ●●●○○ · 8 minutes
#
# Now the generator. The gradient has to travel from the loss back *through* the discriminator, without moving it. Again
# return the loss, detached.

# %% tags=["exercise"]
@exercise("gan.generator_step")
def generator_step(generator, discriminator, optimiser, latent):
    """One step of the generator, whose weights are in `optimiser`. Returns the detached loss."""
    ### BEGIN SOLUTION
    loss = generator_loss(discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()
    ### END SOLUTION


# %% [markdown]
# That is a GAN. Train it. Each step takes fresh real points and fresh latents.

# %%
def adam(player, learning_rate=learning_rate):
    return torch.optim.Adam(player.parameters(), lr=learning_rate, betas=(0.5, 0.999))


def train_gan(seed, steps, d_step=None, g_step=None, after_step=None):
    """Train one GAN from one seed; returns its players. `d_step` and `g_step` replace the right steps."""
    d_step, g_step = d_step or discriminator_step, g_step or generator_step
    generator, discriminator = new_players(seed)
    d_optimiser, g_optimiser = adam(discriminator), adam(generator)
    for step in range(1, steps + 1):
        d_step(generator, discriminator, d_optimiser, sample_real(batch), torch.randn(batch, 2))
        g_step(generator, discriminator, g_optimiser, torch.randn(batch, 2))
        if after_step is not None:
            after_step(step, generator, discriminator)
    return generator, discriminator


from ganlab.show import discriminator_field, extent_of
from ganlab.train import threads

with threads(1):  # networks this small are faster on one thread
    generator, discriminator = train_gan(seed, min(steps, 600))

with torch.no_grad():
    fake = generator(torch.randn(500, 2))
display(
    discriminator_field(
        discriminator, fake, sample_real(300), extent_of(target),
        title="What the discriminator believes",
    )
)  # fmt: skip

# %% [markdown]
# Blue: the discriminator believes "real". The arrows say where each generated point would go to be believed. The
# generator never sees the data. These arrows are all it knows of them.
#
# ## 6. Play
#
# With a running kernel the next cell is a small laboratory: step the discriminator, the generator or both, change the
# learning rates, start again. Try: many steps of D alone, then of G alone. What happens to the points?
# (Without a front end you see four moments of one such session instead.)

# %% tags=["interactive"]
from ganlab.show import live_gan

live_gan(target, seed=seed)

# %% [markdown]
# D alone soon believes in everything except the place where the generated points are. G alone then runs uphill, past the
# data and out of the picture: it only knows where $D$ is high, and out there $D$ is a guess that nobody has corrected. They
# need each other, in turns.
#
# ## 7. Leave a line out
#
# What is each line of the step for? Break it and see. Here are four broken steps. Before you go on, guess which of
# them does the most harm.
#
# | variant | what is wrong |
# |---|---|
# | no zero_grad | the discriminator's gradients pile up from step to step |
# | labels swapped | the discriminator is rewarded for calling fakes real |
# | no detach, cleared late | the fakes are not detached, and the generator clears its gradients after its step, not before |
# | minimax loss | the generator minimises $\log(1 - D)$ |

# %%
def no_zero_grad(generator, discriminator, optimiser, real, latent):
    fake = generator(latent).detach()
    discriminator_loss(discriminator(real), discriminator(fake)).backward()
    optimiser.step()


def labels_swapped(generator, discriminator, optimiser, real, latent):
    fake = generator(latent).detach()
    loss = discriminator_loss(discriminator(fake), discriminator(real))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def no_detach(generator, discriminator, optimiser, real, latent):
    loss = discriminator_loss(discriminator(real), discriminator(generator(latent)))
    optimiser.zero_grad()
    loss.backward()  # this also leaves gradients in the generator
    optimiser.step()


def generator_cleared_late(generator, discriminator, optimiser, latent):
    generator_loss(discriminator(generator(latent))).backward()  # on top of what was there
    optimiser.step()
    optimiser.zero_grad()  # a common habit, and harmless by itself


def minimax_step(generator, discriminator, optimiser, latent):
    loss = -softplus(discriminator(generator(latent))).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


variants = {
    "as it should be": {},
    "no zero_grad": {"d_step": no_zero_grad},
    "labels swapped": {"d_step": labels_swapped},
    "no detach, cleared late": {"d_step": no_detach, "g_step": generator_cleared_late},
    "minimax loss": {"g_step": minimax_step},
}

# %% [markdown]
# The third variant joins two habits. First a question about one of them alone.

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("gan.no_detach", answer)

# %% [markdown]
# Each habit alone, and both together: train a hundred steps from the same seed, and compare the weights with those of a
# GAN trained as it should be.

# %% tags=["nbval-ignore-output"]
def largest_difference(**steps_of_variant):
    """Over all weights of both players, after a hundred steps from the same seed."""
    some = min(ablation_steps, 100)
    right, other = train_gan(seed, some), train_gan(seed, some, **steps_of_variant)
    pairs = zip(nn.ModuleList(right).parameters(), nn.ModuleList(other).parameters(), strict=True)
    return max((one - two).abs().max().item() for one, two in pairs)


with threads(1):
    print(f"no detach alone      {largest_difference(d_step=no_detach):.3f}")
    print(f"cleared late alone   {largest_difference(g_step=generator_cleared_late):.3f}")
    print(f"both together        {largest_difference(d_step=no_detach, g_step=generator_cleared_late):.3f}")

# %% [markdown]
# Each habit alone is harmless. Now train each variant from several seeds, on all cores. `side_by_side` runs a function on
# groups of seeds, each group in a process of its own.

# %%
from ganlab.show import many_seeds
from ganlab.train import side_by_side


def points_of(steps_of_variant):
    """A function from seeds to 1,000 points of each trained generator."""

    def function(some_seeds):
        points = []
        for one_seed in some_seeds:
            generator, _ = train_gan(one_seed, ablation_steps, **steps_of_variant)
            with torch.no_grad():
                points.append(generator(torch.randn(1000, 2)))
        return {"points": torch.stack(points)}

    return function


ablation = {
    name: side_by_side(points_of(broken), range(seed, seed + ablation_seeds))["points"]
    for name, broken in variants.items()
}

# %% tags=["nbval-ignore-output"]
from ganlab.metrics.modes import high_quality_share, modes_covered

display(
    many_seeds(
        [points[0] for points in ablation.values()], target,
        title="One seed of each variant", labels=list(ablation), columns=3,
    )
)  # fmt: skip
print(f"{'':24} modes       good points, %   distance from the middle (data: {RADIUS:.0f})")
for name, points in ablation.items():
    modes = [int(k) for k in modes_covered(points, target)]
    good = [round(100 * float(share)) for share in high_quality_share(points, target)]
    far = [round(float(distance), 1) for distance in points.norm(dim=-1).mean(dim=-1)]
    print(f"{name:24} {modes!s:11} {good!s:16} {far}")

# %% [markdown]
# One number a seed in each bracket; a point is good if it lies within three standard deviations of a mode.
#
# - **No zero_grad**: the gradient is now the sum over all steps so far. The discriminator keeps running where it was
#   sent long ago, the generator runs after it, and the two swing far past the data: all points of a seed lie on one spot,
#   mostly outside the picture.
# - **Labels swapped**: the discriminator praises whatever the generator makes and blames the data. Nothing draws the points
#   to the data: in some seeds they stay in the middle, where random weights put them, in others they drift far away.
# - **No detach, cleared late**: the discriminator's loss leaves gradients in the generator that ask it to be *easy* to
#   tell from real data, and they are added to its own. Where $D = \tfrac12$ the two cancel. Each of the two habits alone
#   does nothing; together they change every step. And nothing crashes: the samples look like a GAN's, and in these three
#   seeds a *larger* share of them is good. That is why such bugs survive.
# - **Minimax loss**: it trains here. The loss saturates where a fake has a logit below $-3$ or so (section 4), and with one
#   step of each player in turn few fakes get that low: at most 7 % of them at six moments of these three runs. Chapter 03
#   has more to say.
#
# With so few seeds, do not read much into small differences. We ran the same with `ablation_seeds=10`. Of the third
# variant's larger share of good points little is left: 20 % against 17 %, with seeds from 5 to 43. Its loss of modes stays:
# 4.8 against 7.0 on average, fewer in nine of ten seeds. The minimax loss makes no difference (7.3 modes).
#
# ## 8. The same in the package
#
# `ganlab.methods.gan` holds the same equations, written so that many seeds run as one batch. Your functions and the
# package's must agree, in value and in gradient:

# %%
from ganlab.methods import gan as package

real_logits, fake_logits = torch.randn(2, 64, dtype=torch.float64).requires_grad_().unbind()
theirs_of_d = package.discriminator_loss(real_logits, fake_logits)
pairs = {
    "discriminator_loss": (discriminator_loss(real_logits, fake_logits), theirs_of_d),
    "generator_loss": (generator_loss(fake_logits), package.generator_loss(fake_logits)),
}
for name, (yours, theirs) in pairs.items():
    gradients = [torch.autograd.grad(loss, fake_logits, retain_graph=True)[0] for loss in (yours, theirs)]
    assert torch.allclose(yours, theirs) and torch.allclose(*gradients)
    print(f"{name}: the same value and the same gradient")
assert torch.cdist(target.centres, centres).min(dim=1).values.max() < 1e-5  # in whatever order
print("ring_centres: the same centres")

# %% [markdown]
# ## 9. One seed proves nothing
#
# The main experiment: the same GAN from ten random starts. Nothing else differs. How many of the eight modes will each
# of them find? Write your guess down, then run the cell. It takes the better part of a minute.

# %%
def train_seeds(some_seeds):
    """Train one GAN for each seed, as one batch; returns counts over time and points at the end."""
    from ganlab.methods.gan import GAN
    from ganlab.nets.mlp import MLP
    from ganlab.seeds import Streams
    from ganlab.train import train

    rng = Streams(some_seeds, "weights")
    gan = GAN(MLP([2, 64, 64, 2], rng), MLP([2, 64, 64, 1], rng, scalar=True), rng=rng, lr=learning_rate)

    def look(step, method):
        points = method.sample(2500)
        return {"modes": modes_covered(points, target), "high quality": high_quality_share(points, target)}

    history = train(gan, target.batches(batch, some_seeds), steps, every=max(1, steps // 15), look=look)
    return {
        "step": torch.tensor(history.steps).expand(len(some_seeds), -1),
        "modes": history["modes"],
        "high quality": history["high quality"],
        "discriminator": history["discriminator_loss"],
        "generator": history["generator_loss"],
        "points": gan.sample(2500),
    }


result = side_by_side(train_seeds, range(seed, seed + seeds))
labels = [f"seed {number}" for number in range(seed, seed + seeds)]
display(many_seeds(result["points"], target, title="The same GAN from other random starts", labels=labels, columns=5))

# %% [markdown]
# Did you guess that they would differ this much? Here is the count of modes over time. The ceiling is what real data get;
# the floor is a generator that makes a single good point. (One whose points all lie between modes gets 0.)

# %%
from ganlab.show import coverage_over_steps

title = "Modes covered: every line is a seed"
display(coverage_over_steps(result["step"][0], result["modes"], modes=8, floor=1, title=title))
at_the_end = result["modes"][:, -1]

# %% [markdown]
# A mode that was found can be lost again. Who stops at a lucky step, or shows a lucky seed, has proved nothing.

# %% [markdown]
# A count of 8 is not the whole story either. The second number is the share of good points. A perfect generator would
# score 98.9 %: even real points stray. (You will derive this in chapter 02.) The bar in the figure is the mean over the
# seeds with its **95 % interval**: how far the mean might move with other seeds.

# %%
from ganlab.show import strip

display(
    strip(
        {
            f"step {result['step'][0, t]}": 100 * result["high quality"][:, t]
            for t in (len(result["step"][0]) // 3, -1)
        },
        "points within 3 sigma of a mode, %", floor=0, ceiling=98.9,
        title="Better over time, and far from the ceiling",
    )
)  # fmt: skip

# %% [markdown]
# Now compare yourself with us. We ran this chapter with many other seeds; the mean of your runs should lie where the means
# of as many of ours lie.

# %% tags=["nbval-ignore-output"]
expect("ring.gan.modes", at_the_end)

# %%
run.finish(
    f"{'most' if at_the_end.float().mean() >= 5 else 'not most'} of 8 modes on average over {seeds} seeds",
    modes=at_the_end,
    high_quality=result["high quality"][:, -1],
)

# %% [markdown]
# ## What to keep
#
# - A GAN's step: fakes, loss, `zero_grad`, `backward`, `step`; the discriminator's with `detach`, the generator's without.
# - Two players, each on a hill that the other moves: they circle, and calm losses do not tell where.
# - A wrong step may train, and look like a GAN. Break it on purpose, count over several seeds, and compare.
# - Modes found, share of good points, interval over seeds: the least that a claim about a GAN needs. Chapter 02 asks what
#   even these do not see.
#
# ## Questions
#
# **If alternating steps only circle, why does this GAN learn at all?** The Dirac-GAN is the worst case: data and
# generator are single points. Mescheder and others show with it that a plain GAN need not converge; where both are spread out
# smoothly, they report, it does, from a start that is near enough. Ours starts far away, and the lines of section 9 keep
# moving.
#
# **Why does the generator never see real points?** It could not use them: there is nothing that says which latent
# should become which point. Chapter 04 gives it an encoder, which says just that.
#
# **Why Adam with $\beta_1 = 0.5$?** Momentum carries the walkers on after the hill has moved. Chapter 03 measures it.
#
# ## Try next
#
# - `learning_rate = 0.01`, or a `batch` of 16. Predict first.
# - In section 1, give the penalty only half the weight. Is there a smallest one that still brings the players home?
# - `ganlab run 01 -p seeds=32 -p steps=10000` for a firmer answer.
#
# ## Further reading
#
# - Goodfellow et al., *Generative Adversarial Nets*, 2014, arXiv:1406.2661.
# - Mescheder, Geiger, Nowozin, *Which Training Methods for GANs do actually Converge?*, 2018, arXiv:1801.04406.
#
# Next: **02 · Measuring collapse**.
