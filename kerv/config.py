"""What a training run is made of: one dataclass, from which the command line makes its flags."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from . import data, evaluation, light, models, scaling
from .data import BORDERS
from .registry import get_kernel

# What makes two runs different. The rest of a config only says where and how they run.
_PLACES = ("root", "out", "resume")

_FLOAT_MAX = torch.finfo(torch.float32).max
# The types of the fields of `TrainConfig`, by their annotations.
_KINDS: dict[Any, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str | None": (str, type(None)),
}


# Settings that belong together, by a name.
RECIPES: dict[str, dict[str, Any]] = {
    # In the spirit of https://arxiv.org/abs/2404.00498.
    "fast": {
        "data": "cifar10",
        "model": "fastnet",
        "epochs": 16,
        "batch_size": 1024,
        "lr": 1.5,
        "schedule": "triangular",
        "momentum": 0.85,
        "weight_decay": 1.3e-3,
        "bias_lr": 64.0,
        "bias_decay": 2e-5,
        "lookahead": 5,
        "label_smoothing": 0.2,
        "shift": 2,
        "border": "reflect",
        "flip": "alternating",
        "views": 6,
        "precision": "auto",
    },
}


def _option(default: Any, help: str, choices: tuple[Any, ...] = ()) -> Any:
    return field(default=default, metadata={"help": help, "choices": choices})


@dataclass(frozen=True)
class TrainConfig:
    """What to train and how. The command line has one flag for each field.

    Raises:
        TypeError: a value is not of its field's type.
        ValueError: a value is unknown or out of range; the message lists what is valid.

    >>> TrainConfig(data="textures", model="resnet8", kernel="gaussian", epochs=1).where
    'first'
    """

    data: str = _option("cifar10", "dataset: cifar10, mnist or textures")
    model: str = _option("resnet20", "model, see kerv.models.names()")
    kernel: str = _option("linear", "kernel spec, as in polynomial:degree=2; linear is convolution")
    where: str = _option(
        "first",
        "which trained convolutions get it; spatial: those with filters larger than one pixel",
        ("first", "last", "spatial", "all"),
    )
    activation: str = _option(
        "relu", "of LeNet-5; head: behind its linear layers alone", models.ACTIVATIONS
    )
    stem_padding: str = _option(
        "zeros", "around a ResNet's first convolution", models.STEM_PADDINGS
    )
    stem_norm: str = _option("batch", "what follows it", models.STEM_NORMS)
    epochs: int = _option(10, "passes over the training pictures")
    batch_size: int = _option(128, "pictures per step")
    lr: float = _option(0.1, "highest learning rate; cosine: after a warm-up of a tenth")
    schedule: str = _option(
        "cosine",
        "steps: lr / 10 after a half, lr / 100 after three quarters; triangular: up in a line "
        "until about a quarter, then down in a line",
        ("cosine", "steps", "triangular"),
    )
    momentum: float = _option(0.9, "of SGD")
    nesterov: bool = _option(True, "Nesterov's form of momentum")
    weight_decay: float = _option(5e-4, "on weights; not on biases, norms and hyper-parameters")
    hyper_lr: float = _option(1.0, "learning rate of the kernels' hyper-parameters, as a factor")
    bias_lr: float = _option(1.0, "learning rate of the batch norms' biases, as a factor")
    bias_decay: float = _option(0.0, "weight decay of these biases")
    lookahead: int = _option(0, "average the weights every so many steps, 0 for never")
    label_smoothing: float = _option(0.0, "share of the target that all classes get alike")
    clip: float = _option(0.0, "largest norm of the gradient, 0 for no limit")
    init: str = _option("default", "data: filters from patches of the data", ("default", "data"))
    init_scale: float = _option(
        1.0, "with --init data: gamma is this / median squared distance (laplacian: L1 distance)"
    )
    normalize: str = _option("channel", "means and deviations over what", scaling.NAMES)
    augment: bool = _option(True, "shift, and mirror CIFAR-10 left to right")
    shift: int = _option(4, "with --augment, by up to so many pixels")
    border: str = _option("zeros", "what a shift moves in", BORDERS)
    flip: str = _option(
        "random", "alternating: each picture every other epoch", ("random", "alternating")
    )
    light: str = _option("fixed", "vary the light of the pictures", ("fixed", *light.KINDS))
    validation: float = _option(0.1, "fraction of the training pictures held out, 0 for none")
    limit: int = _option(0, "use only so many training pictures, 0 for all")
    views: int = _option(1, "score CIFAR-10's test pictures by so many views", evaluation.VIEWS)
    score_test: bool = _option(False, "score the test set every epoch, as the paper's scripts do")
    seed: int = _option(0, "of weights, split, order and augmentation")
    device: str = _option("auto", "cpu, cuda or cuda:N; auto: cuda if there is a GPU, else cpu")
    compile: bool = _option(False, "put the model through torch.compile")
    precision: str = _option(
        "fp32",
        "bf16 runs under autocast; auto: bf16 where the hardware computes in it, else fp32",
        ("auto", "fp32", "bf16"),
    )
    root: str | None = _option(None, "folder of the datasets; default: KERV_DATA, or data")
    out: str | None = _option(
        None, "folder of the run; default: that of --resume, or runs/data-model-kernel-where-seedN"
    )
    resume: str | None = _option(None, "a checkpoint, last.pt, to go on from")

    def __post_init__(self) -> None:
        for option in dataclasses.fields(self):
            value = getattr(self, option.name)
            kinds, choices = _KINDS[option.type], option.metadata["choices"]
            # To Python True is an int, and `--lr True` nonsense.
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise TypeError(f"{option.name} must be {option.type}, got {value!r}")
            if option.type == "float" and not abs(getattr(self, option.name)) <= _FLOAT_MAX:
                self._reject(option.name, "a finite float32 number")
            if choices and value not in choices:
                self._reject(option.name, f"one of {', '.join(map(str, choices))}")
        for name in _PLACES:  # a shell leaves --out=~/runs as it is
            if (place := getattr(self, name)) is not None:
                object.__setattr__(self, name, os.path.expanduser(place))
        if self.data not in data.names():
            self._reject("data", f"one of {', '.join(data.names())}")
        if self.model not in models.names():
            self._reject("model", f"one of {', '.join(models.names())}")
        get_kernel(self.kernel)
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                self._reject(name, "at least 1")
        for name in ("lr", "init_scale"):
            if not getattr(self, name) > 0:
                self._reject(name, "greater than 0")
        for name in ("momentum", "validation", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                self._reject(name, "at least 0 and less than 1")
        for name in (
            *("hyper_lr", "bias_lr", "bias_decay", "lookahead", "clip"),
            *("weight_decay", "shift", "limit", "seed"),
        ):
            if getattr(self, name) < 0:
                self._reject(name, "at least 0")
        if self.views > 1 and self.data != "cifar10":
            # A digit or a slanted texture becomes another one in the mirror.
            self._reject("views", f"1 for {self.data}, whose classes change in a mirror")
        (_, height, width), _ = data.SHAPES[self.data]
        if self.shift >= min(height, width):
            self._reject("shift", f"less than the {min(height, width)} pixels of a picture")
        if self.seed >= 2**32:
            self._reject("seed", "less than 2**32")

    def _reject(self, name: str, valid: str) -> None:
        raise ValueError(f"{name} must be {valid}, got {getattr(self, name)!r}")

    def run(self) -> dict[str, Any]:
        """What makes this run different from others: a record holds this, and no path."""
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in _PLACES}

    @classmethod
    def of(cls, path: str | os.PathLike[str], settings: dict[str, Any]) -> TrainConfig:
        """The config of the run at `path`; a setting that it does not know had its default then.

        Raises:
            ValueError: there is a setting that this version does not know.
        """
        unknown = settings.keys() - {option.name for option in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(
                f"{path} has settings that this version of kerv does not know: "
                f"{', '.join(sorted(unknown))}"
            )
        return cls(**settings)

    def folder(self) -> Path:
        """`out`, or by default `runs/` and a name of data, model, kernel, where and seed.

        A run that goes on from `resume` stays in the folder of that checkpoint if `out` is None.
        """

        if self.out is not None:
            return Path(self.out)
        kernel = re.sub(r"[^a-z0-9.]+", "-", self.kernel.lower())
        return Path("runs", f"{self.data}-{self.model}-{kernel}-{self.where}-seed{self.seed}")
