"""Questions of chapter 3, on its small example and on shapes."""

from __future__ import annotations

import math

from . import Question

QUESTIONS = {
    "03.1": Question(
        right=18,
        praise="The patch 3 1 2 4 differs from the filter 1 2 0 1 by 2, 1, 2 and 3.",
        hint="Subtract pixel by pixel, square, and add the four squares.",
        mistakes=(
            (9, "That is the dot product ⟨x, w⟩; the question asks for the squared distance."),
            (math.sqrt(18), "That is the distance. The Gaussian kernel takes its square."),
            (30, "That is ‖x‖². The distance is between patch and filter."),
            (6, "That is ‖w‖², or the differences added with their signs. Square each of them."),
            (8, "Those are the differences, added up. Square each of them first."),
            (54, "A sign slipped: ‖x‖² + ‖w‖² minus, not plus, twice the dot product."),
        ),
    ),
    "03.2": Question(
        right=(16, 4, 7),
        praise="Rows lose a reach of 2·2 and gain 2·1; columns as well; then every second place.",
        hint="The filter reaches dilation · (kernel_size − 1) pixels; then use equation (3.4).",
        mistakes=(
            ((16, 7, 4), "Height and width are swapped. Torch's order is height, then width."),
            (
                (16, 5, 8),
                "The dilation is missing: a filter of 3 with dilation 2 reaches 4 pixels.",
            ),
            (
                (16, 3, 6),
                "The padding is missing, or on one side only, or you lost the last + 1 of (3.4).",
            ),
            ((16, 7, 13), "The stride is missing: the filter stops at every second place."),
            ((1, 16, 4, 7), "That has the batch in front. The question asks for one picture."),
            ((4, 7), "The channels are missing: one map for each filter."),
            ((3, 4, 7), "3 is the number of input channels. The output has a map per filter."),
        ),
    ),
    "03.3": Question(
        right=9,
        praise="Nine shifted copies, for a filter of nine pixels: k² in general.",
        hint="Count how many patches hold one pixel in the middle of the picture.",
        mistakes=(
            (
                3,
                "That is the filter's width. A pixel is in patches of three rows and columns.",
            ),
            (64, "The channels are there before and after. Count the copies of one pixel."),
            (576, "That is the length of one patch, 64 · 9. Count the copies of one pixel."),
        ),
    ),
    "03.4": Question(
        right=0,
        praise="The Gaussian layer adds no weight, and a fixed gamma is a buffer.",
        hint="Count what an optimiser may change: the weights are those of the convolution.",
        mistakes=(
            (1, "Gamma is fixed unless you say learnable=True, and then it would be 1."),
            (448, "Those are all numbers of the layer. The convolution had most of them, or all."),
            (16, "That would be one gamma per filter: per_channel=True with learnable=True."),
        ),
    ),
}
