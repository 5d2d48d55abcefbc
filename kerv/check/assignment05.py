"""Exercises of assignment 5, on responses and gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from ..pair import VectorPair
from .exercise import Exercise, same

FACTORS = (1, 2, 4, 8, 16, 32, 64)


def _rows() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    return x, torch.randn(4, generator=generator, dtype=torch.float64)


def _underived(*_: Any, **__: Any) -> None:
    raise RuntimeError("derive it, without autograd")


def _product_rule(
    first: float = 1, second: float = 1, bell: bool = True
) -> Callable[[int], Tensor]:
    """The gradient, with other factors before the two parts of the product rule."""

    def value(power: int) -> Tensor:
        x, w = _rows()
        apart = x - w
        dot = x.mv(w).unsqueeze(1)
        response = torch.exp(-0.3 * apart.square().sum(1, keepdim=True))
        of_product = power * x * (dot if power == 2 else 1)
        of_distance = 0.6 * apart * dot.pow(power)
        return (first * of_product + second * of_distance) * (response if bell else 1)

    return value


def _gradients(gradient: Callable[..., Tensor], power: int) -> Tensor | float:
    """The gradients; 1 if they are right but for a number that is lost in differences."""
    grad = mock.patch.object(torch.autograd, "grad", _underived)
    backward = mock.patch.object(torch.autograd, "backward", _underived)
    w = torch.tensor([1.0, 1.0, 1e-12], dtype=torch.float64)
    forward = mock.patch.object(torch.autograd.forward_ad, "make_dual", _underived)
    with grad, backward, forward:
        found = gradient(*_rows(), 0.3)
        if not same(found, _product_rule()(power)):
            return found
        small = gradient(torch.tensor([2.0, 1.0, 1e-12], dtype=torch.float64)[None], w, 0.3)
    expected = power * 3 ** (power - 1) * math.exp(-0.3) * 1e-12
    return found if math.isclose(small[0, 2], expected, rel_tol=1e-6) else 1.0


def _pictures() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    # 525 distances: of an odd number there is one median.
    x = torch.randn(3, 3, 8, 7, generator=generator) ** 3
    return x, torch.randn(5, 3, 2, 3, generator=generator)


def _median(answer: Callable[..., float]) -> float | None:
    value = answer(*_pictures())
    return None if value is None else float(value)


def _rule(of: Callable[[Tensor], Tensor]) -> Callable[[], float]:
    """`of`, a function of all squared distances between patches and filters."""

    def value() -> float:
        x, weight = _pictures()
        rows = F.unfold(x, (2, 3)).mT.reshape(-1, 18)
        return float(of((rows[:, None] - weight.flatten(1)).square().sum(2)))

    return value


def _kind_of_likeness(likeness: Callable[..., float], channels: int, spread: float) -> int | None:
    """0: right; 1: pictures grow, not filters; 2: no gain; 3: else; 4: formula; 5: no logarithm;
    6: the filters stay as strong as they were.
    """
    generator = torch.Generator().manual_seed(2)
    pictures = spread * torch.randn(6, channels, 28, 28, generator=generator)
    first = likeness(1, pictures)
    if first is None:
        return None
    likeness(40, pictures)
    if float(first) > 0.7 > float(likeness(1, pictures)):
        return 6
    # Filters of this factor would be as strong as the pictures.
    equal = 3 * 9 * channels * spread**2

    def near(predicted: Callable[[float], float], factors: tuple[int, ...]) -> bool:
        return all(abs(float(likeness(f, pictures)) - predicted(f)) < 0.08 for f in factors)

    if near(lambda factor: 1 / (1 + 2 * factor**2 / equal), (1, 8, 40)):
        # Uniform pictures, strong ones: neither (5.9) nor a response itself comes near 0.36.
        unit = math.sqrt(9 * channels) ** 0.5
        strong = (120 * torch.rand(pictures.shape, generator=generator) - 60) / unit
        measured = float(likeness(36 * unit, strong))
        if abs(measured - 0.36) < 0.1:
            return 0
        # A formula does not see the sign.
        return 4 if measured == likeness(36 * unit, -strong) else 5
    # Not beyond 8: there the responses are exactly 0, and have no logarithm.
    if near(lambda factor: 1 / (1 + 2 / (equal * factor**2)), (1, 8)):
        return 1
    return 2 if near(lambda factor: 0.0, (1, 8, 40)) else 3


def _smallest(channels: int, spread: float) -> int:
    return next(factor for factor in FACTORS if factor**2 > 13.5 * channels * spread**2)


def _without_light(answer: Callable[[Any], Tensor], gamma: float) -> Tensor:
    x, w = _rows()
    return answer(VectorPair(x, w[None]))


def _centred(part: float, scale: bool = True) -> Callable[[float], Tensor]:
    """The kernel with another part of the light taken off."""

    def value(gamma: float) -> Tensor:
        x, w = _rows()
        light = (x.sum(1) - w.sum()).square() * part
        distance = ((x - w).square().sum(1) - light).clamp_min(0)
        return torch.exp(-(gamma if scale else 1) * distance)[:, None]

    return value


EXERCISES = {
    "A05.1a": Exercise(
        right=lambda gamma: 1 / math.sqrt(2 * gamma),
        praise="Nearer, the difference is short; farther, the response is small.",
        hint="The length is 2γρ e^(−γρ²). Set its derivative by ρ to 0.",
        mistakes=(
            (lambda gamma: 1 / (2 * gamma), "That is the square of the distance."),
            (lambda gamma: 1 / math.sqrt(gamma), "A factor of 2 is lost: derive γρ² by ρ."),
            (lambda gamma: 0.0, "At the filter the gradient is 0: it is the shortest there."),
        ),
    ),
    "A05.1b": Exercise(
        right=lambda gamma: math.sqrt(2 * gamma / math.e),
        praise="It grows with γ, but only like its root.",
        hint="Put the distance of the first part into 2γρ e^(−γρ²).",
        mistakes=(
            (
                lambda gamma: math.exp(-0.5),
                "That is the response there. The gradient has a factor before it.",
            ),
            (
                lambda gamma: math.sqrt(2 * gamma),
                "The exponential is missing.",
            ),
            (
                lambda gamma: 2 * gamma / math.e,
                "That is the square of the length.",
            ),
            (
                lambda gamma: math.sqrt(gamma / 2 / math.e),
                "A factor of 2 is lost: ρ² has the derivative 2ρ.",
            ),
        ),
    ),
    "A05.2": Exercise(
        probe=_gradients,
        right=_product_rule(),
        praise="One part along the patch, one along the difference.",
        hint="It is a product of two functions of w: derive each, and keep the other.",
        mistakes=(
            (
                _product_rule(first=0),
                "The product rule has two parts: ⟨x, w⟩ depends on w as well.",
            ),
            (
                _product_rule(second=0),
                "The product rule has two parts: the exponential depends on w as well.",
            ),
            (_product_rule(second=-1), "A sign slipped: the response grows towards the patch."),
            (_product_rule(first=0.5), "A factor of 2 is lost in the first part."),
            (_product_rule(second=0.5), "A factor of 2 is lost: ‖x − w‖² is a square."),
            (_product_rule(bell=False), "The exponential stays: it is a factor of both parts."),
            (
                lambda power: 1.0,
                "Right but for a number as small as 1e-12: those are differences. Derive it.",
            ),
        ),
    ),
    "A05.3": Exercise(
        probe=_median,
        right=_rule(lambda square: 1 / square.median()),
        praise="The typical response is 1/e: there it changes most with log γ.",
        hint="All squared distances in one tensor, their median, and one division.",
        mistakes=(
            (_rule(lambda square: square.median()), "That is the median. Its inverse is γ."),
            (
                _rule(lambda square: 1 / square.sqrt().median()),
                "The kernel has the squared distance, so take the median of squares.",
            ),
            (
                _rule(lambda square: 1 / square.mean()),
                "That is the mean. A few bright patches pull it far from the typical distance.",
            ),
        ),
    ),
    "A05.4a": Exercise(
        probe=_kind_of_likeness,
        right=lambda channels, spread: 0,
        praise="As equation (5.9) says.",
        hint="Compare with equation (5.9) for the factors 1, 10 and 40.",
        mistakes=(
            (
                lambda channels, spread: 1,
                "They stay alike. Is it the filters that grow, and not the pictures?",
            ),
            (
                lambda channels, spread: 2,
                "Such channels share no gain. Is the layer a Gaussian one?",
            ),
            (
                lambda channels, spread: 3,
                "For strong filters that is not (5.9). Are those the logarithms, of a new layer?",
            ),
            (
                lambda channels, spread: 4,
                "That is the prediction once more. Measure: make a layer, and use its responses.",
            ),
            (
                lambda channels, spread: 5,
                "Strong pictures show it: those are the responses. Take their logarithms.",
            ),
            (
                lambda channels, spread: 6,
                "The filters stay strong from one call to the next. Make a new layer in each.",
            ),
        ),
    ),
    "A05.4b": Exercise(
        right=_smallest,
        praise="τ² is the factor squared over 3n, and σ² is not 1 here.",
        hint="Call your function for each of the factors.",
        mistakes=(
            (
                lambda channels, spread: _smallest(channels, spread) // 2,
                "There they still correlate by more than one half.",
            ),
            (
                lambda channels, spread: _smallest(channels, spread) * 2,
                "Half of it is enough.",
            ),
        ),
    ),
    "A05.5": Exercise(
        probe=_without_light,
        right=_centred(1 / 4),
        praise="Light is the part of the difference along the constant patch.",
        hint="The mean difference is (Σx − Σw)/n. How much of ‖x − w‖² does it make?",
        mistakes=(
            (_centred(1), "Divide by n: the constant patch of ones has the squared norm n."),
            (_centred(1 / 16), "Once over n is right: n pixels have the squared mean each."),
            (_centred(0), "That is the plain Gaussian, which sees light."),
            (_centred(-1 / 4), "A sign slipped: the light is taken off."),
            (_centred(1 / 4, scale=False), "γ is missing."),
        ),
    ),
}
