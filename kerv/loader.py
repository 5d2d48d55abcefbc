"""What a training run sees: its share of the pictures, shuffled, lit, normalised and augmented."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from . import data, light
from .config import TrainConfig
from .scaling import Scale


def split(dataset: data.Dataset, config: TrainConfig) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures and labels to train on, then those held out, by a permutation that the seed fixes.

    Raises:
        ValueError: there are too few pictures.

    >>> held = split(data.load("textures"), TrainConfig(data="textures"))[3]
    >>> len(held)
    1000
    """
    n = len(dataset.train_x)
    if config.limit > n:
        raise ValueError(
            f"limit must be at most {n}, the pictures of {config.data}, got {config.limit}"
        )
    order = torch.randperm(n, generator=torch.Generator().manual_seed(config.seed), device="cpu")
    order = order[: config.limit or None].to(dataset.train_x.device)
    held = round(config.validation * len(order))
    if held == len(order):
        raise ValueError(
            f"validation={config.validation} leaves none of {held} pictures to train on"
        )
    chosen, rest = order[held:], order[:held]
    x, y = dataset.train_x, dataset.train_y
    return x[chosen], y[chosen], x[rest], y[rest]


class Loader:
    """The batches of a run, epoch by epoch.

    Each epoch draws from generators of its own. So a resumed run sees what it would have seen.

    Args:
        x, y: uint8 pictures (N, C, H, W) and their labels (N,), on the device of the run.
        scale: what normalises pictures in 0…1.
        config: size of a batch, light, augmentation, and the seed.

    >>> x, y = torch.zeros(5, 1, 28, 28, dtype=torch.uint8), torch.arange(5)
    >>> config = TrainConfig(data="mnist", batch_size=2)
    >>> loader = Loader(x, y, lambda x: x, config)
    >>> [len(labels) for _, labels in loader.epoch(1)], loader.steps
    ([2, 2, 1], 3)
    """

    def __init__(self, x: Tensor, y: Tensor, scale: Scale, config: TrainConfig) -> None:
        self.x, self.y, self.scale, self.config = x, y, scale, config
        self.steps = math.ceil(len(x) / config.batch_size)
        mirrors = config.augment and config.data == "cifar10"
        self.alternates, self.flips = (
            mirrors and config.flip == kind for kind in ("alternating", "random")
        )
        toss = torch.Generator().manual_seed(config.seed)
        coins = torch.randint(2, (len(x),), generator=toss, device="cpu")
        self.coins = coins.bool().to(x.device)

    def first(self, n: int) -> Tensor:
        """The first `n` pictures, normalised, as they are without light and augmentation."""
        return self.scale(self.x[:n].float() / 255)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch, of which the first has the number 1."""
        config = self.config
        seed = config.seed * 100_003 + number
        on_device = torch.Generator(self.x.device).manual_seed(seed)
        order = torch.Generator().manual_seed(seed)
        x = data.alternate_flip(self.x, number, self.coins) if self.alternates else self.x
        for pictures, labels in data.batches(x, self.y, config.batch_size, generator=order):
            pictures = pictures.float() / 255
            if config.light != "fixed":
                pictures = light.vary(pictures, config.light, on_device)
            pictures = self.scale(pictures)
            if config.augment:
                pictures = data.augment(
                    pictures,
                    pad=config.shift,
                    border=config.border,
                    flip=self.flips,
                    generator=on_device,
                )
            yield pictures, labels
