"""The claims of the paper, each with the runs that test it and what came out.

>>> table().startswith("| claim | verdict |")
True
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from . import models, studies
from .audit import (
    NOT_RUN,
    complete,
    counted_epochs,
    difference,
    kernel_of,
    layer_cost,
    search,
)
from .layers import KernelConv2d
from .records import markdown, per_cent
from .registry import get_kernel, kernel_names

Finding = tuple[str, str]  # a result in words, and the verdict


@dataclass(frozen=True)
class Claim:
    """What was claimed, where, how it is tested, and a function that says what came out."""

    claim: str
    where: str
    protocol: str
    find: Callable[[], Finding]


def more_accurate(ours: str, theirs: str) -> Callable[[], Finding]:
    """Whether one contestant's test accuracy after the last epoch is above the other's."""

    def find() -> Finding:
        runs, others = complete(ours), complete(theirs)
        if not (runs and others):
            return "", NOT_RUN
        scores, marks = ([run.test_accuracy for run in group] for group in (runs, others))
        found = difference(scores, marks)
        words = f"{per_cent(scores)} against {per_cent(marks)} %; "
        words += f"{100 * found.mean:+.2f} ± {100 * found.margin:.2f}"
        return words.replace("-", "−"), found.verdict

    return find


def sooner(ours: str, theirs: str, *, in_time: bool = False) -> Callable[[], Finding]:
    """Whether one contestant needs fewer epochs to the target, or also less time for them.

    Time is counted in epochs of the convolution. An epoch of the kernel's network costs at least
    one of them and at most `layer_cost`, because the layers above are the same.
    """

    def find() -> Finding:
        runs, others = complete(ours), complete(theirs)
        if not (runs and others):
            return "", NOT_RUN
        needed, mark = ([counted_epochs(run) for run in group] for group in (runs, others))
        words = f"{statistics.mean(needed):.1f} against {statistics.mean(mark):.1f} epochs; "
        most = layer_cost(kernel_of(*ours.split("/"))) if in_time else 1.0
        if most is None:
            return words + "the cost of an epoch was not measured", NOT_RUN
        saved = [difference(mark, [cost * n for n in needed]) for cost in (most, 1.0)]
        means = dict.fromkeys(f"{s.mean:+.1f} ± {s.margin:.1f}" for s in saved)
        verdicts = {s.verdict for s in saved}
        words += "saved " + " to ".join(means).replace("-", "−")
        return words, verdicts.pop() if len(verdicts) == 1 else "unclear"

    return find


def reaches(ours: str, lowest: float) -> Callable[[], Finding]:
    """Whether the test accuracy after the best epoch, as the paper's scripts report it, is there.

    It is not if the whole interval of its mean lies below.
    """

    def find() -> Finding:
        runs = complete(ours)
        if not runs:
            return "", NOT_RUN
        scores = [run.best_test_accuracy or 0.0 for run in runs]
        found = difference(scores, [lowest] * len(scores))
        verdict = "not reproduced" if found.verdict == "not reproduced" else "reproduced"
        return f"{per_cent(scores)} %", verdict

    return find


def stuck(study: str, contestant: str, rates: tuple[float, ...]) -> Callable[[], Finding]:
    """Whether a contestant stays near chance, below 20 %, at each of these learning rates."""

    def find() -> Finding:
        runs = search(study, contestant)
        if not set(rates) <= set(runs):
            return "", NOT_RUN
        found = {rate: runs[rate].validation_accuracy or 0.0 for rate in rates}
        words = ", ".join(f"{100 * value:.1f} % at {rate:g}" for rate, value in found.items())
        return words, "reproduced" if max(found.values()) < 0.2 else "not reproduced"

    return find


def _no_runs() -> Finding:
    return "", NOT_RUN


def _parameters() -> Finding:
    counts = {
        name: sum(p.numel() for p in models.build("lenet5", kernel=name).parameters())
        for name in kernel_names()
    }
    words = f"{counts['linear']:,} weights with each of {len(counts)} kernels"
    return words, "reproduced" if len(set(counts.values())) == 1 else "not reproduced"


def _equivariance() -> Finding:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, 1, 9, 8, generator=generator, dtype=torch.float64)
    worst = 0.0
    for name in kernel_names():
        layer = KernelConv2d(1, 3, 3, padding=1, padding_mode="circular", kernel=name).double()
        with torch.no_grad():
            shifted, after = layer(x.roll((2, 3), (2, 3))), layer(x).roll((2, 3), (2, 3))
        worst = max(worst, (shifted - after).abs().max().item())
    words = f"shift and layer in either order, {len(kernel_names())} kernels: {worst:g} apart"
    return words, "reproduced" if worst < 1e-9 else "not reproduced"


def patchwise(name: str) -> bool:
    """Whether a kernel tells apart two patches that have the same dot product with the filter.

    >>> patchwise("gaussian"), patchwise("polynomial")
    (True, False)
    """
    w = torch.tensor([[1.0, 2, 0, 1]], dtype=torch.float64)
    x = torch.tensor([[0.0, 2, 1, 1], [0.0, 2, 2, 1]], dtype=torch.float64)
    one, other = get_kernel(name).gram(x, w)[:, 0].tolist()
    return abs(one - other) > 1e-9


def _patchwise(*kernels: str) -> Callable[[], Finding]:
    def find() -> Finding:
        apart = {name: patchwise(name) for name in kernels}
        words = "tells apart patches of one dot product: " + ", ".join(
            f"{name} {'yes' if found else 'no'}" for name, found in apart.items()
        )
        return words, "reproduced" if all(apart.values()) else "not reproduced"

    return find


def _volterra() -> Finding:
    n = 25
    products = len(torch.combinations(torch.arange(n), with_replacement=True))
    extra = sum(p.numel() for p in get_kernel("polynomial").parameters())
    words = f"{products} products of two of {n} pixels; the polynomial adds {extra} weights"
    verdict = "reproduced" if (products, extra) == (n * (n + 1) // 2, 0) else "not reproduced"
    return words, verdict


_ACCURATE, _FASTER = "It is more accurate than a CNN", "It converges faster than a CNN"
_LEARNED = "Learnable hyper-parameters help where nothing is known"
_RELU = "A kernel can stand in for the ReLU"
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
        more_accurate(f"mnist/{_CUBIC}", f"mnist/{_PLAIN}"),
    ),
    Claim(
        _ACCURATE,
        _ABSTRACT,
        _RATE,
        more_accurate(f"mnist-paper-rate/{_CUBIC}", f"mnist-paper-rate/{_PLAIN}"),
    ),
    Claim(
        _ACCURATE,
        _ABSTRACT,
        "ResNet-20 on CIFAR-10, cubic first layer, each with its best rate",
        more_accurate(f"resnet20/{_CUBIC}", f"resnet20/{_PLAIN}"),
    ),
    Claim(
        _ACCURATE,
        _ABSTRACT,
        "a fast network on CIFAR-10, the same",
        more_accurate(f"fast/{_CUBIC}", f"fast/{_PLAIN}"),
    ),
    Claim(
        "ImageNet: top-1 errors lower by 0.29 to 1.00 points",
        "authors' README, June 2018",
        "none: out of reach here",
        _no_runs,
    ),
    Claim(
        "LeNet-5 reaches 99.09 % on MNIST",
        "authors' commits",
        "cubic, rate 0.003, best test epoch of 20",
        reaches(f"mnist-paper-rate/{_CUBIC}", 0.9909),
    ),
    Claim(
        _FASTER,
        _ABSTRACT,
        _BEST + ": epochs to 98 % of the validation pictures",
        sooner(f"mnist/{_CUBIC}", f"mnist/{_PLAIN}"),
    ),
    Claim(
        _FASTER,
        _ABSTRACT,
        "the same, in time: epochs × what an epoch costs",
        sooner(f"mnist/{_CUBIC}", f"mnist/{_PLAIN}", in_time=True),
    ),
    Claim(
        _FASTER,
        _ABSTRACT,
        "epochs, both with the rate of the authors' script",
        sooner(f"mnist-paper-rate/{_CUBIC}", f"mnist-paper-rate/{_PLAIN}"),
    ),
    Claim(
        _FASTER,
        _ABSTRACT,
        "epochs, both without ReLU, each with its best rate",
        sooner("mnist-places/first-no-relu", f"mnist-places/{_PLAIN}-no-relu"),
    ),
    Claim("It adds no parameters", _ABSTRACT, "count them", _parameters),
    Claim("It keeps equivariance to shifts", _TEXT, "shift, then compare", _equivariance),
    Claim(
        _PATCHWISE,
        _ABSTRACT,
        "kernels of a distance or an angle",
        _patchwise("gaussian", "l1", "l2", "cosine"),
    ),
    Claim(_PATCHWISE, _ABSTRACT, "kernels of the dot product", _patchwise("polynomial", "sigmoid")),
    Claim(
        "A Volterra layer would need n(n+1)/2 more weights, a kernel none",
        _TEXT,
        "count them",
        _volterra,
    ),
    Claim(
        "Degree 3 works best on pictures",
        _TEXT,
        "MNIST: degree 3 against degree 2",
        more_accurate(f"mnist/{_CUBIC}", "mnist/polynomial-2"),
    ),
    Claim(
        "Results hardly depend on hyper-parameters",
        _TEXT,
        "none: we fixed no margin for “hardly” beforehand",
        _no_runs,
    ),
    Claim(
        _LEARNED,
        _TEXT,
        "MNIST, cubic first layer: c learned against c = 1",
        more_accurate(f"mnist/{_CUBIC}", f"mnist-fixed/{_CUBIC}"),
    ),
    Claim(
        _LEARNED,
        _TEXT,
        "MNIST, Gaussian first layer: γ learned against γ = 1/25",
        more_accurate("mnist/gaussian", "mnist-fixed/gaussian"),
    ),
    Claim(
        "In both layers it is better than in the first alone",
        _ASKED,
        "MNIST: kernels in both layers against the first alone",
        more_accurate("mnist-places/both", f"mnist/{_CUBIC}"),
    ),
    Claim(
        _RELU,
        _ASKED,
        "MNIST: cubic first layer without ReLU against a convolution with it",
        more_accurate("mnist-places/first-no-relu", f"mnist/{_PLAIN}"),
    ),
    Claim(
        _RELU,
        _ASKED,
        "the same, cubic in both layers",
        more_accurate("mnist-places/both-no-relu", f"mnist/{_PLAIN}"),
    ),
    Claim("L2 may resist small perturbations", _TEXT, "none: L2 is at chance", _no_runs),
    Claim(
        "The cubic network is stuck at rates from 0.025 on",
        "Perez, 2020",
        "MNIST search, 4 epochs",
        stuck("mnist", _CUBIC, (0.025, 0.05)),
    ),
    Claim(
        "With the best rates the CNN is more accurate",
        "Perez, 2020",
        _BEST,
        more_accurate(f"mnist/{_PLAIN}", f"mnist/{_CUBIC}"),
    ),
)


def versus(study: str) -> str:
    """The contestants of a study against its convolution, as a Markdown table.

    >>> versus("mnist").startswith("| contestant |")
    True
    """
    head = ("contestant", "test %", "against the convolution, points", "more accurate?")
    rows = []
    for name in studies.STUDIES[study].contestants:
        runs = complete(f"{study}/{name}")
        score = per_cent([run.test_accuracy for run in runs]) if runs else NOT_RUN
        words, verdict = more_accurate(f"{study}/{name}", f"{study}/{_PLAIN}")()
        gap = words.rpartition("; ")[2]
        rows.append((name, score, "", "") if name == _PLAIN else (name, score, gap, verdict))
    return markdown(head, rows)


def pairs(compared: Sequence[tuple[str, str]]) -> str:
    """Contestants against others as a Markdown table, with their studies where names are equal.

    >>> pairs([("mnist-places/last", "mnist/convolution")]).splitlines()[2]
    '| last | convolution | −0.06 ± 0.41 | unclear | +0.3 ± 1.4 | unclear |'
    """
    rows = []
    for ours, theirs in compared:
        gap, better = more_accurate(ours, theirs)()
        saved, faster = sooner(ours, theirs)()
        gap, saved = gap.rpartition("; ")[2], saved.rpartition("saved ")[2]
        names = [run.split("/")[1] for run in (ours, theirs)]
        names = names if names[0] != names[1] else [ours, theirs]
        rows.append((*names, gap, better, saved, faster))
    head = "contestant", "against", "points", "more accurate?", "epochs saved", "sooner?"
    return markdown(head, rows)


def pace(study: str) -> str:
    """How soon the contestants of a study got to the target, and what that cost, as a table.

    >>> pace("mnist").startswith("| contestant |")
    True
    """
    head = "contestant", "epochs to 98 %", "saved", "sooner?", "an epoch costs", "in plain epochs"
    rows = []
    for name in studies.STUDIES[study].contestants:
        runs, kernel = complete(f"{study}/{name}"), kernel_of(study, name)
        most = 1.0 if kernel == "linear" else layer_cost(kernel)
        cost = "not measured" if most is None else f"1 to {most:.2f}" if most > 1 else "1"
        if not runs:
            rows.append((name, NOT_RUN, "", "", cost, ""))
            continue
        epochs = statistics.mean(counted_epochs(run) for run in runs)
        words, verdict = sooner(f"{study}/{name}", f"{study}/{_PLAIN}")()
        saved = words.rpartition("saved ")[2]
        if name == _PLAIN:
            saved, verdict = "", ""
        time = "" if most is None else f"{epochs:.1f} to {epochs * most:.1f}"
        if most == 1:
            time = f"{epochs:.1f}"
        rows.append((name, f"{epochs:.1f}", saved, verdict, cost, time))
    return markdown(head, rows)


def table() -> str:
    """The claims as a Markdown table: a row for each test, so a claim may have several."""
    rows = []
    for claim in CLAIMS:
        result, verdict = claim.find()
        rows.append((claim.claim, verdict, claim.protocol, result, claim.where))
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
            return row.find()[1]
    raise ValueError(f"no claim {claim!r} with the test {protocol!r}")
