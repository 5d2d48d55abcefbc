"""The oracle: kernel convolution in numpy, float64 and plain loops, from the definition.

Slow and short. It knows no torch, no dot-product identity and no trick.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

Formula = Callable[[np.ndarray, np.ndarray], float]


def _cosine(x: np.ndarray, w: np.ndarray) -> float:
    norms = np.sqrt(x @ x * (w @ w))
    return x @ w / norms if norms > 0 else 0.0


def _angle(x: np.ndarray, w: np.ndarray) -> float:
    return np.arccos(np.clip(_cosine(x, w), -1, 1))


# The formula of every kernel that `kerv.get_kernel` knows, with its default hyper-parameters.
DEFAULT_FORMULAS: dict[str, Formula] = {
    "linear": lambda x, w: x @ w,
    "polynomial": lambda x, w: (x @ w + 1) ** 3,
    "gaussian": lambda x, w: np.exp(-((x - w) ** 2).sum() / len(x)),
    "sigmoid": lambda x, w: np.tanh(x @ w),
    "l1": lambda x, w: -np.abs(x - w).sum(),
    "l2": lambda x, w: -np.sqrt(((x - w) ** 2).sum()),
    "laplacian": lambda x, w: np.exp(-np.abs(x - w).sum() / len(x)),
    "rational_quadratic": lambda x, w: 1 / (1 + ((x - w) ** 2).sum() / len(x)),
    "cosine": lambda x, w: _cosine(x, w),
    "correlation": lambda x, w: (
        ((x - x.mean()) * (w - w.mean())).sum()
        / np.sqrt((((x - x.mean()) ** 2).sum() + 1e-6) * (((w - w.mean()) ** 2).sum() + 1e-6))
    ),
    "arc_cosine": lambda x, w: (
        np.sqrt(x @ x * (w @ w))
        * (np.sin(_angle(x, w)) + (np.pi - _angle(x, w)) * np.cos(_angle(x, w)))
        / np.pi
    ),
}

NUMPY_PAD = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(picture: np.ndarray, pads: Sequence[tuple[int, int]], mode: str = "zeros") -> np.ndarray:
    """Pad (C, *size) before and after each dimension."""
    return np.pad(picture, [(0, 0), *pads], mode=NUMPY_PAD[mode])


def pads_of(padding: str | Sequence[int], reach: Sequence[int]) -> list[tuple[int, int]]:
    """Pixels before and after each dimension; `reach` is dilation · (kernel_size − 1)."""
    if padding == "same":
        return [(r // 2, r - r // 2) for r in reach]
    if padding == "valid":
        return [(0, 0) for _ in reach]
    return [(p, p) for p in padding]


def kernel_conv(
    pictures: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    formula: Formula,
    stride: Sequence[int],
    padding: str | Sequence[int],
    dilation: Sequence[int],
    groups: int,
    padding_mode: str = "zeros",
) -> np.ndarray:
    """formula(patch, filter) + bias for every picture, filter and place."""
    filters, depth, *sizes = weight.shape
    reach = [d * (k - 1) for d, k in zip(dilation, sizes, strict=True)]
    pads = pads_of(padding, reach)
    out_size = [
        (n + before + after - r - 1) // s + 1
        for n, (before, after), r, s in zip(pictures.shape[2:], pads, reach, stride, strict=True)
    ]
    out = np.zeros((len(pictures), filters, *out_size))
    for n, picture in enumerate(pictures):
        padded = pad(picture, pads, padding_mode)
        for o in range(filters):
            group = o // (filters // groups)
            channels = range(group * depth, (group + 1) * depth)
            for place in itertools.product(*map(range, out_size)):
                patch = []
                for c in channels:
                    for offset in itertools.product(*map(range, sizes)):
                        pixel = np.multiply(place, stride) + np.multiply(offset, dilation)
                        patch.append(padded[(c, *pixel)])
                response = formula(np.array(patch), weight[o].ravel())
                out[(n, o, *place)] = response + (0 if bias is None else bias[o])
    return out
