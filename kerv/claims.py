"""The claims of the paper, each with the runs that test it and what came out.

>>> table().startswith("| claim | verdict |")
True
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from .audit import chosen, complete, counted_epochs, epochs_to, no_score
from .findings import (
    Finding,
    all_patchwise,
    epoch_cost,
    equivariance,
    imagenet,
    level,
    loses_less,
    more_accurate,
    parameters,
    reaches,
    resists,
    sooner,
    stuck,
    volterra,
)
from .records import markdown, per_cent


@dataclass(frozen=True)
class Claim:
    """What was claimed, where, how it is tested, and a function that says what came out."""

    claim: str
    where: str
    protocol: str
    find: Callable[[], Finding]


_ACCURATE, _FASTER = "It is more accurate than a CNN", "It converges faster than a CNN"
_LEARNED = "Learnable hyper-parameters help where nothing is known"
_RELU = "A kernel can stand in for the ReLU"
_RESISTS = "L2 may resist small perturbations"
_PATCHWISE = "Its non-linearity is patchwise, not pointwise"
_ABSTRACT, _TEXT, _ASKED = "paper, abstract", "paper, text", "a question of the paper"
_CUBIC, _PLAIN = "polynomial-3", "convolution"
_BEST = "LeNet-5 on MNIST, cubic first layer, each with its best rate"
_RATE = "the same, both with the rate of the authors' script, 0.003"

CLAIMS = (
    Claim(
        _ACCURATE,
        _ABSTRACT,
        _BEST,
        partial(more_accurate, f"mnist/{_CUBIC}", f"mnist/{_PLAIN}"),
    ),
    Claim(
        _ACCURATE,
        _ABSTRACT,
        _RATE,
        partial(more_accurate, f"mnist-paper-rate/{_CUBIC}", f"mnist-paper-rate/{_PLAIN}"),
    ),
    Claim(
        _ACCURATE,
        _ABSTRACT,
        "ResNet-8 on CIFAR-10, six epochs, cubic first layer, each with the best of three rates",
        partial(more_accurate, f"light/{_CUBIC}", f"light/{_PLAIN}"),
    ),
    Claim(
        _ACCURATE,
        _ABSTRACT,
        "the same, each with the best of five rates",
        # The search of the convolution keeps the rate that it had, that of the kernel does not.
        partial(more_accurate, f"light-rates/{_CUBIC}", f"light/{_PLAIN}"),
    ),
    Claim(
        _ACCURATE,
        _ABSTRACT,
        "ResNet-20 on CIFAR-10, cubic first layer, each with its best rate",
        partial(more_accurate, f"resnet20/{_CUBIC}", f"resnet20/{_PLAIN}"),
    ),
    Claim(
        _ACCURATE,
        _ABSTRACT,
        "a fast network on CIFAR-10, eight epochs, cubic first layer, each with its best rate",
        partial(more_accurate, f"fast/{_CUBIC}", f"fast/{_PLAIN}"),
    ),
    Claim(
        "ImageNet: top-1 errors lower by 0.29 to 1.00 points",
        "authors' README, June 2018",
        "no run: their numbers, beside the standard errors of 50,000 pictures",
        imagenet,
    ),
    Claim(
        "LeNet-5 reaches 99.09 % on MNIST",
        "authors' commits",
        "cubic, rate 0.003, best test epoch of 20",
        partial(reaches, f"mnist-paper-rate/{_CUBIC}", 0.9909),
    ),
    Claim(
        _FASTER,
        _ABSTRACT,
        _BEST + ": epochs to 98 % of the validation pictures",
        partial(sooner, f"mnist/{_CUBIC}", f"mnist/{_PLAIN}"),
    ),
    Claim(
        _FASTER,
        _ABSTRACT,
        "the same, in time: epochs × what an epoch costs",
        partial(sooner, f"mnist/{_CUBIC}", f"mnist/{_PLAIN}", in_time=True),
    ),
    Claim(
        _FASTER,
        _ABSTRACT,
        "epochs, both with the rate of the authors' script",
        partial(sooner, f"mnist-paper-rate/{_CUBIC}", f"mnist-paper-rate/{_PLAIN}"),
    ),
    Claim(
        _FASTER,
        _ABSTRACT,
        "epochs, both without any ReLU, each with its best rate",
        partial(sooner, "mnist-places/first-no-relu", f"mnist-places/{_PLAIN}-no-relu"),
    ),
    Claim("It adds no parameters", _ABSTRACT, "count them", parameters),
    Claim("It keeps equivariance to shifts", _TEXT, "shift, then compare", equivariance),
    Claim(
        _PATCHWISE,
        _ABSTRACT,
        "kernels of a distance or an angle",
        partial(all_patchwise, "gaussian", "l1", "l2", "cosine"),
    ),
    Claim(
        _PATCHWISE,
        _ABSTRACT,
        "kernels of the dot product",
        partial(all_patchwise, "polynomial", "sigmoid"),
    ),
    Claim(
        "A Volterra layer would need n(n+1)/2 more weights, a kernel none",
        _TEXT,
        "count them",
        volterra,
    ),
    Claim(
        "Degree 3 is better than 2 on pictures",
        _TEXT,
        "MNIST: degree 3 against degree 2",
        partial(more_accurate, f"mnist/{_CUBIC}", "mnist/polynomial-2"),
    ),
    *(
        Claim(
            "Results hardly depend on hyper-parameters",
            _TEXT,
            f"MNIST, each with its best rate, within half a point: {compared}",
            partial(level, ours, theirs, within=0.005),
        )
        for compared, ours, theirs in (
            ("cubic, c = 1/2 against c = 1", f"mnist-hyper/{_CUBIC}-c0.5", f"mnist-fixed/{_CUBIC}"),
            ("cubic, c = 2 against c = 1", f"mnist-hyper/{_CUBIC}-c2", f"mnist-fixed/{_CUBIC}"),
            (
                "Gaussian, γ = 1/125 against 1/25",
                "mnist-hyper/gaussian-gamma0.008",
                "mnist-fixed/gaussian",
            ),
            (
                "Gaussian, γ = 1/5 against 1/25",
                "mnist-hyper/gaussian-gamma0.2",
                "mnist-fixed/gaussian",
            ),
        )
    ),
    Claim(
        _LEARNED,
        _TEXT,
        "MNIST, cubic first layer: c learned against c = 1",
        partial(more_accurate, f"mnist/{_CUBIC}", f"mnist-fixed/{_CUBIC}"),
    ),
    Claim(
        _LEARNED,
        _TEXT,
        "MNIST, Gaussian first layer: γ learned against γ = 1/25",
        partial(more_accurate, "mnist/gaussian", "mnist-fixed/gaussian"),
    ),
    Claim(
        "In both layers it is better than in the first alone",
        _ASKED,
        "MNIST: kernels in both layers against the first alone",
        partial(more_accurate, "mnist-places/both", f"mnist/{_CUBIC}"),
    ),
    Claim(
        _RELU,
        _ASKED,
        "MNIST: cubic first layer and no ReLU at all against a convolution with its ReLUs",
        partial(more_accurate, "mnist-places/first-no-relu", f"mnist/{_PLAIN}"),
    ),
    Claim(
        _RELU,
        _ASKED,
        "the same, cubic in both layers",
        partial(more_accurate, "mnist-places/both-no-relu", f"mnist/{_PLAIN}"),
    ),
    Claim(
        _RELU,
        _ASKED,
        "cubic first layer, ReLUs behind the linear layers alone",
        partial(more_accurate, "mnist-places/first-head-relu", f"mnist/{_PLAIN}"),
    ),
    Claim(
        _RELU,
        _ASKED,
        "cubic in both layers, ReLUs behind the linear layers alone",
        partial(more_accurate, "mnist-places/both-head-relu", f"mnist/{_PLAIN}"),
    ),
    Claim(
        _RESISTS,
        _TEXT,
        "ResNet-8 on CIFAR-10, each with the best of three rates: what noise of 0.03 costs",
        partial(loses_less, "light/l2", f"light/{_PLAIN}", "noise 0.03"),
    ),
    Claim(
        _RESISTS,
        _TEXT,
        "the same, each with the best of five rates",
        partial(loses_less, "light-rates/l2", f"light/{_PLAIN}", "noise 0.03"),
    ),
    *(
        Claim(
            _RESISTS,
            _TEXT,
            f"{test}, radius 2/255, on 1,000 pictures",
            partial(resists, "attacked/l2", f"attacked/{_PLAIN}", attack, 2 / 255),
        )
        for test, attack in (
            (
                "the paper's own, one step of FGSM: ResNet-8, each with the better of two rates",
                "FGSM",
            ),
            ("the same, twenty steps of PGD, two random starts", "PGD, 20 steps, 2 random starts"),
        )
    ),
    Claim(
        "The cubic network is stuck at rates from 0.025 on",
        "Perez, 2020",
        "MNIST search, 4 epochs",
        partial(stuck, "mnist", _CUBIC, (0.025, 0.05)),
    ),
    Claim(
        "With the best rates the CNN is more accurate",
        "Perez, 2020",
        _BEST,
        partial(more_accurate, f"mnist/{_PLAIN}", f"mnist/{_CUBIC}"),
    ),
)


def versus(study: str, contestants: Sequence[str] | None = None) -> str:
    """The contestants of a study against its convolution, as a Markdown table.

    Args:
        study: one that has a contestant "convolution".
        contestants: the rows, in their order; by default all contestants of the study.

    Raises:
        ValueError: there is no such study, or a contestant or the convolution is not of it.

    >>> versus("mnist").startswith("| contestant |")
    True
    """
    head = ("contestant", "test %", "against the convolution, points", "more accurate?")
    rows = []
    chosen(study, [_PLAIN])
    for name in chosen(study, contestants):
        runs = complete(f"{study}/{name}")
        score = no_score(runs) or per_cent([run.test_accuracy for run in runs])
        found = more_accurate(f"{study}/{name}", f"{study}/{_PLAIN}")
        against = ("", "") if name == _PLAIN else (found.gap, found.verdict)
        rows.append((name, score, *against))
    return markdown(head, rows)


def pairs(compared: Sequence[tuple[str, str]]) -> str:
    """Contestants against others as a Markdown table, with their study where two share a name.

    >>> pairs([("mnist-places/last", "mnist/convolution")]).splitlines()[2]
    '| last | convolution | −0.06 ± 0.41 | unclear | +0.3 ± 1.4 | unclear |'
    >>> print(pairs([("mnist/gaussian", "mnist-fixed/gaussian")]).splitlines()[2][:40])
    | mnist/gaussian | mnist-fixed/gaussian
    """
    runs = {run for pair in compared for run in pair}
    short = [run.split("/")[1] for run in runs]
    names = {run: run if short.count(run.split("/")[1]) > 1 else run.split("/")[1] for run in runs}
    rows = []
    for ours, theirs in compared:
        better, faster = more_accurate(ours, theirs), sooner(ours, theirs)
        found = better.gap, better.verdict, faster.gap, faster.verdict
        rows.append((names[ours], names[theirs], *found))
    head = "contestant", "against", "points", "more accurate?", "epochs saved", "sooner?"
    return markdown(head, rows)


def pace(study: str) -> str:
    """How soon the contestants of a study got to the target, and what that cost, as a table.

    Raises:
        ValueError: there is no such study, it has no contestant "convolution", or it holds out no
            pictures.

    >>> pace("mnist").startswith("| contestant |")
    True
    """
    head = "contestant", "epochs to 98 %", "saved", "sooner?", "an epoch costs", "in plain epochs"
    rows = []
    chosen(study, [_PLAIN])
    for name in chosen(study, None):
        runs, factor = complete(f"{study}/{name}"), epoch_cost(f"{study}/{name}")
        cost = "not measured" if factor is None else f"{factor:.2f}"
        if why := no_score(runs):
            rows.append((name, why, "", "", cost, ""))
            continue
        epochs = statistics.mean(counted_epochs(run) for run in runs)
        never = all(epochs_to(run) is None for run in runs)
        found = sooner(f"{study}/{name}", f"{study}/{_PLAIN}")
        against = ("", "") if name == _PLAIN else (found.gap, found.verdict)
        time = "" if never or factor is None else f"{factor * epochs:.1f}"
        rows.append((name, "never" if never else f"{epochs:.1f}", *against, cost, time))
    return markdown(head, rows)


def table() -> str:
    """The claims as a Markdown table: a row for each test, so a claim may have several."""
    rows = []
    for claim in CLAIMS:
        found = claim.find()
        rows.append((claim.claim, found.verdict, claim.protocol, found.result, claim.where))
    return markdown(("claim", "verdict", "our test", "result", "where"), rows)


def verdict(claim: str, protocol: str) -> str:
    """The verdict on a claim by a test, both named by how they begin in the table.

    Raises:
        ValueError: no row begins so.

    >>> verdict("It adds no parameters", "count")
    'reproduced'
    """
    for row in CLAIMS:
        if row.claim.startswith(claim) and row.protocol.startswith(protocol):
            return row.find().verdict
    known = "; ".join(f"{row.claim!r} with {row.protocol!r}" for row in CLAIMS)
    raise ValueError(f"no claim {claim!r} with the test {protocol!r}; there are {known}")
