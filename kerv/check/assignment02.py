"""Exercises of assignment 2, on features and kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..registry import get_kernel
from .exercise import Exercise

SPECS = ("polynomial:degree=1", "gaussian:gamma=3", "gaussian:gamma=10", "gaussian:gamma=30")


def _patches() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, 4, generator=generator, dtype=torch.float64))


def _dot_of_features(features: Callable[[Tensor], Tensor], **_: float) -> Any:
    x, w = map(features, _patches())
    if x is None:
        return None
    features(_patches()[0][:1])  # one pixel has no mixed products: some code fails there
    return float(x @ w), len(x)


def _values(
    a: Callable[[float], float], b: Callable[[float], float], mixed: float, count: int
) -> Callable[..., Any]:
    """What a feature map with weights a, b and a factor on the mixed products would give."""

    def value(constant: float, linear: float) -> tuple[float, int]:
        x, w = _patches()
        dot, squares = float(x @ w), float((x * w) @ (x * w))
        products = squares + mixed * (dot**2 - squares) / 2
        return a(constant) + b(linear) * dot + products, count

    return value


def _itself(value: float) -> float:
    return value


def _square(value: float) -> float:
    return value * value


def _by_chance(x: Tensor, new_x: Tensor) -> tuple[Tensor, Tensor]:
    """Labels of chance: petals are so easy to tell from gaps that any ridge would do."""
    generator = torch.Generator().manual_seed(2)
    labels = torch.randn(len(x) + len(new_x), generator=generator, dtype=x.dtype).sign()
    return labels[: len(x)], labels[len(x) :]


def _shares(accuracy: Callable[..., float], x: Tensor, new_x: Tensor, **_: Tensor) -> Any:
    y, new_y = _by_chance(x, new_x)
    shares = [accuracy(spec, x, y, new_x, new_y) for spec in SPECS]
    return None if shares[0] is None else tuple(map(float, shares))


def _ridge(
    on_new: bool = True, flip: bool = False, factor: float = 0.1
) -> Callable[..., tuple[float, ...]]:
    def shares(x: Tensor, new_x: Tensor, **_: Tensor) -> tuple[float, ...]:
        y, new_y = _by_chance(x, new_x)
        points, targets = (new_x, new_y) if on_new else (x, y)
        found = []
        for kernel in map(get_kernel, SPECS):
            K = kernel.gram(x, x)
            weights = torch.linalg.solve(K + factor * torch.eye(len(K), dtype=K.dtype), y)
            right = (kernel.gram(points, x) @ weights) * targets > 0
            share = right.double().mean().item()
            found.append(1 - share if flip else share)
        return tuple(found)

    return shares


def _smallest_eigenvalue(points: Any, shift: float) -> bool:
    x = torch.as_tensor(points).double()
    if x.ndim != 2 or x.shape[1] != 2 or len(x) > 5:
        shape = tuple(x.shape)
        raise ValueError(f"points must have the shape (M, 2) with M at most 5, got {shape}")
    K = get_kernel(f"polynomial:degree=2,c=-{shift}").gram(x, x)
    return bool(torch.linalg.eigvalsh(K / K.abs().max())[0] < -0.1)


def _rows() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """κ of x with itself, of w with itself, of both; and K of x with x, for a Gaussian kernel."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 2, generator=generator, dtype=torch.float64)
    w = torch.randn(4, 2, generator=generator, dtype=torch.float64)
    return x, w, _kernel().gram(x, w), _kernel().gram(x, x)


def _kernel() -> Any:
    return get_kernel("polynomial:degree=2,c=0.5")


def _feature_distances(answer: Callable[..., Tensor]) -> Tensor:
    x, w, _, _ = _rows()
    return answer(_kernel(), x, w)


def _distances(of_cross: float, power: float = 1.0) -> Tensor:
    x, w, cross, _ = _rows()
    own_x = ((x * x).sum(1) + 0.5) ** 2
    own_w = ((w * w).sum(1) + 0.5) ** 2
    return (own_x[:, None] + own_w + of_cross * cross).clamp_min(0) ** power


def _petals(flower: int) -> int:
    """The notebook's own rule, which does not say the number at a glance."""
    return 2 + flower % 3


EXERCISES = {
    "A02.1a": Exercise(
        right=lambda channels, degree: math.comb(9 * channels + degree, degree),
        praise="The filters see 9 numbers in every channel.",
        hint="A patch has 3 · 3 numbers in each channel; then use equation (2.3).",
        mistakes=(
            (
                lambda channels, degree: math.comb(9 * channels + degree - 1, degree),
                "That counts one degree alone. With c = 1 all lower degrees take part.",
            ),
            (
                lambda channels, degree: math.comb(9 * channels + degree, degree) - 1,
                "The constant 1 is missing: it is the monomial of degree 0.",
            ),
            (
                lambda channels, degree: math.comb(9 + degree, degree),
                "That is for one channel. A patch covers all of them.",
            ),
            (
                lambda channels, degree: math.comb(channels + degree, degree),
                "That is for filters of one pixel. A patch has 3 · 3 numbers in each channel.",
            ),
            (
                lambda channels, degree: (9 * channels) ** degree,
                "That counts x₁x₂ and x₂x₁ as two. The order does not matter.",
            ),
        ),
    ),
    "A02.1b": Exercise(
        right=lambda channels, degree: math.comb(9 * channels + degree - 1, degree),
        praise="Without c the lower degrees are gone.",
        hint="With c = 0 one degree alone is left: which part of equation (2.3) counts it?",
        mistakes=(
            (
                lambda channels, degree: math.comb(9 * channels + degree, degree),
                "That counts all degrees up to d. With c = 0 the lower ones have no weight.",
            ),
            (
                lambda channels, degree: math.comb(9 + degree - 1, degree),
                "That is for one channel. A patch covers all of them.",
            ),
            (
                lambda channels, degree: math.comb(9 * channels, degree),
                "That leaves out monomials in which a pixel occurs several times.",
            ),
            (
                lambda channels, degree: (9 * channels) ** degree,
                "That counts x₁x₂ and x₂x₁ as two. The order does not matter.",
            ),
        ),
    ),
    "A02.2": Exercise(
        probe=_dot_of_features,
        right=_values(_itself, _itself, 2, 15),
        praise="One constant, n single pixels, and n(n + 1)/2 products of two.",
        hint="Multiply κ out for two pixels. Half of each factor goes to either side, as a root.",
        mistakes=(
            (
                _values(_itself, _itself, 2, 21),
                "The kernel is right, but x₁x₂ and x₂x₁ are there twice: join them.",
            ),
            (
                _values(_itself, _itself, 1, 15),
                "The factor of the mixed products is missing: x₁x₂ and x₂x₁ are one feature.",
            ),
            (
                _values(_itself, _itself, 4, 15),
                "In the kernel the mixed products have the factor 2: half of it goes to each side.",
            ),
            (
                _values(_square, _square, 2, 15),
                "Each feature meets itself in the dot product, so it takes the root of its factor.",
            ),
            (
                _values(lambda _: 0, _itself, 2, 14),
                "The constant is missing: it is a feature too, the same for every patch.",
            ),
            (_values(_itself, lambda _: 0, 2, 11), "The single pixels are missing."),
        ),
    ),
    "A02.3a": Exercise(
        probe=_shares,
        right=_ridge(),
        praise="Measured on points that the fit has not seen.",
        hint="Solve (K + 0.1 I) a = y on x; then the sign of K(new_x, x) a is the guess.",
        mistakes=(
            (_ridge(on_new=False), "That is the share of the training points. Use the new ones."),
            (_ridge(flip=True), "That is the share of wrong guesses, not of right ones."),
            *(
                (
                    _ridge(factor=factor),
                    "Another λ gives these shares: the identity takes the factor 0.1.",
                )
                for factor in (0.01, 1)
            ),
        ),
    ),
    "A02.3b": Exercise(
        right=_petals,
        praise="rᵐ cos(mθ) has the sign of cos(mθ), and is a polynomial of degree m.",
        hint="Call your function for degree 1, 2, 3 and so on, and look for the jump.",
        mistakes=(
            (
                lambda flower: 2 * _petals(flower),
                "That is how often the sign changes around the circle. Look where the share jumps.",
            ),
            (
                lambda flower: _petals(flower) + 1,
                "It is above 0.8 already with one degree less.",
            ),
            (
                lambda flower: _petals(flower) - 1,
                "There the share is still close to that of guessing.",
            ),
        ),
    ),
    "A02.4": Exercise(
        probe=_smallest_eigenvalue,
        right=lambda shift: True,
        praise="Every entry is a square, and yet no list of features has these dot products.",
        hint="Look for two points whose entry off the diagonal is larger than both on it.",
        mistakes=(
            (
                lambda shift: False,
                "No eigenvalue is below −0.1 after the division. When is κ(x, w) larger than "
                "κ(x, x) and κ(w, w)?",
            ),
        ),
    ),
    "A02.5": Exercise(
        probe=_feature_distances,
        right=lambda: _distances(-2),
        praise="Nobody has written the features down.",
        hint="Multiply ‖φ(x) − φ(w)‖² out, and write κ for every dot product.",
        mistakes=(
            (
                lambda: _distances(-1),
                "The mixed term comes twice when you multiply the square out.",
            ),
            (lambda: _distances(2), "A sign slipped: the mixed term is subtracted."),
            (
                lambda: _distances(-2, 0.5),
                "That is the distance. The question asks for its square.",
            ),
            (
                lambda: torch.cdist(*_rows()[:2]).square(),
                "That is the distance of the patches. The question is about their features.",
            ),
        ),
    ),
}
