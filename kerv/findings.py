"""How a claim is tested: what the records say to it, or what can be counted and computed at once.

>>> parameters().verdict
'reproduced'
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from . import models, robustness, timing
from .audit import (
    DIVERGED,
    NOT_RUN,
    Difference,
    complete,
    counted_epochs,
    difference,
    scores,
    search,
)
from .layers import KernelConv2d
from .records import diverged, per_cent
from .registry import get_kernel, kernel_names
from .studies import get_study


class Finding(NamedTuple):
    """A result in words, the verdict, and the mean difference ± how far its interval reaches."""

    result: str
    verdict: str
    gap: str = ""


def _open(*contestants: str) -> Finding | None:
    """Why the runs allow no verdict, if they do not: a seed is missing, or a run diverged."""
    runs = [complete(contestant) for contestant in contestants]
    if not all(runs):
        return Finding("", NOT_RUN)
    failed = diverged([record for seeds in runs for record in seeds])
    return Finding(failed, DIVERGED) if failed else None


def _accuracies(ours: str, theirs: str, judge: Callable[[Difference], str]) -> Finding:
    """Both test accuracies after the last epoch, and the verdict on their difference."""
    if unsaid := _open(ours, theirs):
        return unsaid
    tests, marks = scores(ours), scores(theirs)
    found = difference(tests, marks)
    gap = found.words(2, unit=0.01)
    words = f"{per_cent(tests)} against {per_cent(marks)} %; {gap}"
    return Finding(words, judge(found), gap)


def more_accurate(ours: str, theirs: str) -> Finding:
    """Whether one contestant's test accuracy after the last epoch is above the other's."""
    return _accuracies(ours, theirs, lambda found: found.verdict)


def level(ours: str, theirs: str, *, within: float) -> Finding:
    """Whether two contestants are as accurate as each other, within a margin to either side.

    They are if the whole interval of the difference is within the margin, and they are not if the
    whole interval is outside. An interval that holds 0 does not do: a wide one says nothing.
    """

    def judge(found: Difference) -> str:
        if abs(found.mean) + found.margin <= within:
            return "reproduced"
        return "not reproduced" if abs(found.mean) - found.margin > within else "unclear"

    return _accuracies(ours, theirs, judge)


def loses_less(ours: str, theirs: str, condition: str) -> Finding:
    """Whether one contestant's test accuracy falls less than the other's under a condition."""
    if unsaid := _open(ours, theirs):
        return unsaid
    return _saved(*((scores(run), scores(run, condition)) for run in (ours, theirs)))


def resists(ours: str, theirs: str, attack: str, radius: float) -> Finding:
    """Whether one contestant's accuracy falls less than the other's under a recorded attack.

    Args:
        ours, theirs: as in "attacked/l2", of a group of `kerv.robustness` with three seeds.
        attack: a name of `kerv.robustness.ATTACKS`, or `FOREIGN`.
        radius: one of the group.
    """
    if unsaid := _open(ours, theirs):
        return unsaid
    fell = [
        (robustness.accuracies(run), robustness.accuracies(run, attack, radius))
        for run in (ours, theirs)
    ]
    if not all(shares for fall in fell for shares in fall):  # a network was not attacked yet
        return Finding("", NOT_RUN)
    return _saved(*fell)


_Fall = tuple[Sequence[float], Sequence[float]]


def _saved(ours: _Fall, theirs: _Fall) -> Finding:
    """Whether accuracies fall less than others, each the whole ones and then the changed ones."""
    lost, more = ([a - b for a, b in zip(*fall, strict=True)] for fall in (ours, theirs))
    found = difference(more, lost)
    gap = found.words(2, unit=0.01)
    words = f"loses {per_cent(lost)} against {per_cent(more)} points; saved {gap}"
    return Finding(words, found.verdict, gap)


def epoch_cost(run: str) -> float | None:
    """What an epoch of "study/contestant" costs, in epochs of the study's convolution.

    From the quiet measurement of `kerv.timing`, of this study or of one in which the contestant
    has the same settings. None where there is none.

    >>> epoch_cost("mnist-paper-rate/polynomial-3") == epoch_cost("mnist/polynomial-3")
    True
    """
    study, _, contestant = run.partition("/")
    settings = get_study(study).settings(contestant)
    for timed, seconds in timing.recorded()["seconds"].items():
        if contestant in seconds and get_study(timed).settings(contestant) == settings:
            return seconds[contestant] / seconds["convolution"]
    return None


def sooner(ours: str, theirs: str, *, in_time: bool = False) -> Finding:
    """Whether one contestant needs fewer epochs to the target, or also less time for them.

    Time is counted in epochs of the study's convolution: each costs what `epoch_cost` says.
    """
    if unsaid := _open(ours, theirs):
        return unsaid
    needed, mark = (
        [float(counted_epochs(run)) for run in complete(name)] for name in (ours, theirs)
    )
    words = f"{statistics.mean(needed):.1f} against {statistics.mean(mark):.1f} epochs"
    if in_time:
        cost, beside = epoch_cost(ours), epoch_cost(theirs)
        if cost is None or beside is None:
            return Finding(f"{words}; the time of an epoch was not measured", NOT_RUN)
        words = f"{words} of {cost:.2f} and {beside:.2f} plain ones"
        needed, mark = [cost * n for n in needed], [beside * n for n in mark]
    found = difference(mark, needed)
    gap = found.words(1)
    return Finding(f"{words}; saved {gap}", found.verdict, gap)


def reaches(ours: str, lowest: float) -> Finding:
    """Whether the test accuracy after the best epoch, as the paper's scripts report it, is there.

    It is not if the whole interval of its mean lies below.
    """
    if unsaid := _open(ours):
        return unsaid
    best = [run.best_test_accuracy or 0.0 for run in complete(ours)]
    found = difference(best, [lowest] * len(best))
    verdict = "not reproduced" if found.verdict == "not reproduced" else "reproduced"
    return Finding(f"{per_cent(best)} %", verdict)


def stuck(study: str, contestant: str, rates: tuple[float, ...]) -> Finding:
    """Whether a contestant stays near chance, below 20 %, at each of these learning rates."""
    runs = search(study, contestant)
    if not set(rates) <= set(runs):
        return Finding("", NOT_RUN)
    found = {rate: runs[rate].validation_accuracy or 0.0 for rate in rates}
    words = ", ".join(f"{100 * value:.1f} % at {rate:g}" for rate, value in found.items())
    return Finding(words, "reproduced" if max(found.values()) < 0.2 else "not reproduced")


# Top-1 errors on ImageNet in per cent, by the depth of a ResNet: plain, and with the kernel. From
# the authors' README of June 2018.
TOP1 = {18: (30.24, 29.74), 34: (26.70, 26.29), 50: (23.85, 23.56), 101: (22.63, 21.63)}


def standard_errors(depth: int) -> float:
    """A gain of `TOP1`, in standard errors of two independent scores on 50,000 pictures.

    >>> round(standard_errors(101), 1)
    3.8
    """
    plain, kernel = TOP1[depth]
    variances = (e * (100 - e) / 50_000 for e in (plain, kernel))
    return (plain - kernel) / math.sqrt(sum(variances))


def imagenet() -> Finding:
    """What the authors' own numbers say. Without a run the claim stays unclear, whatever it is."""
    gains = [round(plain - kernel, 2) for plain, kernel in TOP1.values()]
    errors = [standard_errors(depth) for depth in TOP1]
    words = f"{min(gains):.2f} to {max(gains):.2f} points less"
    return Finding(f"{words}; {min(errors):.1f} to {max(errors):.1f} standard errors", "unclear")


def parameters() -> Finding:
    """Whether LeNet-5 has as many parameters with each kernel as with the linear one."""
    counts = {
        name: sum(p.numel() for p in models.build("lenet5", kernel=name).parameters())
        for name in kernel_names()
    }
    words = f"{counts['linear']:,} weights with each of {len(counts)} kernels"
    return Finding(words, "reproduced" if len(set(counts.values())) == 1 else "not reproduced")


def equivariance() -> Finding:
    """Whether a shift before a layer does what the same shift after it does, for each kernel."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, 1, 9, 8, generator=generator, dtype=torch.float64)
    worst = 0.0
    for name in kernel_names():
        layer = KernelConv2d(1, 3, 3, padding=1, padding_mode="circular", kernel=name).double()
        with torch.no_grad():
            shifted, after = layer(x.roll((2, 3), (2, 3))), layer(x).roll((2, 3), (2, 3))
        worst = max(worst, (shifted - after).abs().max().item())
    words = f"shift and layer in either order, {len(kernel_names())} kernels: {worst:g} apart"
    return Finding(words, "reproduced" if worst < 1e-9 else "not reproduced")


def patchwise(name: str) -> bool:
    """Whether a kernel tells apart two patches that have the same dot product with the filter.

    >>> patchwise("gaussian"), patchwise("polynomial")
    (True, False)
    """
    w = torch.tensor([[1.0, 2, 0, 1]], dtype=torch.float64)
    x = torch.tensor([[0.0, 2, 1, 1], [0.0, 2, 2, 1]], dtype=torch.float64)
    one, other = get_kernel(name).gram(x, w)[:, 0].tolist()
    return abs(one - other) > 1e-9


def all_patchwise(*kernels: str) -> Finding:
    """Whether each of the kernels is `patchwise`."""
    apart = {name: patchwise(name) for name in kernels}
    words = "tells apart patches of one dot product: " + ", ".join(
        f"{name} {'yes' if found else 'no'}" for name, found in apart.items()
    )
    return Finding(words, "reproduced" if all(apart.values()) else "not reproduced")


def volterra() -> Finding:
    """Whether a square has no weights where n (n + 1) / 2 products would each need one."""
    n = 25
    products = len(torch.combinations(torch.arange(n), with_replacement=True))
    extra = sum(p.numel() for p in get_kernel("polynomial").parameters())
    words = f"{products} products of two of {n} pixels; the polynomial adds {extra} weights"
    verdict = "reproduced" if (products, extra) == (n * (n + 1) // 2, 0) else "not reproduced"
    return Finding(words, verdict)
