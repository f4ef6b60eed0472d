"""The protocol: contestants that differ only where they say so, searches that are reproducible, honest rows."""

import json
import math

import numpy as np
import pytest
import torch

from ganlab import protocol
from ganlab.data.mixtures import grid, ring
from ganlab.errors import GanlabError
from ganlab.protocol import (
    CONTESTANTS,
    NUMBERS,
    TARGETS,
    Budget,
    Contestant,
    Target,
    Tuning,
    compete,
    head_to_head,
    tune,
)
from ganlab.seeds import Streams

SHORT = Budget(steps=3, batch=8, width=8)
SHEET = Target("small sheet", ring(8, 2.0, 0.1), dim=12, latent=4)


# Targets


@pytest.mark.parametrize("target", [*TARGETS.values(), SHEET], ids=lambda target: target.name)
def test_real_samples_are_at_their_modes_and_one_mode_is_one(target):
    real, collapsed, smear = protocol.bounds(target, range(4)).values()
    assert (real["modes"] == target.mixture.modes).all() and (collapsed["modes"] == 1).all()
    heaviest = float(target.mixture.weights.max())
    for found in (real, collapsed):
        assert torch.allclose(found["high_quality"].mean(), torch.tensor(0.98889).double(), atol=0.004)
        assert torch.allclose(found["spread"].mean(), torch.tensor(0.9744).double(), atol=0.01)
    assert torch.allclose(collapsed["in_place"], torch.full((4,), heaviest).double(), atol=1e-6)
    assert torch.allclose(collapsed["reverse_kl"], torch.full((4,), -math.log(heaviest)).double(), atol=1e-5)
    side = 1.25 * float(target.mixture.centres[:, 0].max() - target.mixture.centres[:, 0].min())
    discs = float((math.pi * (3 * target.mixture.sigma) ** 2).sum()) / side**2
    assert float(smear["high_quality"].mean()) == pytest.approx(discs, abs=4 * math.sqrt(discs / 10_000))
    assert (smear["in_place"] <= smear["high_quality"] + 1e-6).all()


def test_the_sheet_is_flat_and_a_sample_off_it_counts_nowhere():
    x = SHEET.sample(50, Streams([0, 1]))
    assert x.shape == (2, 50, 12)
    assert torch.allclose(SHEET.frame.T @ SHEET.frame, torch.eye(2), atol=1e-5)
    assert torch.allclose(SHEET.in_plane(x) @ SHEET.frame.T, x, atol=1e-4)
    away = torch.randn(12, generator=torch.Generator().manual_seed(0))
    away -= SHEET.frame @ (SHEET.frame.T @ away)
    away /= away.norm()
    assert (SHEET.measure(x + 0.29 * away)["high_quality"] > 0.9).all()  # 2.9 sigma from the sheet
    assert (SHEET.measure(x + 0.31 * away)["high_quality"] == 0).all()


def test_the_mean_square_is_that_of_samples():
    for target in (TARGETS["unequal ring"], SHEET):
        x = target.sample(100_000, Streams(0))
        assert float(x.square().sum(-1).mean()) == pytest.approx(target.mean_square, rel=0.02)


# Contestants


def test_the_first_try_is_the_usual_one_and_all_share_the_same_rates():
    draws = {name: contestant.settings(4) for name, contestant in CONTESTANTS.items() if contestant.space}
    for name, settings in draws.items():
        assert settings[0] == dict(CONTESTANTS[name].usual) and len(settings) == 4
        assert settings[:2] == CONTESTANTS[name].settings(2)
        assert [one["lr"] for one in settings[1:]] == [one["lr"] for one in draws["GAN, tuned"][1:]]
        assert all(one.keys() == CONTESTANTS[name].usual.keys() for one in settings)
    with pytest.raises(GanlabError, match="tries is 0"):
        CONTESTANTS["RPGAN"].settings(0)


@pytest.mark.parametrize("target", [TARGETS["ring"], SHEET], ids=lambda target: target.name)
@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_contestant_trains_and_is_searched_side_by_side(name, target):
    contestant = CONTESTANTS[name]
    searched = tune(contestant, target, 2 if contestant.space else 1, [100, 101], SHORT)
    assert searched.scores.shape == (len(searched.settings), 2)
    found = compete(contestant, searched.best, target, [0, 1, 2], SHORT, at=[2, 3])
    assert list(found) == [2, 3]
    for numbers in found.values():
        assert set(numbers) == set(NUMBERS) and all(values.shape == (3,) for values in numbers.values())


def test_a_search_does_not_depend_on_what_else_is_tried():
    contestant = CONTESTANTS["GAN, tuned"]
    many, few = (tune(contestant, TARGETS["ring"], tries, [100], Budget(steps=5, batch=16)) for tries in (3, 2))
    assert torch.allclose(many.scores[:2], few.scores, atol=0.01)


def test_stopping_on_the_way_changes_nothing():
    contestant, target = CONTESTANTS["MDGAN"], TARGETS["ring"]
    settings = contestant.usual
    way = compete(contestant, settings, target, [0, 1], SHORT, at=[2, 4])
    end = compete(contestant, settings, target, [0, 1], SHORT, at=[4])
    for name in NUMBERS:
        assert torch.equal(way[4][name].nan_to_num(-1), end[4][name].nan_to_num(-1))


def test_the_mode_seeking_term_stands_without_a_condition():
    method = CONTESTANTS["MSGAN's term"].build(SHEET, Streams([0, 1]), 8, **CONTESTANTS["MSGAN's term"].usual)
    report = method.step(SHEET.sample(6, Streams([0, 1])))
    assert report["ratio"].shape == (2,) and method.sample(5).shape == (2, 5, 12)


def test_pacgan_sees_as_many_packs_as_others_see_samples():
    seen = []

    def build(target, rng, width, **settings):
        method = CONTESTANTS["PacGAN4"].build(target, rng, width, **settings)
        inner = method.discriminator.discriminator
        inner.register_forward_hook(lambda module, inputs, logits: seen.append(tuple(inputs[0].shape)))
        return method

    spied = Contestant("spied", build, CONTESTANTS["PacGAN4"].usual, batches=CONTESTANTS["PacGAN4"].batches)
    compete(spied, spied.usual, TARGETS["ring"], [0], SHORT)
    assert set(seen) == {(1, SHORT.batch, 8)}


# The winner, the clock, the rows


def test_the_winner_has_the_best_mean_and_not_the_best_seed():
    found = Tuning([{"lr": 1.0}, {"lr": 2.0}, {"lr": 3.0}], torch.tensor([[0.2, 0.4], [0.5, 0.6], [0.9, 0.1]]))
    assert found.winner == 1 and found.best == {"lr": 2.0}
    nan = math.nan
    assert Tuning(found.settings, torch.tensor([[0.2, 0.4], [0.5, nan], [0.1, 0.1]])).winner == 0
    with pytest.raises(GanlabError, match="No try of the search ended with a number"):
        _ = Tuning(found.settings, torch.full((3, 2), nan)).winner


def test_equal_time_is_rounded_down_and_never_nothing():
    a_step = {"GAN, tuned": 0.002, "slow": 0.003, "very slow": 100.0}
    steps = {name: protocol.equal_time_steps(name, a_step, Budget(steps=100, clock=1.0)) for name in a_step}
    assert steps == {"GAN, tuned": 100, "slow": 66, "very slow": 1}


def test_costs_are_positive_and_of_each_contestant():
    some = [CONTESTANTS["GAN, tuned"], CONTESTANTS["MDGAN"]]
    found = protocol.seconds_a_step(some, TARGETS["ring"], SHORT, seeds=2, rounds=2)
    assert list(found) == ["GAN, tuned", "MDGAN"] and all(seconds > 0 for seconds in found.values())


def numbers(values):
    return {name: torch.tensor(values, dtype=torch.float64) for name in NUMBERS}


def test_differences_are_paired_by_seed():
    luck = torch.randn(10, generator=torch.Generator().manual_seed(0)).double()
    runs = {"GAN, tuned": {name: luck for name in NUMBERS}, "other": {name: luck + 0.1 for name in NUMBERS}}
    base, other = head_to_head(runs)
    assert "difference" not in base
    np.testing.assert_allclose(other["difference"]["in_place"], (0.1, 0.1, 0.1), atol=1e-9)
    assert protocol.verdict(other["difference"]["in_place"]) == "better"
    assert other["in_place"][2] - other["in_place"][1] > 0.5  # the intervals of the two overlap


def test_without_a_value_there_is_no_interval():
    nan = math.nan
    rows = head_to_head({"GAN, tuned": numbers([1.0, 2.0]), "lost": numbers([nan, nan])})
    assert rows[1]["reverse_kl"] is None and rows[1]["difference"]["reverse_kl"] is None
    lucky = head_to_head({"GAN, tuned": numbers([1.0, 2.0]), "one seed": numbers([nan, 3.0])})[1]
    assert lucky["reverse_kl"] == (3.0, 3.0, 3.0) and lucky["difference"]["reverse_kl"] is None  # no verdict from one
    assert protocol.verdict(rows[1]["difference"]["reverse_kl"]) == "no value"
    assert protocol.verdict((-0.1, -0.2, -0.01)) == "worse"
    assert protocol.verdict((-0.1, -0.2, -0.01), less_is_better=True) == "better"
    assert protocol.verdict((0.1, -0.2, 0.3)) == "not told apart"


# What is stored


@pytest.mark.parametrize("name", protocol.stored_targets())
def test_the_stored_comparison_is_whole_and_the_winners_are_those_of_the_search(name):
    content = protocol.stored(name)
    facts = content["settings"]
    assert facts["seeds"] == list(range(10)) and not set(facts["seeds"]) & set(facts["tuning_seeds"])
    assert list(content["runs"]) == list(CONTESTANTS)
    for method, found in content["runs"].items():
        contestant = CONTESTANTS[method]
        if contestant.space:
            searched = content["tuning"][method]
            assert len(searched["settings"]) == len(searched["scores"]) == facts["tries"]
            assert searched["settings"] == contestant.settings(facts["tries"])
        assert found["settings"] == protocol.stored_settings(contestant, name)
        costs = protocol.stored_costs(name)
        timed = protocol.equal_time_steps(method, costs, Budget(facts["steps"], clock=facts["clock"]))
        assert found["seconds"]["steps"] == timed and found["steps"]["steps"] == facts["steps"]
        for clock in ("steps", "seconds"):
            assert all(len(found[clock][number]) == 10 for number in NUMBERS)
            assert max(found[clock]["modes"]) <= TARGETS[name].mixture.modes


def test_the_table_follows_from_the_stored_numbers():
    path = protocol.embedded_folder() / "results" / "09_one_protocol" / "table.json"
    table = json.loads(path.read_text())
    assert len(table["rows"]) == len(protocol.stored_targets()) * 2 * (len(CONTESTANTS) + 3)
    for row in table["rows"]:
        if row["bound"]:
            continue
        found = protocol.stored_numbers(protocol.stored(row["target"])["runs"], row["clock"])[row["method"]]
        assert row["in_place"]["mean"] == pytest.approx(float(found["in_place"].mean()), rel=1e-3)
        assert row["in_place"]["low"] <= row["in_place"]["mean"] <= row["in_place"]["high"]
        assert ("difference" in row) == (row["method"] != table["baseline"])


def test_a_target_or_a_method_that_is_not_stored_is_named():
    with pytest.raises(GanlabError, match="no stored comparison for 'rign'"):
        protocol.stored("rign")
    with pytest.raises(GanlabError, match="mine was never tuned on the ring"):
        protocol.stored_settings(Contestant("mine", lambda: None, {"lr": 1.0}, {"lr": {"log": [1, 2]}}), "ring")


def test_the_grids_discs_do_not_overlap():
    """The smear's share in the chapter takes it for granted."""
    for mixture in (ring(8, 2.0, 0.05), grid(5, 2.0, 0.1)):
        gaps = torch.cdist(mixture.centres, mixture.centres).fill_diagonal_(math.inf)
        assert float(gaps.min()) > 6 * float(mixture.sigma.max())
