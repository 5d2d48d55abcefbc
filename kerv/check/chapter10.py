"""Questions of chapter 10, on what a difference between two networks is worth."""

from __future__ import annotations

import math

from . import Question

# Half the width of the interval (10.2) for the differences 0.1, 0.7 and 0.4.
_MARGIN = 0.95 / math.sqrt(2 * 0.975 * 0.025) * 0.3 / math.sqrt(3)

QUESTIONS = {
    "10.1": Question(
        right=0.28,
        praise="So a difference of a tenth of a point is within the luck of the pictures.",
        hint="Use equation (10.1), and turn the fraction into points.",
        mistakes=(
            (0.0028, "That is the fraction. In points it is a hundred times as much."),
            (0.14, "That is for one picture, as a fraction. Divide by all below the root."),
            (14, "That is for one picture. Divide by all the pictures below the root."),
            (0.0056, "You divided by the pictures. Divide by their root."),
            (0.0196, "That is the variance p(1 − p). Divide by the pictures and take the root."),
            (0.000784, "The root is missing: that is the square of the error."),
        ),
    ),
    "10.2": Question(
        right=0.4 - _MARGIN,
        praise="The interval holds zero, though all three seeds point the same way.",
        hint="Find the mean, the sample standard deviation and the factor t of three seeds.",
        mistakes=(
            (0.4 + _MARGIN, "That is the upper end."),
            (_MARGIN, "That is how far the interval reaches. Take it from the mean."),
            (0.1, "That is the mean minus the standard deviation: t and the root are missing."),
            (0.4 - 0.3 / math.sqrt(3), "The factor t of three seeds is missing."),
            (0.4 - 1.96 * 0.3 / math.sqrt(3), "1.96 is for many seeds. Three have a larger t."),
            (0.4 - _MARGIN * math.sqrt(3), "The root of the number of seeds is missing."),
            (
                0.4 - _MARGIN * math.sqrt(2 / 3),
                "Your deviation divides the squares by 3. The sample deviation divides by 2.",
            ),
        ),
    ),
    "10.3": Question(
        right=71,
        praise="And about a quarter of that for a difference of twice the size.",
        hint="Use equation (10.3). Seeds are whole numbers.",
        mistakes=(
            (70.65, "There is no part of a seed: round up."),
            (70, "Rounded down it falls short of what the equation asks for."),
            (24, "The ratio comes squared."),
            (1, "The ratio is upside down: small differences need more seeds."),
        ),
    ),
    "10.4": Question(
        right=0.16,
        praise="The factor counts twice: in the gradient, and in the filter that moves.",
        hint="Use equation (10.5). How often does the factor come in?",
        mistakes=(
            (0.04, "The factor comes in twice: by the gradient and by v = 4 w."),
            (0.000625, "The other way round: larger responses act like a larger rate."),
            (0.0025, "The other way round, and the factor comes in twice."),
            (0.01, "Then v would move too slowly: its gradient lacks the factor."),
            (0.64, "Twice, not three times."),
        ),
    ),
}
