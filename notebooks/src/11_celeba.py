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
# # 11 · CelebA: every method at scale
#
# So far a run took a minute and nothing could go wrong. The papers' runs take hours on faces, and on the way a job is killed, a disk fills up, a loss turns into NaN. One trainer does all of it for all methods. You will
#
# - train faces with any of the seven methods and watch them appear,
# - find out what must not depend on the batch or on the number of processes, and write the pieces that see to it,
# - stop a run in the middle, resume it, and get the very same numbers,
# - compute how fast a training step could be, and see how fast it is,
# - take seven trained generators apart: modes, lost images, distances, copies, interpolations.
#
# **What ran where.** Nothing here was run on a GPU or on CelebA: we had neither. All numbers are of toy faces at 32x32 (the
# speed table: random pixels at 64x64), on CPU cores. The same code takes CelebA and GPUs by a change of parameters (section 8); what is said about those is computed, and
# marked so.
#
# The cells take about a minute; with exercises, an hour and a half. Builds on: 01, 02, and a method of your choice from 04 to
# 08.

# %% tags=["parameters"]
preset: str = ""  # a description that comes with the course, such as che2017-mdgan, changed by `more` only; empty: data to discriminators
data: str = "faces"  # toy faces, celeba, or the name of an import
method: str = "gan"  # what to train {gan, regularized, mdgan, msgan, mmgan, nemgan, rpgan}
size: int = 32  # pixels a side {32, 64, 128}
count: int = 3000  # training images, of toy faces [100, 10000000]
latent: int = 32  # dimensions of z [2, 4096]
width: int = 16  # channels before the generator's last layer and after the discriminator's first [1, 1024]
batch: int = 64  # images a step, of all processes together [2, 65536]
steps: int = 150  # training steps [2, 100000000]
learning_rate: float = 0.0005  # of all networks, Adam [0.0000001, 1]
precision: str = "bf16"  # of the networks' arithmetic {no, bf16, fp16}
half_life: int = 2000  # of the averaged generator, images [0, 1000000000]
lambda1: float = 0.005  # of regularized: weight of the distance [0, 1000]
lambda2: float = 0.2  # of regularized: weight of the mode regulariser [0, 1000]
log_weight: float = 0.01  # of mdgan: weight of log D1 [0, 1000]
mode_seeking: float = 1.0  # of msgan: weight of its term [0, 1000]
beta: float = 1.0  # of mmgan: weight of the correlation regulariser [0, 1000]
discriminators: int = 12  # of rpgan: K [1, 512]
more: list[str] = []  # further settings, written as after `ganlab train -p`; `ganlab train list` shows all
measured: int = 1000  # images of your run that section 7 measures [50, 100000]
searched: int = 10000  # training images among which copies are looked for [100, 1000000]
third_party_steps: int = 60  # training steps of each third-party discriminator of section 7 [2, 100000]
judge_steps: int = 2000  # of imports with attributes: training steps of the classifier that reads them [1, 1000000]
inception_weights: str = ""  # file of the published Inception weights; empty: features of our own, named
seed: int = 0  # of the run [0, 1000000]
train_folder: str = ""  # of the training run; one that holds a run goes on from its last checkpoint; empty: nowhere
change: list[str] = []  # settings that may differ from those that the folder was started with
run_folder: str = ""  # where result.json goes; empty: nowhere

# %%
import json
import tempfile
from pathlib import Path

import torch
from torch import nn

from ganlab import show
from ganlab.data import store
from ganlab.learn import exercise, predict, progress
from ganlab.runner.parameters import parse_assignments
from ganlab.scale.settings import complete, namespace, read_settings
from ganlab.seeds import Streams
from ganlab.show import display
from ganlab.train import RunFolder

NAMES = """preset data method size count latent width batch steps learning_rate precision half_life lambda1 lambda2 log_weight
mode_seeking beta discriminators more measured searched third_party_steps judge_steps inception_weights seed""".split()
run = RunFolder(run_folder, {name: globals()[name] for name in NAMES})

GENERAL = "data method size count latent width batch steps learning_rate precision seed".split()
OWN = {"regularized": ["lambda1", "lambda2"], "mdgan": ["log_weight"], "msgan": ["mode_seeking"], "mmgan": ["beta"],
       "rpgan": ["discriminators"]}  # fmt: skip
CALLED = {"gan": "GAN", "regularized": "Regularized GAN", "mdgan": "MDGAN", "msgan": "MSGAN", "mmgan": "MMGAN",
          "nemgan": "NEMGAN", "rpgan": "RPGAN"}  # fmt: skip
if preset:
    settings = read_settings(preset, parse_assignments(more))
else:
    given = {name: globals()[name] for name in GENERAL + OWN.get(method, [])}
    given |= {"ema": half_life, "log": 25 * batch, "save": 75 * batch, "judged": 500}
    settings = complete(given | parse_assignments(more))
s = namespace(settings)
print(f"{CALLED[s.method]} on {s.data} at {s.size}x{s.size}, {s.steps * s.batch:,} images to see")

# %% [markdown]
# ## 1. A run
#
# `fit` is the whole trainer. It takes the settings and a folder, and calls back now and then, here to draw 64 samples on latents
# that stay the same. On a command line the same run is `ganlab train FILE.yaml`.

# %% tags=["interactive", "nbval-ignore-output"]
from ganlab.scale.trainer import fit


def draw(images, samples, numbers):
    alt = f"64 generated faces after {images:,} images."
    if "frechet" in numbers:
        alt += f" Fréchet distance {numbers['frechet']:.1f}."
    return show.image_grid(samples, rows=4, title=f"After {images:,} images", alt=alt)


live = show.Live(draw)
trained, history = fit(settings, train_folder or None, changed=change, show=live.update, say=lambda line: None)
live.close()

# %% tags=["hide-input", "nbval-ignore-output"]
seen = [step * s.batch for step in history.steps]
losses = {name.replace("_", " "): history[name] for name in history.names if "loss" in name}
figure, ((axes,),) = show.new_figure(7.6, 3.4)
from ganlab.show.curves import draw_metric

words = draw_metric(axes, seen, losses, "loss", x_label="images seen")
axes.set_ylabel("loss")
show.heading(axes, f"{CALLED[s.method]}: what the losses say")
display(show.with_alt(figure, f"Losses of the {CALLED[s.method]}. {words}"))

# %% [markdown]
# As in chapter 00, the losses say little. They do not show whether the faces are any good; the pictures do, and so does a
# Fréchet distance, which the trainer measures at each checkpoint to keep the best generator beside the last. It always comes
# with the name of its features:

# %% tags=["hide-input", "nbval-ignore-output"]
distances = [(step * s.batch, record["frechet"]) for step, record in zip(history.steps, history.records, strict=True) if "frechet" in record]
for images, value in distances:
    print(f"{images:>10,} images: Fréchet distance {value:.1f} on {trained.facts['features']}")

# %% [markdown]
# ## 2. A clock that counts images
#
# The faces above are not made by the generator that is being trained, but by a running **average** of its weights:
# $\bar\theta \leftarrow d\,\bar\theta + (1 - d)\,\theta$ after each step. Two players that chase each other never stand still;
# the average is meant to take the swings out (*Try next* shows the faces without it).
#
# How long should its memory be? A decay such as $d = 0.999$ hides the answer, because it counts steps, and a step is more
# images when the batch is larger.

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("scale.clock", answer)

# %% [markdown]
# So the setting is a **half-life in images**: after that many images the past weighs one half.
#
# **Exercise `scale.decay`** · difficulty ●●○○○ · 5 minutes
#
# Turn the half-life into the decay of one step of `batch` images. A half-life of 0 means no average: the decay is 0.

# %% tags=["exercise"]
@exercise("scale.decay")
def decay(half_life, batch):
    """A half-life in images, and images a step, to the factor of the past in one step."""
    ### BEGIN SOLUTION
    return 0.5 ** (batch / half_life) if half_life else 0.0
    ### END SOLUTION


# %%
for images_a_step in (16, 64, 256):
    d = decay(10_000, images_a_step)
    print(f"batch {images_a_step:3}: decay {d:.4f}; after 20,000 images the past weighs {d ** (20_000 / images_a_step):.3f}")

# %% [markdown]
# Reports (`log`) and checkpoints (`save`) count images too. Change the batch, and what you compare is still the same amount of
# data, except for the length: `steps` is steps, so divide it by as much as you multiply the batch.
#
# ## 3. One step, several processes
#
# Training on several GPUs usually goes like this: each process takes its part of the batch, computes loss and gradient, and
# the gradients are averaged. Is that the step that one process would have taken?

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("scale.averaged_gradients", answer)

# %% [markdown]
# Let us measure it. A small discriminator, a batch of 32, and the gradient in one piece against the average over two halves:
# for the plain GAN's loss, for the same with batch norm in the network, and for the distance of the centres, the first term of
# MMGAN.

# %%
def gradient_of(loss, network):
    network.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in network.parameters()])


def disagreement(make_network, loss_of, processes=2):
    """Length of the difference of both gradients, over the length of the right one."""
    torch.manual_seed(0)
    network, real, fake = make_network(), torch.randn(32, 4), torch.randn(32, 4) + 0.2
    whole = gradient_of(loss_of(network, real, fake), network)
    parts = zip(real.chunk(processes), fake.chunk(processes), strict=True)
    averaged = torch.stack([gradient_of(loss_of(network, *part), network) for part in parts]).mean(0)
    return float((averaged - whole).norm() / whole.norm())


def gan_loss(network, real, fake):
    from ganlab.methods.gan import discriminator_loss

    return discriminator_loss(network(real)[:, 0], network(fake)[:, 0])


def plain():
    return nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))


def normed():
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.LeakyReLU(0.2), nn.Linear(16, 1))


def centres(network, real, fake):
    """Distance of the mean features of fakes and reals; 0 * the output, so that every weight has a gradient."""
    features = network[:2]
    return (features(fake).mean(0) - features(real).mean(0)).norm() + 0 * network(fake).sum()


errors = {
    "the GAN's loss": disagreement(plain, gan_loss),
    "with batch norm": disagreement(normed, gan_loss),
    "distance of centres": disagreement(plain, centres),
}
for name, error in errors.items():
    print(f"{name:20} averaged gradients are off by {100 * error:.0f} %")

# %% [markdown]
# The GAN's loss is a mean over samples, and there averaging is exact. Batch norm looks at the whole batch, and so do the losses
# of MMGAN (centres, radii), of MSGAN (a ratio of means) and of NEMGAN (a divergence of means). With averaged gradients these
# methods would silently become others, depending on how many GPUs were free.
#
# The trainer does something else. **Every process knows the whole batch**; it draws the same latents and computes the same
# losses. Only the *networks* share the work: each runs on its own rows, and the rows of all are joined before the method sees them.
#
# **Exercise `scale.own_rows`** · difficulty ●○○○○ · 4 minutes
#
# Which rows of the global batch are those of process `rank`? The number of processes divides the batch. The rows are
# consecutive: the parts are joined one after another, and the order must come out as it was.

# %% tags=["exercise"]
@exercise("scale.own_rows")
def own_rows(batch, processes, rank):
    """Indices of the rows, shape (batch // processes,)."""
    ### BEGIN SOLUTION
    size = batch // processes
    return torch.arange(rank * size, (rank + 1) * size)
    ### END SOLUTION


# %% [markdown]
# **Exercise `scale.centre_distance`** · difficulty ●●○○○ · 6 minutes
#
# The features of reals and fakes lie in parts, one for each process. Compute the distance of the two centres of the *whole*
# batch: the length of the difference of two means.

# %% tags=["exercise"]
@exercise("scale.centre_distance")
def centre_distance(real_parts, fake_parts):
    """Features (processes, rows, dim) of reals and fakes, to one number."""
    ### BEGIN SOLUTION
    return (fake_parts.mean((0, 1)) - real_parts.mean((0, 1))).norm()
    ### END SOLUTION


# %%
torch.manual_seed(1)
features = torch.randn(64, 8), torch.randn(64, 8)  # reals and fakes of one and the same distribution
for processes in (1, 2, 8, 32):
    parts = [torch.stack([x[own_rows(64, processes, rank)] for rank in range(processes)]) for x in features]
    averaged = torch.stack([(f.mean(0) - r.mean(0)).norm() for r, f in zip(*parts, strict=True)]).mean()
    print(f"{processes:2} processes: whole batch {centre_distance(*parts):.3f}, average of the parts {averaged:.3f}")

# %% [markdown]
# Real and fake agree here, and the average of the parts grows with the number of processes: it would punish a perfect
# generator for the number of your GPUs.
#
# On the way back three small rules do it (`ganlab/scale/processes.py`): the gradient of joined rows is cut back to one's
# own; a network's weights get the **sum** of what the processes found; and batch norm's mean and variance are summed over all
# rows. A test runs all seven methods in float64, in one process and in two: after three steps all weights, moments of Adam
# and moving averages agree to 1e-9. Since the state is the same everywhere, one process writes it, and a run begun on two can go
# on on one.
#
# ## 4. Stopped, and going on
#
# A checkpoint holds the networks, Adam's moments, the random states, the place in the data, the average. It is written aside
# and renamed, so a half-written one never has a checkpoint's name. Here is a run that is told to stop in the
# middle, which is what a scheduler's SIGTERM does (a test sends it), and started again, against one that never stopped:

# %%
small = complete({"count": 200, "width": 4, "latent": 8, "batch": 16, "steps": 12, "log": 64, "save": 64, "judged": 0})
quiet = {"say": lambda line: None}
with tempfile.TemporaryDirectory() as folder:
    whole, parted = Path(folder) / "whole", Path(folder) / "parted"
    fit(small, whole, **quiet)
    told_to_stop = iter([False] * 6 + [True])  # asked after each step: stop after the seventh
    _, first = fit(small, parted, stop=lambda: next(told_to_stop), **quiet)
    fit(small, parted, **quiet)
    files = "checkpoints/step-000000012.safetensors", "metrics.jsonl"
    same = [(whole / file).read_bytes() == (parted / file).read_bytes() for file in files]
print(f"stopped early: {first.steps[-1] < 12}; the same bytes in the last checkpoint: {same[0]}, in the metrics: {same[1]}")

# %% [markdown]
# A loss that is no number must end the run, with the step at which it happened, and before anything is saved. The test for it
# costs no waiting: the first bad step is noted on the device and read when a report is due. Here any loss above 0.1 counts as
# exploding:

# %%
from ganlab.scale.trainer import TrainingFailed

try:
    fit(small | {"exploding": 0.1}, **quiet)
except TrainingFailed as failure:
    print(failure)

# %% [markdown]
# ## 5. How fast is a step, how fast could it be?
#
# A device has two roofs: how many operations a second it can do, and how many bytes a second it can move. An image needs some
# of each. At best the two go on at the same time, and the slower one sets the pace.
#
# **Exercise `scale.roofline`** · difficulty ●●○○○ · 5 minutes
#
# Compute images a second, at best.

# %% tags=["exercise"]
@exercise("scale.roofline")
def images_per_second(operations, moved, device_operations, device_bytes):
    """Operations and bytes an image, operations and bytes a second of the device, to images a second."""
    ### BEGIN SOLUTION
    return min(device_operations / operations, device_bytes / moved)
    ### END SOLUTION


# %%
from ganlab.scale.cost import DEVICES, cost

counted = cost(s)
moved = counted.bytes / 2  # counted in float32; 16 bits move half
print(f"a step of {s.method} here: {counted.operations / 1e9:.2f} GFLOP and {moved / 1e6:.2f} MB an image, in 16 bits")
for device in DEVICES:
    rate = images_per_second(counted.operations, moved, device.operations, device.bytes)
    limit = "arithmetic" if rate == device.operations / counted.operations else "memory"
    print(f"{device.name:12} at best {rate:12,.0f} images/s, limited by {limit} (computed)")

# %% [markdown]
# These are computed from data sheets, and no run reaches them. For networks as small as these a third roof is lower: a GPU needs
# some microseconds to *start* each operation, and a step starts hundreds. Larger batches and `compile: true` are what helps.
#
# What can be measured is your CPU: `python bench/train_step.py` times a DCGAN step at 64x64, width 64, batch 64, as tutorials
# write it, and then with one change more in each row. The arms take turns in one run, on a machine that does nothing else, and
# the table is stored with the machine's own ceiling:

# %% tags=["hide-input"]
speed_file = store.embedded_folder() / "results" / "11_celeba" / "train_step.json"
speed = json.loads(speed_file.read_text()) if speed_file.exists() else None
speed_table = "No step has been timed in this copy of the course: python bench/train_step.py does it, in about three minutes."
if speed is not None:
    rows = [{"step": name, "speed, usual = 1": f"{row['ratio']:.2f}", "share of the matrix ceiling": f"{100 * row['share_of_ceiling']:.0f} %"} for name, row in speed["rows"].items()]
    ceiling = speed["matrix_product_gflops"]
    speed_table = show.interval_table(rows, caption=f"CPU, {speed['versions']['threads']} thread(s); ceiling: a matrix product of 2048, {ceiling['float32']:.0f} GFLOP/s in float32, {ceiling['bfloat16']:.0f} in bfloat16")
speed_table

# %% [markdown]
# In that table "ours" is the step of the trainer. It draws fresh latents for the generator's turn, a pass of the generator more than the others,
# which use their fakes twice. The last column is how much of the machine's best the step reaches, in its own precision: the
# faster arithmetic gets, the more time goes to everything else.
#
# ## 6. Seven generators
#
# Each method was trained on toy faces for 44,800 images (700 steps on one core), **one seed each**, and its averaged generator is in
# the repository, in 16 bits. So everything below works without training anything. `ganlab train toyfaces-mdgan` makes one
# again. The learning rate, the same for all, was the better of two for the plain GAN on another seed. MMGAN's kernel and weight
# were changed once, after the run described below, on the same seed: MMGAN had two tries, the others one.

# %%
from ganlab.scale.generator import load_trained

METHODS = list(CALLED)
generators = {name: load_trained(store.embedded(f"generators/toyfaces-{name}.safetensors")) for name in METHODS}
print(", ".join(f"{CALLED[name]} ({generator.facts['images']:,} images)" for name, generator in generators.items()))

# %% tags=["hide-input", "nbval-ignore-output"]
rows = [generator.sample(12, seed=seed) for generator in generators.values()]
display(show.image_grid(torch.cat(rows), rows=7, labels=list(CALLED.values()), title="Seven generators: MDGAN's faces are blurred, RPGAN's stand before grey", alt="Twelve generated faces of each of the seven methods. All are recognisable as faces. MDGAN's are the most blurred; RPGAN's stand before grey, those of the others before colours."))

# %% [markdown]
# Now the numbers, over 4,000 images of each. On toy faces the truth is known: 832 combinations of thirteen attributes, each with its
# probability. A classifier reads the attributes of generated faces, and real faces go through the same classifier in the
# first row: that is what a perfect generator would get. *Untrained* is the other end.

# %% tags=["hide-input"]
table = json.loads((store.embedded_folder() / "results" / "11_celeba" / "table.json").read_text())
measured_rows = table["rows"]
COLUMNS = {  # key, factor, decimals
    "modes": ("modes", 1, 0), "impossible, %": ("impossible", 100, 0), "reverse KL": ("reverse_kl", 1, 2),
    "attribute error, %": ("attribute_error", 100, 1), "Fréchet": ("frechet", 1, 1), "kernel": ("kernel", 1, 2),
    "diversity": ("diversity", 1, 1), "copies, %": ("copies", 100, 1),
}  # fmt: skip


def line(name, row):
    """A row of the table as text; without a judge of attributes some numbers are not known."""
    known = {label: f"{factor * row[key]:.{digits}f}" for label, (key, factor, digits) in COLUMNS.items() if key in row}
    return {"": name} | known | {"missing at noise " + ", ".join(row["missing"]): ", ".join(map(str, row["missing"].values()))}


real_row = measured_rows["real"]
modes, apart, seconds = ([measured_rows[name][key] for name in METHODS] for key in ("modes", "diversity", "train_seconds"))
print(f"trained: {min(modes)} to {max(modes)} modes, and faces {min(apart):.1f} to {max(apart):.1f} apart; real: {real_row['modes']} and {real_row['diversity']:.1f}")
print(f"training took from {min(seconds):.0f} s ({CALLED[METHODS[seconds.index(min(seconds))]]}) to {max(seconds):.0f} s ({CALLED[METHODS[seconds.index(max(seconds))]]})")
show.interval_table([line(CALLED.get(name, name), measured_rows[name]) for name in ("real", "untrained", *METHODS)], caption=(
    f"{real_row['images']:,} toy faces at 32x32 of each, one seed, on a CPU. Distances on {real_row['features']}. Expected modes of a perfect "
    f"generator: {real_row['expected_modes']:.0f} ± {real_row['deviation']:.0f}; reverse KL in nats, its floor {real_row['kl_floor']:.2f}; "
    f"missing: of {table['settings']['unseen']:,} unseen faces; copies: of any of the 10,000 training faces."
))  # fmt: skip

# %% [markdown]
# So every method shows a quarter to three quarters of the combinations that real faces show, and its faces are about half as different
# from each other as real ones. **The rows are not a race.** MSGAN draws with seven attributes of real faces in its hand, so part of its count is the
# data's; NEMGAN had 100 labels; and for the same images MDGAN computed more than twice as long as the GAN.
#
# How to read it. *Modes* counts distinct combinations that were read; *impossible* are combinations that no face has (which, is
# counted below). 0 is no merit by itself: the untrained generator has it, since all its images are read as three ordinary ones.
# *Attribute error* is how far the share of an attribute is off, on average. The **Fréchet distance** fits a Gaussian to the features
# of each set and measures how far apart the two are, $\lVert \mu_1-\mu_2\rVert^2 + \mathrm{tr}(\Sigma_1+\Sigma_2-2(\Sigma_1\Sigma_2)^{1/2})$:
# 0 is equal; blur and lack of variety both raise it. *Kernel* is another distance of the same features, the squared maximum
# mean discrepancy with a cubic kernel; about 0 for equal sets. *Diversity* is the mean distance of two faces. *Missing* is the third party
# of chapter 04: unseen real faces that it is sure the generator would not make. *Copies* are images that all but equal a training image.
#
# Mind the counts of *missing* at noise 3.5 and 4, the noise of MDGAN's published table (unverified). Pixels here lie between
# -1 and 1, and such a noise drowns them: after 250 steps of its training the third party is sure only where nothing looks like a face at
# all, of the untrained generator. At noise 1 it speaks, but of what? RPGAN's 639 and MDGAN's 0 go with the same 107 modes. RPGAN's
# faces stand before grey, real ones before colours: that may be all it takes to tell them apart (chapter 04, section 10).
#
# MMGAN is here without its correlation regulariser. With kernel and weights as published for CelebA the same 700 steps gave no
# recognisable faces (one run): as printed, the discriminator raises the regulariser, and it stood near its maximum (chapter 06 has more
# on that). Its Fréchet distance was 48.1, less than MDGAN's and RPGAN's, whose faces are faces: this number alone does not tell.
#
# **One seed is no proof.** The table shows what each method made once. Which method is *better* needs seeds (chapter 09), and
# the methods were not tuned.
#
# ### Which attributes?

# %% tags=["hide-input", "nbval-ignore-output"]
from ganlab.data.classifiers import read_attributes
from ganlab.data.toyfaces import ATTRIBUTES, mode_of
from ganlab.data.toyfaces.attributes import HAIR

attributes = list(real_row["shares"])
short = [name.replace("_", " ") for name in attributes]
excess = torch.tensor([[100 * (measured_rows[name]["shares"][a] - real_row["shares"][a]) for a in attributes] for name in METHODS])
worst = excess.abs().max()
display(show.heatmap(excess, list(CALLED.values()), short, label="share of faces minus that of real faces, percentage points", centre=0, text=lambda x: f"{round(x):+d}".replace("-", "−"), title=f"Shares of attributes: off by up to {worst:.0f} points"))
read = read_attributes(generators["gan"].sample(500, seed=seed))
hair = read[mode_of(read) < 0][:, [ATTRIBUTES.index(name) for name in HAIR]].sum(1)
print(f"of 500 faces of the GAN {len(hair)} are impossible: {(hair == 0).sum()} neither bald nor of any hair colour, {(hair > 1).sum()} of two kinds of hair")

# %% [markdown]
# *Mustache* is read too often in the faces of every method. The judge was trained on clean faces; a smear under the nose may look to it
# like a moustache: of the untrained generator's noise it reads one in 99.9 %. A judge is reliable only on what it was trained on.
#
# ### Between two faces, and next to a training face
#
# Walk on a straight line from one latent to another. Smooth walks do not prove that nothing was copied, but abrupt ones would
# be a warning. Then put next to generated faces the training faces nearest to them.

# %% tags=["nbval-ignore-output"]
from ganlab.scale.measure import interpolation, nearest_training_images, reference

walks = interpolation(generators["gan"], rows=3, frames=11, seed=seed)
jump = (walks[:, 1:] - walks[:, :-1]).abs().mean((2, 3, 4))
ends = (walks[:, -1] - walks[:, 0]).abs().mean((1, 2, 3))
change = f"A step changes a pixel by {jump.min():.2f} to {jump.max():.2f} on average, of a range of 2; the whole walk by {ends.min():.2f} to {ends.max():.2f}."
display(show.image_grid(walks.flatten(0, 1), rows=3, title="From one latent to another", alt=f"Three rows of eleven faces that change step by step. {change}"))
print(change)

# %% tags=["hide-input", "nbval-ignore-output"]
toy = namespace(read_settings("toyfaces-gan"))
against = reference(toy, n=300, unseen=300, searched=searched)
some = generators["gan"].sample(300, seed=seed)
nearest, of_generated = nearest_training_images(some, against)
_, of_unseen = nearest_training_images(against.fresh, against)
display(show.image_grid(torch.cat([some[:10], nearest[:10]]), rows=2, labels=["generated", "nearest"], alt=f"Ten generated faces and below each the nearest of {len(against.training):,} training faces by features."))
last = against.training[-300:]
noise = 0.02 * torch.randn(last.shape, generator=torch.Generator().manual_seed(seed))
_, of_copies = nearest_training_images(last + noise, against)
for name, distance in {"generated": of_generated, "unseen real": of_unseen, "noisy copies": of_copies}.items():
    print(f"{name:12} to the nearest of {len(against.training):,} training faces: median {distance.median():.1f}, nearer than 0.5: {100 * (distance < 0.5).float().mean():.0f} %")

# %% [markdown]
# The last line is what a generator would get that copies its training faces, up to noise of 0.02 in each pixel.
#
# ### What only some of them can do
#
# MSGAN was told seven attributes of each face; here one condition in each row, and the same eight latents. NEMGAN has two boxes of
# the latent, and 100 labelled faces to learn which of them is for glasses; how often to draw each it is to find out by itself.

# %% tags=["hide-input", "nbval-ignore-output"]
told = generators["msgan"]
latents, _ = told.inputs(8, Streams(seed, "latents"))
names = told.s.conditions
wanted = {"blond, smiling": ["Blond_Hair", "Smiling"], "black, glasses": ["Black_Hair", "Eyeglasses"], "bald": ["Bald"]}


def told_of(on, n):
    return torch.tensor([[float(name in on) for name in names]]).expand(n, -1)


rows = [told.images(latents, told_of(on, 8)) for on in wanted.values()]
display(show.image_grid(torch.cat(rows), rows=3, labels=list(wanted), alt="Faces for three conditions, eight latents each. Blond and black hair follow the condition; most faces that should be bald have hair. Background and skin vary with the latent."))
latents, _ = told.inputs(200, Streams(seed, "latents"))
asked = ["Blond_Hair", "Smiling", "Black_Hair", "Eyeglasses", "Bald"]
for label, on in wanted.items():
    read = read_attributes(told.images(latents, told_of(on, 200)))[:, [ATTRIBUTES.index(name) for name in asked]].double().mean(0)
    print(f"told {label:14} read as " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in zip(asked, read.tolist(), strict=True)))

# %% tags=["hide-input", "nbval-ignore-output"]
boxes = generators["nemgan"]
rows = [boxes.sample(10, seed=seed, mode=mode) for mode in (0, 1)]
glasses = [float(read_attributes(boxes.sample(200, seed=seed, mode=mode))[:, ATTRIBUTES.index("Eyeglasses")].double().mean()) for mode in (0, 1)]
share = float(boxes.prior.softmax(-1)[1])
display(show.image_grid(torch.cat(rows), rows=2, labels=["box 0", "box 1"], alt=f"Ten faces of each box of NEMGAN's latent. Read as wearing glasses: {100 * glasses[0]:.0f} % of box 0, {100 * glasses[1]:.0f} % of box 1."))
print(f"glasses: {100 * glasses[0]:.0f} % of box 0, {100 * glasses[1]:.0f} % of box 1; prior of box 1 {100 * share:.0f} %, true share 18.6 %")

# %% [markdown]
# Blond and black MSGAN has learned, and bald, 7 % of the training faces, in part. Glasses and smile it has not: they are read about as
# often when it is not told them as when it is. NEMGAN's boxes have hardly parted in 700 steps: compare
# the two shares of glasses in the line above. Its prior, which began at one half each and follows what the inversion network reads, is
# on its way to the true share and has not arrived. More players need more steps; this is a null result at this length, not of the method.
#
# ## 7. Your run, measured
#
# The same numbers for the generator of section 1, beside other real images. On CelebA a classifier of its attributes is trained first,
# and its accuracy is shown; the Fréchet distance is on Inception features if you gave the weights.

# %% tags=["nbval-ignore-output"]
from ganlab.scale.measure import measure

mine = reference(s, measured, max(100, measured // 4), inception_weights, judge_steps, searched)
if hasattr(mine.reads, "accuracy"):
    accuracy = mine.reads.accuracy
    print(f"judge of {len(accuracy)} attributes, held-out accuracy {min(accuracy.values()):.2f} to {max(accuracy.values()):.2f}")
found = {}
for name, images in {"real": mine.fresh, "section 1": trained.sample(measured)}.items():
    found[name] = measure(images, mine, third_party_steps=third_party_steps)
show.interval_table([line(name, row) for name, row in found.items()], caption=(
    f"{measured:,} images, on {mine.features.name}; missing: of {len(mine.test):,} unseen ones; copies: of any of {len(mine.training):,} "
    "training images. With fewer images the Fréchet distance of real ones is larger, and modes are fewer: compare only within this table"
))  # fmt: skip

# %% [markdown]
# ## 8. With CelebA and GPUs
#
# Not run by us. CelebA's terms allow non-commercial research only, and its download is often refused: what to do then, a Slurm
# file, and what a run would cost at best are on the page "A run on a cluster" of the site (`site/cluster.md`). In short:
#
#     ganlab data import celeba PATH              # from torchvision's, Kaggle's or a parquet layout, or the zip
#     ganlab train che2017-mdgan -p precision=bf16 --out runs/mdgan
#     torchrun --nproc-per-node 4 -m ganlab.cli train che2017-mdgan -p precision=bf16 --out runs/mdgan
#     ganlab run 11 -p preset=che2017-mdgan -p 'more=["precision=bf16"]' -p train_folder=runs/mdgan    # this notebook, on it
#
# A folder that holds a run is resumed; a parameter that differs is refused by name, unless `--change NAME` says that it may.
# The presets, each named after its paper; what the paper leaves open is marked in the file:
#
# | preset | method | what is published in it |
# |---|---|---|
# | `radford2015-dcgan` | gan | networks, batch, Adam |
# | `che2017-regularized`, `che2017-mdgan` | regularized, mdgan | data, size, networks; not the weights |
# | `mao2019-msgan` | msgan | released CIFAR-10 settings; faces are ours |
# | `park2017-mmgan` | mmgan | kernel "EXP", both weights 1, 64 pixels |
# | `nemgan2018-celeba` | nemgan | released settings of the learned prior; data and attribute are ours |
# | `neyshabur2017-face48` | rpgan | K = 48, widths, batch, Adam, steps |
#
# The only table of numbers that any of the five papers has for CelebA is chapter 04's, of missing test images, and a user study in
# MMGAN's. A run of ours would stand beside the first; there is none yet.
#
# ## 9. Fidelity card
#
# <details><summary>The card</summary>
#
# | in the paper | here | departure | public code |
# |---|---|---|---|
# | MDGAN, CelebA at 64x64, latents of 100 and 200 (unverified) | `che2017-mdgan` | weights and rates not found: ours | – |
# | MSGAN, CIFAR-10 by classes | `mao2019-msgan` | seven attributes of faces in place of ten classes | batch 32, weight decay 1e-4, as here |
# | MMGAN, "EXP", alpha = beta = 1 | `park2017-mmgan` | the kernel's formula is not in the paper; batch norm's place and the generator's steps follow our DCGAN | its base steps the generator twice |
# | NEMGAN with a learned prior | `nemgan2018-celeba` | an attribute as the mode; cross-entropy on toy faces, for time | Wasserstein with penalty, as in the preset |
# | RPGAN, K = 48 | `neyshabur2017-face48` | normal latents made uniform; our generator's initial weights | face48 |
# | all: one GPU | `ganlab.scale.processes` | several processes share each network's rows; the losses are of the whole batch | – |
#
# </details>

# %%
progress("11")

# %%
ranked = sorted(METHODS, key=lambda name: -measured_rows[name]["modes"])
run.finish(
    f"of {real_row['modes']} modes that real faces show: "
    + ", ".join(f"{CALLED[name]} {measured_rows[name]['modes']}" for name in ranked)
    + " (MSGAN is told seven attributes)",
    mine=found,
)

# %% [markdown]
# ## What you can say now
#
# - Count images, not steps: half-lives, reports and checkpoints then mean the same at every batch size.
# - Averaged gradients are right for losses that are means over samples, and for those only. Give every process the whole batch,
#   and let the networks share the work.
# - A run that survives writes whole checkpoints, knows its place in the data and in every random stream, and stops at the first
#   number that is none.
# - A roofline says what cannot be beaten, a measurement what is. Keep them apart.
#
# ## Questions
#
# <details><summary>Why is the sum over processes right for the weights, when everybody averages?</summary>
#
# Everybody's loss is the mean over its own rows, so the mean of the gradients is that of the whole mean. Here each process has
# the loss of the *whole* batch, and its rows' part of the gradient. Parts add up.
#
# </details>
#
# <details><summary>Why does the trainer not simply measure the loss at every step to find a NaN?</summary>
#
# Reading a number makes the host wait until the device has computed it, and then the device waits for the next command. Over
# hundreds of small steps a second that is a large part of the time.
#
# </details>
#
# ## Try next
#
# - `ganlab run 11 -p method=mdgan`, and look at what blurs and what does not.
# - `ganlab run 11 -p half_life=0 -p steps=300`: the faces without the average.
# - Train one method on three seeds (`-p seed=1`) and put their rows into the table.
#
# ## Further reading
#
# - Radford, Metz, Chintala, *Unsupervised Representation Learning with DCGANs*, 2015, arXiv:1511.06434.
# - Liu, Luo, Wang, Tang, *Deep Learning Face Attributes in the Wild* (CelebA), 2015, arXiv:1411.7766.
# - Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, 2020, arXiv:1912.04958: lazy regularisation
#   (`penalty_every` of nemgan).
# - Williams, Waterman, Patterson, *Roofline*, Communications of the ACM 52(4), 2009.
#
# Next: **12 · Report**.
