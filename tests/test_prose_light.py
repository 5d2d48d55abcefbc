"""The numbers that chapter 9 states in prose, recomputed from the records of changing light."""

from __future__ import annotations

from kerv import audit


def test_what_chapter_9_says_of_larger_rates() -> None:
    shadows, ramp = ("half in shadow", "diagonal shadow", "four lights"), "smooth ramp"
    both, taught = "correlation-shadow-augmented", "light/convolution-shadow-augmented"
    remedies = ("per-picture", "instance-norm", "local-contrast")
    names = [f"convolution-{name}-shadow-augmented" for name in remedies]
    best = [taught, *(f"light-rates/{name}" for name in names)]
    # "In eleven of the twelve places the mean grows, by up to three points, or stays"
    before = [taught, *(f"light/{name}" for name in names)]
    grown = [
        100 * (now[c].mean - then[c].mean)
        for now, then in zip(
            audit.leads(f"light-rates/{both}", best, shadows).values(),
            audit.leads(f"light/{both}", before, shadows).values(),
            strict=True,
        )
        for c in shadows
    ]
    assert sorted(round(g, 1) >= 0 for g in grown) == [False] + [True] * 11
    assert min(grown) > -0.5
    assert 2.5 < max(grown) < 3
    # "from four points to less than one"
    for study, low, high in (("light", 4, 4.2), ("light-rates", 0, 1)):
        lead = audit.leads(f"{study}/correlation", [taught], [ramp])[taught][ramp]
        assert low < -100 * lead.mean < high
    # "28 points wide to either side"
    alone = "light-rates/convolution-local-contrast"
    lead = audit.leads("light-rates/correlation", [alone], shadows)[alone]["diagonal shadow"]
    assert round(100 * lead.margin) == 28
