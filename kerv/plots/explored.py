"""The pictures behind the sliders of `kerv.widgets`: small, and alike from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from .style import COLOURS, response_scale


def response_surface(
    steps: Tensor, answers: Tensor, weight: tuple[float, float], title: str
) -> Figure:
    """A map of the answers to all patches (x₁, x₂), with the filter marked.

    Args:
        steps: the values of x₁ and of x₂ (M,).
        answers: (M, M), a row for each x₁.
        weight: the filter.
        title: what is written above.
    """
    figure, axis = plt.subplots(figsize=(4.4, 3.4), layout="constrained")
    scale = response_scale(answers)
    levels = torch.linspace(scale.pop("vmin"), scale.pop("vmax"), 13).numpy()
    # Steps instead of a smooth map: they can be counted, and the file is small.
    image = axis.contourf(steps.numpy(), steps.numpy(), answers.T.numpy(), levels, **scale)
    for width, colour in ((5, "white"), (2, "black")):
        axis.plot(*weight, "x", ms=10, mew=width, color=colour)
    axis.annotate(
        "filter", weight, (8, 6), textcoords="offset points",
        bbox={"fc": "white", "ec": "none", "pad": 1.5},
    )  # fmt: skip
    axis.set(xlabel="first number of the patch", ylabel="second number of the patch", title=title)
    figure.colorbar(image, format="%.3g", label="response")
    return figure


def response_pairs(
    picture: Tensor,
    responses: Mapping[str, Tensor],
    titles: Mapping[str, str],
    limits: Mapping[str, float],
    colours: Mapping[str, str],
) -> Figure:
    """A picture with values from 0 to 1 and kernels' responses to it, on scales that stay.

    Args:
        picture: grey values (H, W).
        responses: for each kernel, a response (H, W).
        titles: for each kernel, what is written above its response.
        limits: for each kernel, where its scale ends.
        colours: for each kernel, that of its title.
    """
    figure, axes = plt.subplots(
        1, len(responses) + 1, figsize=(2.1 * (len(responses) + 1), 2.1), layout="constrained"
    )
    for axis in axes:
        axis.set_axis_off()
    axes[0].imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes[0].set_title("picture", fontsize=9)
    for axis, (name, response) in zip(axes[1:], responses.items(), strict=True):
        scale = {"cmap": "RdBu_r", "vmin": -limits[name], "vmax": limits[name]}
        axis.imshow(response.numpy(), interpolation="nearest", **scale)
        axis.set_title(titles[name], fontsize=9, color=colours[name])
    return figure


def filters_and_accuracy(
    filters: Tensor, accuracies: Mapping[str, list[float]], epoch: int, limit: float
) -> Figure:
    """The filters of a layer after an epoch, above a chart of all epochs with that one marked.

    Args:
        filters: (C_out, C, kH, kW), in colour if C is 3, otherwise the means of their channels.
        accuracies: for each curve, a fraction for each epoch, the first one's first.
        epoch: 0 before training; a line marks it.
        limit: where the scale of the filters' numbers ends, on both sides of 0.
    """
    columns = min(8, len(filters))
    figure = plt.figure(figsize=(4.2, 3), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.7), squeeze=False)[:, 0]
    axes = above.subplots(-(-len(filters) // columns), columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, weight in zip(axes.flat, filters, strict=False):
        coloured = (weight.permute(1, 2, 0) / limit + 1) / 2
        drawn = coloured if len(weight) == 3 else weight.mean(0)
        axis.imshow(drawn.numpy(), "RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    above.suptitle(
        f"filters after epoch {epoch}" if epoch else "filters before training", fontsize=9
    )
    axis = below.subplots()
    for (name, values), style in zip(accuracies.items(), ("--", "-"), strict=False):
        axis.plot(range(1, len(values) + 1), values, style, color="black", label=name)
    axis.axvline(epoch, color=COLOURS["polynomial"], lw=3)
    axis.set(xlabel="epoch", ylabel="accuracy", xticks=range(0, len(values) + 1, 5))
    axis.legend(fontsize=8, loc="lower right")
    return figure


def filter_maps(weight: Tensor, pictures: Tensor, responses: Tensor) -> Figure:
    """One filter, the pictures, and below them its responses on one scale.

    Args:
        weight: (C, kH, kW), drawn in colour if C is 3, otherwise as the mean of its channels.
        pictures: (N, C, H, W), each drawn from its smallest to its largest value.
        responses: (N, H, W).
    """
    count = len(pictures)
    figure, axes = plt.subplots(
        2, count + 1, figsize=(1.2 * (count + 1), 2.5), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.set_axis_off()
    shown = {"filter": weight, **{f"picture {i}": picture for i, picture in enumerate(pictures)}}
    for axis, (title, values) in zip(axes[0], shown.items(), strict=True):
        low, high = values.min(), values.max()
        unit = (values - low) / (high - low).clamp(min=1e-12)
        drawn = unit.permute(1, 2, 0) if len(unit) == 3 else unit.mean(0)
        axis.imshow(drawn.numpy(), cmap="gray", interpolation="nearest")
        axis.set_title(title, fontsize=9)
    scale = response_scale(responses)
    for axis, response in zip(axes[1, 1:], responses, strict=True):
        image = axis.imshow(response.numpy(), interpolation="nearest", **scale)
    axes[1, 1].set_title("responses", fontsize=9)
    figure.colorbar(image, ax=axes[1, 0], fraction=0.5, location="right")
    return figure
