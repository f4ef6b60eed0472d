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
# # 00 · Start here
#
# A generative adversarial network (GAN) is asked to imitate a set of data. Sometimes it learns to make one kind of
# sample, very well, and forgets the rest. That is **mode collapse**. In this course you will
#
# 1. **see** it happen,
# 2. **measure** it,
# 3. **fix** it, with five published methods that you build from scratch, and
# 4. **prove** that it is fixed.
#
# This page takes about ten minutes. At its end you will have made a GAN collapse, caught its losses looking perfect
# meanwhile, and done your first exercise. You need Python, and have trained some small network in PyTorch before: a
# tensor, a loss, `backward()`, a step of an optimiser. A laptop is enough; no graphics card, no network.

# %% tags=["parameters"]
steps: int = 1500  # training steps of the collapse below [20, 100000]
seeds: int = 4  # how many times it is trained, each time from another start [2, 64]
seed: int = 0  # the first of these seeds [0, 1000000]
run_folder: str = ""  # where result.json goes; empty: nowhere

# %% [markdown]
# The cell above holds the **parameters** of this page. Every chapter has such a cell. Change a value, run the page
# again, and everything below follows. (For many runs at once there is `ganlab run`; see the README.)
#
# ## Is everything here?
#
# Run the next cell. Each line says `ok`, or what to do.

# %% tags=["nbval-ignore-output"]
from ganlab import doctor

doctor.report()

# %% [markdown]
# If you ever report a problem, paste these lines into the report.
#
# ## A first collapse
#
# Our data are points in the plane: eight clouds on a circle. Each cloud is a **mode**. Here are 500 real points. The
# three circles round a cloud's centre have radii of one, two and three of its standard deviations.

# %%
import torch

from ganlab.data.mixtures import ring
from ganlab.show import display, loss_curves, many_seeds, samples_over_target
from ganlab.train import RunFolder

run = RunFolder(run_folder, {"steps": steps, "seeds": seeds, "seed": seed})
target = ring(modes=8, radius=2.0, sigma=0.2)
display(samples_over_target(target.sample(500), target, title="Real data: all 8 modes", points_are="real"))

# %% [markdown]
# A GAN has two networks. The **generator** turns random numbers into points. The **discriminator** looks at a point
# and says how much it looks like a real one. They are trained in turns: the discriminator to tell real points from
# generated ones, the generator to make that hard. Chapter 01 builds both from nothing; today we only use them.
#
# One choice below is unwise on purpose: the generator learns five times as fast as the discriminator.

# %%
from ganlab.methods.gan import GAN
from ganlab.nets.mlp import MLP
from ganlab.seeds import Streams

my_seeds = list(range(seed, seed + seeds))
rng = Streams(my_seeds, "weights")  # one stream of random numbers for each seed
gan = GAN(
    generator=MLP([2, 64, 64, 64, 2], rng),
    discriminator=MLP([2, 64, 64, 64, 1], rng, scalar=True),
    rng=rng,
    lr=4e-4,  # of the discriminator
    generator_lr=2e-3,
)

# %% [markdown]
# Now train: the same GAN from several random starts, side by side. Six times on the way we put 500 generated points
# of each aside. It takes some seconds.

# %%
from ganlab.train import threads, train

with threads(1):  # for networks this small, one thread is faster than two
    history = train(
        gan,
        target.batches(128, my_seeds),
        steps,
        every=max(1, steps // 6),
        look=lambda step, method: {"points": method.sample(500)},
    )

# %% [markdown]
# First, look at the losses: that is what most people watch. If the generator imitated the data perfectly, the
# discriminator could only guess, and the two losses would stand at $2\log 2 \approx 1.39$ and $\log 2 \approx 0.69$.

# %%
losses = {name: history[name + "_loss"] for name in ("discriminator", "generator")}
display(loss_curves(history.steps, losses, title="The losses: calm, and close to 1.39 and 0.69"))

# %% [markdown]
# Calm, and close to where theory wants them. Is this GAN any good?
#
# Before you look: what do these losses tell you? Set `answer` to `"a"`, `"b"` or `"c"`, and run the cell.

# %%
from ganlab.learn import predict

### BEGIN SOLUTION
answer = "c"
### END SOLUTION
predict("start.healthy_losses", answer)

# %% [markdown]
# Now the samples of the first seed, at six moments of its training. A mode is drawn in blue when it is **covered**: at
# least one point lies within its outer circle.

# %%
points = history["points"]  # seeds, moments, 500 points, 2 coordinates
display(
    many_seeds(
        points[0],
        target,
        title=f"One generator (seed {seed}) over time: it hops, and never spreads",
        labels=[f"step {step}" for step in history.steps],
        columns=3,
    )
)

# %% [markdown]
# Whatever random numbers it is given, it puts everything in one place, in or beside one mode. As soon as the
# discriminator has learned to distrust that place, the generator moves everything to another, and the discriminator
# starts again: the two keep each other busy, and the losses look balanced. Chapters 01 and 03 look into the reasons.
#
# ## Count it
#
# "It looks collapsed" is not a measurement. Suppose that for each generated point we know which mode it belongs to.
# How many modes are covered?
#
# **Exercise `start.count_modes`** · difficulty ●○○○○ · 1 minute
#
# `labels` holds one integer a point: the mode it belongs to. Return how many different modes there are. Write your
# line in place of `raise NotImplementedError`, run the cell, and read what it says. In a new cell,
# `hint("start.count_modes")` helps.

# %% tags=["exercise"]
from ganlab.learn import exercise


@exercise("start.count_modes")
def count_modes(labels):
    """How many different modes occur among `labels`, an integer tensor of shape (n,)."""
    ### BEGIN SOLUTION
    return len(labels.unique())
    ### END SOLUTION


# %% [markdown]
# The check said one of three things: *not attempted*, *right*, or *not yet* with a reason. In each case the page
# goes on: with your function if it is right, else with the course's.
#
# Use it, on real data first and then on what each seed makes at the end. A point belongs to the mode whose centre is
# nearest, if it lies within three standard deviations; otherwise to none.

# %% tags=["nbval-ignore-output"]
def modes_of(own):
    """How many modes the points cover."""
    distance, mode = torch.cdist(own, target.centres).min(dim=1)
    return int(count_modes(mode[distance <= 3 * target.sigma[mode]]))


reached = [modes_of(own) for own in points[:, -1]]
print(f"real data  {modes_of(target.sample(500))} of 8 modes")
for number, modes in zip(my_seeds, reached, strict=True):
    print(f"seed {number:<5} {modes} of 8 modes")

display(
    many_seeds(
        points[:, -1],
        target,
        title=f"{seeds} seeds after {steps} steps: all collapsed" if max(reached) <= 2 else f"{seeds} seeds",
        labels=[f"seed {number}" for number in my_seeds],
    )
)

# %% [markdown]
# ## Why several seeds?
#
# Another seed is another random start, and another story. One run that collapses proves little; nor does one that
# does not. So everything in this course is run over several seeds.
#
# And a number alone says nothing. Each one stands between its **floor** and its **ceiling**, the least and the most that
# can be expected of it, and one of the two is what a *perfect* generator scores. Here the ceiling is 8, what the real data
# got; the floor is 1, a generator that makes one good point over and over.

# %% [markdown]
# What you have done so far, in this chapter:

# %%
from ganlab.learn import progress

progress("00")

# %% [markdown]
# And the page in one line:

# %%
collapsed = sum(number <= 2 for number in reached)
run.finish(
    f"at most 2 of 8 modes in {'all' if collapsed == seeds else collapsed} of {seeds} seeds",
    modes=reached,
    losses={name: values[:, -1] for name, values in losses.items()},
)

# %% [markdown]
# ## How to read the course
#
# | chapter | you will |
# |---|---|
# | 00 start here | see a first collapse |
# | 01 GAN from scratch | build the two-player step in plain PyTorch, and learn what each line is for |
# | 02 measuring collapse | write the metrics, and find out what each of them cannot see |
# | 03 collapse on demand | predict when a GAN collapses, and make it do so |
# | 04 to 08 | build the five methods: MDGAN, MSGAN, MMGAN, NEMGAN, random projections |
# | 09 one protocol | put every method against a tuned GAN, and enter one of your own |
# | 10 a thousand modes | go for all 1,000 modes of stacked digits |
# | 11 CelebA | train faces, and take the generators apart |
# | 12 report | turn a folder of runs into tables and figures |
# | 13 the clinic | diagnose twenty runs whose losses may lie |
#
# Begin with 01 to 03; then take any of 04 to 08, in any order, and 09 onwards after that.
#
# - Run the cells in order, from the top. Each chapter runs to its end in minutes even if you solve nothing.
# - **Exercises** are checked when their cell runs. `hint("name")` gives the next hint, `solution("name")` the answer,
#   and `progress()` shows what you have done. This is kept in a small file on your machine and sent nowhere.
# - A line that begins with `result:` sums up a page. Yours should match the one you found there, whatever your machine.
# - The solved notebooks are in `notebooks/solutions/`.
# - To play before you read: `site/lab/index.html` trains a GAN and a remedy side by side in any browser.
#
# Go on with **01 · A GAN from scratch**.
