"""One colour and one marker for each kernel, the same in the whole book.

Seven of the colours are those of Okabe and Ito, four were added. Readers with the common kinds of
colour blindness can tell them apart. The markers tell the kernels apart without colour.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

COLOURS = {
    "linear": "#0072B2",
    "polynomial": "#D55E00",
    "gaussian": "#009E73",
    "sigmoid": "#CC79A7",
    "l1": "#882255",
    "l2": "#332288",
    "laplacian": "#999933",
    "rational_quadratic": "#56B4E9",
    "cosine": "#E69F00",
    "correlation": "#000000",
    "arc_cosine": "#661100",
}
MARKERS = dict(zip(COLOURS, "os^DvPXp*hd", strict=True))


def response_scale(values: Tensor) -> dict[str, Any]:
    """A diverging map centred at 0 for values of both signs, a sequential one for others."""
    limit = float(values.abs().max()) or 1.0
    if values.min() < 0:
        return {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    return {"cmap": "viridis", "vmin": 0, "vmax": limit}
