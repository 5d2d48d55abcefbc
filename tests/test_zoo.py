"""Networks of torchvision, and of timm where it is installed, converted in one call."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import nn

import kerv
from kerv.layers import _KernelConv

pytestmark = pytest.mark.slow

# The number of convolutions that each holds, as torchvision's own modules say.
ZOO: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "resnet50": (torchvision.models.resnet50, 53),
    "mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, 52),
    "convnext_tiny": (torchvision.models.convnext_tiny, 22),
    "efficientnet_b0": (torchvision.models.efficientnet_b0, 81),
    "vgg11_bn": (torchvision.models.vgg11_bn, 8),
    "deeplabv3_resnet50": (
        lambda: torchvision.models.segmentation.deeplabv3_resnet50(
            weights=None, weights_backbone=None
        ),
        61,
    ),
}
if importlib.util.find_spec("timm"):
    import timm

    ZOO["timm resnet18"] = (lambda: timm.create_model("resnet18"), 20)


def outputs(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = model(x)
    return y["out"] if isinstance(y, dict) else y


@pytest.mark.parametrize("name", ZOO)
def test_conversion(name: str) -> None:
    make, convolutions = ZOO[name]
    model, x = make().eval(), torch.randn(2, 3, 64, 64)
    linear = kerv.convert_model(model, "linear")
    gaussian = kerv.convert_model(model, "gaussian")
    reverted = kerv.revert_model(gaussian)
    with torch.no_grad():
        expected = outputs(model, x)
        assert torch.equal(outputs(linear, x), expected)
        assert torch.equal(outputs(reverted, x), expected)
    assert sum(isinstance(m, _KernelConv) for m in gaussian.modules()) == convolutions
    assert [type(m) for m in reverted.modules()] == [type(m) for m in model.modules()]
    y = outputs(gaussian.train(), x)
    y.square().mean().backward()
    assert y.isfinite().all()
    for key, parameter in gaussian.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert torch.equal(parameter, model.get_parameter(key)), key


@pytest.mark.parametrize("spec", ["linear", "polynomial", "gaussian", "correlation", "l1"])
def test_a_converted_network_exports(spec: str) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, groups=2))
    ours = kerv.convert_model(network, spec).eval()
    x = torch.randn(2, 3, 9, 8)
    exported = torch.export.export(ours, (x,)).module()
    torch.testing.assert_close(exported(x), ours(x))
