"""What a kernel is, and how kernels are combined.

A kernel κ(x, w) says how alike a patch x and a filter w are, by a formula in the numbers of a
`Pair`. To write one of your own, subclass `Kernel` and say how to compute it:

>>> import torch
>>> class Quadratic(Kernel):
...     def forward(self, p):
...         return p.dot + p.dot**2
>>> Quadratic().gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
tensor([[132.]])
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

from torch import Tensor, nn

from .hyper import Hyper
from .pair import Pair, VectorPair


class Kernel(nn.Module):
    """Base class. A subclass writes `forward(p)`, and keeps its hyper-parameters as `Hyper`.

    `forward` gets a `Pair` and returns a tensor that broadcasts to `p.dot`, built from `p` and the
    hyper-parameters alone, differentiable, changing nothing of `p` in place. The same method then
    serves layers of one, two and three dimensions and Gram matrices.

    Kernels can be added and multiplied, with each other and with numbers:

    >>> import torch
    >>> from kerv import LinearKernel, PolynomialKernel
    >>> (LinearKernel() + 0.5 * PolynomialKernel(degree=2)).gram(torch.eye(2), torch.eye(2))
    tensor([[3.0000, 0.5000],
            [0.5000, 3.0000]])
    """

    def forward(self, p: Pair) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, p)")

    def gram(self, x: Tensor, w: Tensor) -> Tensor:
        """κ of every row of `x` (N, n) with every row of `w` (M, n): a matrix (N, M).

        A gamma of None means 1/n here, and stays None. Kernels of a norm or a distance return at
        least float32.

        Raises:
            ValueError: `x` and `w` are not matrices with rows of one length, or the kernel has one
                value for each filter of a layer and `w` another number of rows.
        """
        pair = VectorPair(x, w)
        return self(pair).expand(pair.shape)

    def bind(self, fan_in: int, out_channels: int) -> None:
        """Fill in what only a layer knows: the length of a filter, and how many there are.

        Raises:
            ValueError: a hyper-parameter has one value per filter, and of another number of them.
        """
        for module in self.modules():
            if isinstance(module, Hyper):
                module.bind(fan_in, out_channels)

    def reset_parameters(self) -> None:
        """Set every hyper-parameter back to its starting value."""
        for module in self.modules():
            if isinstance(module, Hyper):
                module.reset_parameters()

    def __add__(self, other: Kernel | float) -> Kernel:
        term = _term("shift", other)
        return NotImplemented if term is None else SumKernel(self, term)

    def __mul__(self, other: Kernel | float) -> Kernel:
        term = _term("scale", other)
        return NotImplemented if term is None else ProductKernel(self, term)

    __radd__ = __add__
    __rmul__ = __mul__

    def extra_repr(self) -> str:
        return ", ".join(m.describe() for m in self.children() if isinstance(m, Hyper))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


class FunctionKernel(Kernel):
    """A kernel from a callable that maps a `Pair` to a tensor.

    Args:
        fn: what `Kernel.forward` would be. With a lambda the kernel cannot be pickled.

    Raises:
        TypeError: `fn` is not callable.

    >>> import torch
    >>> FunctionKernel(lambda p: p.dot.relu()).gram(-torch.ones(1, 2), torch.ones(1, 2))
    tensor([[0.]])
    """

    def __init__(self, fn: Callable[[Pair], Tensor]) -> None:
        super().__init__()
        if not callable(fn):
            raise TypeError(f"FunctionKernel needs a callable of one Pair, got {fn!r}")
        self.fn = fn

    def forward(self, p: Pair) -> Tensor:
        return self.fn(p)

    def extra_repr(self) -> str:
        return getattr(self.fn, "__qualname__", repr(self.fn))


class SumKernel(Kernel):
    """The sum of two kernels, or of a kernel and a number: what `k1 + k2` and `k + 1` give.

    Both kernels ask one pair, so what both need is computed once: two kernels of the dot product or
    of the distance cost one convolution. A `CorrelationKernel` beside another costs a second one
    (`p.centred_dot`), an L1 kernel its distances, and under autocast `p.dot` and `p.wide_dot` are
    two. A sum of positive definite kernels is positive definite; there is no minus: write
    `k1 + -1 * k2`.

    >>> from kerv import LinearKernel, PolynomialKernel
    >>> LinearKernel() + PolynomialKernel(degree=2)
    SumKernel(LinearKernel(), PolynomialKernel(degree=2, c=1))
    """

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, p: Pair) -> Tensor:
        return self.first(p) + self.second(p)

    def extra_repr(self) -> str:
        return f"{self.first!r}, {self.second!r}"


class ProductKernel(SumKernel):
    """The product of two kernels, or of a kernel and a number: what `k1 * k2` and `2 * k` give.

    Its cost is that of `SumKernel`. A product of positive definite kernels is positive definite.

    >>> from kerv import LinearKernel
    >>> 2 * LinearKernel()
    ProductKernel(LinearKernel(), scale=2)
    """

    def forward(self, p: Pair) -> Tensor:
        return self.first(p) * self.second(p)


def _term(name: str, value: object) -> nn.Module | None:
    """What a kernel may be added to or multiplied by. A `Hyper`, too, maps a pair to a tensor."""
    if isinstance(value, Kernel):
        return value
    if isinstance(value, Real) and not isinstance(value, bool):
        return Hyper(name, float(value))
    return None


KernelLike = Kernel | str | Callable[[Pair], Tensor]
