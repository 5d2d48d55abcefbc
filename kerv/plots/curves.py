"""What kernels answer, or how steep they are, while a patch walks away from a filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from .style import COLOURS, MARKERS


def walk_curves(
    walks: Mapping[str, tuple[Tensor, Tensor]],
    rows: Mapping[str, Mapping[str, Callable[[Tensor], Tensor]]],
    *,
    log: bool = False,
) -> Figure:
    """A panel for each row of kernels and each walk, with a curve for each kernel.

    Args:
        walks: for each label of a horizontal axis, the steps (M,) and the patches there (M, n).
        rows: for each label of a vertical axis, kernels by their names, and for each of them a
            function that takes the patches (M, n) to what is drawn (M,).
        log: whether the vertical axes are logarithmic.

    Raises:
        ValueError: a kernel is unknown.
    """
    for kernel in (kernel for curves in rows.values() for kernel in curves):
        if kernel not in COLOURS:
            raise ValueError(f"no kernel {kernel!r} to draw; there are {', '.join(COLOURS)}")
    figure, axes = plt.subplots(
        len(rows),
        len(walks),
        figsize=(7, 1.65 * len(rows) + 0.3),
        sharex="col",
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for panels, (title, curves) in zip(axes, rows.items(), strict=True):
        panels[0].set_ylabel(title)
        for axis, (steps, patches) in zip(panels, walks.values(), strict=True):
            for place, (kernel, answer) in enumerate(curves.items()):
                # Markers at different steps, so that a curve on top of another does not hide it.
                every = max(1, len(steps) // 5)
                axis.plot(
                    steps.cpu().numpy(),
                    answer(patches).detach().cpu().numpy(),
                    color=COLOURS[kernel],
                    marker=MARKERS[kernel],
                    markevery=(place * every // len(curves), every),
                    ms=5,
                    label=kernel,
                )
            if log:
                axis.set_yscale("log")
        panels[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, frameon=False)
    for axis, label in zip(axes[-1], walks, strict=True):
        axis.set_xlabel(label)
    return figure
