"""Questions of chapter 2, on features and kernels."""

from __future__ import annotations

import math

from . import Question

QUESTIONS = {
    "02.1": Question(
        right=10,
        praise="Four squares and six mixed products.",
        hint="Count squares such as x₁x₁ too, and count x₁x₂ and x₂x₁ once.",
        mistakes=(
            (16, "x₁x₂ and x₂x₁ are the same product: count it once."),
            (6, "The squares are missing: a pixel may come twice."),
            (15, "That counts all degrees up to 2. The question asks for exactly 2."),
        ),
    ),
    "02.2": Question(
        right=25,
        praise="(2 + 3)².",
        hint="Add c to the dot product, then raise the sum to the power d.",
        mistakes=(
            (7, "You raised to the power before adding c."),
            (13, "A power of a sum is not the sum of the powers: add first."),
            (4, "c is missing."),
            (10, "You multiplied by d instead of raising to the power d."),
        ),
    ),
    "02.3": Question(
        right=math.exp(-1.5),
        praise="e to the power of −3/2.",
        hint="Multiply the squared distance by gamma, change the sign, take the exponential.",
        mistakes=(
            (math.exp(-3), "gamma is missing."),
            (math.exp(-4.5), "The distance is squared already: do not square it again."),
            (math.exp(-math.sqrt(3) / 2), "You took the root: the kernel has the square."),
            (math.exp(1.5), "The sign slipped: the answer cannot be larger than one."),
            (math.exp(-6), "You divided by gamma instead of multiplying."),
        ),
    ),
    "02.4": Question(
        right=1275,
        praise="The diagonal and one half: κ(x, y) = κ(y, x) for the kernels of this chapter.",
        hint="The matrix is symmetric. Count the diagonal and the entries on one side of it.",
        mistakes=(
            (2500, "That is how many entries there are. Those below the diagonal repeat."),
            (1225, "The diagonal is missing."),
        ),
    ),
}
