"""Drop-in layers: `nn.Conv1d/2d/3d` whose filters compare by a kernel.

Wang et al., "Kervolutional Neural Networks", CVPR 2019, https://arxiv.org/abs/1904.03955
"""

from __future__ import annotations

import copy
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from . import functional
from .base import Kernel, KernelLike
from .registry import get_kernel

_FORWARD = {
    1: functional.kernel_conv1d,
    2: functional.kernel_conv2d,
    3: functional.kernel_conv3d,
}


class _KernelConv(nn.modules.conv._ConvNd):
    """What the three layers share: everything but the signature."""

    kernel: Kernel

    def __init__(self, *args: Any, kernel: KernelLike, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.take_kernel(kernel)

    def take_kernel(self, kernel: KernelLike) -> None:
        """Give the layer its own copy of a kernel, bound to its filters, on their device."""
        # A spec makes a new kernel as it is. (And torch cannot deep-copy a fake tensor.)
        own = get_kernel(kernel) if isinstance(kernel, str) else copy.deepcopy(get_kernel(kernel))
        own.train(self.training)
        self.kernel = own

    def __setattr__(self, name: str, value: Any) -> None:
        # Whatever becomes the kernel fits the filters, also one that is shared on purpose.
        if name == "kernel" and isinstance(value, Kernel):
            value.bind(self.weight.shape[1:].numel(), self.out_channels)
            value.to(device=self.weight.device, dtype=self.weight.dtype)
        super().__setattr__(name, value)

    def reset_parameters(self) -> None:
        """New random filters, as in `nn.ConvNd`, and the kernel's starting values."""
        super().reset_parameters()
        # The base constructor calls this before there is a kernel.
        if "kernel" in self._modules:
            self.kernel.reset_parameters()

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding: str | tuple[int, ...] = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = (0,) * len(self.kernel_size)
        convolve = _FORWARD[len(self.kernel_size)]
        return convolve(
            input,
            weight,
            bias,
            self.stride,
            padding,
            self.dilation,
            self.groups,
            kernel=self.kernel,
        )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # A plain convolution's state knows nothing of kernels: then the kernel keeps its values.
        # With some of its keys present, torch's own check reports those that are missing.
        kernel_prefix = prefix + "kernel."
        own = self.kernel.state_dict(prefix=kernel_prefix)
        # On the meta device it has no values to keep.
        kept = not any(value.is_meta for value in own.values())
        if kept and not any(key.startswith(kernel_prefix) for key in state_dict):
            state_dict.update(own)
        super()._load_from_state_dict(state_dict, prefix, *args)


class KernelConv1d(_KernelConv, nn.Conv1d):
    """A `nn.Conv1d` that compares by a kernel. See `KernelConv2d`.

    Shape:
        input (N, C_in, L) or (C_in, L); output (N, C_out, L_out) or (C_out, L_out).

    >>> import torch
    >>> KernelConv1d(2, 4, 3, padding="same", kernel="sigmoid")(torch.zeros(1, 2, 5)).shape
    torch.Size([1, 4, 5])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: str | int | tuple[int] = 0,
        dilation: int | tuple[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        kernel: KernelLike = "linear",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
            kernel=kernel,
        )


class KernelConv2d(_KernelConv, nn.Conv2d):
    """A `nn.Conv2d` that compares each patch with each filter by a kernel.

    output[n, o, i] = κ(x_i, w_o) + bias[o], with x_i the patch at place i and w_o a filter. The
    bias is added after the kernel. Arguments, attributes and shapes are those of `nn.Conv2d`. So is
    the state dict, but for the kernel's hyper-parameters, learnable or not, as `kernel.gamma.raw`.
    A plain `nn.Conv2d` state dict loads, and the kernel then keeps its values; for the way back use
    `revert_model`. The output has the type of torch's own convolution. With the linear kernel it is
    that of `nn.Conv2d` to the last bit. Source: Wang et al., Kervolutional Neural Networks, CVPR
    2019, https://arxiv.org/abs/1904.03955.

    Args:
        in_channels, …, dtype: as in `nn.Conv2d`, in the same order. `kernel_size` is torch's word
            for the size of a filter.
        kernel: a `Kernel`, a spec such as `"polynomial:degree=2"`, or a callable of a `Pair`. The
            layer takes a copy; to share one on purpose, assign `b.kernel = a.kernel`. A kernel that
            comes from another layer keeps its values, also a gamma that began as 1/n there.

    Shape:
        input (N, C_in, H, W) or (C_in, H, W); output (N, C_out, H_out, W_out) or without N, with
        H_out = ⌊(H + 2 padding − dilation (kernel_size − 1) − 1) / stride⌋ + 1.

    Raises:
        ValueError: the kernel is unknown, or sizes do not fit.
        TypeError: the kernel is not a kernel, or the input is not floating-point.

    Note:
        Without a bias, most kernel layers keep what they return for the backward pass, where a
        convolution does not. So an operation in place right behind one, as `nn.ReLU(inplace=True)`,
        makes `backward` raise. Give the layer a bias, or compute out of place.

    >>> import torch
    >>> layer = KernelConv2d(3, 64, 3, padding=1, bias=False, kernel="gaussian")
    >>> layer
    KernelConv2d(
      3, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False
      (kernel): GaussianKernel(gamma=0.03704)
    )
    >>> layer(torch.zeros(8, 3, 32, 32)).shape
    torch.Size([8, 64, 32, 32])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        kernel: KernelLike = "linear",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
            kernel=kernel,
        )


class KernelConv3d(_KernelConv, nn.Conv3d):
    """A `nn.Conv3d` that compares by a kernel. See `KernelConv2d`.

    Shape:
        input (N, C_in, D, H, W) or (C_in, D, H, W); output (N, C_out, D_out, H_out, W_out) or
        without N.

    >>> import torch
    >>> KernelConv3d(1, 4, 3, kernel="gaussian")(torch.zeros(1, 1, 5, 6, 7)).shape
    torch.Size([1, 4, 3, 4, 5])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int, int],
        stride: int | tuple[int, int, int] = 1,
        padding: str | int | tuple[int, int, int] = 0,
        dilation: int | tuple[int, int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        kernel: KernelLike = "linear",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
            kernel=kernel,
        )
