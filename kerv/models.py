"""LeNet-5, the CIFAR ResNets and FastNet, as plain torch models that any kernel can be put into.

LeCun et al., "Gradient-based learning applied to document recognition", 1998, in the variant of
Wang et al., CVPR 2019; He et al., "Deep residual learning for image recognition", 2016,
https://arxiv.org/abs/1512.03385.

>>> model = build("resnet20", kernel="gaussian", where="first")
>>> type(model.stem[0]).__name__
'KernelConv2d'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .convert import convert_model
from .fastnet import FastNet

ACTIVATIONS = ("relu", "head", "none")
STEM_PADDINGS = ("zeros", "reflect")
STEM_NORMS = ("batch", "instance")

# Three stages of basic blocks, 16, 32 and 64 wide: 6n + 2 layers.
_THREE_STAGE = {f"resnet{6 * n + 2}": n for n in (1, 3, 5, 7, 9, 18)}
# Four stages, 64 to 512 wide, and whether the blocks are bottlenecks.
_FOUR_STAGE = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
}


def names() -> list[str]:
    """The models that `build` knows.

    >>> names()[:3]
    ['lenet5', 'fastnet', 'resnet8']
    """
    return ["lenet5", "fastnet", *_THREE_STAGE, *_FOUR_STAGE]


def build(
    name: str,
    *,
    num_classes: int = 10,
    in_channels: int | None = None,
    image_size: int | None = None,
    kernel: Any = "linear",
    where: Any = "all",
    activation: str = "relu",
    stem_padding: str = "zeros",
    stem_norm: str = "batch",
) -> nn.Module:
    """A freshly initialised model, with kernel layers where asked.

    Args:
        name: one of `names()`.
        num_classes: length of the output.
        in_channels: of the pictures; by default 1 for LeNet-5 and 3 for the others.
        image_size: height and width of the pictures. Only LeNet-5 depends on it; 28 by default.
        kernel, where: as in `convert_model`. The spec "linear" leaves the plain torch model, and
            `where` is not looked at. "first" of FastNet is its stem, which is not trained; a
            training run, `kerv.train.network`, takes the first convolution that is.
        activation: of LeNet-5: "relu", "head" (a ReLU behind the linear layers alone) or "none".
        stem_padding: of a ResNet's first convolution, "zeros" or "reflect".
        stem_norm: what follows it, "batch" norm or "instance" norm.

    Raises:
        ValueError: a name, the kernel or `where` is unknown; or LeNet-5 or FastNet is asked for
            another stem, another model than LeNet-5 for an activation, or LeNet-5 for pictures less
            than 12 pixels wide.

    >>> build("resnet20", kernel="gaussian", where="first").stem[0]
    KernelConv2d(
      3, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False
      (kernel): GaussianKernel(gamma=0.03704)
    )
    """
    for what, value, valid in [
        ("activation", activation, ACTIVATIONS),
        ("stem_padding", stem_padding, STEM_PADDINGS),
        ("stem_norm", stem_norm, STEM_NORMS),
    ]:
        if value not in valid:
            raise ValueError(f"{what} must be one of {', '.join(valid)}, got {value!r}")
    stem = stem_padding, stem_norm
    model: nn.Module
    if name in ("lenet5", "fastnet") and stem != ("zeros", "batch"):
        raise ValueError(
            f"stem_padding={stem_padding!r} and stem_norm={stem_norm!r} are for the ResNets, "
            f"not for {name}"
        )
    if name in names() and name != "lenet5" and activation != "relu":
        raise ValueError(f"activation={activation!r} is for lenet5, not for {name}")
    if name == "fastnet":
        model = FastNet(num_classes, in_channels or 3)
    elif name == "lenet5":
        model = LeNet5(num_classes, in_channels or 1, image_size or 28, activation=activation)
    elif name in _THREE_STAGE:
        n = _THREE_STAGE[name]
        model = ResNet((n, n, n), 16, False, num_classes, in_channels or 3, stem)
    elif name in _FOUR_STAGE:
        depths, bottleneck = _FOUR_STAGE[name]
        model = ResNet(depths, 64, bottleneck, num_classes, in_channels or 3, stem)
    else:
        raise ValueError(f"unknown model {name!r}; the models are {', '.join(names())}")
    if kernel == "linear":
        return model
    return convert_model(model, kernel, where=where, inplace=True)


def first_filters(model: nn.Module) -> Tensor:
    """A copy of the weights of the first convolution or kernel convolution that is trained.

    >>> first_filters(build("lenet5")).shape
    torch.Size([6, 1, 5, 5])
    """
    layers = (m for m in model.modules() if isinstance(m, nn.Conv2d))
    return next(m.weight for m in layers if m.weight.requires_grad).detach().clone()


class LeNet5(nn.Sequential):
    """conv 6@5×5 pad 2, ReLU, pool, conv 16@5×5, ReLU, pool, 120–84–classes.

    Shape: input (N, in_channels, image_size, image_size), output (N, num_classes).
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        image_size: int = 28,
        *,
        activation: str = "relu",
    ) -> None:
        side = (image_size // 2 - 4) // 2
        if side < 1:
            raise ValueError(f"image_size must be at least 12 for LeNet-5, got {image_size}")
        of_convolutions = nn.ReLU if activation == "relu" else nn.Identity
        of_head = nn.Identity if activation == "none" else nn.ReLU
        super().__init__(
            nn.Conv2d(in_channels, 6, 5, padding=2),
            of_convolutions(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            of_convolutions(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * side * side, 120),
            of_head(),
            nn.Linear(120, 84),
            of_head(),
            nn.Linear(84, num_classes),
        )


class ResNet(nn.Module):
    """A residual network for 32×32 pictures: 3×3 stem, stages, average pool, linear.

    The thin three-stage networks have shortcuts without parameters (option A of He et al.), the
    wide four-stage ones a 1×1 convolution where the shape changes, as in the kervolution code.

    Shape: input (N, in_channels, H, W), output (N, num_classes).
    """

    def __init__(
        self,
        depths: Sequence[int],
        width: int,
        bottleneck: bool,
        num_classes: int = 10,
        in_channels: int = 3,
        stem: tuple[str, str] = ("zeros", "batch"),
    ) -> None:
        super().__init__()
        thin = len(depths) == 3
        padding: Any
        padding, norm = stem
        first = nn.Conv2d(in_channels, width, 3, padding=1, bias=False, padding_mode=padding)
        after = (
            nn.InstanceNorm2d(width, affine=True) if norm == "instance" else nn.BatchNorm2d(width)
        )
        self.stem = nn.Sequential(first, after, nn.ReLU())
        channels = width
        stages: list[nn.Module] = []
        for stage, depth in enumerate(depths):
            inner = width * 2**stage
            blocks = []
            for index in range(depth):
                stride = 2 if stage > 0 and index == 0 else 1
                block = _Block(channels, inner, stride, bottleneck, thin)
                channels = block.out_channels
                blocks.append(block)
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(self.stem(x))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class _Block(nn.Module):
    def __init__(
        self, in_channels: int, inner: int, stride: int, bottleneck: bool, thin: bool
    ) -> None:
        super().__init__()
        if bottleneck:
            self.out_channels = 4 * inner
            self.residual = nn.Sequential(
                _conv(in_channels, inner, 1),
                nn.BatchNorm2d(inner),
                nn.ReLU(),
                _conv(inner, inner, 3, stride),
                nn.BatchNorm2d(inner),
                nn.ReLU(),
                _conv(inner, self.out_channels, 1),
                nn.BatchNorm2d(self.out_channels),
            )
        else:
            self.out_channels = inner
            self.residual = nn.Sequential(
                _conv(in_channels, inner, 3, stride),
                nn.BatchNorm2d(inner),
                nn.ReLU(),
                _conv(inner, inner, 3),
                nn.BatchNorm2d(inner),
            )
        self.shortcut: nn.Module
        if stride == 1 and in_channels == self.out_channels:
            self.shortcut = nn.Identity()
        elif thin:
            self.shortcut = _Subsample(stride, self.out_channels - in_channels)
        else:
            self.shortcut = nn.Sequential(
                _conv(in_channels, self.out_channels, 1, stride), nn.BatchNorm2d(self.out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x) + self.shortcut(x))


class _Subsample(nn.Module):
    """Every `stride`-th pixel, and channels of zeros: the shortcut without parameters."""

    def __init__(self, stride: int, new_channels: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        before = self.new_channels // 2
        return F.pad(x, (0, 0, 0, 0, before, self.new_channels - before))


def _conv(in_channels: int, out_channels: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, size, stride, padding=size // 2, bias=False)
