"""The numbered equations of chapter 3, on random patches and filters in float64."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

import kerv


def random(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def answer(kernel: kerv.Kernel, x: Tensor, w: Tensor) -> Tensor:
    """What a layer of one filter answers to a picture that is one patch."""
    layer = kerv.KernelConv2d(1, 1, tuple(w.shape), bias=False, kernel=kernel).double()
    layer.weight.data = w[None, None]
    return layer(x[None, None]).squeeze().detach()


def test_equation_3_1() -> None:
    picture, w = random(5, 7), random(2, 3)
    responses = F.conv2d(picture[None, None], w[None, None])[0, 0]
    for i, j in itertools.product(range(4), range(5)):
        x = picture[i : i + 2, j : j + 3]
        assert_close(responses[i, j], sum(x[a, b] * w[a, b] for a in range(2) for b in range(3)))


def test_equation_3_2a() -> None:
    x, w = random(2, 2, 3)
    assert_close(answer(kerv.LinearKernel(), x, w), (x * w).sum())


def test_equation_3_2b() -> None:
    x, w = random(2, 2, 3)
    for d in (1, 2, 3):
        assert_close(answer(kerv.PolynomialKernel(d, -0.4), x, w), ((x * w).sum() - 0.4) ** d)


def test_equation_3_2c() -> None:
    x, w = random(2, 2, 3)
    right = torch.exp(-0.3 * (x - w).square().sum())
    assert_close(answer(kerv.GaussianKernel(0.3), x, w), right)


def test_equation_3_3() -> None:
    """Before the kernel the bias would do something else."""
    x = random(2, 3, 6, 5)
    for name in kerv.kernel_names():
        layer = kerv.KernelConv2d(3, 4, 3, kernel=name).double()
        kappa = kerv.functional.kernel_conv2d(x, layer.weight, kernel=layer.kernel)
        assert_close(layer(x), kappa + layer.bias[:, None, None])


def test_equation_3_4() -> None:
    for n, k, s, p, r in itertools.product((5, 8, 9), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2)):
        x, w = torch.zeros(1, 1, n), torch.zeros(1, 1, k)
        places = F.conv1d(x, w, stride=s, padding=p, dilation=r).shape[-1]
        assert places == (n + 2 * p - r * (k - 1) - 1) // s + 1


def test_equation_3_5() -> None:
    picture, filters = random(3, 6, 5), random(4, 3, 3, 2)
    X, W = F.unfold(picture[None], (3, 2))[0].T, filters.flatten(1)
    responses = X @ W.T
    assert responses.shape == (4 * 4, 4)
    assert_close(responses.T.reshape(4, 4, 4), F.conv2d(picture[None], filters)[0])
