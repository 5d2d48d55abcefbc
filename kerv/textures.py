"""Ten classes of textures that differ in second-order structure alone.

Every picture is a Gaussian random field with mean 0 and variance 1; only its power spectrum tells
its class. So the mean response of a linear filter is 0 for every class, whatever the filter, and
the mean *squared* response tells them apart. No files are needed: the pictures are computed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

CLASSES = (
    "coarse 0°",
    "coarse 45°",
    "coarse 90°",
    "coarse 135°",
    "fine 0°",
    "fine 45°",
    "fine 90°",
    "fine 135°",
    "coarse, no direction",
    "fine, no direction",
)
SIZE = 32
# One standard deviation in grey levels. The range 0…255 then reaches four of them to either side.
LEVELS = 32.0
_COARSE, _FINE = 4.0, 9.0  # waves per picture


def make(per_class: int, seed: int) -> tuple[Tensor, Tensor]:
    """`per_class` pictures of each class in mixed order, and their labels.

    Returns:
        Pictures, uint8 (10 · per_class, 1, 32, 32), grey level 127.5 standing for 0, and labels,
        int64 (10 · per_class,). The same seed gives the same pictures; torch's global random
        state is not touched.

    >>> pictures, labels = make(per_class=2, seed=0)
    >>> pictures.shape, labels.bincount()
    (torch.Size([20, 1, 32, 32]), tensor([2, 2, 2, 2, 2, 2, 2, 2, 2, 2]))
    """
    with torch.device("cpu"):  # the same pictures, whatever the default device is
        return _make(per_class, torch.Generator().manual_seed(seed))


def _make(per_class: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    labels = torch.arange(len(CLASSES)).repeat(per_class)
    labels = labels[torch.randperm(len(labels), generator=generator)]
    filters = _amplitudes()
    pictures = torch.empty(len(labels), 1, SIZE, SIZE, dtype=torch.uint8)
    for start in range(0, len(labels), 2000):
        chosen = labels[start : start + 2000]
        # In float32, whatever the default type is: float64 draws other numbers.
        shape = (len(chosen), SIZE, SIZE)
        noise = torch.randn(shape, generator=generator, dtype=torch.float32)
        field = torch.fft.irfft2(torch.fft.rfft2(noise) * filters[chosen], s=(SIZE, SIZE))
        field = field / field.square().mean((1, 2), keepdim=True).sqrt()
        coded = (127.5 + LEVELS * field).round().clamp(0, 255)
        pictures[start : start + 2000, 0] = coded.to(torch.uint8)
    return pictures, labels


def _amplitudes() -> Tensor:
    """One non-negative weight per class and frequency, 0 at frequency 0: (10, 32, 17)."""
    fy = torch.fft.fftfreq(SIZE)[:, None] * SIZE
    fx = torch.fft.rfftfreq(SIZE)[None, :] * SIZE
    radius = torch.hypot(fx, fy)
    angle = torch.atan2(fy, fx)
    rows = []
    for centre in (_COARSE, _FINE):
        ring = torch.exp(-((radius - centre) ** 2) / 8)
        for degrees in (0, 45, 90, 135):
            # A direction has no sign, so angles are compared modulo 180 degrees.
            rows.append(ring * torch.exp(4 * (torch.cos(2 * (angle - math.radians(degrees))) - 1)))
    rows += [torch.exp(-((radius - centre) ** 2) / 8) for centre in (_COARSE, _FINE)]
    amplitudes = torch.stack(rows)
    amplitudes[:, 0, 0] = 0
    return amplitudes
