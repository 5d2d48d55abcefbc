"""Figures that a reader can move, in a live notebook and in a page without a kernel."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from . import functional
from .plots import COLOURS, number_grids
from .registry import get_kernel

_SCRIPT = """
(function () {
  var box = document.getElementById("ID");
  var frames = FRAMES, image = box.querySelector("img");
  var slider = box.querySelector("input"), text = box.querySelector("output");
  function show() {
    var frame = frames[slider.value];
    image.src = "data:image/png;base64," + frame[0];
    image.alt = frame[2];
    text.textContent = frame[1];
    slider.setAttribute("aria-valuetext", frame[1]);
  }
  slider.addEventListener("input", show);
})();
"""


@dataclass(frozen=True)
class Frames:
    """Pictures behind a labelled slider: plain HTML and a few lines of script.

    `pngs`, `labels` and `alternatives` have one entry per frame: the picture, what the slider says
    and the alternative text.
    """

    name: str
    pngs: Sequence[bytes] = field(repr=False)
    labels: Sequence[str]
    alternatives: Sequence[str] = field(repr=False)

    def _repr_html_(self) -> str:
        coded = [base64.b64encode(png).decode() for png in self.pngs]
        frames = json.dumps(list(zip(coded, self.labels, self.alternatives, strict=True)))
        identity = "kerv-" + hashlib.sha256(frames.encode()).hexdigest()[:10]
        # "</" inside a script would end it.
        script = _SCRIPT.replace("ID", identity).replace("FRAMES", frames.replace("</", "<\\/"))
        first, last = html.escape(self.labels[0]), len(coded) - 1
        return (
            f'<div id="{identity}" class="kerv-frames">'
            f'<img alt="{html.escape(self.alternatives[0])}" '
            'style="background: white; padding: 6px; max-width: 100%; height: auto" '
            f'src="data:image/png;base64,{coded[0]}">'
            f'<div><label>{html.escape(self.name)} <input type="range" min="0" max="{last}" '
            f'value="0" aria-valuetext="{first}" style="width: 14em; max-width: 60%; '
            f'vertical-align: middle"></label> <output>{first}</output></div>'
            f"<script>{script}</script></div>"
        )


def explore_patches(
    picture: Tensor,
    weight: Tensor,
    kernels: Sequence[str] = ("linear", "polynomial:degree=2", "gaussian"),
) -> Frames:
    """Slide a filter over a small picture, and watch each kernel's answer at every place.

    Args:
        picture: numbers (H, W), few enough to read.
        weight: one filter (kH, kW).
        kernels: specs, as `get_kernel` takes them.

    Returns:
        One frame for each place, behind a slider that works without a running kernel.

    >>> import torch
    >>> frames = explore_patches(torch.eye(3), torch.ones(2, 2), kernels=["linear"])
    >>> list(frames.labels)
    ['row 0, column 0', 'row 0, column 1', 'row 1, column 0', 'row 1, column 1']
    """
    names = [type(get_kernel(spec)).__name__.removesuffix("Kernel").lower() for spec in kernels]
    responses = [
        functional.kernel_conv2d(picture[None, None], weight[None, None], kernel=spec)[0, 0]
        for spec in kernels
    ]
    height, width = weight.shape
    pngs, labels, alternatives = [], [], []
    for row, column in torch.cartesian_prod(*map(torch.arange, responses[0].shape)).tolist():
        box = (row, column, 1, 1)
        figure = number_grids(
            {"picture": picture, "filter": weight, **dict(zip(names, responses, strict=True))},
            {"picture": (row, column, height, width), **dict.fromkeys(names, box)},
            {name: COLOURS.get(name, "black") for name in names},
        )
        pngs.append(_png(figure))
        labels.append(f"row {row}, column {column}")
        answers = ", ".join(
            f"{name} {response[row, column]:.4g}"
            for name, response in zip(names, responses, strict=True)
        )
        alternatives.append(f"The patch at row {row}, column {column} is framed: {answers}.")
    return Frames("Place of the patch", pngs, labels, alternatives)


def _png(figure: Figure) -> bytes:
    """A small PNG: 64 colours are plenty for a chart."""
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", dpi=90, metadata={"Software": None})
    plt.close(figure)
    Image.open(raw).convert("RGB").quantize(64).save(small, format="png", optimize=True)
    return small.getvalue()
