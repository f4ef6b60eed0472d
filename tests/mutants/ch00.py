"""Chapter 00: planted wrong answers, each with the reason it must be rejected with, and right answers."""

import torch

WRONG = {
    "start.count_modes": [
        ("samples", lambda labels: len(labels)),
        ("samples", lambda labels: labels.numel()),
        ("largest", lambda labels: int(labels.max()) + 1 if len(labels) else 0),
        ("largest", lambda labels: len(torch.bincount(labels))),
        ("off-by-one", lambda labels: len(set(labels.tolist())) - 1),
        ("neighbours", lambda labels: len(torch.unique_consecutive(labels))),
        ("type", lambda labels: labels.unique()),
        ("type", lambda labels: set(labels.tolist())),
        ("value", lambda labels: int(labels.max()) if len(labels) else 0),
        ("value", lambda labels: int((torch.bincount(labels) == 1).sum())),
        ("print", lambda labels: print(len(labels.unique()))),
        ("in-place", lambda labels: len(labels.fill_(0).unique())),
        ("error", lambda labels: len(labels.uniqe())),
        ("signature", lambda labels, modes: len(labels.unique())),
    ],
}

RIGHT = {
    "start.count_modes": [
        lambda labels: len(set(labels.tolist())),
        lambda labels: torch.unique(labels).numel(),
        lambda labels: (torch.bincount(labels) > 0).sum(),
        lambda labels: int((labels.sort().values.diff() != 0).sum()) + bool(len(labels)),
        lambda labels: labels.unique().numpy().size,
    ],
}
