"""Questions of chapter 5, on what kernels see, and on their gradients."""

from __future__ import annotations

import math

from . import Question

QUESTIONS = {
    "05.1": Question(
        right=0.6,
        praise="The cosine divides by the norm of the patch, so contrast drops out.",
        hint="Write the patch as t·x, and look at what t does above and below the fraction.",
        mistakes=(
            (1.2, "So would a dot product answer. The cosine also divides by the patch's norm."),
            (0.3, "The dot product doubles as well as the norm: nothing is left to halve."),
            (0.36, "That is the square. Contrast enters the cosine above and below the fraction."),
        ),
    ),
    "05.2": Question(
        right=3,
        praise="One over the root of 2γ, and 2γ is 1/9.",
        hint="Look for the largest ρ·exp(−γρ²): its derivative by ρ is 0. Equation (5.4) has it.",
        mistakes=(
            (9, "That is the squared distance. Take the root."),
            (
                math.sqrt(18),
                "At 1/√γ the response changes most with log γ. The question is about the filter.",
            ),
            (0, "At distance 0 the response is largest, and its gradient is 0."),
            (math.sqrt(1 / 18), "You took √γ: turn the fraction over, and mind the factor of γ."),
            (6, "That is twice as far: check where the factor of γ goes under the root."),
            (1 / 3, "You took √(2γ): turn the fraction over."),
        ),
    ),
    "05.3": Question(
        right=2**27,
        praise="The exponent is 3·3·3: each layer cubes what the layer before it did.",
        hint="The first layer answers 2³ times as much. What does the second make of that?",
        mistakes=(
            (8, "That is one layer. The second one cubes this factor again."),
            (2**9, "Either that is two layers, or you added the exponents: they multiply."),
            (27, "That is the exponent. The question asks for the factor."),
            (2**81, "That is for four layers, the chapter's example. Here are fewer."),
            (
                24,
                "You multiplied by the number of layers. Each layer cubes.",
            ),
        ),
    ),
    "05.4": Question(
        right=0.2,
        praise="One over 1 + 4: stronger filters make channels more different.",
        hint="Use equation (5.9), and divide it through by σ².",
        mistakes=(
            (
                1 / 3,
                "Either the 2 of equation (5.9) is missing, or you took equal variances. "
                "Here τ² is twice σ².",
            ),
            (20, "That is in per cent. A correlation is at most 1."),
            (0.5, "You took τ² for half of σ². The filters have the larger variance here."),
            (
                1 / 9,
                "You squared the ratio: it is that of the variances already.",
            ),
            (0.8, "That is the share of what the channels do not have in common."),
        ),
    ),
}
