"""The numbered equations of chapter 11, on random patches and filters in float64."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

import kerv

SQUARE = kerv.PolynomialKernel(degree=2, c=0)


def random(*shape: int, seed: int = 11) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def angle(x: Tensor, w: Tensor) -> Tensor:
    return torch.acos(x @ w / (x.norm() * w.norm()))


def one(kernel: kerv.base.KernelLike, x: Tensor, w: Tensor) -> Tensor:
    """The answer to one patch and one filter."""
    return kerv.get_kernel(kernel).gram(x[None], w[None])[0, 0]


def test_equation_11_1() -> None:
    x, w = random(2, 9)
    kernel = kerv.CorrelationKernel(eps=1e-14)
    for t, u in ((0.2, 0.0), (3.0, -5.0), (40.0, 1.0)):
        assert_close(one(kernel, t * x + u, w), one(kernel, x, w))


def test_equation_11_2() -> None:
    x, w = random(2, 9)
    for nu in (0.5, 1.0, 7.0):
        # As a function of the distance it is Student's density but for its constant.
        scale = math.gamma((nu + 1) / 2) / (math.sqrt(nu * math.pi) * math.gamma(nu / 2))
        density = torch.distributions.StudentT(nu).log_prob((x - w).norm()).exp()
        value = (1 + (x - w).square().sum() / nu) ** (-(nu + 1) / 2)
        assert_close(scale * value, density)
        known = kerv.RationalQuadraticKernel(alpha=(nu + 1) / 2, gamma=(nu + 1) / (2 * nu))
        assert_close(value, one(known, x, w))


def test_equation_11_3() -> None:
    x, w = random(2, 9)
    assert_close(one(kerv.LpNormKernel(1), x, w), -sum(abs(x[a] - w[a]) for a in range(9)))


def test_equation_11_4() -> None:
    """Convolution and AdderNet are sums of one curve per pixel."""
    x, w = random(2, 9)
    curves = {"linear": lambda s, v: v * s, "l1": lambda s, v: -(s - v).abs()}
    for name, h in curves.items():
        assert_close(sum(h(x[a], w[a]) for a in range(9)), one(name, x, w))


def test_equation_11_5() -> None:
    """With A[a, b] = 2 w[a] w[b], and half of it for a = b, it is a kernel of degree 2."""
    x, w = random(2, 6)
    pairs = [(a, b) for a in range(6) for b in range(a, 6)]
    assert len(pairs) == 6 * 7 // 2
    products = sum((1 if a == b else 2) * w[a] * w[b] * x[a] * x[b] for a, b in pairs)
    assert_close(x @ w + products, one(kerv.LinearKernel() + SQUARE, x, w))


def test_equation_11_6() -> None:
    x, A = random(7), random(7, 7)
    A = A + A.T
    values, vectors = torch.linalg.eigh(A)
    squares = SQUARE.gram(x[None], vectors.T)[0]
    assert_close(squares @ values, x @ A @ x)


def test_equation_11_7() -> None:
    x, w, other = random(3, 9)
    squares = one(SQUARE, x, w + other) - one(SQUARE, x, w - other)
    assert_close(squares / 4, (x @ w) * (x @ other))


def test_equation_11_8() -> None:
    g, other = random(12, 5), random(20, 5, seed=12)
    P = sum(torch.outer(row, row) for row in g) / 12
    P_other = sum(torch.outer(row, row) for row in other) / 20
    assert_close((P * P_other).sum(), SQUARE.gram(g, other).mean())


def test_equation_11_9() -> None:
    """The paper's form: the norm of the patch, times a signed power of the cosine."""
    x, w = random(2, 9)
    cosine = angle(x, w).cos()
    for B in (1.0, 2.0, 3.5):
        form = cosine.abs() ** (B - 1) * (x @ w) / w.norm()
        assert_close(form, x.norm() * cosine.sign() * cosine.abs() ** B)


def test_equation_11_10() -> None:
    """Without ε it is a signed power of the cosine, and with ε a dark patch fades."""
    x, w = random(2, 9)

    def sharpened(x: Tensor, epsilon: float) -> Tensor:
        dot = x @ w
        return dot.sign() * (dot.abs() / ((x.norm() + epsilon) * (w.norm() + epsilon))) ** 3

    assert_close(sharpened(x, 0.0), one("cosine", x, w) ** 3)
    assert sharpened(0.01 * x, 0.1).abs() < 0.1 * sharpened(x, 0.1).abs()


def test_equation_11_11() -> None:
    x, w = random(2, 9)
    gamma, count = 0.1, 200_000
    v = math.sqrt(2 * gamma) * random(count, 9, seed=1)
    beta = torch.rand(count, generator=torch.Generator().manual_seed(2)) * 2 * math.pi
    close = 2 * ((v @ x + beta).cos() * (v @ w + beta).cos()).mean()
    # A mean of 200,000 numbers between −2 and 2.
    assert_close(close, one(kerv.GaussianKernel(gamma=gamma), x, w), rtol=0, atol=0.01)


def test_equation_11_12() -> None:
    x, w = random(2, 9)
    v = random(400_000, 9, seed=1)
    sampled = (F.relu(v @ x) * F.relu(v @ w)).mean()
    assert_close(sampled, one("arc_cosine", x, w) / 2, rtol=0.02, atol=0)


def ckn(gamma: float) -> kerv.Kernel:
    norms = kerv.FunctionKernel(lambda p: (p.x_sq * p.w_sq).sqrt())
    return norms * kerv.GaussianKernel(gamma=gamma, normalized=True)


def test_equation_11_13() -> None:
    x, y = random(2, 9)
    distance_sq = (x / x.norm() - y / y.norm()).square().sum()
    by_hand = x.norm() * y.norm() * torch.exp(-0.7 * distance_sq)
    assert_close(one(ckn(0.7), x, y), by_hand)


def test_equation_11_14() -> None:
    kernel, filters = ckn(0.7), random(6, 9)
    K = kernel.gram(filters, filters)
    values, vectors = torch.linalg.eigh(K)
    root = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    psi = kernel.gram(filters, filters) @ root
    assert_close(psi @ psi.T, K)


def test_equation_11_15() -> None:
    """A small step on y moves the answer to x by −rate · Θ(x, y) · the slope of the loss."""
    x, y = random(2, 4)
    network = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1))
    network = network.double()
    weights = list(network.parameters())

    def pull(z: Tensor) -> Tensor:
        return torch.cat([g.flatten() for g in torch.autograd.grad(network(z), weights)])

    tangent, before, rate = pull(x) @ pull(y), network(x).item(), 1e-6
    (network(y) - 1).square().sum().backward()
    slope = 2 * (network(y).item() - 1)
    torch.optim.SGD(network.parameters(), lr=rate).step()
    moved = (network(x).item() - before) / rate
    assert math.isclose(moved, -tangent.item() * slope, rel_tol=1e-3, abs_tol=1e-6)


def test_equation_11_16() -> None:
    x, y = random(2, 5)
    v, a = random(200_000, 5, seed=1), random(200_000, seed=2)
    # The derivatives by hand: relu by the weights of the answer, a step times x by the others.
    from_answer = (F.relu(v @ x) * F.relu(v @ y)).mean()
    from_units = (a.square() * ((v @ x > 0) & (v @ y > 0))).mean() * (x @ y)
    formula = one("arc_cosine", x, y) / 2 + x @ y * one(kerv.ArcCosineKernel(0), x, y) / 2
    assert_close(from_answer + from_units, formula, rtol=0.02, atol=0)
