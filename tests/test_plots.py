"""Colours that tell kernels apart, figures that show what they were given, and sliders."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_rgb

import kerv
from kerv import plots

PICTURE = torch.tensor([[1.0, 0, 2, 1], [0, 2, 1, 0], [1, 1, 0, 2]])
WEIGHT = torch.tensor([[1.0, 2], [0, 1]])


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_every_kernel_has_a_colour_and_a_marker_of_its_own() -> None:
    assert plots.COLOURS.keys() == plots.MARKERS.keys() == set(kerv.kernel_names())
    assert len(set(plots.MARKERS.values())) == len(plots.MARKERS)


# Linear RGB as eyes without one of the three kinds of cones see it (Machado, Oliveira & Fernandes
# 2009); a row for each channel.
BLINDNESS = {
    "none": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# Light of the three channels as X, Y and Z of the eye's own measure.
XYZ = torch.tensor([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])


def as_seen(colour: str, blindness: str) -> torch.Tensor:
    """CIELAB, where the distance of two colours is how different they look: 2 is just seen."""
    v = torch.tensor(to_rgb(colour))
    linear = torch.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    linear = (torch.tensor(BLINDNESS[blindness]).float() @ linear).clamp(0, 1)
    part = XYZ @ linear / XYZ.sum(1)
    x, y, z = torch.where(part > (6 / 29) ** 3, part ** (1 / 3), part * 841 / 108 + 4 / 29)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: str, other: str, blindness: str) -> float:
    return torch.dist(as_seen(one, blindness), as_seen(other, blindness)).item()


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_stay_apart(blindness: str) -> None:
    for one, other in combinations(plots.COLOURS, 2):
        apart = difference(plots.COLOURS[one], plots.COLOURS[other], blindness)
        assert apart > 12, (one, other, apart)


@pytest.mark.parametrize(
    ("one", "other", "blindness"),
    [
        ("#c0504d", "#7a6a4a", "protanopia"),
        ("#c0504d", "#8a7a4d", "deuteranopia"),
        ("#0072b2", "#007a87", "tritanopia"),
    ],
)
def test_colours_that_only_some_eyes_tell_apart_would_not_pass(
    one: str, other: str, blindness: str
) -> None:
    assert difference(one, other, "none") > 30
    assert difference(one, other, blindness) < 8


def test_distances_are_those_of_cielab() -> None:
    red = torch.tensor([53.24, 80.09, 67.20])
    torch.testing.assert_close(as_seen("#ff0000", "none"), red, rtol=0, atol=0.1)
    for blindness in BLINDNESS:
        white = torch.tensor([100.0, 0, 0])
        torch.testing.assert_close(as_seen("#ffffff", blindness), white, rtol=0, atol=0.1)


def test_number_grids_show_every_number() -> None:
    figure = plots.number_grids(
        {"picture": PICTURE, "filter": WEIGHT, "third": PICTURE / 3, "fourth": WEIGHT},
        {"picture": (1, 0, 2, 2)},
        {"picture": "#123456"},
    )
    axes = {axis.get_title(): axis for part in figure.subfigs for axis in part.axes}
    assert list(axes) == ["picture", "filter", "third", "fourth"]
    assert "".join(text.get_text() for text in axes["picture"].texts) == "102102101102"
    assert axes["third"].texts[2].get_text() == "0.67"
    [box] = axes["picture"].patches
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (-0.5, 0.5, 2, 2)


def test_response_maps_centre_signed_responses_at_0() -> None:
    figure = plots.response_maps(
        PICTURE, {"signed": PICTURE - 1.5, "positive": PICTURE}, {"signed": (0, 1)}
    )
    images = {a.get_title(): a.images[0] for a in figure.axes if a.images and a.get_title()}
    assert images["signed"].get_clim() == (-1.5, 1.5)
    assert images["signed"].get_cmap().name == "RdBu_r"
    assert images["positive"].get_clim() == (0, 2)
    [signed] = [axis for axis in figure.axes if axis.get_title() == "signed"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in signed.lines] == [(1, 0)] * 2


def test_number_grids_refuse_a_box_in_nothing() -> None:
    with pytest.raises(ValueError, match="no grid 'picure' to frame in; there are picture"):
        plots.number_grids({"picture": PICTURE}, {"picure": (0, 0, 1, 1)})


def test_response_maps_refuse_a_mark_on_nothing() -> None:
    with pytest.raises(ValueError, match=r"no map 'lineer' to mark; there are picture, linear"):
        plots.response_maps(PICTURE, {"linear": PICTURE}, {"lineer": (0, 0)})


def test_walk_curves_draw_what_they_are_given() -> None:
    steps = torch.linspace(0, 1, 11)
    walks = {"near": (steps, torch.outer(steps, torch.ones(4))), "far": (steps, torch.ones(11, 4))}
    rows = {
        "one": {"linear": lambda x: x.sum(1), "l2": lambda x: -x.norm(dim=1)},
        "other": {"cosine": lambda x: x[:, 0].exp()},
    }
    figure = plots.walk_curves(walks, rows)
    assert [axis.get_ylabel() for axis in figure.axes] == ["one", "", "other", ""]
    assert [axis.get_xlabel() for axis in figure.axes] == ["", "", "near", "far"]
    line, other = figure.axes[0].lines
    assert (line.get_label(), line.get_color()) == ("linear", plots.COLOURS["linear"])
    assert (other.get_label(), other.get_marker()) == ("l2", plots.MARKERS["l2"])
    assert torch.equal(torch.tensor(line.get_ydata()), 4 * steps)
    # So that equal curves stay visible, their markers do not fall on each other.
    assert line.get_markevery() != other.get_markevery()
    assert {axis.get_yscale() for axis in figure.axes} == {"linear"}
    logarithmic = plots.walk_curves(walks, rows, log=True)
    assert {axis.get_yscale() for axis in logarithmic.axes} == {"log"}


def test_walk_curves_refuse_an_unknown_kernel() -> None:
    with pytest.raises(ValueError, match=r"no kernel 'gausian' to draw; there are linear, poly"):
        plots.walk_curves({}, {"one": {"gausian": lambda x: x}})


def test_rate_sweep_shows_the_first_in_every_panel_and_what_diverged() -> None:
    figure = plots.rate_sweep(
        {
            "plain": {0.1: 0.9, 0.2: 0.99},
            "cubic": {0.1: 0.98, 0.2: None, 0.3: math.nan},
            "third": {},
        },
        {"plain": "linear", "cubic": "polynomial", "third": "cosine"},
    )
    cubic, third = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["cubic", "third"]
    for axis in figure.axes:
        assert axis.lines[0].get_color() == plots.COLOURS["linear"]
        assert list(axis.lines[0].get_ydata()) == pytest.approx([0.1, 0.01])
    ours, failed = cubic.lines[2:]
    assert (ours.get_color(), list(ours.get_xdata())) == (plots.COLOURS["polynomial"], [0.1])
    assert list(failed.get_xdata()) == [0.2, 0.3]
    assert [text.get_text() for text in third.texts] == ["not run yet"]
    labels = [text.get_text() for text in cubic.get_yticklabels()]
    places = dict(zip(labels, cubic.get_yticks(), strict=True))
    assert places["99"] == pytest.approx(0.01), "ticks say the accuracy, the axis is of the error"
    with pytest.raises(ValueError, match="no contestant beside 'plain'"):
        plots.rate_sweep({"plain": {0.1: 0.9}}, {"plain": "linear"})


def test_last_and_best_are_told_apart() -> None:
    figure = plots.last_and_best(
        {"plain": [(0.99, 0.992), (0.98, 0.98)], "cubic": []},
        {"plain": "linear", "cubic": "polynomial"},
    )
    [axis] = figure.axes
    dots = [line for line in axis.lines if line.get_marker() == plots.MARKERS["linear"]]
    filled = [d.get_xdata()[0] for d in dots if d.get_markerfacecolor() != "white"]
    opened = [d.get_xdata()[0] for d in dots if d.get_markerfacecolor() == "white"]
    assert (filled, opened) == (pytest.approx([99, 98]), pytest.approx([99.2, 98]))
    assert [text.get_text() for text in axis.texts] == ["not run yet"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["plain", "cubic"]


def test_a_difference_is_filled_open_or_beyond_the_edge() -> None:
    found = {"sure": (0.01, 0.004), "unclear": (-0.002, 0.003), "far": (-0.177, 0.005)}
    kernels = {"sure": "cosine", "unclear": "polynomial", "far": "gaussian"}
    figure = plots.differences(found, kernels, within=0.02)
    [axis] = figure.axes
    dots = {line.get_marker(): line for line in axis.lines if len(line.get_xdata()) == 1}
    sure, unclear = dots[plots.MARKERS["cosine"]], dots[plots.MARKERS["polynomial"]]
    assert list(sure.get_xdata()) == pytest.approx([1.0])
    assert sure.get_markerfacecolor() == plots.COLOURS["cosine"]
    assert unclear.get_markerfacecolor() == "white"
    assert plots.MARKERS["gaussian"] not in dots
    assert "−17.7" in [text.get_text() for text in axis.texts]
    [bar] = [
        bars.get_segments()[0] for bars in axis.collections if bars.get_segments()[0][0][1] == 1
    ]
    assert [x for x, _ in bar] == pytest.approx([-0.5, 0.1])
    assert [text.get_text() for text in axis.get_yticklabels()] == list(found)


def test_the_first_number_of_a_patch_goes_to_the_right() -> None:
    steps = torch.linspace(-1, 1, 3)
    answers = steps[:, None].expand(3, 3)  # a row for each first number
    [axis, _] = plots.response_surface(steps, answers, (0.5, 0.0), "x₁").axes
    for level in axis.collections[0].get_paths():
        if len(level.vertices):
            assert level.get_extents().width < 2 <= level.get_extents().height


def test_a_difference_that_is_surely_below_0_is_filled_too() -> None:
    [axis] = plots.differences({"a": (-0.01, 0.004)}, {"a": "cosine"}, within=0.02).axes
    [dot] = [line for line in axis.lines if line.get_marker() == plots.MARKERS["cosine"]]
    assert dot.get_markerfacecolor() == plots.COLOURS["cosine"]
