"""Kernel convolution against the loop oracle, torch and its own promises."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import torch
import torch.nn.functional as F
from conftest import DEVICES
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.overrides import TorchFunctionMode

import kerv
from kerv import functional

CONV = {1: functional.kernel_conv1d, 2: functional.kernel_conv2d, 3: functional.kernel_conv3d}
# Torch says that an even filter with padding='same' may cost a copy. That is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")

LAYER = {1: kerv.KernelConv1d, 2: kerv.KernelConv2d, 3: kerv.KernelConv3d}
PLAIN = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NAMES = kerv.kernel_names()
WITH_HYPER = [name for name in NAMES if list(kerv.get_kernel(name).children())]


@st.composite
def geometries(draw: st.DrawFn) -> dict:
    """A small convolution of 1 to 3 dimensions whose filter fits into the padded picture."""
    dims = draw(st.sampled_from([1, 2, 2, 2, 3]))
    per_dim = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(dims))  # noqa: E731
    kernel_size, dilation = per_dim(1, 3), per_dim(1, 2)
    padding = draw(st.sampled_from(["numbers", "one number", "same", "valid"]))
    stride = (1,) * dims if padding == "same" else per_dim(1, 3)
    if padding == "numbers":
        padding = per_dim(0, 2)
    elif padding == "one number":
        padding = draw(st.integers(0, 2))
    reach = [d * (k - 1) for d, k in zip(dilation, kernel_size, strict=True)]
    # Large enough for the filter, and for circular padding to wrap around only once.
    size = tuple(max(r + 1, 3) + draw(st.integers(0, 2)) for r in reach)
    groups = draw(st.sampled_from([1, 1, 2]))
    return {
        "dims": dims,
        "batch": draw(st.integers(1, 2)),
        "size": size,
        "in_channels": groups * draw(st.integers(1, 2)),
        "out_channels": groups * draw(st.integers(1, 2)),
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
        "bias": draw(st.booleans()),
    }


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=30)
@given(geometry=geometries(), seed=st.integers(0, 2**16))
def test_layer_equals_loops_for_any_geometry(name: str, geometry: dict, seed: int) -> None:
    g = dict(geometry)
    dims, batch, size = g.pop("dims"), g.pop("batch"), g.pop("size")
    torch.manual_seed(seed)
    layer = LAYER[dims](**g, kernel=name, dtype=torch.float64)
    x = torch.randn(batch, g["in_channels"], *size, dtype=torch.float64)
    padding = (g["padding"],) * dims if isinstance(g["padding"], int) else g["padding"]
    expected = reference.kernel_conv(
        x.numpy(),
        layer.weight.detach().numpy(),
        layer.bias.detach().numpy() if g["bias"] else None,
        reference.DEFAULT_FORMULAS[name],
        g["stride"],
        padding,
        g["dilation"],
        g["groups"],
        g["padding_mode"],
    )
    torch.testing.assert_close(layer(x).detach(), torch.from_numpy(expected))


def test_the_oracle_has_a_formula_for_every_kernel() -> None:
    assert list(reference.DEFAULT_FORMULAS) == NAMES


@settings(deadline=None, max_examples=25)
@given(geometry=geometries(), seed=st.integers(0, 2**16))
def test_linear_layer_is_torch_to_the_last_bit(geometry: dict, seed: int) -> None:
    g = dict(geometry)
    dims, batch, size = g.pop("dims"), g.pop("batch"), g.pop("size")
    torch.manual_seed(seed)
    plain = PLAIN[dims](**g)
    layer = LAYER[dims](**g)
    layer.load_state_dict(plain.state_dict())
    x = torch.randn(batch, g["in_channels"], *size)
    assert torch.equal(layer(x), plain(x))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_without_batch_and_with_an_empty_one(name: str, dims: int, device: torch.device) -> None:
    layer = LAYER[dims](2, 3, 2, kernel=name, device=device)
    x = torch.randn(2, *[4] * dims, device=device)
    torch.testing.assert_close(layer(x), layer(x[None])[0])
    nothing = layer(x[None][:0])
    assert nothing.shape == (0, 3, *[3] * dims)
    nothing.sum().backward()
    assert (layer.weight.grad == 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_memory_formats_agree(name: str, device: torch.device) -> None:
    layer = kerv.KernelConv2d(4, 6, 3, padding=1, kernel=name, device=device)
    x = torch.randn(2, 4, 7, 5, device=device)
    expected = layer(x)
    transposed = x.transpose(2, 3).contiguous().transpose(2, 3)
    for same in (x.contiguous(memory_format=torch.channels_last), transposed):
        torch.testing.assert_close(layer(same), expected)
    [plain] = torch.autograd.grad(expected.square().sum(), [layer.weight])
    layer.to(memory_format=torch.channels_last)  # as in training
    last = layer(x.contiguous(memory_format=torch.channels_last))
    # The layer behind expects what a convolution would give it. (L1 comes from rows.)
    if name not in ("l1", "laplacian"):
        assert last.is_contiguous(memory_format=torch.channels_last)
    [gradient] = torch.autograd.grad(last.square().sum(), [layer.weight])
    torch.testing.assert_close(gradient, plain)


def test_a_distance_of_ones_own_keeps_the_memory_format(device: torch.device) -> None:
    layer = kerv.KernelConv2d(4, 6, 3, kernel=lambda p: -p.dist_sq, device=device)
    layer.to(memory_format=torch.channels_last)
    x = torch.randn(2, 4, 7, 5, device=device).contiguous(memory_format=torch.channels_last)
    assert layer(x).is_contiguous(memory_format=torch.channels_last)


def test_backward_of_a_wide_dilation_needs_no_more_memory() -> None:
    """What is allocated, in units of the input, for a depthwise layer."""
    allocated = []
    for dilation in (1, 12):
        layer = kerv.KernelConv2d(
            8, 8, 3, padding=dilation, dilation=dilation, groups=8, kernel="gaussian"
        )
        x = torch.randn(1, 8, 48, 48, requires_grad=True)
        y = layer(x).sum()
        with torch.profiler.profile(profile_memory=True) as profile:
            y.backward()
        events = [event.nbytes() for event in profile.profiler.kineto_results.events()]
        allocated.append(sum(size for size in events if size > 0) / x.nbytes)
    assert allocated[1] < 1.5 * allocated[0]


class CountConvolutions(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.count += func in (F.conv1d, F.conv2d, F.conv3d, torch.conv2d, torch.convolution)
        assert func not in (F.unfold, torch._C._nn.im2col), "unfold copies the picture"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "kernel",
    [
        *(name for name in NAMES if name not in ("l1", "laplacian")),
        kerv.GaussianKernel() + 2 * kerv.PolynomialKernel(),
    ],
)
def test_a_kernel_costs_one_convolution(kernel: kerv.Kernel | str) -> None:
    layer = kerv.KernelConv2d(4, 6, 3, padding=1, groups=2, kernel=kernel)
    with CountConvolutions() as counter:
        layer(torch.randn(1, 4, 8, 8))
    assert counter.count == 1


@pytest.mark.parametrize(
    "spec", [*NAMES, "l2:squared=true", "arc_cosine:order=0", "gaussian:normalized=true"]
)
@pytest.mark.parametrize("per_channel", [False, True])
def test_gradients_with_hyper_parameters(spec: str, per_channel: bool) -> None:
    spec, _, given = spec.partition(":")
    has_hyper = spec in WITH_HYPER
    learning = f"learnable=true,per_channel={per_channel}" if has_hyper else ""
    options = ":" + ",".join(filter(None, [given, learning]))
    layer = kerv.KernelConv2d(
        2, 2, (1, 2), stride=(1, 2), padding=1, groups=2, kernel=spec + options, dtype=torch.float64
    )
    names = [n for n, _ in layer.named_parameters()]
    assert any(n.startswith("kernel.") for n in names) == has_hyper

    def forward(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        values = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(layer, values, (x,))

    x = torch.randn(2, 2, 1, 3, dtype=torch.float64, requires_grad=True)
    arguments = (x, *(p.detach().clone().requires_grad_() for p in layer.parameters()))
    assert torch.autograd.gradcheck(forward, arguments)
    assert torch.autograd.gradgradcheck(forward, arguments, fast_mode=True)


@pytest.mark.parametrize("name", NAMES)
def test_compiles_to_one_graph(name: str) -> None:
    torch._dynamo.reset()  # else the kernels before this one count as recompilations
    layer = kerv.KernelConv2d(2, 4, 3, padding=1, kernel=name)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = torch.randn(2, 2, 6, 5, requires_grad=True)
    (expected,) = torch.autograd.grad(layer(x).square().sum(), x)
    (actual,) = torch.autograd.grad(compiled(x).square().sum(), x)
    torch.testing.assert_close(compiled(x), layer(x))
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("name", NAMES)
def test_runs_on_fake_cuda_and_meta_devices(name: str) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    meta = kerv.KernelConv2d(3, 4, 3, kernel=name, device="meta")
    assert meta(torch.empty(1, 3, 8, 8, device="meta")).shape == (1, 4, 6, 6)
    half = torch.empty(1, 3, 8, 8, device="meta", dtype=torch.float16)
    assert meta.half()(half).shape == (1, 4, 6, 6)
    with FakeTensorMode():
        layer = kerv.KernelConv2d(3, 4, 3, kernel=name, device="cuda")
        y = layer(torch.empty(1, 3, 8, 8, device="cuda"))
        assert "(kernel)" in repr(layer)
    assert y.device.type == "cuda"


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("device_type", DEVICES)
def test_distances_keep_their_digits_under_autocast(half: torch.dtype, device_type: str) -> None:
    # A patch close to a long filter: ‖x−w‖² is 1e-4 of ‖x‖², below what 8 bits can tell.
    w = torch.randn(4, 64, 3, 3, device=device_type)
    x = w[:1] + 0.01 * torch.randn(1, 64, 3, 3, device=device_type)
    expected = torch.cdist(x.flatten(1).double(), w.flatten(1).double()) ** 2
    seen = []

    def distance(p: kerv.Pair) -> torch.Tensor:
        seen.append(p.dist_sq)
        return p.dist_sq

    with torch.autocast(device_type, half):
        y = functional.kernel_conv2d(x, w, kernel=distance)
    assert y.dtype == half
    assert seen[0].dtype == torch.float32
    # The absolute error is that of float32 sums of 1e3: some 1e-3.
    torch.testing.assert_close(seen[0].flatten(1).double(), expected, rtol=1e-3, atol=2e-3)


def test_float16_sums_of_squares_do_not_overflow() -> None:
    x = torch.full((1, 1, 3, 3), 200.0, dtype=torch.float16)
    y = functional.kernel_conv2d(x, x, kernel="gaussian")
    assert y.dtype == torch.float16
    assert y.item() == 1


def test_gradient_is_finite_where_patch_equals_filter(device: torch.device) -> None:
    w = torch.randn(2, 3, 3, 3, device=device, requires_grad=True)
    x = w.detach()[:1].clone().requires_grad_()
    y = functional.kernel_conv2d(x, w, kernel="gaussian:gamma=2")
    y.sum().backward()
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(w.grad).all()
    # At zero distance the slope is zero, up to the rounding of a sum of 27 squares.
    assert w.grad[0].abs().max() < 1e-4


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        ("linear", 0),
        ("polynomial:learnable=true", 1),
        ("gaussian:learnable=true,per_channel=true", 1),
        ("sigmoid:learnable=true,per_channel=true", 1),
        ("gaussian:learnable=true,per_channel=true,normalized=true", 1),
        ("l1", 0),
        ("l2", 1),
        ("l2:squared=true", 1),
        ("laplacian:learnable=true,per_channel=true", 1),
        ("rational_quadratic:learnable=true,per_channel=true", 1),
        ("cosine", 1),
        ("correlation", 1),
        ("arc_cosine:order=0", 1),
        ("arc_cosine:order=1", 1),
    ],
)
def test_memory_kept_for_backward(spec: str, kept: int) -> None:
    """At most one output-sized tensor, and one like the weights, more than a convolution keeps."""
    x = torch.randn(2, 8, 16, 16, requires_grad=True)
    layer = kerv.KernelConv2d(8, 64, 3, padding=1, bias=False, kernel=spec)
    plain = nn.Conv2d(8, 64, 3, padding=1, bias=False)

    def saved(module: nn.Module) -> int:
        storages = {}

        def pack(t: torch.Tensor) -> torch.Tensor:
            storages[t.untyped_storage().data_ptr()] = t.numel()
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            y = module(x)
        return sum(storages.values()), y.numel()

    (ours, output), (torchs, _) = saved(layer), saved(plain)
    # Sums over channels and single numbers are small change: under a tenth of the output. Only
    # correlation keeps other weights, its filters minus their means.
    weights = layer.weight.numel() if spec == "correlation" else 0
    assert ours - torchs <= (kept + 0.1) * output + weights


def test_values_by_hand() -> None:
    # The patch 1 2 / 3 4 with the filter 1 0 / 0 1: ⟨x, w⟩ = 5, ‖x−w‖² = 0 + 4 + 9 + 9 = 22.
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    w = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
    conv = functional.kernel_conv2d
    assert conv(x, w).item() == 5
    assert conv(x, w, torch.tensor([10.0]), kernel="polynomial:degree=2,c=1").item() == 46
    assert conv(x, w, kernel="gaussian:gamma=0.1").item() == pytest.approx(np.exp(-2.2))
    assert conv(x, w, kernel="sigmoid:gamma=0.1,c=-0.2").item() == pytest.approx(np.tanh(0.3))
    assert conv(x, w, kernel=lambda p: p.x_sq + p.w_sq).item() == 32


def test_a_number_of_numpy_is_a_number() -> None:
    x, w = torch.randn(1, 1, 6, 6), torch.randn(1, 1, 2, 2)
    for kernel in ("linear", "gaussian"):
        y = functional.kernel_conv2d(x, w, stride=np.int64(2), kernel=kernel)
        assert torch.equal(y, functional.kernel_conv2d(x, w, stride=2, kernel=kernel))
    assert repr(kerv.PolynomialKernel(np.int64(2))) == "PolynomialKernel(degree=2, c=1)"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"input": torch.ones(1, 2, 5, 5, dtype=torch.int64)}, TypeError, "got torch.int64"),
        (
            {"input": torch.ones(1, 2, 5, 5, dtype=torch.complex64)},
            TypeError,
            "floating-point input, got torch.complex64$",
        ),
        (
            {"input": torch.ones(1, 2, 5, 5).half()},
            RuntimeError,
            "input and weight of one type, got torch.float16 and torch.float32",
        ),
        ({"input": torch.ones(5, 5)}, ValueError, r"3 without the batch, got shape \(5, 5\)"),
        ({"input": torch.ones(1, 3, 5, 5)}, ValueError, r"needs 2 input channels, got an input"),
        ({"weight": torch.ones(4, 2, 3)}, ValueError, r"weight with 4 dimensions.*\(4, 2, 3\)"),
        ({"groups": 3}, ValueError, "groups must divide the 4 filters, got 3"),
        ({"stride": 0}, ValueError, "stride must be one number or 2 numbers, each at least 1"),
        ({"stride": 1.5}, ValueError, "stride must be .* got 1.5"),
        ({"dilation": (1, 2, 3)}, ValueError, r"dilation must be .* got \(1, 2, 3\)"),
        ({"padding": -1}, ValueError, "padding must be .* at least 0, got -1"),
        ({"padding": "full"}, ValueError, "'same' or 'valid', got 'full'"),
        ({"padding": "same", "stride": 2}, ValueError, r"needs a stride of 1, got \(2, 2\)"),
        ({"dilation": 3}, ValueError, r"the filter does not fit: input \(1, 2, 5, 5\)"),
        ({"bias": torch.ones(3)}, ValueError, r"each of the 4 filters, got .* \(3,\)"),
        ({"bias": torch.ones(())}, ValueError, r"each of the 4 filters, got shape \(\)"),
        ({"kernel": "gausian"}, ValueError, "unknown kernel 'gausian'; the kernels are linear, "),
    ],
)
def test_bad_arguments_are_named(arguments: dict, error: type, message: str) -> None:
    valid = {
        "input": torch.ones(1, 2, 5, 5),
        "weight": torch.ones(4, 2, 3, 3),
        "kernel": "gaussian",
    }
    with pytest.raises(error, match=message):
        functional.kernel_conv2d(**{**valid, **arguments})
