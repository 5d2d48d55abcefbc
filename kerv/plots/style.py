"""One colour and one marker for each kernel, the same in the whole book.

The colours are those of Okabe and Ito, which readers with any common colour blindness can tell
apart; the markers tell the kernels apart without colour.
"""

from __future__ import annotations

COLOURS = {
    "linear": "#0072B2",
    "polynomial": "#D55E00",
    "gaussian": "#009E73",
    "sigmoid": "#CC79A7",
}
MARKERS = {"linear": "o", "polynomial": "s", "gaussian": "^", "sigmoid": "D"}
