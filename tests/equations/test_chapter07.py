"""The numbered equations of chapter 7, each on random numbers in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from kerv import models, optim


def test_equation_7_1() -> None:
    block = models.build("resnet8").double().eval().stages[0][0]
    x = torch.randn(2, 16, 6, 6, dtype=torch.float64)
    inner = block.residual
    for value in (0.3, -1.0):
        assert torch.equal(block(x * value), (x * value + inner(x * value)).clamp(min=0))
    nn.init.zeros_(inner[-1].weight)  # F answers 0
    x = x.abs()
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("m", [1, 3, 5])
def test_equation_7_2(m: int) -> None:
    model = models.build(f"resnet{6 * m + 2}")
    layers = [x for x in model.modules() if isinstance(x, nn.Conv2d | nn.Linear)]
    assert len(layers) == 3 * 2 * m + 2
    assert all(len(stage) == m for stage in model.stages)


def test_equation_7_3() -> None:
    times = torch.rand(7, dtype=torch.float64)
    r = 3.7
    slower = times.clone()
    slower[0] *= r
    s = times[0] / times.sum()
    torch.testing.assert_close(slower.sum() / times.sum(), 1 + s * (r - 1))


@pytest.mark.parametrize("total", [10, 100, 3520])
def test_equation_7_4(total: int) -> None:
    start = total // 10
    for t in range(start, total):
        rate = 0.5 * (1 + math.cos(math.pi * (t - start) / (total - start)))
        assert optim.rate(t, total) == pytest.approx(rate)


def test_equation_7_5() -> None:
    p, n = 0.6, 500
    scores = (torch.rand(20_000, n) < p).double().mean(1)
    assert scores.std().item() == pytest.approx(math.sqrt(p * (1 - p) / n), rel=0.03)


def test_equation_7_6() -> None:
    mixed = torch.randn(6, 6, dtype=torch.float64)
    x = torch.randn(20_000, 6, dtype=torch.float64) @ mixed
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    z = x @ vectors / values.sqrt()
    torch.testing.assert_close(z.T @ z / len(z), torch.eye(6, dtype=torch.float64))


def test_equation_7_7() -> None:
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.zeros_(model.weight)
    lookahead = optim.Lookahead(model, every=5)
    for t, fast, slow in ((0.0, 3.0, 3.0), (1.0, 13.0, 3 + 10 * (1 - 0.95**5))):
        nn.init.constant_(model.weight, fast)
        lookahead.update(t)
        assert model.weight.item() == lookahead.slow[0].item() == pytest.approx(slow)
