"""The audit of the paper: what the records say, and a rule for the verdict on a claim.

The rule takes the differences of two contestants seed by seed, and the interval in which their mean
lies with 95 % confidence by Student's t. The claim is

* reproduced, if the whole interval is on the side that was claimed;
* not reproduced, if the whole interval is on the other side;
* unclear, if the interval holds 0;
* not run yet, as long as a seed is missing; and diverged, if a run did.

It was written when no final run of a kernel on MNIST was there.

>>> difference([0.991, 0.992, 0.993], [0.990, 0.990, 0.990]).verdict
'unclear'
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import studies
from .records import Record, diverged, load, markdown, names, per_cent
from .registry import kernel_name

NOT_RUN, DIVERGED = "not run yet", "diverged"
TARGET = 0.98
# The verdicts on "it is more accurate", where no claim of anybody is judged.
_PLACES = {"reproduced": "ahead", "not reproduced": "behind", "unclear": "unclear"}

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

    def words(self, digits: int, *, unit: float = 1.0) -> str:
        """Both numbers, in units.

        >>> Difference(-0.0177, 0.0145).words(2, unit=0.01)
        '−1.77 ± 1.45'
        """
        mean, margin = self.mean / unit, self.margin / unit
        return f"{mean:+.{digits}f} ± {margin:.{digits}f}".replace("-", "−")


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """The mean of ours − theirs, seed by seed, with its 95 % interval.

    mean ± 4.30 s / √3, with s the standard deviation of the three differences, and 4.30 the 97.5 %
    quantile of Student's t with two degrees of freedom.

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


# What the records say


def complete(run: str) -> list[Record]:
    """The final runs of "study/contestant", or none as long as a seed is missing.

    Raises:
        ValueError: there is no such study or contestant.

    >>> len(complete("light/correlation"))
    3
    """
    study, _, contestant = run.partition("/")
    chosen(study, [contestant])
    runs = studies.finals(study, contestant)
    return runs if len(runs) == len(studies.SEEDS) else []


def no_score(runs: Sequence[Record]) -> str:
    """Why a contestant's final runs have no score, or "": a seed is missing, or a run diverged.

    >>> no_score([]), no_score(complete("light/correlation"))
    ('not run yet', '')
    """
    return diverged(runs) if runs else NOT_RUN


def progress(study: str) -> str:
    """How many contestants of a study have all their runs.

    >>> progress("mnist")
    '8 of 8 contestants have their three runs'
    """
    contestants = studies.get_study(study).contestants
    there = sum(bool(complete(f"{study}/{name}")) for name in contestants)
    return f"{there} of {len(contestants)} contestants have their three runs"


def scores(run: str, condition: str | None = None) -> list[float]:
    """The test accuracy of "study/contestant" for each of its three seeds, as a fraction.

    Args:
        run: study and contestant, as in "light/correlation".
        condition: one of the study's conditions, for the accuracy under that light.

    Raises:
        ValueError: a seed is not recorded, it diverged, or it was not tested under the condition.

    >>> theirs = scores("light/convolution", "four lights")
    >>> difference(scores("light/correlation", "four lights"), theirs).verdict
    'reproduced'
    """
    runs = complete(run)
    if not runs:
        whole = [f"{s}/{c}" for s, study in studies.STUDIES.items() for c in study.contestants]
        whole = [name for name in whole if complete(name)]
        raise ValueError(f"{run!r} has not all its seeds; these have: {', '.join(whole) or 'none'}")
    if why := no_score(runs):
        raise ValueError(f"{run!r} has no score: {why}")
    if condition is None:
        return [record.test_accuracy for record in runs]
    tested = [record.conditions or {} for record in runs]
    if not all(condition in accuracies for accuracies in tested):
        raise ValueError(
            f"{run!r} was not tested under {condition!r}, but under: "
            f"{', '.join(tested[0]) or 'nothing'}"
        )
    return [accuracies[condition] for accuracies in tested]


def chosen(study: str, contestants: Sequence[str] | None) -> Sequence[str]:
    """The contestants that are asked for, or all of the study.

    Raises:
        ValueError: there is no such study, or a contestant is not of it.

    >>> chosen("mnist-paper-rate", None)
    ['convolution', 'polynomial-3']
    """
    known = studies.get_study(study).contestants
    for name in contestants or ():
        if name not in known:
            raise ValueError(
                f"unknown contestant {name!r} of study {study!r}; they are {', '.join(known)}"
            )
    return contestants or list(known)


def light_table(study: str = "light", contestants: Sequence[str] | None = None) -> str:
    """The test accuracy under each condition as a Markdown table, in per cent.

    It has a column for every contestant whose runs are all there: mean ± sample standard deviation.

    Args:
        study: a study that is tested under light.
        contestants: the columns, in their order; by default all contestants of the study.

    Raises:
        ValueError: the study is not tested under light, or a contestant is not of it.

    >>> light_table(contestants=["correlation", "convolution"]).splitlines()[0]
    '| condition | correlation | convolution |'
    """
    asked = chosen(study, contestants)
    conditions = studies.get_study(study).conditions
    if not conditions:
        tested = ", ".join(name for name, s in studies.STUDIES.items() if s.conditions)
        raise ValueError(f"study {study!r} is not tested under light; these are: {tested}")
    columns = {
        contestant: runs for contestant in asked if (runs := complete(f"{study}/{contestant}"))
    }
    rows = [
        [condition]
        + [
            no_score(runs) or per_cent([(run.conditions or {})[condition] for run in runs])
            for runs in columns.values()
        ]
        for condition in conditions
    ]
    return markdown(["condition", *columns], rows)


def leads(
    ours: str, rivals: Sequence[str], conditions: Sequence[str]
) -> dict[str, dict[str, Difference]]:
    """By how much "study/contestant" is ahead of each rival, under each condition of the light.

    Args:
        ours: study and contestant, as in "light/correlation".
        rivals: the same of those it is compared with.
        conditions: those under which they were tested, as "haze" or another of `kerv.light`.

    Raises:
        ValueError: a seed is not recorded, or it was not tested under a condition.

    >>> found = leads("light/correlation", ["light/convolution"], ["haze", "noise 0.03"])
    >>> [lead.verdict for lead in found["light/convolution"].values()]
    ['reproduced', 'unclear']
    """
    return {
        rival: {c: difference(scores(ours, c), scores(rival, c)) for c in conditions}
        for rival in rivals
    }


def leads_table(ours: str, rivals: Sequence[str], conditions: Sequence[str]) -> str:
    """The `leads` as a Markdown table: points, how far their intervals reach, and who is ahead.

    >>> print(leads_table("light/correlation", ["light/convolution"], ["haze"]))
    | points ahead: correlation − … | convolution |
    |---|---|
    | haze | +23.6 ± 1.4, ahead |
    """
    found = leads(ours, rivals, conditions)
    rows = [
        [condition]
        + [
            f"{lead.words(1, unit=0.01)}, {_PLACES[lead.verdict]}"
            for lead in (under[condition] for under in found.values())
        ]
        for condition in conditions
    ]
    names = [run.split("/")[1] for run in (ours, *rivals)]
    return markdown([f"points ahead: {names[0]} − …", *names[1:]], rows)


def search(study: str, contestant: str) -> dict[float, Record]:
    """The recorded runs of a contestant's search, by their learning rates.

    In a study that extends another, those of the other come first.

    >>> list(search("light", "correlation")), list(search("light-rates", "correlation"))
    ([0.03, 0.1, 0.3], [0.03, 0.1, 0.3, 1.0, 3.0])
    """
    before = studies.get_study(study).extends
    found = search(before, contestant) if before else {}
    there = set(names())
    runs = {rate: f"{study}/{contestant}-lr{rate:g}" for rate in studies.get_study(study).rates}
    return found | {rate: load(run) for rate, run in runs.items() if run in there}


def best_rate(study: str, contestant: str) -> float | None:
    """The learning rate with the highest accuracy on held-out pictures, None before any run.

    >>> best_rate("light", "convolution"), best_rate("light-rates", "polynomial-3")
    (0.3, 1.0)
    """
    found = search(study, contestant)
    return max(found, key=lambda rate: found[rate].validation_accuracy or 0.0, default=None)


def search_table(study: str, contestants: Sequence[str] | None = None) -> str:
    """Searches as a Markdown table: the accuracy on held-out pictures at each rate, the best bold.

    Raises:
        ValueError: a contestant is not of the study.

    >>> print(search_table("fast", ["convolution", "polynomial-3"]))
    | validation %, at rate | convolution | polynomial-3 |
    |---|---|---|
    | 0.75 | 86.36 | 85.62 |
    | 1.5 | **89.02** | **87.28** |
    | 3 | 88.18 | 86.76 |
    """
    return searches_table({name: (study, name) for name in chosen(study, contestants)})


def searches_table(columns: Mapping[str, tuple[str, str]]) -> str:
    """`search_table` across studies.

    Args:
        columns: a title for each column, with its study and contestant.

    >>> c = {"c learns": ("mnist", "polynomial-3"), "c = 1": ("mnist-fixed", "polynomial-3")}
    >>> print(searches_table(c).partition("\\n")[0])
    | validation %, at rate | c learns | c = 1 |
    """
    searches = {title: search(*run) for title, run in columns.items()}
    best = {title: best_rate(*run) for title, run in columns.items()}

    def cell(title: str, rate: float) -> str:
        run = searches[title].get(rate)
        if run is None:
            return NOT_RUN
        if run.failed:
            return DIVERGED
        if run.validation_accuracy is None:
            return "none held out"
        text = f"{100 * run.validation_accuracy:.2f}"
        return f"**{text}**" if rate == best[title] else text

    asked = [studies.get_study(study) for study, _ in columns.values()]
    asked += [studies.get_study(study.extends) for study in asked if study.extends]
    rates = sorted({rate for study in asked for rate in study.rates})
    rows = [(f"{rate:g}", *(cell(title, rate) for title in columns)) for rate in rates]
    return markdown(("validation %, at rate", *columns), rows)


def kernel_of(study: str, contestant: str) -> str:
    """The kernel that a contestant differs by, or is compared with: the key of its colour.

    >>> kernel_of("mnist", "polynomial-3"), kernel_of("mnist", "convolution")
    ('polynomial', 'linear')
    """
    [name] = chosen(study, [contestant])
    return kernel_name(studies.get_study(study).contestants[name].get("kernel", "linear"))


def epochs_to(record: Record, target: float = TARGET) -> int | None:
    """The first epoch after which the validation accuracy reached the target; None if none did.

    Raises:
        ValueError: the run held no pictures out, so it has no validation accuracy.

    >>> epochs_to(load("light/correlation-seed0"), target=0.5)
    2
    """
    if any(e["validation_accuracy"] is None for e in record.epochs):
        raise ValueError("epochs_to needs held-out pictures, and this run had validation=0")
    reached = (e["epoch"] for e in record.epochs if e["validation_accuracy"] >= target)
    return next(reached, None)


def counted_epochs(record: Record) -> int:
    """`epochs_to`, where a run that never got there counts one epoch more than it was given."""
    return epochs_to(record) or record.config["epochs"] + 1


def finals_table(study: str) -> str:
    """The final runs as a Markdown table: mean ± sample standard deviation over the seeds.

    >>> finals_table("mnist").startswith("| contestant |")
    True
    """
    head = ["contestant", "parameters", "rate", "validation %"]
    head += ["test %, last epoch", "test %, best epoch", "epochs to 98 %"]
    rows = []
    for contestant in studies.get_study(study).contestants:
        runs = complete(f"{study}/{contestant}")
        if why := no_score(runs):
            rows.append([contestant, why] + [""] * 5)
            continue
        reached = "—"  # a study may hold no pictures out
        if runs[0].validation_accuracy is not None:
            epochs = [counted_epochs(run) for run in runs]
            reached = f"{statistics.mean(epochs):.1f} ± {statistics.stdev(epochs):.1f}"
            if all(epochs_to(run) is None for run in runs):
                reached = "never"
        row = [contestant, f"{runs[0].parameters:,}", f"{runs[0].config['lr']:g}"]
        row.append(per_cent([run.validation_accuracy for run in runs]))
        row.append(per_cent([run.test_accuracy for run in runs]))
        row.append(per_cent([run.best_test_accuracy for run in runs]))
        rows.append([*row, reached])
    return markdown(head, rows)


def seeds(study: str) -> dict[str, list[object]]:
    """Every final run that is there, for `kerv.plots.Numbers`.

    The best epoch and the epochs to the target are there where the study scored the test set after
    each epoch.
    """
    rows: list[dict[str, object]] = []
    for contestant in studies.get_study(study).contestants:
        for run in studies.finals(study, contestant):
            row: dict[str, object] = {
                "run": f"{contestant}, seed {run.config['seed']}",
                "rate": f"{run.config['lr']:g}",
                "validation %": per_cent([run.validation_accuracy]),
                "test %, last epoch": DIVERGED if run.failed else per_cent([run.test_accuracy]),
            }
            if studies.get_study(study).common.get("score_test"):
                row["test %, best epoch"] = per_cent([run.best_test_accuracy])
                row["epochs to 98 %"] = epochs_to(run) or "never"
            rows.append(row)
    return {heading: [row[heading] for row in rows] for heading in rows[0]} if rows else {}
