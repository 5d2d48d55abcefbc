"""Turn the convolutions of an existing network into kernel convolutions, and back.

Weights, biases, hooks, modes and ties stay what they are: a new layer takes over the old one's
state as it is, and only its class and its kernel are new.
"""

from __future__ import annotations

import copy
import warnings
import weakref
from collections.abc import Callable
from typing import Any

from torch import nn

from .base import Kernel
from .layers import KernelConv1d, KernelConv2d, KernelConv3d, _KernelConv
from .registry import get_kernel

Conv = nn.modules.conv._ConvNd
Where = str | Callable[[str, Conv], bool]

_KERNEL_CLASS: dict[type, type] = {
    nn.Conv1d: KernelConv1d,
    nn.Conv2d: KernelConv2d,
    nn.Conv3d: KernelConv3d,
}
_PLAIN_CLASS = {kernel_class: plain for plain, kernel_class in _KERNEL_CLASS.items()}
_WHERE = ("all", "spatial", "first")


def convert_model(
    model: nn.Module,
    kernel: Kernel | str | Callable[[str, Conv], Kernel | None],
    *,
    where: Where = "all",
    inplace: bool = False,
) -> nn.Module:
    """Replace the convolutions of `model` by kernel convolutions with the same weights.

    Args:
        model: any module. Exactly `nn.Conv1d`, `nn.Conv2d` and `nn.Conv3d` are replaced; layers
            converted before get the new kernel. Layers that compute otherwise are left alone and
            named in one warning: subclasses, parametrised layers, those whose `forward` was
            replaced, and lazy ones before their first batch.
        kernel: a `Kernel` or a spec, of which every layer gets its own copy; or a callable
            `(name, conv) -> Kernel | None`, where None leaves the layer as it is. (A function of a
            `Pair` becomes a kernel by `FunctionKernel`.)
        where: "all"; "spatial", filters larger than one pixel; "first", the first convolution in
            the order of `named_modules()`, an error if that one cannot be replaced; or a callable
            `(name, conv) -> bool`.
        inplace: change `model` itself, keeping its Parameter objects, instead of a deep copy. A
            model that is itself a convolution cannot change its own class: use what is returned.

    Returns:
        The converted model. With the linear kernel its outputs are bit-identical.

    Raises:
        ValueError: the kernel or `where` is unknown, or no convolution matched.
        TypeError: a callable returned something else than a kernel or None.

    Note:
        torch.fx cannot trace into a kernel layer. Name it as a leaf: torchvision's
        `create_feature_extractor` takes `tracer_kwargs={"leaf_modules": [KernelConv2d]}`.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 1))
    >>> convert_model(net, "gaussian", where="spatial")
    Sequential(
      (0): KernelConv2d(
        3, 8, kernel_size=(3, 3), stride=(1, 1)
        (kernel): GaussianKernel(gamma=0.03704)
      )
      (1): ReLU()
      (2): Conv2d(8, 8, kernel_size=(1, 1), stride=(1, 1))
    )
    """
    choose = _kernel_chooser(kernel)
    matches = _matcher(where)
    if not inplace:
        model = copy.deepcopy(model)
    found, skipped = _convolutions(model)
    if where == "first":
        # The very first convolution decides, even where it cannot be converted.
        first = next((m for m in model.modules() if m in found or m in skipped), None)
        found = {conv: name for conv, name in found.items() if conv is first}
    replacements: dict[nn.Module, nn.Module] = {}
    for conv, name in found.items():
        if not matches(name, conv):
            continue
        chosen = choose(name, conv)
        if chosen is not None:
            replacements[conv] = _with_kernel(conv, chosen)
    if not replacements:
        raise ValueError(_nothing_matched(model, where, found, skipped))
    # Of what `where` asked for: behind a first convolution that was converted, of nothing.
    asked = {m: n for m, n in skipped.items() if where != "first" and matches(n, m)}
    _warn_of_those_left(asked)
    return _replace(model, replacements)


def revert_model(model: nn.Module, *, inplace: bool = False) -> nn.Module:
    """Turn every kernel convolution of `model` back into a plain one with the same weights.

    Args:
        model: any module; one without kernel convolutions comes back unchanged. Subclasses of the
            three layers are left alone and named in one warning.
        inplace: change `model` itself instead of a deep copy.

    >>> revert_model(KernelConv2d(3, 8, 3, kernel="gaussian"))
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
    """
    if not inplace:
        model = copy.deepcopy(model)
    found, skipped = _convolutions(model)
    replacements: dict[nn.Module, nn.Module] = {}
    for layer in found:
        if type(layer) in _PLAIN_CLASS:
            plain = _same_state(layer, _PLAIN_CLASS[type(layer)])
            del plain.kernel
            replacements[layer] = plain
    _warn_of_those_left({m: name for m, name in skipped.items() if isinstance(m, _KernelConv)})
    return _replace(model, replacements)


def _kernel_chooser(kernel: Any) -> Callable[[str, Conv], Kernel | None]:
    if isinstance(kernel, Kernel | str | type) or not callable(kernel):
        fixed = get_kernel(kernel)
        return lambda name, conv: fixed

    def choose(name: str, conv: Conv) -> Kernel | None:
        chosen = kernel(name, conv)
        if chosen is not None and not isinstance(chosen, Kernel):
            raise TypeError(
                "the callable must return a kerv.Kernel or None, "
                f"it returned {chosen!r} for layer {name!r}"
            )
        return chosen

    return choose


def _matcher(where: Where) -> Callable[[str, Conv], bool]:
    if callable(where):
        return where
    if where not in _WHERE:
        raise ValueError(
            f"where must be {', '.join(map(repr, _WHERE))} or a callable(name, conv), got {where!r}"
        )
    if where == "spatial":
        return lambda name, conv: any(size > 1 for size in conv.kernel_size)
    return lambda name, conv: True


def _convolutions(model: nn.Module) -> tuple[dict[Conv, str], dict[Conv, str]]:
    """The convolutions that can be converted and those that cannot, with their names."""
    found: dict[Conv, str] = {}
    skipped: dict[Conv, str] = {}
    for name, module in model.named_modules():
        # Some libraries replace the forward of the one layer instead of its class.
        replaced = not vars(module).keys().isdisjoint({"forward", "_conv_forward"})
        if not replaced and (type(module) in _KERNEL_CLASS or type(module) in _PLAIN_CLASS):
            found[module] = name
        elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            skipped[module] = name
    return found, skipped


def _named(layers: dict[Conv, str]) -> str:
    return ", ".join(f"{name or 'the model'} ({type(m).__name__})" for m, name in layers.items())


def _warn_of_those_left(layers: dict[Conv, str]) -> None:
    if layers:
        warnings.warn(
            "left alone, because they override the computation of nn.Conv, are parametrised, or "
            f"are lazy and have seen no batch yet: {_named(layers)}",
            stacklevel=3,
        )


def _nothing_matched(
    model: nn.Module, where: Where, found: dict[Conv, str], skipped: dict[Conv, str]
) -> str:
    message = f"nothing to convert in {type(model).__name__} with where={where!r}: "
    if found:
        shown = [f"{name or 'the model'} {tuple(conv.kernel_size)}" for conv, name in found.items()]
        more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
        message += f"looked at {len(shown)} convolutions, {', '.join(shown[:8])}{more}"
    else:
        message += "it holds no nn.Conv1d, nn.Conv2d or nn.Conv3d that computes as torch's own"
    if skipped:
        message += f"; left alone: {_named(skipped)}"
    return message


def _with_kernel(conv: Conv, kernel: Kernel) -> _KernelConv:
    layer = _same_state(conv, _KERNEL_CLASS.get(type(conv), type(conv)))
    layer.take_kernel(kernel)
    return layer


def _same_state(module: nn.Module, new_class: Any) -> Any:
    """An object of another class over the same parameters, buffers, hooks and flags."""
    new = new_class.__new__(new_class)
    new.__dict__.update(module.__dict__)
    # The kernel is a child module: adding or removing it must not reach the old layer.
    new.__dict__["_modules"] = dict(module._modules)
    return new


def _replace(model: nn.Module, replacements: dict[nn.Module, nn.Module]) -> nn.Module:
    for new in replacements.values():
        # Torch hands these hooks their layer, which it knows by a weak reference.
        for hook in vars(new)["_load_state_dict_pre_hooks"].values():
            if hook.with_module:
                hook.module = weakref.ref(new)
    # A tied layer hangs under several names, so every parent and name is visited.
    for parent in list(model.modules()):
        for name, child in parent._modules.items():
            if child in replacements:
                parent._modules[name] = replacements[child]
    return replacements.get(model, model)
