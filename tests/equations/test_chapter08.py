"""The numbered equations of chapter 8, on random patches and filters in float64."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

import kerv


def random(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(8))


def batch_norm(g: Tensor) -> Tensor:
    """Torch's, in training mode; eps is far below the variances here."""
    return F.batch_norm(g, None, None, training=True, eps=1e-12)


def test_equation_8_1() -> None:
    g = random(4, 3, 6, 5)
    t = torch.tensor([0.01, 2.0, 300.0], dtype=torch.float64)[:, None, None]
    u = torch.tensor([-7.0, 0.0, 40.0], dtype=torch.float64)[:, None, None]
    assert_close(batch_norm(t * g + u), batch_norm(g))
    by_hand = (g - g.mean((0, 2, 3), keepdim=True)) / g.std((0, 2, 3), correction=0, keepdim=True)
    assert_close(batch_norm(g), by_hand)
    # A negative factor is seen: it turns the sign.
    assert_close(batch_norm(-t * g + u), -batch_norm(g))


def test_equation_8_2() -> None:
    x, w = random(2, 7, 9)
    dot = x @ w.T
    for c in (0.5, 1.0, 20.0):
        kernel = kerv.PolynomialKernel(degree=2, c=c).double()
        assert_close(kernel.gram(x, w), c**2 + 2 * c * dot + dot**2)
        assert_close(dot**2 / (2 * c * dot), dot / (2 * c))


def test_equation_8_3() -> None:
    x, w = random(2, 7, 9)
    dot, x_sq, w_sq = x @ w.T, x.square().sum(1)[:, None], w.square().sum(1)
    distance = torch.cdist(x, w)
    for gamma in (0.04, 0.004, 0.0004):
        exact = kerv.GaussianKernel(gamma).double().gram(x, w)
        error = (exact - (1 - gamma * w_sq + 2 * gamma * dot - gamma * x_sq)).abs()
        assert (error > 0).all()
        assert (error <= gamma**2 * distance**4 / 2).all()
    # The bound cannot be much smaller: the next term of the series is that large.
    assert_close(error, gamma**2 * distance**4 / 2, rtol=0.05, atol=0)
