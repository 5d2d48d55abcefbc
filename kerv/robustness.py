"""Attacks on recorded networks, with the checks that belong to them, and what came out.

    python -m kerv.robustness          # the tables
    python -m kerv.robustness --run    # attack what is not recorded yet (part of make records)

One network of each contestant is attacked, that of seed 0, whose weights come with the package. So
the tables are a look at networks and no comparison of kernels.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import attacks, data, records, scaling, train

# Settings of `kerv.attacks.pgd`, from the weakest on; with two restarts both starts are random.
ATTACKS: dict[str, dict[str, int]] = {
    "FGSM": {"steps": 1},
    "PGD, 5 steps": {"steps": 5},
    "PGD, 20 steps": {"steps": 20},
    "PGD, 20 steps, 2 random starts": {"steps": 20, "restarts": 2},
}
# Changed to mislead the first network of the group, then shown to the others.
FOREIGN = "PGD, 20 steps, made for the convolution"
UNTOUCHED = "untouched"


@dataclass(frozen=True)
class Group:
    """Recorded networks of one study, the radii of the attacks, and how many test pictures."""

    contestants: Sequence[str]
    radii: Sequence[float]
    pictures: int


GROUPS = {
    "mnist": Group(("convolution", "polynomial-3", "gaussian", "cosine"), (0.05, 0.1, 0.2), 1000),
    "light": Group(("convolution", "correlation"), (1 / 255, 2 / 255, 4 / 255), 500),
}


def recorded() -> dict[str, dict[str, float]]:
    """The accuracies by "study/contestant" and "attack, ε"; empty if nothing was recorded.

    >>> sorted(recorded())[:1]
    ['light/convolution']
    """
    file = resources.files(__package__).joinpath("robustness.json")
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def key(attack: str, radius: float) -> str:
    """The name of an accuracy in `recorded`.

    >>> key("FGSM", 2 / 255)
    'FGSM, ε = 0.0078'
    """
    return attack if attack == UNTOUCHED else f"{attack}, ε = {radius:.4f}"


def table(group: str) -> str:
    """What the networks of a group get right under each attack, in per cent, as Markdown.

    Raises:
        ValueError: there is no such group.

    >>> table("light").startswith("| attack | radius |")
    True
    """
    if group not in GROUPS:
        raise ValueError(f"group must be one of {', '.join(GROUPS)}, got {group!r}")
    found, chosen = recorded(), GROUPS[group]
    there = [name for name in chosen.contestants if f"{group}/{name}" in found]
    plan = [(UNTOUCHED, 0.0)]
    plan += [(attack, radius) for radius in chosen.radii for attack in (*ATTACKS, FOREIGN)]
    rows = [
        [attack, f"{radius:.3f}"]
        + [f"{100 * found[f'{group}/{name}'][key(attack, radius)]:.1f}" for name in there]
        for attack, radius in plan
    ]
    return records.markdown(["attack", "radius", *there], rows)


def attack_missing(target: Path) -> int:
    """Attack the networks that have no entry in the file `target`, and return how many those were.

    Each is written as soon as it is done.

    Raises:
        kerv.data.DataError: a dataset is missing or damaged.
    """
    found: dict[str, Any] = json.loads(target.read_text("utf-8")) if target.exists() else {}
    count = 0
    for study, group in GROUPS.items():
        missing = [name for name in group.contestants if f"{study}/{name}" not in found]
        if not missing:
            continue
        dataset = data.load(records.load(f"{study}/{missing[0]}-seed0").config["data"])
        x = dataset.test_x[: group.pictures].float() / 255
        y = dataset.test_y[: group.pictures]
        for name in missing:
            found[f"{study}/{name}"] = _under_attack(study, name, dataset, x, y)
            with records.whole_file(target) as file:
                file.write((json.dumps(found, indent=1, sort_keys=True) + "\n").encode())
            print(f"{study}/{name} on {len(x)} pictures of {dataset.name}", flush=True)
            count += 1
    return count


def _under_attack(
    study: str, name: str, dataset: data.Dataset, x: Tensor, y: Tensor
) -> dict[str, float]:
    group = GROUPS[study]
    network = _logits(study, name, dataset)
    first = _logits(study, group.contestants[0], dataset)

    def right(pictures: Tensor) -> float:
        with torch.no_grad():
            return (network(pictures).argmax(1) == y).float().mean().item()

    accuracies = {UNTOUCHED: right(x)}
    for radius in group.radii:
        for attack, settings in ATTACKS.items():
            random = torch.Generator().manual_seed(0) if "restarts" in settings else None
            changed = attacks.pgd(network, x, y, epsilon=radius, generator=random, **settings)
            accuracies[key(attack, radius)] = right(changed)
        changed = attacks.pgd(first, x, y, epsilon=radius, steps=20)
        accuracies[key(FOREIGN, radius)] = right(changed)
    return accuracies


def _logits(study: str, name: str, dataset: data.Dataset) -> Callable[[Tensor], Tensor]:
    """The recorded network behind its scaling: from pictures in 0…1 to logits."""
    run = f"{study}/{name}-seed0"
    model = train.recorded_network(run).requires_grad_(False)
    scale = scaling.scaler(records.load(run).config["normalize"], dataset)
    return lambda pictures: model(scale(pictures))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="kerv.robustness", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--run", action="store_true", help="attack what is not recorded yet")
    options = parser.parse_args(argv)
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
