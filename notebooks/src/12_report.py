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
# # 12 · Report: from a folder of runs to a table
#
# You have run a notebook with many settings and seeds. Now somebody asks: *and what came out?* This notebook reads any
# folder of runs and makes what you attach to a paper: a table with intervals, figures, comparisons over the same
# seeds, and a list of all that left a folder and no value. You will
#
# - see what counts as a repetition, and what only looks like one,
# - compare two settings by their seeds, which can settle what two intervals leave open,
# - find out what a report should say about runs that failed,
# - point it at runs of your own.
#
# It takes about 30 minutes with the exercises; the cells themselves need seconds. Builds on: 01, 03.

# %% tags=["parameters"]
runs: str = ""  # a folder of runs, or a sweep's folder such as runs/sweeps/NAME; empty: the example of the course
chapter: str = ""  # whose runs, where the folder holds those of several chapters
results: list[str] = []  # names in result.json; several are compared with each other; empty: the first
group_by: list[str] = []  # parameters that make a group; empty: all that vary
baseline: str = ""  # what the others are compared with: a group, or one of several results; empty: the first
levels: list[float] = []  # floor and ceiling of the result, for the figures
seed: int = 0  # of the simulation in section 5 [0, 1000000]
run_folder: str = ""  # where result.json and the report go; empty: nowhere

# %%
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ganlab import report
from ganlab.data.store import embedded_folder
from ganlab.learn import exercise, predict, progress
from ganlab.show import bootstrap_interval, display
from ganlab.train import RunFolder

EXAMPLE = embedded_folder() / "results" / "12_report" / "gan_learning_rate"
if not runs:  # the example; what is given goes first
    chapter, results, group_by = chapter or "01", results or ["modes"], group_by or ["learning_rate"]
    baseline = baseline or ("learning_rate 0.001" if group_by == ["learning_rate"] and len(results) == 1 else "")
    levels = levels or ([0, 8] if results == ["modes"] else [])

names = ("runs", "chapter", "results", "group_by", "baseline", "levels", "seed")
run = RunFolder(run_folder, {name: globals()[name] for name in names})

# %% [markdown]
# ## 1. What is there
#
# The example is a small sweep, `sweeps/gan_learning_rate.yaml`: chapter 01's GAN at three learning rates and two batch sizes,
# six runs, each from the same eight seeds, for 1,000 steps, which is short: at the lowest rate the generator has not yet arrived
# anywhere. A run leaves two small files: `run.json` (what was run, with which versions) and `result.json` (what came out). They
# are committed with the course, so that nothing needs to be trained here. A sweep of hundreds of runs is read in the same way;
# the commands stand at the end.

# %%
found = report.read_runs(runs or EXAMPLE, chapter)
print(f"runs of {found.chapter}: {len(found.runs)}")
print("vary:      ", ", ".join(found.varied) or "nothing but the seeds")
print("results:   ", ", ".join(found.results))
print("no numbers:", ", ".join(found.left_out) or "none")

# %% [markdown]
# Tables are pandas DataFrames; of pandas you need no more here than that columns have names. One row a run: parameters, then
# results (the mean over the run's seeds), then the folder. (More columns, `run.*`, say what it was made with: section 7.)

# %% tags=["nbval-ignore-output"]
found.runs[[name for name in found.runs if name == "run.folder" or not name.startswith("run.")]].head(4)

# %% [markdown]
# A run of a chapter trains several seeds side by side and leaves *one number a seed*. So there is a second table,
# with a row for each run and seed. Its first rows and the columns that matter:

# %% tags=["nbval-ignore-output"]
found.seeds[[*found.varied, "seed", *(name for name in found.seeds if name.startswith("result."))]].head(6)

# %% [markdown]
# Here is all of it at a glance, a row a setting and a column a seed. A hatched cell would be a run that is missing.

# %%
results = results or found.results[:1]
baseline = baseline or (results[0] if len(results) > 1 else "")
label = "modes covered" if results == ["modes"] else ", ".join(results)
display(report.seed_map(report.long_table(found, results), label, title=f"{label}: every setting, every seed"))

# %% [markdown]
# ## 2. What is a repetition?
#
# Suppose that you want one number for the learning rate 0.001. The example has two runs with it, with batches of 32 and of 128,
# eight seeds each: sixteen numbers. Are these sixteen repetitions?
#
# No. A *repetition* is a fresh draw of everything that chance decides: initial weights, data, latents. The seed decides
# that. Two runs from the same seed begin with the same weights; what luck one has, the other may share. Count them as
# two, and your interval is too narrow by up to $\sqrt 2$, for no reason but your bookkeeping. (It is such a common
# mistake that it has a name, *pseudoreplication*.)
#
# So: first one number a seed, then count.
#
# **Exercise `report.one_number_a_seed`** · difficulty ●●○○○ · 4 minutes
#
# Given the seed and the value of n numbers, return the mean of each different seed, in ascending order of the seeds.

# %% tags=["exercise"]
@exercise("report.one_number_a_seed")
def one_number_a_seed(seeds, values):
    """Seeds (n,), whole numbers, and values (n,) to one mean for each different seed."""
    ### BEGIN SOLUTION
    return torch.stack([values[seeds == seed].mean() for seed in seeds.unique()])
    ### END SOLUTION


# %%
numbers = report.long_table(found, results, group_by)
group = baseline if baseline in set(numbers["group"]) else numbers["group"].iloc[0]
pooled = numbers[numbers["group"] == group].dropna(subset="value")
values = torch.tensor(pooled["value"].to_numpy(float))
by_seed = one_number_a_seed(torch.tensor(pooled["seed"].to_numpy(int)), values)
for words, sample in ((f"{len(values)} numbers", values), (f"{len(by_seed)} seeds", by_seed)):
    mean, low, high = bootstrap_interval(sample)
    print(f"{words:>10}: mean {mean:.2f}, 95 % interval {high - low:.2f} wide")
alike = pooled.pivot_table(index="seed", columns="setting", values="value").corr().to_numpy()
if alike.shape == (2, 2):
    print(f"correlation of its two settings over the seeds: {alike[0, 1]:.2f}")

# %% [markdown]
# How much the widths differ depends on how alike the runs of one seed are; what is right does not. Here they are much alike, and
# the interval of the sixteen is a fifth too narrow. (Where runs of a seed are as different as strangers, both are about the
# same, and counting right has cost nothing.) The interval is the *percentile bootstrap*: draw as many seeds as there are, with
# replacement, take the mean; do that 10,000 times; cut off 2.5 % at each end.
#
# ## 3. The table
#
# `report.summarise` does this for each group. *Seeds* is what counts, *settings* is how many settings a seed was averaged over,
# and *incomplete* are the seeds that lack a value in one of them.

# %%
summary = report.summarise(numbers)
report.as_table(summary, caption=f"{label}, mean over seeds")

# %%
figures = {"strip": report.group_strip(numbers, label, levels, title=f"{label}: a dot is a seed")}
display(figures["strip"])

# %% [markdown]
# Beware of the narrowest interval of all. In chapter 06 the GAN hits `[8, 8]` modes from ten seeds. That says that these ten were
# equal, not that the next one will be: if one seed in four failed, ten of ten would still go well in one experiment of
# eighteen ($0.75^{10} = 0.056$).
#
# In a sweep, parameters vary. Where one of them is a number, a curve over it says more than a table, and two with three values
# or more make a map.

# %%
numeric = [name for name in found.varied if all(type(value) in (int, float) for value in found.runs[name])]
if numeric and len(results) == 1:
    over = max(numeric, key=lambda name: found.runs[name].nunique())
    by = found.varied if len(found.varied) <= 2 else [over]  # more lines than that nobody can follow
    summary_over = report.summarise(report.long_table(found, results, by))
    figures["curve"] = report.curve(summary_over, over, label, levels, title=f"{label} over {over}")
    display(figures["curve"])
if len(found.varied) == 2 and len(results) == 1 and min(found.runs[name].nunique() for name in found.varied) >= 3:
    both = report.summarise(report.long_table(found, results))
    figures["map"] = report.mean_map(both, *found.varied, label, title=f"{label}: mean over seeds")
    display(figures["map"])

# %% [markdown]
# ## 4. Is it better?

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("report.overlap", answer)

# %% [markdown]
# All settings were run from the same seeds, so a seed can be compared with itself.
#
# **Exercise `report.paired_differences`** · difficulty ●●○○○ · 6 minutes
#
# Given seeds and values of two groups, each seed once in a group, return *a minus b* for each seed that is in both, in
# ascending order of the seeds. A run may have failed: do not rely on both groups having the same seeds, or the same
# order.

# %% tags=["exercise"]
@exercise("report.paired_differences")
def paired_differences(seeds_a, a, seeds_b, b):
    """Seeds and values of two groups, (n,) (n,) (m,) (m,), to a number for each shared seed."""
    ### BEGIN SOLUTION
    shared = sorted(set(seeds_a.tolist()) & set(seeds_b.tolist()))
    of_a = dict(zip(seeds_a.tolist(), a, strict=True))
    of_b = dict(zip(seeds_b.tolist(), b, strict=True))
    return torch.stack([of_a[seed] - of_b[seed] for seed in shared]) if shared else a[:0]
    ### END SOLUTION


# %%
groups = list(dict.fromkeys(numbers["group"]))
baseline = baseline or groups[0]
table = report.by_seed(numbers)


def of_group(group):
    rows = table[table["group"] == group]
    return torch.tensor(rows["seed"].to_numpy(int)), torch.tensor(rows["value"].to_numpy(float))


for group, other in report.opponents(numbers, baseline).items():
    difference = paired_differences(*of_group(group), *of_group(other))
    print(f"{group} minus {other}: {[round(number, 2) for number in difference.tolist()]}")

# %% [markdown]
# The bootstrap over these differences draws *seeds*, each with its pair. This is the paired comparison, and the last
# three columns count the seeds in which a group is above, below and level with the baseline. If the interval does not
# hold 0, luck alone is an unlikely reason; how unlikely, section 5 measures.

# %%
differences = report.compare(numbers, baseline)
report.as_table(differences, caption=f"{label}: difference to {baseline}, over the same seeds")

# %% [markdown]
# In a sweep, pairs are taken setting by setting (batch 32 with batch 32), then averaged over the settings that both
# groups have. Two more comparisons of the example: two settings whose intervals overlap in the curve above, and the table
# once more, of the other result that these runs have, the share of points within $3\sigma$ of a mode.

# %%
examples = not runs and results == ["modes"] and group_by == ["learning_rate"]
if examples:
    pair = report.long_table(found, results).query("learning_rate == 0.001")
    of_pair = report.compare(pair, "batch 32, learning_rate 0.001")
    other = report.compare(report.long_table(found, ["high_quality"], group_by), baseline)
report.as_table(of_pair, caption=f"{label}: difference to batch 32, learning_rate 0.001") if examples else None

# %%
report.as_table(other, caption=f"share of points within 3 sigma: difference to {baseline}") if examples else None

# %% [markdown]
# Seed by seed the larger batch is never behind, though the two intervals overlap. (A pair that we picked *because* it shows
# this. Chosen so, it proves nothing about batches.)
#
# And the other result turns the order round: by the share of points on a mode the rate 0.01 is ahead, in seven of eight seeds.
# At 1,000 steps "covered" mostly means a speck of dust near each mode (chapter 02). A report with one metric has chosen its
# winner: decide on the metric before you look, and report the others.
#
# One warning. Of twenty comparisons of equal things one shows a "difference" at a true 95 %, and two or three do with intervals
# of eight seeds (section 5). And there is a quieter form of the same mistake:

# %%
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
predict("report.best_of_many", answer)

# %% [markdown]
# Let us play it a thousand times: twenty settings that are all equally good, and the best of them run again.

# %%
rng, kept, fresh = np.random.default_rng(seed), [], []
for _ in range(1000):
    means = rng.normal(6, 1.5, (20, 8)).mean(1)  # 6 modes on average, a deviation of 1.5, eight seeds
    kept.append(means.max())
    fresh.append(rng.normal(6, 1.5, 8).mean())
print(f"the best of twenty equal settings: {np.mean(kept):.2f}; the same on eight fresh seeds: {np.mean(fresh):.2f}")

# %% [markdown]
# Without any difference between the settings, the best of them looks a whole mode better than it is. (Where differences are
# large against the luck, the best is ahead in nearly every choice of seeds, and choosing costs little.)
#
# ## 5. How much is a 95 % interval worth?
#
# An interval promises to hold the true mean in 95 of 100 experiments. With few seeds the bootstrap breaks this promise,
# because few seeds hardly show how much seeds differ. We can count how often: draw $n$ numbers whose true mean we know, make
# the interval, look. Once they are normal, and once they pile up at an end, as modes do: 8 in three of four seeds, else 0.

# %%
rng = np.random.default_rng(seed)
worlds = {"normal": (0, rng.normal), "8 or 0": (6, lambda size: rng.choice([8.0, 8.0, 8.0, 0.0], size))}
for n in (3, 5, 8, 10, 20, 50):
    shares = []
    for name, (truth, draw) in worlds.items():
        intervals = (bootstrap_interval(draw(size=n), draws=1000) for _ in range(500))
        shares.append(f"{name} {100 * np.mean([low <= truth <= high for _, low, high in intervals]):.0f} %")
    print(f"{n:2} seeds, intervals that hold the true mean: {', '.join(shares)}")

# %% [markdown]
# Three seeds give intervals that are worth about 75 %, and where values pile up hardly more than half: three seeds that all had
# luck have an interval without width. (Of 500 intervals, a share like 90 % is good to about three points.) This is why chapters
# 04 to 08 use ten seeds where they can, and why the report below warns of groups with fewer than five.
#
# ## 6. What is missing
#
# Let us make a bad night. In a copy of the example two trainings of one setting have diverged, by code of another commit; one run
# was out of memory, one was cut off by a power failure, and of one the `result.json` is half written. And somebody has left a
# folder of another program there, pickle and all.

# %% tags=["hide-input"]
spoilt = Path(tempfile.mkdtemp()) / "runs"
shutil.copytree(EXAMPLE, spoilt)
folders = report.read_runs(EXAMPLE).runs.set_index(["learning_rate", "batch"])["run.folder"]
settings = (0.001, 32), (0.01, 32), (0.01, 128), (0.0001, 128)
diverged, out_of_memory, cut_off, half_written = (spoilt / folders[setting] for setting in settings)


def change(path, **entries):
    """Other entries in a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


modes = json.loads((diverged / "result.json").read_text())["modes"]
change(diverged / "result.json", modes=[None, None, *modes[2:]])  # a number that is not finite is written as null
change(diverged / "run.json", git="0123456789ab")
change(out_of_memory / "run.json", status="failed", failure="cell 41: the kernel died (out of memory, or killed)")
change(cut_off / "run.json", status=None)
for folder in (out_of_memory, cut_off):
    (folder / "result.json").unlink()
(half_written / "result.json").write_text((half_written / "result.json").read_text()[:60])
(spoilt / "other").mkdir()
(spoilt / "other" / "result.json").write_text("[1, 2, 3]")
(spoilt / "other" / "model.pkl").write_bytes(b"not to be opened")

after = report.read_runs(spoilt)
report.as_table(after.skipped[["run.folder", "run.status", "run.reason"]])

# %% [markdown]
# Nothing of it was executed or unpickled: only JSON is read. And a table tells which seeds are gone, and why. *No number* is a
# run that ended with a value that is not finite: it diverged.

# %%
left = report.long_table(after, ["modes"], ["learning_rate"])
report.as_table(report.missing(left))

# %%
display(report.seed_map(left, "modes covered", title="After a bad night: hatched cells have no value"))

# %% [markdown]
# What now of the means? There are two usual ways:
#
# - *Average what is left*, each seed over the settings that it has.
# - *A seed counts when it has a value everywhere in its group.* This is what the table does, and it says how many do not.

# %%
before = report.long_table(report.read_runs(EXAMPLE), ["modes"], ["learning_rate"])
for words, table_of in {
    "had nothing failed": before, "what is left, averaged": left, "0 modes for the two": left.fillna({"value": 0.0}),
}.items():  # fmt: skip
    seeds_of = table_of[table_of["group"] == "learning_rate 0.001"].groupby("seed")["value"].mean()
    print(f"learning_rate 0.001, {words}: {seeds_of.mean():.2f}")
report.as_table(report.summarise(left))

# %% [markdown]
# Neither way is free of bias: if runs fail because they diverge, what is left are the lucky ones, and here the seeds that are
# complete come out farther from the truth than the average of what is left, because one of the two that diverged was unlucky
# anyway. The second way has the merit that all settings are judged on the same seeds, and that it *shows* the loss. So look at
# *why*. Out of memory, a power failure: chance, and the rest is a fair sample. Diverged: that is a result. Give it the value
# that such a generator has, 0 modes, and say so.
#
# Rate 0.0001 has no mean, though batch 32 is whole: a mean over one batch could not be compared with one over two. Grouped by
# both parameters (`group_by=learning_rate,batch`) it is back. And what a reader of the table must know, in sentences:

# %%
for sentence in report.cautions(after, left):
    print("-", sentence)
shutil.rmtree(spoilt.parent)

# %% [markdown]
# Numbers of different code are different experiments, until somebody shows that they are not.
#
# ## 7. Where it comes from
#
# Back to the runs as they are. Who wants to repeat them needs versions, device and commit. (A plus behind a commit says that files
# were changed and not committed; then no commit holds the code, and the report warns. Commit, then run.)

# %% tags=["nbval-ignore-output"]
report.as_table(report.provenance(found))

# %% tags=["nbval-ignore-output"]
cautions = report.cautions(found, numbers)
print("\n".join(cautions) or "Nothing to warn of.")

# %% [markdown]
# ## 8. Where they run
#
# The six runs were made by one command, `ganlab sweep sweeps/gan_learning_rate.yaml`. What it promises:
#
# - **Nothing is run twice.** A run's folder is named after the notebook, its parameters and the code. Stop the sweep whenever
#   you like; the same command goes on, and of what has ended it runs only what failed. Change the code in the middle, and what
#   has not begun fails with a sentence: its numbers would lie under a wrong name.
# - **Nothing stops the others.** A set of parameters that makes a cell fail is a row of the table that names the cell. A
#   worker that dies loses its run to another one, and its kernel ends with it. (`tests/sweep/test_engine.py` kills a worker
#   in the middle of a run, and the command itself, and looks what is left.)
# - **Two runs on two cores do not fight.** Each has a kernel with one thread, unless `--threads` gives it more.
#
# What does that cost? Six runs of a notebook that computes for ten seconds, by one worker and by two on two cores; and
# one run of it by `ganlab` and by papermill alone; all of it three times, in turn.

# %%
cost = json.loads((EXAMPLE.parent / "sweep_cost.json").read_text())
one, two, ganlab_run, papermill_run = (np.array(cost["rounds"][name]) for name in ("one", "two", "ganlab", "papermill"))
ratios = {
    "efficiency of two workers: time of one / (2 x time of two)": one / (2 * two),
    "time of a run by `ganlab` / by papermill alone": ganlab_run / papermill_run,
    "time of a run in a sweep with one worker / by papermill alone": one / cost["runs"] / papermill_run,
}
rows = [
    {"measured": name, "three rounds": ", ".join(f"{ratio:.2f}" for ratio in found), "median": f"{np.median(found):.2f}"}
    for name, found in ratios.items()
]
report.as_table(pd.DataFrame(rows), caption=cost["command"])

# %% [markdown]
# So two workers do nine tenths of what two machines would, and what a run costs beyond papermill is smaller than the scatter of the
# rounds. On many machines, the same sweep takes three commands:
#
# ```
# dask scheduler                                              # on one of them; it prints its address
# dask worker tcp://ADDRESS:8786 --nworkers 8 --nthreads 1    # on each of the others: eight runs at a time
# ganlab sweep my_sweep.yaml --scheduler tcp://ADDRESS:8786   # where the results shall be
# ```
#
# The notebook travels to the worker, and all files of the run come back with its answer: no shared disk is needed. A worker
# with other code or another torch is refused, for its numbers would belong to another experiment. (Only in a network that you
# trust: a dask worker executes what it is sent.)
#
# ## 9. What you attach
#
# With a `run_folder`, the report is written into its folder `report/`: the summary, the differences, what is missing and where
# it comes from as CSV (all digits) and LaTeX; the row of each run and of each seed as CSV; the strip, the curve, the map and
# every seed as PNG and PDF; and `report.md`, which holds the tables, the warnings and the figures with their alt texts. This is
# the LaTeX of the first table, ready for `\input`:

# %%
print(report.to_latex(summary, f"{label}, mean over seeds with 95 % bootstrap interval.", "tab:summary"))

# %%
if run_folder:
    written = report.write_report(
        Path(run_folder) / "report",
        f"{label} of {found.chapter}",
        tables={
            "summary": (f"{label}, mean over seeds with 95 % bootstrap interval", summary),
            "differences": (f"{label}: difference to {baseline}, over the same seeds", differences),
            "missing": ("Seeds without a value", report.missing(numbers)),
            "provenance": ("What the runs were made with", report.provenance(found)),
        },
        data={"runs": found.runs, "seeds": found.seeds, "skipped": found.skipped},
        figures=figures | {"seeds": report.seed_map(report.long_table(found, results), label)},
        sentences=cautions,
    )
    print(f"{len(written)} files in {run_folder}/report")

# %%
progress("12")

# %%
verdicts = {
    "higher": int((differences["low"] > 0).sum()),
    "lower": int((differences["high"] < 0).sum()),
    "undecided": int(((differences["low"] <= 0) & (differences["high"] >= 0)).sum()),
}
run.finish(
    f"runs: {len(found.runs)}, {len(summary)} groups of {summary['seeds'].max()} seeds; of the others against {baseline}: "
    + ", ".join(f"{word} {count}" for word, count in verdicts.items()),
    runs_read=len(found.runs),
    runs_skipped=len(found.skipped),
    **verdicts,
)

# %% [markdown]
# ## What you can say now
#
# - A repetition is a seed: first one number a seed, then count.
# - Compare settings by their seeds; decide on the metric before you look, and report the others.
# - The best of many settings looks better than it is: choose on some seeds, report others.
# - With eight seeds a 95 % interval is worth about 90 %, and with three 75 % at best.
# - What failed is part of the result: say which seeds are gone, and why.
#
# ## Your own runs
#
# ```
# ganlab sweep --example > my_sweep.yaml      # a file to start from; change it
# ganlab sweep my_sweep.yaml --dry-run        # what would run, and how long
# ganlab sweep my_sweep.yaml
# ganlab run 12 -p runs=runs/sweeps/my_sweep -p group_by=learning_rate -p baseline="learning_rate 0.001"
# ```
#
# Lists take commas: `-p group_by=learning_rate,batch -p levels=0,8`. Several results, say one a method, are compared with the
# first of them, setting by setting: the last line of chapter 09's section 10 is an example.
#
# The last command makes this very notebook of your runs, and puts the report beside it. (Once more after new runs? Add
# `--again`: the parameters have not changed, so it would show you the report that it has.) `runs` may also be any folder
# with runs in it, at any depth, for instance one that a colleague has sent. To send yours, you need only the two small
# files of each run: `report.copy_records(folder, to)` picks them out.
#
# A notebook of your own takes part when it has a `seed`, takes a `run_folder` and ends with
# `RunFolder(run_folder, parameters).finish("one line", my_number=...)`.
#
# ## Questions
#
# **Why means, and not medians or the best seed?** The mean is what a user of the method gets on average, and its bootstrap is
# nearly honest from about twenty seeds on. But look at the strip: where half of the seeds collapse, no single number is fair. Show the dots.
#
# **Is an interval that holds 0 a proof that two settings are equal?** No. It says that these seeds cannot tell. Its
# width says how large a difference you may have missed.
#
# **Which seeds should I tune on?** On others than those that you report. Where the course tunes, it does so on seeds from 100 or
# from 1000 on, and it reports seeds from 0 on. Sweeps that it shows, as this one or chapter 06's over learning rates, are no
# tuning: do not take the best of them for your table.
#
# ## Try next
#
# - `ganlab sweep sweeps/gan_learning_rate.yaml` makes the example again, in some minutes. Then
#   `ganlab run 12 -p runs=runs/sweeps/gan_learning_rate -p results=modes -p group_by=learning_rate -p levels=0,8 -p
#   baseline="learning_rate 0.001"` reads yours.
# - Give that file a grid of `steps` as well and run it again. Only what is new is run.
# - Group the example by `batch` instead: `ganlab run 12 -p group_by=batch`. Can eight seeds tell the two batches apart?
#
# ## Further reading
#
# - Colas, Sigaud, Oudeyer, *How Many Random Seeds?*, 2018, arXiv:1806.08295: what intervals of few seeds are worth.
# - Agarwal et al., *Deep Reinforcement Learning at the Edge of the Statistical Precipice*, 2021, arXiv:2108.13264: the same
#   question for another field that lives on few runs.
# - Hurlbert, *Pseudoreplication and the Design of Ecological Field Experiments*, 1984.
#
# Next: **13 · Clinic**.
