"""Filters from patches: what is set, what stays as it was, and what is refused."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

import kerv
from kerv.init import init_from_data


def network(kernel: kerv.Kernel | str = "gaussian") -> nn.Sequential:
    return nn.Sequential(
        kerv.KernelConv2d(3, 8, 3, padding=1, padding_mode="reflect", kernel=kernel),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(8, 8, 3),
        kerv.KernelConv2d(8, 6, (3, 2), stride=2, groups=2, kernel=kernel),
        kerv.KernelConv2d(6, 4, 1, kernel="polynomial"),
    )


BATCH = torch.randn(16, 3, 9, 8, generator=torch.Generator().manual_seed(0))


# Forty pictures with nothing on them, and one with something.
MOSTLY_ZERO = torch.cat([torch.zeros(40, 3, 9, 8), BATCH[:1]])


def is_a_patch(filter: torch.Tensor, x: torch.Tensor, layer: kerv.KernelConv2d) -> bool:
    patches = nn.functional.unfold(
        x, layer.kernel_size, layer.dilation, layer.padding, layer.stride
    ).transpose(1, 2)
    return bool((patches - filter.flatten()).abs().amax(-1).min() < 1e-5)


def test_filters_are_patches_and_gamma_is_one_over_the_median() -> None:
    layer = kerv.KernelConv2d(3, 8, 3, padding=1, dilation=2, stride=2, kernel="gaussian")
    init_from_data(layer, BATCH)
    assert all(is_a_patch(w, BATCH, layer) for w in layer.weight.detach())
    assert len({tuple(w.flatten().tolist()) for w in layer.weight.detach()}) == 8
    patches = nn.functional.unfold(BATCH, 3, 2, 1, 2).transpose(1, 2).flatten(0, 1)
    median = torch.cdist(patches, layer.weight.detach().flatten(1)).square().median()
    # The median over a sample of the patches.
    assert layer.kernel.gamma.value().item() == pytest.approx(1 / median.item(), rel=0.2)


@pytest.mark.parametrize("name", ["gaussian", "rational_quadratic", "laplacian"])
def test_half_of_the_answers_lie_above_what_the_median_gives(name: str) -> None:
    layer = kerv.KernelConv2d(3, 16, 3, bias=False, kernel=name)
    init_from_data(layer, BATCH)
    middle = 0.5 if name == "rational_quadratic" else torch.e**-1
    assert 0.4 < (layer(BATCH) > middle).float().mean() < 0.6
    tripled = copy.deepcopy(layer)
    init_from_data(tripled, BATCH, scale=3)
    ratio = tripled.kernel.gamma.value() / layer.kernel.gamma.value()
    assert ratio.item() == pytest.approx(3, rel=1e-5)


def test_normalized_patches_have_a_median_of_their_own() -> None:
    layer = kerv.KernelConv2d(3, 16, 3, bias=False, kernel="gaussian:normalized=true")
    init_from_data(layer, 100 * BATCH)
    assert 0.4 < (layer(100 * BATCH) > torch.e**-1).float().mean() < 0.6


def test_the_second_layer_sees_what_the_first_answers_now() -> None:
    net = network()
    net[3] = nn.Identity()  # dropout would draw other pixels in the second pass
    init_from_data(net, BATCH)
    seen = []
    net[5].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0].detach()))
    net(BATCH)
    for o, filter in enumerate(net[5].weight.detach()):
        half = seen[0][:, :4] if o < 3 else seen[0][:, 4:]
        assert is_a_patch(filter, half, net[5])


def test_only_what_it_concerns_changes() -> None:
    net = network().eval()
    net[1].train()
    state, random = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    init_from_data(net, BATCH)
    changed = {k for k, v in net.state_dict().items() if not torch.equal(v, state[k])}
    assert changed == {"0.weight", "0.kernel.gamma.raw", "5.weight", "5.kernel.gamma.raw"}
    assert [m.training for m in net] == [False, True, *[False] * 5]
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(m._forward_pre_hooks for m in net.modules())


def test_the_seed_decides() -> None:
    nets = [network() for _ in range(3)]
    for net, seed in zip(nets, (0, 0, 1), strict=True):
        net.load_state_dict(nets[0].state_dict() if net is not nets[0] else net.state_dict())
        torch.manual_seed(5)
        init_from_data(net, BATCH, seed=seed)
    assert torch.equal(nets[0][0].weight, nets[1][0].weight)
    assert not torch.equal(nets[0][0].weight, nets[2][0].weight)


def test_no_two_filters_are_alike_where_most_patches_are() -> None:
    layer = kerv.KernelConv2d(3, 8, 3, groups=1, kernel="l2")
    init_from_data(layer, MOSTLY_ZERO)
    assert len(layer.weight.detach().flatten(1).unique(dim=0)) == 8
    assert all(is_a_patch(w, MOSTLY_ZERO, layer) for w in layer.weight.detach())


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_every_dimension(dims: int, device: torch.device) -> None:
    conv = {1: kerv.KernelConv1d, 2: kerv.KernelConv2d, 3: kerv.KernelConv3d}[dims]
    layer = conv(2, 4, 2, padding=1, groups=2, kernel="l2", device=device)
    x = torch.randn(6, 2, *[5] * dims, device=device)
    init_from_data(layer, x)
    padded = nn.functional.pad(x, [1, 1] * dims)
    for filter, group in zip(layer.weight.detach(), (0, 0, 1, 1), strict=True):
        windows = padded[:, group]
        for dim in range(1, dims + 1):
            windows = windows.unfold(dim, 2, 1)
        assert (windows == filter[0]).flatten(-dims).all(-1).any(), "a patch, pixel for pixel"


def test_tied_layers_are_set_up_once() -> None:
    layer = kerv.KernelConv2d(3, 3, 3, padding=1, kernel="gaussian")
    init_from_data(nn.Sequential(layer, layer), BATCH)
    assert all(is_a_patch(w, BATCH, layer) for w in layer.weight.detach())


class Unreached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = kerv.KernelConv2d(3, 4, 3, kernel="gaussian")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.parametrize(
    ("net", "batch", "message"),
    [
        (nn.Conv2d(3, 4, 3), BATCH, "Conv2d has no kernel layer of a distance: GaussianKernel, "),
        (network("cosine"), BATCH, "Sequential has no kernel layer of a distance"),
        (Unreached(), BATCH, "the batch reached none of the layers layer"),
        (
            network(),
            BATCH[:0],
            r"layer '0' has 8 filters, and 0 patches of its input \(0, 3, 9, 8\) hold only 0",
        ),
        (network(), torch.zeros(4, 3, 9, 8), r"288 patches of its input .* hold only 1 different"),
        (
            nn.Sequential(kerv.KernelConv2d(3, 1, 3, kernel="gaussian")),
            MOSTLY_ZERO,
            "layer '0': most patches of its input are equal",
        ),
        (network(), BATCH.clone().index_fill_(0, torch.tensor([3]), math.nan), "NaN or infinity"),
        (
            nn.Sequential(nn.utils.parametrizations.weight_norm(network()[0])),
            BATCH,
            "the filters of layer '0' are computed from other parameters",
        ),
    ],
)
def test_what_cannot_be_is_said(net: nn.Module, batch: torch.Tensor, message: str) -> None:
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=message):
        init_from_data(net, batch)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


class OfItsOwn(nn.Module):
    """Calls its layers by keyword, and keeps a running mean in a new tensor each time."""

    def __init__(self) -> None:
        super().__init__()
        self.first = kerv.KernelConv2d(3, 4, 3, kernel="gaussian")
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean = 0.9 * self.mean + 0.1 * x.mean()
        return self.first(input=x)


def test_layers_called_by_keyword_and_buffers_that_are_replaced() -> None:
    net = OfItsOwn()
    init_from_data(net, BATCH + 1)
    assert net.mean == 0
    assert all(is_a_patch(w, BATCH + 1, net.first) for w in net.first.weight.detach())


def test_an_error_in_a_later_layer_leaves_the_first_as_it_was() -> None:
    net = nn.Sequential(network()[0], nn.AdaptiveAvgPool2d(3), network()[0])
    before = copy.deepcopy(net.state_dict())
    with pytest.raises((ValueError, RuntimeError)):
        init_from_data(net, BATCH)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("scale", "error"), [(0, ValueError), (float("inf"), ValueError), ("1", TypeError)]
)
def test_scale_is_a_number_greater_than_0(scale: float, error: type) -> None:
    with pytest.raises(error, match="scale must be a"):
        init_from_data(network(), BATCH, scale=scale)


def test_hooks_and_buffers_are_restored_after_an_error() -> None:
    net = network()
    before = net[1].running_mean.clone()
    with pytest.raises(RuntimeError):
        init_from_data(net, torch.randn(16, 3, 2, 2))
    assert torch.equal(net[1].running_mean, before)
    assert not any(m._forward_pre_hooks for m in net.modules())


def test_the_batch_goes_through_in_training_mode() -> None:
    net = network()
    net[3] = nn.Identity()
    init_from_data(net.eval(), 5 + 3 * BATCH)
    seen = []
    net[5].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0].detach()))
    net.train()(5 + 3 * BATCH)
    assert all(is_a_patch(w, seen[0][:, :4], net[5]) for w in net[5].weight.detach()[:3])
