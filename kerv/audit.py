"""What of the paper holds up: its claims, what tests each of them, and a rule for the verdict.

The rule takes the differences of two contestants seed by seed, and the interval in which their mean
lies with 95 % confidence by Student's t. The claim is

* reproduced, if the whole interval is on the side that was claimed;
* not reproduced, if the whole interval is on the other side;
* unclear, if the interval holds 0;
* not run yet, as long as a seed is missing.

It was written when no final run of a kernel was there.

>>> difference([0.991, 0.992, 0.993], [0.990, 0.990, 0.990]).verdict
'unclear'
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from . import studies

_CONFIDENCE = 0.95
# The quantile of Student's t with two degrees of freedom, which three seeds leave: 4.30.
STUDENT = _CONFIDENCE / math.sqrt((1 - _CONFIDENCE**2) / 2)


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences, and how far from it the interval reaches on either side."""

    mean: float
    margin: float

    @property
    def verdict(self) -> str:
        """Of the claim that the differences are greater than 0."""
        if self.mean - self.margin > 0:
            return "reproduced"
        return "not reproduced" if self.mean + self.margin < 0 else "unclear"


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """The mean of ours − theirs, seed by seed, with its 95 % interval.

    Args:
        ours, theirs: one number for each of three seeds, in the same order.

    Raises:
        ValueError: they are not three and three.

    >>> found = difference([3.0, 4.0, 5.0], [1.0, 1.0, 1.0])
    >>> found.mean, round(found.margin, 2), found.verdict
    (3.0, 2.48, 'reproduced')
    """
    if (len(ours), len(theirs)) != (len(studies.SEEDS), len(studies.SEEDS)):
        raise ValueError(f"the interval is for three seeds, got {len(ours)} and {len(theirs)}")
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    margin = STUDENT * statistics.stdev(differences) / math.sqrt(len(differences))
    return Difference(statistics.mean(differences), margin)
