"""Exercises of assignment 4, on what a kernel layer computes and what it loses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..functional import kernel_conv2d
from .assignment03 import heavy_tail, torch_alone
from .exercise import Exercise

NO_W = "‖w‖² is missing. It differs from filter to filter."
NO_X = "‖x‖² is missing. It differs from place to place."


def _gaussian(of: Callable[..., float]) -> Callable[..., float]:
    """The Gaussian of a wrong, or the right, combination of the three numbers."""
    return lambda x_sq, w_sq, dot, gamma: math.exp(-gamma * of(x_sq, w_sq, dot))


def _count(*factors: str, times: int = 1) -> Callable[..., int]:
    """A product of sizes, so many times; "side" stands for one side of a filter."""
    return lambda **sizes: times * math.prod(sizes[factor] for factor in factors)


def _forbidden(*_: Any, **__: Any) -> None:
    raise RuntimeError("this layer is to do without torch.cdist and any unfold")


class _Watch(TorchFunctionMode):
    """Counts the calls to torch, and the numbers in the largest tensor that one returns."""

    calls, largest = 0, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.calls += 1
        if isinstance(out, Tensor):
            self.largest = max(self.largest, out.numel())
        return out


def without_copies(layer: Callable[..., Tensor], weights: int = 1) -> None:
    """Whether a layer, which takes so many weights, does without patches.

    Raises:
        RuntimeError: it makes them, all at once or one by one.
    """
    weight, calls = torch.ones(3, 2, 4, 4), set()
    for side in (12, 13):
        x = torch.ones(1, 2, side, side)
        with (
            mock.patch("torch.nn.functional.unfold", _forbidden),
            mock.patch("torch.cdist", _forbidden),
            mock.patch.object(Tensor, "unfold", _forbidden),
            _Watch() as watch,
        ):
            layer(x, *[weight] * weights)
        # The patches hold nine times as many numbers as the picture.
        if watch.largest > 4 * x.numel():
            raise RuntimeError("nothing is to be copied: one of the tensors has room for patches")
        calls.add(watch.calls)
    if len(calls) > 1:
        raise RuntimeError("a larger picture takes more calls to torch: a loop over the places?")


def _pictures() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 9, 6, generator=generator)
    return x, torch.randn(4, 3, 2, 3, generator=generator)


def _layer_output(layer: Callable[..., Tensor], kernel: str) -> Tensor:
    with torch_alone():
        without_copies(layer)
        return layer(*_pictures(), stride=2, padding=1)


def _of(
    x_sq: float = 1, w_sq: float = 1, dot: float = -2, clamp: bool = True
) -> Callable[[str], Tensor]:
    """The layer with other factors before the three numbers."""

    def value(kernel: str) -> Tensor:
        x, weight = _pictures()
        square = F.conv2d(x * x, torch.ones(1, 3, 2, 3), None, 2, 1)
        own = (weight * weight).flatten(1).sum(1).view(-1, 1, 1)
        distance = x_sq * square + w_sq * own + dot * F.conv2d(x, weight, None, 2, 1)
        return heavy_tail(kernel, distance.clamp_min(0) if clamp else distance)

    return value


def _settings(stride: int, padding: int) -> Callable[[str], Tensor]:
    return lambda kernel: kernel_conv2d(*_pictures(), stride=stride, padding=padding, kernel=kernel)


def _kind_of_error(error: Callable[..., float], patches: Tensor, filters: Tensor) -> int | None:
    """0: relative, float32; 1: too exact; 2: absolute; 3: of other size; 4: does not grow;
    5: with signs.
    """
    dark = error(0.0, patches, filters)
    if dark is None:
        return None
    dark, bright = float(dark), float(error(100.0, patches, filters))
    if min(dark, bright) < 0:
        return 5
    if bright < 1e-10:
        return 1
    if bright < 10 * dark:
        return 4
    # Equation (4.6), with the rounding unit of float32 and squared norms of 64 · 100².
    relative = 6e-8 * 2 * 64 * 100**2 / 128
    if relative / 10 < bright < 10 * relative:
        return 0
    return 2 if relative * 10 < bright < relative * 1000 else 3


def _weighted(answer: Callable[..., Tensor]) -> Tensor:
    without_copies(answer, weights=2)
    return answer(*_weighted_inputs(), stride=2)


def _weighted_inputs() -> tuple[Tensor, Tensor, Tensor]:
    x, weight = _pictures()
    return x, weight, torch.rand(weight.shape, generator=torch.Generator().manual_seed(1))


def _weighted_sum(
    patch: int = 1, cross: int = 1, own: int = 1, factor: float = -2
) -> Callable[[], Tensor]:
    """The weighted distance with the importance to another power in each of its terms."""

    def value() -> Tensor:
        x, weight, s = _weighted_inputs()
        first = F.conv2d(x * x, s**patch, stride=2)
        last = (s**own * weight * weight).flatten(1).sum(1).view(-1, 1, 1)
        return first + factor * F.conv2d(x, s**cross * weight, stride=2) + last

    return value


EXERCISES = {
    "A04.1": Exercise(
        right=_gaussian(lambda x, w, dot: x + w - 2 * dot),
        praise="No pixel was needed.",
        hint="First ‖x−w‖² by equation (4.1), then the exponential of −γ times it.",
        mistakes=(
            (
                _gaussian(lambda x, w, dot: x + w - dot),
                "The dot product counts twice when you multiply the square out.",
            ),
            (
                _gaussian(lambda x, w, dot: x + w + 2 * dot),
                "A sign slipped: the dot product is subtracted.",
            ),
            (
                _gaussian(lambda x, w, dot: math.sqrt(x + w - 2 * dot)),
                "You took the root: the kernel has the squared distance.",
            ),
            (
                lambda x_sq, w_sq, dot, gamma: math.exp(2 * dot - x_sq - w_sq),
                "Gamma is missing.",
            ),
            (
                _gaussian(lambda x, w, dot: x * x + w * w - 2 * dot),
                "The norms were squared already.",
            ),
        ),
    ),
    "A04.2a": Exercise(
        right=_count("side", "side", "channels", "height", "width"),
        praise="Every pixel once for every weight that looks at it.",
        hint="There is a patch for each place, and a patch has all channels.",
        mistakes=(
            (
                _count("side", "side", "height", "width"),
                "A patch covers all channels.",
            ),
            (
                _count("channels", "height", "width"),
                "That is the picture itself. It is copied once for each weight of a filter.",
            ),
            (
                _count("side", "side", "channels", "height", "width", "filters"),
                "The patches are the same for all filters.",
            ),
        ),
    ),
    "A04.2b": Exercise(
        right=_count("side", "side", "channels", "height", "width", "filters"),
        praise="One for each number of a patch, at each place, for each filter.",
        hint="How many for one place and one filter? How many places, how many filters?",
        mistakes=(
            (
                _count("side", "side", "channels", "height", "width"),
                "That is for one filter.",
            ),
            (
                _count("side", "side", "height", "width", "filters"),
                "That is for one input channel.",
            ),
            (
                _count("side", "side", "channels", "height", "width", "filters", times=2),
                "A multiply-add is a product and a sum together. Count it once.",
            ),
        ),
    ),
    "A04.3": Exercise(
        probe=_layer_output,
        right=_of(),
        praise="One convolution, and two norms that are all but free.",
        hint="‖x‖² is a convolution of x² with ones. Print each of the three numbers.",
        mistakes=(
            (_of(dot=-1), "The dot product counts twice in the distance."),
            (_of(dot=2), "A sign slipped: the dot product is subtracted."),
            (_of(w_sq=0), NO_W),
            (_of(w_sq=0, clamp=False), NO_W),
            (_of(x_sq=0), NO_X),
            (_of(x_sq=0, clamp=False), NO_X),
            (_settings(stride=1, padding=1), "The stride has no effect."),
            (_settings(stride=2, padding=0), "The padding has no effect."),
        ),
    ),
    "A04.4a": Exercise(
        probe=_kind_of_error,
        right=lambda **_: 0,
        praise="Long numbers cancel, and the rounding stays.",
        hint="Divide each error, without its sign, by the exact distance. Then take the median.",
        mistakes=(
            (
                lambda **_: 1,
                "Almost no error: convert to float32 before you compute the three numbers.",
            ),
            (
                lambda **_: 2,
                "That is the error itself. Divide it by the exact distance.",
            ),
            (
                lambda **_: 4,
                "It does not grow with the brightness. Is it added to patches and filters?",
            ),
            (lambda **_: 5, "Errors of both signs cancel: take `abs()` before the median."),
        ),
    ),
    "A04.4b": Exercise(
        right=lambda: 100,
        praise="The norms and the error stay, and the squared distance is a hundredth.",
        hint="Call your function at 10 with the noise as it is, and with `patches / 10` and "
        "`filters / 10`. Divide, and take the nearest of the three.",
        mistakes=(
            (lambda: 10, "That is for the distance. What the formula gives is its square."),
            (lambda: 1000, "Too much: the error stays, so only the squared distance counts."),
        ),
    ),
    "A04.5": Exercise(
        probe=_weighted,
        right=_weighted_sum(),
        praise="Two convolutions, as the importance is no longer the same for all filters.",
        hint="Multiply the square out under the sum. Which terms hold x, and with which weights?",
        mistakes=(
            (
                _weighted_sum(cross=0),
                "The importance is missing in the dot product.",
            ),
            (_weighted_sum(own=0), "The importance is missing in the part of the filter."),
            (_weighted_sum(patch=0), "The importance is missing in the part of the patch."),
            (_weighted_sum(2, 2, 2), "The importance is squared. It stands before the square."),
            (_weighted_sum(factor=-1), "The mixed term comes twice when you multiply out."),
        ),
    ),
}
