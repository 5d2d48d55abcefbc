"""Elementwise tails of kernels that keep one output-sized tensor for backward, and no more.

Plain autograd on the textbook formula exp(−gamma · (‖x‖² + ‖w‖² − 2⟨x, w⟩)) keeps a mask for the
clamp, the distances for gamma and the result: three tensors as large as the layer's output. One is
enough, because the others can be read back from it. The backward passes are made of differentiable
operations on what was saved, so a second derivative works too. Forward-mode derivatives do not.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Grads = tuple[Tensor | None, ...]


def sum_of_squares(x: Tensor, dim: int) -> Tensor:
    """Σ x² along a dimension."""
    return _SumOfSquares.apply(x, dim)


def gaussian(dot: Tensor, x_sq: Tensor, w_sq: Tensor, gamma: Tensor) -> Tensor:
    """exp(−gamma · d) with d = max(0, x_sq + w_sq − 2 dot), elementwise with broadcasting."""
    return _Gaussian.apply(dot, x_sq, w_sq, gamma)


def spherical_gaussian(dot: Tensor, a: Tensor, b: Tensor, gamma: Tensor) -> Tensor:
    """exp(2 gamma (dot · a · b − 1)), with `a` and `b` at least 0, as in `product`."""
    return _SphericalGaussian.apply(dot, a, b, gamma)


def rational_quadratic(
    dot: Tensor, x_sq: Tensor, w_sq: Tensor, alpha: Tensor, gamma: Tensor
) -> Tensor:
    """(1 + gamma d / alpha)^(−alpha) with d as in `gaussian`."""
    return _RationalQuadratic.apply(dot, x_sq, w_sq, alpha, gamma)


def minus_distance(dot: Tensor, x_sq: Tensor, w_sq: Tensor) -> Tensor:
    """−√d with d as in `gaussian`; where d is 0 the gradient is 0."""
    return _MinusDistance.apply(dot, x_sq, w_sq)


def exponential(distance: Tensor, gamma: Tensor) -> Tensor:
    """exp(−gamma · distance)."""
    return _Exponential.apply(distance, gamma)


def scaled_tanh(dot: Tensor, gamma: Tensor, c: Tensor) -> Tensor:
    """tanh(gamma · dot + c)."""
    return _ScaledTanh.apply(dot, gamma, c)


def product(values: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """values · a · b, with `a` and `b` at least 0; where one is 0 it gets no gradient."""
    return _Product.apply(values, a, b)


def arc_cosine(cosine: Tensor) -> Tensor:
    """1 − θ/π with θ = arccos(cosine); the slope is cut off near ±1, where it is infinite."""
    return _ArcCosine.apply(cosine)


def arc_cosine_1(dot: Tensor, x_sq: Tensor, w_sq: Tensor) -> Tensor:
    """‖x‖ ‖w‖ (sin θ + (π−θ) cos θ)/π, with θ the angle between x and w; 0 where a norm is 0."""
    return _ArcCosine1.apply(dot, x_sq, w_sq)


def _distances(dot: Tensor, x_sq: Tensor, w_sq: Tensor) -> Tensor:
    # Rounding can push a squared distance below zero.
    return torch.sub(x_sq, dot, alpha=2).add_(w_sq).clamp_min_(0)


def _distance_grads(grad_dot: Tensor, needs: tuple[bool, ...], shapes: Any) -> Grads:
    """What reaches dot, x_sq and w_sq, given the first, −2 times the gradient of each distance.

    The clamp has no part in this: where it acts the distance is 0 up to rounding, and letting the
    gradient through is what makes it proportional to x − w there as elsewhere.
    """
    x_shape, w_shape = shapes
    return (
        grad_dot if needs[0] else None,
        grad_dot.sum_to_size(x_shape) * -0.5 if needs[1] else None,
        grad_dot.sum_to_size(w_shape) * -0.5 if needs[2] else None,
    )


def _scaled(values: Tensor, factor: Tensor, *, in_place: bool) -> Tensor:
    # In place where no second derivative needs the values: a new tensor as large as the output
    # costs twice as much as the multiplication.
    return values.mul_(factor) if in_place else values * factor


def _log1p(u: Tensor) -> Tensor:
    # Torch's own log1p takes eight times as long as its log. For a large alpha, u is so small that
    # v = 1 + u rounds; the last term gives back what v lost (or has too much).
    v = u + 1
    lost = (1 - v).add_(u).div_(v)
    return v.log_().add_(lost)


def _gamma_grad(grad_y: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
    # y = exp(−gamma d), so −d = log(y) / gamma. A y that has underflowed to 0 contributes 0.
    log_y = y.clamp_min(torch.finfo(y.dtype).tiny).log()
    return (grad_y * log_y / gamma).sum_to_size(gamma.shape)


def _over(numerator: Tensor, denominator: Tensor) -> Tensor:
    """numerator / denominator, and 0 where the denominator is 0, with finite derivatives."""
    there = denominator != 0
    return numerator / torch.where(there, denominator, 1) * there


class _SumOfSquares(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, dim: int) -> Tensor:
        return x.square().sum(dim)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.dim = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        # One new tensor as large as x, where plain autograd makes three.
        (x,) = ctx.saved_tensors
        return x * (2 * grad).unsqueeze(ctx.dim), None


class _Gaussian(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(dot: Tensor, x_sq: Tensor, w_sq: Tensor, gamma: Tensor) -> Tensor:
        d = _distances(dot, x_sq, w_sq)
        return d.mul_(-gamma.to(d.dtype)).exp_()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _, x_sq, w_sq, gamma = inputs
        ctx.shapes = x_sq.shape, w_sq.shape
        ctx.save_for_backward(output, gamma)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        y, gamma = ctx.saved_tensors
        needs = ctx.needs_input_grad
        grad_y = grad * y
        gamma_grad = _gamma_grad(grad_y, y, gamma) if needs[3] else None
        grad_dot = _scaled(grad_y, 2 * gamma, in_place=not needs[3])
        return (*_distance_grads(grad_dot, needs, ctx.shapes), gamma_grad)


class _SphericalGaussian(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(dot: Tensor, a: Tensor, b: Tensor, gamma: Tensor) -> Tensor:
        cosine = (dot * a).mul_(b)
        return cosine.sub_(1).mul_(2 * gamma.to(cosine.dtype)).exp_()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _, a, b, gamma = inputs
        ctx.save_for_backward(output, a, b, gamma)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        y, a, b, gamma = ctx.saved_tensors
        grad_y = grad * y
        # y = exp(2 gamma (cosine − 1)) gives the cosine back.
        log_y = y.clamp_min(torch.finfo(y.dtype).tiny).log()
        grad_cosine = grad_y * (2 * gamma)
        grad_scaled = grad_cosine + grad_y * log_y
        return (
            grad_cosine * a * b,
            _over(grad_scaled.sum_to_size(a.shape), a),
            _over(grad_scaled.sum_to_size(b.shape), b),
            (grad_y * log_y / gamma).sum_to_size(gamma.shape) if ctx.needs_input_grad[3] else None,
        )


class _RationalQuadratic(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(dot: Tensor, x_sq: Tensor, w_sq: Tensor, alpha: Tensor, gamma: Tensor) -> Tensor:
        d = torch.sub(x_sq, dot, alpha=2).add_(w_sq)
        alpha, gamma = alpha.to(d.dtype), gamma.to(d.dtype)
        # Rounding can push d below zero. What overflows is far away: infinity would become NaN.
        u = d.mul_(gamma / alpha).clamp_(0, torch.finfo(d.dtype).max)
        return _log1p(u).mul_(-alpha).exp_()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _, x_sq, w_sq, alpha, gamma = inputs
        ctx.shapes = x_sq.shape, w_sq.shape
        ctx.save_for_backward(output, alpha, gamma)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        y, alpha, gamma = ctx.saved_tensors
        needs = ctx.needs_input_grad
        # y = u^(−alpha) with u = 1 + gamma d / alpha
        log_y = y.clamp_min(torch.finfo(y.dtype).tiny).log_()
        grad_over_u = grad * (log_y * (1 + 1 / alpha)).exp_()
        grad_alpha = grad_gamma = None
        if needs[3]:
            # 1 − 1/u − log u
            minus_log_u = log_y / alpha
            slope = minus_log_u - minus_log_u.expm1()
            grad_alpha = (grad * y * slope).sum_to_size(alpha.shape)
        if needs[4]:
            scaled = (log_y / -alpha).expm1()
            grad_gamma = (grad_over_u * scaled * (-alpha / gamma)).sum_to_size(gamma.shape)
        grad_dot = _scaled(grad_over_u, 2 * gamma, in_place=not needs[4])
        grads = _distance_grads(grad_dot, needs, ctx.shapes)
        return (*grads, grad_alpha, grad_gamma)


class _MinusDistance(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(dot: Tensor, x_sq: Tensor, w_sq: Tensor) -> Tensor:
        d = torch.sub(x_sq, dot, alpha=2).add_(w_sq)
        # A difference of sums that are equal but for rounding is 0: its root would be 1e-3. Torch's
        # threshold is one number, so d is measured in units of the noise. That is four times as
        # fast as masked_fill. The 1e-12 keeps a patch of zeros from dividing by 0.
        noise = 8 * torch.finfo(d.dtype).eps * (x_sq + 1e-12)
        d = F.threshold(d.div_(noise), 1, 0, inplace=True)
        return d.sqrt_().mul_(-noise.sqrt())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.shapes = inputs[1].shape, inputs[2].shape
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        (y,) = ctx.saved_tensors
        # By infinity where the distance is 0: the gradient is 0 there, and so is its derivative.
        grad_dot = grad / F.threshold(-y, 0, math.inf, inplace=True)
        return _distance_grads(grad_dot, ctx.needs_input_grad, ctx.shapes)


class _Exponential(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(distance: Tensor, gamma: Tensor) -> Tensor:
        return (distance * -gamma).exp_()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(output, inputs[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        y, gamma = ctx.saved_tensors
        grad_y = grad * y
        return (
            grad_y * -gamma if ctx.needs_input_grad[0] else None,
            _gamma_grad(grad_y, y, gamma) if ctx.needs_input_grad[1] else None,
        )


class _ScaledTanh(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(dot: Tensor, gamma: Tensor, c: Tensor) -> Tensor:
        return _tanh_of(dot, gamma, c)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        dot, gamma, c = inputs
        # For gamma the result would have to give ⟨x, w⟩ back, and in half precision it cannot.
        ctx.save_for_backward(dot if ctx.needs_input_grad[1] else output, gamma, c)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        kept, gamma, c = ctx.saved_tensors
        needs_dot, needs_gamma, needs_c = ctx.needs_input_grad
        y = _tanh_of(kept, gamma, c) if needs_gamma else kept
        inner = torch.addcmul(grad, grad * y, y, value=-1)
        return (
            inner * gamma if needs_dot else None,
            (inner * kept).sum_to_size(gamma.shape) if needs_gamma else None,
            inner.sum_to_size(c.shape) if needs_c else None,
        )


def _tanh_of(dot: Tensor, gamma: Tensor, c: Tensor) -> Tensor:
    # On CUDA addcmul takes no scalars of the CPU, which a kernel outside a layer has.
    return torch.addcmul(c.to(dot.device), dot, gamma.to(dot.device)).tanh_()


class _Product(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(values: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return (values * a).mul_(b)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _, a, b = inputs
        ctx.save_for_backward(output, a, b)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        y, a, b = ctx.saved_tensors
        grad_y = grad * y
        return (
            (grad * a).mul_(b),
            _over(grad_y.sum_to_size(a.shape), a),
            _over(grad_y.sum_to_size(b.shape), b),
        )


class _ArcCosine(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(cosine: Tensor) -> Tensor:
        return cosine.clamp(-1, 1).acos_().mul_(-1 / math.pi).add_(1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (cosine,) = ctx.saved_tensors
        # Below √eps the sine of θ is rounding alone.
        least = torch.finfo(cosine.dtype).eps
        return grad * (1 - cosine.square()).clamp_min(least).rsqrt() * (1 / math.pi)


class _ArcCosine1(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(dot: Tensor, x_sq: Tensor, w_sq: Tensor) -> Tensor:
        x_inverse, w_inverse = inverse_root(x_sq), inverse_root(w_sq)
        angle = (dot * x_inverse).mul_(w_inverse).clamp_(-1, 1).acos_()
        sine = angle.sin().mul_(x_sq * x_inverse / math.pi).mul_(w_sq * w_inverse)
        return sine.addcmul_(angle.mul_(-1 / math.pi).add_(1), dot)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        dot, x_sq, w_sq = ctx.saved_tensors
        x_inverse, w_inverse = inverse_root(x_sq), inverse_root(w_sq)
        # The edge keeps the second derivative finite where x and w are parallel.
        edge = 1 - torch.finfo(dot.dtype).eps
        angle = (dot * x_inverse).mul_(w_inverse).clamp_(-edge, edge).acos_()
        # By ⟨x, w⟩ the derivative is (π−θ)/π, by ‖x‖² it is ‖w‖ sin θ / (2π ‖x‖).
        grad_sine = grad * angle.sin()
        x_grad = (grad_sine * (w_sq * w_inverse)).sum_to_size(x_sq.shape)
        w_grad = (grad_sine * (x_sq * x_inverse)).sum_to_size(w_sq.shape)
        return (
            torch.addcmul(grad, grad, angle, value=-1 / math.pi),
            x_grad * x_inverse / (2 * math.pi),
            w_grad * w_inverse / (2 * math.pi),
        )


def squared_deviations(squares: Tensor, total: Tensor, n: int) -> Tensor:
    """Σ (x − mean)² of n numbers from Σ x² and Σ x, and no less than its rounding error."""
    noise = 4 * torch.finfo(squares.dtype).eps * squares.detach()
    return torch.maximum(squares - total.square() / n, noise)


def inverse_root(squares: Tensor) -> Tensor:
    """1/√squares, and 0 without a gradient where they are 0."""
    positive = squares > 0
    # Not a product with `positive`: of that torch 2.6 compiles a wrong gradient. And not rsqrt,
    # whose gradient has a third power that overflows at norms of 1e-13.
    return torch.where(positive, 1 / torch.where(positive, squares, 1).sqrt(), 0)
