# %% [markdown]
# # Assignment 6: learned responses
#
# It follows chapter 6, [What did it learn to see?](https://github.com/OWNER/kerv/blob/main/book/06_learned_responses.ipynb) There are five questions, 15 points, and about two hours of work.
#
# Put your answers in the place of the dots. The cell below each answer says at once whether it is right, and if not, what the likely mistake is. It asks no server, and you may run it as often as you like. Give counts exactly, and other numbers with at least three significant digits, or let Python compute the last step. Your grade comes from other tests; they call your functions on other inputs where they can. They run after the last cell and find your answers by their names, so use those names for nothing else. In grading, each cell has 60 seconds on two CPU cores, and so have the tests of each question.

# %%
import math

import torch

import kerv

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: [1, 2]

# %% [markdown]
# ## Question 1: a Gaussian filter, by hand (3 points, 20 minutes)
#
# A Gaussian filter has the norm KEY_norm, and $\gamma = KEY_gamma$.
#
# A patch makes an angle of KEY_degrees° with it. Its contrast is its norm. At which contrast is the response largest?
#
# Another patch has the norm KEY_contrast and first points along the filter. By which angle must it turn, in degrees, until half of its response is gone? Derive both: do not search by trial.

# %% [raw]
# # BEGIN SOLUTION

# %% tags=["q1"]
norm, gamma = KEY_norm, KEY_gamma
best_contrast = norm * math.cos(math.radians(KEY_degrees))  # SOLUTION
# BEGIN SOLUTION NO PROMPT
half = 1 - math.log(2) / (2 * gamma * KEY_contrast * norm)
# END SOLUTION
half_width = math.degrees(math.acos(half))  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
# HIDDEN
def test_contrast(best_contrast):
    from math import pi, sin

    expected = KEY_norm * sin(pi / 2 - KEY_degrees * pi / 180)
    assert abs(best_contrast / expected - 1) < 0.006


# %%
# HIDDEN
def test_half_width(half_width):
    from math import cos, exp, pi

    def response(degrees):
        dot = KEY_contrast * KEY_norm * cos(degrees * pi / 180)
        return exp(-KEY_gamma * (KEY_contrast**2 + KEY_norm**2 - 2 * dot))

    assert 0 < half_width < 180
    assert abs(response(half_width) / response(0) - 0.5) < 0.01


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A06.1a", best_contrast, norm=norm, degrees=KEY_degrees)
kerv.check.exercise("A06.1b", half_width, norm=norm, gamma=gamma, contrast=KEY_contrast)

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: [1, 2]

# %% [markdown]
# ## Question 2: climb in a box (3 points, 30 minutes)
#
# Write `preferred(kernel, w)`: the patch that a filter `w` of n numbers likes best, if all pixels lie between 0 and 1. Climb along the gradient from a grey patch, and keep the pixels in their range after each step. `kernel.gram(x[None], w[None])` is the response of one patch, as a tensor of shape (1, 1). The response must reach 97 per cent of the largest that such pixels allow. It must work for kernels without a recipe like (6.5), too: we try one that is not in the book.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q2"]
def preferred(kernel, w):
    """The best patch with pixels from 0 to 1: w (n,) → (n,)."""
    # BEGIN SOLUTION
    x = torch.full_like(w, 0.5)
    for step in range(200):
        x.requires_grad_()
        response = kernel.gram(x[None], w[None]).sum()
        [gradient] = torch.autograd.grad(response, x)
        rate = 0.5 * (1 - step / 200)
        x = (x.detach() + rate * gradient / gradient.norm().clamp(min=1e-12)).clamp(
            0, 1
        )
    return x
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_convolution(preferred):
    import torch

    import kerv

    w = torch.tensor([2.0, -1.0, 0.5, -2.0], dtype=torch.float64)
    x = preferred(kerv.LinearKernel(), w).detach()
    assert (x - torch.tensor([1.0, 0, 1, 0])).abs().max() < 0.05


# %%
# HIDDEN
def test_other_kernels(preferred):
    import torch

    import kerv

    generator = torch.Generator().manual_seed(KEY_filter_seed)
    w = torch.randn(25, generator=generator, dtype=torch.float64)
    positive = w.clamp(min=0)
    # Shifted and scaled, the filter itself fits into the box.
    best = [
        ("gaussian", positive.clamp(max=1)),
        ("cosine", positive / positive.max()),
        ("correlation", (w - w.min()) / (w.max() - w.min())),
        # It likes what differs from the filter: a parabola in each pixel.
        (lambda p: -p.dot - p.x_sq / 4, (-2 * w).clamp(0, 1)),
    ]
    for spec, right in best:
        kernel = kerv.get_kernel(spec).double()
        x = preferred(kernel, w).detach()
        assert -1e-6 <= x.min() <= x.max() <= 1 + 1e-6
        reached, most = (kernel.gram(y[None], w[None]).item() for y in (x, right))
        assert reached > 0.95 * most, spec


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A06.2", preferred)

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: [1, 1, 1]

# %% [markdown]
# ## Question 3: how much is said once? (3 points, 25 minutes)
#
# Write the shared share of equation (6.12) for the maps of a layer. Every picture and every place in it counts as one place.
#
# Then work out: KEY_filters channels have equal variances, and any two of them the correlation KEY_correlation. What is their shared share?

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q3"]
def shared_share(maps):
    """maps (N, C, H, W) → one number."""
    # BEGIN SOLUTION
    r = maps.transpose(0, 1).flatten(1)
    moves = r - r.mean(1, keepdim=True)
    return (len(r) * moves.mean(0).square().sum() / moves.square().sum()).item()
    # END SOLUTION


share_of_equals = (1 + (KEY_filters - 1) * KEY_correlation) / KEY_filters  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_copies(shared_share):
    import torch

    one = torch.arange(12.0).view(1, 1, 3, 4)
    assert abs(float(shared_share(torch.cat([one, one], dim=1))) - 1) < 1e-4


# %%
# HIDDEN
def test_maps(shared_share):
    import torch

    generator = torch.Generator().manual_seed(KEY_share_seed)
    maps = torch.randn(3, 5, 6, 7, generator=generator, dtype=torch.float64)
    maps += torch.randn(3, 1, 6, 7, generator=generator, dtype=torch.float64)
    maps += torch.arange(5.0).view(1, 5, 1, 1)
    together = torch.cov(maps.transpose(0, 1).flatten(1))
    expected = together.mean() * 5 / together.trace()
    assert abs(float(shared_share(maps)) - expected) < 1e-4


# %%
# HIDDEN
def test_equals(share_of_equals):
    unlike = (1 - KEY_correlation) * (1 - 1 / KEY_filters)
    assert abs(share_of_equals / (1 - unlike) - 1) < 0.006


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A06.3a", shared_share)
kerv.check.exercise(
    "A06.3b", share_of_equals, filters=KEY_filters, correlation=KEY_correlation
)

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: [1, 1, 1]

# %% [markdown]
# ## Question 4: what does this filter see? (3 points, 25 minutes)
#
# Below is a filter of stripes and noise. Before you draw it: which frequency do the stripes have, and in which direction do they change? Measure both.
#
# Write `swing(w, nu, beta)`: by how much the dot product with the grating of equation (6.8) moves as its phase runs through a whole turn. Columns and rows count from $-3$ to 3, as `places()` gives them, and `beta` is in radians. Use equation (6.9), or let the phase run: one per cent of error is allowed.
#
# Then find the frequency among 0.10, 0.15, 0.20, 0.25, 0.30, 0.35 and the direction among 0°, 20°, …, 160° at which the swing is largest.


# %%
def places():
    """The row and the column of each number of a filter (7, 7), the middle being 0, 0."""
    return torch.meshgrid(*[torch.arange(-3.0, 4.0)] * 2, indexing="ij")


def hidden_stripes():
    """A filter (7, 7) of stripes and noise."""
    rows, columns = places()
    nu = (15, 20, 25, 30)[KEY_stripes % 4] / 100
    turn = math.radians((20, 40, 60, 100, 120, 140, 160)[KEY_stripes % 7])
    along = columns * math.cos(turn) + rows * math.sin(turn)
    generator = torch.Generator().manual_seed(KEY_noise_seed)
    noise = torch.randn(7, 7, generator=generator)
    return torch.cos(2 * math.pi * nu * along + 0.7) + 0.5 * noise


w = hidden_stripes()

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q4"]
def swing(w, nu, beta):
    """Largest minus smallest dot product with a drifting grating: w (7, 7) → a number."""
    # BEGIN SOLUTION
    rows, columns = places()
    turns = 2 * math.pi * nu * (columns * math.cos(beta) + rows * math.sin(beta))
    return math.hypot((w * turns.cos()).sum().item(), (w * turns.sin()).sum().item())
    # END SOLUTION


# BEGIN SOLUTION NO PROMPT
pairs = [
    (nu / 100, degrees) for nu in range(10, 36, 5) for degrees in range(0, 161, 20)
]
best = max(pairs, key=lambda pair: swing(w, pair[0], math.radians(pair[1])))
# END SOLUTION
best_frequency = best[0]  # SOLUTION
best_degrees = best[1]  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_two_pixels(swing):
    import torch

    # Half a turn apart the two add up, a whole turn apart one takes from the other.
    w = torch.zeros(7, 7)
    w[2, 5], w[4, 1] = 1.5, -0.5
    assert abs(float(swing(w, 1 / 8, 0.0)) - 2) < 0.05
    assert abs(float(swing(w, 1 / 4, 0.0)) - 1) < 0.05


# %%
# HIDDEN
def test_any_filter(swing):
    import torch

    generator = torch.Generator().manual_seed(KEY_filter_seed)
    w = torch.randn(7, 7, generator=generator)
    v, u = torch.meshgrid(*[torch.arange(-3.0, 4)] * 2, indexing="ij")
    for nu, beta in ((0.13, 0.4), (0.3, 2.0), (0.22, 1.2), (0.17, 2.7)):
        b = torch.tensor(beta)
        turns = 6.283185 * nu * (u * b.cos() + v * b.sin())
        expected = (w * torch.exp(1j * turns)).sum().abs()
        assert abs(float(swing(w, nu, beta)) - expected) < 0.02 * expected


# %%
# HIDDEN
def test_stripes(best_frequency, best_degrees):
    import torch

    v, u = torch.meshgrid(*[torch.arange(-3.0, 4)] * 2, indexing="ij")
    nu = torch.arange(2, 8)[:, None, None, None] / 20
    beta = (torch.arange(9) * 20).deg2rad()[:, None, None]
    turns = 6.283185 * nu * (u * beta.cos() + v * beta.sin())
    generator = torch.Generator().manual_seed(KEY_noise_seed)
    noise = torch.randn(7, 7, generator=generator)
    turn = torch.tensor(KEY_direction).deg2rad()
    stripes = 6.283185 * KEY_frequency * (u * turn.cos() + v * turn.sin()) + 0.7
    w = stripes.cos() + 0.5 * noise
    place = (w * torch.exp(1j * turns)).sum((2, 3)).abs().argmax().item()
    assert abs(best_frequency - (place // 9 + 2) / 20) < 1e-6
    assert best_degrees == place % 9 * 20


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A06.4a", swing)
kerv.check.exercise("A06.4b", best_frequency, w=w)
kerv.check.exercise("A06.4c", best_degrees, w=w)

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: [1, 2]

# %% [markdown]
# ## Question 5: a contrast of one's own (3 points, 25 minutes)
#
# This one goes beyond the chapter. The preferred contrast of a Gaussian filter is its norm, and its half width changes with the contrast. Design a kernel that has both under control. It prefers patches of norm KEY_wanted, whatever the filter. Its half width is that of a cosine, 60°, at every contrast:
#
# $$ \cos\theta \; e^{-\gamma (\|x\| - t)^2}, \quad t = KEY_wanted, \quad \gamma = KEY_width $$
#
# Write it as a function of a `Pair` `p`, from `p.dot`, which is $\langle x, w \rangle$, `p.x_sq`, which is $\|x\|^2$, and `p.w_sq`, which is $\|w\|^2$, alone. A patch of zeros must give 0, and neither it nor its gradient may be `nan`.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q5"]
def prefers(p):
    """The kernel, from the numbers of a pair."""
    # BEGIN SOLUTION
    norms = (p.x_sq * p.w_sq).clamp(min=1e-12).sqrt()
    off = p.x_sq.clamp(min=1e-12).sqrt() - KEY_wanted
    return p.dot / norms * torch.exp(-KEY_width * off**2)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_at_its_contrast(prefers):
    import torch

    import kerv

    w = torch.tensor([[3.0, 4.0]])
    x = torch.cat([KEY_wanted * w / 5, 0 * w]).requires_grad_()
    out = kerv.FunctionKernel(prefers).gram(x, w)[:, 0]
    torch.testing.assert_close(out.detach(), torch.tensor([1.0, 0.0]))
    out.sum().backward()
    assert not x.grad.isnan().any()


# %%
# HIDDEN
def test_values_in_a_layer(prefers):
    import torch

    import kerv

    F = torch.nn.functional
    generator = torch.Generator().manual_seed(KEY_layer_seed)
    x = torch.randn(2, 2, 6, 7, generator=generator, dtype=torch.float64)
    w = torch.randn(4, 2, 3, 2, generator=generator, dtype=torch.float64)
    out = kerv.functional.kernel_conv2d(x, w, kernel=prefers)
    rows = F.unfold(x, (3, 2)).mT
    sizes = rows.norm(dim=2, keepdim=True)
    cosine = F.normalize(rows, dim=2) @ F.normalize(w.flatten(1), dim=1).T
    expected = (cosine * (-KEY_width * (sizes - KEY_wanted) ** 2).exp()).mT
    torch.testing.assert_close(out, expected.reshape(out.shape), rtol=1e-4, atol=1e-6)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A06.5", prefers, wanted=KEY_wanted, width=KEY_width)
