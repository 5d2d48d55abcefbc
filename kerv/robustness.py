"""Attacks on recorded networks, with the checks that belong to them, and what came out.

    python -m kerv.robustness          # the tables
    python -m kerv.robustness --run    # attack what is not recorded yet (part of make records)

The weights of the networks come with the package.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import attacks, data, plan, records, scaling, train

# Settings of `kerv.attacks.pgd`, from the weakest on; with two restarts both starts are random.
ATTACKS: dict[str, dict[str, int]] = {
    "FGSM": {"steps": 1},
    "PGD, 5 steps": {"steps": 5},
    "PGD, 20 steps": {"steps": 20},
    "PGD, 20 steps, 2 random starts": {"steps": 20, "restarts": 2},
}
# Changed to mislead the group's first contestant with the same seed, then shown to the others.
FOREIGN = "PGD, 20 steps, made for the convolution"
UNTOUCHED = "untouched"


@dataclass(frozen=True)
class Group:
    """Recorded networks of one study, the radii of the attacks, and how many test pictures."""

    contestants: Sequence[str]
    radii: Sequence[float]
    pictures: int


_LEVELS = (1 / 255, 2 / 255, 4 / 255)
GROUPS = {
    "attacked-digits": Group(
        tuple(plan.STUDIES["attacked-digits"].contestants), (0.05, 0.1, 0.2), 1000
    ),
    "attacked": Group(tuple(plan.STUDIES["attacked"].contestants), _LEVELS, 1000),
}


def recorded() -> dict[str, dict[str, float]]:
    """The accuracies by run and "attack, ε"; empty if nothing was recorded.

    >>> "attacked/convolution-seed0" in recorded()
    True
    """
    file = resources.files(__package__).joinpath("robustness.json")
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def key(attack: str, radius: float) -> str:
    """The name of an accuracy in `recorded`.

    >>> key("FGSM", 2 / 255)
    'FGSM, ε = 0.0078'
    """
    return attack if attack == UNTOUCHED else f"{attack}, ε = {radius:.4f}"


def table(group: str, contestants: Sequence[str] | None = None) -> str:
    """What the networks of a group get right under each attack, in per cent, as Markdown.

    Args:
        group: a name of `GROUPS`.
        contestants: the columns, in their order; by default all of the group.

    Raises:
        ValueError: there is no such group, or a contestant is not of it.

    >>> table("attacked", ["l2", "convolution"]).splitlines()[0]
    '| attack | radius | l2 | convolution |'
    """
    chosen = _group(group)
    asked = contestants or chosen.contestants
    there = [name for name in asked if accuracies(f"{group}/{name}")]
    tried = [(UNTOUCHED, 0.0)]
    tried += [(attack, radius) for radius in chosen.radii for attack in (*ATTACKS, FOREIGN)]
    rows = [
        [attack, f"{radius:.3f}"]
        + [_per_cent(accuracies(f"{group}/{name}", attack, radius)) for name in there]
        for attack, radius in tried
    ]
    return records.markdown(["attack", "radius", *there], rows)


def missing() -> list[str]:
    """The networks of all groups that have not been attacked.

    >>> "attacked/convolution-seed0" in missing()
    False
    """
    found = recorded()
    return [run for group in GROUPS for run, _ in _runs(group) if run not in found]


def accuracies(run: str, attack: str = UNTOUCHED, radius: float = 0.0) -> list[float]:
    """What each network of a contestant gets right under an attack, or none if one is missing.

    Args:
        run: group and contestant, as in "attacked/l2".
        attack: `UNTOUCHED`, a name of `ATTACKS`, or `FOREIGN`.
        radius: one of the group.

    Raises:
        ValueError: there is no such group, contestant, attack or radius.

    >>> len(accuracies("attacked/l2", "FGSM", 2 / 255))
    3
    """
    group, _, contestant = run.partition("/")
    known = _group(group).contestants
    if contestant not in known:
        raise ValueError(f"contestant must be one of {', '.join(known)}, got {contestant!r}")
    found = recorded()
    runs = [f"{run}-seed{seed}" for seed in plan.SEEDS]
    if not all(run in found for run in runs):
        return []
    tried = key(attack, radius)
    if tried not in found[runs[0]]:
        raise ValueError(
            f"attack {attack!r} with radius {radius:g} was not tried; "
            f"there are {'; '.join(found[runs[0]])}"
        )
    return [found[run][tried] for run in runs]


def _group(name: str) -> Group:
    if name not in GROUPS:
        raise ValueError(f"group must be one of {', '.join(GROUPS)}, got {name!r}")
    return GROUPS[name]


def _runs(name: str) -> list[tuple[str, str]]:
    """Each run of a group, and that of the first contestant with the same seed."""
    group = GROUPS[name]
    return [
        (f"{name}/{contestant}-seed{seed}", f"{name}/{group.contestants[0]}-seed{seed}")
        for contestant in group.contestants
        for seed in plan.SEEDS
    ]


def _per_cent(values: Sequence[float]) -> str:
    """A thousand pictures or fewer: the second decimal would be noise."""
    return f"{100 * statistics.mean(values):.1f} ± {100 * statistics.stdev(values):.1f}"


def attack_missing(target: Path) -> int:
    """Attack the networks that have no entry in the file `target`, and return how many those were.

    Each is written as soon as it is done. One whose training is not recorded yet is left out.

    Raises:
        kerv.data.DataError: a dataset is missing or damaged.
    """
    found: dict[str, Any] = json.loads(target.read_text("utf-8")) if target.exists() else {}
    count = 0
    trained = set(records.names())
    for study, group in GROUPS.items():
        lacking = [
            (run, first)
            for run, first in _runs(study)
            if run not in found and {run, first} <= trained
        ]
        if not lacking:
            continue
        dataset = data.load(plan.STUDIES[study].common["data"])
        x = dataset.test_x[: group.pictures].float() / 255
        y = dataset.test_y[: group.pictures]
        for run, first in lacking:
            found[run] = _under_attack(run, first, group.radii, dataset, x, y)
            with records.whole_file(target) as file:
                file.write((json.dumps(found, indent=1, sort_keys=True) + "\n").encode())
            print(f"{run} on {len(x)} pictures of {dataset.name}", flush=True)
            count += 1
    return count


def _under_attack(
    run: str, other: str, radii: Sequence[float], dataset: data.Dataset, x: Tensor, y: Tensor
) -> dict[str, float]:
    """Also under what was made for the `other` run."""
    network, first = _logits(run, dataset), _logits(other, dataset)

    def right(pictures: Tensor) -> float:
        with torch.no_grad():
            return (network(pictures).argmax(1) == y).float().mean().item()

    found = {UNTOUCHED: right(x)}
    for radius in radii:
        for attack, settings in ATTACKS.items():
            random = torch.Generator().manual_seed(0) if "restarts" in settings else None
            changed = attacks.pgd(network, x, y, epsilon=radius, generator=random, **settings)
            found[key(attack, radius)] = right(changed)
        changed = attacks.pgd(first, x, y, epsilon=radius, steps=20)
        found[key(FOREIGN, radius)] = right(changed)
    return found


def _logits(run: str, dataset: data.Dataset) -> Callable[[Tensor], Tensor]:
    """The recorded network behind its scaling: from pictures in 0…1 to logits."""
    model = train.recorded_network(run).requires_grad_(False)
    scale = scaling.scaler(records.load(run).config["normalize"], dataset)
    return lambda pictures: model(scale(pictures))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="kerv.robustness", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--run", action="store_true", help="attack what is not recorded yet")
    options = parser.parse_args(argv)
    if lacking := missing():
        print(f"missing: {', '.join(lacking)}")
    if options.run:
        try:
            count = attack_missing(Path(__file__).with_name("robustness.json"))
        except data.DataError as error:
            print(f"kerv.robustness: {error}", file=sys.stderr)
            return 1
        print(f"{count} networks attacked")
    for group in GROUPS:
        print(f"{group}:\n{table(group)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
