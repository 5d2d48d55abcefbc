"""Questions of chapter 8, on converting networks and judging what comes out."""

from __future__ import annotations

from . import Question

QUESTIONS = {
    "08.1": Question(
        right=13,
        praise="Twelve of 3×3, and the first one of 7×7.",
        hint='"spatial" takes every filter that is larger than one pixel.',
        mistakes=(
            (12, "The first one is larger than one pixel too."),
            (43, 'Those are all of them. "spatial" leaves the filters of one pixel alone.'),
            (30, "Those are the filters of one pixel, which stay convolutions."),
            (1, 'That would be where="first".'),
        ),
    ),
    "08.2": Question(
        right=64,
        praise="One gamma for each filter. The filters themselves were there before.",
        hint="per_channel gives each filter of the layer a gamma of its own.",
        mistakes=(
            (1, "That would be one gamma for the layer. per_channel asks for more."),
            (0, "A fixed gamma adds none, but this one learns."),
            (128, "One gamma each, and nothing else: the Gaussian has no c."),
        ),
    ),
    "08.3": Question(
        right=0.05,
        praise="4 against 2·20·2 = 80, or ⟨x, w⟩ / 2c.",
        hint="Divide the last term by the one before it.",
        mistakes=(
            (0.1, "The middle term has a factor of two: it comes twice out of the square."),
            (20, "Upside down: the rest belongs on top."),
            (0.01, "You divided by c². The scaled part is the middle term."),
            (4, "That is the rest itself. Divide it by the scaled part."),
        ),
    ),
    "08.4": Question(
        right=-1,
        praise="One point lost. The extra steps alone would have brought two.",
        hint="Compare two networks that differ in the kernel alone.",
        mistakes=(
            (1, "Against the network before, but that one had fewer steps of training."),
            (2, "That is what the extra steps did for the unconverted network."),
            (-0.01, "In points, please: per cent minus per cent."),
        ),
    ),
}
