"""The lab in JupyterLab, without a browser: recipes, remedies, drawn data."""

import pytest
import torch

from ganlab.errors import GanlabError
from ganlab.recipes import build, recipe
from ganlab.show.lab import DISCRIMINATORS, NONE, REMEDIES, LabSession, LiveLab, live_lab


def optimised(method, discriminators):
    """Copies of the weights that the discriminators' optimisers hold, or of all others'."""
    found = []
    for name, value in vars(method).items():
        if isinstance(value, torch.optim.Optimizer) and (name in DISCRIMINATORS) == discriminators:
            found += [weight.detach().clone() for group in value.param_groups for weight in group["params"]]
    return found


def test_without_a_remedy_it_is_the_recipes_own_training():
    session = LabSession("momentum", seed=3)
    method, batches, _ = build(recipe("momentum"), 3)
    session.step("both", 5)
    for _ in range(5):
        method.step(next(batches))
    assert torch.equal(session.samples, method.sample(1000))


@pytest.mark.parametrize("remedy", REMEDIES)
def test_one_side_trains_alone_and_then_both_do(remedy):
    session = LabSession("ring-healthy", remedy)
    for who, discriminators in (("discriminator", True), ("generator", False)):
        moving, still = (optimised(session.method, side) for side in (discriminators, not discriminators))
        session.step(who, 2)
        assert all(map(torch.equal, still, optimised(session.method, not discriminators)))
        assert not all(map(torch.equal, moving, optimised(session.method, discriminators)))
    session.step("both")
    assert session.updates == {"discriminator": 3, "generator": 3}
    assert "Mass in place" in session.sentence() and session.judge(session.real).shape == (256,)


def test_nemgans_prior_keeps_still_as_well_once_its_schedule_has_begun():
    session = LabSession("ring-healthy", "NEMGAN")
    session.method.turn = session.method.prior_start + 1
    before = session.method.prior.logits.detach().clone()
    session.step("discriminator", 2)
    assert torch.equal(before, session.method.prior.logits)
    session.step("generator", 2)
    assert not torch.equal(before, session.method.prior.logits)


@pytest.mark.parametrize("remedy", REMEDIES)
def test_a_rate_reaches_every_network_on_its_side(remedy):
    session = LabSession("fast-generator", remedy)  # its two rates differ
    for player in session.rates:
        session.set_rate(player, 2 * session.rates[player])
    for name, part in vars(session.method).items():
        if isinstance(part, torch.optim.Optimizer) and name != "prior_optimiser":
            side = "discriminator" if name in DISCRIMINATORS else "generator"
            assert {group["lr"] for group in part.param_groups} == {session.rates[side]}


def test_data_are_drawn_and_a_bad_choice_changes_nothing():
    session = LabSession()
    session.choose("fast-generator", "MDGAN", [(0.0, 0.0), (1.0, 1.0), (-1.0, 2.0)])
    assert "of 3 modes" in session.sentence() and session.rates["generator"] == 0.002
    for name, remedy, drawn in (("x", NONE, None), ("momentum", "x", None), ("momentum", NONE, [(0.0, 0.0)])):
        with pytest.raises(GanlabError):
            session.choose(name, remedy, drawn)
        assert (session.recipe.name, session.remedy, session.mixture.modes) == ("fast-generator", "MDGAN", 3)


def test_the_choices_reach_the_session_and_errors_are_said():
    view = LiveLab(LabSession("ring-healthy"))
    view.recipe.value, view.remedy.value = "momentum", "RPGAN"
    assert (view.session.recipe.name, view.session.remedy) == ("momentum", "RPGAN")
    assert view.loss.disabled and not view.pad_place.children
    view.data.value = "my own"
    assert view.pad_place.children == (view.pad,) and "of 3 modes" in view.said.value
    view.pad.points = [*view.pad.points, [0.5, 0.5]]
    assert "of 4 modes" in view.said.value
    view.pad.points = []
    assert "Draw at least 2 modes" in view.said.value


def test_without_a_front_end_it_is_four_scenes(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("ganlab.show.lab.display", shown.append)
    live_lab("ring-healthy", "Regularized GAN")
    assert "500 steps of D" in shown[0].alt or "550 steps of D" in shown[0].alt
