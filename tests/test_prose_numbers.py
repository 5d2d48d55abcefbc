"""Numbers that chapters 7, 9 and 10 state in a sentence, and that no cell of theirs asserts."""

from __future__ import annotations

import statistics

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kerv import audit, bench, models

_CUBIC = "polynomial-3"


def products(model: nn.Module) -> int:
    with FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, 3, 32, 32))
    return counter.get_total_flops()


def test_what_chapter_7_counts() -> None:
    whole = products(models.build("resnet20"))
    # "nearly three times the products for each picture"
    assert 2.8 < products(models.build("fastnet")) / whole < 3
    # An arc cosine in the stem "would double the time", at ten times the stem's share of products.
    [stem] = [c for c in bench.recorded()["cases"] if c["name"].startswith("stem")]
    cost = next(c["both"] for c in stem["costs"] if c["layer"] == "arc_cosine")
    share = 10 * products(models.build("resnet20").stem[0]) / whole
    assert round(1 + share * (cost - 1), 1) == 2.0


def test_what_chapter_9_says_of_training_under_gains() -> None:
    # "At twice the light ... the network trained under gains is three points ahead"
    ours, theirs = (
        audit.scores(f"light/{name}", "twice the light")
        for name in ("convolution-gain-augmented", "correlation")
    )
    assert round(100 * audit.difference(ours, theirs).mean) == 3


def test_what_chapter_10_says_of_epochs_and_rates() -> None:
    # "the best epoch is one to five hundredths of a point above the last, on average"
    above = [
        statistics.mean(
            (run.best_test_accuracy or 0.0) - run.test_accuracy
            for run in audit.complete(f"mnist/{name}")
        )
        for name in ("convolution", "polynomial-3", "gaussian", "cosine", "polynomial-2", "sigmoid")
    ]
    assert (round(10_000 * min(above)), round(10_000 * max(above))) == (1, 5)
    # "Ours loses about one point by 0.05, and is stuck at 0.1"
    found = {r: run.validation_accuracy or 0.0 for r, run in audit.search("mnist", _CUBIC).items()}
    assert round(100 * (max(found.values()) - found[0.05])) == 1
    assert found[0.1] < 0.12
    # "After one epoch the lead is three points, after four less than half a point."
    cubic, plain = (
        [[epoch["validation_accuracy"] for epoch in run.epochs] for run in audit.complete(name)]
        for name in (f"mnist-paper-rate/{_CUBIC}", "mnist-paper-rate/convolution")
    )
    lead = [
        100
        * statistics.mean(ours[n] - theirs[n] for ours, theirs in zip(cubic, plain, strict=True))
        for n in (0, 3)
    ]
    assert round(lead[0]) == 3
    assert 0.4 < lead[1] < 0.5
