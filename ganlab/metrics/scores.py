"""Scores of a classifier's posteriors: Inception score, MODE score, class balance."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ganlab.errors import GanlabError
from ganlab.metrics.arrays import divergence


def _check(posteriors: Tensor, training: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    posteriors = torch.as_tensor(posteriors).detach().double()
    if posteriors.ndim != 2 or not posteriors.numel():
        raise GanlabError(f"posteriors has shape {tuple(posteriors.shape)}; give (n, classes).")
    if not posteriors.isfinite().all() or (posteriors < 0).any():
        raise GanlabError("posteriors holds a negative or non-finite value; give softmax(logits).")
    if ((posteriors.sum(1) - 1).abs() > 1e-3).any():
        raise GanlabError("posteriors do not sum to 1 in each row; give softmax(logits), not the logits.")
    if training is not None:
        training = torch.as_tensor(training).detach().to(posteriors)
        if training.shape != posteriors.shape[1:]:
            raise GanlabError(
                f"training_marginal has shape {tuple(training.shape)} and there are {posteriors.shape[1]} classes; "
                "give one probability a class."
            )
        if (training <= 0).any() or abs(float(training.sum()) - 1) > 1e-3:
            raise GanlabError(f"training_marginal is {training.tolist()}; give positive numbers that sum to 1.")
        training = training / training.sum()
    return posteriors, training


def inception_score(posteriors: Float[Tensor, "n classes"]) -> float:
    """IS = exp( E_x KL( p(y|x) || p_g(y) ) ), p_g the mean posterior (Salimans et al. 2016).

    Range 1 to the number of classes, higher is better: sure about each sample, varied over all. Over all n samples
    at once, not averaged over ten splits. It never sees the real data: a wrong balance of classes that is still
    even, or one perfect image for each class, scores the maximum.

    >>> round(inception_score(torch.eye(10)), 6)
    10.0
    """
    posteriors, _ = _check(posteriors)
    return float(divergence(posteriors, posteriors.mean(0)).mean().exp())


def class_balance_kl(posteriors: Float[Tensor, "n classes"], training_marginal: Float[Tensor, " classes"]) -> float:
    """KL(p_g || p_train) between the mean posterior and the class marginal of the training data.

    Nats, from 0, lower is better; at most -log(min p_train). About (classes - 1) / (2 n) for a perfect generator.

    >>> round(class_balance_kl(torch.eye(2)[[0, 0, 0, 0]], torch.tensor([0.75, 0.25])), 4)  # log(1 / 0.75)
    0.2877
    """
    posteriors, training = _check(posteriors, training_marginal)
    return float(divergence(posteriors.mean(0), training))


def mode_score(posteriors: Float[Tensor, "n classes"], training_marginal: Float[Tensor, " classes"]) -> float:
    """MODE = exp( E_x KL( p(y|x) || p_g ) - KL( p_g || p_train ) ) = IS exp(-KL( p_g || p_train )).

    The form of Xu et al. 2018's public code, usually meant by "MODE score". From 0, higher is better; at most the
    number of classes.

    Sound only where p_train is uniform. In general its maximum is (sum_y sqrt(p_train(y)))^2, reached at
    p_g proportional to sqrt(p_train) and not at p_train: for p_train = (.9, .1) a perfect generator scores 1.38
    and the wrong balance (.75, .25) scores 1.60. Report `class_balance_kl` beside it.

    >>> even = torch.full((10,), 0.1)
    >>> round(mode_score(torch.eye(10), even), 6), round(mode_score(torch.eye(10)[:5], even), 6)
    (10.0, 2.5)
    """
    balance = class_balance_kl(posteriors, training_marginal)
    return inception_score(posteriors) * math.exp(-balance)


def mode_score_as_printed(
    posteriors: Float[Tensor, "n classes"], training_marginal: Float[Tensor, " classes"]
) -> float:
    """exp( E_x KL( p(y|x) || p_train ) - KL( p_g || p_train ) ): equation 4 of Che et al., arXiv v1.

    Algebraically this **is** the Inception score, since the terms in log p_train cancel: kept to show that it
    does not see the training marginal that it was made for.

    >>> round(mode_score_as_printed(torch.eye(4), torch.tensor([0.7, 0.1, 0.1, 0.1])), 6)
    4.0
    """
    posteriors, training = _check(posteriors, training_marginal)
    log_score = divergence(posteriors, training).mean() - divergence(posteriors.mean(0), training)
    return float(log_score.exp())
