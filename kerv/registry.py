"""Kernels by name, as the command line and the layers take them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .base import FunctionKernel, Kernel, KernelLike
from .kernels import (
    ArcCosineKernel,
    CorrelationKernel,
    CosineKernel,
    GaussianKernel,
    LaplacianKernel,
    LinearKernel,
    LpNormKernel,
    PolynomialKernel,
    RationalQuadraticKernel,
    SigmoidKernel,
)

_KERNELS: dict[str, Callable[..., Kernel]] = {
    "linear": LinearKernel,
    "polynomial": PolynomialKernel,
    "gaussian": GaussianKernel,
    "sigmoid": SigmoidKernel,
    "l1": functools.partial(LpNormKernel, 1),
    "l2": functools.partial(LpNormKernel, 2),
    "laplacian": LaplacianKernel,
    "rational_quadratic": RationalQuadraticKernel,
    "cosine": CosineKernel,
    "correlation": CorrelationKernel,
    "arc_cosine": ArcCosineKernel,
}
_ALIASES = {"poly": "polynomial", "rbf": "gaussian"}


def kernel_names() -> list[str]:
    """The names that `get_kernel` takes, besides "poly" and "rbf". Each works without arguments.

    >>> kernel_names()[:4]
    ['linear', 'polynomial', 'gaussian', 'sigmoid']
    """
    return list(_KERNELS)


def kernel_name(spec: str) -> str:
    """The name of the kernel that a spec stands for, one of `kernel_names`.

    Raises:
        ValueError, TypeError: as `get_kernel` does.

    >>> kernel_name("rbf:gamma=2")
    'gaussian'
    """
    get_kernel(spec)
    name = spec.partition(":")[0].strip()
    return _ALIASES.get(name, name)


def get_kernel(spec: KernelLike) -> Kernel:
    """A kernel from a name with arguments, as the command line takes it.

    Args:
        spec: `"name"` or `"name:argument=value,argument=value"`; a `Kernel`, which comes back as it
            is; or a callable, which becomes a `FunctionKernel`.

    Raises:
        ValueError: the name or an argument is unknown, and the message lists those that are known;
            or a value is out of range, an argument stands twice, or it is not `argument=value`.
        TypeError: `spec` is none of the three, or an argument is of the wrong type.

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
    known = {
        p.name: p.default
        for p in inspect.signature(make).parameters.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }
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
        if isinstance(known[key], bool) and not isinstance(options[key], bool):
            raise ValueError(f"{key} must be true or false in kernel {spec!r}, got {text!r}")
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
