"""‖x−w‖₁ of every patch and every filter, which no convolution can compute.

Unlike the squared distance it does not fall apart into a dot product and two norms. So the patches
are copied out and handed to `torch.cdist`, a chunk at a time: memory stays bounded whatever the
size of the input, and nothing but the input and the filters is kept for backward. As custom
operators of torch they compile and export as one node each.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

# Numbers in the patches of one chunk: 16 MB in float32.
_CHUNK = 4_000_000
# On CUDA the backward of torch.cdist holds as many numbers for every filter. 256 MB of them.
_CUDA_CHUNK = 64_000_000

_cdist_backward = torch.ops.aten._cdist_backward

# Written out, because torch 2.6 cannot read it from `list[int]`.
_GEOMETRY = "int[] stride, int[] dilation, int groups"


@torch.library.custom_op(
    "kerv::l1_distances", mutates_args=(), schema=f"(Tensor x, Tensor w, {_GEOMETRY}) -> Tensor"
)
def l1_distances(
    x: Tensor, w: Tensor, stride: list[int], dilation: list[int], groups: int
) -> Tensor:
    """‖x_i − w_o‖₁ for every place i and filter o, as a convolution without padding lays them out.

    Shape:
        x (N, C_in, *size), w (C_out, C_in / groups, *kernel_size); output (N, C_out, *out).
    """
    out = x.new_empty(_out_shape(x, w, stride, dilation))
    for chunk in _chunks(x, w, stride, dilation, groups, _CHUNK):
        patches, filters = chunk.patches(x), w[chunk.filters].flatten(1)
        out[chunk.place] = chunk.layout(torch.cdist(patches, filters, p=1.0))
    return out


@torch.library.custom_op(
    "kerv::l1_distances_backward",
    mutates_args=(),
    schema=f"(Tensor grad, Tensor x, Tensor w, {_GEOMETRY}, bool[] asked) -> (Tensor, Tensor)",
)
def l1_distances_backward(
    grad: Tensor,
    x: Tensor,
    w: Tensor,
    stride: list[int],
    dilation: list[int],
    groups: int,
    asked: list[bool],
) -> tuple[Tensor, Tensor]:
    """The gradients of x and w: sums of the signs of x − w. Where x equals w the sign is 0.

    Args:
        asked: for x, and for w; zeros stand for the one that is not. The pictures in front of a
            first layer need none, and each costs as much as the distances.
    """
    grad_x, grad_w = torch.zeros_like(x), torch.zeros_like(w)
    most = _CUDA_CHUNK * groups // len(w) if x.is_cuda else _CHUNK
    for chunk in _chunks(x, w, stride, dilation, groups, most):
        patches, filters = chunk.patches(x), w[chunk.filters].flatten(1)
        rows = grad[chunk.place].movedim(1, -1).flatten(0, -2).contiguous()
        # What autograd calls for `torch.cdist`; inside an operator there is no autograd. Its last
        # argument, the distances, matters for other p alone: for p=1 only signs of x − w count. So
        # something of their shape will do, and spares computing them a second time.
        if asked[0]:
            chunk.add_patches(_cdist_backward(rows, patches, filters, 1.0, rows), grad_x)
        if asked[1]:
            columns = rows.T.contiguous()
            to_filters = _cdist_backward(columns, filters, patches, 1.0, columns)
            grad_w[chunk.filters] += to_filters.view_as(grad_w[chunk.filters])
    return grad_x, grad_w


@torch.library.custom_op(
    "kerv::l1_distances_along",
    mutates_args=(),
    schema=f"(Tensor x, Tensor w, Tensor step_x, Tensor step_w, {_GEOMETRY}) -> Tensor",
)
def l1_distances_along(
    x: Tensor,
    w: Tensor,
    step_x: Tensor,
    step_w: Tensor,
    stride: list[int],
    dilation: list[int],
    groups: int,
) -> Tensor:
    """How the distances change when x and w move along a step: Σ sign(x − w) (step_x − step_w)."""
    out = x.new_empty(_out_shape(x, w, stride, dilation))
    for chunk in _chunks(x, w, stride, dilation, groups, _CHUNK):
        pairs = zip(chunk.patches(x).split(256), chunk.patches(step_x).split(256), strict=True)
        filters, step = w[chunk.filters].flatten(1), step_w[chunk.filters].flatten(1)
        rows = [
            ((patch[:, None] - filters).sign() * (moved[:, None] - step)).sum(2)
            for patch, moved in pairs
        ]
        out[chunk.place] = chunk.layout(torch.cat(rows))
    return out


def windows(
    x: Tensor, sizes: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Tensor:
    """A view of `x` (N, C, *size) that shows every patch: (N, C, *out, *sizes)."""
    for dim, (size, step, every) in enumerate(zip(sizes, stride, dilation, strict=True), start=2):
        x = x.unfold(dim, every * (size - 1) + 1, step)[..., ::every]
    return x


class _Chunk:
    """Some rows of places of some pictures, and the filters of one group."""

    def __init__(
        self,
        pictures: slice,
        rows: slice,
        group: int,
        x: Tensor,
        w: Tensor,
        stride: list[int],
        dilation: list[int],
        groups: int,
    ) -> None:
        depth, filters = w.shape[1], w.shape[0] // groups
        self._stride, self._dilation, self._sizes = stride, dilation, w.shape[2:]
        self.filters = slice(group * filters, (group + 1) * filters)
        self.place = (pictures, self.filters, rows)
        others = _out_shape(x, w, stride, dilation)[3:]
        self._out = [pictures.stop - pictures.start, rows.stop - rows.start, *others]
        reach = dilation[0] * (w.shape[2] - 1)
        pixels = slice(rows.start * stride[0], (rows.stop - 1) * stride[0] + reach + 1)
        self.window = (pictures, slice(group * depth, (group + 1) * depth), pixels)

    def patches(self, x: Tensor) -> Tensor:
        """The patches as the rows of a matrix."""
        dims = len(self._sizes)
        part = windows(x[self.window], self._sizes, self._stride, self._dilation)
        # (N, C, *out, *kernel_size) → (N, *out, C, *kernel_size)
        part = part.movedim(1, dims + 1)
        return part.reshape(-1, part.shape[dims + 1 :].numel())

    def add_patches(self, patches: Tensor, x: Tensor) -> None:
        """Add each patch to the places of `x` that it was copied from."""
        part = x[self.window]
        patches = patches.reshape(*self._out, part.shape[1], *self._sizes)
        patches = patches.movedim(len(self._out), 1)
        for n, offset in enumerate(itertools.product(*map(range, self._sizes))):
            pixels = tuple(
                slice(every * k, every * k + step * (places - 1) + 1, step)
                for k, every, step, places in zip(
                    offset, self._dilation, self._stride, self._out[1:], strict=True
                )
            )
            target: Any = (..., *pixels)
            part[target] += patches.flatten(-len(offset))[..., n]

    def layout(self, rows: Tensor) -> Tensor:
        """One row for each place → (N, filters, *out)."""
        return rows.reshape(*self._out, -1).movedim(-1, 1)


def _chunks(
    x: Tensor, w: Tensor, stride: list[int], dilation: list[int], groups: int, most: int
) -> Iterator[_Chunk]:
    """Parts whose patches hold at most `most` numbers, or a row of places where that has more."""
    pictures, _, rows, *rest = _out_shape(x, w, stride, dilation)
    per_row = w[0].numel()
    for size in rest:
        per_row *= size
    rows_at_once = max(1, min(rows, most // max(1, per_row)))
    pictures_at_once = max(1, most // max(1, per_row * rows)) if rows_at_once == rows else 1
    for n in range(0, pictures, pictures_at_once):
        for row in range(0, rows, rows_at_once):
            for group in range(groups):
                yield _Chunk(
                    slice(n, min(n + pictures_at_once, pictures)),
                    slice(row, min(row + rows_at_once, rows)),
                    group,
                    x,
                    w,
                    stride,
                    dilation,
                    groups,
                )


def _out_shape(x: Tensor, w: Tensor, stride: list[int], dilation: list[int]) -> list[int]:
    sizes = zip(x.shape[2:], w.shape[2:], stride, dilation, strict=True)
    return [x.shape[0], w.shape[0], *((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in sizes)]


@l1_distances.register_fake
def _(x: Tensor, w: Tensor, stride: list[int], dilation: list[int], groups: int) -> Tensor:
    return x.new_empty(_out_shape(x, w, stride, dilation))


@l1_distances_backward.register_fake
def _(grad: Tensor, x: Tensor, w: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(w)


@l1_distances_along.register_fake
def _(
    x: Tensor,
    w: Tensor,
    step_x: Tensor,
    step_w: Tensor,
    stride: list[int],
    dilation: list[int],
    groups: int,
) -> Tensor:
    return x.new_empty(_out_shape(x, w, stride, dilation))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    x, w, *ctx.geometry = inputs
    ctx.save_for_backward(x, w)


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    asked = list(ctx.needs_input_grad[:2])
    return (*l1_distances_backward(grad, *ctx.saved_tensors, *ctx.geometry, asked), *[None] * 3)


def _keep_of_gradient(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _, x, w, *ctx.geometry, ctx.asked = inputs
    ctx.save_for_backward(x, w)


def _gradient_of_gradient(ctx: Any, step_x: Tensor, step_w: Tensor) -> tuple[Tensor | None, ...]:
    # The gradients are linear in `grad`, and their signs do not change under a small step. What
    # was not asked for is 0 whatever `grad` is.
    steps = (step * asked for step, asked in zip((step_x, step_w), ctx.asked, strict=True))
    along = l1_distances_along(*ctx.saved_tensors, *steps, *ctx.geometry)
    return (along, *[None] * 6)


l1_distances.register_autograd(_gradient, setup_context=_keep)
l1_distances_backward.register_autograd(_gradient_of_gradient, setup_context=_keep_of_gradient)
