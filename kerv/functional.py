"""Kernel convolution as functions: `torch.nn.functional.conv1d/2d/3d` with a kernel.

g_i = κ(x_i, w) + bias, where x_i is the patch at place i, w a filter, and κ the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .base import KernelLike
from .kernels import LinearKernel
from .pair import _CONV, ConvPair, autocasts
from .registry import get_kernel

Size = int | Sequence[int]


def kernel_conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    kernel: KernelLike = "linear",
) -> Tensor:
    """Slide the filters `weight` over signals and compare by `kernel`. See `kernel_conv2d`.

    Shape:
        input (N, C_in, L) or (C_in, L); weight (C_out, C_in / groups, K); bias (C_out,);
        output (N, C_out, L_out), or without N.

    >>> import torch
    >>> signal = torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> kernel_conv1d(signal, torch.ones(1, 1, 2), kernel="polynomial:degree=2,c=0")
    tensor([[[ 9., 25.]]])
    """
    return _kernel_conv(1, input, weight, bias, stride, padding, dilation, groups, kernel)


def kernel_conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    kernel: KernelLike = "linear",
) -> Tensor:
    """Slide the filters `weight` over pictures and compare by `kernel` instead of a dot product.

    output[n, o, i] = κ(x_i, w_o) + bias[o], with x_i the patch of picture n at place i. The bias is
    added after the kernel. With the linear kernel this is torch's own convolution. Source: Wang et
    al., Kervolutional Neural Networks, CVPR 2019.

    Args:
        input: pictures.
        weight: filters; `kernel_size` is torch's word for the size of a filter.
        bias: one number per filter, added to the response.
        stride, padding, dilation, groups: as in `torch.nn.functional.conv2d`; padding is with
            zeros, and a patch over the edge contains them.
        kernel: a `Kernel`, a spec such as `"gaussian:gamma=0.1"`, or a callable of a `Pair`.
            A gamma of None means 1/n here, n = C_in / groups · kH · kW; nothing is stored.

    Shape:
        input (N, C_in, H, W) or (C_in, H, W); weight (C_out, C_in / groups, kH, kW); bias (C_out,);
        output (N, C_out, H_out, W_out), or without N, with
        H_out = ⌊(H + 2 padding − dilation (kH − 1) − 1) / stride⌋ + 1. The output has the type that
        torch's convolution would return, also for a distance, which is computed in float32 or more.

    Raises:
        TypeError: `input` does not hold floating-point numbers, or `kernel` is none of the three.
        ValueError: shapes or settings do not fit, or the kernel is unknown.
        RuntimeError: what torch's convolution itself refuses, as input and weight of two types.

    >>> import torch
    >>> picture = torch.arange(9.0).reshape(1, 1, 3, 3)
    >>> kernel_conv2d(picture, picture[:, :, :2, :2], kernel="gaussian:gamma=0.1")
    tensor([[[[1.0000, 0.6703],
              [0.0273, 0.0017]]]])
    """
    return _kernel_conv(2, input, weight, bias, stride, padding, dilation, groups, kernel)


def kernel_conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    kernel: KernelLike = "linear",
) -> Tensor:
    """Slide the filters `weight` over volumes and compare by `kernel`. See `kernel_conv2d`.

    Shape:
        input (N, C_in, D, H, W) or (C_in, D, H, W); weight (C_out, C_in / groups, kD, kH, kW);
        bias (C_out,); output (N, C_out, D_out, H_out, W_out), or without N.

    >>> import torch
    >>> volume = torch.ones(1, 1, 2, 2, 2)
    >>> kernel_conv3d(volume, volume, kernel="polynomial:degree=2,c=1")
    tensor([[[[[81.]]]]])
    """
    return _kernel_conv(3, input, weight, bias, stride, padding, dilation, groups, kernel)


def _kernel_conv(
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: str | Size,
    dilation: Size,
    groups: int,
    kernel: KernelLike,
) -> Tensor:
    kernel = get_kernel(kernel)
    _check_tensors(dims, input, weight, bias, groups)
    if type(kernel) is LinearKernel:
        # Torch's own call, bias included: the same bits as nn.ConvNd.
        return _CONV[dims](input, weight, bias, stride, padding, dilation, groups)
    stride = _per_dimension("stride", stride, dims, least=1)
    dilation = _per_dimension("dilation", dilation, dims, least=1)
    if not isinstance(padding, str):
        padding = _per_dimension("padding", padding, dims, least=0)
    elif padding not in ("same", "valid"):
        raise ValueError(f"padding must be numbers, 'same' or 'valid', got {padding!r}")
    elif padding == "same" and stride != (1,) * dims:
        raise ValueError(f"padding='same' needs a stride of 1, got {stride}")

    batched = input if input.ndim == dims + 2 else input.unsqueeze(0)
    pair = ConvPair(batched, weight, stride, padding, dilation, groups)
    if min(pair.shape[2:]) < 1:
        raise ValueError(
            f"the filter does not fit: input {tuple(input.shape)}, weight {tuple(weight.shape)}, "
            f"padding {padding}, dilation {dilation} leave an output of size {pair.shape[2:]}"
        )
    # A kernel of the norms alone has one value for all filters; a distance comes in float32.
    output = kernel(pair).expand(pair.shape).to(pair.dtype)
    if bias is not None:
        output = output + pair.per_filter(bias).to(pair.dtype)
    return output if input.ndim == dims + 2 else output.squeeze(0)


def _check_tensors(
    dims: int, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int
) -> None:
    if not input.is_floating_point():
        cast = "" if input.is_complex() else "; use input.float()"
        raise TypeError(f"kernel_conv{dims}d needs floating-point input, got {input.dtype}{cast}")
    # Torch's convolution refuses it too. A distance would compute in the wider of the two.
    if input.dtype != weight.dtype and not autocasts(input):
        raise RuntimeError(
            f"kernel_conv{dims}d needs input and weight of one type, "
            f"got {input.dtype} and {weight.dtype}"
        )
    if weight.ndim != dims + 2:
        raise ValueError(
            f"kernel_conv{dims}d needs a weight with {dims + 2} dimensions, "
            f"got shape {tuple(weight.shape)}"
        )
    if input.ndim not in (dims + 1, dims + 2):
        raise ValueError(
            f"kernel_conv{dims}d needs an input with {dims + 2} dimensions, or {dims + 1} without "
            f"the batch, got shape {tuple(input.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(
            f"kernel_conv{dims}d needs a bias with one number for each of the {weight.shape[0]} "
            f"filters, got shape {tuple(bias.shape)}"
        )
    if groups < 1 or weight.shape[0] % groups:
        raise ValueError(f"groups must divide the {weight.shape[0]} filters, got {groups}")
    channels = weight.shape[1] * groups
    if input.shape[-dims - 1] != channels:
        raise ValueError(
            f"weight of shape {tuple(weight.shape)} with groups={groups} needs {channels} input "
            f"channels, got an input of shape {tuple(input.shape)}"
        )


def _per_dimension(name: str, value: Size, dims: int, least: int) -> tuple[int, ...]:
    sizes: tuple[int, ...] = ()
    if isinstance(value, int):
        sizes = (value,) * dims
    elif isinstance(value, Sequence):
        sizes = tuple(value)
    elif hasattr(value, "__index__"):  # an integer of numpy
        sizes = (int(value),) * dims
    if len(sizes) == 1:
        sizes *= dims
    if len(sizes) != dims or any(size < least for size in sizes):
        raise ValueError(
            f"{name} must be one number or {dims} numbers, each at least {least}, got {value!r}"
        )
    return sizes
