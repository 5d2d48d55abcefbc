"""The numbers through which a kernel sees a patch x and a filter w.

A kernel never touches pixels. It asks a `Pair` for ⟨x, w⟩, ‖x‖² or ‖x−w‖² of every patch against
every filter, and the pair finds the cheapest way to them: one convolution for all the dot products,
one pass over the input for all the norms. Each number is computed when it is first asked for.

`ConvPair` serves the layers, `VectorPair` compares the rows of two matrices. Both answer to the
same names, so a kernel cannot tell them apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from . import tails
from .l1 import l1_distances

# From (values, dim): a sum along one dimension.
Total = Callable[[Tensor, int], Tensor]

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class Pair:
    """Every patch x against every filter w, seen through a few lazily computed numbers.

    =============  =================================  ====================================
    attribute      meaning                            shape in a layer
    =============  =================================  ====================================
    `dot`          ⟨x, w⟩                             `(N, C_out, *out)`, also `shape`
    `wide_dot`     the same, in at least float32      as `dot`
    `centred_dot`  ⟨x, w − m⟩, m the mean of w        as `dot`
    `x_sq`         ‖x‖² of the patch                  `(N, 1, *out)`; with groups as `dot`
    `w_sq`         ‖w‖² of the filter                 `(C_out, 1, …)`
    `x_sum`        sum of the patch                   as `x_sq`
    `w_sum`        sum of the filter                  as `w_sq`
    `dist_sq`      ‖x−w‖² ≥ 0                         as `dot`
    `l1`           ‖x−w‖₁, which has no shortcut      as `dot`
    `n`            length of a patch and of a filter  an int
    =============  =================================  ====================================

    `dot` has the type that a torch convolution would return, so it is bfloat16 under bfloat16
    autocast. The other numbers are never narrower than float32, and `l1` costs many times more.
    A hyper-parameter with one value per filter goes through `per_filter` to broadcast to `dot`.

    Note:
        `dist_sq` is computed as ‖x‖² + ‖w‖² − 2⟨x, w⟩. Where patch and filter are long and close
        together, digits cancel: in float32 its absolute error is about 1e-7 (‖x‖² + ‖w‖²). On
        recent GPUs a float32 convolution may run in TF32, which keeps only 10 bits and makes that
        error about 1e-3. Set `torch.backends.cudnn.allow_tf32 = False` where it matters, and for
        `gram`, which multiplies matrices, leave `torch.backends.cuda.matmul.allow_tf32` as it is.
    """

    def __init__(self, x: Tensor, w: Tensor, n: int, shape: tuple[int, ...]) -> None:
        self.x = x
        self.w = w
        self.n = n
        self.shape = shape
        # Plain attributes and not functools.cached_property: its lock breaks torch.compile's
        # full graph on Python 3.11.
        self._wide_x: Tensor | None = None
        self._wide_w: Tensor | None = None
        self._dot: Tensor | None = None
        self._wide_dot: Tensor | None = None
        self._centred_dot: Tensor | None = None
        self._x_sq: Tensor | None = None
        self._w_sq: Tensor | None = None
        self._x_sum: Tensor | None = None
        self._w_sum: Tensor | None = None
        self._dist_sq: Tensor | None = None
        self._l1: Tensor | None = None

    @property
    def dtype(self) -> torch.dtype:
        """The type of `dot`: the autocast type where autocast is on, else the input's."""
        return torch.get_autocast_dtype(self.x.device.type) if autocasts(self.x) else self.x.dtype

    @property
    def dot(self) -> Tensor:
        if self._dot is None:
            self._dot = self._product(self.x, self.w)
        return self._dot

    @property
    def wide_dot(self) -> Tensor:
        if self._wide_dot is None:
            x, w = self._widened()
            self._wide_dot = self.dot if self.dtype == x.dtype else self._wide_product(x, w)
        return self._wide_dot

    @property
    def centred_dot(self) -> Tensor:
        if self._centred_dot is None:
            # The sum ⟨x, w⟩ − Σx Σw / n in one convolution, without a pass over its output.
            x, w = self._widened()
            dims = list(range(1, w.ndim))
            self._centred_dot = self._wide_product(x, w - w.mean(dims, keepdim=True))
        return self._centred_dot

    @property
    def x_sq(self) -> Tensor:
        if self._x_sq is None:
            self._x_sq = self._sum_over_patches(self._widened()[0], tails.sum_of_squares)
        return self._x_sq

    @property
    def w_sq(self) -> Tensor:
        if self._w_sq is None:
            self._w_sq = self.per_filter(self._widened()[1].square().flatten(1).sum(1))
        return self._w_sq

    @property
    def x_sum(self) -> Tensor:
        if self._x_sum is None:
            self._x_sum = self._sum_over_patches(self._widened()[0], torch.sum)
        return self._x_sum

    @property
    def w_sum(self) -> Tensor:
        if self._w_sum is None:
            self._w_sum = self.per_filter(self._widened()[1].flatten(1).sum(1))
        return self._w_sum

    @property
    def dist_sq(self) -> Tensor:
        if self._dist_sq is None:
            # Rounding can push a distance below zero, where a root or a logarithm would be NaN.
            # The dot product comes first, because the sum takes its memory format.
            self._dist_sq = (self.x_sq - 2 * self.wide_dot + self.w_sq).clamp_min(0)
        return self._dist_sq

    @property
    def l1(self) -> Tensor:
        if self._l1 is None:
            self._l1 = self._l1_distances(*self._widened())
        return self._l1

    def per_filter(self, h: Tensor) -> Tensor:
        """Reshape one number, or one number per filter, so that it broadcasts to `dot`.

        Args:
            h: of shape () or (C_out,).

        Raises:
            ValueError: it has another shape.
        """
        if h.ndim == 0:
            return h
        if h.shape != (len(self.w),):
            raise ValueError(
                f"expected one value, or one for each of the {len(self.w)} filters, "
                f"got a tensor of shape {tuple(h.shape)}"
            )
        return self._along_filters(h)

    def _widened(self) -> tuple[Tensor, Tensor]:
        """`x` and `w` in at least float32: a sum of squares overflows float16 at 65 504.

        Once for all numbers: what each gives the gradient of `x` cancels, and is added up here,
        before it is rounded to the type of `x`.
        """
        if self._wide_x is None or self._wide_w is None:
            self._wide_x, self._wide_w = _widen(self.x), _widen(self.w)
        return self._wide_x, self._wide_w

    def _wide_product(self, x: Tensor, w: Tensor) -> Tensor:
        # A half-precision convolution rounds ⟨x, w⟩ to 8 or 11 bits, and a difference of such
        # numbers has none left. So this one runs outside autocast.
        # (Autocast knows nothing of the meta device.)
        if self.dtype == x.dtype or x.is_meta:
            return self._product(x, w)
        with torch.autocast(x.device.type, enabled=False):
            return self._product(x, w)

    def _product(self, x: Tensor, w: Tensor) -> Tensor:
        """⟨x, w⟩ of every patch with every filter."""
        raise NotImplementedError

    def _sum_over_patches(self, values: Tensor, total: Total) -> Tensor:
        """Sum `values`, laid out as the input, or their squares over what each patch covers."""
        raise NotImplementedError

    def _l1_distances(self, x: Tensor, w: Tensor) -> Tensor:
        """‖x−w‖₁ of every patch and every filter."""
        raise NotImplementedError

    def _along_filters(self, h: Tensor) -> Tensor:
        raise NotImplementedError


class VectorPair(Pair):
    """Rows against rows: `x` of shape (N, n), `w` of shape (M, n), `dot` of shape (N, M).

    >>> p = VectorPair(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0], [1.0, 2.0]]))
    >>> p.dot, p.dist_sq
    (tensor([[11.,  5.]]), tensor([[8., 0.]]))
    """

    def __init__(self, x: Tensor, w: Tensor) -> None:
        if x.ndim != 2 or w.ndim != 2 or x.shape[1] != w.shape[1]:
            raise ValueError(
                "expected two matrices with rows of one length, "
                f"got shapes {tuple(x.shape)} and {tuple(w.shape)}"
            )
        super().__init__(x, w, x.shape[1], (len(x), len(w)))

    def _product(self, x: Tensor, w: Tensor) -> Tensor:
        return x @ w.T

    def _sum_over_patches(self, values: Tensor, total: Total) -> Tensor:
        return total(values, 1)[:, None]

    def _l1_distances(self, x: Tensor, w: Tensor) -> Tensor:
        return l1_distances(x[:, :, None], w[:, :, None], [1], [1], 1).squeeze(2)

    def _along_filters(self, h: Tensor) -> Tensor:
        return h


class ConvPair(Pair):
    """Every patch of a picture against every filter, in one, two or three dimensions.

    `input` is `(N, C_in, *size)`, `weight` is `(C_out, C_in / groups, *kernel_size)`. `stride` and
    `dilation` have one number per dimension, so has `padding` unless it is 'same' or 'valid'.
    Padding is with zeros; other modes pad the input before it comes here.

    >>> picture = torch.arange(9.0).reshape(1, 1, 3, 3)
    >>> p = ConvPair(picture, torch.ones(1, 1, 2, 2), (1, 1), (0, 0), (1, 1), 1)
    >>> p.dot
    tensor([[[[ 8., 12.],
              [20., 24.]]]])
    """

    def __init__(
        self,
        input: Tensor,
        weight: Tensor,
        stride: tuple[int, ...],
        padding: str | tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
    ) -> None:
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        # How far a filter reaches, and the zeros before and after each dimension. Torch puts the
        # odd one of 'same' at the end.
        self._reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if padding == "same":
            self._pads = [(r // 2, r - r // 2) for r in self._reach]
        elif padding == "valid":
            self._pads = [(0, 0)] * len(self._reach)
        else:
            self._pads = [(int(p), int(p)) for p in padding]
        out = (
            (size + before + after - reach - 1) // s + 1
            for size, (before, after), reach, s in zip(
                input.shape[2:], self._pads, self._reach, stride, strict=True
            )
        )
        shape = (input.shape[0], weight.shape[0], *out)
        super().__init__(input, weight, weight.shape[1:].numel(), shape)

    def _product(self, x: Tensor, w: Tensor) -> Tensor:
        conv = _CONV[w.ndim - 2]
        return conv(x, w, None, self.stride, self.padding, self.dilation, self.groups)

    def _sum_over_patches(self, values: Tensor, total: Total) -> Tensor:
        # The sum over a box is a sum over each side in turn, on one channel per group: about
        # 1/C_out of the convolution. It is not itself a convolution, so TF32 cannot touch it.
        values = total(values.unflatten(1, (self.groups, -1)), 2)
        values = self._pad(values)
        for dim, (reach, step, every) in enumerate(
            zip(self._reach, self.stride, self.dilation, strict=True), start=2
        ):
            # Slices and not `unfold`, whose backward is as wide as the reach, gaps included.
            span = values.shape[dim] - reach
            taps = [slice(k, k + span, step) for k in range(0, reach + 1, every)]
            slices = [values[(slice(None),) * dim + (tap,)] for tap in taps]
            values = functools.reduce(torch.add, slices)
        if self.groups == 1:
            return values
        return values.repeat_interleave(len(self.w) // self.groups, dim=1)

    def _l1_distances(self, x: Tensor, w: Tensor) -> Tensor:
        return l1_distances(self._pad(x), w, list(self.stride), list(self.dilation), self.groups)

    def _pad(self, values: Tensor) -> Tensor:
        zeros = [n for pads in reversed(self._pads) for n in pads]
        return F.pad(values, zeros) if any(zeros) else values

    def _along_filters(self, h: Tensor) -> Tensor:
        return h.view(-1, *[1] * (self.w.ndim - 2))


def autocasts(x: Tensor) -> bool:
    """Whether a convolution would cast `x`: autocast leaves float64 and the meta device alone."""
    device = x.device.type
    return device != "meta" and x.dtype != torch.float64 and torch.is_autocast_enabled(device)


def _widen(t: Tensor) -> Tensor:
    return t.to(torch.promote_types(t.dtype, torch.float32))
