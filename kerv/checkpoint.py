"""Checkpoints: one file, written whole or not at all, read without running any code from it."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class CheckpointError(RuntimeError):
    """A checkpoint is missing, damaged, or belongs to another run."""


def save(state: dict[str, Any], path: Path) -> None:
    """Write `state`, tensors and plain values, so that `path` never holds half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with open(partial, "wb") as file:
        torch.save(state, file)
        # On the disk before the name points to it, or a power cut leaves an empty file.
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load(path: str | os.PathLike[str], device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint of `kerv.train` onto `device`.

    Raises:
        CheckpointError: the file is missing, damaged, or something else.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"no checkpoint at {path}") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{path} is damaged or not a checkpoint ({type(error).__name__}); "
            "start the run again without --resume, in another folder"
        ) from error
    expected = {"config", "epoch", "model", "optimizer", "history"}
    if not isinstance(state, dict) or not expected <= state.keys():
        raise CheckpointError(f"{path} is not a checkpoint of kerv.train")
    return state


def save_weights(model: nn.Module, path: Path) -> None:
    """Write the model's state dict as safetensors."""
    from safetensors.torch import save_file

    partial = path.with_name(path.name + ".part")
    tensors: dict[str, Tensor] = {k: v.contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, partial)
    os.replace(partial, path)
