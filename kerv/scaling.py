"""How stored pictures become the numbers that a network sees.

Whether a network notices a change of light is half decided here: subtracting another mean from each
colour turns a plain factor into a change of colours, and dividing each picture by its own standard
deviation takes the factor out.

>>> NAMES
('channel', 'scalar', 'picture', 'local', 'none')
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .data import Dataset

Scale = Callable[[Tensor], Tensor]

NAMES = ("channel", "scalar", "picture", "local", "none")
# Below this spread, in units of the whole range 0…1, a picture or a neighbourhood counts as flat.
FLAT = 1e-3
# The neighbourhood of local contrast normalisation: a Gaussian window of this σ, in pixels.
SIGMA, REACH = 2.0, 4


def scaler(name: str, dataset: Dataset) -> Scale:
    """A function from pictures in 0…1, (N, C, H, W), to what the network sees.

    Args:
        name: "channel" subtracts each channel's mean over the training set and divides by its
            standard deviation; "scalar" uses one mean and one deviation for all channels;
            "picture" uses each picture's own, over all its pixels and channels; "local" those of
            each pixel's neighbourhood over all channels (Jarrett et al., ICCV 2009); "none" leaves
            the pictures as they are.
        dataset: whose means and deviations.

    Raises:
        ValueError: the name is unknown.
    """
    mean, std = dataset.mean[:, None, None], dataset.std[:, None, None]
    if name == "channel":
        return lambda x: (x - mean) / std
    if name == "scalar":
        # The deviation over all pixels of all channels: that within channels and that of means.
        one_mean = mean.mean()
        one_std = (std.square().mean() + (mean - one_mean).square().mean()).sqrt()
        return lambda x: (x - one_mean) / one_std
    if name == "picture":
        return _per_picture
    if name == "local":
        return _local
    if name == "none":
        return lambda x: x
    raise ValueError(f"normalize must be one of {', '.join(NAMES)}, got {name!r}")


def _per_picture(x: Tensor) -> Tensor:
    std, mean = torch.std_mean(x, (1, 2, 3), correction=0, keepdim=True)
    return (x - mean) / std.clamp_min(FLAT)


def _local(x: Tensor) -> Tensor:
    centred = x - _neighbourhood(x)
    # Clamped before the root, whose gradient at 0 is not finite.
    return centred / _neighbourhood(centred.square()).clamp_min(FLAT**2).sqrt()


def _neighbourhood(x: Tensor) -> Tensor:
    """The weighted mean over channels and a Gaussian window, (N, 1, H, W)."""
    steps = torch.arange(-REACH, REACH + 1, device=x.device)
    window = torch.softmax(-steps.square() / (2 * SIGMA**2), 0)
    x = F.pad(x.mean(1, keepdim=True), (REACH,) * 4, mode="reflect")
    # Not by convolutions, which TF32 would round on a GPU: a flat patch must come out flat.
    for dim in (2, 3):
        x = (x.unfold(dim, len(window), 1) * window).sum(-1)
    return x
