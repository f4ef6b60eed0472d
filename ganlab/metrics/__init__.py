"""Measure collapse.

| file | numbers |
|---|---|
| `modes` | modes covered, quality, KL both ways, Jensen-Shannon, total variation, within-mode spread |
| `ndb` | number of statistically different bins, and the divergence over bins |
| `answers` | coverage where all true answers to a condition are known |
| `prdc` | precision, recall, density, coverage |
| `distances` | Fréchet and kernel distance, perceptual diversity |
| `scores` | Inception score, MODE score, class balance |
| `missing_modes` | the third-party discriminator of Mode Regularized GAN |
| `clustering` | cluster accuracy, NMI, ARI, purity |
| `memorisation` | nearest-neighbour test, support size by the birthday paradox |
| `intervals` | the uncertainty of a mean over seeds |
| `accumulated` | `update / compute / reset` over any of these, for data that come in batches |
| `features` | what the distances are measured on, by name |
| `faults` | oracle samplers with known faults |
| `diagnose` | all of it, on anybody's generator, with a verdict |
"""

from ganlab.metrics.memorisation import nearest_neighbour_test, support_size
from ganlab.metrics.modes import (
    ModeReport,
    forward_kl,
    high_quality_share,
    jensen_shannon,
    mass_in_place,
    mode_counts,
    mode_report,
    modes_covered,
    perfect_scores,
    reverse_kl,
    total_variation,
    within_mode_spread,
)

__all__ = [
    "ModeReport",
    "forward_kl",
    "high_quality_share",
    "jensen_shannon",
    "mass_in_place",
    "mode_counts",
    "mode_report",
    "modes_covered",
    "nearest_neighbour_test",
    "perfect_scores",
    "reverse_kl",
    "support_size",
    "total_variation",
    "within_mode_spread",
]
