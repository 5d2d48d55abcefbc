"""Questions of chapter 7, on residual networks, their cost, and their scores."""

from __future__ import annotations

from . import Question

QUESTIONS = {
    "07.1": Question(
        right=32,
        praise="Three stages of five blocks with two layers each, the stem and the last layer.",
        hint="Each block holds two convolutions. What comes before the stages, and what after?",
        mistakes=(
            (30, "Those are the layers in the blocks. The stem and the linear layer count too."),
            (31, "One end is missing: there is a stem and a linear layer."),
            (12, "That counts one stage. There are three."),
            (17, "A block has two convolutions, not one."),
            (15, "Those are the blocks. Each has two layers, and two more are outside."),
        ),
    ),
    "07.2": Question(
        right=1.06,
        praise="Four per cent of the time grow by one and a half times themselves.",
        hint="Equation (7.3): the stem's own time is in the 1 already.",
        mistakes=(
            (1.1, "You added 2.5 times the share: the stem's old time is in the 1 already."),
            (2.5, "That is the stem. The other 96 % take as long as before."),
            (0.06, "That is what is added. The question is about the whole."),
            (7, "A share of 4 % is 0.04, not 4."),
        ),
    ),
    "07.3": Question(
        right=2.0,
        praise="The root of 0.16 / 400 is 0.02.",
        hint="Put p = 0.8 and N = 400 into equation (7.5), and mind the per cent.",
        mistakes=(
            (0.02, "Right as a fraction; in per cent it is a hundred times that."),
            (0.0004, "That is p(1−p)/N: take the root, then turn it into per cent."),
            (0.04, "That is p(1−p)/N in per cent. Take the root first."),
            (4.47, "You took p/N under the root: it is p(1−p)."),
            (40, "That is the root of p(1−p) for one picture. Divide by the root of N."),
        ),
    ),
}
