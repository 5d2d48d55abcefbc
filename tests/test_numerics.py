"""What floating point does to kernels, and what light does not."""

from __future__ import annotations

import copy

import pytest
import torch

import kerv
from kerv import functional, l1

CONV = {1: functional.kernel_conv1d, 2: functional.kernel_conv2d, 3: functional.kernel_conv3d}
OF_A_DISTANCE = ["gaussian", "l1", "l2", "laplacian", "rational_quadratic"]


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("chunk", [1, 100, 700])
def test_l1_is_the_same_in_chunks_of_any_size(
    dims: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(3, 4, *[7, 5, 4][:dims], dtype=torch.float64, requires_grad=True)
    w = torch.randn(6, 2, *[2, 3, 2][:dims], dtype=torch.float64, requires_grad=True)
    options = {"stride": 2, "padding": 1, "dilation": 2 if dims == 1 else 1, "groups": 2}

    def everything() -> list[torch.Tensor]:
        y = CONV[dims](x, w, **options, kernel="laplacian:gamma=0.3")
        first = torch.autograd.grad(y.square().sum(), (x, w), create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), (x, w))
        return [y, *first, *second]

    whole = everything()
    monkeypatch.setattr(l1, "_CHUNK", chunk)
    for part, expected in zip(everything(), whole, strict=True):
        torch.testing.assert_close(part, expected)


def test_l1_holds_no_more_than_a_chunk_of_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(l1, "_CHUNK", 5000)
    sizes = []
    cdist = torch.cdist

    def watched(patches: torch.Tensor, filters: torch.Tensor, p: float) -> torch.Tensor:
        sizes.append(patches.numel())
        return cdist(patches, filters, p=p)

    back, behind = l1._cdist_backward, []

    def watched_back(grad: torch.Tensor, a: torch.Tensor, *rest: object) -> torch.Tensor:
        behind.append(a.numel())
        return back(grad, a, *rest)

    monkeypatch.setattr(torch, "cdist", watched)
    monkeypatch.setattr(l1, "_cdist_backward", watched_back)
    x = torch.randn(2, 3, 64, 16, requires_grad=True)
    functional.kernel_conv2d(x, torch.randn(4, 3, 3, 3), kernel="l1").sum().backward()
    for seen in (sizes, behind):
        assert len(seen) > 4
        assert max(seen) <= 5000


@pytest.mark.parametrize("length", [3, 27, 576, 4608])
def test_l2_is_exactly_0_where_patch_equals_filter(length: int, device: torch.device) -> None:
    w = torch.randn(64, length, 1, device=device, requires_grad=True)
    x = w.detach().clone().requires_grad_()
    y = functional.kernel_conv1d(x, w, kernel="l2").squeeze(2)
    assert (y.diagonal() == 0).all()
    assert (y[~torch.eye(64, dtype=torch.bool, device=device)] < 0).all()
    y.diagonal().sum().backward()
    assert (x.grad == 0).all()
    assert (w.grad == 0).all()


@pytest.mark.parametrize("spec", OF_A_DISTANCE)
def test_distances_to_the_filter_itself_are_small_in_float32(spec: str) -> None:
    w = torch.randn(8, 64, 3, 3)
    y = functional.kernel_conv2d(w, w, kernel=spec).flatten(1).diagonal()
    nearest = 0.0 if spec in ("l1", "l2") else 1.0
    torch.testing.assert_close(y, torch.full_like(y, nearest), rtol=0, atol=1e-3)


@pytest.mark.parametrize("spec", ["gaussian", "laplacian", "rational_quadratic"])
@pytest.mark.parametrize("channels", [1, 3, 64])
def test_default_gammas_make_no_denormals(spec: str, channels: int) -> None:
    """They would slow a CPU several-fold."""
    layer = kerv.KernelConv2d(channels, 16, 3, bias=False, kernel=spec)
    y = layer(3 * torch.randn(2, channels, 12, 12)).detach()
    assert y.min() > torch.finfo(torch.float32).tiny


@pytest.mark.parametrize("spec", ["cosine", "gaussian:normalized=true", "correlation"])
def test_what_does_not_see_the_contrast(spec: str) -> None:
    layer = kerv.KernelConv2d(
        3, 8, 3, padding=1, padding_mode="reflect", kernel=spec, dtype=torch.float64
    )
    x = torch.rand(2, 3, 9, 9, dtype=torch.float64)
    for light in (0.1, 1, 10):
        torch.testing.assert_close(layer(light * x), layer(x), rtol=1e-4, atol=1e-4)


def test_correlation_does_not_see_the_brightness_either() -> None:
    layer, zeros = (
        kerv.KernelConv2d(3, 8, 3, padding=1, padding_mode=mode, kernel="correlation")
        for mode in ("reflect", "zeros")
    )
    x = torch.rand(2, 3, 9, 9)
    torch.testing.assert_close(layer(0.3 * x + 0.5), layer(x), rtol=1e-3, atol=1e-3)
    # What the docstring warns of: zeros beside a brighter picture are an edge.
    assert (zeros(0.3 * x + 0.5) - zeros(x)).abs().max() > 0.05


@pytest.mark.parametrize("spec", ["cosine", "arc_cosine", "arc_cosine:order=0", "correlation"])
def test_zero_patches_and_parallel_ones_have_finite_gradients(spec: str) -> None:
    w = torch.randn(4, 6)
    patches = torch.cat([torch.zeros(1, 6), w, -2 * w]).requires_grad_()
    w.requires_grad_()
    y = kerv.get_kernel(spec).gram(patches, w)
    y.sum().backward()
    assert y.isfinite().all()
    assert patches.grad.isfinite().all()
    assert w.grad.isfinite().all()
    assert (y[0] == (0.5 if spec.endswith("0") else 0)).all()


@pytest.mark.parametrize("spec", ["cosine", "gaussian:normalized=true", "arc_cosine:order=0"])
def test_tiny_patches_have_finite_gradients(spec: str) -> None:
    torch.manual_seed(0)
    w = torch.randn(4, 27)
    x = (1e-14 * torch.randn(5, 27)).requires_grad_()
    exact = x.detach().double().requires_grad_()
    for patches in (x, exact):
        kerv.get_kernel(spec).gram(patches, w.to(patches.dtype)).sum().backward()
    scale = exact.grad.abs().max()
    torch.testing.assert_close(x.grad / scale, (exact.grad / scale).float(), rtol=0, atol=1e-4)


def test_a_rational_quadratic_with_a_large_alpha_is_a_gaussian() -> None:
    torch.manual_seed(0)
    x, w = torch.randn(50, 27), torch.randn(8, 27)
    y = kerv.RationalQuadraticKernel(alpha=1e6, gamma=0.1).gram(x, w)
    distances = torch.cdist(x.double(), w.double()).square()
    exact = (1 + 0.1 * distances / 1e6) ** -1e6
    torch.testing.assert_close(y.double(), exact, rtol=1e-5, atol=0)


def test_far_away_a_rational_quadratic_answers_next_to_nothing() -> None:
    y = kerv.RationalQuadraticKernel(gamma=1e3).gram(torch.full((1, 3), 1e18), torch.ones(2, 3))
    assert (y < 1e-30).all()


@pytest.mark.parametrize(("level", "contrast"), [(2, 1e-3), (100, 1e-2), (1000, 0.0)])
def test_correlation_stays_in_its_range_on_bright_flat_patches(
    level: float, contrast: float
) -> None:
    torch.manual_seed(0)
    x = level + contrast * torch.randn(1000, 27)
    y = kerv.CorrelationKernel().gram(x, torch.randn(16, 27))
    assert y.abs().max() < (1 if contrast else 1e-3)


@pytest.mark.parametrize(("gamma", "c"), [(0.01, 0.5), (0.05, 1.0), (1.0, 0.0)])
def test_the_gamma_of_tanh_has_its_gradient_under_autocast(gamma: float, c: float) -> None:
    torch.manual_seed(0)
    x, grads = torch.randn(8, 3, 12, 12), []
    kernel = kerv.SigmoidKernel(gamma=gamma, c=c, learnable=True)
    layer = kerv.KernelConv2d(3, 8, 3, bias=False, kernel=kernel)
    upstream = torch.randn(8, 8, 10, 10)
    for on in (True, False):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=on):
            y = layer(x)
        (y.float() * upstream).sum().backward()
        grads.append(layer.kernel.gamma.raw.grad.item())
    assert grads[0] == pytest.approx(grads[1], rel=0.02)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("spec", kerv.kernel_names())
def test_autocast_stays_close_to_float32(spec: str, half: torch.dtype) -> None:
    layer = kerv.KernelConv2d(8, 8, 3, kernel=spec)
    x = torch.randn(2, 8, 8, 8)
    exact = layer(x)
    with torch.autocast("cpu", half):
        y = layer(x)
    y.float().sum().backward()
    assert y.dtype == half
    assert layer.weight.grad.isfinite().all()
    tolerance = 0.05 * exact.abs().max().item()
    torch.testing.assert_close(y.float(), exact, rtol=0.05, atol=tolerance)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "spec",
    [
        *("gaussian:gamma=1", "gaussian:gamma=100,normalized=true", "rational_quadratic:gamma=1"),
        *("l2", "l2:squared=true"),
    ],
)
def test_kernels_keep_the_digits_of_a_small_distance_under_autocast(
    spec: str, half: torch.dtype
) -> None:
    w = torch.randn(4, 64, 3, 3)
    x = w + 0.01 * torch.randn_like(w)  # ‖x−w‖² is a ten-thousandth of ‖x‖²

    def beside_its_filter(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return functional.kernel_conv2d(x, w, kernel=spec).flatten(1).diagonal()

    exact = beside_its_filter(x.double(), w.double())
    with torch.autocast("cpu", half):
        found = beside_its_filter(x, w)
    torch.testing.assert_close(found.double(), exact, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("spec", ["gaussian", "rational_quadratic", "l2"])
def test_gradients_keep_their_digits_under_autocast(spec: str) -> None:
    w = torch.randn(8, 64, 3, 3)
    x = (w + 0.02 * torch.randn_like(w)).bfloat16().requires_grad_()

    def gradient(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        y = functional.kernel_conv2d(x, w, kernel=spec).flatten(1).diagonal()
        return torch.autograd.grad(y.sum(), [x])[0]

    exact = gradient(x.detach().double().requires_grad_(), w.double())
    with torch.autocast("cpu", torch.bfloat16):
        found = gradient(x, w)
    # Two gradients that all but cancel are added before they are rounded.
    assert (found.double() - exact).norm() < 0.01 * exact.norm()


def test_half_precision_keeps_one_wide_copy_of_its_input() -> None:
    layer = kerv.KernelConv2d(8, 4, 3, kernel="gaussian")
    x = torch.randn(2, 8, 9, 9).bfloat16().requires_grad_()
    kept = {}

    def pack(t: torch.Tensor) -> torch.Tensor:
        kept[t.untyped_storage().data_ptr()] = t
        return t

    with (
        torch.autocast("cpu", torch.bfloat16),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t),
    ):
        layer(x)
    wide = [t for t in kept.values() if t.dtype == torch.float32 and t.numel() == x.numel()]
    assert len(wide) == 1


@pytest.mark.parametrize("spec", kerv.kernel_names())
def test_autocast_leaves_float64_alone(spec: str) -> None:
    layer = kerv.KernelConv2d(2, 3, 3, kernel=spec, dtype=torch.float64)
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    torch.testing.assert_close(y, layer(x))  # compares the type too


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("spec", kerv.kernel_names())
def test_layers_of_half_types(spec: str, half: torch.dtype) -> None:
    learn = ":learnable=true" if list(kerv.get_kernel(spec).children()) else ""
    layer = kerv.KernelConv2d(8, 8, 3, kernel=spec + learn).to(half)
    x = torch.randn(2, 8, 8, 8).to(half)
    y = layer(x)
    y.float().sum().backward()
    exact = copy.deepcopy(layer).float()(x.float())
    assert y.dtype == half
    for parameter in layer.parameters():
        assert parameter.grad.dtype == half
        assert parameter.grad.isfinite().all()
    torch.testing.assert_close(y.float(), exact, rtol=0.05, atol=0.05 * exact.abs().max().item())


@pytest.mark.parametrize("spec", ["l1", "laplacian:gamma=0.3"])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_gradients_of_l1_are_right_for_any_geometry(dims: int, spec: str) -> None:
    x = torch.randn(2, 2, *[7, 6, 5][:dims], dtype=torch.float64, requires_grad=True)
    w = torch.randn(2, 1, *[2, 3, 2][:dims], dtype=torch.float64, requires_grad=True)
    options = {"stride": [1, 2, 1][:dims], "dilation": [2, 1, 2][:dims], "padding": 1, "groups": 2}

    def forward(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return CONV[dims](x, w, **options, kernel=spec)

    assert torch.autograd.gradcheck(forward, (x, w), fast_mode=True)
    assert torch.autograd.gradgradcheck(forward, (x, w), fast_mode=True)


@pytest.mark.parametrize("asked", ["x", "w"])
def test_l1_computes_the_gradient_that_is_asked_for_alone(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    back, calls = l1._cdist_backward, []

    def watched(*arguments: torch.Tensor) -> torch.Tensor:
        calls.append(arguments)
        return back(*arguments)

    monkeypatch.setattr(l1, "_cdist_backward", watched)
    tensors = {"x": torch.randn(2, 3, 6, 6).double(), "w": torch.randn(4, 3, 3, 3).double()}

    def gradients(*names: str) -> list[torch.Tensor]:
        calls.clear()
        given = {k: v.clone().requires_grad_(k in names) for k, v in tensors.items()}
        y = functional.kernel_conv2d(given["x"], given["w"], kernel="laplacian:gamma=0.1")
        wanted = [given[name] for name in names]
        first = torch.autograd.grad(y.sum(), wanted, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), wanted)
        return [*first, *second]

    both = gradients("x", "w")
    assert len(calls) == 4
    alone = gradients(asked)
    assert len(calls) == 2
    torch.testing.assert_close(alone[0], both["xw".index(asked)])
    given = tensors | {asked: tensors[asked].clone().requires_grad_()}
    assert torch.autograd.gradgradcheck(
        lambda x, w: functional.kernel_conv2d(x, w, kernel="laplacian:gamma=0.1"),
        (given["x"], given["w"]),
        fast_mode=True,
    )


def test_a_flat_patch_under_emulated_tf32_answers_no_more_than_the_docstring_says() -> None:
    def rounded(values: torch.Tensor) -> torch.Tensor:
        # To 10 binary digits, the nearest; ties do not matter here.
        bits = values.contiguous().view(torch.int32)
        return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)

    torch.manual_seed(0)
    weight = torch.nn.Conv2d(3, 64, 3).weight.detach().flatten(1)
    flat = torch.linspace(-2, 2.5, 91)[:, None].expand(-1, weight.shape[1])
    pair = kerv.VectorPair(flat, weight)
    exact = kerv.CorrelationKernel()(pair)
    centred = weight - weight.mean(1, keepdim=True)
    pair._centred_dot = rounded(flat) @ rounded(centred).T
    found = kerv.CorrelationKernel()(pair).abs().max()
    assert exact.abs().max() < 0.001
    assert 0.1 < found < 0.2
