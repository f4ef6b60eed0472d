"""Toy faces: the stated distribution, the drawing, and the true answers to drawings and captions."""

import itertools
import re

import pytest
import torch

from ganlab.data.toyfaces import (
    ATTRIBUTES,
    FACTORS,
    VOCABULARY,
    answers,
    captions,
    colourings,
    combinations,
    decode,
    draw_attributes,
    draw_factors,
    drawings,
    encode,
    faces,
    mode_of,
    painter,
    probability,
    render,
    sharing,
)
from ganlab.data.toyfaces.attributes import COLOUR_ATTRIBUTES, HAIR
from ganlab.errors import GanlabError

N = 40_000


@pytest.fixture(scope="module")
def drawn():
    return draw_attributes(N, seed=5)


def column(rows, name):
    return rows[:, ATTRIBUTES.index(name)]


# --- the joint distribution


def test_the_table_is_what_its_docstring_says():
    rows, p = combinations()
    assert rows.shape == (832, 13) and p.sum().item() == pytest.approx(1, abs=1e-12)
    assert len(rows.unique(dim=0)) == 832 and (p.diff() <= 0).all()
    assert p[0].item() == pytest.approx(0.052, abs=5e-4) and p[-1].item() == pytest.approx(1.4e-6, rel=0.05)

    def given(name, **known):
        fits = torch.ones(len(p), dtype=torch.bool)
        for other, value in known.items():
            fits &= column(rows, other) == value
        return (p * column(rows, name) * fits).sum().item() / (p * fits).sum().item()

    for name, share in zip(HAIR, (0.34, 0.30, 0.16, 0.13, 0.07), strict=True):
        assert given(name) == pytest.approx(share)
    assert given("Wearing_Hat", Bald=True) == pytest.approx(0.30)
    assert given("Wearing_Hat", Brown_Hair=True) == pytest.approx(0.10)
    assert given("Bangs", Bald=False, Wearing_Hat=False) == pytest.approx(0.25)
    assert given("Bangs", Wearing_Hat=True) == given("Bangs", Bald=True) == given("Wavy_Hair", Bald=True) == 0
    assert given("Wavy_Hair", Bald=False) == pytest.approx(0.35)
    assert given("Eyeglasses", Gray_Hair=True) == pytest.approx(0.45)
    assert given("Eyeglasses", Bald=True) == pytest.approx(0.45)
    assert given("Eyeglasses", Black_Hair=True) == pytest.approx(0.12)
    assert given("No_Beard", Bald=True) == pytest.approx(0.60) and given("No_Beard", Bald=False) == pytest.approx(0.82)
    assert given("Mustache", No_Beard=True) == pytest.approx(0.08)
    assert given("Mustache", No_Beard=False) == pytest.approx(0.70)
    assert given("Pale_Skin", Black_Hair=True) == pytest.approx(0.04)
    assert given("Pale_Skin", Blond_Hair=True) == pytest.approx(0.30)
    assert given("Pale_Skin", Gray_Hair=True) == pytest.approx(0.12)
    assert given("Smiling") == pytest.approx(0.55)


def test_draws_follow_the_table(drawn):
    _, p = combinations()
    counts = mode_of(drawn).bincount(minlength=len(p)).double()
    large = p * N > 10
    assert (((counts - N * p)[large]) / (N * p * (1 - p)).sqrt()[large]).abs().max() < 5
    rest = counts[~large].sum() - N * p[~large].sum()
    assert abs(rest) < 5 * (N * p[~large].sum()).sqrt()


def test_modes_and_probabilities_of_possible_and_impossible_faces():
    rows, p = combinations()
    assert torch.equal(mode_of(rows), torch.arange(len(rows)))
    assert torch.equal(probability(rows), p)
    impossible = rows[:2].clone()
    impossible[0, [ATTRIBUTES.index(n) for n in HAIR]] = False
    impossible[1, [ATTRIBUTES.index(n) for n in HAIR]] = True
    assert mode_of(impossible).tolist() == [-1, -1] and probability(impossible).tolist() == [0, 0]


# --- the drawing


def test_a_face_depends_on_its_seed_and_number_alone():
    few, many = faces(3, 32, seed=4), faces(150, 32, seed=4)
    assert torch.equal(few.images, many.images[:3])
    assert torch.equal(faces(5, 32, seed=4, start=140).images, many.images[140:145])
    assert torch.equal(faces(5, 32, seed=4, start=140).factors, many.factors[140:145])
    assert not torch.equal(faces(3, 32, seed=5).images, few.images)


@pytest.mark.parametrize("ink", [False, True])
def test_windows_never_cut_a_shape(monkeypatch, ink):
    rows, factors = draw_attributes(200, seed=8), draw_factors(200, seed=8)
    extreme = torch.tensor(list(itertools.product((0.0, 0.999), repeat=6)))  # every corner of the poses
    factors = torch.cat([factors, draw_factors(64, seed=9)])
    factors[200:, [FACTORS.index(n) for n in ("yaw", "pitch", "roll", "shift_x", "shift_y", "zoom")]] = extreme
    rows = torch.cat([rows, draw_attributes(64, seed=10)])
    windowed = render(rows, factors, 48, ink=ink)
    monkeypatch.setattr(painter._Portrait, "window", lambda self, *bounds: (slice(None), slice(None)))
    whole = render(rows, factors, 48, ink=ink)
    assert (windowed.int() - whole.int()).abs().max() <= 1


def test_a_larger_picture_is_the_same_picture():
    small, large = faces(40, 64, seed=1).images.float(), faces(40, 128, seed=1).images.float()
    shrunk = torch.nn.functional.avg_pool2d(large, 2)
    assert (small - shrunk).abs().mean() < 4  # of 255: only edges differ


def test_every_attribute_changes_the_picture():
    rows, _ = combinations()
    modes = {tuple(row.tolist()) for row in rows}
    factors = draw_factors(1, seed=2)
    for i, name in enumerate(ATTRIBUTES):
        if name in HAIR:
            continue
        row = next(r for r in rows if not r[i] and tuple((r ^ torch.eye(13, dtype=torch.bool)[i]).tolist()) in modes)
        both = torch.stack([row, row ^ torch.eye(13, dtype=torch.bool)[i]])
        pictures = render(both, factors.expand(2, -1), 64).float()
        assert (pictures[0] - pictures[1]).abs().amax(0).gt(20).sum() > 12, name


def test_given_attributes_are_drawn_with_the_factors_of_the_seed():
    rows = combinations()[0][:7]
    given = faces(7, 32, seed=3, attributes=rows)
    assert torch.equal(given.attributes, rows) and given.labels.tolist() == list(range(7))
    assert torch.equal(given.factors, faces(7, 32, seed=3).factors)
    assert torch.equal(given.column("Smiling"), column(rows, "Smiling"))
    assert len(given.take(given.labels > 4)) == 2


def test_a_drawing_shows_no_colour_and_its_colourings_are_all_the_answers():
    some = faces(12, 64, seed=6)
    ink = drawings(some)
    assert ink.shape == (12, 1, 64, 64) and (ink == 255).double().mean() > 0.5 and (ink < 40).double().mean() > 0.02
    for i in range(12):
        images, rows, p = colourings(some, i)
        assert p.sum().item() == pytest.approx(1) and len(images) == len(rows)
        same = render(rows, some.factors[i].expand(len(rows), -1), 64, ink=True)
        assert (same == ink[i]).all()  # one drawing for all of them
        own = (rows == some.attributes[i]).all(1)
        assert own.sum() == 1 and torch.equal(images[own][0], some.images[i])
        assert len(rows) == (2 if some.attributes[i, ATTRIBUTES.index("Bald")] else 8)
        assert len(images.flatten(1).unique(dim=0)) == len(images)


def test_sharing_is_conditioning(drawn):
    rows, p = combinations()
    face = drawn[0]
    shown = [i for i, name in enumerate(ATTRIBUTES) if name not in COLOUR_ATTRIBUTES]
    fits = (rows[:, shown] == face[shown]).all(1)
    found, q = sharing(face)
    assert torch.equal(found, rows[fits]) and torch.allclose(q, p[fits] / p[fits].sum())


# --- captions

WORDS = {  # an independent reading of a sentence: pattern, and what it says
    r"\b(?<!no )(glasses|spectacles)\b": {"Eyeglasses": 1},
    r"\bno glasses\b": {"Eyeglasses": 0},
    r"\ba (full )?beard\b": {"No_Beard": 0},
    r"\bno beard\b": {"No_Beard": 1},
    r"\ba moustache\b": {"Mustache": 1},
    r"\bno moustache\b": {"Mustache": 0},
    r"\ba hat\b": {"Wearing_Hat": 1},
    r"\bno hat\b": {"Wearing_Hat": 0},
    r"\bpale\b": {"Pale_Skin": 1},
    r"\b(wavy|curly)\b": {"Wavy_Hair": 1},
    r"\bstraight\b": {"Wavy_Hair": 0},
    r"\b(and bangs|with a fringe)\b": {"Bangs": 1},
    r"\bwithout bangs\b": {"Bangs": 0},
    r"\b(smiling|grinning|cheerful|smiles)\b|\ba (big )?smile\b": {"Smiling": 1},
    r"\b(serious|unsmiling|not smiling|no smile)\b": {"Smiling": 0},
    r"\bbald\b|\bno hair\b": {"Bald": 1},
    r"\bblack\b": {"Black_Hair": 1},
    r"\b(brown|chestnut)\b": {"Brown_Hair": 1},
    r"\b(blond|golden)\b": {"Blond_Hair": 1},
    r"\b(grey|silver)\b": {"Gray_Hair": 1},
}


def test_captions_say_the_truth_and_only_what_is_recorded(drawn):
    texts = captions(drawn[:3000], seed=1)
    for i, text in enumerate(texts.text):
        read: dict[str, int] = {}
        for pattern, says in WORDS.items():
            if re.search(pattern, text.lower()):
                read |= says
        if read.get("Smiling") == 1 and re.search(r"not smiling|unsmiling", text):
            read["Smiling"] = 0
        if hair := [name for name in HAIR if name in read]:
            read |= {name: int(name == hair[0]) for name in HAIR}
        assert read == {name: int(value) for name, value in texts.known(i).items()}, text
        assert all(bool(drawn[i, ATTRIBUTES.index(name)]) == value for name, value in texts.known(i).items()), text


def test_answers_to_a_caption_are_exactly_the_faces_it_fits(drawn):
    rows, p = combinations()
    texts = captions(drawn[:60], seed=2)
    for i in range(60):
        said = texts.mentions[i] >= 0
        fits = (rows[:, said] == texts.mentions[i, said].bool()).all(1)
        found, q = texts.answers(i)
        assert torch.equal(found, rows[fits]) and torch.allclose(q, p[fits] / p[fits].sum())
        assert (found == drawn[i]).all(1).any()


def test_the_answers_to_even_captions_are_exact(drawn):
    """What an even caption passes over keeps the share that it has among all faces the caption fits."""
    texts = captions(drawn, seed=6, even=0.5)
    assert not (texts.mentions[:, ATTRIBUTES.index("Pale_Skin")] >= 0).any()
    known, which, count = texts.mentions.unique(dim=0, return_inverse=True, return_counts=True)
    checked = 0
    for group in (count > 150).nonzero().flatten():
        members = (which == group).nonzero().flatten()
        found, p = texts.answers(int(members[0]))
        share = (p[:, None] * found).sum(0)
        seen = drawn[members].double().mean(0)
        assert ((seen - share).abs() <= 5 * (share * (1 - share)).clamp(min=0).div(len(members)).sqrt() + 1e-9).all()
        checked += 1
    assert checked >= 5
    told = captions(drawn, seed=6)  # without `even`, faces with glasses are rarely passed over
    silent = told.mentions[:, ATTRIBUTES.index("Eyeglasses")] < 0
    assert drawn[silent, ATTRIBUTES.index("Eyeglasses")].double().mean() < 0.08


def test_wording_varies_and_is_fixed_by_seed_and_number(drawn):
    a = captions(drawn[:500], seed=3)
    assert len(set(a.text)) > 300
    assert captions(drawn[100:110], seed=3, start=100).text == a.text[100:110]
    assert captions(drawn[:500], seed=3, variant=1).text != a.text
    assert captions(drawn[:500], seed=4).text != a.text


def test_tokens_and_back(drawn):
    texts = captions(drawn[:2000], seed=5).text
    tokens = encode(texts)
    assert tokens.max() < len(VOCABULARY) and (tokens >= 0).all()
    assert decode(tokens) == [" ".join(re.findall(r"[a-z-]+", text.lower())) for text in texts]
    with pytest.raises(GanlabError, match="'zebra'"):
        encode(["a zebra"])
    with pytest.raises(GanlabError, match="larger length"):
        encode(["a person with a hat"], length=2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: faces(0), "n is 0"),
        (lambda: faces(2, 8), "at least 16 pixels"),
        (lambda: faces(2, attributes=torch.zeros(2, 3)), r"\(2, 3\)"),
        (lambda: faces(2, attributes=combinations()[0][:3]), "3 rows of attributes for 2 faces"),
        (lambda: faces(1, attributes=torch.ones(1, 13)), "exactly one hair colour"),
        (lambda: faces(1).column("Male"), "no attribute 'Male'"),
        (lambda: answers({"Hat": True}), "no attribute 'Hat'"),
        (lambda: answers({"Bald": True, "Bangs": True}), "No face can have"),
    ],
)
def test_bad_inputs_are_named(call, words):
    with pytest.raises(GanlabError, match=words):
        call()
