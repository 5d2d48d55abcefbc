"""Exercises of assignment 6, on preferred stimuli, tuning and what channels share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..base import FunctionKernel
from ..kernels import CosineKernel, GaussianKernel, LinearKernel
from ..pair import VectorPair
from .exercise import Exercise, same

FIRST = "That is the first of all pairs. Does your swing differ from pair to pair?"
IN_DEGREES = "So it comes out if swing gets degrees. Its beta is in radians."


def _drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _turn(norm: float, gamma: float, contrast: float, factor: float = 2) -> float:
    """The angle in radians at which half of a Gaussian response is gone."""
    return math.acos(max(-1.0, 1 - math.log(2) / (factor * gamma * contrast * norm)))


def _kind_of_climb(preferred: Callable[..., Tensor]) -> int | None:
    """0: right; 1: leaves the range; 2: black and white; 3: the worst; 4: else; 5: by recipe."""
    w = _drawn(25)  # as many as the grader's: more pixels are harder to climb
    found = []
    no_recipe = FunctionKernel(lambda p: -p.dot - p.x_sq / 2)
    for kernel in (LinearKernel(), GaussianKernel().double(), CosineKernel(), no_recipe):
        x = preferred(kernel, w)
        if x is None or x is ...:
            return None
        found.append((kernel, x.detach()))
    if any(x.min() < -1e-6 or x.max() > 1 + 1e-6 for _, x in found):
        return 1
    if (found[0][1] - (w < 0).double()).abs().max() < 0.05:
        return 3
    lit = (w > 0).double()
    if all((x - lit).abs().max() < 0.05 for _, x in found):
        return 2
    positive = w.clamp(min=0)
    best = (lit, positive.clamp(max=1), positive / positive.max(), (-w).clamp(0, 1))
    answers = [
        [kernel.gram(y[None], w[None]).item() for y in (x, right)]
        for (kernel, x), right in zip(found, best, strict=True)
    ]
    *known, own = [reached > 0.97 * most for reached, most in answers]
    return (0 if own else 5) if all(known) else 4


def _maps() -> Tensor:
    offsets = torch.arange(4.0).view(1, 4, 1, 1)
    return _drawn(2, 4, 5, 3) + _drawn(2, 1, 5, 3, seed=1) + offsets


def _number(answer: Callable[[Tensor], float]) -> float | None:
    value = answer(_maps())
    return None if value is None else float(value)


def _share(centred: bool = True, count: int = 4) -> Callable[[], float]:
    """The shared share, with a step of it left out."""

    def value() -> float:
        rows = _maps().movedim(1, 0).reshape(4, -1)
        if centred:
            rows = rows - rows.mean(1).unsqueeze(1)
        return float(count * rows.mean(0).pow(2).sum() / rows.pow(2).sum())

    return value


def _fourier(w: Tensor, nu: float, beta: float) -> complex:
    """The sum of a filter's numbers, each turned by the phase of its place."""
    half = len(w) // 2
    total = 0j
    for row, numbers in enumerate(w.tolist()):
        for column, number in enumerate(numbers):
            along = (column - half) * math.cos(beta) + (row - half) * math.sin(beta)
            angle = math.tau * nu * along
            total += number * complex(math.cos(angle), math.sin(angle))
    return total


_WAVES = ((0.11, 0.3), (0.27, 1.9))


def _swings(swing: Callable[..., float]) -> tuple[float, ...] | float | None:
    """The swings of two waves; 0 if they are the same."""
    values = [swing(_drawn(7, 7).float(), *wave) for wave in _WAVES]
    if None in values:
        return None
    if values[0] == values[1]:
        return 0.0
    found, exact = tuple(map(float, values)), _lengths(abs)()
    # With 24 phases, as in the chapter, a swing falls short by up to one per cent.
    near = all(0.985 * whole < value <= whole for value, whole in zip(found, exact, strict=True))
    return exact if near else found


def _lengths(of: Callable[[complex], float]) -> Callable[[], tuple[float, ...]]:
    return lambda: tuple(of(_fourier(_drawn(7, 7), *wave)) for wave in _WAVES)


def _best(w: Tensor, turn: Callable[[float], float] = math.radians) -> tuple[float, int]:
    """Frequency and direction with the largest swing; `turn` makes `beta` of degrees."""
    grid = [(step / 20, degrees) for step in range(2, 8) for degrees in range(0, 180, 20)]
    return max(grid, key=lambda wave: abs(_fourier(w, wave[0], turn(wave[1]))))


def _bump(
    off: Callable[[Tensor, Tensor, float], Tensor], zero: float = 0.0, scale: bool = True
) -> Callable[..., Tensor]:
    """The kernel, with another distance from the preferred contrast, or value at zeros."""

    def value(wanted: float, width: float) -> Tensor:
        x, w = _drawn(4, 3), _drawn(2, 3, seed=1)
        sizes, lengths = x.norm(dim=1)[:, None], w.norm(dim=1)
        bell = torch.exp(-(width if scale else 1) * off(sizes, lengths, wanted).pow(2))
        return torch.cat([x.mm(w.T) / sizes / lengths * bell, torch.full((1, 2), zero)])

    return value


_RIGHT = _bump(lambda x, w, wanted: x - wanted)


def _nan_at_zeros(prefers: Callable[[Any], Tensor], wanted: float, width: float) -> Any:
    """The responses; 1 if they are `nan` at a patch of zeros, 2 if its gradient alone is."""
    x = torch.cat([_drawn(4, 3), torch.zeros(1, 3, dtype=torch.float64)]).requires_grad_()
    found = prefers(VectorPair(x, _drawn(2, 3, seed=1)))
    if not isinstance(found, Tensor) or found.shape != (5, 2):
        return found
    if found[4].isnan().all():
        return 1.0
    if same(found, _RIGHT(wanted=wanted, width=width)):
        [gradient] = torch.autograd.grad(found.sum(), x)
        return 2.0 if gradient.isnan().any() else found
    return found


EXERCISES = {
    "A06.1a": Exercise(
        right=lambda norm, degrees: norm * math.cos(math.radians(degrees)),
        praise="There the patch is as near to the filter as it gets on its ray.",
        hint="Equation (6.6c): set the derivative of the exponent by t to 0.",
        mistakes=(
            (lambda norm, degrees: norm, "That is right for a patch along the filter. This turns."),
            (
                lambda norm, degrees: norm / math.cos(math.radians(degrees)),
                "You divided by the cosine. A patch at an angle should be weaker, not stronger.",
            ),
            (
                lambda norm, degrees: norm * math.cos(degrees),
                "Python's cosine takes radians.",
            ),
            (
                lambda norm, degrees: norm * math.sin(math.radians(degrees)),
                "That is the least distance. The question is where it is reached.",
            ),
        ),
    ),
    "A06.1b": Exercise(
        right=lambda norm, gamma, contrast: math.degrees(_turn(norm, gamma, contrast)),
        praise="The larger γ or either norm, the narrower.",
        hint="Equation (6.6c) at θ and at 0: their ratio is one half.",
        mistakes=(
            (_turn, "That is right in radians. The question asks for degrees."),
            (
                lambda norm, gamma, contrast: math.degrees(_turn(norm, gamma, contrast, 1)),
                "A factor of 2 is lost: the dot product stands twice in the squared distance.",
            ),
            (lambda norm, gamma, contrast: 60.0, "That is the half width of a convolution."),
        ),
    ),
    "A06.2": Exercise(
        probe=_kind_of_climb,
        right=lambda: 0,
        praise="It climbs as high as the recipes of equation (6.5).",
        hint="More steps, shorter at the end. Compare with the recipes of equation (6.5).",
        mistakes=(
            (lambda: 1, "Pixels leave the range from 0 to 1. Bring them back after each step."),
            (lambda: 2, "Black and white is for a convolution. The Gaussian wants greys: climb."),
            (lambda: 3, "That is what the filter likes least. Go up, not down."),
            (lambda: 5, "It fails on a kernel without a recipe. Climb, whatever the kernel is."),
        ),
    ),
    "A06.3a": Exercise(
        probe=_number,
        right=_share(),
        praise="It is 1 for copies, and 1 over the number of channels for strangers.",
        hint="Turn the maps into (places, channels), and follow equation (6.12).",
        mistakes=(
            (_share(count=1), "The number of channels is missing above the fraction."),
            (_share(centred=False), "Take off the mean of each channel over all places first."),
        ),
    ),
    "A06.3b": Exercise(
        right=lambda filters, correlation: (1 + (filters - 1) * correlation) / filters,
        praise="Equation (6.13).",
        hint="Equation (6.13): each channel goes with itself, and with all the others by q.",
        mistakes=(
            (
                lambda filters, correlation: correlation,
                "A channel also goes with itself, which makes the share larger.",
            ),
            (
                lambda filters, correlation: (1 + filters * correlation) / filters,
                "A channel has one other less than there are channels.",
            ),
            (lambda filters, correlation: 1 / filters, "That is for channels without correlation."),
        ),
    ),
    "A06.4a": Exercise(
        probe=_swings,
        right=_lengths(abs),
        praise="The length of the Fourier transform.",
        hint="Equation (6.9): a sum with cosines, one with sines, and Pythagoras.",
        mistakes=(
            (_lengths(lambda z: abs(z.real)), "That is one phase alone. Sines belong to it, too."),
            (_lengths(lambda z: abs(z) ** 2), "That is the square of it."),
            (_lengths(lambda z: abs(z) / 2), "That is the amplitude. The swing is twice that."),
            (lambda: 0.0, "Your swing is the same for two gratings. It depends on nu and beta."),
        ),
    ),
    "A06.4b": Exercise(
        right=lambda w: _best(w)[0],
        praise="Draw the filter now, and look for them.",
        hint="Call your function for all frequencies and directions, and keep the largest.",
        mistakes=(
            (lambda w: 0.1, FIRST),
            (lambda w: _best(w, float)[0], IN_DEGREES),
        ),
    ),
    "A06.4c": Exercise(
        right=lambda w: _best(w)[1],
        praise="Draw the filter now, and look for them.",
        hint="Call your function for all frequencies and directions, and keep the largest.",
        mistakes=(
            (lambda w: 180 - _best(w)[1], "Rows count downwards: that is the mirror image."),
            (lambda w: math.radians(_best(w)[1]), "The question asks for degrees."),
            (lambda w: 0, FIRST),
            (lambda w: _best(w, float)[1], IN_DEGREES),
        ),
    ),
    "A06.5": Exercise(
        probe=_nan_at_zeros,
        right=_RIGHT,
        praise="One convolution, and a contrast of your choice.",
        hint="A cosine from p.dot and both norms, times a bell of the patch's norm.",
        mistakes=(
            (lambda wanted, width: 1.0, "A patch of zeros gives nan. Keep the division from 0."),
            (
                lambda wanted, width: 2.0,
                "The gradient at a patch of zeros is nan. Keep each root from 0.",
            ),
            (_bump(lambda x, w, wanted: x**2 - wanted), "It takes the norm, not its square."),
            (
                _bump(lambda x, w, wanted: x - w),
                "It prefers the norm of the filter, as a Gaussian does.",
            ),
            (_bump(lambda x, w, wanted: x - wanted, scale=False), "γ is missing."),
        ),
    ),
}
