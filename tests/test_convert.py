"""Conversion of existing networks, and back."""

from __future__ import annotations

import warnings

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

import kerv


def small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 3)
    )


def converted(model: nn.Module) -> list[str]:
    layers = (kerv.KernelConv1d, kerv.KernelConv2d, kerv.KernelConv3d)
    return [name for name, m in model.named_modules() if isinstance(m, layers)]


@pytest.mark.slow
def test_resnet50_in_one_call() -> None:
    model = torchvision.models.resnet50(num_classes=10).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = model(x)
        assert torch.equal(kerv.convert_model(model, "linear")(x), expected)
    assert not converted(model)
    for spec in ("gaussian", "polynomial", "sigmoid"):
        ours = kerv.convert_model(model, spec)
        assert len(converted(ours)) == 53
        ours.train()(x).sum().backward()
        assert all(p.grad is not None for p in ours.parameters())
        assert torch.equal(ours.layer4[2].conv2.weight, model.layer4[2].conv2.weight)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("all", ["0", "3", "4"]),
        ("spatial", ["0", "4"]),
        ("first", ["0"]),
        (lambda name, conv: conv.in_channels == 4, ["3", "4"]),
    ],
)
def test_where(where, expected: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert converted(kerv.convert_model(small(), "gaussian", where=where)) == expected


def test_a_copy_by_default_and_the_same_parameters_in_place() -> None:
    model = small()
    weight = model[0].weight
    copy = kerv.convert_model(model, "gaussian")
    assert not converted(model)
    assert copy[0].weight is not weight
    assert torch.equal(copy[0].weight, weight)
    same = kerv.convert_model(model, "gaussian", inplace=True)
    assert same is model
    assert model[0].weight is weight


def test_each_layer_has_its_own_bound_kernel() -> None:
    model = kerv.convert_model(small(), kerv.GaussianKernel(learnable=True))
    gammas = [model[i].kernel.gamma.value().item() for i in (0, 3, 4)]
    torch.testing.assert_close(gammas, [1 / 27, 1 / 4, 1 / 36])
    assert len(list(model.parameters())) == len(list(small().parameters())) + 3


def test_a_callable_chooses_kernels() -> None:
    def choose(name: str, conv: nn.Module) -> kerv.Kernel | None:
        return kerv.SigmoidKernel() if name == "3" else None

    assert converted(kerv.convert_model(small(), choose)) == ["3"]
    with pytest.raises(
        TypeError, match=r"a kerv.Kernel or None, it returned 'gaussian' for .* '0'"
    ):
        kerv.convert_model(small(), lambda name, conv: "gaussian")


def test_converting_again_changes_the_kernel() -> None:
    model = kerv.convert_model(kerv.convert_model(small(), "gaussian"), "sigmoid", where="first")
    assert [type(model[i].kernel).__name__ for i in (0, 3)] == ["SigmoidKernel", "GaussianKernel"]


def test_mode_dtype_frozen_weights_and_hooks_are_kept() -> None:
    model = small().double().eval()
    model[0].weight.requires_grad_(False)
    calls = []
    handle = model[0].register_forward_hook(lambda *_: calls.append(1))
    kerv.convert_model(model, "gaussian:learnable=true", inplace=True)
    layer = model[0]
    assert not layer.training
    assert not layer.kernel.training
    assert layer.kernel.gamma.raw.dtype == torch.float64
    assert not layer.weight.requires_grad
    model(torch.randn(1, 3, 8, 8, dtype=torch.float64))
    handle.remove()
    model(torch.randn(1, 3, 8, 8, dtype=torch.float64))
    assert calls == [1]


def test_tied_layers_stay_tied() -> None:
    conv = nn.Conv2d(3, 3, 3, padding=1)
    model = nn.ModuleDict({"a": nn.Sequential(conv, nn.ReLU()), "b": conv})
    ours = kerv.convert_model(model, "gaussian")
    assert ours["a"][0] is ours["b"]
    assert isinstance(ours["b"], kerv.KernelConv2d)


def test_tied_weights_stay_tied() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3))
    model[1].weight = model[0].weight
    ours = kerv.convert_model(model, "gaussian")
    assert ours[0].weight is ours[1].weight


def test_a_lone_convolution() -> None:
    conv = nn.Conv3d(1, 2, 3)
    layer = kerv.convert_model(conv, "gaussian", inplace=True)
    assert type(layer) is kerv.KernelConv3d
    assert layer.weight is conv.weight
    assert not hasattr(conv, "kernel")


def test_there_and_back_is_the_same_network() -> None:
    model = small().eval()
    x = torch.randn(1, 3, 8, 8)
    back = kerv.revert_model(kerv.convert_model(model, "gaussian"))
    assert not converted(back)
    assert torch.equal(back(x), model(x))
    assert back.state_dict().keys() == model.state_dict().keys()
    ours = kerv.convert_model(model, "gaussian")
    kerv.revert_model(ours)
    assert converted(ours)
    assert kerv.revert_model(ours, inplace=True) is ours
    assert not converted(ours)


def test_subclasses_are_left_alone_and_named() -> None:
    class Mine(nn.Conv2d):
        pass

    model = nn.Sequential(nn.Conv2d(3, 3, 3), Mine(3, 3, 3))
    nn.utils.parametrizations.weight_norm(model[0])
    model.append(nn.Conv2d(3, 3, 3))
    with pytest.warns(UserWarning, match=r"left alone.*0 \(ParametrizedConv2d\), 1 \(Mine\)"):
        ours = kerv.convert_model(model, "gaussian")
    assert converted(ours) == ["2"]
    with pytest.raises(ValueError, match="nothing to convert"):
        kerv.convert_model(model, "gaussian", where="first")


def test_layers_with_a_forward_of_their_own_are_left_alone() -> None:
    for net in (small(), kerv.convert_model(small(), "gaussian")):
        first = type(net[0])
        net[0].forward = net[0].forward
        with pytest.warns(UserWarning, match=r"left alone, because .*: 0 \((Kernel)?Conv2d\)"):
            changed = kerv.convert_model(net, "cosine")
        assert type(changed[0]) is first
    with pytest.warns(UserWarning, match=r"left alone, because .*: 0 \(KernelConv2d\)"):
        assert converted(kerv.revert_model(net)) == ["0"]


def test_a_lazy_layer_is_converted_after_its_first_batch() -> None:
    net = nn.Sequential(nn.LazyConv2d(4, 3))
    with pytest.raises(ValueError, match=r"no nn.Conv1d, .*; left alone: 0 \(LazyConv2d\)"):
        kerv.convert_model(net, "gaussian")
    net(torch.randn(1, 2, 5, 5))
    assert converted(kerv.convert_model(net, "gaussian")) == ["0"]


def test_a_hook_before_loading_gets_the_new_layer() -> None:
    model, seen = nn.Sequential(nn.Conv2d(3, 4, 3)), []
    model[0].register_load_state_dict_pre_hook(lambda module, *_: seen.append(module))
    state = model.state_dict()
    ours = kerv.convert_model(model, "gaussian")
    ours.load_state_dict(state)
    kerv.convert_model(model, "gaussian", inplace=True)
    back = kerv.revert_model(model)
    for net in (model, back):
        net.load_state_dict(net.state_dict())
    assert all(a is b for a, b in zip(seen, (ours[0], model[0], back[0]), strict=True))


def test_torchvision_extracts_features_with_the_layer_as_a_leaf() -> None:
    net = kerv.convert_model(small(), "gaussian").eval()
    leaf = {"leaf_modules": [kerv.KernelConv2d]}
    x = torch.randn(2, 3, 8, 8)
    features = create_feature_extractor(net, ["1"], tracer_kwargs=leaf)(x)["1"]
    assert torch.equal(features, net[:2](x))


def test_only_layers_that_were_asked_for_are_named() -> None:
    class Mine(kerv.KernelConv2d):
        pass

    model = nn.Sequential(nn.Conv2d(3, 3, 3), Mine(3, 3, 3), nn.Conv2d(3, 3, 1))
    for where in ("first", lambda name, conv: name == "2"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kerv.convert_model(model, "gaussian", where=where)
    with pytest.warns(UserWarning, match=r"left alone.*1 \(Mine\)"):
        kerv.revert_model(model)


@pytest.mark.parametrize(
    ("model", "arguments", "error", "message"),
    [
        (
            nn.Linear(2, 2),
            {},
            ValueError,
            "nothing to convert in Linear .* no nn.Conv1d, nn.Conv2d",
        ),
        (
            small(),
            {"where": lambda name, conv: False},
            ValueError,
            r"looked at 3 convolutions, 0 \(3, 3\), 3 \(1, 1\), 4 \(3, 3\)",
        ),
        (small(), {"where": "last"}, ValueError, "'all', 'spatial', 'first' or a .*, got 'last'"),
        (small(), {"kernel": "gausian"}, ValueError, "unknown kernel 'gausian'"),
    ],
)
def test_errors(model: nn.Module, arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        kerv.convert_model(model, **{"kernel": "gaussian", **arguments})
