"""The rule for verdicts, and that a claim without its runs gets none."""

from __future__ import annotations

import pytest

from kerv import audit


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ((0.99, 0.991, 0.992), "reproduced"),
        ((0.97, 0.971, 0.972), "not reproduced"),
        ((0.99, 0.991, 0.97), "unclear"),
        ((0.98, 0.98, 0.98), "unclear"),
    ],
)
def test_verdicts(ours: tuple[float, ...], verdict: str) -> None:
    assert audit.difference(ours, (0.98, 0.98, 0.98)).verdict == verdict


def test_the_interval_is_that_of_student() -> None:
    stats = pytest.importorskip("scipy.stats")
    assert pytest.approx(stats.t.ppf(0.975, 2)) == audit.STUDENT
    ours, theirs = [0.3, 0.9, 0.4], [0.1, 0.2, 0.3]
    found = audit.difference(ours, theirs)
    low, high = stats.ttest_rel(ours, theirs).confidence_interval()
    assert (found.mean - found.margin, found.mean + found.margin) == pytest.approx((low, high))


def test_other_than_three_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="is for three seeds, got 2 and 3"):
        audit.difference([1.0, 2.0], [1.0, 2.0, 3.0])
