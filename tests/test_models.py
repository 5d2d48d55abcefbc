"""The models of the book."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import kerv
from kerv import models

PARAMETERS = {
    "lenet5": 61_706,
    "resnet8": 75_290,
    "resnet20": 269_722,
    "resnet18": 11_173_962,
    "resnet50": 23_520_842,
}


@pytest.mark.parametrize("name", models.names())
def test_forward_and_backward(name: str, device: torch.device) -> None:
    model = models.build(name).to(device)
    channels, size = (1, 28) if name == "lenet5" else (3, 8)
    y = model(torch.randn(2, channels, size, size, device=device))
    assert y.shape == (2, 10)
    y.square().sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS.get(name) or (
        name not in PARAMETERS
    )


def test_depth_is_in_the_name() -> None:
    for name in models.names()[1:]:
        convolutions = [
            key
            for key, m in models.build(name).named_modules()
            if isinstance(m, nn.Conv2d) and "shortcut" not in key
        ]
        assert len(convolutions) + 1 == int(name.removeprefix("resnet"))


@pytest.mark.parametrize("name", ["lenet5", "resnet8", "resnet50"])
def test_the_first_convolution_is_the_one_at_the_input(name: str) -> None:
    model = models.build(name, kernel="gaussian", where="first")
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert isinstance(layers[0], kerv.KernelConv2d)
    assert layers[0].in_channels == (1 if name == "lenet5" else 3)
    assert not any(isinstance(m, kerv.KernelConv2d) for m in layers[1:])


def test_linear_is_a_plain_torch_model() -> None:
    assert not any(isinstance(m, kerv.KernelConv2d) for m in models.build("resnet8").modules())


def test_other_pictures_and_classes() -> None:
    model = models.build("lenet5", num_classes=3, in_channels=3, image_size=32)
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
    model = models.build("resnet8", num_classes=3, in_channels=1)
    assert model(torch.zeros(1, 1, 28, 28)).shape == (1, 3)


def test_errors() -> None:
    with pytest.raises(
        ValueError, match="unknown model 'resnet19'; the models are lenet5, resnet8"
    ):
        models.build("resnet19")
    with pytest.raises(ValueError, match="image_size must be at least 12 for LeNet-5, got 8"):
        models.build("lenet5", image_size=8)
    with pytest.raises(ValueError, match="unknown kernel 'gausian'"):
        models.build("resnet8", kernel="gausian")
