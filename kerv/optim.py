"""The optimiser of a training run: which parameters decay, and how the learning rate goes."""

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
        parameter_groups(model, config.weight_decay, config.hyper_lr, config.bias_lr),
        lr=config.lr,
        momentum=config.momentum,
        nesterov=config.nesterov and config.momentum > 0,
    )


def parameter_groups(
    model: nn.Module, weight_decay: float, hyper_lr: float, bias_lr: float = 1.0
) -> list[dict[str, Any]]:
    """Weights with decay; biases, norms and the kernels' hyper-parameters without.

    The learning rate of hyper-parameters is `hyper_lr` times that of the weights, and that of the
    biases of batch norms `bias_lr` times.
    """
    hyper = {p: None for m in model.modules() if isinstance(m, Hyper) for p in m.parameters()}
    shifts = {m.bias: None for m in model.modules() if isinstance(m, nn.BatchNorm2d)}
    rest = [p for p in model.parameters() if p not in hyper and p not in shifts]
    return [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay, "factor": 1.0},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0, "factor": 1.0},
        {"params": list(shifts), "weight_decay": 0.0, "factor": bias_lr},
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
