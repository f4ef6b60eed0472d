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
# # 02 · Measuring collapse
#
# How would you know that a metric works? A program is tested on inputs whose answer is known. We shall do the same to
# metrics: before any of them judges a network, it judges **samplers whose fault we built in ourselves**. Nothing is
# trained in this chapter.
#
# You will write eight functions, and you will be able to
#
# - say how many modes a generator covers, how well and how evenly, and how wide it makes them,
# - find out what a *perfect* generator scores, and so know the floor and the ceiling of a metric,
# - name a fault that each metric is blind to, and one that it even praises,
# - catch a wrong metric, such as one that was published.
#
# At the end all of it goes into one picture: eleven metrics against ten samplers.
#
# | sections | minutes | |
# |---|---|---|
# | 1 to 4 | 45 | modes, quality, proportions; what a perfect generator scores |
# | 5 | 20 | inside a mode, and what "outside the clean band" means |
# | 6 | 20 | autopsy of a published metric |
# | 7 | 30 | metrics that need no modes |
# | 8 to 10 | 20 | the picture, and two cases |
#
# With an hour, do 1 to 5 and look at the picture of 8. The cells themselves need about a minute. Builds on: 00, 01.

# %% tags=["parameters"]
samples: int = 1000  # points in each draw of a sampler [100, 10000]
draws: int = 40  # draws of each faulty sampler in the big table [5, 1000]
clean_draws: int = 200  # draws of the clean sampler, which say what chance does [20, 5000]
sigma: float = 0.05  # standard deviation within a mode; the ring has radius 1 [0.005, 0.08]
seed: int = 0  # every draw has a number; the first one [0, 1000000]
run_folder: str = ""  # where result.json goes; empty: nowhere

# %% [markdown]
# ## 1. A test bench
#
# The target is a ring of eight modes, as in chapter 00 but of radius 1. `source` can draw from it perfectly. It also holds a
# fixed training set of 4,000 points, for the samplers that cheat. (`Streams(numbers, "name")` is random numbers that are
# the same in every run: one stream for each number and name.)

# %%
import math

import torch

from ganlab import show
from ganlab.data.mixtures import ring
from ganlab.learn import exercise, predict
from ganlab.metrics.faults import MixtureSource, standard_faults
from ganlab.seeds import Streams
from ganlab.train import RunFolder

run = RunFolder(
    run_folder,
    {"samples": samples, "draws": draws, "clean_draws": clean_draws, "sigma": sigma, "seed": seed},
)
target = ring(modes=8, radius=1.0, sigma=sigma)
source = MixtureSource(target, training=4000)

# %% [markdown]
# Ten samplers. The first is perfect; each of the others has one fault.
#
# | sampler | what it does | the network that it stands for |
# |---|---|---|
# | clean | draws from the target | the one that we want |
# | drop a few modes | never visits 2 of the 8 modes | mode collapse, as everybody draws it |
# | reweight | visits all modes, but half of them three times as often as the other half | collapse on its way |
# | shrink within modes | every point drawn towards its mode's centre, to 0.3 of the distance | collapse *within* modes |
# | duplicate | repeats 64 different points | a generator that ignores most of its latent |
# | bridge modes | puts 40 % of its points on lines between modes | a continuous network on a disconnected target |
# | outliers | scatters 15 % of its points anywhere | a network not yet trained |
# | jitter | adds noise, three times as wide as a mode | a blurry network |
# | memorise | replays training points | a network that has learned by heart |
# | memorise, with noise | the same, each point moved by a fiftieth of sigma | ... and hides it |

# %%
names = [
    "clean",
    "drop a few modes",
    "reweight",
    "shrink within modes",
    "duplicate",
    "bridge modes",
    "outliers",
    "jitter",
    "memorise",
    "memorise, with noise",
]
faults = {name: standard_faults(target.modes)[name] for name in names}


def draw(name, numbers):
    """Draws of one sampler, shape (len(numbers), samples, 2). The same numbers give the same draws again."""
    return faults[name](source, samples, Streams(list(numbers), "draws"))


one_of_each = {name: draw(name, [seed])[0] for name in names}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ganlab.show.planar import draw_target, extent_of, frame

figure, axes = show.new_figure(9.6, 4.6, 2, 5)
for panel, (name, points) in zip(axes.flat, one_of_each.items(), strict=True):
    panel.scatter(*points.T, s=2.5, color=show.figure.FAKE, alpha=0.5, linewidths=0)
    draw_target(panel, target, None, extent_of(target, 0.35), ring=0)
    frame(panel, extent_of(target, 0.35), ticks=False)
    panel.set_title(name, fontsize=9.5, pad=3)
show.headline(figure, "The target, and nine faults")
show.display(
    show.with_alt(
        figure,
        f"Ten panels, one for each sampler, with {samples} points over the eight modes of the ring, whose 1, 2 and 3 "
        "sigma circles are drawn. Two modes are empty for 'drop a few modes'; four modes are sparse for "
        "'reweight' and sit at the centres for 'shrink'; 'duplicate' shows few separate dots; 'bridge' has chords "
        "between modes; 'outliers' and 'jitter' scatter; both 'memorise' panels look like 'clean'.",
    )
)

# %% [markdown]
# The circles have radii of one, two and three $\sigma$. Compare the panels with the clean one.

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("metrics.by_eye", answer)

# %% [markdown]
# ## 2. How many modes, how good?
#
# The two oldest numbers, and still the most quoted. A sample is of **high quality** if it lies within
# $3\sigma$ of some centre. A mode is **covered** if at least one sample lies within $3\sigma$ of it. (PacGAN's
# public code counts this way.)
#
# **Exercise `metrics.modes_covered`** · difficulty ●●○○○ · 8 minutes
#
# Count the covered modes. `samples` has shape $(n, 2)$, `centres` $(k, 2)$. `torch.cdist(samples, centres)` gives all
# distances, shape $(n, k)$.

# %% tags=["exercise"]
@exercise("metrics.modes_covered")
def modes_covered(samples, centres, sigma):
    """How many modes have at least one sample within 3 sigma of their centre: an int, 0 to k."""
    ### BEGIN SOLUTION
    near = torch.cdist(samples, centres) <= 3 * sigma
    return int(near.any(dim=0).sum())
    ### END SOLUTION


# %% [markdown]
# **Exercise `metrics.high_quality_share`** · difficulty ●○○○○ · 5 minutes
#
# The same distances, asked from the other side: not whether a centre has a sample, but whether a sample has a centre.

# %% tags=["exercise"]
@exercise("metrics.high_quality_share")
def high_quality_share(samples, centres, sigma):
    """The share of the samples that lie within 3 sigma of some centre: a float, 0 to 1."""
    ### BEGIN SOLUTION
    nearest = torch.cdist(samples, centres).min(dim=1).values
    return (nearest <= 3 * sigma).float().mean().item()
    ### END SOLUTION


# %% [markdown]
# Judge the ten samplers with them.

# %%
for name, points in one_of_each.items():
    covered = modes_covered(points, target.centres, sigma)
    quality = high_quality_share(points, target.centres, sigma)
    print(f"{name:22} {covered} of 8 modes   {100 * quality:5.1f} % high quality")

# %% [markdown]
# The count of modes sees one fault of nine: the dropped modes. All others get 8 of 8. The share of good samples sees
# the three that put points where none belong. And look at the shrunken modes: 100 %, *more* than the clean sampler. We
# come back to that.
#
# Now fool the count on purpose.

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("metrics.blind_spot", answer)

# %%
lonely = torch.cat([target.centres[:1].expand(993, 2), target.centres[1:]])
print(f"{modes_covered(lonely, target.centres, sigma)} of 8 modes, with 99.3 % of the samples in the first")

# %% [markdown]
# One sample counts as much as 993. Hence the other numbers.
#
# ## 3. Score the target itself
#
# Which high-quality share does a *perfect* generator get? No network is needed to find out: draw from the target, and score
# that. It is the most useful habit of this chapter.

# %%
### BEGIN SOLUTION
answer = "c"
### END SOLUTION
predict("metrics.target_quality", answer)

# %% [markdown]
# Run it: many draws of the target for each of five sample sizes.

# %%
sizes = [100, 300, 1000, 3000, 10_000]


def score_target(metric, sizes=sizes, target=target):
    """The metric on draws of the target itself: for each sample size a tensor of scores, one a draw."""
    numbers = list(range(seed, seed + min(100, clean_draws)))
    return {n: torch.tensor([metric(x) for x in target.sample(n, Streams(numbers, "target"))]) for n in sizes}


quality_of_target = score_target(lambda x: high_quality_share(x, target.centres, sigma))
for n, scores in quality_of_target.items():
    print(f"n = {n:6,}   mean {100 * scores.mean():.1f} %")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure, ((panel,),) = show.new_figure(7.2, 3.6)
for n, scores in quality_of_target.items():
    spread = n * torch.exp(torch.linspace(-0.25, 0.25, len(scores)))
    panel.scatter(spread, 100 * scores, s=9, color=show.figure.REAL, alpha=0.6, linewidths=0)
panel.set_xscale("log")
panel.set_ylim(93.5, 100.4)
panel.set_xlabel("samples in a draw")
panel.set_ylabel("high-quality share, %")
show.heading(panel, "The target itself: 98.9 % on average, at every sample size")
show.display(
    show.with_alt(
        figure,
        "High-quality share of draws of the target, by sample size. "
        + "; ".join(
            f"n = {n}: mean {100 * s.mean():.2f} %, from {100 * s.min():.1f} to {100 * s.max():.1f} %"
            for n, s in quality_of_target.items()
        )
        + ". The mean stays, the scatter shrinks.",
    )
)

# %% [markdown]
# The mean is the same at every size, a bit below 99 %, and the scatter shrinks. Where does the number come from?
#
# Measure in sigmas: $x$ and $y$ are standard normal. Their squared distance $u = x^2 + y^2$ from the centre has the density
# $\tfrac12 e^{-u/2}$ (write the normal density in polar coordinates), and farther than 3 means $u > 9$:
#
# $$P(u > 9) = \int_9^\infty \tfrac12 e^{-u/2}\,du = e^{-9/2} = 1.11\,\%.$$
#
# So the **ceiling** of the high-quality share is $1 - e^{-4.5} = 98.89\,\%$, in two dimensions. In one dimension it
# would be the famous 99.7 %; in 100 dimensions it is nearly 0, and "within $3\sigma$" is no longer a useful idea.

# %%
ceiling = 1 - math.exp(-4.5)
largest = quality_of_target[10_000].mean().item()
print(f"ceiling {100 * ceiling:.2f} %, measured {100 * largest:.1f} %")

# %% [markdown]
# ### A published row
#
# The table in VEEGAN's public repository has a plain GAN on the ring of eight: **1 mode, 99.3 % high-quality samples**,
# the mean of 5 runs.

# %%
### BEGIN SOLUTION
answer = "c"
### END SOLUTION
predict("metrics.published_row", answer)

# %% [markdown]
# How surprising is 99.3? Take 2,500 samples a run. (The usual number; unverified for this table.)

# %%
for runs in (1, 5):
    error = math.sqrt(ceiling * (1 - ceiling) / (2500 * runs))
    above = (0.993 - ceiling) / error
    print(f"mean of {runs}: scatters by {100 * error:.2f} points; 99.3 % is {above:.1f} of these above the ceiling")

# %% [markdown]
# One run could do it by luck, five can hardly. So the one mode that was found is too narrow. By how much? If it is a
# Gaussian of width $f\sigma$, then $1 - e^{-4.5/f^2} = 0.993$ gives $f = 0.95$. But a mean of 99.3 % could as well come
# from three runs that are right and two that are single points. **This metric says "too narrow" and cannot say how
# narrow**, since it stops at 100 %. We need one that looks inside a mode. First, though, the proportions.

# %% [markdown]
# ## 4. In which proportions?
#
# Count the good samples at each mode, divide by their sum: $p_k$. The truth is $w_k$, here $1/8$ each. The distance
# between the two that the literature prints is the **reverse** Kullback-Leibler divergence,
#
# $$\mathrm{KL}(p \,\|\, w) = \sum_k p_k \log \frac{p_k}{w_k}.$$
#
# A mode without samples adds nothing, since $p \log p \to 0$. The other direction, $\mathrm{KL}(w \,\|\, p)$, would be
# infinite as soon as one mode is missing: a fair verdict, but no good for averaging. `log` is the natural logarithm, and the
# unit is then called *nat*.
#
# **Exercise `metrics.reverse_kl`** · difficulty ●●○○○ · 8 minutes
#
# Compute it from the counts. Mind the modes that have none.

# %% tags=["exercise"]
@exercise("metrics.reverse_kl")
def reverse_kl(counts, weights):
    """KL(p || weights) in nats, with p = counts / their sum. Both of shape (k,); returns a float."""
    ### BEGIN SOLUTION
    p = counts / counts.sum()
    return float(torch.special.xlogy(p, p / weights).sum())
    ### END SOLUTION


# %% [markdown]
# For the counts we combine what you wrote in section 2: the nearest mode of each sample, if it is near enough.

# %%
def mode_counts(samples, centres, sigma):
    """How many high-quality samples each mode has: integers, shape (k,)."""
    distance, mode = torch.cdist(samples, centres).min(dim=1)
    return mode[distance <= 3 * sigma].bincount(minlength=len(centres))


for name, points in one_of_each.items():
    counts = mode_counts(points, target.centres, sigma)
    print(f"{name:22} KL {reverse_kl(counts, target.weights):6.3f}   {counts.tolist()}")

# %% [markdown]
# Dropping two of eight modes costs about $\log(8/6) = 0.288$, as it should. The reweighted sampler, 8 of 8 until now, is
# found out. But the clean one does not get 0.
#
# ### Its floor
#
# For a KL small is good, so a perfect generator now stands at the **floor** (and one that makes a single mode at the
# ceiling, $\log 8 = 2.08$). Where is that floor? Score the target itself again. What will ten times as many samples do to
# the average KL?

# %%
### BEGIN SOLUTION
answer = "c"
### END SOLUTION
predict("metrics.floor", answer)

# %%
kl_of_target = {}
for modes in (4, 8, 16):
    other = ring(modes, sigma=0.01)

    def kl(x, other=other):
        return reverse_kl(mode_counts(x, other.centres, 0.01), other.weights)

    kl_of_target[modes] = score_target(kl, target=other)

print("mean KL of the target, times n:")
for modes, by_size in kl_of_target.items():
    print(f"{modes:3} modes", *[f"   n = {n:,}: {n * scores.mean():4.1f}" for n, scores in by_size.items()])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure, ((panel,),) = show.new_figure(7.2, 3.9)
for (modes, by_size), colour, marker in zip(
    kl_of_target.items(), show.figure.SERIES, show.figure.MARKERS, strict=False
):
    means = [scores.mean() for scores in by_size.values()]
    panel.plot(sizes, means, marker=marker, color=colour, label=f"{modes} modes", linewidth=1.4, markersize=5)
panel.set(xscale="log", yscale="log", xlabel="samples in a draw", ylabel="mean reverse KL, nats")
panel.legend(frameon=False, fontsize=9)
show.heading(panel, "The target itself: the KL falls as 1/n and never is 0")
show.display(
    show.with_alt(
        figure,
        "Mean reverse KL of draws of the target against the number of samples, both on logarithmic scales: three "
        "parallel straight lines of slope minus one. "
        + "; ".join(
            f"{modes} modes: {by_size[sizes[0]].mean():.4f} at n = {sizes[0]}, {by_size[sizes[-1]].mean():.6f} at n = "
            f"{sizes[-1]}"
            for modes, by_size in kl_of_target.items()
        )
        + ".",
    )
)

# %% [markdown]
# Along each row of numbers, $n$ times the KL is about the same: 1.5, 3.5 and 7.5 for 4, 8 and 16 modes. Which rule is it?

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("metrics.floor_rule", answer)

# %% [markdown]
# With $K$ modes and $n$ samples,
#
# $$\text{floor} \approx \frac{K - 1}{2n}.$$
#
# *Why.* Write $p_k = w_k + \delta_k$ and expand: $\mathrm{KL} \approx \tfrac12 \sum_k \delta_k^2 / w_k$. That is
# $1/2n$ times Pearson's chi-square statistic, whose mean is its number of degrees of freedom, $K - 1$ (eight
# proportions that sum to one can vary in seven ways).
#
# Two consequences. A KL without its $n$ means nothing; and with 1,000 modes and 26,000 samples, as on Stacked MNIST, a
# *perfect* generator scores 0.019. (The best value that we have seen reported there is 0.029, by R3GAN, unverified. Two
# thirds of it would be floor.)

# %% [markdown]
# ## 5. Inside a mode
#
# Imagine a generator that puts an eighth of its samples on each centre. Exactly on it.

# %%
### BEGIN SOLUTION
answer = "c"
### END SOLUTION
predict("metrics.points_as_modes", answer)

# %% [markdown]
# So we measure the width of the modes. Take the high-quality samples of each mode, measure squared distances from
# **their own mean** (not from the true centre: a mode that is one point in the wrong place has no width), and pool:
#
# $$\text{spread} = \frac1\sigma \sqrt{\frac{\sum_k \sum_{i \in k} \lVert x_i - \bar x_k \rVert^2}{\text{dim} \cdot \sum_k (n_k - 1)}}$$
#
# where the last sum goes over the modes that have any samples.
#
# **Exercise `metrics.within_mode_spread`** · difficulty ●●●○○ · 12 minutes
#
# Each sample belongs to its nearest centre, if that is within $3\sigma$. A loop over the modes is fine.

# %% tags=["exercise"]
@exercise("metrics.within_mode_spread")
def within_mode_spread(samples, centres, sigma):
    """Standard deviation of high-quality samples about the mean of their own mode, over sigma: a float."""
    ### BEGIN SOLUTION
    distance, mode = torch.cdist(samples, centres).min(dim=1)
    squares, freedom = 0.0, 0
    for k in range(len(centres)):
        own = samples[(mode == k) & (distance <= 3 * sigma)]
        if len(own):
            squares += (own - own.mean(dim=0)).square().sum().item()
            freedom += samples.shape[1] * (len(own) - 1)
    return math.sqrt(squares / freedom) / sigma
    ### END SOLUTION


# %%
for name, points in one_of_each.items():
    print(f"{name:22} spread {within_mode_spread(points, target.centres, sigma):.2f}")

# %% [markdown]
# The shrunken modes are found: 0.3. What is the best value? Not 1, it seems. Score the target itself.

# %%
spread_of_target = score_target(lambda x: within_mode_spread(x, target.centres, sigma), [1000])[1000]
print(f"the target itself: {spread_of_target.mean():.2f}, give or take {spread_of_target.std():.2f}")

# %% [markdown]
# About 0.97, since the tails beyond $3\sigma$ were cut off before the width was taken. (Exactly: the variance left in a
# disc of radius 3 is $1 - \tfrac{9}{2} e^{-4.5} / (1 - e^{-4.5})$, whose root is 0.974.)
#
# Now the published row again. Suppose a generator makes its modes only 5 % too narrow: does one draw show it? We need
# a way to say "shows". A clean sampler also scatters. So: draw it often, take the range that holds the middle 95 % of
# its scores, and ask how often a faulty sampler falls outside.
#
# **Exercise `metrics.outside_band`** · difficulty ●○○○○ · 4 minutes
#
# The ends of the range belong to it.

# %% tags=["exercise"]
@exercise("metrics.outside_band")
def outside_band(scores, clean):
    """The share of `scores` outside the middle 95 % of `clean`. 1-D tensors in, a float out."""
    ### BEGIN SOLUTION
    low, high = clean.quantile(0.025), clean.quantile(0.975)
    return ((scores < low) | (scores > high)).float().mean().item()
    ### END SOLUTION


# %%
from ganlab.metrics.faults import shrink

factors = [1.0, 0.98, 0.95, 0.9, 0.8, 0.6]
two = {"high-quality share": high_quality_share, "within-mode spread": within_mode_spread}
numbers = list(range(seed, seed + clean_draws))
clean = draw("clean", range(seed + 10_000, seed + 10_000 + 3 * clean_draws))
found = {}
for name, metric in two.items():
    band = torch.tensor([metric(x, target.centres, sigma) for x in clean])
    found[name] = []
    for factor in factors:
        narrow = shrink(source, samples, Streams(numbers, "draws"), factor=factor)
        scores = torch.tensor([metric(x, target.centres, sigma) for x in narrow])
        found[name].append(outside_band(scores, band))

# %% jupyter={"source_hidden": true} tags=["hide-input", "nbval-ignore-output"]
figure, ((panel,),) = show.new_figure(7.2, 3.6)
for (name, shares), colour, marker in zip(found.items(), show.figure.SERIES, show.figure.MARKERS, strict=False):
    panel.plot(
        range(len(factors)), [100 * s for s in shares], marker=marker, color=colour, label=name, linewidth=1.4
    )
panel.set_xticks(range(len(factors)), [f"{factor:g}" for factor in factors])
panel.axhline(5, color=show.figure.GREY, linewidth=0.8, linestyle=":")
panel.annotate("5 %: chance", (5, 5), (0, 3), textcoords="offset points", ha="right", fontsize=9, color=show.figure.GREY)
panel.set(xlabel="width of the modes, true = 1", ylabel="draws outside the clean band, %", ylim=(-3, 104))
panel.legend(frameon=False, fontsize=9, loc="center right")
show.heading(panel, "The spread sees modes that are a little too narrow, the share hardly does")
show.display(
    show.with_alt(
        figure,
        f"Share of {clean_draws} draws of {samples} samples outside the clean band, against the width of the modes. "
        + "; ".join(
            f"{name}: " + ", ".join(f"{100 * s:.0f} % at {f:g}" for f, s in zip(factors, shares, strict=True))
            for name, shares in found.items()
        )
        + ". The dotted line is at 5 %, what chance gives.",
    )
)

# %% [markdown]
# At width 1 both stand near 5 %, which is what the band was made for: a sound test bench says *nothing* about a
# sampler without fault. (Check that first, always.) At 0.95, the width that would explain the published row, the spread
# notices most of the time and the share of good samples rarely, with this many samples.
#
# And what fools the spread?

# %%
### BEGIN SOLUTION
answer = "a"
### END SOLUTION
predict("metrics.fool_the_spread", answer)

# %% [markdown]
# ## 6. Autopsy of a published metric
#
# GAN Lab (github.com/poloclub/ganlab, no relation of this package) is a fine web page that trains a GAN in the browser.
# Meanwhile it plots a "KL divergence (by grid)": the unit square is cut into $30 \times 30$ cells, and the proportions of
# true points in the cells are compared with those of generated ones. Here it is, re-enacted in Python. The true points
# (the *atlas*) come as they do there: 12,000 of them in one long list $x_0, y_0, x_1, y_1, \dots$, of which the first 450
# are used. Logarithms are to base 2, as there, so the unit is the bit.
#
# There is a mistake in it. Do not search for long: there is a better way than reading.

# %%
def splice(values, start, count):
    """JavaScript's `values.splice(start, count)`."""
    piece = values[start : start + count]
    del values[start : start + count]
    return piece


def true_proportions_of_the_demo(atlas, points=450, cells=30):
    """The share of the first `points` points of the list in each cell."""
    share = torch.zeros(cells * cells)
    for i in range(points):
        values = splice(atlas, i * 2, i * 2 + 2)
        if len(values) >= 2:
            share[int(values[0] * cells) + cells * int(values[1] * cells)] += 1 / points
    return share


def kl_of_the_demo(true, generated, epsilon=1e-4):
    """KL(true || generated) in bits; a little is added everywhere, so that nothing is divided by 0."""
    return ((true + epsilon) * torch.log2((true + epsilon) / (generated + epsilon))).sum().item()


# %% [markdown]
# **Validate it** on a target that we know: points spread evenly over the square. Three generators: the target itself
# with few points, the target itself with very many, and one that misses the right half.

# %%
def proportions_by_loop(points, cells=30):
    """Plain and slow: the share of points in each cell."""
    counts = [0] * (cells * cells)
    for x, y in points.tolist():
        counts[min(int(x * cells), cells - 1) + cells * min(int(y * cells), cells - 1)] += 1
    return torch.tensor(counts) / len(points)


uniform = Streams(seed, "autopsy").uniform
atlas = uniform(12_000, 2)
few, many, half = uniform(450, 2), uniform(100_000, 2), uniform(100_000, 2) * torch.tensor([0.5, 1.0])
generators = {"perfect, 450 points": few, "perfect, 100,000 points": many, "right half missing": half}
generated = {name: proportions_by_loop(points) for name, points in generators.items()}


def validate(true):
    print(f"true proportions sum to {true.sum():.3f}")
    for name, share in generated.items():
        print(f"KL of '{name}': {kl_of_the_demo(true, share):.1f} bits")


validate(true_proportions_of_the_demo(atlas.flatten().tolist()))

# %% [markdown]
# With 100,000 points each, the generator that misses half gets much more than the perfect one, as it should. And yet:

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("metrics.autopsy", answer)

# %% [markdown]
# Proportions that sum to a third: two thirds of the points were lost. Now look for the line that loses points.
#
# In JavaScript `slice(a, b)` *copies* the entries from $a$ to $b$. `splice(a, m)` *cuts $m$ entries out of the list*,
# beginning at $a$. The $i$-th round should read two numbers; it removes $2i + 2$, and the list is used up after a
# third of the rounds. Nothing crashes, since an empty piece of a list is no error there, and the curve on the
# screen goes down as the GAN learns. (In the repository: `demo/ganlab_evaluators.ts`, line 20, revision 09073e8.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
remaining, entered = list(range(24_000)), []
for i in range(450):
    piece = splice(remaining, i * 2, i * 2 + 2)
    entered += piece[:1]
entered = torch.tensor(entered) // 2
print(f"{len(entered)} of 450 points enter; the last of them is number {entered.max():,} of the list")

figure, axes = show.new_figure(7.4, 3.9, 1, 2)
for panel, points, title in (
    (axes[0, 0], atlas[:450], "meant: the first 450 points"),
    (axes[0, 1], atlas[entered], f"done: {len(entered)} points from all over the list"),
):
    panel.scatter(*points.T, s=7, color=show.figure.REAL, linewidths=0)
    panel.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], xlim=(0, 1), ylim=(0, 1), aspect="equal")
    panel.set_title(title, fontsize=10)
show.display(
    show.with_alt(
        figure,
        f"Two unit squares. Left, what was meant: 450 true points, evenly spread. Right, what enters the metric: "
        f"{len(entered)} points.",
    )
)

# %% [markdown]
# Now do it right.
#
# **Exercise `metrics.grid_proportions`** · difficulty ●●○○○ · 6 minutes
#
# The share of the points in each cell: the cell in column `i` and row `j` has the number `i + cells * j`. Without a loop,
# and mind the edge: a point with $x = 1$ belongs to the last column, not to the first of the next row. (That was the second
# mistake. The demo has it too.)

# %% tags=["exercise"]
@exercise("metrics.grid_proportions")
def grid_proportions(points, cells):
    """Share of the points in each cell of the unit square: (n, 2) to (cells * cells,)."""
    ### BEGIN SOLUTION
    column, row = (points * cells).long().clamp(max=cells - 1).unbind(dim=1)
    return (column + cells * row).bincount(minlength=cells * cells) / len(points)
    ### END SOLUTION


# %%
validate(grid_proportions(atlas[:450], 30))

# %% [markdown]
# The proportions sum to 1. But a *perfect* generator, with as many points as you like, now scores more than 1 bit! That
# is no mistake. It is the floor, which you know: 900 cells, filled from 450 points, and $(K-1)/2n = 899/900$ nats,
# about 1.4 bits. (The small $\epsilon$ takes a little off.) The mistake had hidden the floor. Repaired and with $6
# \times 6$ cells it becomes a useful metric:

# %%
for cells in (30, 6):
    true = grid_proportions(atlas[:450], cells)
    scores = [kl_of_the_demo(true, grid_proportions(points, cells)) for points in (many, half)]
    print(f"{cells} x {cells} cells: perfect {scores[0]:.1f} bits, right half missing {scores[1]:.1f} bits")

# %% [markdown]
# **What to take from it.** Four checks that any metric must pass before you believe it, each a minute's work:
#
# 1. *What must hold always?* Proportions sum to 1, a divergence is not negative, a share lies between 0 and 1.
# 2. *The target against itself:* at the floor, and the floor falls with $n$ as expected.
# 3. *A fault of known size* has its known price: half of the modes missing costs $\log 2$.
# 4. *More of the fault*, more of the price.
#
# The demo passes the fourth, which is the one that people look at.

# %% [markdown]
# ## 7. When nobody knows the modes
#
# A photograph does not come with the centre of its mode. Two families of metrics do without.
#
# ### Bins: NDB
#
# Cut the space into bins by clustering the real data (k-means), and compare the shares of real and generated samples
# in each bin. NDB, the **number of statistically different bins** (Richardson and Weiss, 2018), counts those that differ
# more than chance allows. For one bin with $k_1$ of $n_1$ samples here and $k_2$ of $n_2$ there:
#
# $$z = \frac{k_1/n_1 - k_2/n_2}{\sqrt{p\,(1 - p)\,(1/n_1 + 1/n_2)}}, \qquad p = \frac{k_1 + k_2}{n_1 + n_2}.$$
#
# If nothing differs, $|z| > 1.96$ has a chance of 5 %.
#
# **Exercise `metrics.two_proportion_z`** · difficulty ●●●○○ · 10 minutes
#
# Compute $z$ for all bins at once. Where a bin is empty in both samples (or holds everything in both) $z$ is 0.

# %% tags=["exercise"]
@exercise("metrics.two_proportion_z")
def two_proportion_z(k1, n1, k2, n2):
    """z of every bin, shape (bins,). k1 and k2 are counts of that shape, n1 and n2 ints."""
    ### BEGIN SOLUTION
    p = (k1 + k2) / (n1 + n2)
    error = (p * (1 - p) * (1 / n1 + 1 / n2)).sqrt()
    return torch.where(error > 0, (k1 / n1 - k2 / n2) / error, 0.0)
    ### END SOLUTION


# %%
from sklearn.cluster import KMeans


def make_ndb(real, bins):
    """Fit bins to the real samples; return the function from samples to the number of bins that differ."""
    fitted = KMeans(bins, n_init=1, random_state=0).fit(real.numpy())
    centres = torch.as_tensor(fitted.cluster_centers_)

    def count(x):
        return torch.cdist(x.double(), centres.double()).argmin(dim=1).bincount(minlength=bins)

    def ndb(samples):
        z = two_proportion_z(count(samples), len(samples), count(real), len(real))
        return int((z.abs() > 1.96).sum())

    return ndb


ndb = make_ndb(source.training, bins=20)

# %% [markdown]
# What will a perfect generator get?

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("metrics.perfect_ndb", answer)

# %%
for name in ("clean", "drop a few modes", "reweight", "shrink within modes", "outliers"):
    scores = [ndb(points) for points in draw(name, range(seed, seed + 20))]
    print(f"{name:22} {sum(scores) / 20:4.1f} of 20 bins differ, mean of 20 draws")

# %% [markdown]
# Outliers do not show: each goes to its nearest bin, however far away that is.
#
# The first row is the most important one: real against real. Never print NDB without it. In the plane it is near the
# promised 1 of 20. Is it always? Take data of 784 dimensions, the size of an MNIST image, but pure noise; fit the bins
# to 400 of them, and test 530 fresh ones **from the same distribution**.

# %%
noise = Streams(seed, "high dimension").normal(930, 784)
differ = make_ndb(noise[:400], bins=20)(noise[400:])
half = "more" if differ > 10 else "fewer"
print(f"real against real, 784 dimensions: {half} than half of the 20 bins differ")

# %% [markdown]
# The bins were fitted to the very 400 samples that they are then compared with, and in high dimension a cluster is
# mostly made of accidents of its own samples. A perfect generator fails this test. The remedy is a row, not a theory: put
# held-out real data beside it (`ganlab.metrics.ndb` always does).
#
# ### Neighbours: precision, recall, density, coverage
#
# Draw a ball around each **real** sample that just reaches its $k$-th nearest other real sample.
#
# - **precision**: the share of generated samples inside any of these balls,
# - **density**: the same, counting how many balls each lies in, over $k$,
# - **coverage**: the share of real samples whose ball holds a generated one,
# - **recall**: as precision, but with balls around the *generated* samples, and asking for the real ones.
#
# (Kynkäänniemi and others, 2019, for precision and recall; Naeem and others, 2020, for density and coverage. The first
# use $k = 3$, the second $k = 5$; we take 5.) You write the one that speaks of collapse.
#
# **Exercise `metrics.coverage`** · difficulty ●●●○○ · 8 minutes
#
# Two tables of distances: real to real for the radii (a sample is not its own neighbour), real to generated for the rest.

# %% tags=["exercise"]
@exercise("metrics.coverage")
def coverage(real, generated, nearest_k=5):
    """Share of real samples with a generated one inside their ball: a float."""
    ### BEGIN SOLUTION
    neighbours = torch.cdist(real, real).topk(nearest_k + 1, largest=False).values
    radius = neighbours[:, nearest_k]  # place 0 is the sample itself
    closest = torch.cdist(real, generated).min(dim=1).values
    return (closest < radius).float().mean().item()
    ### END SOLUTION


# %% [markdown]
# The other three are variations; here they are, together.

# %%
def ball_radius(x, nearest_k=5):
    return torch.cdist(x, x).topk(nearest_k + 1, largest=False).values[:, nearest_k]


def precision_recall_density(real, generated, nearest_k=5):
    distance = torch.cdist(real, generated)
    in_real_ball = distance < ball_radius(real, nearest_k)[:, None]
    in_generated_ball = distance < ball_radius(generated, nearest_k)
    precision = in_real_ball.any(dim=0).float().mean().item()
    recall = in_generated_ball.any(dim=1).float().mean().item()
    density = in_real_ball.sum(dim=0).float().mean().item() / nearest_k
    return precision, recall, density


real = target.sample(samples, Streams(seed, "real"))
# In float64: torch.cdist loses digits in float32, and then not even the same ones in every run.
rows = {
    name: (*precision_recall_density(real.double(), x.double()), coverage(real.double(), x.double()))
    for name, x in one_of_each.items()
}

# %% [markdown]
# Before you look at the numbers:

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("metrics.praise", answer)

# %%
print(f"{'':22} precision  recall  density  coverage")
for name, (precision, recall, density, covered) in rows.items():
    print(f"{name:22} {precision:9.2f} {recall:7.2f} {density:8.2f} {covered:9.2f}")

# %% [markdown]
# Coverage sees what the count of modes sees, and more: shrunken modes and duplicates too, without knowing any mode.
# Density praises the shrunken modes. And recall praises outliers and jitter: the farther apart generated samples lie,
# the larger their balls, and the more real ones fall into them.
#
# ### Copies
#
# No metric so far has moved much for the last two samplers.

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("metrics.memory", answer)

# %% [markdown]
# Two numbers for it. The first looks at the samples alone: do any two coincide? The second asks how likely a sample is
# nearer to the **training data** than a fresh real one: 0.5 for a perfect generator, near 1 for a copyist.

# %%
def distinct_share(samples):
    """The share of samples that are different from one another."""
    return len(samples.unique(dim=0)) / len(samples)


held_out = target.sample(samples, Streams(seed, "held out"))
usual = torch.cdist(held_out, source.training).min(dim=1).values.sort().values


def nearness(samples):
    """P(a sample is nearer to the training data than a held-out real sample is)."""
    distance = torch.cdist(samples, source.training).min(dim=1).values
    return 1 - torch.searchsorted(usual, distance).float().mean().item() / len(usual)


for name in ("clean", "shrink within modes", "duplicate", "memorise", "memorise, with noise"):
    points = one_of_each[name]
    print(f"{name:22} {100 * distinct_share(points):3.0f} % distinct   nearness {nearness(points):.2f}")

# %% [markdown]
# A little noise is enough to fool the first. The second catches both. It is also high for the shrunken modes, which
# copy nothing: a sample in a dense place is near to everything. `ganlab.metrics.nearest_neighbour_test` therefore looks
# at more than this one number.

# %% [markdown]
# ## 8. The picture: metric against fault
#
# Now all together. Every metric judges many draws of every sampler. Its clean band (section 5) comes from separate clean
# draws, and a cell of the table is the share of draws outside that band.
#
# We add a sign. **Minus**: the draws look *worse* than clean ones, so the metric has found a fault. **Plus**: they look
# *better* than clean ones, so it praises a fault. (For the spread and the nearness any deviation is bad.) Numbers near
# zero: blind. It takes half a minute.

# %%
HIGHER, LOWER, EITHER = 1, -1, 0  # which way is better
metrics = {
    "modes covered": HIGHER,
    "high-quality share": HIGHER,
    "reverse KL": LOWER,
    "within-mode spread": EITHER,
    "NDB, 20 bins": LOWER,
    "precision": HIGHER,
    "recall": HIGHER,
    "density": HIGHER,
    "coverage": HIGHER,
    "distinct share": HIGHER,
    "nearness to training": EITHER,
}


def all_metrics(x):
    return [
        modes_covered(x, target.centres, sigma),
        high_quality_share(x, target.centres, sigma),
        reverse_kl(mode_counts(x, target.centres, sigma), target.weights),
        within_mode_spread(x, target.centres, sigma),
        ndb(x),
        *precision_recall_density(real.double(), x.double()),
        coverage(real.double(), x.double()),
        distinct_share(x),
        nearness(x),
    ]


def table_of(name, numbers):
    """One row a draw, one column a metric."""
    return torch.tensor([all_metrics(x) for x in draw(name, numbers)])


bands = table_of("clean", range(seed + 20_000, seed + 20_000 + clean_draws))
scores = {name: table_of(name, range(seed, seed + draws)) for name in names}

# %%
cells = torch.zeros(len(metrics), len(names))
for row, better in enumerate(metrics.values()):
    for column, name in enumerate(names):
        share = outside_band(scores[name][:, row], bands[:, row])
        praised = better != EITHER and better * (scores[name][:, row].mean() - bands[:, row].mean()) > 0
        cells[row, column] = share if praised else -share

# %% tags=["nbval-ignore-output"]
most = 2 / 3  # of the draws
full = (cells[:, 1:] < -most).all(dim=1).sum().item()
praising = (cells[:, 1:] > most).any(dim=1).sum().item()
show.display(
    show.heatmap(
        100 * cells,
        list(metrics),
        names,
        label="draws outside the clean band, %:  − looks worse than clean,  + looks better",
        title=f"{full or 'No'} metric sees every fault, and {praising} of {len(metrics)} praise one",
        centre=0,
        better="high",
        text=lambda value: "0" if abs(value) < 0.5 else f"{value:+.0f}".replace("-", "−"),
    )
)

# %% [markdown]
# In one line each; "sees" and "praises" mean: in more than two thirds of the draws.

# %%
for row, metric in enumerate(metrics):
    faulty = [(name, float(cells[row, column])) for column, name in enumerate(names) if name != "clean"]
    seen = [name for name, value in faulty if value < -most]
    praised = [name for name, value in faulty if value > most]
    print(f"{metric:21} sees {len(seen)} of 9" + (f", praises {' and '.join(praised)}" if praised else ""))

# %% [markdown]
# Read the picture by columns first: is there a fault that nothing sees? Then by rows.
#
# - **Dropped modes** are seen by everything that counts modes, bins or balls around real samples. Quality, precision and
#   density do not care.
# - **Reweighting** is invisible to the count of modes, the number that most tables begin with.
# - **Shrunken modes** get *praise* from three metrics: high-quality share, precision, density. Each of them measures
#   quality, and each confuses "typical" with "good".
# - **Duplicates** make every average scatter: 1,000 samples of which 64 are different are no better than 64. So the
#   draws fall out of the band on both sides, and whether a cell says plus or minus is a matter of luck.
# - **Outliers and jitter** raise recall, which is supposed to measure diversity.
# - **Memorised data** are seen by the last two metrics only; recall and coverage notice them in a minority of draws. With a
#   little noise only the last is left, the one that looks at the training data.
# - The **clean** column is the test of the test. It should hold about 5 %, give or take 7 with 40 draws. Recall has 15 and
#   coverage 12 (a hundred other clean draws gave 11 and 2). So read nothing into cells below about 20.
#
# So no single number will do, and a small set does: **modes covered or coverage, reverse KL, spread, high-quality share
# (or precision), nearness to the training data**, each beside what real samples score.

# %% [markdown]
# Play with it: choose a sampler and a sample size, and see what four metrics say of one draw. (Where there is no live
# kernel, you see one setting.)

# %% tags=["interactive", "hide-input", "nbval-ignore-output"]
def look(sampler, samples):
    points = faults[sampler](source, samples, Streams(seed, "play"))
    counts = mode_counts(points, target.centres, sigma)
    said = (
        f"{modes_covered(points, target.centres, sigma)} modes, "
        f"{100 * high_quality_share(points, target.centres, sigma):.0f} % good, "
        f"KL {reverse_kl(counts, target.weights):.3f}, "
        f"spread {within_mode_spread(points, target.centres, sigma):.2f}"
    )
    return show.samples_over_target(points, target, title=said)


show.explore(
    look, sampler=show.choice(*names[2:], *names[:2]), samples=show.slider(1000, 100, 10_000, step=100)
)

# %% [markdown]
# ## 9. The same in `ganlab`
#
# Your functions, and the course's, which accept any mixture and many seeds at once. They must agree.

# %%
from ganlab import metrics as course
from ganlab.metrics.ndb import two_proportion_z as course_z
from ganlab.metrics.prdc import prdc

for points in one_of_each.values():
    x = points.double()
    counts = mode_counts(x, target.centres.double(), sigma)
    torch.testing.assert_close(counts, course.mode_counts(x, target))
    pairs = [
        (modes_covered(x, target.centres.double(), sigma), course.modes_covered(x, target)),
        (high_quality_share(x, target.centres.double(), sigma), course.high_quality_share(x, target)),
        (reverse_kl(counts, target.weights), course.reverse_kl(x, target)),
        (within_mode_spread(x, target.centres.double(), sigma), course.within_mode_spread(x, target)),
    ]
    ours = (*precision_recall_density(real.double(), x), coverage(real.double(), x))
    pairs += list(zip(ours, prdc(real, x), strict=True))
    for mine, theirs in pairs:
        assert math.isclose(mine, theirs, rel_tol=1e-4, abs_tol=1e-6), (mine, theirs)
    k1, k2 = counts, mode_counts(real, target.centres, sigma)
    z = course_z(k2.double() / samples, samples, k1.double() / samples, samples)  # shares there, counts here
    torch.testing.assert_close(two_proportion_z(k1, samples, k2, samples).double(), z, rtol=1e-3, atol=1e-4)
print(f"they agree on all {len(one_of_each)} samplers")

# %% [markdown]
# `mode_report` prints the numbers of a draw in one go, with floor, ceiling, and the range in which 95 % of perfect
# draws fall: the last column tells which end is good. All later chapters use it. Three more distances between proportions
# are in it: the forward KL (with half a sample added to each mode, so that it stays finite), the Jensen-Shannon divergence
# and the total variation, half the sum of $|p_k - w_k|$. Here it is for the sampler that shrinks.

# %%
print(course.mode_report(one_of_each["shrink within modes"], target))

# %% [markdown]
# ## 10. Your turn: two generators
#
# Four suspects, shuffled, so that you do not know which two of them are A and B. Read the two reports, then decide.

# %%
from ganlab.metrics.faults import bridge, drop, reweight

suspects = [
    lambda rng: drop(source, 2500, rng, modes=1),
    lambda rng: shrink(source, 2500, rng, factor=0.85),
    lambda rng: reweight(source, 2500, rng, times=1.5),
    lambda rng: bridge(source, 2500, rng, share=0.1),
]
order = torch.randperm(4, generator=torch.Generator().manual_seed(19)).tolist()
print("Generator A")
print(course.mode_report(suspects[order[0]](Streams(seed, "a")), target))

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("metrics.case_a", answer)

# %%
print("Generator B")
print(course.mode_report(suspects[order[1]](Streams(seed, "b")), target))

# %%
### BEGIN SOLUTION
answer = "a"
### END SOLUTION
predict("metrics.case_b", answer)

# %% [markdown]
# And one about reading papers.

# %%
### BEGIN SOLUTION
answer = "a"
### END SOLUTION
predict("metrics.report", answer)

# %% [markdown]
# ## Questions
#
# <details><summary>A colleague reports a reverse KL of 0.01 on the ring of 8. Is that good?</summary>
#
# Ask for the number of samples. With 350 it is the floor, (8 − 1) / (2 · 350), and nothing could be better. With 10,000
# it is nearly thirty times the floor, and some modes are clearly too frequent.
# </details>
#
# <details><summary>Why is the spread measured from the mode's own mean?</summary>
#
# From the true centre, a mode that has collapsed to one point half a sigma off would seem to have a width of about half a
# sigma. A shift and a width are two faults; one number should not mix them.
# </details>
#
# <details><summary>Two metrics disagree: coverage has fallen, modes covered has not. What may have happened?</summary>
#
# Something within the modes, or in their proportions. Modes covered asks for one sample a mode, coverage for one near
# every real sample. Look at the spread (shrinking, duplicates) and at the KL (reweighting).
# </details>
#
# <details><summary>Why is the sampling floor of the KL not simply subtracted?</summary>
#
# One could, on average: then a perfect generator scores 0 give or take its scatter, and sometimes less than 0, which is no
# divergence any more. It is more honest to print both.
# </details>
#
# <details><summary>Which metrics of this chapter can be used on photographs?</summary>
#
# NDB, the four of the balls, and both for copies, in a space of features rather than of pixels. Counting modes needs
# labels or a classifier; chapters 04 to 08 do that on digits. `ganlab diagnose` puts them together.
# </details>

# %% [markdown]
# ## What to keep
#
# - Before a metric judges a network, let it judge samplers whose fault you know, and the target itself.
# - A number needs its floor, its ceiling, its sample size and its scatter. Better than the target is a fault.
# - Modes covered, proportions, quality, width, nearness to the training data: each is blind to what another sees.
#
# ## What to try next
#
# - Set `sigma` to 0.01, PacGAN's value, and run everything again. Which figure changes, and which numbers do not?
# - Set `samples` to 300. Which cells of the big table fade first?
# - Write a sampler of your own that gets a perfect score from as many metrics as possible and is useless.
# - Make the reweighting weaker until the KL no longer sees it (`reweight(..., times=1.1)`). Does NDB see it longer?
# - `torch.cdist` takes a shortcut for more than 25 points: it computes $|x|^2 + |y|^2 - 2xy$, which loses digits. Compare
#   it with `compute_mode="donot_use_mm_for_euclid_dist"` at $\sigma = 0.001$.
#
# ## Further reading
#
# - Lin, Khetan, Fanti and Oh, *PacGAN: The power of two samples in generative adversarial networks*, 2018: the protocol
#   of modes, quality and KL, with public code.
# - Richardson and Weiss, *On GANs and GMMs*, 2018: NDB.
# - Kynkäänniemi, Karras, Laine, Lehtinen and Aila, *Improved precision and recall metric for assessing generative models*,
#   2019; Naeem, Oh, Uh, Choi and Yoo, *Reliable fidelity and diversity metrics for generative models*, 2020.
# - Arora and Zhang, *Do GANs actually learn the distribution? An empirical study*, 2018: the birthday paradox as a test.
#
# Go on with **03 · Collapse on demand**, where these numbers meet real networks.

# %%
found_by = {name: (cells[:, column] < -most).sum() for column, name in enumerate(names) if name != "clean"}
blind = [name for name, number in found_by.items() if number <= 1]
run.finish(
    f"ceiling of quality {100 * ceiling:.1f} %, floor of the KL {7 / (2 * samples):.4f}; "
    f"a fault that at most one of {len(metrics)} metrics sees: {', '.join(blind) or 'none'}",
    metrics=list(metrics),
    samplers=names,
    outside_clean_band=cells,
)
