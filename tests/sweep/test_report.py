"""Reports: what a folder of runs holds is read, named or refused; numbers against an independent computation."""

import json
import math
import pickle

import numpy as np
import pandas as pd
import pytest

from ganlab import report
from ganlab.errors import GanlabError
from ganlab.show import alt_of, bootstrap_interval

CHAPTER = "01_gan_from_scratch"
VERSIONS = {"python": "3.11.7", "torch": "2.4.0"}


def make_run(folder, parameters, results=None, **record):
    """A run folder as `ganlab sweep` leaves it; without results, one that was stopped."""
    folder.mkdir(parents=True)
    described = {"parameters": parameters, "versions": VERSIONS, "git": "abc", "device": "cpu", "chapter": CHAPTER}
    (folder / "run.json").write_text(json.dumps(described | {"asked": parameters, "status": "done"} | record))
    if results is not None:
        outcome = {"line": "a line", "seconds": 1.5, "parameters": parameters, **results}
        (folder / "result.json").write_text(json.dumps(outcome))
    return folder


@pytest.fixture
def runs(tmp_path):
    """Two rates, two batches, seeds 0-3 in two runs of two: `modes` is 100 rate + batch / 64 + seed."""
    for rate in (0.01, 0.02):
        for batch in (64, 128):
            for seed in (0, 2):
                parameters = {"rate": rate, "batch": batch, "seeds": 2, "seed": seed}
                modes = [100 * rate + batch / 64 + seed + place for place in range(2)]
                numbers = {"modes": modes, "nested": {"loss": modes}, "of_run": 7, "words": "none", "pair": [[1], [2]]}
                make_run(tmp_path / "runs" / f"{rate}" / f"{batch}-{seed}", parameters, numbers)
    return tmp_path / "runs"


# Reading


def test_two_tidy_tables(runs):
    found = report.read_runs(runs)
    assert (found.chapter, found.varied, found.left_out) == (CHAPTER, ["rate", "batch"], ["pair", "words"])
    assert found.results == ["modes", "nested.loss", "of_run"]
    assert len(found.runs) == 8 and len(found.seeds) == 16 and found.skipped.empty
    row = found.seeds[(found.seeds["rate"] == 0.02) & (found.seeds["batch"] == 128) & (found.seeds["seed"] == 3)]
    assert row["result.modes"].tolist() == [7.0] and row["run.torch"].tolist() == ["2.4.0"]
    assert found.runs["result.of_run"].tolist() == [7.0] * 8 and "result.of_run" not in found.seeds
    assert found.runs["batch"].map(type).eq(int).all()


def test_a_run_of_one_seed_has_one_number_a_seed(tmp_path):
    for seed in (0, 1):
        make_run(tmp_path / str(seed), {"seed": seed}, {"modes": 5 + seed, "collapsed": [True]})
    found = report.read_runs(tmp_path)
    assert found.seeds[["seed", "result.modes", "result.collapsed"]].to_numpy().tolist() == [[0, 5, 1], [1, 6, 1]]


class Alarm:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize(
    ("break_it", "status", "reason"),
    [
        (lambda f: (f / "run.json").write_text('{"parameters": {'), "broken", "run.json is not whole JSON"),
        (lambda f: (f / "run.json").write_bytes(b"\xff\xfe\x00"), "broken", "run.json is not whole JSON"),
        (lambda f: (f / "run.json").write_text("[" * 100_000), "broken", "run.json is not whole JSON"),
        (lambda f: (f / "run.json").write_text("[1]"), "foreign", "run.json holds no JSON object"),
        (lambda f: (f / "run.json").write_text('{"loss": 3}'), "foreign", "names no parameters"),
        (lambda f: (f / "run.json").write_text('{"parameters": {"steps": 3}}'), "foreign", "names no seed"),
        (lambda f: (f / "run.json").write_text('{"parameters": {"seed": 0, "seeds": 1e99}}'), "foreign", "seeds"),
        (lambda f: (f / "run.json").write_text('{"parameters": {"seed": 0, "seeds": 100001}}'), "foreign", "seeds"),
        (lambda f: (f / "run.json").unlink(), "foreign", "no run.json"),
        (lambda f: (f / "result.json").write_text('{"modes": [1'), "broken", "result.json is not whole JSON"),
        (lambda f: (f / "result.json").unlink(), "broken", "there is no result.json"),
        (lambda f: (f / "result.json").write_text('{"parameters": {"seed": 9}}'), "broken", "different parameters"),
        (lambda f: (f / "result.json").write_bytes(b" " * 20_000_001), "foreign", "20,000,001 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_finished_run_is_named_and_skipped(runs, break_it, status, reason):
    folder = runs / "0.01" / "64-0"
    (folder / "model.pkl").write_bytes(pickle.dumps(Alarm()))
    break_it(folder)
    found = report.read_runs(runs)
    (row,) = found.skipped.to_dict("records")
    assert row["run.folder"] == "0.01/64-0" and row["run.status"] == status and reason in row["run.reason"]
    assert len(found.runs) == 7


def test_failed_and_unfinished_runs_keep_their_place(runs):
    make_run(runs / "failed", {"rate": 0.03, "batch": 64, "seeds": 2, "seed": 0}, status="failed", failure="cell 3: no")
    make_run(runs / "stopped", {"rate": 0.01, "batch": 64, "seeds": 2, "seed": 4}, status="")
    found = report.read_runs(runs)
    assert found.skipped["run.status"].tolist() == ["failed", "unfinished"]
    gone = report.missing(report.long_table(found, ["modes"], ["rate"]))
    wanted = {("rate 0.03", "batch 64", "failed"): [0, 1], ("rate 0.01", "batch 64", "unfinished"): [4, 5]}
    got = {(row.group, row.setting, row.why): row.seeds for row in gone.itertuples()}
    assert {key: got[key] for key in wanted} == wanted
    assert got[("rate 0.02", "batch 64", "not run")] == [4, 5]


def test_the_same_parameters_twice_are_one_run(runs):
    parameters = {"rate": 0.01, "batch": 64, "seeds": 2, "seed": 0}
    make_run(runs / "again", parameters, {"modes": [50, 60]}, finished="2026-01-02T00:00:00+00:00")
    found = report.read_runs(runs)
    (row,) = found.skipped.to_dict("records")
    assert row["run.status"] == "repeated" and row["run.folder"] == "0.01/64-0" and "again" in row["run.reason"]
    assert 50 in found.seeds["result.modes"].tolist()


def test_several_chapters_are_not_mixed(runs):
    make_run(runs / "other", {"seed": 0}, {"modes": 3}, chapter="04_mdgan")
    with pytest.raises(GanlabError, match=r"runs of 2 chapters: name one of 01_gan_from_scratch \(8\), 04_mdgan \(1\)"):
        report.read_runs(runs)
    assert len(report.read_runs(runs, "04").runs) == 1
    assert len(report.read_runs(runs, CHAPTER).runs) == 8
    with pytest.raises(GanlabError, match="no runs of '07'"):
        report.read_runs(runs, "07")


def test_a_sweeps_folder_stands_for_its_runs_wherever_it_was_moved(tmp_path):
    for place, key in enumerate(("0123456789ab", "0123456789ac", "0123456789ad")):
        make_run(tmp_path / "runs" / CHAPTER / key, {"seed": place}, {"modes": place})
    sweep = tmp_path / "runs" / "sweeps" / "demo"
    sweep.mkdir(parents=True)
    (sweep / "manifest.json").write_text(json.dumps({"sweep": "demo", "notebook": CHAPTER}))
    table = pd.DataFrame({"key": ["0123456789ab", "0123456789ad", "0123456789ff"], "folder": "/elsewhere"})
    table.to_csv(sweep / "table.csv", index=False)
    moved = tmp_path / "moved"
    (tmp_path / "runs").rename(moved)
    for name in (moved / "sweeps" / "demo", moved / "sweeps" / "demo" / "table.csv"):
        found = report.read_runs(name)
        assert found.runs["seed"].tolist() == [0, 2]
        assert found.skipped["run.status"].tolist() == ["missing"]
    pd.DataFrame({"key": ["../../secret"]}).to_csv(moved / "sweeps" / "demo" / "table.csv")
    with pytest.raises(GanlabError, match="not the table of a sweep"):
        report.read_runs(moved / "sweeps" / "demo")


def test_folders_that_hold_nothing(tmp_path, monkeypatch):
    with pytest.raises(GanlabError, match="There is no folder 'nowhere'"):
        report.read_runs("nowhere")
    with pytest.raises(GanlabError, match="There is no finished run"):
        report.read_runs(tmp_path)
    make_run(tmp_path / "run", {"seed": 0}, status="failed", failure="cell 2: ValueError")
    with pytest.raises(GanlabError, match=r"1 folders in it .* run is failed \(cell 2: ValueError\)"):
        report.read_runs(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(GanlabError, match="is a file"):
        report.read_runs(tmp_path / "file")


# Tables


def test_the_mean_is_taken_over_seeds_not_over_runs(runs):
    numbers = report.long_table(report.read_runs(runs), ["modes"], ["rate"])
    per_seed = [1 + 1.5 + seed for seed in range(4)]  # batch 64 and 128 add 1 and 2
    assert report.by_seed(numbers).query("group == 'rate 0.01'")["value"].tolist() == per_seed
    first = report.summarise(numbers).iloc[0]
    assert (first["mean"], first["low"], first["high"]) == pytest.approx(bootstrap_interval(per_seed))
    assert (first["rate"], first["seeds"], first["incomplete"], first["settings"]) == (0.01, 4, 0, 2)


def test_a_seed_without_a_value_in_one_setting_does_not_count(runs):
    path = runs / "0.01" / "64-0" / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"modes": [None, 5]}))
    found = report.read_runs(runs)
    numbers = report.long_table(found, ["modes"], ["rate"])
    summary = report.summarise(numbers)
    assert summary["seeds"].tolist() == [3, 4] and summary["incomplete"].tolist() == [1, 0]
    assert report.missing(numbers).to_dict("records") == [
        {"group": "rate 0.01", "setting": "batch 64", "why": "no number", "seeds": [0]}
    ]
    assert any("1 of 4 seeds lack a value" in sentence for sentence in report.cautions(found, numbers))
    spoilt = found.runs["run.folder"] == "0.01/64-0"
    assert found.runs[spoilt]["result.modes"].isna().all() and found.runs[~spoilt]["result.modes"].notna().all()


def test_groups_come_in_order_of_their_numbers(tmp_path):
    for place, steps in enumerate((1000, 20, 300)):
        make_run(tmp_path / str(place), {"steps": steps, "seed": 0}, {"modes": steps})
    numbers = report.long_table(report.read_runs(tmp_path), ["modes"])
    assert numbers["group"].tolist() == ["steps 20", "steps 300", "steps 1000"]


def test_several_results_are_compared_with_each_other(runs):
    numbers = report.long_table(report.read_runs(runs), ["nested.loss", "modes"], ["rate"])
    assert list(dict.fromkeys(numbers["group"])) == [
        f"{name}, rate {rate}" for name in ("nested.loss", "modes") for rate in (0.01, 0.02)
    ]
    row = report.compare(numbers, "modes, rate 0.01").set_index("group").loc["nested.loss, rate 0.01"]
    assert row["difference"] == 0 and row["equal"] == 4


def test_a_result_as_the_baseline_is_met_setting_by_setting(tmp_path):
    for seed in range(6):
        for rate in (0.1, 0.2):
            numbers = {"old": 10 * rate, "new": 10 * rate + (1 if rate == 0.1 else -seed)}
            make_run(tmp_path / f"{rate}-{seed}", {"rate": rate, "seed": seed}, numbers)
    found = report.read_runs(tmp_path)
    numbers = report.long_table(found, ["old", "new"], ["rate"])
    assert report.opponents(numbers, "old") == {"new, rate 0.1": "old, rate 0.1", "new, rate 0.2": "old, rate 0.2"}
    table = report.compare(numbers, "old").set_index("group")
    assert table["difference"].tolist() == pytest.approx([1, -2.5]) and table["seeds"].tolist() == [6, 6]
    with pytest.raises(GanlabError, match="There is no group 'odl'"):
        report.compare(numbers, "odl")


def test_paired_differences_against_numpy(tmp_path):
    """Settings and seeds that only one side has are left out of the pairs."""
    rng = np.random.default_rng(0)
    table = {}
    for rate, batches, seeds in ((0.1, (1, 2), range(6)), (0.2, (2, 3), range(1, 8))):
        for batch in batches:
            for seed in seeds:
                table[rate, batch, seed] = rng.normal()
                values = {"modes": table[rate, batch, seed]}
                make_run(tmp_path / f"{rate}-{batch}-{seed}", {"rate": rate, "batch": batch, "seed": seed}, values)
    numbers = report.long_table(report.read_runs(tmp_path), ["modes"], ["rate"])
    difference = report.paired_differences(numbers, "rate 0.2", "rate 0.1")
    expected = [table[0.2, 2, seed] - table[0.1, 2, seed] for seed in range(1, 6)]
    assert difference.index.tolist() == [1, 2, 3, 4, 5] and difference.tolist() == pytest.approx(expected)
    row = report.compare(numbers, "rate 0.1").iloc[0]
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(bootstrap_interval(expected))
    assert row["higher"] + row["lower"] == row["seeds"] == 5


def test_the_pairing_finds_what_two_intervals_hide(tmp_path):
    for seed in range(8):
        for rate, gain in ((0.1, 0.0), (0.2, 0.5)):
            make_run(tmp_path / f"{seed}-{rate}", {"rate": rate, "seed": seed}, {"modes": 2 * seed + gain})
    numbers = report.long_table(report.read_runs(tmp_path), ["modes"])
    low, high = report.summarise(numbers)[["low", "high"]].to_numpy()
    assert low[1] > high[0]
    row = report.compare(numbers, "rate 0.1").iloc[0]
    assert row["low"] == row["high"] == 0.5 and row["higher"] == 8


def test_groups_without_a_common_setting_have_no_difference(tmp_path):
    for rate, batch in ((0.1, 1), (0.2, 2)):
        for seed in range(3):
            make_run(tmp_path / f"{rate}-{seed}", {"rate": rate, "batch": batch, "seed": seed}, {"modes": seed})
    numbers = report.long_table(report.read_runs(tmp_path), ["modes"], ["rate"])
    row = report.compare(numbers, "rate 0.1").iloc[0]
    assert row["seeds"] == 0 and math.isnan(row["difference"])


@pytest.mark.parametrize(
    ("results", "by", "sentence"),
    [
        (["mode"], [], r"There is no result 'mode' \(did you mean 'modes'\?\)"),
        (["modes"], ["rat"], r"cannot be grouped by 'rat' \(did you mean 'rate'\?\): rate, batch varies"),
        (["modes"], ["seed"], "cannot be grouped by 'seed'"),
        ([], [], "Name a result: modes"),
    ],
)
def test_wrong_names_are_named(runs, results, by, sentence):
    with pytest.raises(GanlabError, match=sentence):
        report.long_table(report.read_runs(runs), results, by)


def test_wrong_baseline_is_named(runs):
    numbers = report.long_table(report.read_runs(runs), ["modes"], ["rate"])
    with pytest.raises(GanlabError, match=r"There is no group 'rate 0.1' \(did you mean 'rate 0.01'\?\)"):
        report.compare(numbers, "rate 0.1")


def test_cautions_about_where_the_runs_come_from(tmp_path):
    for seed in range(6):
        for rate, git, torch in ((0.1, "abc", "2.4.0"), (0.2, "def+", "2.5.0")):
            versions = {"python": "3.11.7", "torch": torch}
            parameters = {"rate": rate, "seed": seed}
            make_run(tmp_path / f"{rate}-{seed}", parameters, {"modes": seed}, git=git, versions=versions)
    found = report.read_runs(tmp_path)
    facts = report.provenance(found)
    assert facts[facts["fact"] == "torch"]["runs"].tolist() == [6, 6]
    assert report.cautions(found, report.long_table(found, ["modes"])) == [
        "The runs differ in git: abc (6), def+ (6).",
        "git changes together with rate: the two cannot be told apart.",
        "The runs differ in torch: 2.4.0 (6), 2.5.0 (6).",
        "torch changes together with rate: the two cannot be told apart.",
        "6 of 12 runs were made with uncommitted changes: no commit holds their code.",
    ]


def test_few_seeds_are_a_caution(runs):
    found = report.read_runs(runs)
    said = report.cautions(found, report.long_table(found, ["modes"], ["rate"]))
    assert said == ["Intervals of fewer than 5 seeds are much too narrow: rate 0.01; rate 0.02."]


# Export


def test_latex_is_escaped_and_has_as_many_columns_as_it_says():
    table = pd.DataFrame(
        {"learning_rate": ["a_b & 5 %", "x^2 {~} \\"], "group": "", "mean": [-1.5, np.nan], "low": [-2, np.nan],
         "high": [np.inf, np.nan]}
    )  # fmt: skip
    text = report.to_latex(table, "50 % of_it", "tab:one")
    assert r"learning\_rate & mean [95 \% interval] \\" in text
    assert r"a\_b \& 5 \% & $-$1.5 [$-$2, $\infty$] \\" in text
    assert r"x\textasciicircum{}2 \{\textasciitilde{}\} \textbackslash{} & -- \\" in text
    assert r"\caption{50 \% of\_it}" in text and r"\label{tab:one}" in text and r"\begin{tabular}{lr}" in text
    assert text.isascii()


def test_markdown():
    text = report.to_markdown(pd.DataFrame({"group": ["a|b"], "difference": [1.0], "low": [0.5], "high": [1.5]}))
    assert text.splitlines()[-1] == "| a\\|b | 1 [0.5, 1.5] |"


def test_a_report_holds_all_digits_and_every_alt_text(runs, tmp_path):
    found = report.read_runs(runs)
    numbers = report.long_table(found, ["modes"], ["rate"])
    summary = report.summarise(numbers)
    strip = report.group_strip(numbers, "modes", [0, 8])
    tables = {"summary": ("Modes", summary), "missing": ("Gone", report.missing(numbers))}
    folder = tmp_path / "out" / "report"
    written = report.write_report(folder, "Title", tables, {"seeds": found.seeds}, {"strip": strip}, ["Beware."])
    names = "missing.csv missing.tex report.md seeds.csv strip.pdf strip.png summary.csv summary.tex".split()
    assert sorted(path.name for path in written) == sorted(path.name for path in folder.iterdir()) == names
    back = pd.read_csv(folder / "summary.csv")
    assert back["mean"].tolist() == summary["mean"].tolist() and back["low"].tolist() == summary["low"].tolist()
    text = (folder / "report.md").read_text()
    assert text.startswith("# Title\n\n- Beware.\n\nModes\n\n| rate | mean")
    assert f"![{alt_of(strip)}](strip.png)" in text
    assert len(pd.read_csv(folder / "seeds.csv")) == 16


def test_records_are_copied_without_anything_else(runs, tmp_path):
    (runs / "0.01" / "64-0" / "run.ipynb").write_text("{}")
    found = report.read_runs(runs)
    assert report.copy_records(runs, tmp_path / "small") == 8
    again = report.read_runs(tmp_path / "small")
    assert not list((tmp_path / "small").rglob("*.ipynb"))
    drop = ["run.folder"]
    key = ["rate", "batch", "seed"]
    one, other = (t.drop(columns=drop).sort_values(key).reset_index(drop=True) for t in (found.seeds, again.seeds))
    pd.testing.assert_frame_equal(one, other)


def test_who_needs_all_runs_is_told_of_one_that_is_not_there(runs):
    assert len(report.finished_folders(runs)) == 8 and report.finished_folders(runs)[0] == runs / "0.01" / "128-0"
    (runs / "0.02" / "64-2" / "result.json").unlink()
    with pytest.raises(GanlabError, match=r"0.02/64-2 in .*there is no result.json.* Run the sweep to its end first."):
        report.finished_folders(runs)


# Figures


def test_alt_texts_hold_the_numbers(runs):
    found = report.read_runs(runs)
    numbers, both = report.long_table(found, ["modes"], ["rate"]), report.long_table(found, ["modes"])
    assert "rate 0.02: mean 5" in alt_of(report.group_strip(numbers, "modes"))
    assert "4 [3, 5] at 0.01" in alt_of(report.curve(report.summarise(numbers), "rate", "modes", [0, 8]))
    mean = report.summarise(both)
    assert "batch 128: 4.5 [" in alt_of(report.curve(mean, "rate", "modes"))
    assert "rate 0.02: batch 64 4.5, batch 128 5.5" in alt_of(report.mean_map(mean, "rate", "batch", "modes"))
    assert "rate 0.01, batch 64: seed 0 2, seed 1 3" in alt_of(report.seed_map(both, "modes"))


def test_figures_of_what_they_cannot_show_are_refused(runs):
    summary = report.summarise(report.long_table(report.read_runs(runs), ["modes"], ["rate"]))
    with pytest.raises(GanlabError, match="no curve over 'batch'"):
        report.curve(summary, "batch", "modes")
    with pytest.raises(GanlabError, match="A map needs groups of two parameters; these differ in rate"):
        report.mean_map(summary, "rate", "batch", "modes")


def test_more_than_a_figure_can_hold_is_cut_and_says_so(tmp_path):
    for rate in range(41):
        make_run(tmp_path / str(rate), {"rate": rate, "seed": 0, "seeds": 13}, {"modes": list(range(13))})
    numbers = report.long_table(report.read_runs(tmp_path), ["modes"])
    assert "the first 40 of 41 groups" in alt_of(report.group_strip(numbers, "modes"))
    text = alt_of(report.seed_map(numbers, "modes"))
    assert "the first 40 of 41 settings" in text and "the first 12 of 13 seeds" in text
