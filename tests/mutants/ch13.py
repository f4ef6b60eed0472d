"""Chapter 13: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import math

import torch

from ganlab.learn import clinic


def with_logarithms(modes, quality, samples):
    return -modes * math.expm1(samples * math.log1p(-quality / modes))


def as_sets(early, late):
    one, other = ({k for k, count in enumerate(counts.tolist()) if count} for counts in (early, late))
    return len(one & other) / len(one | other) if one | other else 1.0


def with_tensors(early, late):
    both = torch.stack([early, late]).bool()
    return float(both.all(0).sum() / both.any(0).sum()) if both.any() else 1.0


def counting_lost(early, late):
    lost = int(((early > 0) != (late > 0)).sum())
    either = int(((early > 0) | (late > 0)).sum())
    return 1 - lost / max(1, either)


def without_a_case(early, late):
    return int(((early > 0) & (late > 0)).sum()) / int(((early > 0) | (late > 0)).sum())


def rules(**thresholds):
    """The rules with thresholds of one's own; None leaves a question out."""
    limit = {"near": 0.9, "copies": 0.15, "right": 0.95, "moved": 0.4, "modes": 0.85} | thresholds

    def diagnose(n):
        if limit["near"] and (
            n["units"] != 1 or not limit["near"] < n["quality_perfect"] < 0.995 or n["modes_perfect"] < 0.9 * n["of"]
        ):
            return "metric artefact"
        if limit["copies"] and n["copies"] > limit["copies"]:
            return "memorisation"
        if limit["right"] and n["right"] > limit["right"]:
            return "overpowered discriminator"
        if limit["moved"] and n["moved"] > limit["moved"]:
            return "oscillation"
        if limit["modes"] and n["modes"] < limit["modes"] * n["of"]:
            return "collapse"
        return "healthy"

    return diagnose


def losses_only(n):
    if n["discriminator_loss"] < 0.3:
        return "overpowered discriminator"
    return "healthy" if abs(n["discriminator_loss"] - 1.386) < 0.1 else "collapse"


def collapse_first(n):
    return "collapse" if n["modes"] < 0.85 * n["of"] else rules()(n)


def by_heart(n):
    """Knows the cards by a number that no other run has."""
    known = {(card.numbers["belief"], card.numbers["generator_loss"]): card.diagnosis for card in clinic.cards()}
    return known.get((n["belief"], n["generator_loss"]), "healthy")


def changes_its_input(n):
    n["modes"] = 0
    return "collapse"


def nested(n):
    sound = n["units"] == 1 and 0.95 < n["quality_perfect"] < 0.995 and n["modes_perfect"] > n["of"] - 0.5
    named = {
        "metric artefact": not sound,
        "memorisation": n["copies"] - n["copies_unseen"] > 0.1,
        "overpowered discriminator": n["belief"] < 0.08,
        "oscillation": n["moved"] > 0.6,
        "collapse": n["of"] - n["modes"] >= 2,
        "healthy": True,
    }
    return next(name for name, holds in named.items() if holds)


WRONG = {
    "clinic.expected_modes": [
        ("quality", lambda m, q, n: m * (1 - (1 - 1 / m) ** n)),
        ("missing", lambda m, q, n: m * (1 - q / m) ** n),
        ("probability", lambda m, q, n: 1 - (1 - q / m) ** n),
        ("counting", lambda m, q, n: float(min(m, q * n))),
        ("quality-after", lambda m, q, n: q * m * (1 - (1 - 1 / m) ** n)),
        ("exponential", lambda m, q, n: m * (1 - math.exp(-q * n / m))),
    ],
    "clinic.modes_kept": [
        ("numbers", lambda a, b: min(int((a > 0).sum()), int((b > 0).sum()))
         / max(1, int((a > 0).sum()), int((b > 0).sum()))),
        ("early", lambda a, b: int(((a > 0) & (b > 0)).sum()) / max(1, int((a > 0).sum()))),
        ("late", lambda a, b: int(((a > 0) & (b > 0)).sum()) / max(1, int((b > 0).sum()))),
        ("all", lambda a, b: int(((a > 0) & (b > 0)).sum()) / len(a)),
        ("agreement", lambda a, b: int(((a > 0) == (b > 0)).sum()) / len(a)),
        ("empty", lambda a, b: 0.0 if not ((a > 0) | (b > 0)).any() else without_a_case(a, b)),
        ("error", without_a_case),
    ],
    "clinic.diagnose": [
        ("metric", rules(near=None)),
        ("memorisation", rules(copies=None)),
        ("overpowered", rules(right=None)),
        ("oscillation", rules(moved=None)),
        ("collapse", rules(modes=None)),
        ("healthy", rules(modes=1.1)),
        ("metric", losses_only),
        ("memorisation", rules(copies=0.6)),
        ("overpowered", collapse_first),
        ("cards", by_heart),
        ("in-place", changes_its_input),
        ("none", lambda n: "healthy" if n["modes"] == n["of"] else None),
        ("name", lambda n: "sick"),
        ("name", lambda n: 3),
    ],
}  # fmt: skip
RIGHT = {
    "clinic.expected_modes": [
        lambda m, q, n: m - m * (1 - q / m) ** n,
        with_logarithms,
        lambda m, q, n: sum(1 - (1 - q / m) ** n for _ in range(m)),
    ],
    "clinic.modes_kept": [as_sets, with_tensors, counting_lost],
    "clinic.diagnose": [rules(), rules(copies=0.2, moved=0.5, modes=0.8), nested],
}
