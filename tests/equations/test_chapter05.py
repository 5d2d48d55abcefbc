"""The numbered equations of chapter 5, against autograd and on random numbers, in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import kerv


def random(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def response(spec: str, x: Tensor, w: Tensor) -> Tensor:
    return kerv.get_kernel(spec).double().gram(x[None], w[None])[0, 0]


def gradient(spec: str, x: Tensor, w: Tensor) -> Tensor:
    """∇_w κ(x, w) by autograd."""
    w = w.clone().requires_grad_()
    return torch.autograd.grad(response(spec, x, w), w)[0]


def angle(x: Tensor, w: Tensor) -> Tensor:
    return torch.acos(x @ w / (x.norm() * w.norm()))


@pytest.mark.parametrize(
    "spec", ["polynomial", "sigmoid", "gaussian", "rational_quadratic", "l2", "cosine"]
)
def test_equation_5_1(spec: str) -> None:
    """With the kernel as a function of the three numbers, and of nothing else."""
    x, w = random(2, 7)
    numbers = torch.stack([x @ w, x @ x, w @ w]).requires_grad_()

    class Numbers(kerv.pair.VectorPair):
        dot = wide_dot = property(lambda self: numbers[0])
        x_sq = property(lambda self: numbers[1])
        w_sq = property(lambda self: numbers[2])

    pair = Numbers(x[None], w[None])
    by_dot, _, by_w_sq = torch.autograd.grad(kerv.get_kernel(spec).double()(pair), numbers)[0]
    assert_close(gradient(spec, x, w), by_dot * x + 2 * by_w_sq * w)


def test_equation_5_2a() -> None:
    x, w = random(2, 7)
    assert_close(gradient("linear", x, w), x)


def test_equation_5_2b() -> None:
    (x, w), c = random(2, 7), -0.4
    for d in (1, 2, 3):
        right = d * (x @ w + c) ** (d - 1) * x
        assert_close(gradient(f"polynomial:degree={d},c={c}", x, w), right)


def test_equation_5_2c() -> None:
    x, w = random(2, 7)
    kappa = torch.tanh(0.3 * (x @ w) - 0.4)
    assert_close(gradient("sigmoid:gamma=0.3,c=-0.4", x, w), 0.3 * (1 - kappa**2) * x)


def test_equation_5_3a() -> None:
    x, w = random(2, 7)
    right = 2 * 0.3 * torch.exp(-0.3 * (x - w).square().sum()) * (x - w)
    assert_close(gradient("gaussian:gamma=0.3", x, w), right)


def test_equation_5_3b() -> None:
    (x, w), alpha = random(2, 7), 1.7
    rho = (x - w).norm()
    right = 2 * 0.3 * (1 + 0.3 * rho**2 / alpha) ** (-alpha - 1) * (x - w)
    assert_close(gradient(f"rational_quadratic:gamma=0.3,alpha={alpha}", x, w), right)


def test_equation_5_3c() -> None:
    x, w = random(2, 7)
    assert_close(gradient("l2", x, w), (x - w) / (x - w).norm())


def test_equation_5_3d() -> None:
    x, w = random(2, 7)
    right = 0.3 * torch.exp(-0.3 * (x - w).abs().sum()) * (x - w).sign()
    assert_close(gradient("laplacian:gamma=0.3", x, w), right)


def test_equation_5_3e() -> None:
    x, w = random(2, 7)
    assert_close(gradient("l1", x, w), (x - w).sign())


def test_equation_5_4() -> None:
    """No distance of a fine grid has a longer gradient than the distance of the equation."""
    w, v = random(2, 7)
    v = v / v.norm()
    for gamma in (0.05, 0.7, 3.0):
        best = 1 / math.sqrt(2 * gamma)
        lengths = [
            gradient(f"gaussian:gamma={gamma}", w + rho * v, w).norm()
            for rho in torch.linspace(0, 4 * best, 101, dtype=torch.float64)
        ]
        assert_close(lengths[25], torch.tensor(math.sqrt(2 * gamma / math.e)).double())
        assert max(range(101), key=lambda i: lengths[i]) == 25


def test_equation_5_5a() -> None:
    x, w = random(2, 7)
    kappa = torch.cos(angle(x, w))
    right = (x / x.norm() - kappa * w / w.norm()) / w.norm()
    assert_close(gradient("cosine", x, w), right)


def test_equation_5_5b() -> None:
    x, w = random(2, 7)
    assert_close(gradient("cosine", x, w).norm(), torch.sin(angle(x, w)) / w.norm())


def test_equation_5_5c() -> None:
    x, w = random(2, 7)
    theta = angle(x, w)
    right = ((math.pi - theta) * x + torch.sin(theta) * x.norm() / w.norm() * w) / math.pi
    assert_close(gradient("arc_cosine", x, w), right)


def test_equation_5_6() -> None:
    picture, t = random(1, 2, 12, 12), 1.3
    for d in (2, 3):
        layers = torch.nn.Sequential()
        for count in (1, 2, 3):
            conv = kerv.KernelConv2d(2, 2, 3, bias=False, kernel=f"polynomial:degree={d},c=0")
            layers.append(conv.double())
            conv.weight.data = random(2, 2, 3, 3)
            assert_close(layers(t * picture), t ** (d**count) * layers(picture))


def test_equation_5_7a() -> None:
    x, w = 1.5 * random(4000, 90), 0.4 * random(4000, 90).flip(0, 1)
    mean = (x - w).square().sum(1).mean().item()
    assert mean == pytest.approx(90 * (1.5**2 + 0.4**2), rel=0.01)


def test_equation_5_7b() -> None:
    for n in (9, 90):
        x, w = 1.5 * random(4000, n), 0.4 * random(4000, n).flip(0, 1)
        squares = (x - w).square().sum(1)
        assert (squares.std() / squares.mean()).item() == pytest.approx(math.sqrt(2 / n), rel=0.05)


def test_equation_5_8() -> None:
    x, w = random(2, 7)
    parts = -0.3 * (x @ x) + 2 * 0.3 * (x @ w) - 0.3 * (w @ w)
    assert_close(response("gaussian:gamma=0.3", x, w).log(), parts)


@pytest.mark.parametrize("tau", [0.2, 1.5, 3.0])
@pytest.mark.parametrize("gamma", [0.001, 0.2])
def test_equation_5_9(tau: float, gamma: float) -> None:
    """The mean over many pairs of filters, and the same for every gamma."""
    sigma, n = 1.5, 200
    x = sigma * random(4000, n)
    w = tau * torch.randn(60, n, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    # gamma n σ² up to 90: the logarithm of what the kernel answers is still exact in float64.
    answers = kerv.GaussianKernel(gamma).gram(x, w).log()
    together = torch.corrcoef(answers.T)
    mean = (together.sum() - 60) / (60 * 59)
    assert mean.item() == pytest.approx(sigma**2 / (sigma**2 + 2 * tau**2), abs=0.02)


def test_equation_5_10() -> None:
    x, w = random(2, 7)
    right = torch.exp(-2 * 0.3 * (1 - torch.cos(angle(x, w))))
    assert_close(response("gaussian:gamma=0.3,normalized=true", x, w), right)


def test_equation_5_11() -> None:
    """And its extreme: −1/e, where gamma is one over the squared distance."""
    x, w = random(2, 7)
    square = (x - w).square().sum()
    slopes = []
    for gamma in torch.logspace(-2, 2, 41, dtype=torch.float64) / square:
        kernel = kerv.GaussianKernel(gamma.item(), learnable=True)
        [by_log] = torch.autograd.grad(kernel.gram(x[None], w[None]).sum(), kernel.gamma.raw)
        assert_close(by_log, -gamma * square * torch.exp(-gamma * square))
        slopes.append(by_log.item())
    assert slopes.index(min(slopes)) == 20
    assert min(slopes) == pytest.approx(-1 / math.e)
