"""Figures that a reader can move, in a live notebook and in a page without Jupyter's kernel.

An `Explorer` has two faces. Beside a Jupyter kernel it is sliders of ipywidgets (7.7 or newer) that
draw what they are asked for. What is stored is plain HTML: sliders over pictures drawn beforehand.
"""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from . import functional, records
from .light import shadow
from .plots import (
    COLOURS,
    filter_maps,
    filters_and_accuracy,
    number_grids,
    response_pairs,
    response_surface,
)
from .registry import get_kernel, kernel_name

# The frames are in the order of an odometer: the last slider turns fastest. An explorer that is
# shown in two cells has one name twice, so the script takes every box of the name.
_SCRIPT = """
document.querySelectorAll('[id="ID"]').forEach(function (box) {
  var frames = FRAMES, labels = LABELS, image = box.querySelector("img");
  var sliders = box.querySelectorAll("input"), texts = box.querySelectorAll("output");
  function show() {
    var place = 0;
    sliders.forEach(function (slider, i) {
      var label = labels[i][slider.value];
      place = place * labels[i].length + Number(slider.value);
      texts[i].textContent = label;
      slider.setAttribute("aria-valuetext", label);
    });
    image.src = "data:image/png;base64," + frames[place][0];
    image.alt = frames[place][1];
  }
  sliders.forEach(function (slider) { slider.addEventListener("input", show); });
  show();  // a browser that loads the page again may have kept the sliders where they were
});
"""


class Explorer:
    """A figure and the sliders that move it.

    Args:
        sliders: the values of each slider by its name; the first ones are shown first. Beside a
            Jupyter kernel a slider of floats also stops between them.
        draw: takes one value of each slider, in order; returns the figure and its alternative text.
    """

    def __init__(
        self, sliders: Mapping[str, Sequence[Any]], draw: Callable[..., tuple[Figure, str]]
    ) -> None:
        self.sliders = {name: list(values) for name, values in sliders.items()}
        self._draw = draw

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {len(values)}" for name, values in self.sliders.items())
        return f"Explorer({counts})"

    @cached_property
    def frames(self) -> list[tuple[bytes, str]]:
        """The picture (PNG) and its alternative text for each combination of values."""
        return [self._frame(*values) for values in itertools.product(*self.sliders.values())]

    def _frame(self, *values: Any) -> tuple[bytes, str]:
        figure, alternative = self._draw(*values)
        return _png(figure), alternative

    def _repr_html_(self) -> str:
        frames = [(base64.b64encode(png).decode(), text) for png, text in self.frames]
        labels = [list(map(_label, values)) for values in self.sliders.values()]
        identity = "kerv-" + hashlib.sha256(repr(frames).encode()).hexdigest()[:10]
        script = _SCRIPT.replace("ID", identity)
        script = script.replace("LABELS", _json(labels)).replace("FRAMES", _json(frames))
        sliders = "".join(
            f'<div><label>{html.escape(name)} <input type="range" min="0" max="{len(texts) - 1}" '
            f'value="0" aria-valuetext="{html.escape(texts[0])}" style="width: 14em; '
            'max-width: 60%; vertical-align: middle"></label> '
            f"<output>{html.escape(texts[0])}</output></div>"
            for name, texts in zip(self.sliders, labels, strict=True)
        )
        return (
            f'<div id="{identity}" class="kerv-frames">{_picture(*self.frames[0])}{sliders}'
            f"<script>{script}</script></div>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """A view of the live face where a kernel runs; IPython adds the HTML to it."""
        if not _kernel_runs():
            return {}
        return {"application/vnd.jupyter.widget-view+json": self.live().get_view_spec()}

    def live(self) -> Any:
        """The face for a running Jupyter kernel: an ipywidgets box of sliders and the picture.

        Raises:
            ImportError: ipywidgets is not installed.
        """
        import ipywidgets

        sliders = [
            ipywidgets.SelectionSlider(
                options=[(_label(value), value) for value in _finer(values)],
                description=name,
                # The kernel draws while the reader drags, and would fall behind.
                continuous_update=False,
                style={"description_width": "initial"},
                layout={"width": "24em"},
            )
            for name, values in self.sliders.items()
        ]
        picture = ipywidgets.HTML(_picture(*self.frames[0]))

        def show(_: Any) -> None:
            picture.value = _picture(*self._frame(*(slider.value for slider in sliders)))

        for slider in sliders:
            slider.observe(show, names="value")
        return ipywidgets.VBox([picture, *sliders])


def _kernel_runs() -> bool:
    """Whether this is a Jupyter kernel with ipywidgets."""
    if "ipykernel" not in sys.modules:
        return False
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")


def _label(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _finer(values: Sequence[Any]) -> list[Any]:
    """Three more values between any two, if they are floats."""
    if not all(isinstance(value, float) for value in values):
        return list(values)
    steps = [(a, b, quarter) for a, b in itertools.pairwise(values) for quarter in range(4)]
    return [a + (b - a) * quarter / 4 for a, b, quarter in steps] + list(values[-1:])


def _json(value: Any) -> str:
    # "</" inside a script would end it, and "<!--" may hide its end.
    return json.dumps(value).replace("</", "<\\/").replace("<!--", "<\\!--")


def _picture(png: bytes, alternative: str) -> str:
    return (
        f'<img alt="{html.escape(alternative)}" '
        'style="background: white; padding: 6px; max-width: 100%; height: auto" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}">'
    )


def _png(figure: Figure) -> bytes:
    """A small PNG: 64 colours are plenty for a chart, and the octree keeps greys grey."""
    raw, small = BytesIO(), BytesIO()
    figure.savefig(raw, format="png", dpi=90, metadata={"Software": None})
    plt.close(figure)
    colours = Image.open(raw).convert("RGB").quantize(64, method=Image.Quantize.FASTOCTREE)
    colours.save(small, format="png", optimize=True)
    return small.getvalue()


def _plain(values: Tensor) -> Tensor:
    """As matplotlib takes it: in the main memory, in float32, without a gradient."""
    return values.detach().cpu().float()


def _by_title(kernels: Sequence[str]) -> dict[str, str]:
    """The specs by what stands above their pictures: the name, or the spec where that is shared."""
    names = [kernel_name(spec) for spec in kernels]
    titles = [n if names.count(n) == 1 else s for n, s in zip(names, kernels, strict=True)]
    if len(set(titles)) < len(titles):
        raise ValueError(f"a kernel stands twice in {', '.join(kernels)}")
    return dict(zip(titles, kernels, strict=True))


def _answers(picture: Tensor, weight: Tensor, specs: dict[str, str]) -> dict[str, Tensor]:
    """The map of each kernel, by its title."""
    x, w = picture[None, None], weight[None, None]
    return {t: functional.kernel_conv2d(x, w, kernel=spec)[0, 0] for t, spec in specs.items()}


def explore_patches(
    picture: Tensor,
    weight: Tensor,
    kernels: Sequence[str] = ("linear", "polynomial:degree=2", "gaussian"),
) -> Explorer:
    """Slide a filter over a small picture, and watch each kernel's answer at every place.

    Args:
        picture: numbers (H, W), few enough to read.
        weight: one filter (kH, kW).
        kernels: specs, as `get_kernel` takes them.

    Raises:
        ValueError: a kernel is unknown or stands twice.

    >>> import torch
    >>> explore_patches(torch.eye(3), torch.ones(2, 2), kernels=["linear"])
    Explorer(Place of the patch: 4)
    """
    specs = _by_title(kernels)
    picture, weight = _plain(picture), _plain(weight)
    answers = _answers(picture, weight, specs)
    height, width = weight.shape
    rows, columns = next(iter(answers.values())).shape
    places = {f"row {r}, column {c}": (r, c) for r in range(rows) for c in range(columns)}

    def draw(place: str) -> tuple[Figure, str]:
        row, column = places[place]
        figure = number_grids(
            {"picture": picture, "filter": weight, **answers},
            {
                "picture": (row, column, height, width),
                **dict.fromkeys(specs, (row, column, 1, 1)),
            },
            {title: COLOURS[kernel_name(spec)] for title, spec in specs.items()},
        )
        said = ", ".join(f"{title} {answers[title][row, column]:.4g}" for title in specs)
        return figure, f"The patch at {place} is framed: {said}."

    return Explorer({"Place of the patch": list(places)}, draw)


def explore_surface(
    kernel: str, *, weight: tuple[float, float] = (1.0, 0.5), **values: Sequence[float]
) -> Explorer:
    """A kernel's answer to every patch of two numbers, while its hyper-parameters move.

    Args:
        kernel: a name, as `get_kernel` takes it.
        weight: the filter, two numbers.
        values: for each hyper-parameter to move, its values: `gamma=(0.1, 1.0)`.

    Raises:
        ValueError: kernel, hyper-parameter or value is not valid, or there is nothing to move.
        TypeError: a value is of the wrong type, as in `degree=(1.5, 2.5)`.

    >>> explore_surface("polynomial", degree=(1, 2, 3), c=(0.0, 1.0))
    Explorer(degree: 3, c: 2)
    """
    # A number of numpy or torch writes itself with its type, which no spec takes.
    plain = {
        name: [value.item() if hasattr(value, "item") else value for value in several]
        for name, several in values.items()
    }
    if not plain or not all(plain.values()):
        example = f"name a hyper-parameter of {kernel!r} and its values, such as gamma=(0.1, 1.0)"
        raise ValueError(f"{example}, not {plain}" if plain else example)
    steps = torch.linspace(-2, 2, 61)
    patches = torch.cartesian_prod(steps, steps)

    def spec(*chosen: float) -> str:
        pairs = zip(plain, chosen, strict=True)
        return f"{kernel}:" + ",".join(f"{name}={value!r}" for name, value in pairs)

    for chosen in itertools.product(*plain.values()):
        get_kernel(spec(*chosen))

    def draw(*chosen: float) -> tuple[Figure, str]:
        answers = get_kernel(spec(*chosen)).gram(patches, torch.tensor([weight])).detach()
        at = ", ".join(f"{n} {_label(v)}" for n, v in zip(plain, chosen, strict=True))
        peak = patches[answers.argmax()].tolist()
        figure = response_surface(steps, answers.view(61, 61), weight, f"{kernel}, {at}")
        return figure, (
            f"Map of the {kernel} kernel's answer with {at}: from {answers.min():.3g} to "
            f"{answers.max():.3g}, largest at the patch ({peak[0]:.3g}, {peak[1]:.3g}); "
            f"the filter is at ({weight[0]:.3g}, {weight[1]:.3g})."
        )

    return Explorer(plain, draw)


def explore_light(
    picture: Tensor,
    weight: Tensor,
    kernels: Sequence[str] = ("linear", "correlation"),
    *,
    light: Sequence[float] = (1.0, 0.7, 0.4, 0.2, 0.1),
    left: Sequence[float] = (1.0, 0.5, 0.2),
) -> Explorer:
    """Change the light on a picture, and see what becomes of each kernel's response.

    Args:
        picture: grey values (H, W) from 0 to 1.
        weight: one filter (kH, kW).
        kernels: specs, as `get_kernel` takes them.
        light: factors of the whole picture.
        left: further factors of its left half, which lies in shadow.

    Raises:
        ValueError: a kernel is unknown or stands twice.

    >>> import torch
    >>> explore_light(torch.rand(8, 8), torch.randn(3, 3))
    Explorer(Light: 5, Light left in the shadow: 3)
    """
    specs = _by_title(kernels)
    picture, weight = _plain(picture), _plain(weight)
    before = _answers(picture, weight, specs)

    def draw(factor: float, shade: float) -> tuple[Figure, str]:
        shown = factor * shadow(picture[None, None], shade)[0, 0]
        now = _answers(shown, weight, specs)
        moved = {t: float((now[t] - before[t]).norm() / before[t].norm()) for t in specs}
        titles = {t: f"{t}: changed by {moved[t]:.0%}" for t in specs}
        limits = {t: float(before[t].abs().max()) for t in specs}
        colours = {t: COLOURS[kernel_name(spec)] for t, spec in specs.items()}
        figure = response_pairs(shown, now, titles, limits, colours)
        said = ", ".join(f"the {t} response by {moved[t]:.0%}" for t in specs)
        return figure, (
            f"The picture in {factor:.3g} of its light, its left half in {shade:.3g} of that. "
            f"This changes {said}."
        )

    return Explorer({"Light": light, "Light left in the shadow": left}, draw)


def explore_filters(layer: nn.Conv2d, pictures: Tensor) -> Explorer:
    """Turn over the filters of a layer, and see each one's response to some pictures.

    Args:
        layer: a convolution or kernel layer, as a rule the first one of a trained network.
        pictures: as the layer takes them, (N, C, H, W); two fit a page beside 16 filters.

    >>> import torch
    >>> explore_filters(nn.Conv2d(3, 6, 5), torch.rand(2, 3, 16, 16))
    Explorer(Filter: 6)
    """
    responses, weight = _plain(layer(pictures)), _plain(layer.weight)
    pictures = _plain(pictures)

    def draw(number: int) -> tuple[Figure, str]:
        answers = responses[:, number]
        figure = filter_maps(weight[number], pictures, answers)
        said = "; ".join(f"{a.min():.3g} to {a.max():.3g}" for a in answers)
        return figure, f"Filter {number} and its responses, which go from {said}."

    return Explorer({"Filter": range(len(weight))}, draw)


def explore_training(name: str) -> Explorer:
    """Scrub through the training of a recorded run: its first filters and its accuracy.

    The filters of all epochs are drawn on one scale.

    Args:
        name: of a run that left its filters, as `kerv.records.names` lists it.

    Raises:
        ValueError: there is no such run, or its filters do not come with the package.

    >>> explore_training("mnist/convolution-seed0")
    Explorer(Epoch: 21)
    """
    filters = records.tensors_of(name, "filters")["filters"]
    epochs = records.load(name).epochs
    kinds = [k for k in ("train", "validation") if epochs[0][f"{k}_accuracy"] is not None]
    accuracies = {what: [e[f"{what}_accuracy"] for e in epochs] for what in kinds}
    limit = float(filters.abs().max())

    def draw(epoch: int) -> tuple[Figure, str]:
        figure = filters_and_accuracy(filters[epoch], accuracies, epoch, limit)
        if epoch == 0:
            return figure, f"The {len(filters[0])} filters before training."
        moved = float((filters[epoch] - filters[0]).norm() / filters[0].norm())
        said = ", ".join(f"{what} {values[epoch - 1]:.1%}" for what, values in accuracies.items())
        return figure, (
            f"After epoch {epoch} the accuracy is: {said}. The filters have moved by "
            f"{moved:.0%} of their norm before training."
        )

    return Explorer({"Epoch": range(len(filters))}, draw)
