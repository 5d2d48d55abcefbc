"""Exercises of assignment 3, on kernel layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from ..functional import kernel_conv2d
from ..pair import Pair
from .exercise import Exercise

Layer = Callable[..., Tensor]


def _gaussian(of: Callable[[float, float], float]) -> Callable[..., float]:
    """`of`, a function of the squared distance and gamma, at the patch and filter given."""

    def value(x: list[float], w: list[float], gamma: float) -> float:
        return of(sum((a - b) ** 2 for a, b in zip(x, w, strict=True)), gamma)

    return value


def _shape(
    *, padded: int = 2, dilation: bool = True, channels: str = "filters"
) -> Callable[..., tuple[int, ...]]:
    """The shape of the output, or what it would be with another setting or fewer padded sides."""

    def value(**given: int) -> tuple[int, ...]:
        height, width = (given[side] + padded * given["padding"] for side in ("height", "width"))
        reach = given["dilation"] if dilation else 1
        picture = torch.empty(1, 1, height, width, device="meta")
        weight = torch.empty(1, 1, 3, 2, device="meta")
        out = F.conv2d(picture, weight, stride=2, dilation=reach)
        return (given[channels], *out.shape[2:])

    return value


def _slipped(slip: Callable[[int], int]) -> Callable[..., tuple[int, ...]]:
    """The shape with a slip, which depends on the dilation, above the line of equation (3.4)."""

    def value(**given: int) -> tuple[int, ...]:
        r = given["dilation"]
        free = [
            given[side] + 2 * given["padding"] - r * (k - 1) - 1 + slip(r)
            for side, k in (("height", 3), ("width", 2))
        ]
        return (given["filters"], *(number // 2 + 1 for number in free))

    return value


def _pictures() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 9, 6, generator=generator)
    return x, torch.randn(4, 3, 2, 3, generator=generator)


def _refuse(*_: Any, **__: Any) -> None:
    raise RuntimeError("this layer is to be written with torch alone, without kerv")


def torch_alone() -> AbstractContextManager[Any]:
    """Inside of it every kernel and layer of the package fails: each of them makes a pair."""
    return mock.patch.object(Pair, "__init__", _refuse)


def _layer_output(layer: Layer, kernel: str) -> Tensor:
    with torch_alone():
        return layer(*_pictures(), stride=2, padding=1)


def _expected(
    change: Callable[[Tensor], Tensor] = lambda out: out, stride: int = 2, padding: int = 1
) -> Callable[[str], Tensor]:
    """What the layer should return, or what it returns after a typical `change`."""

    def value(kernel: str) -> Tensor:
        x, weight = _pictures()
        return change(kernel_conv2d(x, weight, stride=stride, padding=padding, kernel=kernel))

    return value


def _of_distance(kernel: str) -> Tensor:
    """The kernel with the distance in the place of its square."""
    x, weight = _pictures()
    distance = -kernel_conv2d(x, weight, stride=2, padding=1, kernel="l2")
    return heavy_tail(kernel, distance)


def heavy_tail(kernel: str, of: Tensor) -> Tensor:
    """A rational quadratic kernel, given as alpha and gamma, with `of` for the distance."""
    alpha, gamma = (float(part.partition("=")[2]) for part in kernel.split(","))
    return (1 + gamma * of / alpha) ** -alpha


def _crosses_found(
    spec: str, scene: Tensor, crosses: list[tuple[int, int]], cross: Tensor, limit: Any
) -> int:
    answers = kernel_conv2d(scene[None], cross[None, None], padding=4, kernel=spec)[0]
    return sum(bool(answers[r, c] > limit(answers)) for r, c in crosses)


def _counts(
    found: Callable[..., int],
    candidates: tuple[str, ...],
    scene: Tensor,
    crosses: Any,
    away: Tensor,
    cross: Tensor,
) -> Any:
    counts = [found(spec, scene, crosses, away, cross) for spec in candidates]
    return None if counts[0] is None else tuple(map(int, counts))


def _found(rule: str) -> Callable[..., tuple[int, ...]]:
    def value(
        candidates: tuple[str, ...], crosses: Any, away: Tensor, **lit: Any
    ) -> tuple[int, ...]:
        limits = {
            "largest": lambda answers: answers[away].max(),
            "mean": lambda answers: answers[away].mean(),
            "anywhere": lambda answers: answers.max(),
        }
        return tuple(
            _crosses_found(spec, crosses=crosses, limit=limits[rule], **lit) for spec in candidates
        )

    return value


def _best(candidates: tuple[str, ...], **lit: Any) -> int:
    counts = _found("largest")(candidates, **lit)
    return counts.index(max(counts))


def _place_of_name(answer: str, candidates: tuple[str, ...], **_: Any) -> int:
    if answer not in candidates:
        raise ValueError(f"{answer!r} is not one of {candidates}")
    return candidates.index(answer)


def _convolution(
    x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    # Right but for its last digits: a test has to allow for rounding.
    wide = F.conv2d(x.double(), weight.double(), stride=stride, padding=padding, dilation=dilation)
    return wide.to(x.dtype)


def _bug(wrong: Layer) -> Layer:
    """The wrong layer under the names that the question announces, for calls by keyword."""

    def layer(
        x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> Tensor:
        return wrong(x, weight, stride, padding, dilation)

    return layer


@_bug
def _without_transpose(*args: Any) -> Tensor:
    out = _convolution(*args)
    return out.flatten(2).transpose(1, 2).reshape(out.shape)


@_bug
def _turned_shape(*args: Any) -> Tensor:
    out = _convolution(*args)
    count, filters, height, width = out.shape
    return out.reshape(count, filters, width, height)


@_bug
def _always_close(x: Tensor, weight: Tensor, stride: int, padding: int, _: int) -> Tensor:
    return _convolution(x, weight, stride, padding)


@_bug
def _unpadded(x: Tensor, weight: Tensor, stride: int, _: int, dilation: int) -> Tensor:
    return _convolution(x, weight, stride, 0, dilation)


@_bug
def _every_place(x: Tensor, weight: Tensor, _: int, *args: int) -> Tensor:
    return _convolution(x, weight, 1, *args)


@_bug
def _corner(x: Tensor, weight: Tensor, stride: int, *args: int) -> Tensor:
    height, width = _convolution(x, weight, stride, *args).shape[2:]
    return _convolution(x, weight, 1, *args)[:, :, :height, :width]


BUGS = (_without_transpose, _turned_shape, _always_close, _unpadded, _every_place, _corner)


def _first_missed(is_right: Callable[[Layer], Any]) -> int | None:
    """0: a right layer is rejected; k: the k-th bug is not caught; 9: nothing is missed."""
    verdict = is_right(_convolution)
    if verdict is None:
        return None
    if not verdict:
        return 0
    return next((k for k, bug in enumerate(BUGS, start=1) if is_right(bug)), 9)


def _turned(answer: Callable[..., Tensor]) -> Tensor:
    x, weight = _square_pictures()
    return answer(x, weight, "gaussian:gamma=0.1")


def _square_pictures() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 2, 5, 7, generator=generator)
    return x, torch.randn(3, 2, 3, 3, generator=generator)


def _orientations(turns: tuple[int, ...], of_filter: bool = True) -> Tensor:
    """The responses to the turned filters, or to turned pictures and turned back."""
    x, weight = _square_pictures()
    kernel = "gaussian:gamma=0.1"
    if of_filter:
        found = [kernel_conv2d(x, weight.rot90(turn, (2, 3)), kernel=kernel) for turn in turns]
    else:
        found = [
            kernel_conv2d(x, weight.flip(dims), kernel=kernel) for dims in ((), (2,), (3,), (2, 3))
        ]
    return torch.stack(found)


EXERCISES = {
    "A03.1": Exercise(
        right=_gaussian(lambda square, gamma: math.exp(-gamma * square)),
        praise="Differences, squares, sum, and one exponential.",
        hint="Subtract pixel by pixel, square, add, multiply by −gamma, take the exponential.",
        mistakes=(
            (
                _gaussian(lambda square, gamma: math.exp(-gamma * math.sqrt(square))),
                "You took the root: the kernel has the squared distance.",
            ),
            (_gaussian(lambda square, gamma: math.exp(-square)), "Gamma is missing."),
            (
                _gaussian(lambda square, gamma: math.exp(gamma * square)),
                "The sign slipped: the answer cannot be larger than one.",
            ),
            (
                _gaussian(lambda square, gamma: math.exp(-square / gamma)),
                "You divided by gamma instead of multiplying.",
            ),
            (
                lambda x, w, gamma: math.exp(
                    -gamma * sum(abs(a - b) for a, b in zip(x, w, strict=True))
                ),
                "You added absolute differences: that is the Laplacian kernel.",
            ),
        ),
    ),
    "A03.2": Exercise(
        right=_shape(),
        praise="Equation (3.4), once for the rows and once for the columns.",
        hint="A map for each filter; then equation (3.4) with k = 3 for rows, k = 2 for columns.",
        mistakes=(
            (
                lambda **given: (_shape()(**given)[0], *reversed(_shape()(**given)[1:])),
                "Height and width are swapped. Torch's order is height, then width.",
            ),
            (
                _shape(dilation=False),
                "The dilation is missing: it spreads the filter over more pixels.",
            ),
            (_shape(padded=0), "The padding is missing: it adds pixels on both sides."),
            (_shape(padded=1), "Padding is put on both sides: it counts twice."),
            (
                _shape(channels="channels"),
                "The first number is that of the input channels. There is a map per filter.",
            ),
            (
                _slipped(lambda r: 1),
                "Round down: where a filter does not fit, there is no place.",
            ),
            (_slipped(lambda r: 1 - r), "The filter covers r(k − 1) + 1 pixels, and not r·k."),
            (lambda **given: (1, *_shape()(**given)), "Leave the batch dimension out."),
        ),
    ),
    "A03.3": Exercise(
        probe=_layer_output,
        right=_expected(),
        praise="Values, a picture that is not square, several filters, a stride: all agree.",
        hint="Compare with round 4 of chapter 3, one step at a time, on a small picture.",
        mistakes=(
            (
                _expected(lambda out: out.flatten(2).transpose(1, 2).reshape(out.shape)),
                "Filters come before places in torch. A transpose before the reshape is missing.",
            ),
            (
                _expected(lambda out: out.reshape(*out.shape[:2], out.shape[3], out.shape[2])),
                "Height and width are swapped in the last reshape.",
            ),
            (_expected(stride=1), "The stride has no effect."),
            (_expected(padding=0), "The padding has no effect."),
            (_of_distance, "The kernel wants the square of the distance, and got the distance."),
        ),
    ),
    "A03.4a": Exercise(
        probe=_counts,
        right=_found("largest"),
        praise="Brightness misleads those kernels that answer to it.",
        hint="Compare the response at each centre with the largest response where `away` is True.",
        mistakes=(
            (
                _found("mean"),
                "You compare with the mean. One bright place without a cross is enough to mislead.",
            ),
            (
                _found("anywhere"),
                "You compare with the whole map, crosses included: no cross can beat itself.",
            ),
        ),
    ),
    "A03.4b": Exercise(
        probe=_place_of_name,
        right=_best,
        praise="It does not see the contrast, so a dark cross is as good as a bright one.",
        hint="Call your function for each of the candidates, and take the largest number.",
        mistakes=(
            (
                lambda **_: 0,
                "A convolution answers brightness. Compare its number with the others.",
            ),
            (
                lambda **_: 1,
                "The polynomial bends the convolution's answers, and keeps their order.",
            ),
            (
                lambda **_: 2,
                "The Gaussian finds crosses under the filter's own light. Count again.",
            ),
        ),
    ),
    "A03.5": Exercise(
        probe=_first_missed,
        right=lambda: 9,
        praise="Values, not square, several filters, every setting: nothing slips through.",
        hint="Compare values with F.conv2d.",
        mistakes=(
            (
                lambda: 0,
                "It rejects a right layer. Allow for rounding, and compare like with like.",
            ),
            (
                lambda: 1,
                "A layer that forgets the transpose passes. Compare values, with several filters.",
            ),
            (
                lambda: 2,
                "A layer that swaps height and width passes. Is your picture square?",
            ),
            (lambda: 3, "A layer that ignores the dilation passes."),
            (lambda: 4, "A layer that ignores the padding passes."),
            (lambda: 5, "A layer that ignores the stride passes."),
            (lambda: 6, "A layer that ignores the stride, and cuts its output to size, passes."),
        ),
    ),
    "A03.6": Exercise(
        probe=_turned,
        right=lambda: _orientations((0, 1, 2, 3)).amax(0),
        praise="Turn the picture, and the answer turns with it.",
        hint="Turn the filter by 0, 1, 2, 3 quarters, and take the largest response at each place.",
        mistakes=(
            (lambda: _orientations((0, 1, 2, 3)).mean(0), "That is the mean of the orientations."),
            (lambda: _orientations((0, 1, 2, 3)).sum(0), "That is the sum of the orientations."),
            (lambda: _orientations((0, 2)).amax(0), "Two orientations are missing."),
            (lambda: _orientations((0, 1)).amax(0), "Two orientations are missing."),
            (
                lambda: _orientations((), of_filter=False).amax(0),
                "Those are mirror images. A mirror is not a turn.",
            ),
        ),
    ),
}
