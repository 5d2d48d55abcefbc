"""What training runs leave behind: one JSON file each, and the recorded runs of the book.

>>> from kerv import records
>>> records.names() == sorted(records.names())
True
"""

from __future__ import annotations

import difflib
import json
import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import resources, util
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from .. import __version__

# What the table shows, and what a plot of a run reads.
_CONFIG = ("data", "model", "kernel", "where", "epochs", "seed")
_EPOCH = ("epoch", "train_loss", "train_accuracy", "validation_accuracy", "seconds")


@dataclass(frozen=True)
class Record:
    """One training run. Accuracies are fractions, times seconds.

    `test_accuracy` was measured once, after the last epoch; `validation_accuracy` after the last
    epoch, None without a validation split. `epochs` has one dictionary per epoch with "epoch",
    "train_loss", "train_accuracy", "validation_accuracy" and "seconds", and with "test_accuracy"
    where the test set was scored after each (`score_test`). The best of these is
    `best_test_accuracy`: the paper's scripts report it, and it is too high by choice. `weights` is
    the name of a safetensors file in the same folder, or None, and so is `filters`, the file of the
    first layer's filters before the first epoch and after each. `conditions` holds the test
    accuracy under each change of light that the run was tested under. `failed` says what stopped a
    run that did not reach its end; its accuracies are 0.

    Raises:
        ValueError: an accuracy is not a fraction, or the config or an epoch lacks something.
    """

    config: dict[str, Any]
    test_accuracy: float
    validation_accuracy: float | None
    epochs: list[dict[str, Any]]
    seconds: float
    parameters: int
    versions: dict[str, str]
    hardware: dict[str, Any]
    weights: str | None = None
    best_test_accuracy: float | None = None
    conditions: dict[str, float] | None = None
    failed: str | None = None
    filters: str | None = None

    def __post_init__(self) -> None:
        fractions = {
            "test_accuracy": self.test_accuracy,
            "validation_accuracy": self.validation_accuracy,
            "best_test_accuracy": self.best_test_accuracy,
            **(self.conditions or {}),
        }
        for name, value in fractions.items():
            if value is None and name in ("validation_accuracy", "best_test_accuracy"):
                continue
            if value is None or not 0 <= value <= 1:
                raise ValueError(f"{name} must be a fraction from 0 to 1, got {value!r}")
        for what, keys, values in [
            ("config", _CONFIG, self.config),
            *(("an epoch", _EPOCH, epoch) for epoch in self.epochs),
        ]:
            missing = [key for key in keys if key not in values]
            if missing:
                raise ValueError(f"{what} lacks {', '.join(missing)}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the record as JSON, all of it or nothing."""
        with whole_file(Path(path)) as file:
            file.write((json.dumps(asdict(self), indent=1, allow_nan=False) + "\n").encode())


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that becomes `path` at the end, so that `path` never holds half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Its own name for each process: two that write at once do not mix.
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(partial, "wb") as file:
            yield file
            # On the disk before the name points to it, or a power cut leaves an empty file.
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def names() -> list[str]:
    """The recorded runs that come with the package; those of a study as "study/run"."""
    found = []
    for file in resources.files(__name__).iterdir():
        if file.is_dir():
            found += [f"{file.name}/{inner.name}" for inner in file.iterdir()]
        else:
            found.append(file.name)
    return sorted(name[:-5] for name in found if name.endswith(".json"))


def load(name: str | os.PathLike[str]) -> Record:
    """A recorded run by its name, or any run by the path of its `.json` file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: there is no run of this name, or the file is not a record.

    >>> load("light/correlation-seed0").config["kernel"]
    'correlation:eps=1e-4'
    """
    if str(name).endswith(".json"):
        text = Path(name).read_bytes()
    elif str(name) in names():
        text = (resources.files(__name__) / f"{name}.json").read_bytes()
    else:
        near = difflib.get_close_matches(str(name), names(), n=5, cutoff=0)
        raise ValueError(
            f"no recorded run {str(name)!r}; of the {len(names())} there are, these come nearest: "
            f"{', '.join(near)}; kerv.records.names() lists all; a run of your own is named by the "
            "path of its .json file"
        )
    try:
        return Record(**json.loads(text))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not a record of a run: {error}") from error


def tensors_of(name: str | os.PathLike[str], what: str = "weights") -> dict[str, Tensor]:
    """The tensors that a recorded run left, by name, in float32.

    Those that come with the package were stored in float16, rounded to 11 binary digits.

    Args:
        name: of the run, or the path of its `.json` file.
        what: "weights", the state dict of the trained network, or "filters", the first layer's
            filters (epochs + 1, C_out, C_in, K, K) before the first epoch and after each.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: there is no such run, or it did not leave these tensors.

    >>> tensors_of("mnist/convolution-seed0", "filters")["filters"].shape
    torch.Size([21, 6, 1, 5, 5])
    """
    from safetensors.torch import load as from_bytes

    name = str(name)
    if what not in ("weights", "filters"):
        raise ValueError(f"what must be 'weights' or 'filters', got {what!r}")
    file = getattr(load(name), what)
    if file is None:
        raise ValueError(f"the {what} of {name!r} do not come with the package")
    if name.endswith(".json"):
        saved = Path(name).with_name(file).read_bytes()
    else:
        folder = name.rpartition("/")[0]
        saved = (resources.files(__name__) / folder / file).read_bytes()
    state = from_bytes(saved)
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def table(records: Iterable[Record] | None = None) -> str:
    """A Markdown table, one row for the runs that differ in nothing but the seed and the device.

    Accuracies are in per cent, mean ± sample standard deviation where there are several seeds.

    Args:
        records: the runs; by default all that come with the package.
    """
    groups: dict[str, list[Record]] = {}
    for record in [load(name) for name in names()] if records is None else records:
        same = {k: v for k, v in record.config.items() if k not in ("seed", "device")}
        groups.setdefault(json.dumps(same, sort_keys=True), []).append(record)
    head = ("network", "kernel", "where", "parameters", "validation %", "test %", "seeds")
    rows = []
    # The convolution first: it is what the others are compared with.
    for group in sorted(groups.values(), key=lambda g: g[0].config["kernel"] != "linear"):
        config = group[0].config
        cells = [
            f"{config['model']}, {config['data']}, {config['epochs']} epochs",
            _kernel(config),
            "—" if config["kernel"] == "linear" else config["where"],
            f"{group[0].parameters:,}",
            per_cent([record.validation_accuracy for record in group]),
            diverged(group) or per_cent([record.test_accuracy for record in group]),
            len(group),
        ]
        rows.append(cells)
    return markdown(head, rows)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown.

    >>> print(markdown(["kernel", "seeds"], [["cosine", 3]]))
    | kernel | seeds |
    |---|---|
    | cosine | 3 |
    """
    texts = ([str(cell).replace("|", r"\|") for cell in cells] for cells in (head, *rows))
    first, *rest = (f"| {' | '.join(cells)} |" for cells in texts)
    return "\n".join([first, "|---" * len(head) + "|", *rest])


def versions() -> dict[str, str]:
    """What a record says of the software that ran. torchvision is there if it is installed."""
    found = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "kerv": __version__,
    }
    if util.find_spec("torchvision"):
        import torchvision

        found["torchvision"] = torchvision.__version__
    return found


def hardware(device: torch.device) -> dict[str, Any]:
    """What a record says of the machine that ran: its kind, and not which one it was."""
    if device.type == "cuda":
        # The switch is on by default, on GPUs that have no TF32 too.
        able = torch.cuda.get_device_capability(device) >= (8, 0)
        try:
            tf32 = able and torch.backends.cudnn.allow_tf32
        except RuntimeError:  # set by torch's newer switches, which this one cannot read
            tf32 = None
        return {"device": "cuda", "name": torch.cuda.get_device_name(device), "tf32": tf32}
    return {
        "device": device.type,
        "name": platform.machine(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }


def _kernel(config: dict[str, Any]) -> str:
    """The kernel, and what is unusual about its start and its training."""
    words = [config["kernel"].replace(",", ", ")]
    if config.get("init") == "data":
        words.append("filters from data")
        if config["init_scale"] != 1:
            words.append(f"gamma × {config['init_scale']:g}")
    if config.get("hyper_lr", 1) != 1:
        words.append(f"its learning rate × {config['hyper_lr']:g}")
    return "; ".join(words)


def diverged(records: Sequence[Record]) -> str:
    """How many runs diverged, in words; "" if none did. Their accuracies say nothing."""
    failed = sum(record.failed is not None for record in records)
    return f"{failed} of {len(records)} runs diverged" if failed else ""


def per_cent(fractions: Sequence[float | None]) -> str:
    """Mean ± sample standard deviation in per cent, or the mean of one; a dash without numbers.

    >>> per_cent([0.5, 0.52])
    '51.00 ± 1.41'
    """
    values = [100 * fraction for fraction in fractions if fraction is not None]
    if not values:
        return "—"
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2f}"
