"""The command line of `kerv.train`: one flag for each field of `TrainConfig`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

from . import __version__, checkpoint, data, kernels, models, train


def parser() -> argparse.ArgumentParser:
    """The flags, made from the fields of `TrainConfig`."""
    made = argparse.ArgumentParser(
        prog="kerv-train",
        description="Train a network with kernel convolutions; `linear` is plain convolution.",
        epilog=(
            f"kernels: {', '.join(kernels.kernel_names())}. models: {', '.join(models.names())}. "
            f"data: {', '.join(data.names())}."
        ),
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"kerv {__version__}")
    for option in dataclasses.fields(train.TrainConfig):
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
    """Run; return 0, or say in one line on stderr what is wrong and return 1 (2 for flags)."""
    flags = vars(parser().parse_args(argv))
    try:
        if "resume" in flags:
            flags = {**checkpoint.load(flags["resume"])["config"], **flags}
        train.train(train.TrainConfig(**flags))
    except KeyboardInterrupt:
        print("\nkerv-train: stopped; --resume with last.pt goes on", file=sys.stderr)
        return 130
    except (
        ValueError,
        TypeError,
        OSError,
        data.DataError,
        checkpoint.CheckpointError,
        train.NotFinite,
    ) as error:
        print(f"kerv-train: {error}", file=sys.stderr)
        return 1
    return 0
