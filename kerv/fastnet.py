"""A small wide network for CIFAR-10, and how it starts.

In the spirit of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024,
https://arxiv.org/abs/2404.00498: a first layer that decorrelates the pixels of small patches and is
not trained, then convolutions that begin near the identity.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (64, 256, 256)
# The eigenvalues of the last few directions are nearly 0: dividing by them would amplify noise.
SMALLEST = 5e-4


class FastNet(nn.Module):
    """A whitening 2×2 stem, three groups of two 3×3 convolutions, a linear head.

    `whiten` sets the stem's filters from pictures; they are not trained, its biases are. Batch
    norms have biases but no scales. The logits are divided by 9, which keeps the loss of the first
    steps small.

    Shape: input (N, in_channels, H, W) with H and W at least 9, output (N, num_classes).

    >>> FastNet()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        directions = 4 * in_channels
        stem = nn.Conv2d(in_channels, 2 * directions, 2)
        stem.weight.requires_grad_(False)
        self.stem = stem
        channels = 2 * directions
        groups: list[nn.Module] = []
        for width in WIDTHS:
            groups += [_conv(channels, width), nn.MaxPool2d(2), _norm(width), nn.GELU()]
            groups += [_conv(width, width), _norm(width), nn.GELU()]
            channels = width
        self.groups = nn.Sequential(*groups)
        self.head = nn.Linear(channels, num_classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.groups(F.gelu(self.stem(x)))
        return self.head(F.adaptive_max_pool2d(x, 1).flatten(1)) / 9

    @torch.no_grad()
    def whiten(self, pictures: Tensor) -> None:
        """Set the stem's filters so that its responses to `pictures` are uncorrelated.

        They are v / √(λ + 0.0005) and its negative for each eigenvector v, with eigenvalue λ, of
        the second moments of all 2×2 patches; and the biases become 0.

        Args:
            pictures: (N, in_channels, H, W), scaled as the network will see them.
        """
        weight = self.stem.weight
        patches = F.unfold(pictures, 2).transpose(1, 2).flatten(0, 1).double()
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (vectors / (values.clamp_min(0) + SMALLEST).sqrt()).T
        weight.copy_(torch.cat([filters, -filters]).view_as(weight))
        if self.stem.bias is not None:
            self.stem.bias.zero_()


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 3×3 convolution whose first `in_channels` outputs begin as copies of its inputs."""
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    nn.init.dirac_(conv.weight.data[:in_channels])
    return conv


def _norm(channels: int) -> nn.BatchNorm2d:
    # Momentum: few steps, so the running means must be fast.
    norm = nn.BatchNorm2d(channels, momentum=0.4)
    norm.weight.requires_grad_(False)
    return norm
