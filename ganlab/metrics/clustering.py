"""How well clusters found without labels agree with classes: for NEMGAN's inferred modes and for conditional GANs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix
from torch import Tensor

from ganlab.errors import GanlabError


def _labels(clusters, classes) -> tuple[np.ndarray, np.ndarray]:
    clusters, classes = (torch.as_tensor(x).detach().cpu().numpy() for x in (clusters, classes))
    if clusters.ndim != 1 or clusters.shape != classes.shape or not len(clusters):
        raise GanlabError(
            f"clusters has shape {clusters.shape} and classes {classes.shape}; give one label a sample in each."
        )
    return clusters, classes


class ClusterAccuracy(NamedTuple):
    """`accuracy` and which class each cluster was matched with; a cluster left over when there are more is absent."""

    accuracy: float
    matching: dict[int, int]


def cluster_accuracy(clusters: Int[Tensor, " n"], classes: Int[Tensor, " n"]) -> ClusterAccuracy:
    """The share of samples right under the best one-to-one matching of clusters with classes.

    max over matchings of sum_c #(cluster c and its class) / n, found by the Hungarian method (Kuhn 1955; Yang et
    al. 2010). Range 0 to 1, higher is better; about 1 / classes at random. With unequal numbers the matching is
    rectangular: the clusters or classes left over count as wrong. (The greedy "majority class of each cluster" is
    `purity`; it is never lower.)

    >>> cluster_accuracy(torch.tensor([1, 1, 0, 0, 0]), torch.tensor([7, 7, 4, 4, 7]))
    ClusterAccuracy(accuracy=0.8, matching={0: 4, 1: 7})
    """
    clusters, classes = _labels(clusters, classes)
    table = contingency_matrix(classes, clusters)
    rows, columns = linear_sum_assignment(table, maximize=True)
    class_names, cluster_names = np.unique(classes), np.unique(clusters)
    matching = {int(cluster_names[c]): int(class_names[r]) for r, c in zip(rows, columns, strict=True)}
    return ClusterAccuracy(float(table[rows, columns].sum() / len(classes)), dict(sorted(matching.items())))


def normalised_mutual_information(clusters: Int[Tensor, " n"], classes: Int[Tensor, " n"]) -> float:
    """2 I(clusters; classes) / (H(clusters) + H(classes)): the arithmetic-mean form, scikit-learn's default today.

    Range 0 to 1, higher is better. Not corrected for chance: many clusters raise it. Older papers normalise by the
    geometric mean or the maximum.

    >>> normalised_mutual_information(torch.tensor([5, 5, 2, 2]), torch.tensor([0, 0, 1, 1]))
    1.0
    """
    clusters, classes = _labels(clusters, classes)
    return float(normalized_mutual_info_score(classes, clusters))


def adjusted_rand_index(clusters: Int[Tensor, " n"], classes: Int[Tensor, " n"]) -> float:
    """(Rand index - its expectation at random) / (1 - that expectation) (Hubert and Arabie 1985).

    1 for the same partition, 0 expected at random, down to -0.5. Higher is better.

    >>> adjusted_rand_index(torch.tensor([5, 5, 2, 2]), torch.tensor([0, 0, 1, 1]))
    1.0
    """
    clusters, classes = _labels(clusters, classes)
    return float(adjusted_rand_score(classes, clusters))


def purity(clusters: Int[Tensor, " n"], classes: Int[Tensor, " n"]) -> float:
    """The share of samples that are of the commonest class in their cluster.

    Range 1 / classes to 1, higher is better, but 1 for one cluster a sample, and a class may be matched twice.

    >>> purity(torch.tensor([0, 0, 1]), torch.tensor([3, 3, 3]))
    1.0
    """
    clusters, classes = _labels(clusters, classes)
    table = contingency_matrix(classes, clusters)
    return float(table.max(0).sum() / len(classes))
