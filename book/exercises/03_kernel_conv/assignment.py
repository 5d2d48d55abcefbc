# %% [markdown]
# # Assignment 3: kernel convolution
#
# It follows chapter 3, [How does a kernel become a layer?](https://github.com/OWNER/kerv/blob/main/book/03_kernel_conv.ipynb) There are six questions, 18 points, and about two hours of work.
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
# ## Question 1: by hand (2 points, 10 minutes)
#
# A patch reads KEY_patch and a filter KEY_filter, row by row. What does the Gaussian kernel with $\gamma = KEY_patch_gamma$ answer? Work it out on paper first.

# %% [raw]
# # BEGIN SOLUTION

# %% tags=["q1"]
patch, weight = KEY_patch, KEY_filter
# BEGIN SOLUTION NO PROMPT
difference = torch.tensor(patch) - torch.tensor(weight)
# END SOLUTION
response = torch.exp(-KEY_patch_gamma * (difference**2).sum()).item()  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
# HIDDEN
def test_response(response):
    from math import exp

    squares = [(x - w) ** 2 for x, w in zip(KEY_patch, KEY_filter, strict=True)]
    expected = exp(-KEY_patch_gamma * sum(squares))
    assert abs(response - expected) < 0.006 * expected


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A03.1", response, x=patch, w=weight, gamma=KEY_patch_gamma)

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: [2]

# %% [markdown]
# ## Question 2: which shape comes out? (2 points, 10 minutes)
#
# A layer has KEY_filters filters of 3 rows and 2 columns, a stride of 2, a padding of KEY_padding and a dilation of KEY_dilation. It gets one picture of KEY_channels channels, KEY_height rows and KEY_width columns. Give the shape of the output without the batch dimension, as a tuple of three.

# %% [raw]
# # BEGIN SOLUTION

# %% tags=["q2"]
size = {"height": KEY_height, "width": KEY_width, "channels": KEY_channels}
geometry = {"filters": KEY_filters, "padding": KEY_padding, "dilation": KEY_dilation}
# BEGIN SOLUTION NO PROMPT
height = KEY_height + 2 * KEY_padding - 2 * KEY_dilation - 1
width = KEY_width + 2 * KEY_padding - KEY_dilation - 1
# END SOLUTION
shape = (KEY_filters, height // 2 + 1, width // 2 + 1)  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
# HIDDEN
def test_shape(shape):
    import torch

    layer = torch.nn.Conv2d(
        KEY_channels,
        KEY_filters,
        (3, 2),
        stride=2,
        padding=KEY_padding,
        dilation=KEY_dilation,
        device="meta",
    )
    picture = torch.empty(KEY_channels, KEY_height, KEY_width, device="meta")
    assert tuple(shape) == layer(picture).shape


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A03.2", shape, **size, **geometry)

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: [1, 2, 1]

# %% [markdown]
# ## Question 3: a layer from nothing (4 points, 30 minutes)
#
# The kernel of this class is
#
# $$ \kappa(x, w) = KEY_formula $$
#
# Write the layer as a function, with torch alone: no module of `kerv`. It takes pictures `x` of shape (N, C_in, H, W) and filters `weight` of shape (C_out, C_in, kH, kW), and returns (N, C_out, H_out, W_out). Stride and padding are whole numbers.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q3"]
def kernel_layer(x, weight, stride=1, padding=0):
    """x (N, C_in, H, W), weight (C_out, C_in, kH, kW) → (N, C_out, H_out, W_out)."""
    # BEGIN SOLUTION
    kh, kw = weight.shape[2:]
    patches = F.unfold(x, (kh, kw), padding=padding, stride=stride).transpose(1, 2)
    dist_sq = torch.cdist(patches, weight.flatten(1)) ** 2
    out = KEY_code
    rows = (x.shape[2] + 2 * padding - kh) // stride + 1
    return out.transpose(1, 2).reshape(len(x), len(weight), rows, -1)
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
    expected = kerv.functional.kernel_conv2d(x, w, kernel="KEY_spec")
    torch_alone = AssertionError("no module of kerv")
    with mock.patch.object(kerv.Pair, "__init__", side_effect=torch_alone):
        out = kernel_layer(x, w)
    torch.testing.assert_close(out, expected, rtol=1e-3, atol=1e-5)


# %%
# HIDDEN
def test_stride_and_padding(kernel_layer):
    from unittest import mock

    import torch

    import kerv

    generator = torch.Generator().manual_seed(KEY_layer_seed + 1)
    x = torch.randn(2, 2, 9, 6, generator=generator)
    w = torch.randn(4, 2, 2, 3, generator=generator)
    expected = kerv.functional.kernel_conv2d(
        x, w, stride=2, padding=1, kernel="KEY_spec"
    )
    torch_alone = AssertionError("no module of kerv")
    with mock.patch.object(kerv.Pair, "__init__", side_effect=torch_alone):
        out = kernel_layer(x, w, stride=2, padding=1)
    torch.testing.assert_close(out, expected, rtol=1e-3, atol=1e-5)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A03.3", kernel_layer, kernel="KEY_spec")

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: [1, 1, 1]

# %% [markdown]
# ## Question 4: who finds the crosses? (3 points, 25 minutes)
#
# Six crosses lie in a scene that brightens to the right. The light falls on crosses and ground alike: in the dark both are dark. The filter is a copy of one of the crosses.
#
# The last of the four kernels below may be new to you. The cosine is $\langle x, w \rangle / (\|x\| \, \|w\|)$. The correlation is the cosine of $x - \bar x$ and $w - \bar w$, where $\bar x$ and $\bar w$ are the means of patch and filter.
#
# **Predict.** Which of the four answers more strongly to every cross than to any place without one?
#
# Then measure. A cross is *found* if the response at its centre is larger than the response at every place marked in `away`. Write `found(spec, scene, crosses, away, cross)`: the number of crosses that the kernel `spec` finds with the filter `cross`. With `padding=4` the map of responses has the size of the scene, so that places agree. Then set `best` to the one of the `candidates` that finds most in the scene below.


# %%
def draw_scene(seed):
    """A scene (48, 72), the centres of its crosses, and the places away from them."""
    generator = torch.Generator().manual_seed(seed)
    light = torch.linspace(0.1, 1.0, 72)
    scene = 0.5 * light.repeat(48, 1)
    rows = torch.randint(8, 40, (6,), generator=generator).tolist()
    crosses = list(zip(rows, range(8, 72, 11), strict=True))
    away = torch.zeros(48, 72, dtype=torch.bool)
    away[4:-4, 4:-4] = True
    for row, column in crosses:
        scene[row - 3 : row + 4, column] += 0.4 * light[column]
        scene[row, column - 3 : column + 4] += 0.4 * light[column]
        away[row - 3 : row + 4, column - 3 : column + 4] = False
    return (
        scene + 0.01 * light * torch.randn(48, 72, generator=generator),
        crosses,
        away,
    )


scene, crosses, away = draw_scene(KEY_scene_seed)
row, column = crosses[KEY_cut]
cross = scene[row - 4 : row + 5, column - 4 : column + 5]
candidates = ("linear", "polynomial:degree=2", "gaussian:gamma=3", "KEY_blind")

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q4"]
def found(spec, scene, crosses, away, cross):
    """The number of crosses that the kernel finds in the scene."""
    # BEGIN SOLUTION
    out = kerv.functional.kernel_conv2d(
        scene[None, None], cross[None, None], padding=4, kernel=spec
    )[0, 0]
    return sum(int(out[place] > out[away].max()) for place in crosses)
    # END SOLUTION


best = "KEY_blind"  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_linear(found, draw_scene):
    scene, crosses, away = draw_scene(KEY_scene_seed)
    row, column = crosses[KEY_cut]
    cross = scene[row - 4 : row + 5, column - 4 : column + 5]
    assert found("linear", scene, crosses, away, cross) in range(3)


# %%
# HIDDEN
def test_counts(found, draw_scene):
    import kerv

    scene, crosses, away = draw_scene(KEY_scene_seed + 1)
    row, column = crosses[KEY_cut]
    cross = scene[row - 4 : row + 5, column - 4 : column + 5]
    for spec in ("KEY_blind", "linear", "gaussian:gamma=3", "KEY_hidden_spec"):
        layer = kerv.KernelConv2d(1, 1, 9, padding=4, bias=False, kernel=spec)
        layer.weight.data[:] = cross
        response = layer(scene[None, None]).detach().squeeze()
        limit = response[away].max()
        expected = sum(bool(response[r, c] > limit) for r, c in crosses)
        assert found(spec, scene, crosses, away, cross) == expected


# %%
# HIDDEN
def test_best(best):
    assert best == "KEY_blind"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
lit = {"scene": scene, "crosses": crosses, "away": away, "cross": cross}
kerv.check.exercise("A03.4a", found, candidates=candidates, **lit)
kerv.check.exercise("A03.4b", best, candidates=candidates, **lit)

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: [1, 1, 2]

# %% [markdown]
# ## Question 5: the test that catches them (4 points, 25 minutes)
#
# Design a test. Someone hands you a function `layer(x, weight, stride, padding, dilation)` and says that it is a convolution. Stride, padding and dilation are whole numbers. Write `is_right(layer)`. It returns True if the layer does what `F.conv2d` does, but for rounding. It returns False if the layer has one of the first three bugs of chapter 3, or another one. We hand it right layers, and several wrong ones that you have not seen.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q5"]
def is_right(layer):
    """Whether `layer` is a convolution, whatever the setting."""
    # BEGIN SOLUTION
    x, weight = torch.randn(2, 3, 9, 14), torch.randn(5, 3, 3, 2)
    for stride, padding, dilation in ((1, 0, 1), (2, 1, 2), (3, 1, 1), (1, 2, 3)):
        out = layer(x, weight, stride, padding, dilation)
        expected = F.conv2d(x, weight, None, stride, padding, dilation)
        if out.shape != expected.shape or not torch.allclose(out, expected, atol=1e-4):
            return False
    return True
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_right_and_random(is_right):
    import torch
    import torch.nn.functional as F

    def right(x, weight, stride=1, padding=0, dilation=1):
        out = F.conv2d(x.double(), weight.double(), None, stride, padding, dilation)
        return out.to(x.dtype)

    def random(x, weight, stride=1, padding=0, dilation=1):
        return torch.randn_like(right(x, weight, stride, padding, dilation))

    assert is_right(right)
    assert not is_right(random)


# %%
# HIDDEN
def test_layout(is_right):
    import torch.nn.functional as F

    def right(x, weight, stride=1, padding=0, dilation=1):
        out = F.conv2d(x.double(), weight.double(), None, stride, padding, dilation)
        return out.to(x.dtype)

    def places_first(x, weight, stride=1, padding=0, dilation=1):
        out = right(x, weight, stride, padding, dilation)
        return out.permute(0, 2, 3, 1).reshape(out.shape)

    def turned_filters(x, weight, stride=1, padding=0, dilation=1):
        mixed = weight.reshape(-1, len(weight)).T.reshape(weight.shape)
        return right(x, mixed, stride, padding, dilation)

    def sides_swapped(x, weight, stride=1, padding=0, dilation=1):
        out = right(x, weight, stride, padding, dilation)
        return out.reshape(*out.shape[:2], out.shape[3], out.shape[2])

    assert is_right(right)
    assert not is_right(places_first)
    assert not is_right(turned_filters)
    assert not is_right(sides_swapped)


# %%
# HIDDEN
def test_settings(is_right):
    import torch.nn.functional as F

    def right(x, weight, stride=1, padding=0, dilation=1):
        out = F.conv2d(x.double(), weight.double(), None, stride, padding, dilation)
        return out.to(x.dtype)

    def deaf_to(setting, usual):
        def layer(x, weight, stride=1, padding=0, dilation=1):
            given = {"stride": stride, "padding": padding, "dilation": dilation}
            return F.conv2d(x, weight, **{**given, setting: usual})

        return layer

    def first_places_only(x, weight, stride=1, padding=0, dilation=1):
        full = F.conv2d(x, weight, None, 1, padding, dilation)
        out = right(x, weight, stride, padding, dilation)
        return full[:, :, : out.shape[2], : out.shape[3]]

    assert is_right(right)
    for setting, usual in (("stride", 1), ("padding", 0), ("dilation", 1)):
        assert not is_right(deaf_to(setting, usual))
    assert not is_right(first_places_only)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A03.5", is_right)

# %% [raw]
# # BEGIN QUESTION
# name: q6
# points: [1, 2]

# %% [markdown]
# ## Question 6: the same answer, turned (3 points, 20 minutes)
#
# This one goes beyond the chapter. A filter that looks for a corner misses the same corner turned by a quarter of a circle. Write a layer that takes, at each place, the *largest* of the responses to a filter in its four orientations. The filters are square. Turn the picture by a quarter: the answer of the layer must turn with it, and change in nothing else. This is called *equivariance*.
#
# `torch.rot90(t, k, (2, 3))` turns the last two dimensions by k quarters. Here `kernel` is anything that `kerv.functional.kernel_conv2d` takes.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q6"]
def turning_layer(x, weight, kernel):
    """x (N, C, H, W), weight (C_out, C, k, k) → (N, C_out, H − k + 1, W − k + 1)."""
    # BEGIN SOLUTION
    answers = [
        kerv.functional.kernel_conv2d(x, torch.rot90(weight, k, (2, 3)), kernel=kernel)
        for k in range(4)
    ]
    return torch.stack(answers).amax(0)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_linear_corner(turning_layer):
    import torch

    corner = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])
    for k in range(4):
        out = turning_layer(torch.rot90(corner, k, (2, 3)), corner, "linear")
        assert out.shape == (1, 1, 1, 1)
        assert out.item() == 3


# %%
# HIDDEN
def test_equivariance_and_values(turning_layer):
    import torch

    import kerv

    generator = torch.Generator().manual_seed(KEY_turn_seed)
    x = torch.randn(2, 3, 6, 9, generator=generator)
    w = torch.randn(4, 3, 3, 3, generator=generator)
    out = turning_layer(x, w, "KEY_turn_spec")
    turned = turning_layer(torch.rot90(x, 1, (2, 3)), w, "KEY_turn_spec")
    torch.testing.assert_close(
        turned, torch.rot90(out, 1, (2, 3)), rtol=1e-3, atol=1e-4
    )
    every = torch.cat([torch.rot90(w, k, (2, 3)) for k in range(4)])
    expected = kerv.functional.kernel_conv2d(x, every, kernel="KEY_turn_spec")
    expected = expected.unflatten(1, (4, 4)).amax(1)
    torch.testing.assert_close(out, expected, rtol=1e-3, atol=1e-4)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A03.6", turning_layer)
