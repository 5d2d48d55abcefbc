"""What the pages say of whole studies, computed again from the records.

Numbers that a page quotes outside its cells, and that stand in no table.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch

from kerv import audit, bench, claims, records, timing
from kerv.config import RECIPES, TrainConfig
from kerv.studies import STUDIES


def test_the_fast_study_says_what_chapters_7_and_10_say_of_it() -> None:
    cubic, plain = ("fast/polynomial-3", "fast/convolution")
    # "The cubic network is behind at all three"
    for rate in STUDIES["fast"].rates:
        at = [records.load(f"{name}-lr{rate:g}").validation_accuracy for name in (cubic, plain)]
        assert at[0] < at[1]
    finals = {name: [r.test_accuracy for r in audit.complete(name)] for name in (cubic, plain)}
    finals["correlation"] = [r.test_accuracy for r in audit.complete("fast/correlation")]
    assert all(torch.tensor(scores).std() < 0.0015 for scores in finals.values())
    # "by about two tenths of a point at most"
    finals["gaussian"] = [r.test_accuracy for r in audit.complete("fast/gaussian")]
    assert round(100 * torch.tensor(finals["gaussian"]).std().item(), 1) == 0.2
    # "to a hundredth of a point", "level": within half a point
    gap = audit.difference(finals["correlation"], finals[plain])
    assert abs(gap.mean) < 0.0001
    assert abs(gap.mean) + gap.margin < 0.005
    # "The Gaussian loses eighteen points", and in its search it is "about twenty points behind"
    lost = audit.difference(finals["gaussian"], finals[plain])
    assert round(100 * lost.mean) == -18
    # "All eighteen"; "level, within half a point"; "the normalised Gaussian by one picture"
    normalised = [r.test_accuracy for r in audit.complete("fast/gaussian-normalized")]
    back = audit.difference(normalised, finals["gaussian"])
    assert round(100 * back.mean) == 18
    # chapter 10: "0.06 ± 0.06 points", six of ten thousand pictures, and the rule says *reproduced*
    gap = audit.difference(normalised, finals[plain])
    assert gap.words(2, unit=0.01) == "+0.06 ± 0.06"
    assert gap.verdict == "reproduced"
    assert gap.mean + gap.margin < 0.005
    found = audit.search("fast", "gaussian-normalized")
    by = [found[rate].validation_accuracy or 0.0 for rate in (1.5, 3.0)]
    assert round(5000 * (by[0] - by[1])) == 1
    for rate in STUDIES["fast"].rates:
        names = (f"fast/{name}-lr{rate:g}" for name in ("gaussian", "convolution"))
        gaussian, convolution = (records.load(name).validation_accuracy for name in names)
        assert convolution - gaussian == pytest.approx(0.2, abs=0.015)
    # "At 74 %, nearly nineteen points below", in its search "about twenty points behind"
    l2 = [r.test_accuracy for r in audit.complete("fast/l2")]
    assert round(100 * sum(l2) / 3) == 74
    assert round(100 * audit.difference(l2, finals[plain]).mean, 1) == -18.8
    # "The square is a fifth of a point below in the mean": one of its seeds is far below
    square = [r.test_accuracy for r in audit.complete("fast/polynomial-2")]
    assert round(100 * audit.difference(square, finals[plain]).mean, 1) == -0.2
    assert min(square) < sorted(square)[1] - 0.004
    for name, low, high in (("l2", 0.175, 0.225), ("polynomial-2", 0, 0.03)):
        for rate in STUDIES["fast"].rates:
            runs = (records.load(f"fast/{n}-lr{rate:g}") for n in (name, "convolution"))
            behind, ahead = (run.validation_accuracy for run in runs)
            assert low < ahead - behind < high
    # "Half the epochs cost about half a point"
    whole = records.load("cifar10-fastnet-linear-first-seed0").test_accuracy
    assert whole - sum(finals[plain]) / 3 == pytest.approx(0.005, abs=0.001)

    # chapter 7 and README: "With all training pictures", "three tenths of a point"
    full = [r.test_accuracy for r in audit.complete("fast-full/convolution")]
    assert records.per_cent(full) == "93.89 ± 0.12"
    assert max(full) == 0.9399
    assert sum(full) / 3 - whole == pytest.approx(0.003, abs=0.0005)
    recipe = {**RECIPES["fast"], "validation": 0.0, "precision": "bf16"}
    for name, more in (
        ("convolution", {"lookahead": 0, "bias_decay": 0.0}),
        ("convolution-lookahead", {}),
    ):
        # A setting that a record does not know had its default value then.
        config = TrainConfig(**records.load(f"fast-full/{name}-seed0").config).run()
        wanted = {**recipe, **more}
        assert {key: config[key] for key in wanted} == wanted
    readme = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    ahead = audit.complete("fast-full/convolution-lookahead")
    words = records.per_cent([r.test_accuracy for r in ahead])
    assert f"gets to {words} % of the test pictures after 16 epochs" in readme
    # "each seed is past 94 %", "about 25 minutes each": 16 epochs with no pictures held out
    assert all(r.test_accuracy > 0.94 for r in ahead)
    assert 23.5 < 16 * timing.epoch("fast", "convolution") / 0.9 / 60 < 26.5
    assert f"level with it, at {records.per_cent(finals['correlation'])} %" in readme
    # "and so is a sigmoid", "and a cosine", "within a fifth of a point"
    flat = " ".join(readme.split())
    for kernel, words in (("sigmoid", "and so is a sigmoid"), ("cosine", "and a cosine")):
        theirs = audit.scores(f"fast/{kernel}")
        assert f"{words}, at {records.per_cent(theirs)} %" in flat
        gap = audit.difference(theirs, finals[plain])
        assert abs(gap.mean) + gap.margin < 0.002
    assert f"Gaussian ends at {records.per_cent(finals['gaussian'])} %" in readme
    assert f"and L2 at {records.per_cent(l2)} %" in readme
    assert f"scaled to norm 1 the Gaussian ends at {records.per_cent(normalised)} %" in readme


def test_what_is_said_of_the_rival_that_was_trained_under_noise() -> None:
    name, noise = "convolution-noise-augmented", "noise 0.03"
    rival, plain, l2 = f"light-rates/{name}", "light/convolution", "light-rates/l2"

    def points(run: str, condition: str | None = None) -> float:
        return 100 * sum(audit.scores(run, condition)) / 3

    # README, FAQ, chapter 10: "less than half a point", "more than seven"
    for run in (rival, f"light/{name}"):
        assert 0 < points(run) - points(run, noise) < 0.5
    assert 7 < points(l2) - points(l2, noise) < 8
    # Chapter 10: "the plain convolution ten", "about 25 points ahead", "blur at least twelve"
    assert round(points(plain) - points(plain, noise)) == 10
    for run in (rival, f"light/{name}"):
        assert 24 < points(run, "noise 0.06") - points(l2, "noise 0.06") < 26
        assert points(run, "blur") - points(l2, "blur") > 12
        # "two to three points behind the convolution, and one to two behind L2", to a point
        assert round(points(plain) - points(run)) in (2, 3)
        assert round(points(l2) - points(run)) in (1, 2)
        # the summary: "five to six points ahead of L2 there"
        assert round(points(run, noise) - points(l2, noise)) in (5, 6)
    # "is two points behind without noise", "costs more than L2 does"
    assert round(points(plain) - points(rival)) == 2
    assert points(rival) < points(l2)


def test_what_chapter_10_counts_in_its_checklist() -> None:
    # "Eight of its rows are reproduced", "Three rows go against a kernel", of what needs training
    structure = "It adds no parameters", "It keeps equivariance", "Its non-linearity", "A Volterra"
    trained = [claim for claim in claims.CLAIMS if not claim.claim.startswith(structure)]
    verdicts = [(claim.claim, claim.find().verdict) for claim in trained]
    assert [verdict for _, verdict in verdicts].count("reproduced") == 8
    against = [claim for claim, verdict in verdicts if verdict == "not reproduced"]
    assert len([claim for claim in against if "is stuck" not in claim]) == 3
    # chapter 9, at the rate 0.3: half in shadow "both intervals just miss 0", four lights hold it
    remedies = ("per-picture", "instance-norm", "local-contrast")
    rivals = [f"convolution-{name}-shadow-augmented" for name in remedies]
    both, asked = "correlation-shadow-augmented", ("half in shadow", "four lights")
    found = audit.leads(f"light/{both}", [f"light/{name}" for name in rivals], asked).values()
    assert sum(lead[asked[0]].mean - lead[asked[0]].margin < 0.005 for lead in found) == 2
    assert all(lead[asked[0]].verdict == "reproduced" for lead in found)
    assert all(lead[asked[1]].verdict == "unclear" for lead in found)
    # "Under four lights it holds 0 at this rate, and no longer at the best ones"
    alone = audit.scores("light-rates/correlation", asked[1])
    taught = audit.scores("light/convolution-shadow-augmented", asked[1])
    assert audit.difference(alone, taught).verdict == "not reproduced"
    # chapter 9, when: "nine points ahead there"
    ramp, contrast = "smooth ramp", f"light-rates/{rivals[-1]}"
    behind = audit.leads(f"light-rates/{both}", [contrast], [ramp])[contrast][ramp]
    assert (round(100 * behind.mean), behind.verdict) == (-9, "not reproduced")
    # README, FAQ: "three to seven points behind it", "and each whole interval says so"
    best = ["light/convolution-shadow-augmented", *(f"light-rates/{name}" for name in rivals)]
    shadows = ("half in shadow", "diagonal shadow", "four lights")
    for lead in audit.leads(f"light-rates/{both}", best, shadows).values():
        assert all(3 <= 100 * lead[c].mean <= 7 for c in shadows)
        assert all(lead[c].verdict == "reproduced" for c in shadows)
    # change log: "sixteen contestants", "all of them at larger rates too"
    whole = {
        study: [n for n in STUDIES[study].contestants if audit.complete(f"{study}/{n}")]
        for study in ("light", "light-rates")
    }
    assert [len(names) for names in whole.values()] == [16, 16]


def test_what_the_faq_and_the_change_log_say_of_mnist() -> None:
    # "at a fifth of that, a Gaussian first layer on MNIST ends three quarters of a point lower"
    held = "mnist-fixed/gaussian", "mnist-hyper/gaussian-gamma0.008"
    lower = audit.difference(*map(audit.scores, held))
    assert round(100 * lower.mean, 2) == 0.75
    assert lower.verdict == "reproduced"
    # "six studies of LeNet-5 on MNIST, all complete"
    complete = [name for name in STUDIES if name.startswith("mnist")]
    assert len(complete) == 6
    # "its study of nine contestants, all complete"
    assert len(STUDIES["fast"].contestants) == 9
    for name in (*complete, "fast"):
        there, _, wanted = audit.progress(name).split()[:3]
        assert there == wanted


def test_what_chapters_6_to_10_say_that_no_cell_of_theirs_checks() -> None:
    def points(run: str, condition: str | None = None) -> float:
        return 100 * sum(audit.scores(run, condition)) / 3

    # Chapter 10: "for this one epoch", "a better rate saves the convolution nearly four"
    ours, theirs = (
        audit.complete(f"mnist-paper-rate/{n}") for n in ("polynomial-3", "convolution")
    )
    lead = {
        epoch: sum(run.epochs[epoch - 1]["validation_accuracy"] or 0.0 for run in ours)
        - sum(run.epochs[epoch - 1]["validation_accuracy"] or 0.0 for run in theirs)
        for epoch in (9, 10, 11)
    }
    assert lead[10] < 0 < min(lead[9], lead[11])
    plain = [audit.complete(f"{study}/convolution") for study in ("mnist-paper-rate", "mnist")]
    slow, quick = (sum(map(audit.counted_epochs, runs)) / 3 for runs in plain)
    assert slow - quick == pytest.approx(3.67, abs=0.01)
    # "most of these networks end between 99.1 and 99.2 %"
    ends = [points(f"mnist/{name}") for name in STUDIES["mnist"].contestants]
    assert sum(99.1 < end < 99.2 for end in ends) == 5
    # Chapter 9: "holds 0", "Three seeds cannot tell them apart", "reach up to a point and a half"
    for condition in (None, "noise 0.03", "noise 0.06"):
        pair = (audit.scores(f"light/{n}", condition) for n in ("correlation", "convolution"))
        assert audit.difference(*pair).verdict == "unclear"
    for rival in ("light/convolution", "light-rates/convolution-per-picture"):
        gap = audit.difference(audit.scores("light-rates/correlation"), audit.scores(rival))
        assert gap.verdict == "unclear"
        assert gap.margin < 0.016
    # "it gained less than the correlation had", "gained more than a point in full light"
    names = ("convolution-instance-norm", "correlation")
    gained = [points(f"light-rates/{n}") - points(f"light/{n}") for n in names]
    assert gained[0] < 1 < gained[1]
    # "This chapter prints over a hundred such intervals"
    chapter = Path(__file__).parents[1].joinpath("book/09_robustness.ipynb").read_text("utf-8")
    assert len(re.findall(r"± [\d.]+, (?:ahead|behind|unclear)", chapter)) > 100
    # "under the smooth ramp ... four points ahead", "The convolution gains as much at 1.0"
    ramp, plain = "smooth ramp", "light/convolution"
    taught = "light/convolution-shadow-augmented"
    for found in audit.leads(taught, [plain, "light/correlation"], [ramp]).values():
        assert (found[ramp].verdict, round(100 * found[ramp].mean)) == ("reproduced", 4)
    kinds = ("correlation", "convolution")
    raised = [points(f"light-rates/{n}", ramp) - points(f"light/{n}", ramp) for n in kinds]
    assert [round(gain) for gain in raised] == [3, 3]
    # "Local contrast ... is behind the convolution at both strengths"
    # "three to six points in the mean, at either rate. At 1.0 the intervals hold 0"
    alone = "convolution-local-contrast"
    for study, verdict in (("light", "reproduced"), ("light-rates", "unclear")):
        for strength in ("noise 0.03", "noise 0.06"):
            pair = (audit.scores(n, strength) for n in (plain, f"{study}/{alone}"))
            ahead = audit.difference(*pair)
            assert ahead.verdict == verdict
            assert 2.5 <= round(100 * ahead.mean, 1) < 6.5
    # "its mean half in shadow is four points *above* the convolution's, and *unclear*"
    pair = (audit.scores(n, "half in shadow") for n in ("light-rates/polynomial-3", plain))
    cubic = audit.difference(*pair)
    assert (cubic.verdict, round(100 * cubic.mean)) == ("unclear", 4)
    # Chapter 6: "For five of the six no epoch moves them as far as the first"
    filters = records.tensors_of("mnist/convolution-seed0", "filters")["filters"].float()
    steps = filters.diff(dim=0).flatten(2).norm(dim=2)
    assert int((steps[0] >= steps.amax(0)).sum()) == 5


def test_what_is_said_of_targets_lookahead_and_projects() -> None:
    # README: "the sigmoid, the rational quadratic and the arc-cosine miss it at 64→64"
    costs = next(case["costs"] for case in bench.recorded()["cases"] if case["name"] == "64→64")
    missed = {c["layer"] for c in costs if c["both"] > bench.TARGETS.get(c["layer"], math.inf)}
    assert missed == {"sigmoid", "rational_quadratic", "arc_cosine"}
    # "There the polynomial and the Gaussian miss their targets at 64→64 too"
    older = bench.recorded("avx2")["cases"]
    costs = next(case["costs"] for case in older if case["name"] == "64→64")
    theirs = {c["layer"] for c in costs if c["both"] > bench.TARGETS.get(c["layer"], math.inf)}
    assert {"polynomial", "gaussian"} <= theirs
    # "The cubic network at its own takes as many": epochs to 98 % on MNIST
    kinds = ("polynomial-3", "convolution")
    cubic, plain = (sum(map(audit.counted_epochs, audit.complete(f"mnist/{n}"))) for n in kinds)
    assert cubic == plain
    # chapter 7: "At the end it is 0.23"
    assert round(1 - 0.95 ** RECIPES["fast"]["lookahead"], 2) == 0.23
    # the page for instructors: three whole runs on each side, and a search of ten rates or of five
    for name, rates, minutes in (("mnist", 10, 15), ("light", 5, 30)):
        study = STUDIES[name]
        epochs = 3 * study.common["epochs"] + rates * study.search_epochs
        seconds = epochs * sum(timing.epoch(name, kernel) for kernel in kinds)
        assert 0.7 * minutes < seconds / 60 < 1.1 * minutes, seconds


def test_what_the_text_beside_chapter_7s_curves_says() -> None:
    # "All rise from between 38 and 53 per cent to between 78 and 80"
    compared = ("convolution", "polynomial-3", "correlation")
    runs = [run for name in compared for run in audit.complete(f"light/{name}")]
    for epoch, low, high in ((0, 38, 53), (-1, 78, 80)):
        at = [run.epochs[epoch]["validation_accuracy"] for run in runs]
        assert (round(100 * min(at)), round(100 * max(at))) == (low, high)


def test_how_soon_networks_with_relus_in_the_head_get_there() -> None:
    # chapter 10: "They take two to four"
    for place in ("convolution", "first", "both"):
        runs = audit.complete(f"mnist-places/{place}-head-relu")
        assert 2 <= sum(map(audit.counted_epochs, runs)) / 3 <= 4


def test_what_a_gaussian_does_in_the_second_layer() -> None:
    # chapter 10: "two points below", "never gets to 98 %", "From the rate 0.025 on ... at chance"
    run = "mnist-places-more/gaussian-last"
    below = audit.difference(audit.scores(run), audit.scores("mnist/convolution"))
    assert round(100 * below.mean) == -2
    shares = [e["validation_accuracy"] for r in audit.complete(run) for e in r.epochs]
    assert max(shares) < 0.98
    tried = audit.search("mnist-places-more", "gaussian-last")
    assert all(tried[rate].validation_accuracy < 0.12 for rate in tried if rate >= 0.025)


def test_what_five_rates_change_for_the_correlation() -> None:
    # FAQ: "half a point less in the shadow, and about a point more in weak light and haze"
    for condition, low, high in (
        ("half in shadow", -0.6, -0.4),
        ("a tenth of the light", 0.8, 1.4),
        ("haze", 0.8, 1.4),
    ):
        pair = (
            audit.scores(f"{study}/correlation", condition) for study in ("light-rates", "light")
        )
        assert low < 100 * audit.difference(*pair).mean < high


def test_the_table_of_the_opening_page_is_the_recorded_one() -> None:
    page = Path(__file__).parents[1].joinpath("book/intro.md").read_text(encoding="utf-8")
    layers = {"convolution": "light/convolution", "cubic kernel": "light-rates/polynomial-3"}
    layers["correlation"] = "light-rates/correlation"
    for words, run in layers.items():
        rate = audit.best_rate("light-rates", run.split("/")[1])
        assert {record.config["lr"] for record in audit.complete(run)} == {rate}
        full, shadow = (
            records.per_cent(audit.scores(run, c)) for c in ("unchanged", "half in shadow")
        )
        assert f"| {words} | {full} | {shadow} |" in page
    # "three seeds see no difference"
    for run in list(layers.values())[1:]:
        assert claims.more_accurate(run, "light/convolution").verdict == "unclear"
    # chapter 10, of the cosine: "ends highest of all: 80.36 %", the convolution "a third better"
    assert records.per_cent(audit.scores("light-rates/cosine-unscaled")).startswith("80.36 ")
    means = [sum(audit.scores(f"light-rates/{n}")) / 3 for n in STUDIES["light-rates"].contestants]
    assert round(100 * max(means), 2) == 80.36
    twice = (audit.scores(f"{study}/convolution") for study in ("light-more", "light-rates"))
    assert round(100 * audit.difference(*twice).mean, 1) == 0.3
    # there and in the FAQ: at the rate 1.0 for both, "two thirds of a point behind"
    both = (audit.scores(f"light-rates/{name}") for name in ("polynomial-3", "convolution"))
    behind = audit.difference(*both)
    assert (behind.verdict, round(100 * behind.mean, 1)) == ("not reproduced", -0.7)


def test_the_seeds_that_students_test_asks_for() -> None:
    # chapter 10: "0.3 points four times in five with four seeds, and 0.1 points with eleven"
    pair = (audit.scores(f"mnist/{name}") for name in ("convolution", "polynomial-3"))
    s = 100 * audit.difference(*pair).margin * math.sqrt(3) / audit.STUDENT
    generator = torch.Generator().manual_seed(0)
    quantiles = {3: 4.303, 4: 3.182, 10: 2.262, 11: 2.228}
    for delta, few, enough in ((0.3, 3, 4), (0.1, 10, 11)):
        found = {}
        for m in (few, enough):
            seeds = delta + s * torch.randn(400_000, m, generator=generator)
            t = seeds.mean(1) / seeds.std(1) * math.sqrt(m)
            found[m] = (t > quantiles[m]).double().mean()
        assert found[few] < 0.8 < found[enough]


def test_what_three_seeds_show_of_the_fast_network() -> None:
    # chapter 10, of the correlation: "Its interval reaches a third of a point to either side";
    # FAQ: "Of these the correlation is known least: three seeds leave room for a loss of a third"
    plain = audit.scores("fast/convolution")
    margin = {
        name: 100 * audit.difference(audit.scores(f"fast/{name}"), plain).margin
        for name in ("polynomial-3", "sigmoid", "cosine", "gaussian-normalized", "correlation")
    }
    assert 1 / 3 < margin.pop("correlation") < 0.35
    assert max(margin.values()) < 0.2
