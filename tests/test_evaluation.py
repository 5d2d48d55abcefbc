"""The accuracy of a network: over views of a picture, and which pictures a training scores so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from kerv import data, scaling
from kerv.distributed import World
from kerv.evaluation import evaluate, evaluate_shared
from kerv.train import TrainConfig, train


def test_evaluation_over_views() -> None:
    """A network that looks at one corner sees the others through mirrored and shifted views."""
    dataset = data.load("textures")
    x = torch.full((1, 1, 32, 32), 127, dtype=torch.uint8)
    x[..., 0, -1] = 255

    class Corner(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([x[:, 0, 0, 0], torch.full((len(x),), 0.1)], 1)

    right = torch.tensor([0])
    assert evaluate(Corner(), x, right, dataset) == 0
    assert evaluate(Corner(), x, right, dataset, views=2) == 1
    scale = scaling.scaler("channel", dataset)
    for views, expected in ((1, 0), (2, 1)):
        assert evaluate_shared(Corner(), x, right, scale, "fp32", views, World()) == expected
    with pytest.raises(ValueError, match="views must be one of 1, 2, 6, got 3"):
        evaluate(Corner(), x, right, dataset, views=3)
    with pytest.raises(ValueError, match="precision must be fp32 or bf16, got 'fp16'"):
        evaluate(Corner(), x, right, dataset, precision="fp16")
    for y in (right[:, None], torch.tensor([0, 0])):
        with pytest.raises(ValueError, match=r"one label: x has the shape \(1, 1, 32, 32\), y "):
            evaluate(Corner(), x, y, dataset)
    with pytest.raises(ValueError, match=r"x has the shape \(0, "):
        evaluate(Corner(), x[:0], right[:0], dataset)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        evaluate(Corner(), x, right, dataset, batch_size=0)


def test_evaluation_leaves_every_module_in_its_mode() -> None:
    frozen = torch.nn.BatchNorm2d(1).eval()
    model = torch.nn.Sequential(frozen, torch.nn.Flatten(), torch.nn.Linear(32 * 32, 10))
    dataset = data.load("textures")
    evaluate(model, dataset.test_x[:4], dataset.test_y[:4], dataset)
    assert [module.training for module in model.modules()] == [True, False, True, True]
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        evaluate(model, dataset.test_x[:4, :, :8], dataset.test_y[:4], dataset)
    assert [module.training for module in model.modules()] == [True, False, True, True]


def test_only_test_pictures_are_scored_by_several_views(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[tuple[int, int]] = []

    def spy(model: object, x: torch.Tensor, *rest: object) -> float:
        scored.append((len(x), rest[3]))
        return 0.5

    monkeypatch.setattr("kerv.train.evaluate_shared", spy)
    textures = data.load("textures")
    pictures = {
        name: getattr(textures, name).expand(-1, 3, -1, -1) for name in ("train_x", "test_x")
    }
    cifar = dataclasses.replace(textures, name="cifar10", **pictures)
    monkeypatch.setattr("kerv.data.load", lambda *where: cifar)
    settings = {"data": "cifar10", "model": "resnet8", "epochs": 2, "limit": 40, "views": 2}
    settings["normalize"] = "scalar"
    train(TrainConfig(**settings, out=str(tmp_path / "run")), log=lambda line: None)
    assert scored == [(4, 1), (4, 1), (2000, 2)]
