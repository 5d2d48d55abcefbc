"""Accuracies of contestants: over learning rates, at the end, and beside a convolution."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLOURS, MARKERS

# Accuracies in per cent that get a tick. The axis is logarithmic in the error, so that the steps
# from 90 to 99 % and from 99 to 99.9 % look alike.
_TICKS = (0, 90, 98, 99)


def rate_sweep(
    accuracies: Mapping[str, Mapping[float, float | None]], kernels: Mapping[str, str]
) -> Figure:
    """A panel for each contestant but the first, which is drawn in every panel.

    Args:
        accuracies: for each contestant, the accuracy (a fraction) by learning rate, None for a run
            that diverged. A contestant without any is said to be not run yet.
        kernels: the kernel of each contestant, for its colour.

    Raises:
        ValueError: there is nothing to compare with the first contestant.
    """
    first, *others = accuracies
    if not others:
        raise ValueError(f"there is no contestant beside {first!r}")
    columns = min(4, len(others))
    rows = -(-len(others) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(7, 2.1 * rows + 0.3),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, name in zip(axes.flat, others, strict=False):
        _sweep(axis, accuracies[first], COLOURS[kernels[first]], MARKERS[kernels[first]], ls=":")
        if accuracies[name]:
            kernel = kernels[name]
            _sweep(axis, accuracies[name], COLOURS[kernel], MARKERS[kernel], ls="-")
        else:
            axis.text(0.95, 0.08, "not run yet", transform=axis.transAxes, ha="right", fontsize=9)
        axis.set_title(name, fontsize=9)
    for axis in axes.flat[len(others) :]:
        axis.set_axis_off()
    scores = (a for run in accuracies.values() for a in run.values() if a is not None)
    best = max(scores, default=0.0)
    # Room above the best for its marker. A logarithm has no place for an error of 0.
    top = max(1e-4, min(0.008, 0.8 * (1 - best)))
    axes[0, 0].set(xscale="log", yscale="log", ylim=(1.2, top))
    axes[0, 0].set_yticks([1 - tick / 100 for tick in _TICKS], list(map(str, _TICKS)))
    axes[0, 0].minorticks_off()
    figure.supxlabel("learning rate", fontsize=10)
    figure.supylabel("validation accuracy in %", fontsize=10)
    return figure


def _sweep(
    axis: Axes, accuracies: Mapping[float, float | None], colour: str, marker: str, *, ls: str
) -> None:
    known = {rate: a for rate, a in accuracies.items() if a is not None and not math.isnan(a)}
    there = {rate: max(1e-4, 1 - a) for rate, a in known.items()}
    axis.plot(list(there), list(there.values()), color=colour, marker=marker, ms=4, ls=ls)
    failed = [rate for rate in accuracies if rate not in there]
    axis.plot(failed, [1.0] * len(failed), "x", color=colour, ms=8, mew=2)


def last_and_best(
    scores: Mapping[str, Sequence[tuple[float, float]]], kernels: Mapping[str, str]
) -> Figure:
    """A row for each contestant: what each seed scored after its last and after its best epoch.

    Args:
        scores: for each contestant a pair (last, best) of fractions for each seed. A contestant
            without any is said to be not run yet.
        kernels: the kernel of each contestant, for its colour.
    """
    figure, axis = plt.subplots(figsize=(7, 0.42 * len(scores) + 0.9), layout="constrained")
    for row, (name, pairs) in enumerate(scores.items()):
        colour, marker = COLOURS[kernels[name]], MARKERS[kernels[name]]
        for seed, (last, best) in enumerate(pairs):
            height = row + 0.22 * (seed - (len(pairs) - 1) / 2)
            axis.plot([100 * last, 100 * best], [height] * 2, color=colour, lw=1)
            for score, fill in ((best, "white"), (last, colour)):
                axis.plot(100 * score, height, marker, color=colour, mfc=fill, clip_on=False)
        if not pairs:
            axis.text(0.01, row, "not run yet", va="center", transform=axis.get_yaxis_transform())
    axis.set_yticks(range(len(scores)), list(scores))
    axis.set_ylim(len(scores) - 0.4, -0.6)
    axis.set_xlabel("test accuracy in %: filled after the last epoch, open after the best one")
    axis.grid(axis="x", alpha=0.3)
    return figure


def differences(
    found: Mapping[str, tuple[float, float]], kernels: Mapping[str, str], *, within: float
) -> Figure:
    """A row for each comparison: a mean difference of accuracies and its interval, beside 0.

    Filled where the whole interval lies on one side of 0, open where it holds 0. A mean farther
    from 0 than `within` becomes an arrow at the edge, with its number.

    Args:
        found: for each comparison the mean and how far the interval reaches, as fractions.
        kernels: the kernel of each comparison, for its colour.
        within: the end of the axis on either side, a fraction.
    """
    figure, axis = plt.subplots(figsize=(7, 0.3 * len(found) + 0.8), layout="constrained")
    end = 100 * within
    axis.axvline(0, color="0.4", lw=1)
    for row, (name, (mean, margin)) in enumerate(found.items()):
        colour, marker = COLOURS[kernels[name]], MARKERS[kernels[name]]
        if abs(mean) > within:
            tip = math.copysign(end, mean)
            arrow = {"arrowstyle": "->", "color": colour, "lw": 1.5}
            axis.annotate("", (tip, row), (0.85 * tip, row), arrowprops=arrow)
            words = f"{100 * mean:+.1f}".replace("-", "−")
            side = "left" if mean < 0 else "right"
            axis.text(0.83 * tip, row, words, va="center", ha=side, fontsize=9)
            continue
        fill = colour if abs(mean) > margin else "white"
        bars = axis.errorbar(
            100 * mean, row, xerr=100 * margin, fmt=marker, color=colour, mfc=fill, capsize=3
        )
        bars.lines[0].set_zorder(3)
    axis.set_yticks(range(len(found)), list(found))
    axis.set(ylim=(len(found) - 0.4, -0.6), xlim=(-end, end))
    axis.set_xlabel("points ahead of the convolution, with the 95 % interval")
    axis.grid(axis="x", alpha=0.3)
    return figure
