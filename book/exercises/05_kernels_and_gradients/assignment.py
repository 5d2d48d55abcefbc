# %% [markdown]
# # Assignment 5: kernels and gradients
#
# It follows chapter 5, [Which kernel, and does it train?](https://github.com/OWNER/kerv/blob/main/book/05_kernels_and_gradients.ipynb) There are five questions, 15 points, and about two hours of work.
#
# Put your answers in the place of the dots. The cell below each answer says at once whether it is right, and if not, what the likely mistake is. It asks no server, and you may run it as often as you like. Give counts exactly, and other numbers with at least three significant digits, or let Python compute the last step. Your grade comes from other tests; they call your functions on other inputs where they can. They run after the last cell and find your answers by their names, so use those names for nothing else. In grading, each cell has 60 seconds on two CPU cores, and so have the tests of each question.

# %%
import math

import torch
import torch.nn.functional as F

import kerv

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: [1, 1]

# %% [markdown]
# ## Question 1: where it learns fastest (2 points, 10 minutes)
#
# A Gaussian kernel has $\gamma = 1 / KEY_denominator$. At which distance from the patch is the gradient by the filter longest, and how long is it there? Derive it: do not search by trial.

# %% [raw]
# # BEGIN SOLUTION

# %% tags=["q1"]
gamma = 1 / KEY_denominator
steepest_distance = math.sqrt(KEY_denominator / 2)  # SOLUTION
longest_gradient = math.sqrt(2 / (KEY_denominator * math.e))  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
# HIDDEN
def test_distance(steepest_distance):
    assert abs(steepest_distance**2 - KEY_denominator / 2) < 0.01 * KEY_denominator


# %%
# HIDDEN
def test_length(longest_gradient):
    from math import exp

    square = 2 / KEY_denominator * exp(-1)
    assert abs(longest_gradient**2 - square) < 0.012 * square


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A05.1a", steepest_distance, gamma=gamma)
kerv.check.exercise("A05.1b", longest_gradient, gamma=gamma)

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: [1, 2]

# %% [markdown]
# ## Question 2: a gradient that is not in the book (3 points, 25 minutes)
#
# Take the kernel
#
# $$ \kappa(x, w) = KEY_product \; e^{-\gamma \|x - w\|^2} $$
#
# Derive $\nabla_w \kappa$ and write it as a function. Use no autograd, and no differences of two nearby responses: we test digits that those lose. `x` holds M patches of n numbers, one per row, and `w` is one filter.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q2"]
def gradient(x, w, gamma):
    """∇_w κ for each patch: x (M, n), w (n,) → (M, n)."""
    # BEGIN SOLUTION
    dot = (x @ w)[:, None]
    bell = torch.exp(-gamma * ((x - w) ** 2).sum(1, keepdim=True))
    outer = KEY_power * dot ** (KEY_power - 1) * x
    return bell * (outer + 2 * gamma * dot**KEY_power * (x - w))
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_at_the_filter(gradient):
    from unittest import mock

    import torch

    w = torch.tensor([1.0, 2.0])
    expected = KEY_power * 5.0 ** (KEY_power - 1) * w[None]
    underived = AssertionError("without autograd")
    # torch.func.grad calls the first, Tensor.backward the second, and forward mode the third.
    with (
        mock.patch("torch.autograd.grad", side_effect=underived),
        mock.patch("torch.autograd.backward", side_effect=underived),
        mock.patch("torch.autograd.forward_ad.make_dual", side_effect=underived),
    ):
        out = gradient(w[None], w, 0.5)
    torch.testing.assert_close(out, expected)


# %%
# HIDDEN
def test_against_autograd(gradient):
    from unittest import mock

    import torch

    generator = torch.Generator().manual_seed(KEY_gradient_seed)
    x = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    filters = torch.randn(5, generator=generator, dtype=torch.float64).repeat(6, 1)
    # So small that no digit of the gradient along it is left in a difference.
    x[:, 0] = filters[:, 0] = 1e-12
    filters.requires_grad_()
    distances = (x - filters).square().sum(1)
    value = (x * filters).sum(1) ** KEY_power * (-KEY_gamma * distances).exp()
    [expected] = torch.autograd.grad(value.sum(), filters)
    underived = AssertionError("without autograd")
    with (
        mock.patch("torch.autograd.grad", side_effect=underived),
        mock.patch("torch.autograd.backward", side_effect=underived),
        mock.patch("torch.autograd.forward_ad.make_dual", side_effect=underived),
    ):
        out = gradient(x, filters.detach()[0], KEY_gamma)
    torch.testing.assert_close(out, expected, rtol=1e-6, atol=0)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A05.2", gradient, power=KEY_power)

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: [1, 2]

# %% [markdown]
# ## Question 3: a gamma that fits (3 points, 20 minutes)
#
# The default $\gamma = 1/n$ does not know the data. Write the *median rule*: $\gamma$ such that the median of $\gamma \|x - w\|^2$, over all patches of the pictures and all filters, is 1. The patches lie at every place, without padding.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q3"]
def median_gamma(x, weight):
    """x (N, C_in, H, W), weight (C_out, C_in, kH, kW) → one number."""
    # BEGIN SOLUTION
    patches = F.unfold(x, weight.shape[2:]).transpose(1, 2).flatten(0, 1)
    distances = torch.cdist(patches, weight.flatten(1)) ** 2
    return 1 / distances.median().item()
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_one_patch(median_gamma):
    import torch

    x, w = torch.zeros(1, 1, 2, 2), torch.tensor([[[[1.0, 2.0], [2.0, 4.0]]]])
    assert abs(float(median_gamma(x, w)) - 1 / 25) < 1e-6


# %%
# HIDDEN
def test_pictures(median_gamma):
    import torch

    import kerv

    generator = torch.Generator().manual_seed(KEY_median_seed)
    x = torch.randn(3, 2, 9, 8, generator=generator) ** 3
    w = torch.randn(KEY_filters, 2, 3, 2, generator=generator)
    gamma = float(median_gamma(x, w))
    out = kerv.functional.kernel_conv2d(x, w, kernel=f"gaussian:gamma={gamma}")
    assert abs(-out.log().median().item() - 1) < 0.02


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A05.3", median_gamma)

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: [1, 2, 1]

# %% [markdown]
# ## Question 4: how strong must the filters be? (4 points, 30 minutes)
#
# The channels of a Gaussian layer look alike, by equation (5.9). Stronger filters make them differ.
#
# **Predict.** The layer has KEY_channels input channels and torch's default filters of $3 \times 3$. The numbers of its pictures are independent and normal, with mean 0 and standard deviation KEY_spread. By which factor must the filters be multiplied until the logarithms of two channels correlate by less than one half? Work it out from (5.9).
#
# Then measure. Write `likeness(factor, noise)`: make a layer of 16 default filters with `kernel="gaussian:gamma=0.001"` and no bias, multiply its filters by the factor, and return `alike` of the *logarithms* of its responses to `noise`. (No response is 0, so add nothing to them.) Give the smallest of the factors 1, 2, 4, 8, 16, 32, 64 that is enough.


# %%
def alike(responses):
    """Mean correlation of two channels (N, C, H, W) over all places."""
    together = torch.corrcoef(responses.detach().transpose(0, 1).flatten(1))
    return together[~torch.eye(len(together), dtype=torch.bool)].mean().item()


generator = torch.Generator().manual_seed(KEY_noise_seed)
noise = KEY_spread * torch.randn(8, KEY_channels, 26, 26, generator=generator)

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q4"]
def likeness(factor, noise):
    """How alike the channels are if the filters are `factor` times as strong."""
    # BEGIN SOLUTION
    settings = {"bias": False, "kernel": "gaussian:gamma=0.001"}
    layer = kerv.KernelConv2d(KEY_channels, 16, 3, **settings)
    with torch.no_grad():
        layer.weight *= factor
    return alike(layer(noise).log())
    # END SOLUTION


# BEGIN SOLUTION NO PROMPT
enough = [f for f in (1, 2, 4, 8, 16, 32, 64) if likeness(f, noise) < 0.5]
# END SOLUTION
smallest_factor = enough[0]  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_default_filters(likeness):
    import torch

    generator = torch.Generator().manual_seed(KEY_noise_seed)
    noise = KEY_spread * torch.randn(8, KEY_channels, 26, 26, generator=generator)
    assert 0.8 < likeness(1, noise) <= 1


# %%
# HIDDEN
def test_other_factors(likeness):
    import torch

    generator = torch.Generator().manual_seed(KEY_noise_seed + 1)
    noise = KEY_spread * torch.randn(8, KEY_channels, 25, 27, generator=generator)
    gain = 27 * KEY_channels * KEY_spread**2
    for factor in (KEY_hidden_factor, 10, 40):
        predicted = gain / (gain + 2 * factor**2)
        assert abs(likeness(factor, noise) - predicted) < 0.08
    # Uniform and stronger: (5.9) does not hold, and the logarithm makes a difference.
    root = (9 * KEY_channels) ** 0.25
    noise = torch.rand(8, KEY_channels, 25, 27, generator=generator) - 0.5
    # The square of a uniform number has the variance 0.8 σ⁴, where a normal one has 2 σ⁴.
    expected = 0.4 * 35**2 / (0.4 * 35**2 + 2 / 3 * 36**2)
    assert abs(likeness(36 * root, noise * 35 / root * 12**0.5) - expected) < 0.1


# %%
# HIDDEN
def test_smallest_factor(smallest_factor):
    gain = 27 * KEY_channels * KEY_spread**2
    enough = [f for f in (1, 2, 4, 8, 16, 32, 64) if 2 * f**2 > gain]
    assert smallest_factor == enough[0]


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
given = {"channels": KEY_channels, "spread": KEY_spread}
kerv.check.exercise("A05.4a", likeness, **given)
kerv.check.exercise("A05.4b", smallest_factor, **given)

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: [1, 2]

# %% [markdown]
# ## Question 5: blind to light, not to contrast (3 points, 25 minutes)
#
# This one goes beyond the chapter. A correlation is blind to light *and* to contrast. Design a kernel that does not notice light and still notices contrast. (Light is the same number added to every pixel of the patch.) It is the Gaussian kernel of patch and filter with their means taken off:
#
# $$ e^{-\gamma \, \|(x - \bar x) - (w - \bar w)\|^2}, \quad \gamma = KEY_light_gamma $$
#
# Write it as a function of a `Pair` `p`, so that it works in a layer. A pair holds what a kernel may ask of every patch and every filter: `p.dist_sq` is $\|x - w\|^2$, `p.x_sum` and `p.w_sum` are the sums over the numbers of $x$ and of $w$, and `p.n` says how many numbers each has. Use these alone: then it costs one convolution. Which part of $\|x - w\|^2$ is light?

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q5"]
def without_light(p):
    """The kernel, from the numbers of a pair."""
    # BEGIN SOLUTION
    light = (p.x_sum - p.w_sum) ** 2 / p.n
    return torch.exp(-KEY_light_gamma * (p.dist_sq - light).clamp_min(0))
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_blind_to_light(without_light):
    import torch

    import kerv

    x, w = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[1.0, 1.0, 2.0]])
    before, after = (kerv.FunctionKernel(without_light).gram(z, w) for z in (x, x + 3))
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-5)
    assert 0 < before.item() < 1


# %%
# HIDDEN
def test_values_in_a_layer(without_light):
    import torch
    import torch.nn.functional as F

    import kerv

    generator = torch.Generator().manual_seed(KEY_light_seed)
    x = torch.randn(2, 2, 6, 7, generator=generator, dtype=torch.float64)
    w = torch.randn(4, 2, 3, 2, generator=generator, dtype=torch.float64)
    out = kerv.functional.kernel_conv2d(x, w, kernel=without_light)
    rows = F.unfold(x, (3, 2)).mT
    rows, filters = rows - rows.mean(2, keepdim=True), w.flatten(1)
    filters = filters - filters.mean(1, keepdim=True)
    apart = (rows[:, :, None] - filters).square().sum(3).mT
    expected = torch.exp(-KEY_light_gamma * apart).reshape(out.shape)
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-6)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A05.5", without_light, gamma=KEY_light_gamma)
