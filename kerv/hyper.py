"""Hyper-parameters of kernels: fixed or learnable, one value or one per filter."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real

import torch
from torch import Tensor, nn

from .pair import Pair


def checked(name: str, value: float, positive: bool) -> float:
    """`value` as a float, if it is a finite number, and greater than 0 where `positive`."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value) or (positive and value <= 0):
        kind = "a finite number greater than 0" if positive else "a finite number"
        raise ValueError(f"{name} must be {kind}, got {value!r}")
    return float(value)


class Hyper(nn.Module):
    """One hyper-parameter of a kernel, such as gamma in exp(−gamma ‖x−w‖²).

    A learnable one is a Parameter and a fixed one a buffer, both under the state-dict key `raw`.
    So "unfreeze everything" never changes a fixed value, and a fixed kernel adds no parameter.
    A positive one is stored as its logarithm, so that no optimiser step can make it negative.

    Args:
        name: what error messages call it.
        value: its start. None means 1/n, n the length of a patch, known once a layer binds it.
        learnable: whether an optimiser may change it.
        per_channel: one value for each filter of the layer, instead of one for all.
        positive: whether it must be greater than 0.

    Raises:
        TypeError: `value` is not a number.
        ValueError: `value` is not finite, or not greater than 0 where `positive`.

    Note:
        A learnable number is a parameter without a dimension, which torch's `fully_shard` refuses.
        One per channel has a dimension.

    >>> Hyper("gamma", 0.5, positive=True).value()
    tensor(0.5000, dtype=torch.float64)
    """

    raw: Tensor | None

    def __init__(
        self,
        name: str,
        value: float | None,
        *,
        learnable: bool = False,
        per_channel: bool = False,
        positive: bool = False,
    ) -> None:
        super().__init__()
        self.name = name
        self.start = None if value is None else checked(name, value, positive)
        self.learnable = learnable
        self.per_channel = per_channel
        self.positive = positive
        # Float64 until a layer casts it to its own type: a 0-dim tensor does not widen the result.
        self._store(None if value is None else torch.empty((), dtype=torch.float64))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Go back to the starting value."""
        if self.raw is not None and self.start is not None:
            self.fill(self.start)

    def bind(self, fan_in: int, out_channels: int) -> None:
        """Fill in what only the layer knows: a start of None, and the number of filters.

        Raises:
            ValueError: it has one value per filter already, and of another number of them.
        """
        if self.start is None:
            self.start = 1 / fan_in
            self._store(torch.empty((), dtype=torch.float64))
            self.reset_parameters()
        assert self.raw is not None
        if not self.per_channel or self.raw.shape == (out_channels,):
            return
        if self.raw.ndim > 0:
            raise ValueError(
                f"{self.name} has one value for each of {len(self.raw)} filters, "
                f"the layer has {out_channels}; give the layer a new kernel"
            )
        self._store(self.raw.detach().repeat(out_channels))

    def value(self) -> Tensor:
        """The effective value: shape () or (out_channels,).

        Raises:
            RuntimeError: it began as None, and no layer has bound it yet.
        """
        raw = self._stored()
        return raw.exp() if self.positive else raw

    def fill(self, value: float) -> None:
        """Set every effective value; the start, to which `reset_parameters` goes back, stays.

        Raises:
            TypeError: `value` is not a number.
            ValueError: `value` is not finite, or not greater than 0 where `positive`.
            RuntimeError: it began as None, and no layer has bound it yet.
        """
        value = checked(self.name, value, self.positive)
        with torch.no_grad():
            self._stored().fill_(math.log(value) if self.positive else value)

    def forward(self, p: Pair) -> Tensor:
        """The effective value, in a shape that broadcasts to `p.dot`."""
        if self.raw is None:
            return torch.full((), 1 / p.n, dtype=torch.float64, device=p.x.device)
        return p.per_filter(self.value())

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Hyper:
        # `to_empty` gives a layer from the meta device memory that holds anything. A plain
        # convolution's state would leave that here.
        empty = self.raw is not None and self.raw.is_meta
        super()._apply(fn, recurse)
        if empty and not self._stored().is_meta:
            self.reset_parameters()
        return self

    def _stored(self) -> Tensor:
        if self.raw is None:
            raise RuntimeError(
                f"{self.name} has no value yet: it becomes 1/n when a layer takes the kernel"
            )
        return self.raw

    def _store(self, raw: Tensor | None) -> None:
        if self.learnable:
            self.register_parameter("raw", None if raw is None else nn.Parameter(raw))
        else:
            self.register_buffer("raw", raw)

    def __repr__(self) -> str:
        return self.describe()

    def describe(self) -> str:
        """`gamma=0.5` for a repr, with what is special about it.

        >>> Hyper("c", 1, learnable=True).describe()
        'c=1 (learnable)'
        """
        if self.raw is None:
            shown = "1/n"
        else:
            try:
                values = self.value().detach().flatten().tolist()
                low, high = f"{min(values):.4g}", f"{max(values):.4g}"
                shown = low if low == high else f"{low}…{high}"
            except RuntimeError:  # meta and fake tensors have no values
                shown = "?"
        notes = [
            note
            for note, is_so in [("learnable", self.learnable), ("per filter", self.per_channel)]
            if is_so
        ]
        return f"{self.name}={shown}" + (f" ({', '.join(notes)})" if notes else "")
