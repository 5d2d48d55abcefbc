"""The models of the book."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import kerv
from kerv import fastnet, models, train
from kerv.config import TrainConfig

PARAMETERS = {
    "lenet5": 61_706,
    "fastnet": 1_972_792,
    "resnet8": 75_290,
    "resnet20": 269_722,
    "resnet18": 11_173_962,
    "resnet50": 23_520_842,
}


@pytest.mark.parametrize("name", models.names())
def test_forward_and_backward(name: str, device: torch.device) -> None:
    model = models.build(name).to(device)
    channels, size = {"lenet5": (1, 28), "fastnet": (3, 18)}.get(name, (3, 8))
    y = model(torch.randn(2, channels, size, size, device=device))
    assert y.shape == (2, 10)
    y.square().sum().backward()
    for key, parameter in model.named_parameters():
        if not parameter.requires_grad:
            assert name == "fastnet"
            continue
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS.get(name) or (
        name not in PARAMETERS
    )


def test_stages_halve_the_sides_and_double_the_channels() -> None:
    model = models.build("resnet20")
    shapes: list[tuple[int, ...]] = []
    for stage in model.stages:
        stage.register_forward_hook(lambda m, x, y: shapes.append(tuple(y.shape[1:])))
    model(torch.zeros(1, 3, 32, 32))
    assert shapes == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]


def test_fastnet_by_hand() -> None:
    model = models.build("fastnet").eval()
    x = torch.randn(2, 3, 32, 32)
    seen = model.groups(nn.functional.gelu(model.stem(x)))
    torch.testing.assert_close(model(x), model.head(seen.amax((2, 3))) / 9)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.4}


def test_depth_is_in_the_name() -> None:
    for name in models.names()[2:]:
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


def test_the_whitened_stem_decorrelates_pictures() -> None:
    torch.manual_seed(0)
    model = models.build("fastnet").double()
    # Smooth coloured pictures: neighbouring pixels and the three channels are alike.
    x = nn.functional.avg_pool2d(torch.randn(50, 1, 34, 34, dtype=torch.float64), 3, 1)
    x = 5 * x + 0.3 * torch.randn(50, 3, 32, 32, dtype=torch.float64)
    model.whiten(x)
    y = model.stem(x).movedim(1, 0).flatten(1)
    assert torch.equal(y[12:], -y[:12])
    moments = y[:12] @ y[:12].T / y.shape[1]
    torch.testing.assert_close(moments, torch.eye(12, dtype=torch.float64), atol=0.02, rtol=0)
    # Frozen filters, and norms without scales.
    frozen = {n for n, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {"stem.weight", *(n for n in frozen if n.startswith("groups."))}
    assert len(frozen) == 7


def test_whitening_does_not_blow_up_what_hardly_varies() -> None:
    model = models.build("fastnet", in_channels=1).double()
    x = fastnet.SMALLEST**0.5 * torch.randn(50, 1, 32, 32, dtype=torch.float64)
    model.whiten(x)
    moments = model.stem(x)[:, :4].square().mean((0, 2, 3))
    torch.testing.assert_close(moments, torch.full((4,), 0.5).double(), atol=0.02, rtol=0)


def test_fastnet_convolutions_begin_as_copies() -> None:
    conv = models.build("fastnet").groups[0]
    x = torch.randn(2, 24, 5, 5)
    torch.testing.assert_close(conv(x)[:, :24], x)
    assert (conv(x)[:, 24:].std((0, 2, 3)) > 0.1).all()


def test_a_kernel_keeps_the_whitened_stem() -> None:
    model = models.build("fastnet", kernel="cosine", where="first")
    assert isinstance(model.stem, kerv.KernelConv2d)
    model.whiten(torch.randn(4, 3, 18, 18))
    assert not model.stem.weight.requires_grad
    assert torch.equal(model.stem.weight[12:], -model.stem.weight[:12])


def test_the_first_layer_of_a_training_run_is_one_that_is_trained() -> None:
    config = TrainConfig(model="fastnet", kernel="cosine", where="first")
    model = train.network(config)
    kinds = [n for n, m in model.named_modules() if isinstance(m, kerv.KernelConv2d)]
    assert kinds == ["groups.0"]
    assert torch.equal(models.first_filters(model), model.groups[0].weight)


@pytest.mark.parametrize("where", ["spatial", "all"])
def test_what_is_not_trained_keeps_its_convolution(where: str) -> None:
    model = train.network(TrainConfig(model="fastnet", kernel="cosine", where=where))
    kinds = [n for n, m in model.named_modules() if isinstance(m, kerv.KernelConv2d)]
    assert len(kinds) == 6
    assert type(model.stem) is torch.nn.Conv2d


def test_linear_is_a_plain_torch_model() -> None:
    assert not any(isinstance(m, kerv.KernelConv2d) for m in models.build("resnet8").modules())


def test_other_pictures_and_classes() -> None:
    model = models.build("lenet5", num_classes=3, in_channels=3, image_size=32)
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
    model = models.build("resnet8", num_classes=3, in_channels=1)
    assert model(torch.zeros(1, 1, 28, 28)).shape == (1, 3)


def test_errors() -> None:
    with pytest.raises(
        ValueError, match="unknown model 'resnet19'; the models are lenet5, fastnet, resnet8"
    ):
        models.build("resnet19")
    with pytest.raises(ValueError, match="image_size must be at least 12 for LeNet-5, got 8"):
        models.build("lenet5", image_size=8)
    with pytest.raises(ValueError, match="unknown kernel 'gausian'"):
        models.build("resnet8", kernel="gausian")


def test_filters_start_with_the_spread_that_what_comes_out_needs() -> None:
    for layer in models.build("resnet20").modules():
        if isinstance(layer, nn.Conv2d):
            expected = (2 / (9 * layer.out_channels)) ** 0.5
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.2)


def test_both_norms_of_the_stem_learn_a_scale_and_a_shift() -> None:
    batch, instance = (
        {name: p.shape for name, p in models.build("resnet8", stem_norm=norm).named_parameters()}
        for norm in models.STEM_NORMS
    )
    assert batch == instance


# At a fixed picture, to two digits.
ANSWERS = {
    "mnist/convolution-seed0": (
        (1, 1, 28, 28),
        [-2.64, -1.87, 2.32, 4.96, -2.27, 3.75, -3.14, -3.12, -0.3, 1.09],
    ),
    "light/convolution-seed0": (
        (1, 3, 32, 32),
        [2.27, -2.77, 1.53, 0.87, 0.88, -1.36, -0.91, -1.76, 4.0, -2.6],
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_recorded_networks_answer_as_they_did(name: str) -> None:
    shape, logits = ANSWERS[name]
    x = torch.linspace(0, 40, math.prod(shape)).sin().view(shape)
    found = train.recorded_network(name)(x)[0]
    torch.testing.assert_close(found, torch.tensor(logits), atol=0.02, rtol=0)
