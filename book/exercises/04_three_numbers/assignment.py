# %% [markdown]
# # Assignment 4: three numbers
#
# It follows chapter 4, [Why need it not be slow?](https://github.com/OWNER/kerv/blob/main/book/04_three_numbers.ipynb) There are five questions, 14 points, and about 90 minutes of work.
#
# Put your answers in the place of the dots. The cell below each answer says at once whether it is right, and if not, what the likely mistake is. It asks no server, and you may run it as often as you like. Give counts exactly, and other numbers with at least three significant digits, or let Python compute the last step. Your grade comes from other tests; they call your functions on other inputs where they can. They run after the last cell and find your answers by their names, so use those names for nothing else. In grading, each cell has 60 seconds on two CPU cores, and so have the tests of each question.

# %%
import torch
import torch.nn.functional as F

import kerv

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: [2]

# %% [markdown]
# ## Question 1: from three numbers (2 points, 5 minutes)
#
# A patch has $\|x\|^2 = KEY_x_sq$, a filter $\|w\|^2 = KEY_w_sq$, and their dot product is KEY_dot. What does the Gaussian kernel with $\gamma = KEY_exponent$ answer?

# %% [raw]
# # BEGIN SOLUTION

# %% tags=["q1"]
numbers = {"x_sq": KEY_x_sq, "w_sq": KEY_w_sq, "dot": KEY_dot, "gamma": KEY_exponent}
# BEGIN SOLUTION NO PROMPT
three = torch.tensor(KEY_x_sq + KEY_w_sq - 2 * KEY_dot)
# END SOLUTION
response = torch.exp(-KEY_exponent * three).item()  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
# HIDDEN
def test_response(response):
    from math import exp

    expected = exp(-KEY_exponent * (KEY_x_sq - 2 * KEY_dot + KEY_w_sq))
    assert abs(response - expected) < 0.006 * expected


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A04.1", response, **numbers)

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: [1, 1]

# %% [markdown]
# ## Question 2: count before you run (2 points, 10 minutes)
#
# A layer has KEY_channels input channels and KEY_filters filters of $KEY_side \times KEY_side$. It gets one picture of KEY_height rows and KEY_width columns, padded so that the output has the same size. How many numbers does `F.unfold` write? How many multiply-adds does the convolution take?

# %% [raw]
# # BEGIN SOLUTION

# %% tags=["q2"]
size = {"height": KEY_height, "width": KEY_width, "side": KEY_side}
layer = {"channels": KEY_channels, "filters": KEY_filters}
numbers_unfolded = KEY_side**2 * KEY_channels * KEY_height * KEY_width  # SOLUTION
multiply_adds = KEY_filters * numbers_unfolded  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
# HIDDEN
def test_numbers_unfolded(numbers_unfolded):
    places = KEY_height * KEY_width
    assert numbers_unfolded == places * KEY_channels * KEY_side * KEY_side


# %%
# HIDDEN
def test_multiply_adds(multiply_adds):
    places = KEY_height * KEY_width
    assert multiply_adds == places * KEY_channels * KEY_side * KEY_side * KEY_filters


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A04.2a", numbers_unfolded, **size, **layer)
kerv.check.exercise("A04.2b", multiply_adds, **size, **layer)

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: [1, 2, 1]

# %% [markdown]
# ## Question 3: a layer that copies nothing (4 points, 30 minutes)
#
# The kernel of this class is
#
# $$ \kappa(x, w) = KEY_formula $$
#
# Write the layer from dot products and norms, with torch alone: no module of `kerv`. Do not copy the patches. So there is no `torch.cdist`, no `unfold` of any kind, and no loop over the places. It takes `x` of shape (N, C_in, H, W) and `weight` of shape (C_out, C_in, kH, kW), and returns (N, C_out, H_out, W_out). Stride and padding are whole numbers.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q3"]
def kernel_layer(x, weight, stride=1, padding=0):
    """x (N, C_in, H, W), weight (C_out, C_in, kH, kW) → (N, C_out, H_out, W_out)."""
    # BEGIN SOLUTION
    settings = {"stride": stride, "padding": padding}
    ones = torch.ones_like(weight[:1])
    of_filter = weight.square().sum((1, 2, 3))[:, None, None]
    norms = F.conv2d(x**2, ones, **settings) + of_filter
    dist_sq = (norms - 2 * F.conv2d(x, weight, **settings)).clamp_min(0)
    return KEY_code
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_one_patch(kernel_layer):
    from unittest import mock

    import torch

    import kerv

    x, w = torch.ones(1, 1, 2, 2), torch.tensor([[[[1.0, 2.0], [0.0, 3.0]]]])
    expected = kerv.get_kernel("KEY_spec").gram(x.flatten(1), w.flatten(1))
    # Every layer and kernel of the package makes a pair.
    torch_alone = AssertionError("no module of kerv")
    with mock.patch.object(kerv.Pair, "__init__", side_effect=torch_alone):
        out = kernel_layer(x, w)
    torch.testing.assert_close(out, expected[None, None])


# %%
# HIDDEN
def test_pictures(kernel_layer):
    from unittest import mock

    import torch

    import kerv

    generator = torch.Generator().manual_seed(KEY_layer_seed)
    x = torch.randn(2, 3, 7, 10, generator=generator)
    w = torch.randn(5, 3, 3, 2, generator=generator)
    for settings in ({}, {"stride": 2, "padding": 1}):
        expected = kerv.functional.kernel_conv2d(x, w, **settings, kernel="KEY_spec")
        torch_alone = AssertionError("no module of kerv")
        with mock.patch.object(kerv.Pair, "__init__", side_effect=torch_alone):
            out = kernel_layer(x, w, **settings)
        torch.testing.assert_close(out, expected, rtol=1e-3, atol=1e-5)


# %%
# HIDDEN
def test_nothing_is_copied(kernel_layer):
    from unittest import mock

    import torch

    import kerv
    from kerv.check.assignment04 import without_copies

    x, w = torch.ones(1, 2, 4, 4), torch.full((3, 2, 2, 2), 2.0)
    expected = kerv.functional.kernel_conv2d(x, w, kernel="KEY_spec")
    with mock.patch.object(kerv.Pair, "__init__", side_effect=AssertionError):
        without_copies(kernel_layer)
        out = kernel_layer(x, w)
    torch.testing.assert_close(out, expected)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A04.3", kernel_layer, kernel="KEY_spec")

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: [1, 1, 1]

# %% [markdown]
# ## Question 4: where do the digits go? (3 points, 25 minutes)
#
# Below are patches and filters of noise. Add the same number, the brightness, to both, and their distances stay what they are.
#
# **Predict.** The brightness is 10, and the noise shrinks to a tenth. By which factor does the relative error of a squared distance from three numbers in float32 grow: 10, 100 or 1000?
#
# Then measure. Write `relative_error(brightness, patches, filters)`. Add the brightness to both, and convert both to float32. Compute all squared distances from three numbers *in that type*. The squared distances of `patches` to `filters` in float64, without the brightness, count as exact. Return the median of the relative errors, each without its sign.

# %%
generator = torch.Generator().manual_seed(KEY_noise_seed)
patches = torch.randn(200, 64, dtype=torch.float64, generator=generator)
filters = torch.randn(50, 64, dtype=torch.float64, generator=generator)

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q4"]
def relative_error(brightness, patches, filters):
    """The median relative error of ‖x−w‖² from three numbers in float32."""
    # BEGIN SOLUTION
    exact = torch.cdist(patches, filters) ** 2
    x, w = (patches + brightness).float(), (filters + brightness).float()
    three = (x**2).sum(1)[:, None] + (w**2).sum(1) - 2 * x @ w.T
    return ((three - exact).abs() / exact).median().item()
    # END SOLUTION


# 10, 100 or 1000, whichever is nearest
growth = 100  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_dark(relative_error):
    import torch

    generator = torch.Generator().manual_seed(KEY_noise_seed)
    patches = torch.randn(200, 64, dtype=torch.float64, generator=generator)
    filters = torch.randn(50, 64, dtype=torch.float64, generator=generator)
    assert 1e-9 < relative_error(0.0, patches, filters) < 1e-5


# %%
# HIDDEN
def test_bright(relative_error):
    import torch

    generator = torch.Generator().manual_seed(KEY_noise_seed + 1)
    patches = torch.randn(150, 48, dtype=torch.float64, generator=generator)
    filters = torch.randn(40, 48, dtype=torch.float64, generator=generator)
    m = 10.0 * KEY_brightness
    x, w = (patches + m).float(), (filters + m).float()
    numbers = x.square().sum(1, keepdim=True), w.square().sum(1), x @ w.T
    exact = (patches[:, None] - filters).square().sum(2)
    error = (numbers[0] + numbers[1] - 2 * numbers[2] - exact).abs() / exact
    found = relative_error(m, patches, filters)
    assert 1 / 3 < found / error.median().item() < 3


# %%
# HIDDEN
def test_growth(growth):
    assert growth == 100


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A04.4a", relative_error, patches=patches, filters=filters)
kerv.check.exercise("A04.4b", growth)

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: [1, 2]

# %% [markdown]
# ## Question 5: some pixels matter more (3 points, 20 minutes)
#
# This one goes beyond the chapter. Give each pixel $a$ of a filter an importance $s_a \ge 0$, and take the distance
#
# $$ \sum_a s_a \, (x_a - w_a)^2 $$
#
# Multiply it out. Which convolutions does it take now? Then write the layer. `importance` has the shape of `weight`, so what matters to one filter may not matter to the next. There is a stride, a whole number, and no padding. Again no `torch.cdist`, no `unfold` and no loop over the places.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q5"]
def weighted_distance(x, weight, importance, stride=1):
    """x (N, C_in, H, W), weight and importance (C_out, C_in, kH, kW) → (N, C_out, …)."""
    # BEGIN SOLUTION
    of_patch = F.conv2d(x**2, importance, stride=stride)
    of_filter = (importance * weight**2).sum((1, 2, 3))[:, None, None]
    return of_patch + of_filter - 2 * F.conv2d(x, importance * weight, stride=stride)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_one_pixel_matters(weighted_distance):
    from unittest import mock

    import torch

    x, w = torch.tensor([[[[1.0, 5.0]]]]), torch.tensor([[[[4.0, 2.0]]]])
    with (
        mock.patch("torch.nn.functional.unfold", side_effect=AssertionError),
        mock.patch("torch.cdist", side_effect=AssertionError),
        mock.patch.object(torch.Tensor, "unfold", side_effect=AssertionError),
    ):
        out = weighted_distance(x, w, torch.tensor([[[[2.0, 0.0]]]]))
    torch.testing.assert_close(out, torch.tensor([[[[18.0]]]]))


# %%
# HIDDEN
def test_pictures_with_a_stride(weighted_distance):
    import torch
    import torch.nn.functional as F

    from kerv.check.assignment04 import without_copies

    generator = torch.Generator().manual_seed(KEY_importance_seed)
    x = torch.randn(2, 2, 8, 9, generator=generator)
    w, s = torch.randn(2, 3, 2, 3, 2, generator=generator)
    without_copies(weighted_distance, weights=2)
    out = weighted_distance(x, w, s**2, stride=KEY_stride)
    places = F.unfold(x, (3, 2), stride=KEY_stride)[:, None]
    apart = s.flatten(1)[:, :, None] * (places - w.flatten(1)[:, :, None])
    expected = apart.square().sum(2).reshape(out.shape)
    torch.testing.assert_close(out, expected, rtol=1e-3, atol=1e-3)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A04.5", weighted_distance)
