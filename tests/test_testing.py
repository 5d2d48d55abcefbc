"""check_kernel passes what is right and names what is wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import kerv
from kerv.testing import check_kernel

SPECS = [
    *kerv.kernel_names(),
    "polynomial:learnable=true,per_channel=true",
    "gaussian:learnable=true,per_channel=true",
    "gaussian:normalized=true",
    "rational_quadratic:learnable=true",
    "l2:squared=true",
    "arc_cosine:order=0",
]


@pytest.mark.parametrize("spec", SPECS)
def test_every_kernel_of_the_package_passes(spec: str) -> None:
    check_kernel(spec)


@pytest.mark.parametrize(
    "kernel",
    [
        kerv.GaussianKernel() + 2 * kerv.CosineKernel(),
        kerv.LinearKernel() * kerv.GaussianKernel(learnable=True),
        lambda p: p.dot.relu(),
        lambda p: p.x_sq,
        lambda p: p.x_sq + p.w_sq,
    ],
)
def test_sums_and_callables_pass(kernel: kerv.Kernel | Callable) -> None:
    check_kernel(kernel)


def test_a_kernel_that_sees_groups_is_named() -> None:
    with pytest.raises(AssertionError, match="grouped filters answer differently"):
        check_kernel(lambda p: p.dot + getattr(p, "groups", 1) - 1)


def test_the_kernel_given_is_left_as_it_was() -> None:
    kernel = kerv.GaussianKernel(learnable=True)
    state = torch.get_rng_state()
    check_kernel(kernel)
    assert repr(kernel) == "GaussianKernel(gamma=1/n (learnable))"
    assert torch.equal(torch.get_rng_state(), state)


class OwnKernel(kerv.Kernel):
    """A reader's own kernel, as short as it can be."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = kerv.Hyper("gamma", 0.5, learnable=True, positive=True)

    def forward(self, p: kerv.Pair) -> Tensor:
        return 1 / (1 + self.gamma(p) * p.dist_sq)


def test_a_readers_kernel_passes_and_works_in_a_layer() -> None:
    check_kernel(OwnKernel())
    layer = kerv.KernelConv3d(1, 2, 2, kernel=OwnKernel())
    assert [n for n, _ in layer.named_parameters()] == ["weight", "bias", "kernel.gamma.raw"]


class PlainTensor(kerv.Kernel):
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.tensor(2.0)

    def forward(self, p: kerv.Pair) -> Tensor:
        return self.scale * p.dot


class ViewOfParameter(PlainTensor):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0)).view(1)


class UnusedParameter(kerv.Kernel):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, p: kerv.Pair) -> Tensor:
        return self.scale.detach() * p.dot


class Counts(kerv.Kernel):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, p: kerv.Pair) -> Tensor:
        self.calls += 1
        return p.dot


class PerFilterForgotten(kerv.Kernel):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.arange(1.0, 5.0))

    def forward(self, p: kerv.Pair) -> Tensor:
        return self.scale * p.dot


class WrongGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return x**2

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return grad


class Uncopyable(kerv.Kernel):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def forward(self, p: kerv.Pair) -> Tensor:
        return p.dot


class Unpicklable(kerv.Kernel):
    def __init__(self) -> None:
        super().__init__()
        self.fn = lambda x: x

    def forward(self, p: kerv.Pair) -> Tensor:
        return self.fn(p.dot)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (lambda p: 3.0, "type: the kernel gave float"),
        (lambda p: p.dot.long(), "type: the kernel gave torch.int64"),
        (lambda p: p.dot.T, r"shape: .* a tensor of shape \(4, 5\)"),
        (lambda p: p.dot.flatten(), r"shape: .* \(20,\)"),
        (lambda p: p.dot / p.x_sq.sqrt(), "finite: for zero patches"),
        (lambda p: p.dot - p.dot.mean(0), "patch by patch"),
        (lambda p: p.dot.sum(), "patch by patch"),
        (lambda p: p.dot.mul_(2), "in place: the kernel changed p.dot"),
        (lambda p: p.centred_dot.mul_(2), "in place: the kernel changed p.centred_dot"),
        (lambda p: p.x.square_().sum(1, keepdim=True) + p.dot, "in place: the kernel changed p.x"),
        (lambda p: p.dot * torch.rand(()), "deterministic: two calls"),
        (Counts(), "deterministic: a call changed calls"),
        (lambda p: p.dot + p.x.shape[1] - p.n, "one kernel: kernel_conv1d and gram"),
        (PerFilterForgotten(), "one kernel: in kernel_conv1d|one kernel: kernel_conv1d"),
        (lambda p: p.dot.detach(), "gradient: neither patches nor filters"),
        (lambda p: WrongGradient.apply(p.dot), "gradient: Jacobian mismatch"),
        (lambda p: -p.l1.sqrt(), "gradient: it is not finite where the patch equals"),
        (PlainTensor(), "parameters: scale is a plain tensor"),
        (ViewOfParameter(), "parameters: scale is a plain tensor"),
        (UnusedParameter(), "parameters: scale gets no gradient"),
        (Unpicklable(), "copies: it cannot be pickled"),
        (Uncopyable(), "copies: it cannot be copied: cannot pickle"),
    ],
)
def test_every_broken_rule_is_named(kernel: kerv.Kernel | Callable, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_kernel(kernel)


def test_a_kernel_of_a_layer_with_values_per_filter_is_refused() -> None:
    layer = kerv.KernelConv2d(3, 8, 3, kernel="gaussian:learnable=true,per_channel=true")
    with pytest.raises(ValueError, match=r"per filter\)\) does not fit the four filters"):
        check_kernel(layer.kernel)


def test_a_check_leaves_the_seeds_of_gpus_and_takes_no_default_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeded: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    before = torch.get_rng_state()
    with torch.device("meta"):
        check_kernel("gaussian:learnable=true,per_channel=true")
    assert not seeded
    assert torch.equal(torch.get_rng_state(), before)
