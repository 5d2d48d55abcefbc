"""Exercises of assignment 7, on the cost of a stem, schedules, whitening, luck, and beginnings."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Binomial

from ..models import build
from .exercise import Exercise

PICTURES = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
WEIGHTS_ALONE = "That is the stem's share of the parameters. A filter is used at many places."
CHANNELS = (
    "The first convolution of the second and third stage gets half the channels that it gives."
)
STRIDE = (
    "With stride 2 the first convolution of the second and third stage has a quarter of the places."
)
PER_BLOCK = "A block has two convolutions."
FOLLOWS = "It follows from a share that is not right yet."
IN_PER_CENT = "That is right in per cent. The question asks for a fraction of 1."

# The convolutions behind the stem by the number of blocks, in units of one of the first stage.
_Rest = Callable[[int], float]


def _rest(blocks: int) -> float:
    """Convolutions behind the stem, those with a stride as halves: they get half the channels."""
    return 6 * blocks - 1


def _all_channels(blocks: int) -> float:
    return 6 * blocks


def _no_stride(blocks: int) -> float:
    """Those with a stride as two each: half the channels, but four times the places."""
    return 6 * blocks + 2


def _one_per_block(blocks: int) -> float:
    return 3 * blocks - 1


def _weights(blocks: int) -> float:
    """The same for parameters, which double with the channels twice."""
    return 21 * (2 * blocks) - 10


def _share(rest: _Rest = _rest) -> Callable[[int, int], float]:
    return lambda blocks, width: 3 / (3 + width * rest(blocks))


def _grown(rest: _Rest = _rest) -> Callable[[int, int, float], float]:
    """The stem's share when it takes `ratio` times as long."""

    def value(blocks: int, width: int, ratio: float) -> float:
        once = _share(rest)(blocks, width)
        return ratio * once / (ratio * once + 1 - once)

    return value


def _curve(
    schedule: Callable[[int, int], float], warm: int, floor: float
) -> tuple[float, ...] | None:
    values = [schedule(step, 80) for step in range(80)]
    return None if values[0] is None else tuple(float(v) for v in values)


def _rates(
    first: int = 1, cut: bool = False, lowest: float | None = None, rises: bool = True
) -> Callable[[int, float], tuple[float, ...]]:
    """The schedule at 80 steps, or one with a mistake."""

    def value(warm: int, floor: float) -> tuple[float, ...]:
        start = warm * 80 // 100 if rises else 0
        low = floor if lowest is None else lowest
        up = [(step + first) / start for step in range(start)]
        wave = [(1 + math.cos(math.pi * t / (80 - start))) / 2 for t in range(80 - start)]
        return (*up, *(max(low, w) if cut else low + (1 - low) * w for w in wave))

    return value


def _kind_of_whitening(whitening: Callable[[Tensor, int], Tensor], strength: int) -> int | None:
    """0: right; 1: strength 1; 2: wrong way round; 3: rows; 4: no root; 5: no data; 6: else;
    7: mixed; 8: centred; 9: the square of the strength.
    """
    generator = torch.Generator().manual_seed(0)
    rough = torch.rand(20, 2, 11, 10, generator=generator, dtype=torch.float64)
    x = rough + F.avg_pool2d(rough, 3, 1, 1)
    filters = whitening(x, 2)
    if filters is None or filters is ...:
        return None
    if torch.equal(filters, whitening(2 * x, 2)):
        return 5
    y = F.conv2d(x, filters).transpose(0, 1).reshape(len(filters), -1)
    energy = y @ y.mT / y.shape[1]
    squares = filters.flatten(1).square().sum(1)

    def diagonal(matrix: Tensor) -> bool:
        away = matrix - matrix.diagonal().diag()
        return bool(away.abs().max() < 1e-3 * matrix.diagonal().abs().max())

    if diagonal(energy):
        found = energy.diagonal()
        if (found - strength).abs().max() < 1e-2:
            unit = F.normalize(filters.flatten(1))
            if not diagonal(unit @ unit.mT):
                return 7
            return 0 if squares[0] < squares[-1] else 2
        if (found - 1).abs().max() < 1e-3:
            return 1
        if (found - strength**2).abs().max() < 1e-2:
            return 9
        # v / λ has the length 1 / λ, and its responses the mean square 1 / λ too.
        return 4 if (found.square() / squares / strength - 1).abs().max() < 1e-2 else 6
    moves = y - y.mean(1, keepdim=True)
    if diagonal(moves @ moves.mT):
        return 8
    return 3 if diagonal(filters.flatten(1) @ filters.flatten(1).mT) else 6


def _expected_luck(contestants: int, pictures: int, accuracy: float) -> float:
    """The mean of the best of binomial scores, minus the accuracy, in per cent."""
    scores = Binomial(pictures, torch.tensor(accuracy, dtype=torch.float64))
    each = scores.log_prob(torch.arange(pictures, dtype=torch.float64)).exp()
    nobody_above = each.cumsum(0).clamp(max=1).pow(contestants)
    return 100 * (float((1 - nobody_above).sum()) / pictures - accuracy)


def _kind_of_luck(luck: Callable[[int, int, float], float]) -> int | None:
    """0: right; 1: a fraction; 2: a standard error; 3: the worst; 4: the average; 5: else."""
    tables = ((3, 500, 0.7), (8, 1000, 0.8))
    if luck(*tables[0]) is None:
        return None
    given = [float(luck(*table)) for table in tables]
    right = [_expected_luck(*table) for table in tables]
    errors = [100 * math.sqrt(p * (1 - p) / n) for _, n, p in tables]

    def near(values: list[float]) -> bool:
        return all(abs(g - v) < 0.1 * abs(v) for g, v in zip(given, values, strict=True))

    for kind, values in enumerate((right, [r / 100 for r in right], errors, [-r for r in right])):
        if near(values):
            return kind
    return 4 if all(abs(g) < 0.1 * r for g, r in zip(given, right, strict=True)) else 5


def _enough(contestants: int, accuracy: float) -> int:
    return next(n for n in PICTURES if _expected_luck(contestants, n, accuracy) < 0.5)


def _one_is_enough(contestants: int, accuracy: float) -> int:
    return next(n for n in PICTURES if 1e4 * accuracy * (1 - accuracy) < 0.25 * n)


def _kind_of_beginning(change: Callable[[nn.Module], None]) -> int | None:
    """0: right; 1: filters; 2: both norms; 3: the first norm; 4: frozen; 5: else; 6: added."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build("resnet8", kernel="gaussian", where="spatial")
        x = torch.randn(2, 3, 10, 10)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    change(model)
    after = model.state_dict()
    if set(before) != set(after):
        return 6
    changed = [n for n, v in before.items() if not torch.equal(after[n], v)]
    blocks = [module for module in model.modules() if hasattr(module, "shortcut")]
    if not changed and all(p.requires_grad for p in model.parameters()):
        return None
    if any(before[name].ndim > 1 for name in changed):
        return 1
    if not all(p.requires_grad for p in model.parameters()):
        return 4
    first, last = (
        all(not block.get_submodule(f"residual.{place}").weight.any() for block in blocks)  # type: ignore[operator]
        for place in (1, 4)
    )
    if first:
        return 2 if last else 3
    if any(not name.startswith("stages") for name in changed):
        return 5
    seen: list[Tensor] = []
    for block in blocks:
        part = block.get_submodule("residual")
        part.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
    model(x)
    return 0 if not any(output.any() for output in seen) else 5


EXERCISES = {
    "A07.1a": Exercise(
        right=_share(),
        praise="The stem is cheap because three colours are few.",
        hint="Count in units of one convolution of the first stage: what are the others?",
        mistakes=(
            (_share(_all_channels), CHANNELS),
            (_share(_no_stride), STRIDE),
            (_share(_one_per_block), PER_BLOCK),
            (_share(_weights), WEIGHTS_ALONE),
            (
                lambda blocks, width: 3 / (width * _rest(blocks)),
                "That is the stem over the rest. A share is of the whole, the stem included.",
            ),
            (lambda blocks, width: 100 * _share()(blocks, width), IN_PER_CENT),
        ),
    ),
    "A07.1b": Exercise(
        right=_grown(),
        praise="Amdahl's law: what costs next to nothing may cost ten times as much.",
        hint="How long does the stem take now, and how long the rest? Compare with (7.3).",
        mistakes=(
            (
                lambda blocks, width, ratio: ratio * _share()(blocks, width),
                "The whole has grown as well: divide by the new time, equation (7.3).",
            ),
            (
                lambda blocks, width, ratio: _share()(blocks, width),
                "That is its share with the convolution.",
            ),
            (_grown(_all_channels), FOLLOWS),
            (_grown(_no_stride), FOLLOWS),
            (_grown(_one_per_block), FOLLOWS),
            (_grown(_weights), FOLLOWS),
            (lambda blocks, width, ratio: 100 * _grown()(blocks, width, ratio), IN_PER_CENT),
        ),
    ),
    "A07.2": Exercise(
        probe=_curve,
        right=_rates(),
        praise="Up in a line, down along a cosine, and never to nothing.",
        hint="Print it for 20 steps. Where does it turn, and where does it end?",
        mistakes=(
            (_rates(lowest=0.0), "It falls to 0. Squeeze the cosine between the floor and 1."),
            (
                _rates(cut=True),
                "A floor that cuts the cosine off makes the last steps all alike: squeeze it.",
            ),
            (_rates(first=0), "Your first step is at rate 0, and does nothing. Start at 1 / t₀."),
            (_rates(rises=False), "It does not rise first."),
            (lambda warm, floor: (1.0,) * 80, "The rate is the same at every step."),
        ),
    ),
    "A07.3": Exercise(
        probe=_kind_of_whitening,
        right=lambda strength: 0,
        praise="All directions are equally loud, and none repeats another.",
        hint="All patches into rows, PᵀP / count, eigh, and one filter per eigenvector.",
        mistakes=(
            (
                lambda strength: 1,
                "Your responses have the mean square 1. It goes with the square of a filter's "
                "length.",
            ),
            (lambda strength: 2, "Your filter of the smallest eigenvalue comes first."),
            (lambda strength: 3, "The eigenvectors are the columns. Your filters are the rows."),
            (
                lambda strength: 4,
                "The variance along v is λ already: divide by the root of the eigenvalue.",
            ),
            (lambda strength: 5, "Your filters do not depend on the pictures."),
            (
                lambda strength: 7,
                "White, but not at right angles to one another: each filter has an eigenvector.",
            ),
            (
                lambda strength: 8,
                "White around their mean. M of (7.6) is the mean of x xᵀ: take no mean off.",
            ),
            (
                lambda strength: 9,
                "The mean square is the square of what it should be: lengthen by the root.",
            ),
        ),
    ),
    "A07.4a": Exercise(
        probe=_kind_of_luck,
        right=lambda: 0,
        praise="So much is promised by a table that compares equals.",
        hint="In each of 4,000 tables take the highest score. Then average over the tables.",
        mistakes=(
            (lambda: 1, "That is right as a fraction. The question asks for per cent."),
            (lambda: 2, "That is the standard error of one score, not the luck of the best."),
            (lambda: 3, "Below 0? You took the worst of each table."),
            (lambda: 4, "That is the luck of the average. Take the best of each table first."),
        ),
    ),
    "A07.4b": Exercise(
        right=_enough,
        praise="Keep it in mind when you read a table of winners.",
        hint="Call your function for each of the numbers, with this table's accuracy.",
        mistakes=(
            (
                lambda contestants, accuracy: 1000,
                "Too few: the best of this table would be lucky by more than that.",
            ),
            (_one_is_enough, "That would do for one score. The best of several is luckier."),
        ),
    ),
    "A07.5": Exercise(
        probe=_kind_of_beginning,
        right=lambda: 0,
        praise="Every block is silent, and every block can learn to speak.",
        hint="What comes last in F? Which of its numbers multiplies everything before it?",
        mistakes=(
            (
                lambda: 1,
                "Filters of zeros do not silence a Gaussian, whose response is e^(−γ‖x‖²) then. "
                "And the filters should stay.",
            ),
            (
                lambda: 2,
                "With both norms at 0, the last one sees nothing but a constant, and has a "
                "gradient of 0: it never learns.",
            ),
            (
                lambda: 3,
                "You silenced the first of the two norms. What comes after it must multiply by 0.",
            ),
            (
                lambda: 4,
                "Training must be able to undo it: freeze nothing, so that it can still change.",
            ),
            (
                lambda: 6,
                "Add no module and no parameter, and take none away: change values of those that "
                "are there.",
            ),
        ),
    ),
}
