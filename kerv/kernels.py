"""Kernels κ(x, w): how alike are a patch x and a filter w?

Each kernel is a formula in the numbers of a `Pair`. To write one of your own, subclass `Kernel` and
say how to compute it:

>>> import torch
>>> class Quadratic(Kernel):
...     def forward(self, p):
...         return p.dot + p.dot**2
>>> Quadratic().gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
tensor([[132.]])
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from numbers import Real
from typing import Any

from torch import Tensor, nn

from . import tails
from .hyper import Hyper
from .pair import Pair, VectorPair


class Kernel(nn.Module):
    """Base class. A subclass writes `forward(p)`, and keeps its hyper-parameters as `Hyper`.

    `forward` gets a `Pair` and returns a tensor that broadcasts to `p.dot`, built from `p` and the
    hyper-parameters alone, differentiable, changing nothing of `p` in place. The same method then
    serves layers of one, two and three dimensions and Gram matrices.

    Kernels can be added, multiplied, and scaled by a number:

    >>> import torch
    >>> (LinearKernel() + 0.5 * PolynomialKernel(degree=2)).gram(torch.eye(2), torch.eye(2))
    tensor([[3.0000, 0.5000],
            [0.5000, 3.0000]])
    """

    def forward(self, p: Pair) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, p)")

    def gram(self, x: Tensor, w: Tensor) -> Tensor:
        """κ of every row of `x` (N, n) with every row of `w` (M, n): a matrix (N, M).

        Raises:
            ValueError: `x` and `w` are not matrices with rows of one length.
        """
        pair = VectorPair(x, w)
        return self(pair).expand(pair.shape)

    def bind(self, fan_in: int, out_channels: int) -> None:
        """Fill in what only a layer knows: the length of a filter, and how many there are."""
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


class LinearKernel(Kernel):
    """⟨x, w⟩: plain convolution.

    A layer with this kernel makes torch's own convolution call, so its results are those of
    `nn.Conv2d` to the last bit. scikit-learn: `linear_kernel`.

    >>> import torch
    >>> LinearKernel().gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([[11.]])
    """

    def forward(self, p: Pair) -> Tensor:
        return p.dot


class PolynomialKernel(Kernel):
    """(⟨x, w⟩ + c)^degree, with c any real number and degree 1, 2, 3, …

    It weighs all products of up to `degree` pixels of a patch; the smaller c, the more the
    highest order counts. It is a positive definite kernel for c ≥ 0. Being a function of ⟨x, w⟩
    alone, it is a convolution followed by a pointwise power. scikit-learn: `polynomial_kernel`
    with gamma=1, where c is `coef0`. Source: Wang et al., Kervolutional Neural Networks, CVPR
    2019, equation for the polynomial kernel (c_p and d_p there).

    Args:
        degree: the power, an int of at least 1.
        c: the constant inside the power.
        learnable: whether an optimiser may change c.
        per_channel: one c per filter instead of one for the layer.

    Raises:
        TypeError: `degree` is not an int, or `c` is not a number.
        ValueError: `degree` is less than 1, or `c` is not finite.

    >>> import torch
    >>> PolynomialKernel(degree=2, c=1).gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([[144.]])
    """

    def __init__(
        self,
        degree: int = 3,
        c: float = 1.0,
        *,
        learnable: bool = False,
        per_channel: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(degree, int) or isinstance(degree, bool):
            raise TypeError(f"degree must be an int, got {degree!r}")
        if degree < 1:
            raise ValueError(f"degree must be at least 1, got {degree}")
        self.degree = degree
        self.c = Hyper("c", c, learnable=learnable, per_channel=per_channel)

    def forward(self, p: Pair) -> Tensor:
        return (p.dot + self.c(p)) ** self.degree

    def extra_repr(self) -> str:
        return f"degree={self.degree}, {super().extra_repr()}"


class GaussianKernel(Kernel):
    """exp(−gamma ‖x−w‖²), between 0 (far away) and 1 (the patch equals the filter).

    As exp(−gamma ‖x‖²) · exp(2 gamma ⟨x, w⟩) · exp(−gamma ‖w‖²) it is a convolution, an
    exponential, and one gain per place that all filters share. Distances, and this kernel, are
    computed in at least float32 even under autocast; see `Pair` for what is still lost.
    scikit-learn: `rbf_kernel`. Source: Wang et al., Kervolutional Neural Networks, CVPR 2019
    (gamma_g there); as a network unit, Broomhead & Lowe 1988.

    Args:
        gamma: how fast likeness falls with distance, greater than 0. None means 1/n, n the length
            of a patch. A gamma of 1 on 64 channels of 3×3 returns exactly 0 nearly everywhere.
        learnable: whether an optimiser may change gamma.
        per_channel: one gamma per filter instead of one for the layer.

    Raises:
        TypeError: `gamma` is not a number.
        ValueError: `gamma` is not finite or not greater than 0.

    >>> import torch
    >>> GaussianKernel(gamma=0.5).gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]]))
    tensor([[0.1353]])
    """

    def __init__(
        self,
        gamma: float | None = None,
        *,
        learnable: bool = False,
        per_channel: bool = False,
    ) -> None:
        super().__init__()
        self.gamma = Hyper(
            "gamma", gamma, learnable=learnable, per_channel=per_channel, positive=True
        )

    def forward(self, p: Pair) -> Tensor:
        return tails.gaussian(p.wide_dot, p.x_sq, p.w_sq, self.gamma(p))


RBFKernel = GaussianKernel


class SigmoidKernel(Kernel):
    """tanh(gamma ⟨x, w⟩ + c), between −1 and 1.

    It is a convolution followed by tanh, and not positive definite. scikit-learn: `sigmoid_kernel`
    with its gamma, where c is `coef0`. Source: the authors' code of 2018 for Wang et al.,
    Kervolutional Neural Networks, CVPR 2019.

    Args:
        gamma: the slope, greater than 0.
        c: the shift, any real number.
        learnable: whether an optimiser may change gamma and c.
        per_channel: one gamma and one c per filter instead of one for the layer.

    Raises:
        TypeError: `gamma` or `c` is not a number.
        ValueError: `gamma` is not greater than 0, or one of the two is not finite.

    >>> import torch
    >>> SigmoidKernel().gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, 0.0]]))
    tensor([[0.4621]])
    """

    def __init__(
        self,
        gamma: float = 1.0,
        c: float = 0.0,
        *,
        learnable: bool = False,
        per_channel: bool = False,
    ) -> None:
        super().__init__()
        if gamma is None:
            raise TypeError("gamma must be a number, got None")
        self.gamma = Hyper(
            "gamma", gamma, learnable=learnable, per_channel=per_channel, positive=True
        )
        self.c = Hyper("c", c, learnable=learnable, per_channel=per_channel)

    def forward(self, p: Pair) -> Tensor:
        return tails.scaled_tanh(p.dot, self.gamma(p), self.c(p))


class FunctionKernel(Kernel):
    """A kernel from a callable that maps a `Pair` to a tensor.

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
    """The sum of two kernels, over one and the same pair: still one convolution.

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
    """The product of two kernels, or of a kernel and a number.

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


_KERNELS: dict[str, Callable[..., Kernel]] = {
    "linear": LinearKernel,
    "polynomial": PolynomialKernel,
    "gaussian": GaussianKernel,
    "sigmoid": SigmoidKernel,
}
_ALIASES = {"poly": "polynomial", "rbf": "gaussian"}

KernelLike = Kernel | str | Callable[[Pair], Tensor]


def kernel_names() -> list[str]:
    """The names that `get_kernel` takes. Each works without arguments.

    >>> kernel_names()
    ['linear', 'polynomial', 'gaussian', 'sigmoid']
    """
    return list(_KERNELS)


def get_kernel(spec: KernelLike) -> Kernel:
    """A kernel from a name with arguments, as the command line takes it.

    Args:
        spec: `"name"` or `"name:argument=value,argument=value"`; a `Kernel`, which comes back as it
            is; or a callable, which becomes a `FunctionKernel`.

    Raises:
        ValueError: the name or an argument is unknown; the message lists those that are known.
        TypeError: `spec` is none of the three.

    >>> get_kernel("polynomial:degree=2,c=0.5")
    PolynomialKernel(degree=2, c=0.5)
    >>> get_kernel("rbf:learnable=true")
    GaussianKernel(gamma=1/n (learnable))
    """
    if isinstance(spec, Kernel):
        return spec
    if isinstance(spec, type):
        raise TypeError(
            f"expected a kernel, got the class {spec.__name__}: write {spec.__name__}()"
        )
    if callable(spec):
        return FunctionKernel(spec)
    if not isinstance(spec, str):
        raise TypeError(f"expected a kernel, its name or a callable, got {spec!r}")
    name, _, arguments = spec.partition(":")
    name = name.strip()
    make = _KERNELS.get(_ALIASES.get(name, name))
    if make is None:
        raise ValueError(f"unknown kernel {name!r}; the kernels are {', '.join(_KERNELS)}")
    # nn.Module's own signature, (*args, **kwargs), stands for a kernel without arguments.
    parameters = inspect.signature(make).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    options: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in arguments.split(","))):
        key, equals, text = (piece.strip() for piece in part.partition("="))
        if not equals or not text:
            raise ValueError(f"expected argument=value in kernel {spec!r}, got {part!r}")
        if key not in known:
            valid = ", ".join(known) if known else "none"
            raise ValueError(f"kernel {name!r} has no argument {key!r}; its arguments are: {valid}")
        if key in options:
            raise ValueError(f"argument {key!r} stands twice in kernel {spec!r}")
        options[key] = _parse_value(text)
    return make(**options)


def _parse_value(text: str) -> bool | int | float | str | None:
    words: dict[str, bool | None] = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text
