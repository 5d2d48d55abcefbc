"""Filters and hyper-parameters from data, for kernels that answer a distance.

Random filters are far from every patch, and all about equally far: a Gaussian layer then answers
nearly the same in all its channels. Filters that are patches lie where the data is, and the median
distance says how fast the kernel has to fall.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .hyper import checked
from .kernels import GaussianKernel, LaplacianKernel, LpNormKernel, RationalQuadraticKernel
from .l1 import windows
from .layers import _KernelConv
from .pair import VectorPair

_OF_A_DISTANCE = (GaussianKernel, LaplacianKernel, LpNormKernel, RationalQuadraticKernel)
# Patches that the median distance is taken over.
_SAMPLE = 1000


@torch.no_grad()
def init_from_data(model: nn.Module, batch: Tensor, *, scale: float = 1.0, seed: int = 0) -> None:
    """Set the filters of distance kernels to patches of the data, and gamma by their median.

    The batch goes through the network once, in training mode. On its way, each kernel layer whose
    kernel answers a distance (Gaussian, rational quadratic, Laplacian, L1, L2) gets as filters
    different patches of its own input, drawn at random, and gamma = scale / median ‖x−w‖², for the
    Laplacian scale / median ‖x−w‖₁, over up to 1000 other patches and the filters. For a Gaussian
    with `normalized` both are scaled to norm 1 first. Every gamma is set: a fixed one, one per
    filter, and those of kernels inside a sum or a product. The layers after it see what it answers
    then.

    Nothing else changes: not the biases, the other layers, the running statistics of norms, the
    modes, or torch's random state. After an error, nothing has changed.

    Args:
        model: a network with kernel layers.
        batch: input for it, as in training; some hundred pictures are plenty.
        scale: the factor in these formulas, greater than 0.
        seed: of the choice of patches.

    Raises:
        TypeError: `scale` is not a number.
        ValueError: `scale` is not finite or not greater than 0; the network has no layer with such
            a kernel, or the batch reaches none; the filters of one are computed from other
            parameters; a layer's input is not finite, has too few different patches, or most of
            them are equal.

    >>> import torch, kerv
    >>> net = kerv.KernelConv2d(1, 4, 3, kernel="gaussian")
    >>> init_from_data(net, torch.rand(8, 1, 12, 12))
    >>> net(torch.rand(8, 1, 12, 12)).std() > 0.01
    tensor(True)
    """
    scale = checked("scale", scale, positive=True)
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _KernelConv) and _distance_kernels(module)
    }
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no kernel layer of a distance: "
            f"{', '.join(kernel.__name__ for kernel in _OF_A_DISTANCE)}"
        )
    for name, layer in layers.items():
        if "weight" not in layer._parameters:
            raise ValueError(
                f"the filters of layer {name!r} are computed from other parameters and cannot be "
                "set: take them from the data before weight_norm, pruning and the like"
            )
    generator = torch.Generator().manual_seed(seed)
    reached = set()

    def set_up(name: str, layer: _KernelConv, input: Tensor) -> None:
        # A layer that is used twice is set up where it is used first.
        if name not in reached:
            reached.add(name)
            _init_layer(name, layer, input, scale, generator)

    hooks = [
        layer.register_forward_pre_hook(
            lambda layer, args, kwargs, name=name: set_up(name, layer, *args, **kwargs),
            with_kwargs=True,
        )
        for name, layer in layers.items()
    ]
    start = {layer: copy.deepcopy(layer.state_dict()) for layer in layers.values()}
    inside = {id(m) for layer in layers.values() for m in layer.modules()}
    others = [module for module in model.modules() if id(module) not in inside]
    buffers = [(m, n, b, b.clone()) for m in others for n, b in m.named_buffers(recurse=False)]
    modes = {module: module.training for module in model.modules()}
    try:
        model.train()
        with torch.random.fork_rng([batch.device] if batch.is_cuda else []):
            model(batch)
    except BaseException:
        for layer, state in start.items():
            layer.load_state_dict(state)
        raise
    finally:
        for hook in hooks:
            hook.remove()
        for module, name, buffer, value in buffers:
            setattr(module, name, buffer.copy_(value))
        for module, mode in modes.items():
            module.training = mode
    if not reached:
        raise ValueError(f"the batch reached none of the layers {', '.join(layers)}")


def _init_layer(
    name: str, layer: _KernelConv, input: Tensor, scale: float, generator: torch.Generator
) -> None:
    patches = _draw_patches(layer, input, _SAMPLE, generator)
    if not patches.isfinite().all():
        raise ValueError(f"layer {name!r}: its input holds NaN or infinity")
    filters = layer.out_channels // layer.groups
    first = [_first_of_each(rows)[:filters] for rows in patches]
    fewest = min(map(len, first))
    if fewest < filters or patches.shape[1] == filters:
        raise ValueError(
            f"layer {name!r} has {filters} filters, and {patches.shape[1]} patches of its input "
            f"{tuple(input.shape)} hold only {fewest} different ones: use a larger batch"
        )
    chosen = torch.stack([rows[index] for rows, index in zip(patches, first, strict=True)])
    layer.weight.copy_(chosen.reshape(layer.weight.shape))
    others = [
        rows[~torch.isin(torch.arange(len(rows), device=rows.device), index)]
        for rows, index in zip(patches, first, strict=True)
    ]
    for kernel in _distance_kernels(layer):
        if isinstance(kernel, LpNormKernel):
            continue
        x, w = torch.stack(others).double(), chosen.double()
        if isinstance(kernel, GaussianKernel) and kernel.normalized:
            x, w = F.normalize(x, dim=2), F.normalize(w, dim=2)
        pairs = [VectorPair(*rows) for rows in zip(x, w, strict=True)]
        distances = [p.l1 if isinstance(kernel, LaplacianKernel) else p.dist_sq for p in pairs]
        median = torch.cat(distances).median().item()
        if not median > 0:
            raise ValueError(f"layer {name!r}: most patches of its input are equal")
        kernel.gamma.fill(scale / median)


def _first_of_each(rows: Tensor) -> Tensor:
    """The indices of the rows that are equal to none before them, in order."""
    values, which = torch.unique(rows, dim=0, return_inverse=True)
    index = torch.arange(len(rows), device=rows.device)
    first = index.new_full((len(values),), len(rows)).scatter_reduce(0, which, index, "amin")
    return first.sort().values


def _draw_patches(
    layer: _KernelConv, input: Tensor, least: int, generator: torch.Generator
) -> Tensor:
    """Patches at different random places: (groups, count, length of a patch).

    `least` more than there are filters, or as many as there are.
    """
    dims = len(layer.kernel_size)
    x = input if input.ndim == dims + 2 else input[None]
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    x = F.pad(x, layer._reversed_padding_repeated_twice, mode=mode)
    x = windows(x, layer.kernel_size, layer.stride, layer.dilation)
    places = (x.shape[0], *x.shape[2 : dims + 2])
    total = torch.Size(places).numel()
    count = min(total, layer.out_channels // layer.groups + least)
    chosen = torch.randperm(total, generator=generator, device="cpu")[:count].to(x.device)
    picture, *place = torch.unravel_index(chosen, places)
    # (count, C_in, *kernel_size) → (groups, count, n)
    index: Any = (picture, *place)
    patches = x.movedim(1, dims + 1)[index]
    return patches.reshape(count, layer.groups, layer.weight[0].numel()).transpose(0, 1)


def _distance_kernels(layer: _KernelConv) -> list[Any]:
    return [kernel for kernel in layer.kernel.modules() if isinstance(kernel, _OF_A_DISTANCE)]
