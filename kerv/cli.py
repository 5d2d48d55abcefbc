"""The command line of `kerv.train`: one flag for each field of `TrainConfig`, and the recipes."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist

from . import __version__, checkpoint, data, models, registry, train
from .config import RECIPES, TrainConfig


def parser() -> argparse.ArgumentParser:
    """The flags, made from the fields of `TrainConfig`."""
    made = argparse.ArgumentParser(
        prog="kerv-train",
        description="Train a network with kernel convolutions; `linear` is plain convolution.",
        epilog=(
            f"kernels: {', '.join(registry.kernel_names())}. models: {', '.join(models.names())}. "
            f"data: {', '.join(data.names())}."
        ),
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"kerv {__version__}")
    made.add_argument(
        "--recipe",
        default=argparse.SUPPRESS,
        choices=tuple(RECIPES),
        help="settings that belong together; other flags change single ones",
    )
    for option in dataclasses.fields(TrainConfig):
        flag = "--" + option.name.replace("_", "-")
        # Only what was typed comes back, so that --resume can fill in the rest.
        settings: dict[str, Any] = {"default": argparse.SUPPRESS, "help": option.metadata["help"]}
        if isinstance(option.default, bool):
            settings["action"] = argparse.BooleanOptionalAction
        else:
            settings["type"] = str if option.default is None else type(option.default)
            settings["choices"] = option.metadata["choices"] or None
        if option.default is not None:
            settings["help"] += f" (default: {option.default})"
        made.add_argument(flag, **settings)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run, and return the exit code: 0, or 1 after an error that stderr names in one line.

    Ctrl-C gives 130. Wrong flags raise SystemExit(2), as argparse does. An error that nobody
    foresaw keeps its traceback.
    """
    flags = vars(parser().parse_args(argv))
    try:
        flags = {**RECIPES.get(flags.pop("recipe", ""), {}), **flags}
        if "resume" in flags:
            before = checkpoint.load(os.path.expanduser(flags["resume"]))["config"]
            flags = {**TrainConfig.of(flags["resume"], before).run(), **flags}
        train.train(TrainConfig(**flags))
    except KeyboardInterrupt:
        _say("stopped; after a finished epoch, --resume with last.pt goes on")
        return 130
    except torch.OutOfMemoryError:
        _say("the device is out of memory: try a lower --batch-size or a smaller --model")
        return 1
    except (
        ValueError,
        TypeError,
        OSError,
        ImportError,
        data.DataError,
        checkpoint.CheckpointError,
        train.NotFinite,
    ) as error:
        _say(str(error))
        return 1
    except RuntimeError as error:
        # What torch says when the connection to another process of torchrun has gone.
        lost = isinstance(error, dist.DistError) or "onnection closed" in str(error)
        if os.environ.get("WORLD_SIZE", "1") == "1" or not lost:
            raise
        _say(f"another process stopped, and this one with it: {error}")
        return 1
    return 0


def _say(message: str) -> None:
    if sys.stdout.isatty():
        print("\r\x1b[K", end="", flush=True)  # the line of progress that is still there
    print(f"kerv-train: {' '.join(message.splitlines())}", file=sys.stderr)
