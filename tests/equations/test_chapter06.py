"""The numbered equations of chapter 6, on random numbers in float64."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import kerv

KERNELS = {
    "linear": "linear",
    "polynomial": "polynomial:degree=3,c=0.7",
    "gaussian": "gaussian:gamma=0.3",
    "cosine": "cosine",
}


def random(*shape: int, seed: int = 6) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def gram(name: str, x: Tensor, w: Tensor) -> Tensor:
    return kerv.get_kernel(KERNELS[name]).double().gram(x, w)


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def at_angle(w: Tensor, theta: float, t: float) -> Tensor:
    """A patch of norm t at an angle from w."""
    along, other = unit(w), random(len(w), seed=7)
    across = unit(other - (other @ along) * along)
    return t * (math.cos(theta) * along + math.sin(theta) * across)


def answer(name: str, x: Tensor, w: Tensor) -> float:
    return gram(name, x[None], w[None]).item()


# Likeness of neighbours


def likeness(w: Tensor) -> Tensor:
    """Equation (6.1) for filters (..., H, W)."""
    z = w - w.mean((-2, -1), keepdim=True)
    pairs = [z[..., 1:, :] * z[..., :-1, :], z[..., :, 1:] * z[..., :, :-1]]
    count = sum(pair[..., :, :].shape[-1] * pair.shape[-2] for pair in pairs)
    total = sum(pair.sum((-2, -1)) for pair in pairs)
    return z.shape[-1] * z.shape[-2] / count * total / z.square().sum((-2, -1))


def test_equation_6_1() -> None:
    """Against a loop over all pairs of pixels; 40 of them are neighbours."""
    w = random(5, 5)
    z, products = w - w.mean(), []
    pixels = list(itertools.product(range(5), repeat=2))
    for a, b in itertools.combinations(pixels, 2):
        if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1:
            products.append(z[a] * z[b])
    assert len(products) == 40
    right = torch.stack(products).mean() / z.square().mean()
    assert_close(likeness(w), right)
    # The chapter's two thin lines: −0.25, and "it has 0.31".
    upright = torch.zeros(5, 5)
    upright[:, 2] = 1
    assert likeness(torch.eye(5)) == -0.25
    assert round(likeness(upright).item(), 2) == 0.31


def test_equation_6_2() -> None:
    """Over all orders of the numbers of a small filter."""
    numbers = random(6)
    orders = torch.tensor(list(itertools.permutations(range(6))))
    found = likeness(numbers[orders].view(-1, 2, 3)).mean()
    assert_close(found, torch.tensor(-1 / 5, dtype=torch.float64))


# Preferred stimuli


@pytest.mark.parametrize("name", KERNELS)
def test_equation_6_3(name: str) -> None:
    w, t = random(1, 25), 2.3
    others = gram(name, t * unit(random(2000, 25, seed=8)), w)
    near = gram(name, t * unit(unit(w) + 0.01 * random(2000, 25, seed=9)), w)
    assert gram(name, t * unit(w), w).item() > max(others.max(), near.max())


def test_equation_6_4a() -> None:
    w = random(25)
    for t in (1.0, 1e6):
        assert math.isclose(answer("linear", t * unit(w), w), t * w.norm())


def test_equation_6_4b() -> None:
    w = random(25)
    for t in (1.0, 1e6):
        right = (t * w.norm() + 0.7) ** 3
        assert math.isclose(answer("polynomial", t * unit(w), w), right)


def test_equation_6_4c() -> None:
    w = random(25)
    assert answer("gaussian", w, w) == 1
    assert gram("gaussian", w + 0.01 * random(2000, 25, seed=8), w[None]).max() < 1


def test_equation_6_4d() -> None:
    w = random(25)
    for t in (0.1, 1.0, 1e6):
        assert math.isclose(answer("cosine", t * w, w), 1)
    assert gram("cosine", random(2000, 25, seed=8), w[None]).max() < 1


def nothing_in_the_box_beats(best: Tensor, name: str, w: Tensor) -> None:
    box = torch.rand(4000, 25, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
    near = (best + 0.1 * random(4000, 25, seed=9)).clamp(0, 1)
    largest = gram(name, torch.cat([box, near, box.round()]), w[None]).max().item()
    assert 0 <= best.min() <= best.max() <= 1
    assert answer(name, best, w) > largest


@pytest.mark.parametrize("name", ["linear", "polynomial"])
def test_equation_6_5a(name: str) -> None:
    w = random(25)
    nothing_in_the_box_beats((w > 0).double(), name, w)


def test_equation_6_5b() -> None:
    w = random(25)
    nothing_in_the_box_beats(w.clamp(min=0).clamp(max=1), "gaussian", w)


def test_equation_6_5c() -> None:
    w = random(25)
    positive = w.clamp(min=0)
    for t in (0.1, 1.0):
        best = t * positive / positive.max()
        nothing_in_the_box_beats(best, "cosine", w)
        assert math.isclose(answer("cosine", best, w), positive.norm() / w.norm())


# Tuning over contrast and angle


def test_equation_6_6a() -> None:
    w, theta = random(25), 1.1
    for t in (0.5, 4.0):
        right = t * w.norm() * math.cos(theta)
        assert math.isclose(answer("linear", at_angle(w, theta, t), w), right)


def test_equation_6_6b() -> None:
    w, theta = random(25), 1.1
    for t in (0.5, 4.0):
        right = (t * w.norm() * math.cos(theta) + 0.7) ** 3
        assert math.isclose(answer("polynomial", at_angle(w, theta, t), w), right)
    far = [answer("polynomial", at_angle(w, theta, t), w) for t in (1e6, 1e7)]
    assert math.isclose(far[1] / far[0], 10**3, rel_tol=1e-4)


def test_equation_6_6c() -> None:
    w, theta = random(25), 1.1
    norm = w.norm().item()
    steps = torch.linspace(0, 2 * norm, 20001, dtype=torch.float64)
    found = gram("gaussian", steps[:, None] * at_angle(w, theta, 1), w[None])[:, 0]
    squares = steps**2 - 2 * steps * norm * math.cos(theta) + norm**2
    assert_close(found, torch.exp(-0.3 * squares))
    assert abs(steps[found.argmax()] - norm * math.cos(theta)) < 2e-4 * norm


def test_equation_6_6d() -> None:
    w, theta = random(25), 1.1
    for t in (0.5, 4.0):
        assert math.isclose(answer("cosine", at_angle(w, theta, t), w), math.cos(theta))


def half_is_left(name: str, cosine: float, w: Tensor, t: float) -> bool:
    whole, half = (answer(name, at_angle(w, math.acos(c), t), w) for c in (1, cosine))
    return math.isclose(half, whole / 2)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_equation_6_7a(name: str) -> None:
    assert half_is_left(name, 1 / 2, random(25), 1.7)


def test_equation_6_7b() -> None:
    w, t = random(25), 1.7
    root = 2 ** (-1 / 3)
    assert half_is_left("polynomial", root - (1 - root) * 0.7 / (t * w.norm().item()), w, t)
    assert abs(math.degrees(math.acos(root)) - 37.5) < 0.05


def test_equation_6_7c() -> None:
    w, t = random(25), 1.7
    assert half_is_left("gaussian", 1 - math.log(2) / (2 * 0.3 * t * w.norm().item()), w, t)


# Gratings

V, U = torch.meshgrid(*[torch.arange(-2, 3, dtype=torch.float64)] * 2, indexing="ij")


def grating(nu: float, beta: float, psi: float) -> Tensor:
    along = U * math.cos(beta) + V * math.sin(beta)
    return 0.5 + 0.5 * (2 * math.pi * nu * along + psi).cos()


def test_equation_6_8() -> None:
    """Values from 0 to 1; one cycle in 1/ν pixels along β, and no change across."""
    assert 0 <= grating(0.23, 0.4, 1.0).min() <= grating(0.23, 0.4, 1.0).max() <= 1
    upright = grating(0.25, 0.0, 0.3)
    assert_close(upright[:, 0], upright[:, 4])
    assert_close(upright, upright[:1].expand(5, 5))
    assert_close(grating(0.25, math.pi / 2, 0.3), upright.T)


def test_equation_6_9() -> None:
    w, nu, beta = random(5, 5), 0.23, 0.4
    steps = torch.linspace(0, 2 * math.pi, 5001).tolist()
    dots = torch.stack([(grating(nu, beta, psi) * w).sum() for psi in steps])
    turns = 2 * math.pi * nu * (U * math.cos(beta) + V * math.sin(beta))
    length = (w * torch.exp(1j * turns)).sum().abs()
    assert_close(dots.max() - dots.min(), length, rtol=1e-5, atol=0)


def test_equation_6_10() -> None:
    """20,000 filters of noise: 0.7 % of standard error, and 4 % allowed."""
    noise, tau = random(20_000, 25), 0.6
    for nu, beta in ((0.1, 0.3), (0.3, 2.0), (0.5, 0.0)):
        turns = 2 * math.pi * nu * (U * math.cos(beta) + V * math.sin(beta)).flatten()
        lengths = (tau * noise).to(torch.complex128) @ torch.exp(1j * turns)
        assert math.isclose(lengths.abs().square().mean(), 25 * tau**2, rel_tol=0.04)


# The response surface


def plane(w: Tensor, xi: Tensor, zeta: Tensor) -> Tensor:
    along, other = unit(w), random(len(w), seed=7)
    across = unit(other - (other @ along) * along)
    return xi[:, None] * along + zeta[:, None] * across


def is_one_value(name: str, w: Tensor, xi: Tensor, zeta: Tensor) -> bool:
    found = gram(name, plane(w, xi, zeta), w[None])
    return torch.allclose(found, found[0], rtol=1e-9)


@pytest.mark.parametrize("name", ["linear", "polynomial"])
def test_equation_6_11a(name: str) -> None:
    zeta = random(50)
    assert is_one_value(name, random(25), torch.full_like(zeta, 1.3), zeta)
    assert not is_one_value(name, random(25), zeta, zeta)


def test_equation_6_11b() -> None:
    w, turn = random(25), random(50)
    assert is_one_value("gaussian", w, w.norm() + 0.8 * turn.cos(), 0.8 * turn.sin())
    assert not is_one_value("gaussian", w, 0.8 * turn.cos(), 0.8 * turn.sin())


def test_equation_6_11c() -> None:
    w, t = random(25), random(50).abs() + 0.1
    assert is_one_value("cosine", w, t, -0.4 * t)
    assert not is_one_value("cosine", w, t, 0 * t + 1)


# The shared gain


def shared(r: Tensor) -> float:
    """Equation (6.12) for responses (places, filters)."""
    moves = r - r.mean(0)
    return (r.shape[1] * moves.mean(1).square().sum() / moves.square().sum()).item()


def test_equation_6_12() -> None:
    """What the mean explains and what is left add up to all variation; 1 and 0 are reached."""
    r = random(200, 6) + random(200, 1, seed=7)
    moves = r - r.mean(0)
    rest = (moves - moves.mean(1, keepdim=True)).square().sum() / moves.square().sum()
    assert math.isclose(shared(r), 1 - rest)
    assert math.isclose(shared(r[:, :1].expand(200, 6) + torch.arange(6)), 1)
    assert abs(shared(torch.cat([r, -r], dim=1))) < 1e-12


def test_equation_6_13() -> None:
    """Channels made so that their sample covariance is exactly 1, and q off the diagonal."""
    q, count = 0.3, 6
    white = torch.linalg.qr(random(500, count + 1) - random(500, count + 1).mean(0))[0]
    white -= white.mean(0)
    wanted = (1 - q) * torch.eye(count, dtype=torch.float64) + q
    whitened = white[:, :count] @ torch.linalg.inv(
        torch.linalg.cholesky(white[:, :count].T @ white[:, :count]).T
    )
    r = whitened @ torch.linalg.cholesky(wanted).T
    assert_close(torch.corrcoef(r.T), wanted)
    assert math.isclose(shared(r), (1 + (count - 1) * q) / count)


def logs_and_filters() -> tuple[Tensor, Tensor, Tensor]:
    x, w = random(40, 25), random(6, 25, seed=7)
    return gram("gaussian", x, w).log(), x, w


def test_equation_6_14() -> None:
    logs, x, w = logs_and_filters()
    mean = w.mean(0)
    constant = 0.3 * (w - mean).square().sum(1).mean()
    assert_close(logs.mean(1), -0.3 * (x - mean).square().sum(1) - constant)


def test_equation_6_15() -> None:
    logs, x, w = logs_and_filters()
    squares = w.square().sum(1)
    right = 2 * 0.3 * x @ (w - w.mean(0)).T - 0.3 * (squares - squares.mean())
    assert_close(logs - logs.mean(1, keepdim=True), right)
