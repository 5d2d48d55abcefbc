"""A check of a kernel of your own: does it keep the promises that layers rely on?

>>> import kerv
>>> check_kernel(lambda p: p.dot + p.dot**2)
>>> check_kernel(lambda p: p.dot.sum())
Traceback (most recent call last):
AssertionError: patch by patch: the answer to a patch depends on the patches beside it
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import torch
from torch import Tensor

from . import functional
from .base import FunctionKernel, Kernel, KernelLike
from .pair import VectorPair
from .registry import get_kernel


def check_kernel(kernel: KernelLike) -> None:
    """Check that a kernel keeps the contract of `kerv.Kernel`, rule by rule.

    The rules, by name. *parameters*: what it learns are Parameters and get a gradient, its other
    tensors are buffers. *type*, *shape*, *finite*: it gives floating-point numbers that broadcast
    to `p.dot`, none of them infinite or NaN. *in place*, *deterministic*: it changes nothing it is
    given, keeps no memory and draws no lots. *patch by patch*: an answer depends on one patch.
    *one kernel*: rows, patches of one to three dimensions and grouped filters are the same to it.
    *gradient*: its gradients are right, and finite where the patch equals the filter or is 0.
    *copies*: it can be copied and pickled; a plain callable need not pickle.

    Args:
        kernel: a `Kernel`, a spec, or a callable of a `Pair`.

    Raises:
        AssertionError: the name of the first broken rule, and what was seen.
        ValueError: it serves a layer already, with one value for each filter there; or there is no
            kernel of this spec.
        TypeError: `kernel` is none of the three.

    What the kernel's own `forward` raises comes through as it is. All is computed in float64.
    """
    original = get_kernel(kernel)
    # On the CPU alone: torch.manual_seed would seed every GPU, and not give the old seeds back.
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(0)
        _check_tensors_are_registered(original)
        try:
            kernel = copy.deepcopy(original)
        except Exception as error:
            raise AssertionError(f"copies: it cannot be copied: {error}") from error
        # A hyper-parameter per filter gets its length here: four filters everywhere below.
        try:
            kernel.bind(6, 4)
        except ValueError as error:
            raise ValueError(
                f"{original!r} does not fit the four filters of this check; "
                "give it a kernel that serves no layer yet"
            ) from error
        kernel.to("cpu", torch.float64)
        x, w = torch.randn(5, 6).double(), torch.randn(4, 6).double()
        _check_output(kernel, x, w)
        _check_nothing_changes(kernel, x, w)
        _assert(
            torch.allclose(kernel.gram(x[:1], w), kernel.gram(x, w)[:1]),
            "patch by patch",
            "the answer to a patch depends on the patches beside it",
        )
        for check in (_check_one_kernel, _check_groups, _check_gradients, _check_copies):
            check(kernel, x, w)


def _assert(holds: object, rule: str, message: str) -> None:
    if not holds:
        raise AssertionError(f"{rule}: {message}")


def _check_output(kernel: Kernel, x: Tensor, w: Tensor) -> None:
    pair = VectorPair(x, w)
    y = kernel(pair)
    _assert(isinstance(y, Tensor), "type", f"the kernel gave {type(y).__name__}, not a tensor")
    try:
        fits = torch.broadcast_shapes(y.shape, pair.shape) == torch.Size(pair.shape)
    except RuntimeError:
        fits = False
    _assert(
        fits,
        "shape",
        f"for 5 patches and 4 filters the kernel gave a tensor of shape {tuple(y.shape)}, "
        "which must broadcast to p.dot, (5, 4)",
    )
    _assert(y.is_floating_point(), "type", f"the kernel gave {y.dtype}, not floating point")
    for name, rows in {"random": x, "zero": torch.zeros_like(x), "the filter's": w}.items():
        values = kernel(VectorPair(rows, w))
        _assert(values.isfinite().all(), "finite", f"for {name} patches: {values.tolist()}")


def _check_nothing_changes(kernel: Kernel, x: Tensor, w: Tensor) -> None:
    state = copy.deepcopy(kernel.state_dict())
    pair, untouched = VectorPair(x, w), VectorPair(x.clone(), w.clone())
    first = kernel(pair)
    numbers = "dot", "centred_dot", "x_sq", "w_sq", "x_sum", "w_sum", "dist_sq", "l1"
    for name in ("x", "w", *numbers):
        same = torch.allclose(getattr(pair, name), getattr(untouched, name))
        _assert(same, "in place", f"the kernel changed p.{name}; write p.{name} + 1, not +=")
    _assert(
        torch.equal(first, kernel(VectorPair(x, w))),
        "deterministic",
        "two calls with the same patches and filters gave different answers",
    )
    for key, value in kernel.state_dict().items():
        _assert(torch.equal(value, state[key]), "deterministic", f"a call changed {key}")


def _check_one_kernel(kernel: Kernel, x: Tensor, w: Tensor) -> None:
    convolutions = {
        functional.kernel_conv1d: (6,),
        functional.kernel_conv2d: (3, 2),
        functional.kernel_conv3d: (3, 2, 1),
    }
    for convolve, shape in convolutions.items():
        try:
            y = convolve(x.reshape(5, 1, *shape), w.reshape(4, 1, *shape), kernel=kernel)
        except (RuntimeError, ValueError) as error:
            raise AssertionError(f"one kernel: in {convolve.__name__}, {error}") from error
        _assert(
            torch.allclose(y.flatten(1), kernel.gram(x, w)),
            "one kernel",
            f"{convolve.__name__} and gram() answer differently for the same patches and filters; "
            "use p.per_filter for a number per filter, and p.n for the length of a patch",
        )


def _check_groups(kernel: Kernel, x: Tensor, w: Tensor) -> None:
    # Filters 0 and 1 see the first half of a patch, 2 and 3 the second.
    halves = (x, 2 * x + 1)
    patches, filters = torch.cat(halves, dim=1)[:, :, None], w[:, :, None]
    y = functional.kernel_conv1d(patches, filters, groups=2, kernel=kernel).flatten(1)
    expected = [kernel.gram(half, w) for half in halves]
    _assert(
        torch.allclose(y, torch.cat([expected[0][:, :2], expected[1][:, 2:]], dim=1)),
        "one kernel",
        "grouped filters answer differently from the same filters without groups",
    )


def _check_gradients(kernel: Kernel, x: Tensor, w: Tensor) -> None:
    learned = dict(kernel.named_parameters())
    names, values = list(learned), list(learned.values())

    def response(x: Tensor, w: Tensor, *hyper: Tensor) -> Tensor:
        given = dict(zip(names, hyper, strict=True))
        return torch.func.functional_call(kernel, given, (VectorPair(x, w),)).expand(len(x), 4)

    inputs = [t.detach().clone().requires_grad_() for t in (x, w, *values)]
    y = response(*inputs)
    _assert(y.requires_grad, "gradient", "neither patches nor filters get one")
    found = torch.autograd.grad(y.sum(), inputs, allow_unused=True)
    _assert(any(g is not None for g in found[:2]), "gradient", "only hyper-parameters get one")
    for name, gradient in zip(names, found[2:], strict=True):
        _assert(gradient is not None, "parameters", f"{name} gets no gradient")
    try:
        torch.autograd.gradcheck(response, inputs)
    except RuntimeError as error:
        raise AssertionError(f"gradient: {str(error).splitlines()[0]}") from error
    # Whole numbers, so that no rounding hides a distance of exactly 0.
    whole = w.mul(4).round()
    for where, rows in {"the patch equals the filter": whole, "the patch is 0": 0 * w}.items():
        points = [t.detach().clone().requires_grad_() for t in (rows, whole)]
        total = response(*points, *values).sum()
        for gradient in torch.autograd.grad(total, points, allow_unused=True):
            finite = gradient is None or gradient.isfinite().all()
            _assert(finite, "gradient", f"it is not finite where {where}")


def _check_copies(kernel: Kernel, x: Tensor, w: Tensor) -> None:
    make: dict[str, Callable[[Kernel], Kernel]] = {"copied": copy.deepcopy}
    if not any(isinstance(m, FunctionKernel) for m in kernel.modules()):
        make["pickled"] = lambda k: pickle.loads(pickle.dumps(k))
    for name, copied in make.items():
        try:
            twin = copied(kernel)
        except Exception as error:
            raise AssertionError(f"copies: it cannot be {name}: {error}") from error
        same = torch.equal(twin.gram(x, w), kernel.gram(x, w))
        _assert(same, "copies", f"{name}, it answers differently")


def _check_tensors_are_registered(kernel: Kernel) -> None:
    for path, module in kernel.named_modules():
        for name, value in vars(module).items():
            _assert(
                not isinstance(value, Tensor),
                "parameters",
                f"{path + '.' if path else ''}{name} is a plain tensor, which .to(), state_dict() "
                "and optimisers do not see: make it a Hyper, an nn.Parameter or a buffer",
            )
