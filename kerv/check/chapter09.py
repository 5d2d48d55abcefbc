"""Questions of chapter 9, on what light does to a response."""

from __future__ import annotations

import math

from . import Question

QUESTIONS = {
    "09.1": Question(
        right=23,
        praise="Twice the response, and the offset times the sum of the filter.",
        hint="Use equation (9.1): what does the gain do, and what does the offset do?",
        mistakes=(
            (13, "The offset reaches every pixel, so it comes times the sum of the filter."),
            (8, "The offset is missing."),
            (38, "The gain multiplies the old response alone, not the offset's part."),
            (19, "The gain is missing: the old response doubles."),
        ),
    ),
    "09.2": Question(
        right=0.6,
        praise="It sees neither the gain nor the offset.",
        hint="Use equation (9.3).",
        mistakes=(
            (1.2, "The gain cancels: numerator and denominator both double."),
            (6.2, "That is what happens to a convolution, and only if its filter sums to one."),
            (1, "It is as far from a perfect match as before."),
        ),
    ),
    "09.3": Question(
        right=1 / 7,
        praise="Four columns of places out of 28.",
        hint="Use equation (9.6) with the width of the filter and the places in a row.",
        mistakes=(
            (5 / 28, "A patch of k columns straddles the border at one place fewer than k."),
            (1 / 28, "More than one column of patches straddles the border."),
            (1 / 8, "Divide by the number of places in a row, not of pixels."),
            (24 / 28, "Those are the patches that the border does not cut."),
        ),
    ),
    "09.4": Question(
        right=1 / math.sqrt(24),
        praise="About a fifth, whatever the strength of the noise.",
        hint="Use equation (9.7). How many numbers does the patch hold?",
        mistakes=(
            (1 / 5, "Taking the mean away costs one of the numbers: n − 1, not n."),
            (1 / 24, "That is the variance. The deviation is its root."),
            (1 / 2, "Count the pixels of the patch, not those of a side."),
            (math.sqrt(24), "Turned upside down: more pixels, less chance likeness."),
        ),
    ),
}
