"""Layers as drop-in replacements: construction, copies of kernels, state dicts."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

import kerv

PAIRS = [
    (kerv.KernelConv1d, nn.Conv1d),
    (kerv.KernelConv2d, nn.Conv2d),
    (kerv.KernelConv3d, nn.Conv3d),
]


@pytest.mark.parametrize(("ours", "torchs"), PAIRS)
def test_positional_arguments_mean_the_same(ours: type, torchs: type) -> None:
    names = list(inspect.signature(torchs).parameters)
    signature = inspect.signature(ours)
    assert list(signature.parameters) == [*names, "kernel"]
    assert signature.parameters["kernel"].kind is inspect.Parameter.KEYWORD_ONLY
    for name in names:
        assert (
            signature.parameters[name].default == inspect.signature(torchs).parameters[name].default
        )
    assert issubclass(ours, torchs)
    layer = ours(2, 4, 3, 2, 1, 1, 2, False, "reflect", "cpu", torch.float64)
    plain = torchs(2, 4, 3, 2, 1, 1, 2, False, "reflect", "cpu", torch.float64)
    assert layer.extra_repr() == plain.extra_repr()
    assert layer.weight.dtype == torch.float64


@pytest.mark.parametrize(("ours", "torchs"), PAIRS)
def test_the_same_seed_gives_the_same_filters(ours: type, torchs: type) -> None:
    torch.manual_seed(3)
    plain = torchs(2, 4, 3)
    torch.manual_seed(3)
    assert torch.equal(ours(2, 4, 3, kernel="gaussian").weight, plain.weight)


def test_readme_calls_of_other_libraries_work() -> None:
    x = torch.randn(2, 3, 8, 8)
    for kernel in (
        kerv.GaussianKernel(gamma=0.5),
        kerv.PolynomialKernel(c=0, degree=3),
        kerv.SigmoidKernel(),
    ):
        assert kerv.KernelConv2d(3, 64, (3, 3), kernel=kernel)(x).shape == (2, 64, 6, 6)


def test_a_layer_copies_its_kernel_and_assignment_shares_it() -> None:
    kernel = kerv.GaussianKernel(gamma=0.5, learnable=True)
    a, b = (kerv.KernelConv2d(1, 2, 3, kernel=kernel) for _ in range(2))
    assert len({id(k.gamma.raw) for k in (kernel, a.kernel, b.kernel)}) == 3
    b.kernel = a.kernel
    assert b.kernel.gamma.raw is a.kernel.gamma.raw


def test_an_assigned_kernel_is_bound_to_the_filters() -> None:
    layer = kerv.KernelConv2d(1, 2, 3)
    layer.kernel = kerv.GaussianKernel(learnable=True, per_channel=True)
    assert layer.kernel.gamma.raw.shape == (2,)
    assert layer.kernel.gamma.raw.dtype == torch.float32
    layer(torch.randn(4, 1, 6, 6)).sum().backward()
    assert layer.kernel.gamma.raw.grad.abs().min() > 0


def test_state_dicts_are_exchanged_with_torch() -> None:
    plain = nn.Conv2d(3, 4, 3)
    layer = kerv.KernelConv2d(3, 4, 3, kernel="gaussian:gamma=0.3")
    layer.load_state_dict(plain.state_dict())
    assert torch.equal(layer.weight, plain.weight)
    torch.testing.assert_close(layer.kernel.gamma.value().item(), 0.3)
    plain.load_state_dict(kerv.KernelConv2d(3, 4, 3).state_dict())
    net, plain_net = (nn.Sequential(nn.ReLU(), layer), nn.Sequential(nn.ReLU(), plain))
    net.load_state_dict(plain_net.state_dict())
    torch.testing.assert_close(net[1].kernel.gamma.value().item(), 0.3)


def test_a_state_with_some_of_the_kernel_is_an_error() -> None:
    layer = kerv.KernelConv2d(3, 4, 3, kernel="sigmoid")
    state = layer.state_dict()
    del state["kernel.c.raw"]
    with pytest.raises(RuntimeError, match=r'Missing key.*"kernel\.c\.raw"'):
        layer.load_state_dict(state)


def test_loading_leaves_the_given_state_as_it_was() -> None:
    state = nn.Conv2d(3, 4, 3).state_dict()
    kerv.KernelConv2d(3, 4, 3, kernel="gaussian").load_state_dict(state)
    assert list(state) == ["weight", "bias"]


def test_moving_and_casting_reach_the_kernel(device: torch.device) -> None:
    layer = kerv.KernelConv2d(2, 3, 3, kernel="gaussian:per_channel=true", dtype=torch.float64)
    assert layer.kernel.gamma.raw.dtype == torch.float64
    layer = layer.to(device, torch.float32)
    assert layer.kernel.gamma.raw.dtype == torch.float32
    assert layer.kernel.gamma.raw.device.type == device.type


def test_a_kernel_from_another_layer_keeps_its_values() -> None:
    first = kerv.KernelConv2d(6, 4, 3, kernel="gaussian")
    second = kerv.KernelConv2d(2, 4, 3, kernel=first.kernel)
    assert second.kernel.gamma.value().item() == pytest.approx(1 / 54)


def test_from_the_meta_device_to_a_real_one() -> None:
    layer = kerv.KernelConv2d(2, 3, 3, kernel="gaussian:gamma=0.3", device="meta")
    layer = layer.to_empty(device="cpu")
    layer.reset_parameters()
    torch.testing.assert_close(layer.kernel.gamma.value().item(), 0.3)


def test_memory_that_nobody_filled_is_no_hyper_parameter() -> None:
    layer = nn.utils.skip_init(kerv.KernelConv2d, 2, 3, 3, kernel="polynomial:c=0.5")
    assert layer.kernel.c.value().item() == 0.5
    with torch.device("meta"):
        net = nn.Sequential(kerv.KernelConv2d(2, 3, 3, kernel="gaussian:per_channel=true"))
    net.to_empty(device="cpu").load_state_dict(
        {"0." + k: v for k, v in layer.state_dict().items() if "kernel" not in k}
    )
    torch.testing.assert_close(net[0].kernel.gamma.value(), torch.full((3,), 1 / 18))
    assert torch.equal(net[0].weight, layer.weight)


def test_reset_parameters_draws_filters_and_restores_the_kernel() -> None:
    layer = kerv.KernelConv2d(2, 3, 3, kernel="gaussian:gamma=0.3,learnable=true")
    old = layer.weight.detach().clone()
    with torch.no_grad():
        layer.kernel.gamma.raw.fill_(7)
    layer.reset_parameters()
    assert not torch.equal(layer.weight, old)
    torch.testing.assert_close(layer.kernel.gamma.value().item(), 0.3)


def test_unknown_kernel_is_not_silently_linear() -> None:
    with pytest.raises(ValueError, match="unknown kernel 'gausian'"):
        kerv.KernelConv2d(3, 4, 3, kernel="gausian")


def test_a_kernel_on_the_meta_device_has_no_values_to_keep() -> None:
    layer = kerv.KernelConv2d(2, 3, 3, kernel="gaussian", device="meta")
    with pytest.raises(RuntimeError, match=r'Missing key.*"kernel\.gamma\.raw"'):
        layer.load_state_dict(nn.Conv2d(2, 3, 3).state_dict(), assign=True)
