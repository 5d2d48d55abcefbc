"""Attacks stay in their ball, find the best where it is known, and more with more steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kerv import models
from kerv.attacks import fgsm, pgd


def linear(device: torch.device) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).to(device)
    x = 0.3 + 0.4 * torch.rand(6, 3, 2, 2, device=device)
    return network, x, torch.tensor([0, 1, 0, 1, 0, 1], device=device)


@pytest.mark.parametrize("steps", [1, 7])
def test_the_best_attack_on_a_linear_network_is_known(steps: int, device: torch.device) -> None:
    network, x, y = linear(device)
    weight = network[1].weight
    away = (weight[1] - weight[0]).sign().view(3, 2, 2)
    right = x + 0.1 * torch.where(y == 0, 1, -1).view(-1, 1, 1, 1) * away
    torch.testing.assert_close(pgd(network, x, y, epsilon=0.1, steps=steps), right)
    torch.testing.assert_close(fgsm(network, x, y, epsilon=0.1), right)


def test_stays_in_the_ball_and_in_the_range(device: torch.device) -> None:
    network = models.build("resnet8").to(device).eval()
    generator = torch.Generator(device).manual_seed(0)
    x = torch.rand(4, 3, 16, 16, device=device).round()  # many pixels at 0 and 1
    y = torch.tensor([0, 1, 2, 3], device=device)
    for restarts in (1, 2):
        changed = pgd(network, x, y, epsilon=0.03, steps=3, restarts=restarts, generator=generator)
        assert (changed - x).abs().max() <= 0.03 + 1e-6
        assert changed.min() >= 0
        assert changed.max() <= 1
        assert not changed.requires_grad
    assert all(parameter.grad is None for parameter in network.parameters())
    assert torch.equal(pgd(network, x, y, epsilon=0), x)


def test_more_steps_find_more(device: torch.device) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 64), nn.Tanh(), nn.Linear(64, 10))
    network.to(device)
    x = torch.rand(32, 3, 4, 4, device=device)
    y = torch.arange(32, device=device) % 10

    def loss(changed: Tensor) -> float:
        return nn.functional.cross_entropy(network(changed), y).item()

    one = loss(fgsm(network, x, y, epsilon=0.2))
    ten = loss(pgd(network, x, y, epsilon=0.2, steps=10))
    many = loss(
        pgd(
            network,
            x,
            y,
            epsilon=0.2,
            steps=10,
            restarts=3,
            generator=torch.Generator(device).manual_seed(0),
        )
    )
    assert loss(x) < one < ten
    assert many > one


def test_each_picture_keeps_its_worst_restart(device: torch.device) -> None:
    """With one step from random points, restarts can only raise each picture's loss."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 4)).to(device)
    x, y = torch.rand(16, 3, 2, 2, device=device), torch.arange(16, device=device) % 4

    def losses(restarts: int) -> Tensor:
        generator = torch.Generator(device).manual_seed(1)
        changed = pgd(network, x, y, epsilon=0.4, steps=1, restarts=restarts, generator=generator)
        return nn.functional.cross_entropy(network(changed), y, reduction="none")

    few, many = losses(1), losses(5)
    assert (many >= few).all()
    assert (many > few).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epsilon": -0.1}, "epsilon must be at least 0, got -0.1"),
        ({"epsilon": 0.1, "steps": 0}, "steps must be at least 1, got 0"),
        ({"epsilon": 0.1, "restarts": 0}, "restarts must be at least 1, got 0"),
        ({"epsilon": 0.1, "restarts": 2}, "restarts=2 would all start at the picture"),
    ],
)
def test_errors(arguments: dict, message: str) -> None:
    x = torch.zeros(1, 1, 1, 2)
    with pytest.raises(ValueError, match=message):
        pgd(lambda x: x.flatten(1), x, torch.tensor([0]), **arguments)


@pytest.mark.parametrize("x", [torch.tensor([[[[-1.5, 0.5]]]]), torch.tensor([[[[0.5, 255.0]]]])])
def test_pictures_on_another_scale_are_refused(x: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"must lie in 0…1, these reach from (-1.5|0.5) to"):
        pgd(lambda x: x.flatten(1), x, torch.tensor([0]), epsilon=0.1)


def test_an_answer_of_nan_is_no_resistance() -> None:
    x = torch.full((2, 1, 1, 2), 0.5)
    with pytest.raises(ValueError, match="answers NaN to 2 pictures"):
        pgd(lambda x: x.flatten(1) * torch.nan, x, torch.tensor([0, 1]), epsilon=0.1)


def test_random_starts_fill_the_ball(device: torch.device) -> None:
    x, y = torch.full((1, 1, 32, 32), 0.5, device=device), torch.tensor([0], device=device)
    generator = torch.Generator(device).manual_seed(0)
    # Without a gradient a picture stays where it started.
    moved = pgd(lambda x: 0 * x.flatten(1), x, y, epsilon=0.1, generator=generator) - x
    assert -0.1 - 1e-6 <= moved.min() < -0.09
    assert 0.09 < moved.max() <= 0.1 + 1e-6


def test_one_answer_of_nan_is_enough() -> None:
    x, some = torch.full((2, 1, 1, 2), 0.5), torch.tensor([[1.0], [torch.nan]])
    with pytest.raises(ValueError, match="answers NaN to 1 pictures"):
        pgd(lambda x: x.flatten(1) * some, x, torch.tensor([0, 1]), epsilon=0.1)
