"""Questions of chapter 11, on clips, a kernel of one's own, and related ideas."""

from __future__ import annotations

import math

from . import Question

QUESTIONS = {
    "11.1": Question(
        right=(8, 4, 8, 16),
        praise="One map per filter; each side loses a reach of 2, then every second place counts.",
        hint="One map per filter, then equation (3.4) for time, height and width in turn.",
        mistakes=(
            ((1, 4, 8, 16), "1 is the number of input channels. There is a map per filter."),
            ((8, 7, 15, 31), "The stride is missing: only every second place is kept."),
            ((8, 3, 7, 15), "The place at the start counts too: add 1 after dividing."),
            ((8, 16, 8, 4), "The order is turned round: torch has time, height, width."),
            ((4, 8, 16), "The channels are missing: one map for each filter."),
        ),
    ),
    "11.2": Question(
        right=0.25,
        praise="(1 + 3/1) to the power of −1.",
        hint="Divide the squared distance by ν, add 1, raise to the power of −(ν + 1)/2.",
        mistakes=(
            (0.5, "The power is −(ν + 1)/2, not −ν/2."),
            (1 / 16, "The power is half of −(ν + 1)."),
            (4, "The sign of the power slipped: the answer cannot be larger than at distance 0."),
            (math.exp(-3), "That is the Gaussian with gamma 1."),
            (1 / (1 + math.sqrt(3)), "You took the root: the kernel has the squared distance."),
            (0.1, "You squared the distance once more: 3 is the square already."),
        ),
    ),
    "11.3": Question(
        right=55,
        praise="Ten squares, and one product for each of the 45 pairs.",
        hint="Count the pairs a ≤ b: the squares, and each product of two pixels once.",
        mistakes=(
            (100, "x[a] x[b] and x[b] x[a] are the same product: count it once."),
            (45, "The squares are missing: a pixel may meet itself."),
            (50, "Half of all entries is too few: the squares on the diagonal have no partner."),
            (65, "These are the quadratic and the linear weights together."),
        ),
    ),
    "11.4": Question(
        right=12,
        praise="The angle stays, and the dot product grows with the light.",
        hint="Which of the two factors of equation (11.9) notices the light?",
        mistakes=(
            (
                3,
                "The cosine does not notice the light. The dot product beside it does.",
            ),
            (48, "The cosine stays as it is: only the dot product grows, and once."),
            (0.75, "The answer grows with the light: the formula divides by ‖w‖ alone."),
        ),
    ),
}
