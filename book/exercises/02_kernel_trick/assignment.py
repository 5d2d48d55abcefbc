# %% [markdown]
# # Assignment 2: the kernel trick
#
# It follows chapter 2, [How do you take a dot product in a space you never visit?](https://github.com/OWNER/kerv/blob/main/book/02_kernel_trick.ipynb) There are five questions, 16 points, and about 90 minutes of work.
#
# Put your answers in the place of the dots. The cell below each answer says at once whether it is right, and if not, what the likely mistake is. It asks no server, and you may run it as often as you like. Give counts exactly, and other numbers with at least three significant digits, or let Python compute the last step. Your grade comes from other tests; they call your functions on other inputs where they can. They run after the last cell and find your answers by their names, so use those names for nothing else. In grading, each cell has 60 seconds on two CPU cores, and so have the tests of each question.

# %%
import math

import torch

import kerv

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: [1, 1]

# %% [markdown]
# ## Question 1: how many features? (2 points, 10 minutes)
#
# A layer has $3 \times 3$ filters on KEY_channels channels, and the polynomial kernel $(\langle x, w \rangle + c)^d$ with $d = KEY_degree$. How many different monomials does it weigh if $c = 1$, the constant 1 included? How many if $c = 0$?

# %% [raw]
# # BEGIN SOLUTION

# %% tags=["q1"]
channels, degree = KEY_channels, KEY_degree
features_with_c = math.comb(9 * channels + degree, degree)  # SOLUTION
features_without_c = math.comb(9 * channels + degree - 1, degree)  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
# HIDDEN
def test_with_c(features_with_c):
    from math import comb

    assert features_with_c == comb(9 * KEY_channels + KEY_degree, KEY_degree)


# %%
# HIDDEN
def test_without_c(features_without_c):
    from math import comb

    assert features_without_c == comb(9 * KEY_channels + KEY_degree - 1, KEY_degree)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
size = {"channels": channels, "degree": degree}
kerv.check.exercise("A02.1a", features_with_c, **size)
kerv.check.exercise("A02.1b", features_without_c, **size)

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: [1, 2, 1]

# %% [markdown]
# ## Question 2: a feature map of your own (4 points, 25 minutes)
#
# Here is a kernel that is not in the book:
#
# $$ \kappa(x, w) = KEY_constant + KEY_linear \langle x, w \rangle + \langle x, w \rangle^2 $$
#
# Write its feature map: a function that takes one patch `x` of shape (n,) and returns a vector of features. It has to work for any n, and for n = 1 too. The dot product of two such vectors must equal $\kappa$. Use as few features as you can.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q2"]
def features(x):
    """The feature map of κ for one patch x (n,)."""
    # BEGIN SOLUTION
    rows, columns = torch.triu_indices(len(x), len(x), offset=1)
    mixed = math.sqrt(2) * x[rows] * x[columns]
    single = math.sqrt(KEY_linear) * x
    return torch.cat([x.new_tensor([math.sqrt(KEY_constant)]), single, x**2, mixed])
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_two_pixels(features):
    import torch

    x, w = torch.tensor([1.0, 2.0]), torch.tensor([3.0, -1.0])
    expected = torch.tensor(KEY_constant + KEY_linear * 1.0 + 1.0)
    torch.testing.assert_close(features(x) @ features(w), expected, check_dtype=False)


# %%
# HIDDEN
def test_random_patches(features):
    import torch

    generator = torch.Generator().manual_seed(KEY_features_seed)
    for n in (1, 3, KEY_pixels):
        x, w = torch.randn(2, n, generator=generator)
        expected = KEY_constant + KEY_linear * (x @ w) + (x @ w) ** 2
        out = features(x) @ features(w)
        close = {"rtol": 1e-3, "atol": 1e-3, "check_dtype": False}
        torch.testing.assert_close(out, expected, **close)


# %%
# HIDDEN
def test_as_few_as_possible(features):
    import torch

    generator = torch.Generator().manual_seed(KEY_features_seed + 1)
    # In one pair of patches the mixed products may add up to nearly nothing.
    for _ in range(3):
        x, w = torch.randn(2, KEY_pixels, generator=generator)
        expected = KEY_constant + KEY_linear * (x @ w) + (x @ w) ** 2
        out = features(x) @ features(w)
        close = {"rtol": 1e-3, "atol": 1e-3, "check_dtype": False}
        torch.testing.assert_close(out, expected, **close)
    assert len(features(x)) == 1 + KEY_pixels + KEY_pixels * (KEY_pixels + 1) // 2


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A02.2", features, constant=KEY_constant, linear=KEY_linear)

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: [1, 2, 1]

# %% [markdown]
# ## Question 3: which degree draws a flower? (4 points, 25 minutes)
#
# The points below lie on the petals of a flower, and in the gaps between them.
#
# **Predict.** Kernel ridge regression, equation (2.8), is to tell petals from gaps with the kernel $(\langle x, w \rangle + 1)^d$. Which is the smallest degree $d$ that can?
#
# Then measure. Write a function `accuracy(spec, x, y, new_x, new_y)` that fits the kernel `kerv.get_kernel(spec)` to `x` and `y` with $\lambda = 0.1$, and returns the share of the *new* points that it gets right, a number from 0 to 1. Give the smallest degree whose share is above 0.8 for the points below.


# %%
def flower(count, seed):
    """Points (count, 2), and +1 for a petal or −1 for a gap."""
    generator = torch.Generator().manual_seed(seed)
    angle = 2 * math.pi * torch.rand(count, generator=generator, dtype=torch.float64)
    radius = 1 + 0.5 * torch.rand(count, generator=generator, dtype=torch.float64)
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return points, torch.cos((2 + KEY_flower % 3) * angle).sign()


x, y = flower(150, KEY_data_seed)
new_x, new_y = flower(300, KEY_data_seed + 1)

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q3"]
def accuracy(spec, x, y, new_x, new_y):
    """The share of the new points that kernel ridge regression gets right."""
    # BEGIN SOLUTION
    kernel = kerv.get_kernel(spec)
    ridge = 0.1 * torch.eye(len(x), dtype=x.dtype)
    a = torch.linalg.solve(kernel.gram(x, x) + ridge, y)
    guesses = (kernel.gram(new_x, x) @ a).sign()
    return (guesses == new_y).double().mean().item()
    # END SOLUTION


# BEGIN SOLUTION NO PROMPT
both = (x, y, new_x, new_y)
enough = [d for d in range(1, 6) if accuracy(f"polynomial:degree={d}", *both) > 0.8]
# END SOLUTION
smallest_degree = enough[0]  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_too_low(accuracy, flower):
    x, y = flower(150, KEY_data_seed)
    share = accuracy("KEY_low", x, y, *flower(300, KEY_data_seed + 1))
    assert 0.2 < share < 0.8


# %%
# HIDDEN
def test_other_kernels(accuracy, flower):
    import torch

    import kerv

    # Labels of chance: petals are so easy to tell from gaps that any ridge would do.
    generator = torch.Generator().manual_seed(KEY_hidden_seed)
    widths = ("KEY_spec", "gaussian:gamma=10", "gaussian:gamma=3")
    for seed in range(KEY_hidden_seed, KEY_hidden_seed + 5):
        x, new_x = flower(150, seed)[0], flower(300, seed + 5)[0]
        labels = torch.randn(450, generator=generator, dtype=x.dtype).sign()
        y, new_y = labels[:150], labels[150:]
        for spec in (*widths, "polynomial:degree=1"):
            gram = kerv.get_kernel(spec).gram
            system = gram(x, x) + 0.1 * torch.eye(150, dtype=x.dtype)
            out = gram(new_x, x) @ torch.linalg.solve(system, y)
            expected = (out * new_y > 0).double().mean().item()
            assert abs(accuracy(spec, x, y, new_x, new_y) - expected) < 0.005


# %%
# HIDDEN
def test_smallest_degree(smallest_degree):
    assert smallest_degree == KEY_petals


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
data = {"x": x, "y": y, "new_x": new_x, "new_y": new_y}
kerv.check.exercise("A02.3a", accuracy, **data)
kerv.check.exercise("A02.3b", smallest_degree, flower=KEY_flower)

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: [3]

# %% [markdown]
# ## Question 4: refute it (3 points, 15 minutes)
#
# Someone trains with $c = -KEY_shift$. The function is then $(\langle x, w \rangle - KEY_shift)^2$. They say: "A square is never negative, so the Gram matrix is positive semi-definite."
#
# Design the counterexample: a few points with two coordinates each, as a tensor of shape (M, 2) with M at most 5. We compute their Gram matrix and divide it by its largest absolute value, as the chapter does. The smallest eigenvalue must then be below −0.1.

# %% [raw]
# # BEGIN SOLUTION

# %% tags=["q4"]
points = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]) * math.sqrt(KEY_shift)  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
# HIDDEN
def test_negative_eigenvalue(points):
    import torch

    points = torch.as_tensor(points, dtype=torch.float64)
    assert points.ndim == 2
    assert points.shape[1] == 2
    assert len(points) <= 5
    K = (points @ points.T - KEY_shift) ** 2
    assert torch.linalg.eigvalsh(K / K.abs().max())[0] < -0.1


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A02.4", points, shift=KEY_shift)

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: [1, 2]

# %% [markdown]
# ## Question 5: how far apart are two features? (3 points, 15 minutes)
#
# This one goes beyond the chapter. A kernel gives dot products of features that nobody writes down. It gives *distances* between them as well. Derive $\| \varphi(x) - \varphi(w) \|^2$ from values of $\kappa$ alone. Then write a function that computes it for every row of `x` (N, n) and every row of `w` (M, n). It takes any kernel of the package that has a feature map. The result has the shape (N, M).
#
# Hint: `kernel.gram(x, w)` has $\kappa$ of all pairs, and a squared length is a dot product.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q5"]
def feature_distance(kernel, x, w):
    """‖φ(x) − φ(w)‖² of all rows: x (N, n), w (M, n) → (N, M)."""
    # BEGIN SOLUTION
    x_length = kernel.gram(x, x).diagonal()[:, None]
    w_length = kernel.gram(w, w).diagonal()
    return x_length + w_length - 2 * kernel.gram(x, w)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_linear_kernel_gives_the_plain_distance(feature_distance):
    import torch

    import kerv

    x, w = torch.tensor([[0.0, 3.0]]), torch.tensor([[4.0, 0.0], [0.0, 2.0]])
    out = feature_distance(kerv.LinearKernel(), x, w)
    torch.testing.assert_close(out, torch.tensor([[25.0, 1.0]]))


# %%
# HIDDEN
def test_another_kernel(feature_distance):
    import torch

    import kerv

    generator = torch.Generator().manual_seed(KEY_distance_seed)
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    w = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    kernel = kerv.get_kernel("KEY_distance_kernel")
    out = feature_distance(kernel, x, w)
    assert out.shape == (5, 4)
    for i in range(5):
        for j in range(4):
            pair = torch.stack([x[i], w[j]])
            K = kernel.gram(pair, pair)
            torch.testing.assert_close(out[i, j], K[0, 0] + K[1, 1] - K[0, 1] - K[1, 0])


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A02.5", feature_distance)
