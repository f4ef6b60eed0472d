"""Groups of runs, means over seeds with intervals, and paired differences: pure functions on one long table.

`long_table` gives a row for each number: its `group` (what is compared), its `setting` (what else varies within the
group), its `seed` and its `value`. Everything else is computed from that. The unit that is counted is the seed: numbers
of one seed under several settings are averaged first, for they are no independent repetitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ganlab.errors import GanlabError
from ganlab.metrics.intervals import bootstrap_interval
from ganlab.report.reading import MOST_SEEDS, Runs, label, named
from ganlab.runner.chapters import nearest

FEW = 5  # seeds below which a bootstrap interval is far too narrow


def heads(table: pd.DataFrame) -> list[str]:
    """The columns before `group`: what the groups of a summary differ in."""
    return list(table.columns[: list(table.columns).index("group")]) if "group" in table else []


def long_table(found: Runs, results: Sequence[str], by: Sequence[str] = ()) -> pd.DataFrame:
    """A row for each number of `results`, with runs that gave none in it.

    Args:
        results: one name, or several to compare them with each other: the name is then part of the group.
        by: parameters or `run.*` columns to group by; empty: all parameters that vary.

    Returns:
        Columns: the `by` columns, `group`, `setting`, `seed`, `value` (NaN: there is none) and `why` ("" or why there
        is no value). In order of the groups: results as asked for, numbers by size, texts by the alphabet.

    Raises:
        GanlabError: no such result or column.
    """
    if not results:
        raise GanlabError(f"Name a result: {', '.join(found.results) or 'but these runs have no numbers'}.")
    for name in results:
        if name not in found.results:
            known = ", ".join(found.results) or "none"
            raise GanlabError(f"There is no result '{name}'{nearest(name, found.results)}: these runs have {known}.")
    columns = [*found.parameters, *(name for name in found.runs if name.startswith("run."))]
    for name in by:
        if name not in columns or name in ("seed", "seeds"):
            known = ", ".join(found.varied) or "nothing"
            raise GanlabError(f"Runs cannot be grouped by '{name}'{nearest(name, columns)}: {known} varies in them.")
    by = list(by) or found.varied
    rest = [name for name in found.varied if name not in by]
    parts = [_numbers_of(found, name) for name in results]
    table = pd.concat(parts, ignore_index=True)
    several = ["result"] if len(results) > 1 else []
    table["group"] = [_words(row, several + by) for row in table.to_dict("records")]
    table["setting"] = [_words(row, rest) for row in table.to_dict("records")]
    asked = {name: (0, float(place), "") for place, name in enumerate(results)}
    rows = table[["result", *by, *rest]].itertuples(index=False, name=None)
    ranks = [[asked[result], *map(_rank, settings)] for result, *settings in rows]
    order = sorted(range(len(table)), key=ranks.__getitem__)
    kept = [*several, *by, "group", "setting", "seed", "value", "why"]
    return table.iloc[order][kept].reset_index(drop=True)


def by_seed(numbers: pd.DataFrame) -> pd.DataFrame:
    """One number a seed in each group: the mean over the group's settings, of seeds that have a value in all of them.

    Returns:
        Columns `group`, `seed`, `value`, in the order of the groups.
    """
    rows = []
    for group, part in numbers.groupby("group", sort=False):
        complete = _wide(part).dropna()
        rows.append(pd.DataFrame({"group": group, "seed": complete.index, "value": complete.mean(axis=1).to_numpy()}))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["group", "seed", "value"])


def summarise(numbers: pd.DataFrame) -> pd.DataFrame:
    r"""Mean over seeds of each group with its 95 % percentile bootstrap interval.

    Returns:
        A row a group: its columns, `mean`, `low`, `high`, `seeds` (that count), `incomplete` (seeds without a value in
        at least one setting), `settings` (that each seed is averaged over).
    """
    heads = [name for name in numbers if name not in ("setting", "seed", "value", "why")]
    values = {group: part["value"] for group, part in by_seed(numbers).groupby("group", sort=False)}
    rows = []
    for group, part in numbers.groupby("group", sort=False):
        own = values.get(group, pd.Series(dtype=float))
        mean, low, high = bootstrap_interval(own) if len(own) else (np.nan,) * 3
        seeds = part["seed"].nunique()
        counted = {"seeds": len(own), "incomplete": seeds - len(own), "settings": part["setting"].nunique()}
        rows.append(part[heads].iloc[0].to_dict() | {"mean": mean, "low": low, "high": high} | counted)
    return pd.DataFrame(rows)


def paired_differences(numbers: pd.DataFrame, group: str, baseline: str) -> pd.Series:
    """`group` minus `baseline`, a number a seed: over the settings that both have, and seeds complete in both.

    Raises:
        GanlabError: there is no such group.
    """
    tables = []
    for name in (group, baseline):
        part = numbers[numbers["group"] == name]
        if part.empty:
            groups = list(dict.fromkeys(numbers["group"]))
            raise GanlabError(f"There is no group '{name}'{nearest(name, groups)}: there are {'; '.join(groups)}.")
        tables.append(_wide(part))
    one, other = tables
    shared = [name for name in one if name in set(other)]
    if not shared:
        return pd.Series(dtype=float)
    difference = one[shared] - other[shared]  # pandas aligns the seeds; who is missing in one is NaN
    return difference.dropna().mean(axis=1)


def opponents(numbers: pd.DataFrame, baseline: str) -> dict[str, str]:
    """The group that each is compared with: `baseline`, or where that is one of several results, this result's group
    with the same settings."""
    firsts = numbers.drop_duplicates("group").to_dict("records")
    settings = [name for name in heads(numbers) if name != "result"]
    same = {_words(row, settings): row["group"] for row in firsts if row.get("result") == baseline}
    if "result" not in numbers or not same:
        return {row["group"]: baseline for row in firsts if row["group"] != baseline}
    others = {row["group"]: _words(row, settings) for row in firsts if row["result"] != baseline}
    return {group: same[words] for group, words in others.items() if words in same}


def compare(numbers: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Each group against the baseline, over the same seeds.

    Args:
        numbers: from `long_table`.
        baseline: a group; or one of several results, with which the others are compared setting by setting.

    The interval is the paired bootstrap's: seeds are drawn with their difference. It tells of these two groups only;
    of twenty comparisons one lies beside zero by chance alone.

    Returns:
        A row a group: `group`, `difference`, `low`, `high`, `seeds`, and in how many seeds the group's value is
        `higher`, `lower` and `equal`.
    """
    rows = []
    for group, other in opponents(numbers, baseline).items():
        own = paired_differences(numbers, group, other)
        mean, low, high = bootstrap_interval(own) if len(own) else (np.nan,) * 3
        signs = {"higher": int((own > 0).sum()), "lower": int((own < 0).sum()), "equal": int((own == 0).sum())}
        rows.append({"group": group, "difference": mean, "low": low, "high": high, "seeds": len(own)} | signs)
    if not rows:
        paired_differences(numbers, baseline, baseline)  # says when there is no such group
    return pd.DataFrame(rows, columns=["group", "difference", "low", "high", "seeds", "higher", "lower", "equal"])


def missing(numbers: pd.DataFrame) -> pd.DataFrame:
    """Where a seed has no value that it has elsewhere.

    Returns:
        A row for each group, setting and reason: `group`, `setting`, `why`, `seeds` (a list of them).
    """
    everywhere = sorted(set(numbers["seed"]))
    rows = []
    for (group, setting), part in numbers.groupby(["group", "setting"], sort=False):
        known = set(part.loc[part["value"].notna(), "seed"])
        reasons = {row.seed: row.why for row in part.itertuples() if row.why and row.seed not in known}
        absent: dict[str, list[int]] = {}
        for seed in everywhere:
            if seed not in known:
                absent.setdefault(reasons.get(seed, "not run"), []).append(int(seed))
        rows += [{"group": group, "setting": setting, "why": why, "seeds": seeds} for why, seeds in absent.items()]
    return pd.DataFrame(rows, columns=["group", "setting", "why", "seeds"])


def provenance(found: Runs) -> pd.DataFrame:
    """What the runs were made with: a row for each fact and value, `fact`, `value`, and the number of `runs`."""
    facts = [name for name in found.runs if name.startswith("run.") and name not in _NO_PROVENANCE]
    rows = []
    for name in facts:
        counts = found.runs[name].fillna("not recorded").value_counts(sort=False)
        rows += [{"fact": name.removeprefix("run."), "value": str(v), "runs": int(n)} for v, n in counts.items()]
    return pd.DataFrame(rows, columns=["fact", "value", "runs"])


def cautions(found: Runs, numbers: pd.DataFrame) -> list[str]:
    """What a reader of the table must know, in sentences; none when there is nothing to say."""
    said = []
    facts = provenance(found)
    for fact, part in facts.groupby("fact", sort=False):
        if len(part) > 1:
            listed = ", ".join(f"{row.value} ({row.runs})" for row in part.itertuples())
            confounded = [name for name in found.varied if _settles(found.runs, name, f"run.{fact}")]
            said.append(f"The runs differ in {fact}: {listed}.")
            if confounded:
                said.append(f"{fact} changes together with {', '.join(confounded)}: the two cannot be told apart.")
    unclean = facts[(facts["fact"] == "git") & facts["value"].str.endswith("+")]["runs"].sum()
    if unclean:
        of_all = f"{unclean} of {len(found.runs)} runs"
        said.append(f"{of_all} were made with uncommitted changes: no commit holds their code.")
    if len(found.skipped):
        counts = found.skipped["run.status"].value_counts(sort=False)
        listed = ", ".join(f"{count} {status}" for status, count in counts.items())
        folders = "1 folder is" if len(found.skipped) == 1 else f"{len(found.skipped)} folders are"
        said.append(f"{folders} not in the tables: {listed}.")
    summary = summarise(numbers)
    for row in summary[summary["incomplete"] > 0].itertuples():
        of_all = f"{row.incomplete} of {row.seeds + row.incomplete} seeds"
        said.append(f"{row.group}: {of_all} lack a value and do not count.")
    if summary["settings"].nunique() > 1:
        said.append("The groups are averaged over different numbers of settings: compare them with care.")
    few = summary.loc[summary["seeds"].between(1, FEW - 1), "group"]
    if len(few):
        said.append(f"Intervals of fewer than {FEW} seeds are much too narrow: {'; '.join(few)}.")
    return said


_NO_PROVENANCE = ("run.folder", "run.seconds", "run.finished", "run.profile")


def _numbers_of(found: Runs, result: str) -> pd.DataFrame:
    """The rows of one result: a row a seed, or a row a run where it is a number of the run."""
    column = f"result.{result}"
    of_seeds = column in found.seeds
    table = (found.seeds if of_seeds else found.runs).copy()
    table["value"] = table[column].astype(float)
    table["why"] = np.where(table["value"].notna(), "", "no number")
    rows = []
    for row in found.without_numbers.to_dict("records"):
        count = row.get("seeds") if of_seeds else 1
        seeds = range(row["seed"], row["seed"] + (count if isinstance(count, int) and count <= MOST_SEEDS else 1))
        rows += [row | {"seed": seed, "value": np.nan, "why": row["run.status"]} for seed in seeds]
    if rows:
        table = pd.concat([table, pd.DataFrame(rows, dtype=object)], ignore_index=True)
    return table.assign(result=result, value=table["value"].astype(float), seed=table["seed"].astype(int))


def _wide(part: pd.DataFrame) -> pd.DataFrame:
    """Seeds by settings; NaN where there is no value."""
    return part.groupby(["seed", "setting"], sort=False)["value"].mean().unstack("setting").sort_index()


def _words(row: Mapping, names: Sequence[str]) -> str:
    return ", ".join(named(name, row[name]) for name in names) or "all runs"


def _rank(value) -> tuple:
    """Numbers by size, before texts by the alphabet."""
    if isinstance(value, bool | int | float) and value == value:
        return (0, float(value), "")
    return (1, 0.0, label(value))


def _settles(runs: pd.DataFrame, parameter: str, fact: str) -> bool:
    """Runs with the same value of the parameter always agree in the fact (and there are several with the same)."""
    values = [label(value) for value in runs[parameter]]
    facts = runs[fact].fillna("not recorded").groupby(values)
    return 2 * len(facts) <= len(runs) and facts.nunique().max() == 1
