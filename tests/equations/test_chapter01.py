"""The numbered equations of chapter 1, on random patches and filters in float64."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.testing import assert_close


def random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def circular(picture: torch.Tensor, size: int) -> torch.Tensor:
    """Every patch of a picture that is joined at its edges, (places, size, size)."""
    shifted = [
        picture.roll((-row, -column), dims=(0, 1)) for row in range(size) for column in range(size)
    ]
    return torch.stack(shifted, dim=-1).reshape(-1, size, size)


def test_equation_1_1() -> None:
    x, w = random(2, 3, 4)
    one_by_one = sum(x[a, b] * w[a, b] for a in range(3) for b in range(4))
    assert_close(F.conv2d(x[None, None], w[None, None]).squeeze(), one_by_one)


def test_equation_1_2() -> None:
    (x, y, w), (t, u) = random(3, 3, 4), (2.5, -0.75)
    assert_close(((t * x + u * y) * w).sum(), t * (x * w).sum() + u * (y * w).sum())


def test_equation_1_3() -> None:
    x, w, v = random(3, 3, 4)
    v = v - (v * w).sum() / (w * w).sum() * w
    for t in (-10, 0.5, 3):
        assert_close(((x + t * v) * w).sum(), (x * w).sum())
    # The condition is needed.
    assert not torch.isclose(((x + w) * w).sum(), (x * w).sum())


def test_equation_1_4() -> None:
    picture, w = random(9, 11), random(3, 3)
    x, m = circular(picture, 3), picture.mean()
    response = (x * w).sum((1, 2)).mean()
    assert_close(response, (x.mean(0) * w).sum())
    assert_close(response, m * w.sum())


def test_equation_1_5() -> None:
    x, w = random(2, 3, 2)
    pairs = torch.einsum("ab,cd,ab,cd->", w, w, x, x)
    assert_close((x * w).sum() ** 2, pairs)


def test_equation_1_6() -> None:
    x, w = circular(random(9, 11), 3), random(3, 3)
    C = torch.einsum("iab,icd->abcd", x, x) / len(x)
    assert_close(((x * w).sum((1, 2)) ** 2).mean(), torch.einsum("ab,cd,abcd->", w, w, C))
