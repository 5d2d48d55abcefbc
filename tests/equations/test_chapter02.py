"""The numbered equations of chapter 2, on random patches and filters in float64."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import torch
from torch import Tensor
from torch.testing import assert_close

import kerv


def random(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def phi(x: Tensor) -> Tensor:
    """Equation (2.1)."""
    return torch.stack([x[0] ** 2, math.sqrt(2) * x[0] * x[1], x[1] ** 2])


def monomials(n: int, d: int) -> list[tuple[int, ...]]:
    """By brute force: every word of d pixels, the order forgotten."""
    return sorted({tuple(sorted(word)) for word in itertools.product(range(n), repeat=d)})


def test_equation_2_1() -> None:
    """Its features are the products of two pixels: their squares add up to ‖x‖⁴."""
    x = random(2)
    assert_close(phi(x).square().sum(), torch.outer(x, x).square().sum())
    assert_close(phi(3 * x), 9 * phi(x))


def test_equation_2_2() -> None:
    x, w = random(2, 2)
    expanded = x[0] ** 2 * w[0] ** 2 + 2 * x[0] * x[1] * w[0] * w[1] + x[1] ** 2 * w[1] ** 2
    assert_close(phi(x) @ phi(w), expanded)
    assert_close(expanded, (x @ w) ** 2)


def test_equation_2_3a() -> None:
    for n, d in itertools.product(range(1, 5), range(6)):
        assert len(monomials(n, d)) == math.comb(n + d - 1, d)


def test_equation_2_3b() -> None:
    for n, d in itertools.product(range(1, 5), range(6)):
        assert sum(len(monomials(n, j)) for j in range(d + 1)) == math.comb(n + d, d)


def test_equation_2_4() -> None:
    (x, w), c = random(2, 5), 0.7
    for d in range(1, 6):
        terms = [math.comb(d, j) * c ** (d - j) * (x @ w) ** j for j in range(d + 1)]
        assert_close(kerv.PolynomialKernel(d, c).double().gram(x[None], w[None])[0, 0], sum(terms))


def test_equation_2_5() -> None:
    x, w = random(2, 4)
    for j in range(1, 5):
        total = 0
        for chosen in monomials(4, j):
            orders = math.factorial(j)
            for repeats in Counter(chosen).values():
                orders //= math.factorial(repeats)
            total += orders * x[list(chosen)].prod() * w[list(chosen)].prod()
        assert_close((x @ w) ** j, total)


def test_equation_2_6() -> None:
    (x, w), gamma = random(2, 5), 0.3
    dot = (x @ w).item()
    series = sum((2 * gamma * dot) ** j / math.factorial(j) for j in range(60))
    product = torch.exp(-gamma * x @ x) * torch.exp(-gamma * w @ w) * series
    assert_close(product, torch.exp(-gamma * (x - w).square().sum()))
    assert_close(product, kerv.GaussianKernel(gamma).double().gram(x[None], w[None])[0, 0])


def test_equation_2_7() -> None:
    points, a = random(7, 2), random(7)
    features = torch.stack([phi(x) for x in points])
    K = (points @ points.T) ** 2
    assert_close(a @ K @ a, (a @ features).square().sum())


def test_equation_2_8() -> None:
    """Its solution is where the regularised squared error of f is least."""
    points, y, ridge = random(9, 2), random(9), 0.1
    K = kerv.GaussianKernel(0.5).double().gram(points, points)
    a = torch.linalg.solve(K + ridge * torch.eye(9, dtype=K.dtype), y).requires_grad_()
    loss = (K @ a - y).square().sum() + ridge * a @ K @ a
    [gradient] = torch.autograd.grad(loss, a)
    assert_close(gradient, torch.zeros_like(gradient))
