"""Pictures, filters and responses as maps, and as grids of numbers."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from .style import response_scale


def number_grids(
    grids: Mapping[str, Tensor],
    boxes: Mapping[str, tuple[int, int, int, int]] | None = None,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Small matrices with their numbers written in them, side by side.

    Args:
        grids: a title for each matrix (H, W).
        boxes: for some titles, what to frame: row, column, height, width.
        colours: for some titles, the colour of the title and of the frame.

    Raises:
        ValueError: a box for something that is not shown.
    """
    colours = colours or {}
    for title in boxes or {}:
        if title not in grids:
            raise ValueError(f"no grid {title!r} to frame in; there are {', '.join(grids)}")
    titles = list(grids)
    # What is given above and what comes out below: one row of all would be too small on a phone.
    rows = [titles] if len(titles) <= 3 else [titles[:2], titles[2:]]
    heights = [max(grids[title].shape[0] for title in row) + 1.0 for row in rows]
    figure = plt.figure(figsize=(5.6, 0.52 * sum(heights)), layout="constrained")
    axes: dict[str, Axes] = {}
    for part, row in zip(
        figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0],
        rows,
        strict=True,
    ):
        # As wide as they have columns, so that all cells are of one size.
        widths = {"width_ratios": [grids[title].shape[1] for title in row]}
        drawn = part.subplots(1, len(row), squeeze=False, gridspec_kw=widths)[0]
        axes.update(zip(row, drawn, strict=True))
    for title, grid in grids.items():
        axis = axes[title]
        colour = colours.get(title, "black")
        _write_numbers(axis, grid.detach().cpu().numpy())
        axis.set_title(title, fontsize=11, color=colour)
        if boxes and title in boxes:
            top, left, height, width = boxes[title]
            corner = (left - 0.5, top - 0.5)
            axis.add_patch(
                Rectangle(corner, width, height, fill=False, lw=3, ec=colour, clip_on=False)
            )
    return figure


def _write_numbers(axis: Axes, values: np.ndarray) -> None:
    whole = np.equal(values, values.round()).all()
    largest = max(float(np.abs(values).max()), 1e-12)
    # Half of the grey scale, so that black numbers stay readable on the darkest cell.
    axis.imshow(np.abs(values), cmap="Greys", vmin=0, vmax=2.5 * largest)
    for (row, column), value in np.ndenumerate(values):
        text = f"{value:.0f}" if whole else f"{value:.2f}"
        axis.text(column, row, text, ha="center", va="center", fontsize=11)
    axis.set_xticks([])
    axis.set_yticks([])


def response_maps(
    picture: Tensor, maps: Mapping[str, Tensor], marks: Mapping[str, tuple[int, int]] | None = None
) -> Figure:
    """A picture and responses to it, side by side, each with its colour bar.

    Signed responses get a diverging map centred at 0, others a sequential one.

    Args:
        picture: grey values (H, W).
        maps: a title for each response (H, W).
        marks: for some titles, a place (row, column) to circle; "picture" is the picture's.

    Raises:
        ValueError: a mark for something that is not shown.
    """
    shown = ["picture", *maps]
    for title in marks or {}:
        if title not in shown:
            raise ValueError(f"no map {title!r} to mark; there are {', '.join(shown)}")
    columns = min(2, len(maps) + 1)
    rows = -(-(len(maps) + 1) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(7, 2.3 * rows), squeeze=False, layout="constrained"
    )
    cells = list(axes.flat)
    for axis in cells:
        axis.set_axis_off()
    cells[0].imshow(picture.detach().cpu().numpy(), cmap="gray")
    cells[0].set_title("picture", fontsize=11)
    for axis, (title, response) in zip(cells[1:], maps.items(), strict=False):
        values = response.detach().cpu()
        image = axis.imshow(values.numpy(), **response_scale(values))
        figure.colorbar(image, ax=axis, shrink=0.8)
        axis.set_title(title, fontsize=11)
    for title, (row, column) in (marks or {}).items():
        for colour, width in (("white", 4), ("black", 1.5)):
            cells[shown.index(title)].plot(
                column, row, "o", ms=16, mfc="none", mec=colour, mew=width, clip_on=False
            )
    return figure
