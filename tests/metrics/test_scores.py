"""Distances, scores, clustering and the third-party discriminator against references and closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.pairwise import polynomial_kernel
from torch import nn
from torchmetrics.clustering import AdjustedRandScore, NormalizedMutualInfoScore
from torchmetrics.image.inception import InceptionScore

from ganlab.data.mixtures import mixture, ring
from ganlab.errors import GanlabError
from ganlab.metrics import clustering, distances, features, missing_modes, scores
from ganlab.metrics.accumulated import Accumulated
from ganlab.metrics.modes import mode_report
from ganlab.metrics.prdc import prdc
from ganlab.seeds import Streams


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Fréchet and kernel distance -----------------------------------------------------------------------------------


def whitened(n, d, seed):
    """Samples whose mean is 0 and whose covariance is the identity exactly."""
    x = normal(n, d, seed=seed)
    x = x - x.mean(0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov().reshape(d, d)).T)


def test_frechet_between_gaussians_in_closed_form():
    a, b = whitened(500, 4, 0), whitened(400, 4, 1)
    scale, shift = torch.tensor([1.0, 2.0, 0.5, 3.0]), torch.tensor([1.0, 0.0, -2.0, 0.5])
    known = float(shift.square().sum() + (scale - 1).square().sum())
    found = distances.frechet_distance(a, b * scale + shift)
    assert found.value == pytest.approx(known, rel=1e-6)
    assert found.features == "raw values" and "raw values" in str(found)


def test_frechet_of_correlated_sets_is_that_of_scipy():
    a, b = normal(300, 5) @ normal(5, 5, seed=3), normal(350, 5, seed=1) @ normal(5, 5, seed=4) + 1
    ca, cb = np.cov(a.numpy().T), np.cov(b.numpy().T)
    known = float((a.mean(0) - b.mean(0)).square().sum()) + np.trace(ca + cb - 2 * sqrtm(ca @ cb).real)
    assert distances.frechet_distance(a, b).value == pytest.approx(known, rel=1e-6)


def test_kernel_distance_is_the_unbiased_estimate_of_scikit_learn():
    a, b = normal(60, 7), normal(60, 7, seed=1) * 1.2 + 0.3
    kaa, kbb, kab = (polynomial_kernel(x, y, degree=3, gamma=1 / 7, coef0=1) for x, y in ((a, a), (b, b), (a, b)))
    n = 60
    known = (kaa.sum() - np.trace(kaa) + kbb.sum() - np.trace(kbb)) / (n * (n - 1)) - 2 * kab.mean()
    found = distances.kernel_distance(a, b, subsets=3, subset_size=60)
    assert found.value == pytest.approx(known, rel=1e-6) and found.spread == pytest.approx(0, abs=1e-6)


def test_kernel_subsets_leave_the_global_random_stream_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = distances.kernel_distance(normal(50, 2), normal(50, 2, seed=1), subsets=4, subset_size=20)
    assert torch.equal(torch.rand(3), expected)
    assert first == distances.kernel_distance(normal(50, 2), normal(50, 2, seed=1), subsets=4, subset_size=20)


def test_distances_run_through_any_network_and_say_its_name():
    images, others = torch.rand(40, 3, 8, 8), torch.rand(40, 3, 8, 8) ** 2
    network = features.random_convolutions(3, width=16)
    for function in (distances.frechet_distance, distances.kernel_distance):
        assert network.name in str(function(images, others, network))
    assert distances.pairwise_diversity(images[:1].repeat(5, 1, 1, 1), network).value == pytest.approx(0, abs=1e-5)


def test_distances_refuse_too_few():
    with pytest.raises(GanlabError, match="at least 2"):
        distances.frechet_distance(normal(1, 2), normal(5, 2))
    with pytest.raises(GanlabError, match="subsets of 1000 of 5"):
        distances.kernel_distance(normal(5, 2), normal(5, 2), subset_size=1000)


def test_lpips_says_what_it_takes_and_uses_the_network_given():
    with pytest.raises(GanlabError, match=r"\[-1, 1\].*0 to 255"):
        distances.lpips_diversity(torch.tensor([0.0, 255.0]).repeat(3, 3, 4, 2))
    for n in (0, 1):
        with pytest.raises(GanlabError, match=f"There are {n} images; a pair needs 2"):
            distances.lpips_diversity(torch.zeros(n, 3, 4, 4), network=_Difference())
    network = _Difference()
    found = distances.lpips_diversity(torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4)]), network=network)
    assert found.value == 1 and found.kind == "LPIPS"


class _Difference(nn.Module):
    def forward(self, a, b):
        return (a - b).abs().mean((1, 2, 3))


# Feature networks ----------------------------------------------------------------------------------------------


def test_principal_components_keep_distances_and_say_how_many():
    x = normal(50, 3) @ normal(3, 40, seed=1)
    network = features.principal_components(x, keep=0.999999)
    assert network.num_features == 3 and "3 of 40, 100 %" in network.name
    torch.testing.assert_close(torch.cdist(network(x), network(x)), torch.cdist(x, x), atol=1e-4, rtol=0)
    tall = normal(200, 5)
    assert features.principal_components(tall, most=2, keep=1.0).num_features == 2


def test_standardised_leaves_constant_values_out():
    x = torch.cat([normal(50, 2) * 100 + 3, torch.ones(50, 1)], 1)
    z = features.standardised(x)(x)
    assert z.shape == (50, 2)
    torch.testing.assert_close(z.std(0), torch.ones(2, dtype=torch.float64))
    for function in (features.standardised, features.principal_components):
        with pytest.raises(GanlabError, match="all|All"):
            function(torch.ones(5, 3))


def test_a_feature_network_stays_frozen_and_honest():
    network = features.FeatureNetwork(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), "mine", 3)
    assert not network.train().training and not network.module[1].training
    assert not any(p.requires_grad for p in network.parameters())
    with pytest.raises(GanlabError, match="'wrong' gives 4 features and says 3"):
        features.FeatureNetwork(nn.Flatten(), "wrong", 3)(torch.zeros(2, 4))
    with pytest.raises(GanlabError, match="needs a name"):
        features.FeatureNetwork(nn.Flatten(), "", 3)


def test_the_courses_classifiers_are_feature_networks():
    network = features.classifier("digits")
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, network.num_features) and "digits" in network.name


def test_inception_without_weights_is_an_error_and_no_substitute(tmp_path):
    with pytest.raises(GanlabError, match="torch-fidelity|weights"):
        features.inception(tmp_path / "none.pth")


def test_inception_posteriors_are_the_networks_logits_without_their_bias(tmp_path, monkeypatch):
    """Against torchmetrics' own extractor. Its weights are random here; the layers are the published ones."""
    library = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    from torchmetrics.image.fid import NoTrainInceptionV3

    path = str(tmp_path / "weights.pth")
    with monkeypatch.context() as without_download:
        without_download.setattr(library, "load_state_dict_from_url", lambda *_, **__: {})
        without_download.setattr(library.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.save(library.FeatureExtractorInceptionV3("untrained", ["2048"]).state_dict(), path)
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    network = features.inception(path)
    theirs = NoTrainInceptionV3("theirs", ["logits_unbiased"], path)(images).double().softmax(1)
    torch.testing.assert_close(features.inception_posteriors(network, network(images)), theirs, rtol=1e-4, atol=1e-7)


# Scores --------------------------------------------------------------------------------------------------------


@pytest.fixture
def posteriors():
    return (normal(200, 6) * 2).softmax(1), torch.tensor([0.3, 0.3, 0.2, 0.1, 0.06, 0.04], dtype=torch.float64)


def test_inception_score_is_torchmetrics(posteriors):
    metric = InceptionScore(feature=nn.Identity(), splits=1)
    metric.update(posteriors[0].log().float())
    assert scores.inception_score(posteriors[0]) == pytest.approx(float(metric.compute()[0]), rel=1e-5)


def test_mode_score_forms(posteriors):
    p, train = posteriors
    score, balance = scores.inception_score(p), scores.class_balance_kl(p, train)
    assert scores.mode_score(p, train) == pytest.approx(score * math.exp(-balance), rel=1e-12)
    for marginal in (train, torch.full((6,), 1 / 6)):
        assert scores.mode_score_as_printed(p, marginal) == pytest.approx(score, rel=1e-12)


def test_mode_score_prefers_a_wrong_balance_when_classes_are_uneven():
    train = torch.tensor([0.9, 0.1])
    perfect = torch.eye(2)[[0] * 90 + [1] * 10]
    wrong = torch.eye(2)[[0] * 75 + [1] * 25]
    assert scores.mode_score(perfect, train) == pytest.approx(1.38, abs=0.005)
    assert scores.mode_score(wrong, train) == pytest.approx(1.60, abs=0.005)
    assert scores.class_balance_kl(perfect, train) == pytest.approx(0, abs=1e-7)
    assert scores.class_balance_kl(wrong, train) > 0.05


def test_a_missing_class_lowers_mode_score_more_than_inception_score():
    nine, even = torch.eye(10)[:9], torch.full((10,), 0.1)
    assert scores.inception_score(nine) == pytest.approx(9)
    assert scores.mode_score(nine, even) == pytest.approx(9 * 0.9)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: scores.inception_score(torch.randn(3, 4)), "softmax"),
        (lambda: scores.inception_score(torch.zeros(3)), "shape"),
        (lambda: scores.mode_score(torch.eye(3), torch.eye(2)[0]), "3 classes"),
        (lambda: scores.class_balance_kl(torch.eye(2), torch.tensor([1.0, 0.0])), "positive"),
    ],
)
def test_bad_posteriors_are_named(call, says):
    with pytest.raises(GanlabError, match=says):
        call()


# Clustering ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clusters", [4, 10, 15])
def test_clustering_against_scipy_scikit_learn_and_torchmetrics(clusters):
    rng = torch.Generator().manual_seed(clusters)
    classes = torch.randint(10, (400,), generator=rng)
    anything = torch.randint(clusters, (400,), generator=rng)
    found = torch.where(torch.rand(400, generator=rng) < 0.6, classes % clusters, anything)
    table = np.zeros((clusters, 10), dtype=int)
    np.add.at(table, (found.numpy(), classes.numpy()), 1)
    rows, columns = linear_sum_assignment(-table)
    result = clustering.cluster_accuracy(found, classes)
    assert result.accuracy == table[rows, columns].sum() / 400
    mapped = torch.tensor([result.matching.get(int(c), -1) for c in found])
    assert float((mapped == classes).double().mean()) == pytest.approx(result.accuracy)
    assert clustering.purity(found, classes) == table.max(1).sum() / 400 >= result.accuracy
    nmi = clustering.normalised_mutual_information(found, classes)
    assert nmi == normalized_mutual_info_score(classes, found)
    assert nmi == pytest.approx(float(NormalizedMutualInfoScore("arithmetic")(found, classes)), abs=1e-5)
    ari = clustering.adjusted_rand_index(found, classes)
    assert ari == adjusted_rand_score(classes, found)
    assert ari == pytest.approx(float(AdjustedRandScore()(found, classes)), abs=1e-5)


def test_one_cluster_for_everything_is_no_clustering():
    classes = torch.arange(100) % 10
    everything = torch.zeros(100, dtype=torch.int64)
    assert clustering.cluster_accuracy(everything, classes).accuracy == 0.1
    assert clustering.adjusted_rand_index(everything, classes) == 0
    with pytest.raises(GanlabError, match="one label a sample"):
        clustering.purity(everything, classes[:5])


# The third-party discriminator ---------------------------------------------------------------------------------


def test_ideal_discriminator_against_direct_densities():
    real, generated = ring(8), mixture(ring(8).centres[1:], 0.01)
    x, s = torch.tensor([[0.9, 0.1], [0.0, 1.0]]), math.sqrt(0.01**2 + 0.2**2)

    def density(centres):
        squared = (x[:, None] - centres).square().sum(-1)
        return (-squared / (2 * s**2)).exp().mean(1) / (2 * math.pi * s**2)

    p, q = density(real.centres), density(generated.centres)
    torch.testing.assert_close(missing_modes.ideal_discriminator(x, real, generated, 0.2), p / (p + q))


def test_the_trained_discriminator_comes_near_the_ideal_one():
    real, generated = ring(8), mixture(ring(8).centres[1:], 0.01)
    judge = missing_modes.train_third_party(real.sample(5000, 0), generated.sample(5000, 1), 0.2, steps=400)
    x = missing_modes.blurred(real, 0.2).sample(2000, 5)
    with torch.no_grad():
        found = judge(x).flatten().sigmoid()
    error = (found - missing_modes.ideal_discriminator(x, real, generated, 0.2)).abs()
    assert float(error.mean()) < 0.06


def test_missing_mass_is_that_of_the_missing_mode():
    real, generated = ring(4), mixture(ring(4).centres[1:], 0.01)
    arguments = {"sigma": 0.2, "threshold": 0.9, "steps": 200}
    found = missing_modes.missing_mode_mass(
        real.sample(1000, 0), generated.sample(1000, 1), real.sample(800, 2), held_out=real.sample(1000, 3), **arguments
    )
    assert found.share == pytest.approx(0.25, abs=0.06) and found.count == round(found.share * 800)
    assert found.real_share < 0.02 and found.z > 5


def test_missing_mass_of_images_and_its_complaints():
    images = torch.rand(40, 1, 9, 9)
    assert missing_modes.missing_mode_mass(images, images, images, sigma=1.0, steps=2).n == 40
    with pytest.raises(GanlabError, match="differ in shape"):
        missing_modes.missing_mode_mass(images, images[..., :8], images, sigma=1.0)
    with pytest.raises(GanlabError, match="threshold 0.4"):
        missing_modes.missing_mode_mass(images, images, images, sigma=1.0, threshold=0.4)
    with pytest.raises(GanlabError, match="empty"):
        missing_modes.missing_mode_mass(images, images[:0], images, sigma=1.0)


# update / compute / reset --------------------------------------------------------------------------------------


def test_accumulated_batches_give_what_all_at_once_gives():
    real, fake = normal(90, 3), normal(80, 3, seed=1)
    metric = Accumulated(prdc, "real", "generated", nearest_k=4)
    for part in real.split(25):
        metric.update(real=part)
    for part in fake.split(30):
        metric.update(generated=part)
    assert metric.compute() == prdc(real, fake, nearest_k=4)
    metric.reset()
    with pytest.raises(GanlabError, match="no 'real' yet"):
        metric.compute()
    with pytest.raises(GanlabError, match="'fake'"):
        metric.update(fake=fake)


def test_accumulated_reports_over_seeds():
    samples = ring(8).sample(300, Streams([0, 1], "data"))
    metric = Accumulated(mode_report, "samples", dim=-2, mixture=ring(8))
    for part in samples.split(100, -2):
        metric.update(samples=part)
    assert str(metric.compute()) == str(mode_report(samples, ring(8)))


def test_frechet_metric_class_resets():
    metric = distances.FrechetDistance(features.raw(2))
    x = normal(100, 2)
    for shift in (1.0, 2.0):
        metric.update(x, real=True)
        metric.update(x + shift, real=False)
        assert float(metric.compute()) == pytest.approx(2 * shift**2, rel=1e-6)
        metric.reset()


def test_a_shared_classifier_is_as_it_was_after_a_frechet_distance():
    from ganlab.data.classifiers import classify

    images = 2 * torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)) - 1
    before, network = classify("digits", images), features.classifier("digits")
    distance = distances.frechet_distance(images[:20], images[20:], network)
    assert torch.equal(classify("digits", images), before)
    of_both = network.of(images).double()
    assert distance.value == pytest.approx(distances.frechet_distance(of_both[:20], of_both[20:]).value, rel=1e-3)
