"""The optimiser of a training run, the course of its learning rate, and Lookahead."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from .config import TrainConfig
from .hyper import Hyper


def sgd(model: nn.Module, config: TrainConfig) -> torch.optim.SGD:
    """SGD over the groups of `parameter_groups`."""
    return torch.optim.SGD(
        parameter_groups(
            model, config.weight_decay, config.hyper_lr, config.bias_lr, config.bias_decay
        ),
        lr=config.lr,
        momentum=config.momentum,
        nesterov=config.nesterov and config.momentum > 0,
    )


def parameter_groups(
    model: nn.Module,
    weight_decay: float,
    hyper_lr: float,
    bias_lr: float = 1.0,
    bias_decay: float = 0.0,
) -> list[dict[str, Any]]:
    """Weights with decay; biases, norms and the kernels' hyper-parameters without.

    The learning rate of hyper-parameters is `hyper_lr` times that of the weights, and that of the
    biases of batch norms `bias_lr` times. These biases may have a decay of their own.
    """
    hyper = {p: None for m in model.modules() if isinstance(m, Hyper) for p in m.parameters()}
    norms = (m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm))
    shifts = {m.bias: None for m in norms if m.bias is not None}
    rest = [p for p in model.parameters() if p not in hyper and p not in shifts]
    return [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay, "factor": 1.0},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0, "factor": 1.0},
        {"params": list(shifts), "weight_decay": bias_decay, "factor": bias_lr},
        {"params": list(hyper), "weight_decay": 0.0, "factor": hyper_lr},
    ]


def rate(step: int, total: int, kind: str = "cosine") -> float:
    """The learning rate as a fraction of the highest.

    "cosine": up over the first tenth, then down along a cosine; "steps": 1, then 0.1 from the
    middle and 0.01 from three quarters on; "triangular": in a line from 0.2 up to 1 at 23 % of the
    steps, then down to 0.07.
    """
    if kind == "triangular":
        peak = 0.23 * total
        if step < peak:
            return 0.2 + 0.8 * step / peak
        return 1 - 0.93 * (step - peak) / (total - peak)
    if kind == "steps":
        return 0.1 ** ((2 * step >= total) + (4 * step >= 3 * total))
    warm_up = max(1, total // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (total - warm_up)))


class Lookahead:
    """Slow weights that follow those that the optimiser steps, and every few steps replace them.

    slow ← slow + α (fast − slow) and fast ← slow, with α = 1 − 0.95ᵏ t³ every k steps, where t is
    the share of the training that is over. Early, slow is as good as fast; late, it averages.
    Running means and variances of batch norms are averaged too.

    Zhang et al., "Lookahead optimizer: k steps forward, 1 step back", 2019,
    https://arxiv.org/abs/1907.08610, with a fixed α; that it falls so is Balsam's, hlb-CIFAR10,
    2023, https://github.com/tysam-code/hlb-CIFAR10, and in Jordan, 2024,
    https://arxiv.org/abs/2404.00498.
    """

    def __init__(self, model: nn.Module, every: int) -> None:
        self.every = every
        self.fast = [v for v in model.state_dict().values() if v.is_floating_point()]
        self.slow = [v.clone() for v in self.fast]

    @torch.no_grad()
    def update(self, t: float) -> None:
        """Move both, when the share `t` of the training is over."""
        alpha = 1 - 0.95**self.every * t**3
        for slow, fast in zip(self.slow, self.fast, strict=True):
            fast.copy_(slow.lerp_(fast, alpha))
