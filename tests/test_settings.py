"""Every setting of a training run reaches it: a run with another value ends with other weights."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from test_data import write_fake_cifar10
from torch import Tensor, nn

from kerv import models
from kerv.train import TrainConfig, train

pytestmark = pytest.mark.slow

BASE = {
    **{"data": "cifar10", "model": "resnet8", "kernel": "gaussian:learnable=true", "epochs": 1},
    **{"limit": 60, "batch_size": 20, "device": "cpu"},
}
CHANGES = {
    **{"kernel": "cosine", "where": "last", "seed": 1, "epochs": 2, "batch_size": 30, "lr": 0.05},
    **{"limit": 40, "validation": 0.5, "normalize": "picture", "light": "shadow", "augment": False},
    **{"shift": 1, "border": "reflect", "flip": "alternating", "schedule": "steps"},
    **{"momentum": 0.5, "nesterov": False, "weight_decay": 0.1, "bias_lr": 8.0, "hyper_lr": 8.0},
    **{"clip": 0.01, "label_smoothing": 0.2, "init": "data", "stem_padding": "reflect"},
    **{"stem_norm": "instance", "bias_decay": 0.1, "lookahead": 2},
}
# What says where and how a run runs, what is scored, and what has a test of its own.
ELSEWHERE = {
    *("data", "model", "root", "out", "resume", "device", "compile", "precision", "views"),
    *("score_test", "init_scale", "activation"),
}

Weights = dict[str, Tensor]
Run = Callable[..., Weights]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("settings")

    def weights(name: str, **changes: Any) -> Weights:
        out = folder / name
        config = TrainConfig(**{**BASE, **changes}, root=str(folder), out=str(out))
        train(config, log=lambda line: None)
        return load_file(out / "model.safetensors")

    with pytest.MonkeyPatch.context() as patch:
        write_fake_cifar10(folder, patch)
        yield weights


@pytest.fixture(scope="module")
def base(run: Run) -> Weights:
    return run("base")


def same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_every_setting_is_looked_at() -> None:
    fields = {option.name for option in dataclasses.fields(TrainConfig)}
    assert fields == CHANGES.keys() | ELSEWHERE


def test_without_a_change_nothing_changes(run: Run, base: Weights) -> None:
    assert same(base, run("again"))


@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_reaches_the_run(name: str, run: Run, base: Weights) -> None:
    assert not same(base, run(name, **{name: CHANGES[name]}))


@pytest.mark.parametrize(("activation", "behind"), [("relu", "CCLL"), ("head", "LL"), ("none", "")])
def test_what_lenet_has_a_relu_behind(activation: str, behind: str) -> None:
    layers = list(models.build("lenet5", activation=activation))
    found = [
        type(layer).__name__[0]
        for layer, after in itertools.pairwise(layers)
        if isinstance(after, nn.ReLU)
    ]
    assert "".join(found) == behind


def test_the_best_epoch_is_kept_beside_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.5, 0.2, 0.2])
    monkeypatch.setattr("kerv.train.evaluate_shared", lambda *_: next(scores))
    settings = {"data": "textures", "model": "lenet5", "epochs": 2, "limit": 20, "device": "cpu"}
    config = TrainConfig(**settings, validation=0.0, score_test=True, out=str(tmp_path / "run"))
    record = train(config, log=lambda line: None)
    assert (record.best_test_accuracy, record.test_accuracy) == (0.5, 0.2)
