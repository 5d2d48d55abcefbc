"""Questions of chapter 4, on the three numbers and what they cost."""

from __future__ import annotations

import math

from . import Question

QUESTIONS = {
    "04.1": Question(
        right=5,
        praise="9 + 16 − 20.",
        hint="Square both norms, add them, and take away twice the dot product.",
        mistakes=(
            (15, "You took the dot product away once; equation (4.1) takes it away twice."),
            (-13, "The norms are not squared. And no squared distance is negative."),
            (45, "The sign slipped: twice the dot product is taken away."),
            (math.sqrt(5), "That is the distance. The question asks for its square."),
            (1, "That is (‖x‖ − ‖w‖)²: the norms alone do not make a distance."),
        ),
    ),
    "04.2": Question(
        right=128,
        praise="One filter instead of all of them: as many times fewer as there are filters.",
        hint="Both go over the same patches. What differs is the number of filters.",
        mistakes=(
            (32, "Both look at all the input channels. What differs is the number of filters."),
            (25, "Both filters have that many pixels. What differs is the number of filters."),
            (800, "That is n, the multiply-adds of one filter at one place."),
            (1 / 128, "That is the part. The question asks how many times as many."),
            (102400, "That is what the convolution takes at one place. Divide by what ones take."),
        ),
    ),
    "04.3": Question(
        right=0.02,
        praise="n grows from 27 to 243, nine times, and the part falls as 1/n.",
        hint="By equation (4.5) the part is proportional to 1/n. What is n before and after?",
        mistakes=(
            (0.06, "The filter grows in height and in width: n grows with the square of k."),
            (1.62, "The wrong way round: the convolution gets dearer, the pass does not."),
            (0.18, "The pass costs the same, but the convolution it is compared with grows."),
        ),
    ),
    "04.4": Question(
        right=0.002,
        praise="However near the two are: if their squared distance is smaller, it is lost.",
        hint="Add the two squared norms and multiply by the precision.",
        mistakes=(
            (0.001, "Both norms count, the patch's and the filter's."),
            (2e-5, "You took the norms. The rule has their squares, which are given."),
            (0.004, "Each squared norm counts once."),
        ),
    ),
}
