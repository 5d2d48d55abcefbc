"""Kernels, their hyper-parameters and their names."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from sklearn.gaussian_process.kernels import RationalQuadratic
from sklearn.metrics import pairwise
from sklearn.preprocessing import normalize

import kerv
from kerv import Hyper

NAMES = kerv.kernel_names()
WITHOUT_FUNC = ("l1", "laplacian")
WITH_HYPER = [name for name in NAMES if list(kerv.get_kernel(name).children())]

X = torch.randn(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
W = torch.randn(4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

SCIKIT_LEARN = {
    "linear": pairwise.linear_kernel(X, W),
    "polynomial:degree=2,c=0.3": pairwise.polynomial_kernel(X, W, degree=2, gamma=1, coef0=0.3),
    "polynomial:degree=5,c=-1": pairwise.polynomial_kernel(X, W, degree=5, gamma=1, coef0=-1),
    "gaussian:gamma=0.3": pairwise.rbf_kernel(X, W, gamma=0.3),
    "gaussian": pairwise.rbf_kernel(X, W),
    "gaussian:gamma=0.3,normalized=true": pairwise.rbf_kernel(
        normalize(X), normalize(W), gamma=0.3
    ),
    "sigmoid:gamma=0.2,c=-0.3": pairwise.sigmoid_kernel(X, W, gamma=0.2, coef0=-0.3),
    "l1": -pairwise.manhattan_distances(X, W),
    "l2": -pairwise.euclidean_distances(X, W),
    "l2:squared=true": -pairwise.euclidean_distances(X, W, squared=True),
    "laplacian:gamma=0.3": pairwise.laplacian_kernel(X, W, gamma=0.3),
    "laplacian": pairwise.laplacian_kernel(X, W),
    "rational_quadratic:alpha=0.7,gamma=0.02": RationalQuadratic(length_scale=5, alpha=0.7)(X, W),
    "cosine": pairwise.cosine_similarity(X, W),
    "correlation:eps=1e-12": 1 - pairwise.pairwise_distances(X, W, metric="correlation"),
}


@pytest.mark.parametrize("spec", SCIKIT_LEARN)
def test_gram_equals_scikit_learn(spec: str) -> None:
    gram = kerv.get_kernel(spec).gram(X, W)
    torch.testing.assert_close(gram, torch.as_tensor(SCIKIT_LEARN[spec]))


def test_scikit_learn_speaks_for_every_kernel_that_it_has() -> None:
    assert {spec.partition(":")[0] for spec in SCIKIT_LEARN} == set(NAMES) - {"arc_cosine"}


@pytest.mark.parametrize("order", [0, 1])
def test_arc_cosine_is_what_random_units_have_in_common(order: int) -> None:
    """Cho & Saul: κ(x, w) = 2 E[θ(v·x) θ(v·w) (v·x)^order (v·w)^order] for Gaussian v."""
    v = torch.randn(7, 400_000, dtype=torch.float64)
    units = [(rows @ v > 0) * (rows @ v) ** order for rows in (X, W)]
    sampled = 2 * units[0] @ units[1].T / v.shape[1]
    torch.testing.assert_close(
        kerv.ArcCosineKernel(order).gram(X, W), sampled, rtol=0.03, atol=0.03
    )


@pytest.mark.parametrize("name", NAMES)
def test_gram_and_layer_are_one_kernel(name: str) -> None:
    kernel = kerv.get_kernel(name)
    filters = W.reshape(4, 7, 1, 1)
    y = kerv.functional.kernel_conv2d(X.reshape(5, 7, 1, 1), filters, kernel=kernel)
    torch.testing.assert_close(y.flatten(1), kernel.gram(X, W))


@pytest.mark.parametrize("name", NAMES)
def test_gram_and_functional_change_no_state(name: str) -> None:
    kernel = kerv.get_kernel(name)
    before = repr(kernel), list(kernel.state_dict())
    kernel.gram(X, W)
    kerv.functional.kernel_conv1d(X[:, :, None], W[:, :, None], kernel=kernel)
    assert (repr(kernel), list(kernel.state_dict())) == before


@pytest.mark.parametrize("name", NAMES)
def test_pickles_and_copies(name: str) -> None:
    layer = kerv.KernelConv2d(2, 3, 3, kernel=name)
    x = torch.randn(1, 2, 5, 5)
    for twin in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert torch.equal(twin(x), layer(x))
        assert repr(twin) == repr(layer)


@pytest.mark.parametrize("name", WITH_HYPER)
@pytest.mark.parametrize("per_channel", [False, True])
def test_hyper_parameters_train_and_are_saved(
    name: str, per_channel: bool, device: torch.device
) -> None:
    spec = f"{name}:learnable=true,per_channel={per_channel}"
    layer = kerv.KernelConv2d(2, 3, 3, kernel=spec, device=device)
    hyper = dict(layer.kernel.named_parameters())
    assert hyper, "a learnable kernel has parameters"
    start = {key: value.detach().clone() for key, value in hyper.items()}
    optimizer = torch.optim.SGD(hyper.values(), lr=0.1)
    layer(0.1 * torch.randn(4, 2, 5, 5, device=device)).square().mean().backward()
    optimizer.step()
    for key, value in hyper.items():
        assert value.shape == ((3,) if per_channel else ())
        assert (value != start[key]).all(), f"{key} did not move"
    fresh = kerv.KernelConv2d(2, 3, 3, kernel=spec, device=device)
    fresh.load_state_dict(layer.state_dict())
    x = torch.randn(1, 2, 5, 5, device=device)
    assert torch.equal(fresh(x), layer(x))


@pytest.mark.parametrize("name", WITH_HYPER)
def test_fixed_hyper_parameters_are_buffers_under_the_same_keys(name: str) -> None:
    fixed = kerv.KernelConv2d(2, 3, 3, kernel=name)
    learnable = kerv.KernelConv2d(2, 3, 3, kernel=f"{name}:learnable=true")
    assert fixed.state_dict().keys() == learnable.state_dict().keys()
    assert not list(fixed.kernel.parameters())
    assert [n for n, _ in fixed.named_parameters()] == ["weight", "bias"]


def test_a_positive_value_stays_positive_and_reset_brings_it_back() -> None:
    kernel = kerv.GaussianKernel(gamma=0.5, learnable=True)
    with torch.no_grad():
        kernel.gamma.raw -= 100.0
    assert kernel.gamma.value() > 0
    kernel.reset_parameters()
    torch.testing.assert_close(kernel.gamma.value().item(), 0.5)


def test_an_open_gamma_becomes_one_over_fan_in() -> None:
    layer = kerv.KernelConv2d(6, 4, (3, 2), groups=2, kernel="gaussian")
    torch.testing.assert_close(layer.kernel.gamma.value().item(), 1 / 18)
    with pytest.raises(RuntimeError, match="gamma has no value yet"):
        kerv.GaussianKernel().gamma.value()


def test_a_kernel_of_many_filters_refuses_another_number() -> None:
    kernel = kerv.KernelConv2d(1, 4, 3, kernel="gaussian:per_channel=true").kernel
    with pytest.raises(
        ValueError, match="gamma has one value for each of 4 filters, the layer has 5"
    ):
        kerv.KernelConv2d(1, 5, 3, kernel=kernel)
    with pytest.raises(ValueError, match=r"each of the 2 filters, got a tensor of shape \(4,\)"):
        kernel.gram(X, W[:2])


def test_sums_products_and_numbers() -> None:
    linear, square = kerv.LinearKernel(), kerv.PolynomialKernel(degree=2, c=0)
    dot = X @ W.T
    torch.testing.assert_close((linear + square).gram(X, W), dot + dot**2)
    torch.testing.assert_close((linear * square).gram(X, W), dot**3)
    torch.testing.assert_close((2.5 * linear + 1).gram(X, W), 2.5 * dot + 1)
    layer = kerv.KernelConv2d(1, 2, 3, kernel=linear + kerv.GaussianKernel(learnable=True))
    assert [n for n, _ in layer.kernel.named_parameters()] == ["second.gamma.raw"]
    with pytest.raises(TypeError, match="unsupported operand"):
        linear + "gaussian"


def test_the_sigmoid_kernel_is_not_positive_definite_and_the_gaussian_is() -> None:
    points = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    smallest = {
        name: torch.linalg.eigvalsh(kerv.get_kernel(name).gram(points, points))[0]
        for name in ("sigmoid:c=-1", "gaussian:gamma=1")
    }
    assert smallest["sigmoid:c=-1"] < -0.1
    assert smallest["gaussian:gamma=1"] > 0


def test_underflow_is_zero_with_a_zero_gradient() -> None:
    layer = kerv.KernelConv2d(64, 2, 3, kernel="gaussian:gamma=1000,learnable=true")
    y = layer(torch.ones(1, 64, 3, 3))
    y.sum().backward()
    torch.testing.assert_close(y.detach(), layer.bias.detach()[None, :, None, None])
    assert layer.kernel.gamma.raw.grad.item() == 0


def test_saturation_has_a_finite_gradient() -> None:
    kernel = kerv.SigmoidKernel(gamma=100, learnable=True)
    kernel.gram(X.float(), W.float()).sum().backward()
    assert all(torch.isfinite(p.grad) for p in kernel.parameters())


@pytest.mark.parametrize("alias", [("rbf", "gaussian"), ("poly", "polynomial")])
def test_aliases_are_taken_and_not_listed(alias: tuple[str, str]) -> None:
    assert repr(kerv.get_kernel(alias[0])) == repr(kerv.get_kernel(alias[1]))
    assert alias[0] not in NAMES


def test_what_get_kernel_takes() -> None:
    kernel = kerv.GaussianKernel(0.5)
    assert kerv.get_kernel(kernel) is kernel
    assert repr(kerv.get_kernel(" gaussian : gamma = 0.5 ")) == repr(kernel)
    square = kerv.get_kernel(lambda p: p.dot**2)
    torch.testing.assert_close(square.gram(X, W), (X @ W.T) ** 2)
    assert kerv.RBFKernel is kerv.GaussianKernel


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: kerv.PolynomialKernel(degree=0), ValueError, "degree must be at least 1, got 0"),
        (lambda: kerv.PolynomialKernel(degree=2.0), TypeError, "degree must be an int, got 2.0"),
        (
            lambda: kerv.PolynomialKernel(degree=torch.tensor(2.5)),
            TypeError,
            "degree must be an int, got tensor",
        ),
        (lambda: kerv.PolynomialKernel(c="1"), TypeError, "c must be a number, got '1'"),
        (lambda: kerv.PolynomialKernel(c=float("nan")), ValueError, "c must be a finite number"),
        (lambda: kerv.GaussianKernel(0), ValueError, "gamma must be .* greater than 0, got 0"),
        (lambda: kerv.GaussianKernel(-1.5), ValueError, "gamma must be .* than 0, got -1.5"),
        (lambda: kerv.GaussianKernel(True), TypeError, "gamma must be a number, got True"),
        (lambda: kerv.SigmoidKernel(None), TypeError, "gamma must be a number, got None"),
        (lambda: kerv.SigmoidKernel(c=None), TypeError, "c must be a number, got None"),
        (lambda: kerv.get_kernel("polynomial:c=none"), TypeError, "c must be a number, got None"),
        (lambda: kerv.GaussianKernel().gamma.fill(1), RuntimeError, "gamma has no value yet"),
        (lambda: kerv.FunctionKernel(3), TypeError, "needs a callable of one Pair, got 3"),
        (lambda: kerv.get_kernel("gauss"), ValueError, "unknown kernel 'gauss'; the kernels are "),
        (lambda: kerv.get_kernel(""), ValueError, "unknown kernel ''"),
        (lambda: kerv.get_kernel(3), TypeError, "a kernel, its name or a callable, got 3"),
        (lambda: kerv.get_kernel(kerv.GaussianKernel), TypeError, r"write GaussianKernel\(\)"),
        (
            lambda: kerv.get_kernel("gaussian:learnable=no"),
            ValueError,
            "learnable must be true or false in kernel 'gaussian:learnable=no', got 'no'",
        ),
        (lambda: kerv.get_kernel("linear:c=1"), ValueError, "no argument 'c'; .* are: none"),
        (
            lambda: kerv.get_kernel("gaussian:sigma=1"),
            ValueError,
            "no argument 'sigma'; its arguments are: gamma, learnable, per_channel, normalized",
        ),
        (lambda: kerv.get_kernel("gaussian:gamma"), ValueError, "argument=value .* got 'gamma'"),
        (lambda: kerv.get_kernel("gaussian:gamma=1,gamma=2"), ValueError, "'gamma' stands twice"),
        (lambda: kerv.get_kernel("gaussian:gamma=big"), TypeError, "got 'big'"),
        (lambda: kerv.LinearKernel().gram(X, W[:, :3]), ValueError, "rows of one length"),
        (lambda: kerv.Kernel().gram(X, W), NotImplementedError, "Kernel must define forward"),
    ],
)
def test_bad_kernels_are_named(make, error: type, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=message):
        make()


def test_hyper_describes_itself() -> None:
    hyper = Hyper("gamma", None, learnable=True, per_channel=True, positive=True)
    assert repr(hyper) == "gamma=1/n (learnable, per filter)"
    hyper.bind(4, 2)
    with torch.no_grad():
        hyper.raw[1] = 0
    assert repr(hyper) == "gamma=0.25…1 (learnable, per filter)"


@pytest.mark.parametrize("spec", WITH_HYPER)
def test_each_filter_has_its_own_value(spec: str) -> None:
    options = {"groups": 2, "dtype": torch.float64}
    many = kerv.KernelConv2d(4, 4, 3, kernel=f"{spec}:per_channel=true", **options)
    x = torch.randn(1, 4, 5, 5, dtype=torch.float64)
    for hyper in many.kernel.children():
        hyper.raw.copy_(torch.tensor([-1.0, -0.5, 0.2, 0.6]))
    responses = many(x)
    for o in range(4):
        one = kerv.get_kernel(spec).double()
        one.bind(18, 1)
        for mine, its in zip(one.children(), many.kernel.children(), strict=True):
            mine.raw.copy_(its.raw[o])
        half = x[:, 2 * (o // 2) : 2 * (o // 2) + 2]
        weight, bias = many.weight[o : o + 1], many.bias[o : o + 1]
        alone = kerv.functional.kernel_conv2d(half, weight, bias, kernel=one)
        torch.testing.assert_close(responses[:, o], alone[:, 0])


# torch has no rule of its own for one of the operations, and says that this is slow.
@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("spec", [name for name in NAMES if name not in WITHOUT_FUNC])
def test_gradients_of_each_picture_by_torch_func(spec: str) -> None:
    spec += ":learnable=true" if spec in WITH_HYPER else ""
    layer = kerv.KernelConv2d(2, 3, 3, kernel=spec, dtype=torch.float64)
    values = dict(layer.named_parameters())
    x = torch.randn(4, 2, 5, 5, dtype=torch.float64)

    def loss(values: dict[str, torch.Tensor], one: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, values, (one[None],)).square().sum()

    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(values, x)
    for n, one in enumerate(x):
        expected = torch.autograd.grad(layer(one[None]).square().sum(), list(values.values()))
        for (key, found), right in zip(each.items(), expected, strict=True):
            torch.testing.assert_close(found[n], right, msg=key)


@pytest.mark.parametrize("kernel", ["gaussian", "l2", "rational_quadratic"])
def test_channels_of_a_distance_are_alike(kernel: str) -> None:
    # Chapter 5: "So the channels of default L2 and rational quadratic layers are as alike."
    torch.manual_seed(0)
    layer = kerv.KernelConv2d(16, 16, 3, bias=False, kernel=kernel)
    responses = layer(torch.randn(4, 16, 32, 32)).detach().transpose(0, 1).flatten(1)
    assert torch.corrcoef(responses)[torch.triu_indices(16, 16, 1).unbind()].min() > 0.99


def test_gaussian_responses_are_less_alike_than_their_logarithms() -> None:
    """Chapter 5, below (5.9): "a little less alike, and the less the larger γ is"."""
    n, generator = 144, torch.Generator().manual_seed(0)
    x = torch.randn(4000, n, generator=generator, dtype=torch.float64)
    w = torch.randn(30, n, generator=generator, dtype=torch.float64) / (3 * n) ** 0.5

    def alike(channels: torch.Tensor) -> float:
        return (torch.corrcoef(channels.T).sum().item() - 30) / (30 * 29)

    answers = [kerv.GaussianKernel(gamma / n).gram(x, w) for gamma in (1, 3, 10)]
    first, second, third = map(alike, answers)
    assert 1 > alike(answers[0].log()) > first > second > third > 0.8
