"""The committed judges: what their manifest says is what they do."""

import pytest
import torch

from ganlab.data import classify, digits, faces, fashion, load_classifier, read_attributes, to_unit
from ganlab.data.classifiers import facts, logits
from ganlab.data.toyfaces import ATTRIBUTES
from ganlab.errors import GanlabError
from ganlab.metrics.distances import FrechetDistance
from ganlab.metrics.features import classifier
from ganlab.nets.classifier import Classifier


def test_digits_reach_what_the_manifest_says():
    test = digits("test")
    accuracy = (classify("digits", test.images) == test.labels).double().mean().item()
    assert accuracy == pytest.approx(facts("digits")["accuracy"], abs=0.006)  # two images of 360
    assert facts("digits")["accuracy"] >= 0.97
    assert sum(map(sum, facts("digits")["confusion"])) == 360


def test_fashion_reaches_what_the_manifest_says():
    known = facts("fashion")
    assert known["accuracy"] >= 0.91
    confusion = torch.tensor(known["confusion"])
    assert confusion.sum(1).tolist() == [1000] * 10
    assert confusion.diagonal().sum().item() / 10_000 == pytest.approx(known["accuracy"], abs=1e-4)
    test = fashion("test", full=False)
    assert (classify("fashion", test.images) == test.labels).double().mean().item() == pytest.approx(0.926, abs=0.03)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_each_attribute_of_a_face_is_read(size):
    known = facts("faces")
    assert min(known["accuracy_at_64"].values()) >= 0.98 and set(known["accuracy_at_64"]) == set(ATTRIBUTES)
    drawn = faces(400, size, seed=77)
    right = (read_attributes(drawn.images) == drawn.attributes).double().mean(0)
    for name, share in zip(ATTRIBUTES, right.tolist(), strict=True):
        stated = known[f"accuracy_at_{size}"][name]
        assert share >= stated - 5 * (stated * (1 - stated) / 400) ** 0.5 - 0.005, name


def test_bytes_and_floats_are_read_alike_in_any_batch():
    images = digits("test").images[:70]
    whole = logits("digits", images)
    assert torch.allclose(logits("digits", to_unit(images)), whole)
    assert torch.allclose(logits("digits", images, batch=9), whole, atol=1e-5)
    assert logits("digits", images[:0]).shape == (0, 10)


def test_the_features_are_under_the_head_and_nothing_trains():
    model = load_classifier("digits")
    x = to_unit(digits("test").images[:5])
    assert model.body(x).shape == (5, model.features)
    assert torch.allclose(model.head(model.body(x)), model(x))
    assert not model.training and not any(p.requires_grad for p in model.parameters())


def test_what_is_done_to_a_loaded_classifier_reaches_no_other_caller():
    images = digits("test").images[:5]
    before = logits("digits", images)
    FrechetDistance(classifier("digits")).to("meta")
    load_classifier("digits").head.weight.data.zero_()
    assert torch.equal(logits("digits", images), before) and load_classifier("digits").head.weight.any()


def test_gradients_reach_the_image():
    x = to_unit(digits("test").images[:2]).requires_grad_()
    load_classifier("digits")(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_resizing_is_part_of_the_network():
    model = Classifier(1, 8, 3, (4, 4)).eval()
    assert model.shape == {"channels": 1, "size": 8, "outputs": 3, "widths": [4, 4]}
    flat = torch.full((1, 1, 8, 8), 0.3)
    assert torch.allclose(model(flat), model(torch.full((1, 1, 20, 20), 0.3)), atol=1e-6)


def test_bad_inputs_are_named():
    with pytest.raises(GanlabError, match="no classifier 'cats'; there are digits"):
        load_classifier("cats")
    with pytest.raises(GanlabError, match=r"\(n, 1, height, width\); got \(2, 3, 8, 8\)"):
        classify("digits", torch.zeros(2, 3, 8, 8))
