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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from . import checkpoint, data, light, records, train
from .config import RECIPES, TrainConfig
from .evaluation import evaluate
from .records import Record

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Study:
    """A comparison of contestants that share all but a few settings.

    `common` and the values of `contestants` are fields of `TrainConfig`. `rates` are the learning
    rates that each contestant may choose from, by runs of `search_epochs`. `under_light` says
    whether the networks are also tested under `kerv.light.CONDITIONS`. Of the contestants that are
    `displayed`, the network of the first seed is kept too, and its first filters through the
    epochs, in half precision. A study that `extends` another goes on with its search: its final
    runs have the best of the rates that it adds.
    """

    question: str
    common: Mapping[str, Any]
    contestants: Mapping[str, Mapping[str, Any]]
    rates: Sequence[float]
    search_epochs: int
    under_light: bool = field(default=False)
    displayed: Sequence[str] = field(default=())
    extends: str | None = field(default=None)


_LIGHT = {
    "data": "cifar10",
    "model": "resnet8",
    "epochs": 6,
    "normalize": "scalar",
    "stem_padding": "reflect",
}
_MNIST = {
    "data": "mnist",
    "model": "lenet5",
    "epochs": 20,
    "batch_size": 50,
    "schedule": "steps",
    "nesterov": False,
    "weight_decay": 0.0,
    "normalize": "none",
    "augment": False,
    "score_test": True,
}
# The last two joined when three contestants had chosen 0.05, the largest until then.
_MNIST_RATES = (0.0004, 0.0008, 0.0016, 0.003, 0.00625, 0.0125, 0.025, 0.05, 0.1, 0.2)
_CUBIC = {"kernel": "polynomial:degree=3,learnable=true"}
_CORRELATION = {"kernel": "correlation:eps=1e-4"}
_INSTANCE_NORM = {"stem_norm": "instance"}

# Kernels for the first layer. What can be learned of them is.
_FIRST: dict[str, dict[str, Any]] = {
    "convolution": {},
    "polynomial-2": {"kernel": "polynomial:degree=2,learnable=true"},
    "polynomial-3": _CUBIC,
    "gaussian": {"kernel": "gaussian:learnable=true"},
    "sigmoid": {"kernel": "sigmoid:learnable=true"},
    "cosine": {"kernel": "cosine"},
    "correlation": _CORRELATION,
    "l2": {"kernel": "l2"},
}

# Contestants of the studies of light, in the order in which they joined.
_UNDER_LIGHT: dict[str, dict[str, Any]] = {
    "convolution": {},
    "correlation": _CORRELATION,
    "convolution-per-picture": {"normalize": "picture"},
    "convolution-shadow-augmented": {"light": "shadow"},
    "convolution-local-contrast": {"normalize": "local"},
    "convolution-instance-norm": _INSTANCE_NORM,
    "convolution-gain-augmented": {"light": "gain"},
    "correlation-per-channel": {**_CORRELATION, "normalize": "channel"},
    # Added when the runs of the convolution under shadows were there: do the two add up?
    "correlation-shadow-augmented": {**_CORRELATION, "light": "shadow"},
    # Added when those were there too: its fair rival, which has no kernel.
    "convolution-per-picture-shadow-augmented": {"normalize": "picture", "light": "shadow"},
    # Added when instance norm was ahead of standardisation in the mean: fairer still.
    "convolution-instance-norm-shadow-augmented": {**_INSTANCE_NORM, "light": "shadow"},
    # Added later: the paper's own kernel, and half of the correlation. On pixels without a
    # mean taken away, a cosine forgives every gain and no offset.
    "polynomial-3": _CUBIC,
    "cosine-unscaled": {"kernel": "cosine", "normalize": "none"},
    # Added last, for the paper's guess that L2 resists small perturbations.
    "l2": _FIRST["l2"],
}

STUDIES = {
    "light": Study(
        question="What survives a change of light?",
        common=_LIGHT,
        contestants=_UNDER_LIGHT,
        rates=(0.03, 0.1, 0.3),
        search_epochs=2,
        under_light=True,
        displayed=("convolution", "correlation"),
    ),
    # Planned when all contestants of "light" had chosen the largest of their rates.
    "light-rates": Study(
        question="What changes under a change of light at larger learning rates?",
        common=_LIGHT,
        contestants={
            name: _UNDER_LIGHT[name]
            for name in (
                *("convolution", "correlation", "convolution-per-picture"),
                "convolution-shadow-augmented",
                # Added when the correlation had gained a point in full light.
                *("convolution-instance-norm", "polynomial-3"),
                # Added after a seed at 0.3, the end of its list, had lost little to noise.
                "l2",
            )
        },
        rates=(1.0, 3.0),
        search_epochs=2,
        under_light=True,
        extends="light",
    ),
    "mnist": Study(
        question="Does a kernel in the first layer of LeNet-5 help on MNIST, as the paper says?",
        common=_MNIST,
        contestants={
            **{name: _FIRST[name] for name in ("convolution", "polynomial-3", "gaussian")},
            **{name: _FIRST[name] for name in ("cosine", "polynomial-2", "sigmoid", "l2")},
            "l1": {"kernel": "l1"},
        },
        rates=_MNIST_RATES,
        search_epochs=4,
        displayed=("convolution", "polynomial-3", "gaussian", "cosine"),
    ),
    "mnist-paper-rate": Study(
        question="What does a cubic kernel do at the learning rate of the paper's script?",
        common=_MNIST,
        contestants={"convolution": {}, "polynomial-3": _CUBIC},
        rates=(0.003,),
        search_epochs=4,
    ),
    "mnist-places": Study(
        question="In which layers of LeNet-5 does a cubic kernel work, and without ReLU?",
        common=_MNIST,
        contestants={
            "last": {**_CUBIC, "where": "last"},
            "both": {**_CUBIC, "where": "all"},
            "convolution-no-relu": {"activation": "none"},
            "first-no-relu": {**_CUBIC, "activation": "none"},
            "both-no-relu": {**_CUBIC, "where": "all", "activation": "none"},
        },
        rates=_MNIST_RATES,
        search_epochs=4,
    ),
    "mnist-fixed": Study(
        question="What do kernels on MNIST lose whose own numbers stay where they start?",
        common=_MNIST,
        contestants={
            "polynomial-3": {"kernel": "polynomial:degree=3"},
            "gaussian": {"kernel": "gaussian"},
        },
        rates=_MNIST_RATES,
        search_epochs=4,
    ),
    "mnist-hyper": Study(
        question="How much do results on MNIST depend on a kernel's own numbers?",
        common=_MNIST,
        contestants={
            "polynomial-3-c0.5": {"kernel": "polynomial:degree=3,c=0.5"},
            "polynomial-3-c2": {"kernel": "polynomial:degree=3,c=2"},
            # A fifth of the default, which is one over the 25 numbers of a patch, and five of it.
            "gaussian-gamma0.008": {"kernel": "gaussian:gamma=0.008"},
            "gaussian-gamma0.2": {"kernel": "gaussian:gamma=0.2"},
        },
        rates=_MNIST_RATES,
        search_epochs=4,
    ),
    "fast": Study(
        question="Does a kernel in the first trained layer help a fast network on CIFAR-10?",
        # Half the recipe's epochs, to be run at all; "auto" would leave precision to the machine.
        common={k: v for k, v in RECIPES["fast"].items() if k != "lr"}
        | {"epochs": 8, "precision": "bf16"},
        contestants=_FIRST,
        rates=(0.75, 1.5, 3.0),
        search_epochs=3,
    ),
    "resnet20": Study(
        question="Does a kernel help a ResNet-20 on CIFAR-10, in the first layer or in all?",
        common={"data": "cifar10", "model": "resnet20", "epochs": 20, "precision": "bf16"},
        contestants={
            **_FIRST,
            "cosine-all": {"kernel": "cosine", "where": "spatial"},
            "sigmoid-all": {"kernel": "sigmoid:learnable=true", "where": "spatial"},
            "gaussian-all": {
                "kernel": "gaussian:normalized=true,learnable=true,per_channel=true",
                "where": "spatial",
            },
        },
        rates=(0.03, 0.1, 0.3),
        search_epochs=2,
    ),
}


def planned(name: str) -> Iterator[tuple[str, TrainConfig]]:
    """The runs of a study, as (name of the record, config).

    The final runs of a contestant come when the records of its whole search are there, because the
    search decides their learning rate.

    >>> name, config = next(planned("light"))
    >>> name, config.lr, config.epochs
    ('light/convolution-lr0.03', 0.03, 2)
    """
    study = STUDIES[name]
    there = set(records.names())
    for contestant, settings in study.contestants.items():
        shared = {**study.common, **settings}
        search = {
            rate: (
                f"{name}/{contestant}-lr{rate:g}",
                TrainConfig(
                    **{**shared, "epochs": study.search_epochs, "score_test": False}, lr=rate
                ),
            )
            for rate in study.rates
        }
        yield from search.values()
        if all(run in there for run, _ in search.values()):
            best = max(
                study.rates, key=lambda rate: records.load(search[rate][0]).validation_accuracy or 0
            )
            for seed in SEEDS:
                yield (
                    f"{name}/{contestant}-seed{seed}",
                    TrainConfig(**shared, lr=best, seed=seed),
                )


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
        while run := next((r for r in planned(study) if r[0] not in set(records.names())), None):
            name, config = run
            print(f"{name}:", flush=True)
            tested = STUDIES[study].under_light and "-seed" in name
            record = _run(config, folder / name, under_light=tested)
            record = dataclasses.replace(record, weights=None, filters=None)
            shown = [f"{study}/{contestant}-seed0" for contestant in STUDIES[study].displayed]
            if name in shown and record.failed is None:
                record = _keep(record, folder / name, target / name)
            record.save(target / f"{name}.json")
            count += 1
    return count


def _keep(record: Record, run: Path, target: Path) -> Record:
    """Copy a run's tensors in half precision, for the pages that show them."""
    from safetensors.torch import load_file

    names = {"model": f"{target.name}.safetensors", "filters": f"{target.name}-filters.safetensors"}
    for source, copy in names.items():
        state = load_file(run / f"{source}.safetensors")
        half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        checkpoint.save_tensors(half, target.with_name(copy))
    return dataclasses.replace(record, weights=names["model"], filters=names["filters"])


def _run(config: TrainConfig, out: Path, *, under_light: bool) -> Record:
    last = out / "last.pt"
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
            hardware=records.hardware(torch.device("cpu")),
            failed=str(error).split(":")[0],
        )
    if under_light:
        record = dataclasses.replace(record, conditions=_accuracies(config, out))
    return record


def _accuracies(config: TrainConfig, out: Path) -> dict[str, float]:
    """The test accuracy of the trained network under each condition."""
    from safetensors.torch import load_file

    dataset = data.load(config.data, config.root)
    model = train.network(config)
    model.load_state_dict(load_file(out / "model.safetensors"))
    return {
        condition: evaluate(
            model,
            light.change(dataset.test_x, condition),
            dataset.test_y,
            dataset,
            normalize=config.normalize,
        )
        for condition in light.CONDITIONS
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="kerv.studies", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("studies", nargs="*", help=f"of {', '.join(STUDIES)} (default: all)")
    parser.add_argument("--run", action="store_true", help="run what is missing")
    parser.add_argument("--folder", default="runs", help="for checkpoints (default: %(default)s)")
    options = parser.parse_args(argv)
    unknown = [name for name in options.studies if name not in STUDIES]
    if unknown:
        print(
            f"kerv.studies: unknown study {unknown[0]!r}; they are {', '.join(STUDIES)}",
            file=sys.stderr,
        )
        return 1
    names = options.studies or list(STUDIES)
    for name in names:
        study = STUDIES[name]
        there = set(records.names())
        missing = [run for run, _ in planned(name) if run not in there]
        wanted = len(study.contestants) * (len(study.rates) + len(SEEDS))
        have = sum(run.startswith(f"{name}/") for run in there)
        print(f"{name}: {have} of {wanted} runs recorded. {study.question}")
        if missing:
            print(f"  next: {', '.join(missing[:4])}{' …' if len(missing) > 4 else ''}")
    if options.run:
        try:
            run_missing(names, Path(options.folder), Path(records.__file__).parent)
        except (data.DataError, OSError, ValueError) as error:
            print(f"kerv.studies: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("kerv.studies: stopped; --run goes on from the last finished epoch")
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
