"""Questions of chapter 10, on what a difference between two networks is worth."""

from __future__ import annotations

import math

from . import Question

# Half the width of the interval (10.2) for the differences 0.1, 0.3 and 0.2.
_MARGIN = 0.95 / math.sqrt(2 * 0.975 * 0.025) * 0.1 / math.sqrt(3)

QUESTIONS = {
    "10.1": Question(
        right=0.14,
        praise="So a difference of a tenth of a point is within the luck of the pictures.",
        hint="Use equation (10.1), and turn the fraction into points.",
        mistakes=(
            (0.0014, "That is the fraction. In points it is a hundred times as much."),
            (1.4, "Divide by all the pictures below the root."),
            (0.0196, "That is the variance p(1 − p). Divide by the pictures and take the root."),
        ),
    ),
    "10.2": Question(
        right=0.2 - _MARGIN,
        praise="The interval holds zero, though all three seeds point the same way.",
        hint="Find the mean, the sample standard deviation and the factor t of three seeds.",
        mistakes=(
            (0.2 + _MARGIN, "That is the upper end."),
            (0.1, "That is the mean minus the standard deviation: t and the root are missing."),
            (0.2 - 0.1 / math.sqrt(3), "The factor t of three seeds is missing."),
            (0.2 - 1.96 * 0.1 / math.sqrt(3), "1.96 is for many seeds. Three have a larger t."),
            (0.2 - _MARGIN * math.sqrt(3), "The root of the number of seeds is missing."),
        ),
    ),
    "10.3": Question(
        right=32,
        praise="And a quarter of that for a difference of twice the size.",
        hint="Use equation (10.3). Seeds are whole numbers.",
        mistakes=(
            (31.4, "There is no part of a seed: round up."),
            (31, "Rounded down it falls short of what the equation asks for."),
            (16, "The ratio comes squared."),
            (2, "The ratio is upside down: small differences need more seeds."),
        ),
    ),
    "10.4": Question(
        right=0.16,
        praise="The factor counts twice: in the gradient, and in the filter that moves.",
        hint="Use equation (10.5). How often does the factor come in?",
        mistakes=(
            (0.04, "The factor comes in twice: by the gradient and by v = 4 w."),
            (0.000625, "The other way round: larger responses act like a larger rate."),
            (0.01, "Then v would move too slowly: its gradient lacks the factor."),
            (0.64, "Twice, not three times."),
        ),
    ),
}
