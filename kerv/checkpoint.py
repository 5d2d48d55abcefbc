"""Checkpoints: one file, written whole or not at all, read without running any code from it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .records import whole_file


class CheckpointError(RuntimeError):
    """A checkpoint is missing, damaged, or belongs to another run."""


def save(state: dict[str, Any], path: Path) -> None:
    """Write `state`, tensors and plain values."""
    with whole_file(path) as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # A full disk, behind a message of torch's own.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a checkpoint of `kerv.train` into the main memory.

    Raises:
        CheckpointError: the file is missing, damaged, or something else.
    """
    try:
        # The file is a zip archive. torch reads it without comparing the checksums, and so takes
        # a flipped bit in a tensor for a weight.
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(damaged)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise CheckpointError(f"no checkpoint at {path} ({error.strerror})") from error
    except Exception as error:  # damaged bytes can raise anything
        raise CheckpointError(
            f"{path} is damaged or not a checkpoint ({type(error).__name__}); "
            "start the run again without --resume, in another folder"
        ) from error
    kinds = {"config": dict, "epoch": int, "model": dict, "optimizer": dict}
    kinds |= {"history": list, "filters": list}
    if not isinstance(state, dict) or not all(isinstance(state.get(k), kinds[k]) for k in kinds):
        raise CheckpointError(
            f"{path} is not a checkpoint of kerv.train; --resume takes the last.pt of a run"
        )
    return state


def refuse_other_run(
    path: str | os.PathLike[str], before: dict[str, Any], now: dict[str, Any]
) -> None:
    """Raise a CheckpointError if the run at `path` had another config."""
    # A run may move to another device: that changes rounding, not what is trained.
    different = [k for k in now if k != "device" and now[k] != before.get(k)]
    if different:
        changes = ", ".join(f"{k} was {before.get(k)!r} and is {now[k]!r}" for k in different)
        raise CheckpointError(f"{path} belongs to another run: {changes}")


def restore(
    path: str | os.PathLike[str],
    state: dict[str, Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Put `state`, loaded from `path`, into the model and the optimizer.

    Raises:
        CheckpointError: it does not fit.
    """
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{path} does not fit {state['config'].get('model')}: was it made by another version?"
        ) from error


def require_safetensors() -> None:
    """Raise an ImportError that says what to install, before the hours of training and not after.

    Raises:
        ImportError: the package safetensors is not there.
    """
    try:
        import safetensors.torch  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "the weights of a run are saved with safetensors: pip install safetensors"
        ) from error


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write named tensors, as those of a model's state dict, as safetensors."""
    from safetensors.torch import save as to_bytes

    with whole_file(path) as file:
        file.write(to_bytes({k: v.contiguous() for k, v in tensors.items()}))
