"""The recorded comparisons of the book: what is compared, and how it is made a fair comparison.

    python -m kerv.studies               # what there is and what is missing
    python -m kerv.studies --run         # run what is missing, one run at a time (make records)
    python -m kerv.studies --run light   # of one study

The protocol was written before the first of these runs:

1. All contestants of a study have the same network, data, epochs, batches and schedule. What
   differs is written in the study, and nothing else.
2. Each contestant gets the same search over learning rates: short runs with seed 0, and the rate
   with the highest accuracy on held-out training pictures wins.
3. With its rate, each contestant runs with seeds 0, 1 and 2. All of them are published.
4. A tenth of the training pictures is held out for choices. The test accuracy is that after the
   last epoch; nothing is chosen by it. The paper's MNIST scripts report the best test epoch, so
   the MNIST study shows that beside it.
5. A run that diverges stays in the table.

A run that was stopped goes on from its last epoch, and one that is recorded is not run again.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from . import checkpoint, data, distributed, light, records, train
from .config import TrainConfig
from .evaluation import evaluate
from .plan import SEEDS as SEEDS
from .plan import STUDIES as STUDIES
from .plan import Study as Study
from .records import Record


def get_study(name: str) -> Study:
    """A study by its name.

    Raises:
        ValueError: there is none; the message lists those there are.

    >>> get_study("fast").rates
    (0.75, 1.5, 3.0)
    """
    if name not in STUDIES:
        raise ValueError(f"unknown study {name!r}; they are {', '.join(STUDIES)}")
    return STUDIES[name]


def searched_rates(study: Study) -> Sequence[float]:
    """The rates that a contestant tries: none where there is nothing to choose from.

    >>> len(searched_rates(STUDIES["mnist"])), searched_rates(STUDIES["fast-full"])
    (10, ())
    """
    return study.rates if len(study.rates) > 1 else ()


def planned(name: str) -> Iterator[tuple[str, TrainConfig]]:
    """The runs of a study, as (name of the record, config).

    The final runs of a contestant come when the records of its whole search are there, because the
    search decides their learning rate.

    >>> name, config = next(planned("light"))
    >>> name, config.lr, config.epochs
    ('light/convolution-lr0.03', 0.03, 2)
    """
    study = get_study(name)
    there = set(records.names())
    for contestant in study.contestants:
        shared = study.settings(contestant)
        search = {
            rate: (
                f"{name}/{contestant}-lr{rate:g}",
                TrainConfig(
                    **{**shared, "epochs": study.search_epochs, "score_test": False}, lr=rate
                ),
            )
            for rate in searched_rates(study)
        }
        yield from search.values()
        if all(run in there for run, _ in search.values()):
            best = max(
                search,
                key=lambda rate: records.load(search[rate][0]).validation_accuracy or 0,
                default=study.rates[0],
            )
            for seed in SEEDS:
                yield (
                    f"{name}/{contestant}-seed{seed}",
                    TrainConfig(**shared, lr=best, seed=seed),
                )


def missing(name: str) -> list[str]:
    """The runs of a study that are not recorded, also final ones whose rate is not known yet.

    >>> missing("mnist-paper-rate")
    []
    """
    study, there = get_study(name), set(records.names())
    ends = [f"lr{rate:g}" for rate in searched_rates(study)] + [f"seed{seed}" for seed in SEEDS]
    runs = (f"{name}/{contestant}-{end}" for contestant in study.contestants for end in ends)
    return [run for run in runs if run not in there]


def finals(name: str, contestant: str) -> list[Record]:
    """The recorded final runs of one contestant, one for each seed that is there.

    >>> finals("light", "no such contestant")
    []
    """
    there = set(records.names())
    runs = (f"{name}/{contestant}-seed{seed}" for seed in SEEDS)
    return [records.load(run) for run in runs if run in there]


def run_missing(names: Sequence[str], folder: Path, target: Path) -> int:
    """Run what is not recorded yet and return how many runs that were.

    Args:
        names: studies.
        folder: for checkpoints; a run that was stopped goes on from there.
        target: where the records go.
    """
    count = 0
    for study in names:
        # Again after each run: the last one of a search decides what comes next.
        while run := _next(study):
            name, config = run
            print(f"{name}:", flush=True)
            conditions = STUDIES[study].conditions if "-seed" in name else ()
            record = _run(config, folder / name, conditions)
            kept = _kept(study, name) if record.failed is None else ()
            weights, filters = (
                _keep(what, folder / name, target / name) if what in kept else None
                for what in ("weights", "filters")
            )
            record = dataclasses.replace(record, weights=weights, filters=filters)
            record.save(target / f"{name}.json")
            count += 1
    return count


def _next(study: str) -> tuple[str, TrainConfig] | None:
    lacking = set(missing(study))
    return next((run for run in planned(study) if run[0] in lacking), None)


def _kept(study: str, run: str) -> tuple[str, ...]:
    """Which tensors of a run are kept: fields of its record."""
    contestant, _, end = run.removeprefix(f"{study}/").rpartition("-")
    if contestant in STUDIES[study].displayed and end == f"seed{SEEDS[0]}":
        return "weights", "filters"
    return ("weights",) if STUDIES[study].attacked and end.startswith("seed") else ()


def _keep(what: str, run: Path, target: Path) -> str:
    """Copy tensors of a run, in half precision, and return the name of the file."""
    copy = target.with_name(
        target.name + ("" if what == "weights" else f"-{what}") + ".safetensors"
    )
    state = records.tensors_of(run / train.RECORD, what)
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    checkpoint.save_tensors(half, copy)
    return copy.name


def _run(config: TrainConfig, out: Path, conditions: Sequence[str]) -> Record:
    last = out / train.LAST
    config = dataclasses.replace(config, out=str(out), resume=str(last) if last.exists() else None)
    try:
        record = train.train(config)
    except train.NotFinite as error:
        print(error)
        return Record(
            config=config.run(),
            test_accuracy=0.0,
            validation_accuracy=0.0,
            epochs=[],
            seconds=0.0,
            parameters=0,
            versions=records.versions(),
            hardware=records.hardware(torch.device(distributed.device_type(config.device))),
            failed=str(error).split(":")[0],
            best_test_accuracy=0.0 if config.score_test else None,
            conditions=dict.fromkeys(conditions, 0.0) if conditions else None,
        )
    if conditions:
        found = _accuracies(config, out, conditions)
        record = dataclasses.replace(record, conditions=found)
    return record


def _accuracies(config: TrainConfig, out: Path, conditions: Sequence[str]) -> dict[str, float]:
    """The test accuracy of the trained network under each condition."""
    device = torch.device(distributed.device_type(config.device))
    dataset = data.load(config.data, config.root, device)
    model = train.recorded_network(out / train.RECORD).to(device)
    return {
        condition: evaluate(
            model,
            light.change(dataset.test_x, condition),
            dataset.test_y,
            dataset,
            normalize=config.normalize,
            precision=config.precision,
            views=config.views,
        )
        for condition in conditions
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="kerv.studies", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("studies", nargs="*", help=f"of {', '.join(STUDIES)} (default: all)")
    parser.add_argument("--run", action="store_true", help="run what is missing")
    parser.add_argument("--folder", default="runs", help="for checkpoints (default: %(default)s)")
    options = parser.parse_args(argv)
    names = options.studies or list(STUDIES)
    try:
        chosen = [get_study(name) for name in names]
    except ValueError as error:
        print(f"kerv.studies: {error}", file=sys.stderr)
        return 1
    for name, study in zip(names, chosen, strict=True):
        wanted = len(study.contestants) * (len(searched_rates(study)) + len(SEEDS))
        lacking = missing(name)
        print(f"{name}: {wanted - len(lacking)} of {wanted} runs recorded. {study.question}")
        if lacking:
            print(f"  missing: {', '.join(lacking)}")
    if options.run:
        try:
            run_missing(names, Path(options.folder), Path(records.__file__).parent)
        except (checkpoint.CheckpointError, data.DataError, OSError, ValueError) as error:
            print(f"kerv.studies: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("kerv.studies: stopped; --run goes on from the last finished epoch")
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
