"""The rule for verdicts, what the records say, and that a claim without its runs gets none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import pytest

from kerv import audit, claims, findings, light, plots, records, studies, timing
from kerv.findings import Finding


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


Runs = dict[str, list[records.Record]]


def run(
    seed: int,
    test: float,
    best: float,
    validation: list[float],
    conditions: dict[str, float] | None = None,
) -> records.Record:
    epochs = [
        {"epoch": n, "train_loss": 0.1, "train_accuracy": 0.9, "seconds": 1.0}
        | {"validation_accuracy": value}
        for n, value in enumerate(validation, start=1)
    ]
    config = {"data": "mnist", "model": "lenet5", "kernel": "linear", "where": "first"}
    config |= {"epochs": len(validation), "seed": seed, "lr": 0.1}
    return records.Record(
        config, test, validation[-1], epochs, 1.0, 9, {}, {}, None, best, conditions
    )


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """A study of two contestants; what a test puts in here is recorded."""
    runs: Runs = {"convolution": [], "cubic": []}
    contestants = {"convolution": {}, "cubic": {"kernel": "polynomial:degree=3"}}
    study = studies.Study("?", {"score_test": True}, contestants, (0.1,), 1)
    monkeypatch.setattr(studies, "STUDIES", {"s": study})
    monkeypatch.setattr(studies, "finals", lambda study, contestant: runs[contestant])
    seconds = {"s": {"convolution": 0.002, "cubic": 0.0025}}
    monkeypatch.setattr(timing, "recorded", lambda: {"seconds": seconds})
    return runs


WAYS = [
    partial(findings.more_accurate, "s/cubic", "s/convolution"),
    partial(findings.sooner, "s/cubic", "s/convolution"),
    partial(findings.sooner, "s/cubic", "s/convolution", in_time=True),
    partial(findings.reaches, "s/cubic", 0.99),
    partial(findings.level, "s/cubic", "s/convolution", within=0.005),
    partial(findings.loses_less, "s/cubic", "s/convolution", "dim"),
]


@pytest.mark.parametrize("find", WAYS)
def test_no_verdict_where_a_run_diverged(find: Callable[[], Finding], recorded: Runs) -> None:
    # A diverged run counts 0 %, which would make an interval wide: unclear, the kinder verdict.
    dim = {"dim": 0.5}
    recorded["convolution"] = [run(seed, 0.98, 0.98, [0.9, 0.99], dim) for seed in range(3)]
    recorded["cubic"] = [run(seed, 0.99, 0.992, [0.985, 0.99], dim) for seed in range(3)]
    lost = dataclasses.replace(recorded["cubic"][1], failed="the loss is nan", test_accuracy=0.0)
    recorded["cubic"][1] = lost
    found = find()
    assert found.verdict == audit.DIVERGED
    assert found.result in ("1 of 6 runs diverged", "1 of 3 runs diverged")
    assert not found.gap
    assert "diverged" in audit.seeds("s")["test %, last epoch"]
    # And no table averages it.
    tables = [audit.finals_table("s"), claims.versus("s"), claims.pace("s")]
    tables.append(records.table(recorded["cubic"]))
    for table in tables:
        assert table.count("1 of 3 runs diverged") == 1
        assert "66." not in table


def test_nothing_averages_a_run_that_diverged(monkeypatch: pytest.MonkeyPatch) -> None:
    finals = studies.finals("light", "correlation")
    dark = dict.fromkeys(light.CONDITIONS, 0.0)
    lost = dataclasses.replace(finals[1], failed="nan", test_accuracy=0.0, conditions=dark)
    monkeypatch.setattr(studies, "finals", lambda *_: [finals[0], lost, finals[2]])
    rows = audit.light_table("light", ["correlation"]).splitlines()[2:]
    assert {row.split(" | ")[1] for row in rows} == {"1 of 3 runs diverged |"}
    with pytest.raises(ValueError, match="light/correlation' has no score: 1 of 3 runs diverged"):
        audit.scores("light/correlation")


@pytest.mark.parametrize("find", WAYS)
def test_no_verdict_as_long_as_a_seed_is_missing(
    find: Callable[[], Finding], recorded: Runs
) -> None:
    dim = {"dim": 0.5}
    recorded["convolution"] = [run(seed, 0.98, 0.98, [0.9, 0.99], dim) for seed in range(3)]
    for count in range(3):
        recorded["cubic"] = [run(seed, 0.99, 0.992, [0.985, 0.99], dim) for seed in range(count)]
        assert find() == Finding("", audit.NOT_RUN)
        assert "| cubic | not run yet |" in audit.finals_table("s")
        assert "| cubic | not run yet |  | not run yet |" in claims.versus("s")
        pair = claims.pairs([("s/cubic", "s/convolution")])
        assert "| cubic | convolution |  | not run yet |  | not run yet |" in pair
        assert "| cubic | not run yet |  |  | 1.25 |  |" in claims.pace("s")
        assert len(audit.seeds("s")["run"]) == 3 + count, "and every seed is shown"
    recorded["cubic"] = [run(seed, 0.99, 0.992, [0.985, 0.99], dim) for seed in range(3)]
    found = find()
    assert found.result
    assert found.verdict != audit.NOT_RUN


def test_what_is_claimed_is_what_is_compared(recorded: Runs) -> None:
    recorded["convolution"] = [run(seed, 0.98, 0.98, [0.9, 0.97, 0.99]) for seed in range(3)]
    recorded["cubic"] = [run(seed, 0.99, 0.992, [0.9, 0.985, 0.99]) for seed in range(3)]
    better = findings.more_accurate("s/cubic", "s/convolution")
    assert "| cubic | 99.00 ± 0.00 | +1.00 ± 0.00 | reproduced |" in claims.versus("s")
    words, gap = "99.00 ± 0.00 against 98.00 ± 0.00 %; +1.00 ± 0.00", "+1.00 ± 0.00"
    assert better == Finding(words, "reproduced", gap)
    worse = findings.more_accurate("s/convolution", "s/cubic")
    words, gap = "98.00 ± 0.00 against 99.00 ± 0.00 %; −1.00 ± 0.00", "−1.00 ± 0.00"
    assert worse == Finding(words, "not reproduced", gap)
    fewer = findings.sooner("s/cubic", "s/convolution")
    words, gap = "2.0 against 3.0 epochs; saved +1.0 ± 0.0", "+1.0 ± 0.0"
    assert fewer == Finding(words, "reproduced", gap)
    assert claims.pairs([("s/cubic", "s/convolution")]).splitlines() == [
        "| contestant | against | points | more accurate? | epochs saved | sooner? |",
        "|---|---|---|---|---|---|",
        "| cubic | convolution | +1.00 ± 0.00 | reproduced | +1.0 ± 0.0 | reproduced |",
    ]
    itself = claims.pairs([("s/cubic", "s/cubic")])
    assert "| cubic | cubic | +0.00 ± 0.00 | unclear | +0.0 ± 0.0 | unclear |" in itself
    assert findings.reaches("s/cubic", 0.9921).verdict == "not reproduced"
    assert findings.reaches("s/cubic", 0.9919).verdict == "reproduced"


@pytest.mark.parametrize(
    ("tests", "verdict"),
    [
        ((0.985, 0.985, 0.985), "reproduced"),
        ((0.984, 0.984, 0.984), "reproduced"),
        ((0.981, 0.981, 0.981), "reproduced"),
        ((0.986, 0.986, 0.986), "not reproduced"),
        ((0.979, 0.979, 0.979), "not reproduced"),
        ((0.985, 0.983, 0.981), "unclear"),
        ((0.979, 0.978, 0.977), "unclear"),
    ],
)
def test_level_is_within_the_margin_with_the_whole_interval(
    tests: tuple[float, ...], verdict: str, recorded: Runs
) -> None:
    recorded["convolution"] = [run(seed, 0.9825, 0.9825, [0.9]) for seed in range(3)]
    recorded["cubic"] = [run(seed, test, test, [0.9]) for seed, test in enumerate(tests)]
    found = findings.level("s/cubic", "s/convolution", within=0.003)
    compared = findings.more_accurate("s/cubic", "s/convolution")
    assert found == compared._replace(verdict=verdict), "the numbers are those of the difference"


def test_what_a_condition_costs(recorded: Runs) -> None:
    recorded["convolution"] = [run(seed, 0.98, 0.98, [0.9], {"dim": 0.5}) for seed in range(3)]
    recorded["cubic"] = [run(seed, 0.90, 0.90, [0.9], {"dim": 0.6}) for seed in range(3)]
    gap = "+18.00 ± 0.00"
    words = f"loses 30.00 ± 0.00 against 48.00 ± 0.00 points; saved {gap}"
    cheaper = findings.loses_less("s/cubic", "s/convolution", "dim")
    assert cheaper == Finding(words, "reproduced", gap)
    dearer = findings.loses_less("s/convolution", "s/cubic", "dim")
    assert dearer.verdict == "not reproduced"


def test_time_is_epochs_times_what_an_epoch_costs(
    recorded: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded["convolution"] = [run(seed, 0.98, 0.98, [0.9, 0.97, 0.99]) for seed in range(3)]
    recorded["cubic"] = [run(seed, 0.98, 0.98, [0.9, 0.985, 0.99]) for seed in range(3)]
    pair = "s/cubic", "s/convolution"
    assert claims.pace("s").splitlines()[2:] == [
        "| convolution | 3.0 |  |  | 1.00 | 3.0 |",
        "| cubic | 2.0 | +1.0 ± 0.0 | reproduced | 1.25 | 2.5 |",
    ]
    words = "2.0 against 3.0 epochs of 1.25 and 1.00 plain ones; saved +0.5 ± 0.0"
    expected = Finding(words, "reproduced", "+0.5 ± 0.0")
    assert findings.sooner(*pair, in_time=True) == expected
    assert findings.sooner(*reversed(pair), in_time=True).gap == "−0.5 ± 0.0"
    monkeypatch.setattr(timing, "recorded", lambda: {"seconds": {}})
    assert claims.pace("s").splitlines()[3].endswith("| reproduced | not measured |  |")
    words = "2.0 against 3.0 epochs; the time of an epoch was not measured"
    assert findings.sooner(*pair, in_time=True) == Finding(words, audit.NOT_RUN)


def test_a_run_that_never_gets_there_counts_one_epoch_more(recorded: Runs) -> None:
    never = run(0, 0.9, 0.9, [0.9, 0.97])
    assert audit.epochs_to(never) is None
    with pytest.raises(ValueError, match="needs held-out pictures, and this run had validation=0"):
        audit.epochs_to(records.load("fast-full/convolution-seed0"))
    assert audit.counted_epochs(never) == 3
    recorded["cubic"] = [never]
    assert audit.seeds("s")["epochs to 98 %"] == ["never"]
    recorded["convolution"] = [run(seed, 0.98, 0.98, [0.9, 0.99]) for seed in range(3)]
    recorded["cubic"] = [run(seed, 0.9, 0.9, [0.9, 0.97]) for seed in range(3)]
    assert audit.finals_table("s").splitlines()[-1].endswith("| never |")
    assert "| cubic | never | −1.0 ± 0.0 | not reproduced | 1.25 |  |" in claims.pace("s")


def test_a_study_without_held_out_pictures_has_no_epochs_to_a_target() -> None:
    assert audit.finals_table("fast-full").splitlines()[2].endswith("| — | — |")


def test_a_name_that_is_none_is_no_run_that_is_missing() -> None:
    for ask in (
        lambda: audit.complete("mnist/polynomal-3"),
        lambda: findings.more_accurate("mnist/polynomal-3", "mnist/convolution"),
    ):
        with pytest.raises(ValueError, match=r"unknown contestant 'polynomal-3' of study 'mnist'"):
            ask()
    for ask in (lambda: claims.versus("mnist-fixed"), lambda: claims.pace("mnist-fixed")):
        with pytest.raises(ValueError, match="unknown contestant 'convolution'"):
            ask()
    with pytest.raises(ValueError, match="unknown study 'mnst'; they are light, "):
        audit.progress("mnst")
    with pytest.raises(ValueError, match="'mnist' is not tested under light; these are: light, "):
        audit.light_table("mnist")
    with pytest.raises(ValueError, match="no claim 'It is' with the test 'none'; there are 'It is"):
        claims.verdict("It is", "none")


def test_seeds_show_what_was_scored(recorded: Runs) -> None:
    assert audit.seeds("s") == {}
    recorded["cubic"] = [run(0, 0.9, 0.91, [0.98])]
    assert list(audit.seeds("s").values()) == [
        *(["cubic, seed 0"], ["0.1"], ["98.00"], ["90.00"], ["91.00"], [1])
    ]
    studies.STUDIES["s"].common.pop("score_test")  # type: ignore[attr-defined]
    assert list(audit.seeds("s")) == ["run", "rate", "validation %", "test %, last epoch"]


def test_scores_are_those_of_the_three_seeds(recorded: Runs) -> None:
    recorded["cubic"] = [run(seed, 0.9 + seed / 100, 0.99, [0.98]) for seed in range(2)]
    with pytest.raises(ValueError, match="'s/cubic' has not all its seeds; these have: none"):
        audit.scores("s/cubic")
    recorded["cubic"].append(run(2, 0.92, 0.99, [0.98]))
    assert audit.scores("s/cubic") == [0.9, 0.91, 0.92]
    with pytest.raises(ValueError, match="not tested under 'haze', but under: nothing"):
        audit.scores("s/cubic", "haze")
    lit = [{"haze": record.test_accuracy / 2} for record in recorded["cubic"]]
    recorded["cubic"] = [
        dataclasses.replace(record, conditions=conditions)
        for record, conditions in zip(recorded["cubic"], lit, strict=True)
    ]
    assert audit.scores("s/cubic", "haze") == [0.45, 0.455, 0.46]
    with pytest.raises(ValueError, match="not tested under 'fog', but under: haze"):
        audit.scores("s/cubic", "fog")
    with pytest.raises(ValueError, match="these have: s/cubic"):
        audit.scores("s/convolution")


def test_leads_are_differences_seed_by_seed(recorded: Runs) -> None:
    for name, above in (("convolution", 0.0), ("cubic", 0.1)):
        recorded[name] = [
            dataclasses.replace(
                run(seed, 0.9, 0.9, [0.9]),
                conditions={"haze": 0.5 + seed / 100 + above, "blur": 0.3 - seed * above},
            )
            for seed in range(3)
        ]
    compared = ("s/cubic", ["s/convolution", "s/cubic"], ["haze", "blur"])
    haze, blur = audit.leads(*compared)["s/convolution"].values()
    assert (haze.mean, haze.margin) == (pytest.approx(0.1), pytest.approx(0))
    by_hand = audit.difference((0.3, 0.2, 0.1), (0.3, 0.3, 0.3))
    assert (blur.mean, blur.margin) == pytest.approx((by_hand.mean, by_hand.margin))
    assert audit.leads_table(*compared).splitlines() == [
        "| points ahead: cubic − … | convolution | cubic |",
        "|---|---|---|",
        "| haze | +10.0 ± 0.0, ahead | +0.0 ± 0.0, unclear |",
        "| blur | −10.0 ± 24.8, unclear | +0.0 ± 0.0, unclear |",
    ]
    with pytest.raises(ValueError, match="not tested under 'fog', but under: haze, blur"):
        audit.leads("s/cubic", ["s/convolution"], ["fog"])


def test_every_row_of_the_checklist_is_whole() -> None:
    lines = claims.table().splitlines()
    assert len(lines) == 2 + len(claims.CLAIMS)
    words = {"reproduced", "not reproduced", "unclear", audit.NOT_RUN}
    for line in lines[2:]:
        claim, verdict, protocol, result, where = (cell.strip() for cell in line[1:-1].split("|"))
        assert claim
        assert where
        assert protocol
        assert verdict in words
        assert bool(result) == (verdict != audit.NOT_RUN), line


def test_a_verdict_is_found_by_its_row() -> None:
    assert claims.verdict("Its non-linearity", "kernels of a distance") == "reproduced"
    assert claims.verdict("Its non-linearity", "kernels of the dot") == "not reproduced"
    with pytest.raises(ValueError, match="no claim 'It flies' with the test ''"):
        claims.verdict("It flies", "")


def test_the_table_of_light_has_the_contestants_that_are_asked_for() -> None:
    asked = ["correlation", "convolution"]
    heading, _, *rows = audit.light_table(contestants=asked).splitlines()
    assert heading == "| condition | correlation | convolution |"
    assert len(rows) == len(light.CONDITIONS)
    found = [(run.conditions or {})["haze"] for run in studies.finals("light", "convolution")]
    haze = next(row for row in rows if row.startswith("| haze |"))
    assert haze.endswith(f"| {records.per_cent(found)} |")
    with pytest.raises(ValueError, match="unknown contestant 'cubic' of study 'light'; they are"):
        audit.light_table(contestants=["cubic"])
    with pytest.raises(ValueError, match="unknown contestant 'cubic' of study 'light'; they are"):
        claims.versus("light", ["cubic"])
    assert [row.split(" | ")[0] for row in claims.versus("light", asked).splitlines()[2:]] == [
        "| correlation",
        "| convolution",
    ]


def test_a_search_shows_its_best_rate_and_every_run_that_failed_or_is_missing(
    recorded: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies.STUDIES["s"] = dataclasses.replace(studies.STUDIES["s"], rates=(0.1, 0.2, 0.3))
    found = {rate: run(0, 0.9, 0.9, [rate]) for rate in (0.1, 0.2)}
    found[0.3] = dataclasses.replace(found[0.2], validation_accuracy=0.0, failed="the loss is nan")
    by_name = {"convolution": found, "cubic": {0.3: found[0.3]}}
    monkeypatch.setattr(audit, "search", lambda study, contestant: by_name[contestant])
    assert audit.search_table("s").splitlines() == [
        "| validation %, at rate | convolution | cubic |",
        "|---|---|---|",
        "| 0.1 | 10.00 | not run yet |",
        "| 0.2 | **20.00** | not run yet |",
        "| 0.3 | diverged | diverged |",
    ]
    assert audit.best_rate("s", "convolution") == 0.2
    by_name["cubic"] = {0.1: dataclasses.replace(found[0.1], validation_accuracy=None)}
    assert "| 0.1 | none held out |" in audit.search_table("s", ["cubic"])
    by_name["cubic"] = {}
    assert audit.best_rate("s", "cubic") is None
    with pytest.raises(ValueError, match="unknown contestant 'cube' of study 's'; they are"):
        audit.search_table("s", ["cube"])


def test_stuck_is_near_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {0.1: run(0, 0.11, 0.11, [0.11])}
    monkeypatch.setattr(findings, "search", lambda study, contestant: found)
    assert findings.stuck("s", "cubic", (0.1,)) == Finding("11.0 % at 0.1", "reproduced")
    assert findings.stuck("s", "cubic", (0.1, 0.2)) == Finding("", audit.NOT_RUN)
    found[0.2] = run(0, 0.9, 0.9, [0.9])
    assert findings.stuck("s", "cubic", (0.1, 0.2)).verdict == "not reproduced"


def test_a_study_without_runs_has_no_numbers_to_show() -> None:
    empty = plots.Numbers({})
    assert (repr(empty), empty._repr_html_()) == ("", "")


def test_every_number_of_the_finals_stands_in_its_column(recorded: Runs) -> None:
    recorded["cubic"] = [
        run(0, 0.91, 0.95, [0.9, 0.98]),
        run(1, 0.92, 0.96, [0.98, 0.97]),
        run(2, 0.93, 0.97, [0.9, 0.99]),
    ]
    assert audit.finals_table("s").splitlines()[3] == (
        "| cubic | 9 | 0.1 | 98.00 ± 1.00 | 92.00 ± 1.00 | 96.00 ± 1.00 | 1.7 ± 0.6 |"
    )


def test_a_search_that_goes_on_shows_the_rates_before_it() -> None:
    rows = audit.search_table("light-rates", ["convolution"]).splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| 0.03", "| 0.1", "| 0.3", "| 1", "| 3"]
