"""The numbered equations of chapter 9, each on random numbers in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kerv import CorrelationKernel, KernelConv2d, light
from kerv.attacks import fgsm


def pair(n: int = 9) -> tuple[Tensor, Tensor]:
    x, w = torch.randn(2, n, dtype=torch.float64)
    return x, w


def correlation(x: Tensor, w: Tensor, eps: float = 1e-14) -> Tensor:
    return CorrelationKernel(eps=eps).gram(x[None], w[None])[0, 0]


def test_equation_9_1() -> None:
    x, w = pair()
    torch.testing.assert_close((1.7 * x - 0.4) @ w, 1.7 * (x @ w) - 0.4 * w.sum())


def test_equation_9_2() -> None:
    x, w = pair()
    torch.testing.assert_close(correlation(x, w), torch.corrcoef(torch.stack([x, w]))[0, 1])


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.0), (3.0, -2.0), (1.0, 5.0)])
def test_equation_9_3(a: float, b: float) -> None:
    x, w = pair()
    torch.testing.assert_close(correlation(a * x + b, w), correlation(x, w))


@pytest.mark.parametrize("a", [0.01, 0.1, 1.0])
def test_equation_9_4(a: float) -> None:
    x, w = pair()
    eps, s = 1e-3, (x - x.mean()).square().sum()
    right = correlation(x, w) * (a**2 * s / (a**2 * s + eps)).sqrt()
    # The filter is long against eps, as the equation asks.
    found = correlation(a * x + 2, 1e6 * w, eps)
    torch.testing.assert_close(found, right)


def test_equation_9_5() -> None:
    x, m, s = torch.rand(3, 6, dtype=torch.float64)
    a = 0.3
    torch.testing.assert_close((a * x - m) / s, a * (x - m) / s + (a - 1) * m / s)


@pytest.mark.parametrize(("k", "height", "width"), [(3, 32, 32), (5, 12, 28)])
def test_equation_9_6(k: int, height: int, width: int) -> None:
    layer = KernelConv2d(1, 4, k, bias=False, kernel="correlation:eps=1e-12").double()
    picture = torch.rand(1, 1, height + k - 1, width + k - 1, dtype=torch.float64)
    change = (layer(light.shadow(picture, left=0.2)) - layer(picture)).abs() > 1e-6
    assert change.any(1).double().mean() == pytest.approx((k - 1) / width)


@pytest.mark.parametrize("sigma", [0.01, 1.0])
def test_equation_9_7(sigma: float) -> None:
    n = 12
    x = sigma * torch.randn(50_000, n, dtype=torch.float64)
    r = CorrelationKernel(eps=1e-14).gram(x, torch.rand(1, n, dtype=torch.float64))
    assert r.mean().item() == pytest.approx(0, abs=0.006)
    assert r.std().item() == pytest.approx((n - 1) ** -0.5, rel=0.02)


def test_equation_9_8() -> None:
    x = torch.rand(4, 1, 2, 3, dtype=torch.float64) * 0.4 + 0.3
    y = torch.tensor([0, 1, 2, 0])
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 3)).double()
    x.requires_grad_(True)
    loss = torch.nn.functional.cross_entropy(network(x), y, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, x)
    right = x + 0.1 * gradient.sign()
    torch.testing.assert_close(fgsm(network, x.detach(), y, epsilon=0.1), right.detach())
