"""A sweep's file: every combination once, every mistake named before the first run."""

import pytest

from ganlab.draws import random_draws
from ganlab.errors import GanlabError
from ganlab.sweep import read_sweep, shared_seeds
from ganlab.sweep.spec import parameter_sets, read_seeds


def read(course, text):
    path = course.root / "demo.yaml"
    path.write_text(text)
    return read_sweep(path, course.notebooks)


def test_grid_times_list_times_seeds(course):
    course.chapter("01_gan")
    sweep = read(course, "notebook: '01'\nfixed: {steps: 3}\ngrid: {rate: [0.1, 0.2]}\n"
                         "list: [{loss: minimax}, {loss: non-saturating, steps: 4}]\nseeds: 0-2\n")  # fmt: skip
    assert sweep.name == "demo"
    assert sweep.varied == ["steps", "rate", "loss", "seed"]
    got = {tuple(plan.parameters.values()) for plan in sweep.plans}
    losses = [(3, "minimax"), (4, "non-saturating")]
    assert got == {(steps, rate, loss, seed) for rate in (0.1, 0.2) for steps, loss in losses for seed in range(3)}
    assert len({plan.key for plan in sweep.plans}) == len(sweep.plans) == 12


def test_the_same_run_asked_for_twice_is_one(course):
    course.chapter("01_gan")
    assert len(read(course, "notebook: '01'\ngrid: {steps: [3, 3, 3.0]}\nseeds: [1, 1]\n").plans) == 1


def test_random_draws_lie_in_their_ranges_and_stay_when_more_are_asked_for():
    spec = {"rate": {"log": [1e-5, 1e-2]}, "size": {"choice": [64, 128]}, "depth": {"integers": [1, 3]}}
    few, many = (
        random_draws({"draws": 20, **spec}),
        random_draws({"draws": 60, "momentum": {"uniform": [0, 1]}, **spec}),
    )
    assert [{name: draw[name] for name in spec} for draw in many[:20]] == few
    assert all(1e-5 <= draw["rate"] <= 1e-2 and draw["size"] in (64, 128) for draw in many)
    assert {draw["depth"] for draw in many} == {1, 2, 3}
    # On a logarithmic scale a third of the draws lies in each decade: 20 of 60, give or take 4 standard deviations.
    assert all(6 <= sum(10.0**k <= draw["rate"] < 10.0 ** (k + 1) for draw in many) <= 34 for k in (-5, -4, -3))
    assert random_draws({"draws": 20, "seed": 1, **spec}) != few


def test_seeds():
    assert read_seeds("3-5") == [3, 4, 5]
    assert read_seeds(7) == [7]
    assert read_seeds([2, 0]) == [2, 0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a list", "must be a mapping with at least an entry `notebook:`"),
        ("steps: 3", "must be a mapping with at least an entry `notebook:`"),
        ("notebook: [", "is not YAML in line"),
        ("notebook: '09'", "There is no chapter '09'"),
        ("notebook: '01'\ngird: {}", "unknown entry 'gird' (did you mean 'grid'?)"),
        ("notebook: '01'\ngrid: {step: [1]}", "There is no parameter 'step' (did you mean 'steps'?)"),
        ("notebook: '01'\ngrid: {steps: [1000]}", "Parameter 'steps' is 1000: it must lie in [1, 100]"),
        ("notebook: '01'\ngrid: {steps: 5}", "`grid: steps` must be a list of at least one value, but it is 5"),
        ("notebook: '01'\ngrid: [1]", "`grid:` must be a mapping"),
        ("notebook: '01'\nlist: {rate: 1}", "`list:` must hold mappings"),
        ("notebook: '01'\nseeds: 0..3", "seeds is '0..3'; give a list"),
        ("notebook: '01'\nseeds: []", "seeds is []"),
        ("notebook: '01'\nseeds: 9-2", "seeds is '9-2'"),
        ("notebook: '01'\nseeds: 0-99999999999", "100,001 runs"),
        ("notebook: '01'\nrandom: {rate: {log: [0, 1]}, draws: 2}", "so 0 must be above 0"),
        ("notebook: '01'\nrandom: {rate: {log: [1]}, draws: 2}", "random: rate is {'log': [1]}; write {uniform:"),
        ("notebook: '01'\nrandom: {rate: {uniform: [1, 0]}, draws: 2}", "random: rate is"),
        ("notebook: '01'\nrandom: {rate: {uniform: [0, 1]}}", "random: draws is None"),
        ("notebook: '01'\nprofile: big", "big"),
        ("notebook: '01'\nfixed: {run_folder: x}", "'run_folder' is set by the run itself"),
        ("notebook: '01'\ngrid: {steps: [1, 2]}\nlist: [{steps: 3}]", "'steps' stands under `grid:` and under `list:`"),
        ("notebook: '01'\ngrid: {seed: [1, 2]}", "Write the seeds under `seeds:`"),
        ("notebook: '01'\nsolutions: 'no'", "`solutions:` is 'no'; write true"),
        ("notebook: '01'\nminutes: two", "`minutes:` is 'two'; write about how long"),
        ("notebook: '01'\nminutes: 0", "`minutes:` is 0; write"),
    ],
)
def test_mistakes_are_named_before_the_first_run(course, text, sentence):
    course.chapter("01_gan")
    with pytest.raises(GanlabError) as error:
        read(course, text)
    assert sentence in str(error.value)


def test_runs_that_share_seeds_are_named(course):
    course.chapter("01_gan")
    path = course.notebooks / "01_gan.ipynb"
    path.write_text(path.read_text().replace("steps: int = 20  # training", "seeds: int = 4  # training"))
    apart = read(course, "notebook: '01'\nseeds: [0, 4]\ngrid: {rate: [0.1, 0.2]}\n")
    assert shared_seeds(apart) == ""
    sentence = shared_seeds(read(course, "notebook: '01'\nseeds: 0-2\n"))
    assert "4 seeds" in sentence and "seed=0 and seed=1 share some" in sentence and "[0, 4, ...]" in sentence


def test_a_file_that_is_not_there(course):
    with pytest.raises(GanlabError, match="cannot be read"):
        read_sweep(course.root / "nothing.yaml", course.notebooks)


def test_too_many_runs_are_refused_before_they_are_listed():
    with pytest.raises(GanlabError, match="1,000,000 runs"):
        parameter_sets({"grid": {"a": list(range(1000)), "b": list(range(1000))}})


def test_the_example_can_be_run(tmp_path):
    from ganlab.runner.chapters import find_notebooks
    from ganlab.sweep.spec import example

    (tmp_path / "example.yaml").write_text(example())
    sweep = read_sweep(tmp_path / "example.yaml", find_notebooks())
    assert len(sweep.plans) == 2 * 2 * 2 * 3 * 2
