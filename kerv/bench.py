"""What a kernel layer costs beside torch's convolution, and beside a layer made with unfold.

    python -m kerv.bench
    python -m kerv.bench --kernels gaussian cosine --rounds 50 --compile
    python -m kerv.bench --kernels l1 --case "64→64"     # beside one torch.cdist over all patches
    python -m kerv.bench --out results.json              # keeps them; several runs add up

Every round runs all layers in turn, and what counts is the ratio of their times to the
convolution's in the same round, its median over the rounds: a machine that slows down slows all of
them. Still, let nothing else run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import KernelConv1d, KernelConv2d, KernelConv3d
from .records import hardware, markdown, versions, whole_file
from .registry import get_kernel, kernel_names

_PLAIN = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_OURS = {1: KernelConv1d, 2: KernelConv2d, 3: KernelConv3d}
_LAYOUT = {2: torch.channels_last, 3: torch.channels_last_3d}
# Those that take many times a convolution; they are measured where they are asked for.
_NO_SHORTCUT = ("l1", "laplacian")


@dataclass(frozen=True)
class Case:
    """A layer of 3×3 (×3) filters with padding 1, and the pictures for it."""

    name: str
    in_channels: int
    out_channels: int
    size: tuple[int, ...]
    batch: int


CASES = {
    case.name: case
    for case in (
        Case("64→64", 64, 64, (32, 32), 32),
        Case("128→128", 128, 128, (16, 16), 32),
        Case("stem 3→64", 3, 64, (32, 32), 32),
        Case("3-D 64→64", 64, 64, (8, 16, 16), 8),
    )
}


@dataclass(frozen=True)
class Cost:
    """Of one layer: its times as multiples of the convolution's, and what it keeps for backward.

    `kept` is in units of the layer's output, and counts what a convolution does not keep.
    """

    layer: str
    forward: float
    both: float
    kept: float


class UnfoldGaussian(nn.Module):
    """A Gaussian layer as it is often written: copy out every patch, then compare (2-D alone)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels * 9) / 10)

    def forward(self, x: Tensor) -> Tensor:
        patches = F.unfold(x, 3, padding=1).transpose(1, 2)
        dist_sq = torch.cdist(patches, self.weight) ** 2
        y = torch.exp(-dist_sq / self.weight.shape[1])
        return y.transpose(1, 2).unflatten(2, x.shape[2:])


class UnfoldL1(nn.Module):
    """−‖x−w‖₁ by one `torch.cdist` over all patches, which it copies out (2-D alone)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels * 9) / 10)

    def forward(self, x: Tensor) -> Tensor:
        patches = F.unfold(x, 3, padding=1).transpose(1, 2)
        y = -torch.cdist(patches, self.weight, p=1)
        return y.transpose(1, 2).unflatten(2, x.shape[2:])


def measure(
    case: Case,
    kernels: Sequence[str],
    *,
    rounds: int = 20,
    device: str = "cpu",
    compiled: bool = False,
) -> list[Cost]:
    """The costs of a layer with each kernel.

    In 2-D also of `UnfoldGaussian`, or of `UnfoldL1` where an L1 kernel is among them.

    Args:
        case: the layer and its input.
        kernels: specs.
        rounds: how often all layers are timed in turn; two more warm up.
        device: where.
        compiled: whether all layers go through `torch.compile`.

    >>> [linear] = measure(Case("tiny", 1, 1, (4,), 1), ["linear"], rounds=1)
    >>> linear.layer, linear.kept
    ('linear', 0.0)
    """
    dims = len(case.size)
    layout = _LAYOUT.get(dims, torch.contiguous_format)
    channels = case.in_channels, case.out_channels
    layers: dict[str, nn.Module] = {"": _PLAIN[dims](*channels, 3, padding=1, bias=False)}
    for spec in kernels:
        layers[spec] = _OURS[dims](*channels, 3, padding=1, bias=False, kernel=spec)
    if dims == 2 and any(spec.startswith(_NO_SHORTCUT) for spec in kernels):
        layers["l1 by unfold"] = UnfoldL1(*channels)
    elif dims == 2:
        layers["gaussian by unfold"] = UnfoldGaussian(*channels)
    for layer in layers.values():
        layer.to(device=device)
        if not isinstance(layer, UnfoldGaussian | UnfoldL1):
            layer.to(memory_format=layout)
    x = torch.randn(case.batch, case.in_channels, *case.size, device=device)
    # A stem gets the pictures themselves, which need no gradient.
    x = x.contiguous(memory_format=layout).requires_grad_(case.in_channels > 3)
    grad = torch.randn_like(layers[""](x))

    kept = {name: _kept(layer, x) for name, layer in layers.items()}
    run: dict[str, Callable[[Tensor], Tensor]] = {
        name: torch.compile(layer) if compiled else layer for name, layer in layers.items()
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in layers}
    limit: AbstractContextManager[None] = nullcontext()
    if compiled:
        # To torch.compile all layers are one, and what it meets the ninth time it leaves as it is.
        torch._dynamo.reset()
        limit = torch._dynamo.config.patch(cache_size_limit=len(layers) + 8)
    with limit:
        for _ in range(rounds + 2):
            for name, layer in layers.items():
                layer.zero_grad(set_to_none=True)
                x.grad = None
                times[name].append(_time(run[name], x, grad))
    return [
        Cost(
            layer=name,
            forward=_ratio(times, name, 0),
            both=_ratio(times, name, 1),
            kept=(kept[name] - kept[""]) / grad.numel(),
        )
        for name in layers
        if name
    ]


def table(costs: Sequence[Cost]) -> str:
    """The costs as a Markdown table."""
    return markdown(
        ("layer", "forward", "forward and backward", "kept for backward"),
        [(c.layer, f"{c.forward:.2f}×", f"{c.both:.2f}×", f"{c.kept:+.2f} outputs") for c in costs],
    )


# One pass over the output of a layer, in place, by what a tail is made of.
_PASSES: dict[str, Callable[[Tensor], Tensor]] = {
    "multiply": lambda y: y.mul_(0.5),
    "exp": lambda y: y.exp_(),
    "sqrt": lambda y: y.sqrt_(),
    "log": lambda y: y.log_(),
    "tanh": lambda y: y.tanh_(),
    "acos": lambda y: y.acos_(),
    "sin": lambda y: y.sin_(),
    "into a new tensor": lambda y: y * 0.5,
}


def passes(case: Case, *, rounds: int = 20, device: str = "cpu") -> dict[str, float]:
    """One elementwise pass over the layer's output, as a fraction of the whole convolution's time.

    It says which kernels cannot come near a convolution: a tail is made of such passes.

    >>> list(passes(Case("tiny", 1, 1, (4, 4), 1), rounds=1))
    ['multiply', 'exp', 'sqrt', 'log', 'tanh', 'acos', 'sin', 'into a new tensor']
    """
    dims = len(case.size)
    layout = _LAYOUT.get(dims, torch.contiguous_format)
    layer = _PLAIN[dims](case.in_channels, case.out_channels, 3, padding=1, bias=False)
    layer.to(device=device).to(memory_format=layout)
    x = torch.randn(case.batch, case.in_channels, *case.size, device=device)
    x = x.contiguous(memory_format=layout).requires_grad_(case.in_channels > 3)
    grad = torch.rand_like(layer(x))
    times: dict[str, list[float]] = {name: [] for name in _PASSES}
    for _ in range(rounds + 2):
        _, whole = _time(layer, x, grad)
        for name, one in _PASSES.items():
            y = torch.rand_like(grad)
            _wait(y)
            start = time.perf_counter()
            one(y)
            _wait(y)
            times[name].append((time.perf_counter() - start) / whole)
    return {name: statistics.median(ratios[2:]) for name, ratios in times.items()}


MACHINES = ("avx512", "avx2")


def recorded(machine: str = "avx512") -> dict[str, Any]:
    """The results that come with the package, as `--out` wrote them on two quiet CPU cores.

    Args:
        machine: the widest vectors that its cores compute with, one of `MACHINES`. The results of
            "avx512" are older: its arc-cosine took more passes than the one of today.

    Raises:
        ValueError: there are no results of such a machine.

    >>> recorded("avx2")["hardware"]["vectors"]
    'AVX2'
    """
    if machine not in MACHINES:
        raise ValueError(f"machine must be one of {', '.join(MACHINES)}, got {machine!r}")
    file = resources.files(__package__).joinpath(f"bench_{machine}.json")
    return json.loads(file.read_text(encoding="utf-8"))


# Forward and backward of a layer of 64 channels or more, as multiples of torch's, in eager mode.
TARGETS = {
    "polynomial": 1.08,
    "sigmoid": 1.08,
    "gaussian": 1.20,
    "l2": 1.20,
    "rational_quadratic": 1.20,
    "cosine": 1.30,
    "correlation": 1.30,
    "arc_cosine": 1.30,
}


def report(results: dict[str, Any]) -> str:
    """What `--out` wrote, as a Markdown table: forward and backward, as multiples of torch's.

    >>> report(recorded()).startswith("| kernel | target |")
    True
    """
    columns = results["cases"]
    names = [column["name"] for column in columns]
    rows = []
    for layer in dict.fromkeys(cost["layer"] for c in columns for cost in c["costs"]):
        cells = [
            next((f"{cost['both']:.2f}" for cost in c["costs"] if cost["layer"] == layer), "—")
            for c in columns
        ]
        target = f"{TARGETS[layer]:.2f}" if layer in TARGETS else "—"
        rows.append([layer, target, *cells])
    return markdown(["kernel", "target", *names], rows)


def _time(layer: Callable[[Tensor], Tensor], x: Tensor, grad: Tensor) -> tuple[float, float]:
    _wait(x)
    start = time.perf_counter()
    y = layer(x)
    _wait(x)
    middle = time.perf_counter()
    y.backward(grad)
    _wait(x)
    return middle - start, time.perf_counter() - start


def _wait(x: Tensor) -> None:
    if x.is_cuda:
        torch.cuda.synchronize(x.device)


def _ratio(times: dict[str, list[tuple[float, float]]], name: str, which: int) -> float:
    return statistics.median(
        ours[which] / plain[which]
        for ours, plain in zip(times[name][2:], times[""][2:], strict=True)
    )


def _kept(layer: nn.Module, x: Tensor) -> int:
    """How many numbers of whole tensors autograd keeps between forward and backward."""
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        # The result must live until all is counted, or its storage is used again.
        result = layer(x)
    del result
    return sum(storages.values())


def main(argv: Sequence[str] | None = None) -> int:
    usual = [name for name in kernel_names() if name not in _NO_SHORTCUT]
    parser = argparse.ArgumentParser(prog="kerv.bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kernels", nargs="+", default=usual, help="specs (default: all but L1's)")
    parser.add_argument("--case", choices=list(CASES), help="one case only (default: all)")
    parser.add_argument("--rounds", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action="store_true", help="put every layer through it")
    parser.add_argument("--out", help="also add the results to this JSON file")
    options = parser.parse_args(argv)
    torch.backends.cudnn.allow_tf32 = False  # float32 on a GPU too, and the results say so
    try:
        for spec in options.kernels:
            get_kernel(spec)
        if options.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {options.rounds}")
        machine = {"versions": versions(), "hardware": hardware(torch.device(options.device))}
        if options.out:  # before the minutes of measuring
            _earlier(Path(options.out), machine)
    except (ValueError, TypeError, RuntimeError, OSError) as error:
        print(f"kerv.bench: {error}", file=sys.stderr)
        return 1
    where = f"{options.device}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    cases = []
    for case in CASES.values():
        if options.case in (None, case.name):
            print(f"\n{case.name}, {case.batch} pictures of {case.size}, float32, {where}\n")
            costs = measure(
                case,
                options.kernels,
                rounds=options.rounds,
                device=options.device,
                compiled=options.compile,
            )
            print(table(costs), flush=True)
            name = case.name + (", compiled" if options.compile else "")
            cases.append(
                {
                    "name": name,
                    "costs": [asdict(cost) for cost in costs],
                    "passes": passes(case, rounds=options.rounds, device=options.device),
                }
            )
    if options.out:
        _add(Path(options.out), cases, machine)
    return 0


def _earlier(file: Path, machine: dict[str, Any]) -> dict[str, Any]:
    """The results that are in the file, or none yet, if they are of this machine."""
    if not file.exists():
        return {"cases": [], **machine}
    results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(results, dict) or "cases" not in results:
        raise ValueError(f"{file} holds no results of this benchmark: name another")
    there = {key: results.get(key) for key in machine}
    if there != machine:
        raise ValueError(f"{file} holds results of {there}, this is {machine}: name another")
    return results


def _add(file: Path, cases: list[dict[str, Any]], machine: dict[str, Any]) -> None:
    """Add the costs to those in the file, in the place of earlier ones of the same layers."""
    results = _earlier(file, machine)
    for case in cases:
        old = next((c for c in results["cases"] if c["name"] == case["name"]), None)
        if old is None:
            results["cases"].append(case)
            continue
        new = {cost["layer"]: cost for cost in case["costs"]}
        kept = [cost for cost in old["costs"] if cost["layer"] not in new]
        old["costs"] = [*kept, *new.values()]
    with whole_file(file) as out:
        out.write((json.dumps(results, indent=1) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main())
