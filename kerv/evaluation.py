"""The accuracy of a network on pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import data, scaling
from .distributed import World

VIEWS = (1, 2, 6)


def evaluate(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    dataset: data.Dataset,
    *,
    normalize: str = "channel",
    batch_size: int = 1000,
    precision: str = "fp32",
    views: int = 1,
) -> float:
    """The fraction of the uint8 pictures `x` that the model gives their label `y`.

    Args:
        model: a classifier.
        x, y: uint8 pictures (N, C, H, W) and int64 labels (N,).
        dataset, normalize: how the model is used to seeing pictures, see `kerv.scaling`.
        batch_size: pictures at once.
        precision: "fp32", or "bf16" for autocast.
        views: over how many views of a picture the logits are averaged: 1 is the picture, 2 adds
            its mirror image, 6 adds both of these shifted by a pixel up and left, and down and
            right.

    Raises:
        ValueError: `normalize`, `precision` or `views` is unknown; pictures and labels do not fit,
            or there are none; `batch_size` is less than 1.

    A network that answers the same to every picture gets one class of ten right:

    >>> same = nn.Linear(32 * 32, 10)
    >>> _ = nn.init.zeros_(same.weight)
    >>> textures = data.load("textures")
    >>> evaluate(nn.Sequential(nn.Flatten(), same), textures.test_x, textures.test_y, textures)
    0.1
    """
    if precision not in ("fp32", "bf16"):
        raise ValueError(f"precision must be fp32 or bf16, got {precision!r}")
    if views not in VIEWS:
        raise ValueError(f"views must be one of {', '.join(map(str, VIEWS))}, got {views!r}")
    if y.shape != x.shape[:1] or not len(y):
        raise ValueError(
            f"each picture needs one label: x has the shape {tuple(x.shape)}, y {tuple(y.shape)}"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    scale = scaling.scaler(normalize, dataset)
    return count_right(model, x, y, scale, batch_size, precision, views).item() / len(x)


def evaluate_shared(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    scale: scaling.Scale,
    precision: str,
    views: int,
    world: World,
) -> float:
    """`evaluate`, each picture by one of the processes."""
    mine_x, mine_y = world.share(x, y)
    right = count_right(model, mine_x, mine_y, scale, 1000, precision, views)
    return world.sum(right).item() / len(x)


@torch.no_grad()
def count_right(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    scale: scaling.Scale,
    batch_size: int,
    precision: str,
    views: int,
) -> Tensor:
    """How many pictures get their label, as a tensor on their device."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    right = torch.zeros((), device=x.device, dtype=torch.long)
    try:
        for batch, labels in data.batches(x, y, batch_size):
            pictures = scale(batch.float() / 255).contiguous(memory_format=torch.channels_last)
            with autocast(x.device, precision):
                logits = sum(model(view) for view in data.views(pictures, views))
            right += (logits.argmax(1) == labels).sum()
    finally:  # a reader may stop it, and train on
        # Each its own: a layer may have been in evaluation mode in a network that trains.
        for module, training in modes.items():
            module.training = training
    return right


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which a network of this precision computes."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def computes_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16; emulated, it is slower than float32.

    >>> computes_bf16(torch.device("meta"))
    False
    """
    if device.type == "cuda":
        with torch.cuda.device(device):  # torch asks the current one
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    # Not torch.ops.mkldnn._is_mkldnn_bf16_supported: it is content with AVX512, and emulates.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
