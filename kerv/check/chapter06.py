"""Questions of chapter 6, on preferred stimuli, tuning curves and what channels share."""

from __future__ import annotations

import math

from . import Question

QUESTIONS = {
    "06.1": Question(
        right=1.5,
        praise="The norm of the filter times the cosine of 60°: the nearest point of the ray.",
        hint="The patch walks along a ray. Where on it is the distance to the filter least?",
        mistakes=(
            (3, "That would be right at an angle of 0°. Equation (6.6c) has a cosine in it."),
            (6, "You divided by the cosine. The nearest point of a ray is nearer than the filter."),
            (3 * math.sin(math.pi / 3), "That is the least distance, not where it is reached."),
            (0, "At contrast 0 the distance is 3, and less than that further out."),
            (3 * math.cos(60), "math.cos takes radians: give it math.radians(60)."),
        ),
    ),
    "06.2": Question(
        right=5 / 13,
        praise="The best patch is a multiple of 3 0 4 0, at this cosine to the filter.",
        hint="Set the negative numbers to 0. What is the cosine between the result and the filter?",
        mistakes=(
            (1, "That needs a negative pixel. Here pixels are 0 or more."),
            (13 / 5, "The fraction is upside down: no cosine is larger than 1."),
            (25 / 169, "That is its square. Take the norms, not the squared norms."),
            (5, "Divide by the norm of the filter as well: no cosine is larger than 1."),
            (
                7 / (13 * math.sqrt(2)),
                "Did you round to two digits? If not, you lit every pixel with a positive weight "
                "fully. That is the linear recipe.",
            ),
        ),
    ),
    "06.3": Question(
        right=45,
        praise="The square of a cosine is one half at 45°.",
        hint="Set cos²θ to one half. The answer is in degrees.",
        mistakes=(
            (60, "That is the half width of a convolution. Here the cosine is squared."),
            (math.pi / 4, "That is right in radians. The question asks for degrees."),
            (37.5, "That is degree 3. The root of one half changes with the degree."),
            (90, "At 90° all of the response is gone."),
        ),
    ),
    "06.4": Question(
        right=0.5,
        praise="One plus five times 0.4, over six.",
        hint="Use equation (6.13) with six channels.",
        mistakes=(
            (0.4, "That is the correlation. The share also counts each channel with itself."),
            (1 / 6, "That is for channels with nothing in common."),
            (3, "Divide by the number of channels: a share is at most 1."),
            (
                0.6,
                "That is what two channels do not share. Take the correlation.",
            ),
            (3.4 / 6, "A channel has five others, not six."),
            (1 / 3, "The 1 of equation (6.13) is missing: each channel with itself."),
        ),
    ),
}
