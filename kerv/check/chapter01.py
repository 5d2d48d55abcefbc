"""Questions of chapter 1, on what linear filters do."""

from __future__ import annotations

from . import Question

QUESTIONS = {
    "01.1": Question(
        right=9,
        praise="3·1 + 1·2 + 2·0 + 4·1.",
        hint="Multiply what lies on top of each other, row by row, and add the four products.",
        mistakes=(
            (11, "The filter was turned by half a turn, or one grid was read by columns."),
            (10, "That is the sum of the patch. Multiply by the weights first."),
        ),
    ),
    "01.2": Question(
        right=15,
        praise="Linear: three times the light, three times the response.",
        hint="Use equation (1.2) with u = 0.",
        mistakes=(
            (5, "That would be a filter that does not see the light. A linear one does."),
            (45, "That would be a squared response: the factor comes out once, not twice."),
        ),
    ),
    "01.3": Question(
        right=24,
        praise="Of 25 directions the filter sees one, its own.",
        hint="Count all directions, and take away those along the filter.",
        mistakes=(
            (25, "Those are all directions. The one along the filter is seen."),
            (1, "That is the number of directions that it does notice."),
            (4, "Count the pixels of the patch, not those of a side."),
        ),
    ),
    "01.4": Question(
        right=9,
        praise="Each layer reaches two pixels further on every side.",
        hint="A place of the second layer sees five places of the first. What do these see?",
        mistakes=(
            (10, "The patches overlap: neighbours share four of their five columns."),
            (25, "The patches overlap, so widths do not multiply."),
            (5, "One place of the second layer sees several of the first."),
        ),
    ),
}
