"""Small changes of a picture, chosen to mislead a network: FGSM and PGD within an L∞ ball.

Goodfellow et al., "Explaining and harnessing adversarial examples", https://arxiv.org/abs/1412.6572;
Madry et al., "Towards deep learning models resistant to adversarial attacks",
https://arxiv.org/abs/1706.06083. That a network resists a gradient may only mean that its gradient
is useless: Athalye et al., "Obfuscated gradients give a false sense of security",
https://arxiv.org/abs/1802.00420. So more steps, random starts and examples made for another network
belong to every claim.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def pgd(
    network: Callable[[Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    steps: int = 10,
    restarts: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Projected gradient ascent on the loss, at most `epsilon` away in every pixel.

    x ← clip(x + a · sign(∇ loss)) to the ball and to 0…1, with a = 2.5 epsilon / steps and at most
    epsilon. Of the restarts, each picture keeps the one with the highest loss.

    Args:
        network: from pictures in 0…1 to logits, in evaluation mode; its scaling belongs to it.
        x: pictures (N, C, H, W) in 0…1.
        y: their labels (N,).
        epsilon: the radius, in units of the range 0…1; 8/255 is usual for CIFAR-10.
        steps: of gradient ascent.
        restarts: 1 starts at the picture itself if `generator` is None, and from a random point of
            the ball otherwise; more need a generator.
        generator: on the device of `x`.

    Returns:
        The changed pictures.

    Raises:
        ValueError: a number or a pixel is out of range, restarts without a generator, or the
            network answers NaN.

    >>> x, y = torch.full((1, 1, 1, 2), 0.5), torch.tensor([0])
    >>> pgd(lambda x: x.flatten(1), x, y, epsilon=0.25)
    tensor([[[[0.2500, 0.7500]]]])
    """
    for name, value, good in [
        ("epsilon", epsilon, epsilon >= 0),
        ("steps", steps, steps >= 1),
        ("restarts", restarts, restarts >= 1),
    ]:
        if not good:
            raise ValueError(f"{name} must be at least {int(name != 'epsilon')}, got {value!r}")
    if ((x < 0) | (x > 1)).any():
        raise ValueError(f"the pictures must lie in 0…1, these reach from {x.min()} to {x.max()}")
    if restarts > 1 and generator is None:
        raise ValueError(f"restarts={restarts} would all start at the picture: give a generator")
    size = min(epsilon, 2.5 * epsilon / steps)
    low, high = (x - epsilon).clamp_min(0), (x + epsilon).clamp_max(1)
    best, worst_loss = x, torch.full(y.shape, -torch.inf, device=x.device)
    for _ in range(restarts):
        changed = x.clone()
        if generator is not None:
            drawn = torch.rand(x.shape, generator=generator, device=x.device)
            changed = torch.clamp(x + epsilon * (2 * drawn - 1), low, high)
        for _ in range(steps):
            changed.requires_grad_(True)
            loss = F.cross_entropy(network(changed), y, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, changed)
            changed = torch.clamp(changed.detach() + size * gradient.sign(), low, high)
        with torch.no_grad():
            loss = F.cross_entropy(network(changed), y, reduction="none")
        if loss.isnan().any():  # no loss is greater, so the attack would seem to have failed
            raise ValueError(f"the network answers NaN to {int(loss.isnan().sum())} pictures")
        worse = loss > worst_loss
        best = torch.where(worse[:, None, None, None], changed, best)
        worst_loss = torch.where(worse, loss, worst_loss)
    return best


def fgsm(network: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, *, epsilon: float) -> Tensor:
    """One step of size epsilon along the sign of the loss's gradient: `pgd` with one step.

    >>> x, y = torch.full((1, 1, 1, 2), 0.5), torch.tensor([0])
    >>> fgsm(lambda x: x.flatten(1), x, y, epsilon=0.25)
    tensor([[[[0.2500, 0.7500]]]])
    """
    return pgd(network, x, y, epsilon=epsilon, steps=1)
