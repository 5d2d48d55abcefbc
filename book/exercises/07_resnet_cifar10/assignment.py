# %% [markdown]
# # Assignment 7: a ResNet, and what its scores say
#
# It follows chapter 7, [Does it help on real pictures?](https://github.com/OWNER/kerv/blob/main/book/07_resnet_cifar10.ipynb) There are five questions, 15 points, and about two hours of work.
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
# ## Question 1: how much of it is the stem? (2 points, 15 minutes)
#
# A ResNet for 32×32 pictures in colour has three stages with KEY_blocks blocks each. Its stem has KEY_width channels, like the first stage; the next stages have twice and four times as many. The first convolution of the second and of the third stage has stride 2. All convolutions are 3×3, and shortcuts take no products.
#
# Which share of the products of all convolutions is the stem's? Give it as a fraction of 1, not in per cent. Derive it by hand: each stage costs nearly the same.
#
# Suppose that the time goes with the number of products. Now a kernel in the stem takes KEY_ratio times as long as the convolution there. Which share of the new time is the stem's?

# %% [raw]
# # BEGIN SOLUTION

# %% tags=["q1"]
blocks, width = KEY_blocks, KEY_width
stem_share = 3 / (3 + width * (6 * blocks - 1))  # SOLUTION
# BEGIN SOLUTION NO PROMPT
stem = KEY_ratio * stem_share
# END SOLUTION
share_with_kernel = stem / (1 - stem_share + stem)  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
# HIDDEN
def test_share(stem_share):
    first = 9 * KEY_width**2 * 32 * 32
    second, third = 9 * 4 * KEY_width**2 * 16 * 16, 9 * 16 * KEY_width**2 * 8 * 8
    whole = 27 * KEY_width * 32 * 32 + 2 * KEY_blocks * first
    whole += (2 * KEY_blocks - 1) * (second + third) + second / 2 + third / 2
    assert abs(stem_share * whole / (27 * KEY_width * 32 * 32) - 1) < 0.006


# %%
# HIDDEN
def test_share_with_kernel(share_with_kernel):
    stem, rest = 3 * KEY_ratio, KEY_width * (6 * KEY_blocks - 1)
    assert abs(share_with_kernel * (1 + rest / stem) - 1) < 0.006


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A07.1a", stem_share, blocks=KEY_blocks, width=KEY_width)
kerv.check.exercise(
    "A07.1b", share_with_kernel, blocks=KEY_blocks, width=KEY_width, ratio=KEY_ratio
)

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: [1, 2]

# %% [markdown]
# ## Question 2: a schedule with a floor (3 points, 20 minutes)
#
# Write a schedule like equation (7.4), as a fraction of the highest rate. There are $T$ steps, `steps` in the code, and they count from 0. Two things change:
#
# * The first $t_0 = \lfloor KEY_warm \, T / 100 \rfloor$ steps rise in a line: $1 / t_0$ at step 0, $2 / t_0$ at step 1, and so on.
# * From step $t_0$ on it falls along a cosine, from 1 to a floor of KEY_floor. It would reach the floor at step $T$.
#
# You may assume that $t_0$ is at least 1.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q2"]
def schedule(step, steps):
    """The learning rate at `step` of `steps`, over the highest."""
    # BEGIN SOLUTION
    rising = KEY_warm * steps // 100
    if step < rising:
        return (step + 1) / rising
    falls = 0.5 + 0.5 * math.cos(math.pi * (step - rising) / (steps - rising))
    return KEY_floor + (1 - KEY_floor) * falls
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_the_highest(schedule):
    assert abs(schedule(KEY_warm, 100) - 1) < 1e-9


# %%
# HIDDEN
def test_every_step(schedule):
    from math import pi, sin

    top = KEY_warm * KEY_steps // 100
    for step in range(top):
        assert abs(schedule(step, KEY_steps) * top - step - 1) < 1e-6
    for step in range(top, KEY_steps):
        angle = pi / 2 * (step - top) / (KEY_steps - top)
        expected = 1 - (1 - KEY_floor) * sin(angle) ** 2
        assert abs(schedule(step, KEY_steps) - expected) < 1e-6


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A07.2", schedule, warm=KEY_warm, floor=KEY_floor)

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: [1, 2]

# %% [markdown]
# ## Question 3: whiten it yourself (3 points, 30 minutes)
#
# Write the filters of a whitening stem, by equation (7.6) but louder: the responses to all patches of the pictures shall have the mean square KEY_strength, and their products with one another the mean 0. The patches are `size` × `size` and lie at every place, without padding. The first filter belongs to the largest eigenvalue. Add nothing to the eigenvalues. `torch.linalg.eigh` gives them, the smallest first, with the eigenvectors as *columns*.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q3"]
def whitening(pictures, size):
    """pictures (N, C, H, W) → filters (C·size², C, size, size)."""
    # BEGIN SOLUTION
    patches = F.unfold(pictures, size).transpose(1, 2).flatten(0, 1)
    eigen, columns = torch.linalg.eigh(patches.T @ patches / len(patches))
    loud = columns * (KEY_strength / eigen) ** 0.5
    return loud.T.flip(0).reshape(-1, pictures.shape[1], size, size)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_shape(whitening):
    import torch

    noise = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    assert whitening(noise, 2).shape == (12, 3, 2, 2)


# %%
# HIDDEN
def test_moments_and_order(whitening):
    import torch
    import torch.nn.functional as F

    generator = torch.Generator().manual_seed(KEY_whitening_seed)
    rough = torch.rand(40, 2, 14, 13, generator=generator, dtype=torch.float64)
    smooth = rough + F.avg_pool2d(rough, 5, 1, 2)
    filters = whitening(smooth, KEY_size)
    answers = F.conv2d(smooth, filters).movedim(1, 0).flatten(1)
    moments = answers @ answers.T / answers.shape[1]
    expected = KEY_strength * torch.eye(len(moments), dtype=torch.float64)
    torch.testing.assert_close(moments, expected, rtol=1e-4, atol=1e-4)
    lengths = filters.flatten(1).norm(dim=1)
    assert (lengths.diff() > -1e-9).all()
    # Filters turned into one another would be as white, but no eigenvectors.
    rows = filters.flatten(1) / lengths[:, None]
    upright = torch.eye(len(rows), dtype=rows.dtype)
    torch.testing.assert_close(rows @ rows.T, upright, rtol=0, atol=1e-6)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A07.3", whitening, strength=KEY_strength)

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: [1, 2, 1]

# %% [markdown]
# ## Question 4: the luck of the best (4 points, 30 minutes)
#
# A table compares KEY_contestants kernels by the accuracy on held-out pictures, and praises the best. Suppose that they are *all equally good*: each gets every picture right with the probability KEY_accuracy, independently of all others.
#
# **Predict.** How far above KEY_accuracy will the best one seem to be, with 1,000 pictures?
#
# Then measure. Write `luck(contestants, pictures, accuracy)`. Draw at least 4,000 such tables, and return the mean of *the best score minus the true accuracy*, in per cent of the pictures: from 0.80 to 0.81 is 1. `torch.distributions.Binomial(pictures, torch.tensor(accuracy)).sample(shape)` draws numbers of right answers.
#
# How many pictures are enough to bring the luck of the best of this table below half a per cent? Give the smallest of 1,000, 2,000, 5,000, 10,000, 20,000, 50,000 and 100,000.

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q4"]
def luck(contestants, pictures, accuracy):
    """How much better than it is the best seems, on average, in per cent."""
    # BEGIN SOLUTION
    chance = torch.distributions.Binomial(pictures, torch.tensor(accuracy))
    best = chance.sample((4000, contestants)).max(1).values
    return 100 * (best / pictures - accuracy).mean().item()
    # END SOLUTION


# BEGIN SOLUTION NO PROMPT
ladder = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
enough = [n for n in ladder if luck(KEY_contestants, n, KEY_accuracy) < 0.5]
# END SOLUTION
enough_pictures = enough[0]  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_one_alone(luck):
    assert luck(1, 10_000, 0.8) is not None
    assert abs(luck(1, 10_000, 0.8)) < 0.1


# %%
# HIDDEN
def test_other_tables(luck):
    import torch

    for contestants, pictures in ((2, 500), (KEY_contestants, 1500), (7, 800)):
        p = torch.tensor(KEY_hidden_accuracy, dtype=torch.float64)
        k = torch.arange(pictures + 1, dtype=torch.float64)
        all_ways = (
            torch.lgamma(k[-1] + 1) - torch.lgamma(k + 1) - torch.lgamma(k.flip(0) + 1)
        )
        below = (all_ways + k * p.log() + k.flip(0) * (1 - p).log()).exp().cumsum(0)
        mean_best = (1 - below[:-1].clamp(max=1) ** contestants).sum() / pictures
        assert (
            abs(
                luck(contestants, pictures, KEY_hidden_accuracy) / 100 / (mean_best - p)
                - 1
            )
            < 0.1
        )


# %%
# HIDDEN
def test_enough(enough_pictures):
    largest = {5: 1.163, 6: 1.267, 8: 1.424, 10: 1.539, 12: 1.629}
    spread = (KEY_accuracy - KEY_accuracy**2) ** 0.5 * largest[KEY_contestants]
    steps = [1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]
    assert enough_pictures == next(n for n in steps if 100 * spread < 0.5 * n**0.5)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A07.4a", luck)
kerv.check.exercise(
    "A07.4b", enough_pictures, contestants=KEY_contestants, accuracy=KEY_accuracy
)

# %% [raw]
# # BEGIN QUESTION
# name: q5
# points: [1, 2]

# %% [markdown]
# ## Question 5: begin with nothing (3 points, 25 minutes)
#
# This one goes beyond the chapter. By equation (7.1) a block passes on what it got if $F$ answers 0. Let every block *begin* like that: then the deep network starts as a shallow one.
#
# Write `begin_with_nothing(model)`. It changes a fresh network of `kerv.models.build` in place. Afterwards every $F$ answers 0 to any picture, *whatever kernel its layers have*. But training must be able to change that. The blocks are the modules with an attribute `shortcut`; their $F$ is `residual`, a `Sequential`. Filters stay as they are, and so does everything outside the blocks. Add no module and no parameter: change values of those that are there.

# %%
model = kerv.models.build("resnet8", kernel="gaussian", where="spatial")
blocks = []
for module in model.modules():
    if hasattr(module, "shortcut"):
        blocks.append(module)
print(blocks[0].residual)

# %% [raw]
# # BEGIN SOLUTION


# %% tags=["q5"]
def begin_with_nothing(model):
    """Make every block of the network pass on what it gets, until it learns."""
    # BEGIN SOLUTION
    for module in model.modules():
        if hasattr(module, "shortcut"):
            torch.nn.init.zeros_(module.residual[-1].weight)
    # END SOLUTION


# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS


# %%
def test_a_convolutional_network(begin_with_nothing):
    import torch

    import kerv

    network = kerv.models.build("resnet8")
    begin_with_nothing(network)
    blocks = [m for m in network.modules() if hasattr(m, "shortcut")]
    assert len(blocks) == 3
    x = torch.rand(2, 16, 9, 9)
    assert blocks[0].residual(x).abs().max() == 0
    assert torch.equal(blocks[0](x), x)


# %%
# HIDDEN
def test_kernels_and_learning(begin_with_nothing):
    import torch

    import kerv

    torch.manual_seed(KEY_network_seed)
    network = kerv.models.build("resnet20", kernel="gaussian", where="spatial")
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    begin_with_nothing(network)
    after = dict(network.named_parameters())
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert value.ndim == 1 or torch.equal(after[name], value)
    pictures = torch.randn(4, 3, 12, 12)
    blocks = [m for m in network.modules() if hasattr(m, "shortcut")]
    answers = []
    for part in blocks:
        part.residual.register_forward_hook(
            lambda m, x, y: answers.append(y.abs().max())
        )
    scores = network(pictures)
    assert len(answers) == 9
    assert max(answers) == 0
    assert scores.std(0).max() > 0
    scores.square().sum().backward()
    last = [part.residual[-1].weight.grad for part in blocks]
    assert all(grad is not None and grad.abs().max() > 0 for grad in last)


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
kerv.check.exercise("A07.5", begin_with_nothing)
