"""The numbered equations of chapter 10, each on random numbers in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from kerv import PolynomialKernel, audit


@pytest.mark.parametrize("p", [0.5, 0.9, 0.98])
def test_equation_10_1(p: float) -> None:
    n = 400
    scores = (torch.rand(20_000, n) < p).double().mean(1)
    assert scores.std().item() == pytest.approx(math.sqrt(p * (1 - p) / n), rel=0.03)


@pytest.mark.parametrize("q", [0.9, 0.975])
def test_equation_10_2(q: float) -> None:
    """The interval covers the true mean as often as it says; the package's factor is this one."""
    t = (2 * q - 1) / math.sqrt(2 * q * (1 - q))
    differences = 0.3 + 2 * torch.randn(100_000, 3, dtype=torch.float64)
    margin = t * differences.std(1) / math.sqrt(3)
    covered = ((differences.mean(1) - 0.3).abs() < margin).double().mean().item()
    assert covered == pytest.approx(2 * q - 1, abs=0.005)
    if q == 0.975:
        assert pytest.approx(t) == audit.STUDENT


@pytest.mark.parametrize("ratio", [0.3, 0.5])
def test_equation_10_3(ratio: float) -> None:
    """With so many seeds a true difference is found in four of five experiments."""
    m = math.ceil((1.96 + 0.84) ** 2 / ratio**2)
    assert m == pytest.approx(7.85 / ratio**2, abs=1)
    means = (ratio + torch.randn(20_000, m)).mean(1)
    found = (means.abs() > 1.96 / math.sqrt(m)).double().mean().item()
    assert found == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("c", "d"), [(1.0, 3), (0.5, 2), (2.0, 4)])
def test_equation_10_4(c: float, d: int) -> None:
    w = torch.rand(9, dtype=torch.float64)
    kernel = PolynomialKernel(degree=d, c=c)

    def wrong(size: float) -> float:
        u = size * (w @ w)
        found = kernel.gram(size * w[None], w[None])[0, 0]
        return (found - (c**d + d * c ** (d - 1) * u)).abs().item()

    # What is left out is of second order: a tenth of u leaves a hundredth of it.
    assert 0 < wrong(1e-4) == pytest.approx(wrong(1e-3) / 100, rel=0.02)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_equation_10_5(momentum: float) -> None:
    a, rate = 3.0, 0.01
    x, y = torch.randn(32, 9, dtype=torch.float64), torch.randn(32, dtype=torch.float64)
    w = torch.randn(9, dtype=torch.float64, requires_grad=True)
    v = (a * w).detach().requires_grad_()
    for filter_, factor, eta in ((w, a, rate), (v, 1.0, a**2 * rate)):
        optimizer = torch.optim.SGD([filter_], eta, momentum=momentum)
        for _ in range(5):
            loss = torch.tanh(factor * (x @ filter_) - y).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    torch.testing.assert_close(v, a * w)


def test_equation_10_6() -> None:
    layer, rest = torch.rand(2, 100, dtype=torch.float64)
    R = 1 + 5 * torch.rand(100, dtype=torch.float64)
    f = layer / (layer + rest)
    cost = (R * layer + rest) / (layer + rest)
    torch.testing.assert_close(cost, 1 + f * (R - 1))
    assert (cost >= 1).all()
    assert (cost <= R).all()


@pytest.mark.parametrize("k", [1, 2, 3, 7, 20])
def test_equation_10_7(k: int) -> None:
    normal = Normal(torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))
    z = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    density = normal.log_prob(z).exp()
    gain = torch.trapezoid(k * z * density * normal.cdf(z) ** (k - 1), z).item()
    best = (5 + 0.2 * torch.randn(200_000, k)).amax(1).mean().item()
    assert best == pytest.approx(5 + 0.2 * gain, abs=0.003)
    known = {1: 0.0, 2: 1 / math.sqrt(math.pi), 3: 1.5 / math.sqrt(math.pi)}
    assert gain == pytest.approx(known.get(k, gain), abs=1e-9)
