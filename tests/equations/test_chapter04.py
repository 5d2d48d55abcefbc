"""The numbered equations of chapter 4, on random numbers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import kerv


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(4)


def numbers(random: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=random)


def multiply_adds(x: Tensor, w: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        F.conv2d(x, w)
    return counter.get_total_flops() // 2


def test_equation_4_1(random: torch.Generator) -> None:
    x, w = numbers(random, 2, 3, 6, 7), numbers(random, 4, 3, 3, 2)
    patches = F.unfold(x, (3, 2)).mT[:, :, None]
    directly = (patches - w.flatten(1)).square().sum(-1).mT.reshape(2, 4, 4, 6)
    x_sq, w_sq = F.conv2d(x**2, torch.ones_like(w)), (w**2).sum((1, 2, 3))[:, None, None]
    torch.testing.assert_close(x_sq + w_sq - 2 * F.conv2d(x, w), directly)


def test_equation_4_2(random: torch.Generator) -> None:
    x = numbers(random, 2, 5, 9, 8)
    patches = F.unfold(x, 3)
    squares = x.square().sum(1)
    down = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    along = down[..., :-2] + down[..., 1:-1] + down[..., 2:]
    torch.testing.assert_close(along.flatten(1), patches.square().sum(1))


def test_equation_4_3(random: torch.Generator) -> None:
    x, w, gamma = numbers(random, 20, 9), numbers(random, 6, 9), 0.3
    gain = (-gamma * x.square().sum(1, keepdim=True)).exp()
    per_filter = (-gamma * w.square().sum(1)).exp()
    product = gain * (2 * gamma * x @ w.T).exp() * per_filter
    torch.testing.assert_close(product, (-gamma * torch.cdist(x, w) ** 2).exp())
    torch.testing.assert_close(product, kerv.GaussianKernel(gamma=gamma).gram(x, w))


@pytest.mark.parametrize(("channels", "filters", "k"), [(64, 64, 3), (3, 64, 3), (8, 16, 5)])
def test_equation_4_4(channels: int, filters: int, k: int) -> None:
    x, w = torch.zeros(1, channels, 300, 300), torch.zeros(filters, channels, k, k)
    whole = multiply_adds(x, w)
    assert multiply_adds(x, w[:1]) * filters == whole
    # The box sum, counted: a multiply-add for each pixel, then k − 1 additions down and along.
    places = 300 - k + 1
    box = x.numel() + (k - 1) * places * 300 + (k - 1) * places * places
    n = channels * k * k
    # Not exact, since the pixels at the edge belong to fewer patches.
    assert box / whole == pytest.approx((channels + 2 * (k - 1)) / (n * filters), rel=0.05)


@pytest.mark.parametrize("filters", [1, 7])
@pytest.mark.parametrize("channels", [1, 5])
def test_equation_4_5(channels: int, filters: int) -> None:
    x, w = torch.zeros(2, channels, 9, 11), torch.zeros(filters, channels, 3, 3)
    assert multiply_adds(x, w) == F.conv2d(x, w).numel() * w[0].numel()


@pytest.mark.parametrize("brightness", [1, 10, 100])
@pytest.mark.parametrize("n", [27, 576])
def test_equation_4_6(n: int, brightness: int, random: torch.Generator) -> None:
    x = (brightness + 0.1 * numbers(random, 200, n)).float()
    w = (brightness + 0.1 * numbers(random, 50, n)).float()
    exact = (x.double()[:, None] - w.double()).square().sum(2)
    x_sq, w_sq = x.square().sum(1, keepdim=True), w.square().sum(1)
    error = (x_sq + w_sq - 2 * x @ w.T - exact).abs()
    rule = torch.finfo(torch.float32).eps * (x_sq + w_sq)
    # The order of magnitude: how a processor orders its sums decides the rest.
    assert 0.03 < (error / rule).median() < 3
    assert (error / rule).max() < 20


def test_equation_4_7(random: torch.Generator) -> None:
    x, w, m = numbers(random, 50, 9), numbers(random, 50, 9), numbers(random, 1)
    torch.testing.assert_close(
        ((x - m) - (w - m)).square().sum(1), (x - w).square().sum(1), rtol=1e-12, atol=1e-12
    )
