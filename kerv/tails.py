"""Elementwise tails of kernels that keep one output-sized tensor for backward, and no more.

Plain autograd on the textbook formula exp(−gamma · (‖x‖² + ‖w‖² − 2⟨x, w⟩)) keeps a mask for the
clamp, the distances for gamma and the result: three tensors as large as the layer's output. The
result alone is enough, because the distance can be read back from it. The backward passes are made
of differentiable operations on what was saved, so a second derivative works too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Gaussian(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(dot: Tensor, x_sq: Tensor, w_sq: Tensor, gamma: Tensor) -> Tensor:
        dist_sq = torch.sub(x_sq, dot, alpha=2).add_(w_sq).clamp_min_(0)
        if gamma.dtype != dist_sq.dtype:
            gamma = gamma.to(dist_sq.dtype)
        return dist_sq.mul_(-gamma).exp_()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _, x_sq, w_sq, gamma = inputs
        ctx.shapes = x_sq.shape, w_sq.shape
        ctx.save_for_backward(output, gamma)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, gamma = ctx.saved_tensors
        x_shape, w_shape = ctx.shapes
        needs_dot, needs_x, needs_w, needs_gamma = ctx.needs_input_grad
        grad_y = grad * y
        # The clamp has no part in this: where it acts the distance is 0 up to rounding, and
        # letting the gradient through is what makes it −2 gamma (x − w) there as elsewhere.
        per_dist = grad_y * -gamma
        grad_gamma = None
        if needs_gamma:
            # −dist_sq = log(y) / gamma. A y that has underflowed to 0 contributes 0.
            log_y = y.clamp_min(torch.finfo(y.dtype).tiny).log()
            grad_gamma = (grad_y * log_y / gamma).sum_to_size(gamma.shape)
        return (
            per_dist * -2 if needs_dot else None,
            per_dist.sum_to_size(x_shape) if needs_x else None,
            per_dist.sum_to_size(w_shape) if needs_w else None,
            grad_gamma,
        )


class _ScaledTanh(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(dot: Tensor, gamma: Tensor, c: Tensor) -> Tensor:
        return (dot * gamma).add_(c).tanh_()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _, gamma, c = inputs
        ctx.save_for_backward(output, gamma, c)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, gamma, c = ctx.saved_tensors
        needs_dot, needs_gamma, needs_c = ctx.needs_input_grad
        inner = grad * (1 - y * y)
        grad_gamma = None
        if needs_gamma:
            # dot = (artanh(y) − c) / gamma. At y = ±1 the slope 1 − y² is 0 and so is the product,
            # but artanh is infinite: step back from the edge by one rounding error.
            edge = 1 - torch.finfo(y.dtype).eps
            dot = (y.clamp(-edge, edge).atanh() - c) / gamma
            grad_gamma = (inner * dot).sum_to_size(gamma.shape)
        return (
            inner * gamma if needs_dot else None,
            grad_gamma,
            inner.sum_to_size(c.shape) if needs_c else None,
        )


def gaussian(dot: Tensor, x_sq: Tensor, w_sq: Tensor, gamma: Tensor) -> Tensor:
    """exp(−gamma · max(0, x_sq + w_sq − 2 dot)), elementwise with broadcasting."""
    return _Gaussian.apply(dot, x_sq, w_sq, gamma)


def scaled_tanh(dot: Tensor, gamma: Tensor, c: Tensor) -> Tensor:
    """tanh(gamma · dot + c), elementwise with broadcasting."""
    return _ScaledTanh.apply(dot, gamma, c)
