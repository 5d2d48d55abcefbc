"""What a kernel layer costs beside torch's convolution, and beside a layer made with unfold.

    python -m kerv.bench
    python -m kerv.bench --kernels gaussian cosine --rounds 50 --compile

Every round runs all layers in turn, and what counts is the ratio of their times to the
convolution's in the same round, its median over the rounds: a machine that slows down slows all of
them. Still, let nothing else run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import KernelConv1d, KernelConv2d, KernelConv3d
from .registry import get_kernel, kernel_names

_PLAIN = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_OURS = {1: KernelConv1d, 2: KernelConv2d, 3: KernelConv3d}
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


def measure(
    case: Case,
    kernels: Sequence[str],
    *,
    rounds: int = 20,
    device: str = "cpu",
    compiled: bool = False,
) -> list[Cost]:
    """The costs of a layer with each kernel, and of `UnfoldGaussian` in 2-D.

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
    layout = {2: torch.channels_last, 3: torch.channels_last_3d}.get(dims, torch.contiguous_format)
    channels = case.in_channels, case.out_channels
    layers: dict[str, nn.Module] = {"": _PLAIN[dims](*channels, 3, padding=1, bias=False)}
    for spec in kernels:
        layers[spec] = _OURS[dims](*channels, 3, padding=1, bias=False, kernel=spec)
    if dims == 2:
        layers["gaussian by unfold"] = UnfoldGaussian(*channels)
    for layer in layers.values():
        layer.to(device=device)
        if not isinstance(layer, UnfoldGaussian):
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
    rows = [
        "| layer | forward | forward and backward | kept for backward |",
        "|---|---|---|---|",
        *(
            f"| {c.layer} | {c.forward:.2f}× | {c.both:.2f}× | {c.kept:+.2f} outputs |"
            for c in costs
        ),
    ]
    return "\n".join(rows)


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
    options = parser.parse_args(argv)
    try:
        for spec in options.kernels:
            get_kernel(spec)
        if options.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {options.rounds}")
    except ValueError as error:
        print(f"kerv.bench: {error}", file=sys.stderr)
        return 1
    where = f"{options.device}, {torch.get_num_threads()} threads, torch {torch.__version__}"
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
