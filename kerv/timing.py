"""What an epoch costs each contestant of a study, measured apart from its runs.

    python -m kerv.timing                  # what was recorded
    python -m kerv.timing --run resnet20   # measure; some minutes, in which nothing else may run

The runs shared their machine with other work, so their wall times say little. Here each contestant
trains on a few thousand random pictures. They take turns, so that what slows the machine meets all,
and each keeps the median of its rounds. Scoring the pictures that are held out is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from . import data, records, studies, train
from .config import TrainConfig
from .distributed import World

# The studies whose contestants share everything but a kernel or what goes with it.
TIMED = ("mnist", "light", "fast", "resnet20")
# Pictures of one round. The first of the rounds warms up.
PICTURES, ROUNDS = 2048, 4


def recorded() -> dict[str, Any]:
    """Seconds per picture by study and contestant, as `--run` wrote them, and the machine.

    >>> sorted(recorded())
    ['hardware', 'seconds', 'versions']
    """
    file = resources.files(__package__).joinpath("timing.json")
    return json.loads(file.read_text(encoding="utf-8"))


def epoch(study: str, contestant: str) -> float:
    """The recorded seconds of one epoch of training steps.

    Raises:
        ValueError: the study or the contestant was not timed.

    >>> epoch("resnet20", "cosine-all") > epoch("resnet20", "convolution")
    True
    """
    found = recorded()["seconds"].get(study, {})
    if contestant not in found:
        raise ValueError(
            f"contestant {contestant!r} of study {study!r} was not timed; of it there are "
            f"{', '.join(found) or 'none'}"
        )
    config = _config(study, contestant)
    pictures = data.TRAINING_PICTURES[config.data]
    return found[contestant] * (pictures - round(config.validation * pictures))


def table(study: str, contestants: Sequence[str] | None = None) -> str:
    """Parameters and the time of an epoch of each contestant, as a Markdown table.

    Args:
        study: a study that was timed.
        contestants: the rows, in their order; by default all contestants of the study.

    Raises:
        ValueError: there is no such study, or a contestant of it was not timed.

    >>> table("mnist").splitlines()[0]
    '| contestant | parameters | seconds an epoch | beside the convolution |'
    """
    plain, rows = epoch(study, "convolution"), []
    for name in contestants or studies.get_study(study).contestants:
        seconds = epoch(study, name)
        network = train.network(_config(study, name))
        count = sum(p.numel() for p in network.parameters())
        rows.append((name, f"{count:,}", f"{seconds:.1f}", f"{seconds / plain:.2f}"))
    head = ("contestant", "parameters", "seconds an epoch", "beside the convolution")
    return records.markdown(head, rows)


def measure(
    study: str, *, pictures: int = PICTURES, rounds: int = ROUNDS, log: Any = print
) -> dict[str, float]:
    """Seconds per picture of each contestant: forward, backward and step, and what feeds them.

    Args:
        study: one of `studies.STUDIES`.
        pictures: of one round.
        rounds: how often each contestant takes its turn; the first does not count.
        log: takes a line about each round.

    Raises:
        ValueError: there is no such study, or there are fewer than two rounds.
    """
    if rounds < 2:
        raise ValueError(f"rounds must be at least 2, got {rounds}: the first does not count")
    runs = {
        name: train.Run(_config(study, name), _random_pictures(study, pictures), World())
        for name in studies.get_study(study).contestants
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(1, rounds + 1):
        for name, run in runs.items():
            begun = time.perf_counter()
            run.steps(1, begun)
            taken[name].append(time.perf_counter() - begun)
        log(f"{study}: round {turn} of {rounds}, {sum(t[-1] for t in taken.values()):.0f} s")
    return {name: statistics.median(times[1:]) / pictures for name, times in taken.items()}


def _config(study: str, contestant: str) -> TrainConfig:
    # At a tiny rate random pictures make no run diverge. The rate changes no time.
    return TrainConfig(**studies.get_study(study).settings(contestant), lr=1e-4)


def _random_pictures(study: str, count: int) -> data.Dataset:
    """As many as it takes for `count` of them to be trained on."""
    name = studies.get_study(study).common["data"]
    shape, classes = data.SHAPES[name]
    held = round(count / 9)
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (count + held, *shape), generator=generator, dtype=torch.uint8)
    y = torch.randint(classes, (len(x),), generator=generator)
    mean, std = (torch.tensor(values) for values in data.STATISTICS[name])
    return data.Dataset(name, x, y, x[:1], y[:1], tuple(map(str, range(classes))), mean, std)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="kerv.timing", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--run", nargs="*", metavar="STUDY", help="measure these, or all")
    options = parser.parse_args(argv)
    if options.run is not None:
        machine = {
            "versions": records.versions(),
            "hardware": records.hardware(torch.device("cpu")),
        }
        file = Path(__file__).with_name("timing.json")
        earlier = recorded() if file.exists() else {"seconds": {}}
        same = all(earlier.get(key) == value for key, value in machine.items())
        try:
            if options.run and earlier["seconds"] and not same:
                raise ValueError(
                    f"{file.name} holds times of another machine or other versions, which cannot "
                    f"stand beside new ones: --run alone measures all of {', '.join(TIMED)}"
                )
            seconds = {study: measure(study) for study in options.run or TIMED}
        except ValueError as error:
            print(f"kerv.timing: {error}", file=sys.stderr)
            return 1
        if same:
            seconds = {**earlier["seconds"], **seconds}
        with records.whole_file(file) as out:
            text = json.dumps({**machine, "seconds": seconds}, indent=1)
            out.write((text + "\n").encode())
    for study in recorded()["seconds"]:
        print(f"{study}:\n{table(study)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
