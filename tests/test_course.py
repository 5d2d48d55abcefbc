"""The course of a run: what is trained on, in which order, at which rates, and how it counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

import kerv
from kerv import data, light, loader, optim, scaling
from kerv import train as training
from kerv.evaluation import evaluate
from kerv.fastnet import FastNet
from kerv.records import Record
from kerv.train import TrainConfig, network, train

# 54 pictures to train on: three steps an epoch, the last one short.
SMALL = {"data": "textures", "model": "lenet5", "limit": 60, "batch_size": 20, "device": "cpu"}
STEPS = 3


def run(out: Path, **changes: Any) -> Record:
    return train(TrainConfig(**{**SMALL, **changes}, out=str(out)), log=lambda line: None)


def numbered(count: int) -> data.Dataset:
    """Pictures that each show their own number, which is their label too."""
    y = torch.arange(count)
    x = y.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 32, 32)
    return data.Dataset("textures", x, y, x, y, data.load("textures").classes, *torch.ones(2, 1))


@pytest.mark.parametrize("limit", [0, 20])
def test_no_picture_is_both_trained_on_and_held_out(limit: int) -> None:
    config = TrainConfig(data="textures", model="lenet5", validation=0.2, limit=limit)
    train_x, train_y, held_x, held_y = loader.split(numbered(50), config)
    assert (len(train_x), len(held_x)) == ((16, 4) if limit else (40, 10))
    shown = [*train_x[:, 0, 0, 0].tolist(), *held_x[:, 0, 0, 0].tolist()]
    assert len(set(shown)) == (limit or 50)
    assert shown == [*train_y.tolist(), *held_y.tolist()], "each with its own label"


def test_accuracies_are_those_of_the_held_out_and_of_the_test_pictures(tmp_path: Path) -> None:
    record = run(tmp_path, epochs=4, lr=0.05, limit=600, validation=0.3, augment=False)
    config = TrainConfig(**record.config)
    dataset, model = data.load("textures"), network(config)
    model.load_state_dict(load_file(tmp_path / "model.safetensors"))
    train_x, train_y, held_x, held_y = loader.split(dataset, config)
    trained, held = (
        evaluate(model, x, y, dataset) for x, y in ((train_x, train_y), (held_x, held_y))
    )
    assert trained != held, "else this test could not tell them apart"
    assert record.validation_accuracy == record.epochs[-1]["validation_accuracy"] == held
    assert record.test_accuracy == evaluate(model, dataset.test_x, dataset.test_y, dataset)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_loss_and_accuracy_of_an_epoch_are_those_of_its_batches(
    smoothing: float, tmp_path: Path
) -> None:
    settings = {"limit": 20, "validation": 0.0, "augment": False, "epochs": 1}
    record = run(tmp_path, **settings, label_smoothing=smoothing, seed=3)
    config = TrainConfig(**record.config)
    dataset = data.load("textures")
    x, y, _, _ = loader.split(dataset, config)
    torch.manual_seed(3)
    logits = network(config)(scaling.scaler("channel", dataset)(x.float() / 255))
    loss = F.cross_entropy(logits, y, label_smoothing=smoothing).item()
    assert record.epochs[0]["train_loss"] == pytest.approx(loss, rel=1e-5)
    right = (logits.argmax(1) == y).double().mean().item()
    assert record.epochs[0]["train_accuracy"] == pytest.approx(right)


@pytest.mark.parametrize("schedule", ["cosine", "steps", "triangular"])
def test_the_rate_follows_its_schedule_over_all_epochs(
    schedule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[float] = []
    step = torch.optim.SGD.step

    def watched(self: torch.optim.SGD, *rest: Any) -> None:
        used.append(self.param_groups[0]["lr"])
        step(self, *rest)

    monkeypatch.setattr(torch.optim.SGD, "step", watched)
    run(tmp_path, epochs=3, lr=0.02, schedule=schedule)
    total = 3 * STEPS
    assert used == pytest.approx([0.02 * optim.rate(i, total, schedule) for i in range(total)])


@pytest.mark.parametrize("nesterov", [True, False])
def test_the_optimizer_has_the_settings(nesterov: bool) -> None:
    config = TrainConfig(**SMALL, momentum=0.7, nesterov=nesterov, weight_decay=0.03)
    optimizer = optim.sgd(network(config), config)
    assert optimizer.defaults["momentum"] == 0.7
    assert optimizer.defaults["nesterov"] is nesterov
    assert optimizer.param_groups[0]["weight_decay"] == 0.03
    without = optim.sgd(network(config), dataclasses.replace(config, momentum=0.0))
    assert not without.defaults["nesterov"], "there is none without momentum, and torch refuses it"


def test_every_step_has_pictures_and_changes_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lit: list[Tensor] = []
    states: list[Tensor] = []
    flips: list[bool] = []
    vary, augment = light.vary, data.augment

    def watched_vary(x: Tensor, kind: str, generator: torch.Generator) -> Tensor:
        lit.append(x)
        return vary(x, kind, generator)

    def watched_augment(x: Tensor, *, generator: torch.Generator, **settings: Any) -> Tensor:
        states.append(generator.get_state())
        flips.append(settings["flip"])
        return augment(x, generator=generator, **settings)

    monkeypatch.setattr(light, "vary", watched_vary)
    monkeypatch.setattr(data, "augment", watched_augment)
    run(tmp_path, epochs=2, light="shadow")
    assert len(lit) == len(states) == 2 * STEPS
    first, second = torch.cat(lit[:STEPS]), torch.cat(lit[STEPS:])
    assert not torch.equal(first, second), "another order"
    assert torch.equal(*(x.flatten(1).sum(1).sort().values for x in (first, second)))
    assert len({tuple(state.tolist()) for state in states}) == 2 * STEPS
    assert not any(flips), "a mirrored texture is of another class"


def test_cifar_10_is_mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    textures, flips, augment = data.load("textures"), [], data.augment
    pictures = {n: getattr(textures, n).expand(-1, 3, -1, -1) for n in ("train_x", "test_x")}
    cifar = dataclasses.replace(textures, name="cifar10", **pictures)
    monkeypatch.setattr(data, "load", lambda *where: cifar)
    monkeypatch.setattr(
        data, "augment", lambda x, **s: (flips.append(s["flip"]), augment(x, **s))[1]
    )
    settings = {"data": "cifar10", "model": "resnet8", "normalize": "scalar", "epochs": 1}
    for out, flip in (("a", "random"), ("b", "alternating")):
        run(tmp_path / out, **settings, flip=flip)
    assert flips == [True] * STEPS + [False] * STEPS, "alternating flips come before the steps"


@pytest.mark.parametrize(("precision", "type"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_precision_is_that_of_training_and_of_scoring(
    precision: str, type: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[bool, torch.dtype]] = set()
    make = training.network

    def watched(config: TrainConfig) -> nn.Module:
        model = make(config)
        [*_, last] = (m for m in model.modules() if isinstance(m, nn.Linear))
        last.register_forward_hook(lambda m, _, y: seen.add((m.training, y.dtype)))
        return model

    monkeypatch.setattr(training, "network", watched)
    run(tmp_path, epochs=1, precision=precision)
    assert seen == {(True, type), (False, type)}


def test_compile_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(torch, "compile", lambda net: (compiled.append(net), net)[1])
    run(tmp_path / "eager", epochs=1)
    assert compiled == []
    run(tmp_path / "compiled", epochs=1, compile=True)
    assert len(compiled) == 1


@pytest.mark.parametrize(
    ("where", "converted"),
    [
        ("first", ["stem.0"]),
        ("last", ["stages.2.0.residual.3"]),
        ("spatial", None),
        ("all", None),
    ],
)
def test_the_network_has_the_kernel_where_it_should(where: str, converted: list[str]) -> None:
    model = network(TrainConfig(data="textures", model="resnet8", kernel="cosine", where=where))
    layers = [n for n, m in model.named_modules() if isinstance(m, kerv.KernelConv2d)]
    plain = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    assert layers == (converted if converted is not None else plain)


def test_lookahead_ends_every_epoch_and_knows_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    monkeypatch.setattr(optim.Lookahead, "update", lambda self, t: told.append(t))
    run(tmp_path, epochs=2, lookahead=2)
    # Three steps an epoch: after the second, and after the last.
    assert told == pytest.approx([2 / 6, 3 / 6, 5 / 6, 1])


def test_light_falls_on_pictures_and_a_shift_moves_in_their_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lit: list[Tensor] = []
    shifted: list[Tensor] = []
    augment = data.augment
    monkeypatch.setattr(light, "vary", lambda x, *_: (lit.append(x), x)[1])
    monkeypatch.setattr(data, "augment", lambda x, **s: (shifted.append(x), augment(x, **s))[1])
    run(tmp_path, epochs=1, light="noise")
    scale = scaling.scaler("channel", data.load("textures"))
    for before, after in zip(lit, shifted, strict=True):
        assert 0 <= before.min() < before.max() <= 1
        assert torch.equal(after, scale(before))


def test_the_seed_decides_what_is_held_out() -> None:
    a, b, c = (
        loader.split(numbered(50), TrainConfig(**{**SMALL, "limit": 0}, seed=seed))[3].tolist()
        for seed in (0, 0, 1)
    )
    assert a == b
    assert set(a) != set(c)


def test_a_step_goes_down_the_mean_loss_of_its_pictures(tmp_path: Path) -> None:
    # Fewer than a batch: a sum over a whole batch's length would take a smaller step.
    settings = {"limit": 10, "validation": 0.0, "augment": False, "epochs": 1, "momentum": 0.0}
    config = TrainConfig(**run(tmp_path, **settings, lr=0.02, weight_decay=0.3).config)
    dataset = data.load("textures")
    x, y, _, _ = loader.split(dataset, config)
    torch.manual_seed(0)
    model = network(config)
    F.cross_entropy(model(scaling.scaler("channel", dataset)(x.float() / 255)), y).backward()
    trained = load_file(tmp_path / "model.safetensors")
    for name, before in model.named_parameters():
        assert before.grad is not None
        step = before.grad + (0.3 * before if before.ndim > 1 else 0)
        torch.testing.assert_close(trained[name], before - 0.02 * step)


def test_what_a_network_is_set_up_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whitened: list[Tensor] = []
    given: dict[str, Any] = {}
    monkeypatch.setattr(FastNet, "whiten", lambda self, x: whitened.append(x))
    monkeypatch.setattr(training, "init_from_data", lambda model, batch, **s: given.update(s))
    monkeypatch.setattr(training, "evaluate_shared", lambda *_: 0.5)
    record = run(tmp_path, model="fastnet", epochs=1, init="data", init_scale=2.0, seed=3)
    config, dataset = TrainConfig(**record.config), data.load("textures")
    x, _, _, _ = loader.split(dataset, config)
    [seen] = whitened
    assert torch.equal(seen, scaling.scaler("channel", dataset)(x.float() / 255))
    assert given == {"scale": 2.0, "seed": 3}
    assert record.parameters == sum(p.numel() for p in network(config).parameters())


def test_spatial_leaves_filters_of_one_pixel() -> None:
    model = network(TrainConfig(model="resnet18", kernel="cosine", where="spatial"))
    sizes = {(type(m), m.kernel_size) for m in model.modules() if isinstance(m, nn.Conv2d)}
    assert sizes == {(kerv.KernelConv2d, (3, 3)), (nn.Conv2d, (1, 1))}


def test_alternating_flips_are_told_the_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    textures, told = data.load("textures"), []
    pictures = {n: getattr(textures, n).expand(-1, 3, -1, -1) for n in ("train_x", "test_x")}
    cifar = dataclasses.replace(textures, name="cifar10", **pictures)
    monkeypatch.setattr(data, "load", lambda *where: cifar)
    monkeypatch.setattr(training, "evaluate_shared", lambda *_: 0.5)
    monkeypatch.setattr(
        data, "alternate_flip", lambda x, epoch, coins: (told.append((epoch, coins)), x)[1]
    )
    settings = {"data": "cifar10", "model": "resnet8", "normalize": "scalar", "epochs": 2}
    run(tmp_path, **settings, flip="alternating")
    (one, first), (two, second) = told
    assert (one, two) == (1, 2)
    assert torch.equal(first, second)
    assert 0 < first.sum() < len(first) == 54
