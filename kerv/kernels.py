"""The kernels of the book: how alike are a patch x and a filter w?

Those of the dot product are convolutions followed by a pointwise function; those of the distance
and of the angle also see the norm of the patch. Each class gives its formula, its source and the
word that scikit-learn has for it.
"""

from __future__ import annotations

from typing import SupportsIndex

from torch import Tensor

from . import tails
from .base import Kernel
from .hyper import Hyper, checked
from .pair import Pair


class LinearKernel(Kernel):
    """⟨x, w⟩: plain convolution.

    A layer with this kernel makes torch's own convolution call, so its results are those of
    `nn.Conv2d` to the last bit. scikit-learn: `linear_kernel`.

    >>> import torch
    >>> LinearKernel().gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([[11.]])
    """

    def forward(self, p: Pair) -> Tensor:
        return p.dot


class PolynomialKernel(Kernel):
    """(⟨x, w⟩ + c)^degree, with c any real number and degree 1, 2, 3, …

    It weighs all products of up to `degree` pixels of a patch; the nearer c to 0, the more the
    highest order counts. It is a positive definite kernel for c ≥ 0. Being a function of ⟨x, w⟩
    alone, it is a convolution followed by a pointwise power. scikit-learn: `polynomial_kernel`
    with gamma=1, where c is `coef0`. Source: Wang et al., Kervolutional Neural Networks, CVPR
    2019, equation for the polynomial kernel (c_p and d_p there).

    Args:
        degree: the power, an int of at least 1.
        c: the constant inside the power.
        learnable: whether an optimiser may change c.
        per_channel: one c per filter instead of one for the layer.

    Raises:
        TypeError: `degree` is not an int, or `c` is not a number.
        ValueError: `degree` is less than 1, or `c` is not finite.

    >>> import torch
    >>> PolynomialKernel(degree=2, c=1).gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([[144.]])
    """

    def __init__(
        self,
        degree: int = 3,
        c: float = 1.0,
        *,
        learnable: bool = False,
        per_channel: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(degree, SupportsIndex) or isinstance(degree, bool) or degree % 1:
            raise TypeError(f"degree must be an int, got {degree!r}")
        if degree < 1:
            raise ValueError(f"degree must be at least 1, got {degree}")
        self.degree = int(degree)
        c = checked("c", c, positive=False)
        self.c = Hyper("c", c, learnable=learnable, per_channel=per_channel)

    def forward(self, p: Pair) -> Tensor:
        return (p.dot + self.c(p)) ** self.degree

    def extra_repr(self) -> str:
        return f"degree={self.degree}, {super().extra_repr()}"


class GaussianKernel(Kernel):
    """exp(−gamma ‖x−w‖²), between 0 (far away) and 1 (the patch equals the filter).

    As exp(−gamma ‖x‖²) · exp(2 gamma ⟨x, w⟩) · exp(−gamma ‖w‖²) it is a convolution, an
    exponential, and one gain per place that all filters share. `normalized` takes that gain away:
    patch and filter are scaled to norm 1 first, which gives exp(−2 gamma (1 − cos θ)), and
    exp(−2 gamma) where a norm is 0.

    Distances, and this kernel, are computed in at least float32 even under autocast; see `Pair` for
    what is still lost. Also named `RBFKernel`; scikit-learn: `rbf_kernel`. Source: Wang et al.,
    Kervolutional Neural Networks, CVPR 2019 (gamma_g there); as a unit, Broomhead & Lowe 1988.

    Args:
        gamma: how fast likeness falls with distance, greater than 0. None means 1/n, n the length
            of a patch, and 1 if `normalized`. A gamma of 1 on 64 channels of 3×3 returns exactly 0
            nearly everywhere.
        learnable: whether an optimiser may change gamma.
        per_channel: one gamma per filter instead of one for the layer.
        normalized: whether patch and filter are scaled to norm 1 first.

    Raises:
        TypeError: `gamma` is not a number.
        ValueError: `gamma` is not finite or not greater than 0.

    >>> import torch
    >>> GaussianKernel(gamma=0.5).gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]]))
    tensor([[0.1353]])
    """

    def __init__(
        self,
        gamma: float | None = None,
        *,
        learnable: bool = False,
        per_channel: bool = False,
        normalized: bool = False,
    ) -> None:
        super().__init__()
        self.normalized = normalized
        if normalized and gamma is None:
            gamma = 1.0
        self.gamma = Hyper(
            "gamma", gamma, learnable=learnable, per_channel=per_channel, positive=True
        )

    def forward(self, p: Pair) -> Tensor:
        if self.normalized:
            x_inverse, w_inverse = tails.inverse_root(p.x_sq), tails.inverse_root(p.w_sq)
            return tails.spherical_gaussian(p.wide_dot, x_inverse, w_inverse, self.gamma(p))
        return tails.gaussian(p.wide_dot, p.x_sq, p.w_sq, self.gamma(p))

    def extra_repr(self) -> str:
        return super().extra_repr() + (", normalized=True" if self.normalized else "")


RBFKernel = GaussianKernel


class SigmoidKernel(Kernel):
    """tanh(gamma ⟨x, w⟩ + c), between −1 and 1.

    It is a convolution followed by tanh, and not positive definite. scikit-learn: `sigmoid_kernel`
    with its gamma, where c is `coef0`. Source: the authors' code of 2018 for Wang et al.,
    Kervolutional Neural Networks, CVPR 2019.

    Args:
        gamma: the slope, greater than 0.
        c: the shift, any real number.
        learnable: whether an optimiser may change gamma and c.
        per_channel: one gamma and one c per filter instead of one for the layer.

    Raises:
        TypeError: `gamma` or `c` is not a number.
        ValueError: `gamma` is not greater than 0, or one of the two is not finite.

    >>> import torch
    >>> SigmoidKernel().gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, 0.0]]))
    tensor([[0.4621]])
    """

    def __init__(
        self,
        gamma: float = 1.0,
        c: float = 0.0,
        *,
        learnable: bool = False,
        per_channel: bool = False,
    ) -> None:
        super().__init__()
        gamma = checked("gamma", gamma, positive=True)
        self.gamma = Hyper(
            "gamma", gamma, learnable=learnable, per_channel=per_channel, positive=True
        )
        c = checked("c", c, positive=False)
        self.c = Hyper("c", c, learnable=learnable, per_channel=per_channel)

    def forward(self, p: Pair) -> Tensor:
        return tails.scaled_tanh(p.dot, self.gamma(p), self.c(p))


class LpNormKernel(Kernel):
    """−‖x−w‖_p with p 1 or 2, or −‖x−w‖₂²: 0 where patch equals filter, less elsewhere.

    It is *minus* the distance, so that a layer answers how alike the two are. ‖x−w‖₁ has no
    shortcut and costs many times a convolution; `backward` goes through it, but not
    `torch.func.grad`. p=2 costs little more than a convolution. A ‖x−w‖₂ of at most 0.001 ‖x‖ (in
    float32) is rounding alone: it counts as 0, with gradient 0. TF32 rounds by more (see `Pair`).
    scikit-learn: minus `manhattan_distances`, minus `euclidean_distances`. Source: Wang et al.,
    Kervolutional Neural Networks, CVPR 2019; p=1 in nearly every layer: Chen et al., AdderNet,
    CVPR 2020.

    Args:
        p: 1 or 2.
        squared: minus the squared distance instead, for p=2 alone.

    Raises:
        ValueError: `p` is neither 1 nor 2, or `squared` is asked of p=1.

    >>> import torch
    >>> x, w = torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 6.0]])
    >>> LpNormKernel(1).gram(x, w), LpNormKernel(2).gram(x, w)
    (tensor([[-7.]]), tensor([[-5.]]))
    """

    def __init__(self, p: int = 2, *, squared: bool = False) -> None:
        super().__init__()
        if p not in (1, 2) or isinstance(p, bool):
            raise ValueError(f"p must be 1 or 2, got {p!r}")
        if squared and p != 2:
            raise ValueError(f"squared=True needs p=2, got p={p}")
        self.p = p
        self.squared = squared

    def forward(self, p: Pair) -> Tensor:
        if self.p == 1:
            return -p.l1
        if self.squared:
            return -p.dist_sq
        return tails.minus_distance(p.wide_dot, p.x_sq, p.w_sq)

    def extra_repr(self) -> str:
        return f"p={self.p}" + (", squared=True" if self.squared else "")


class LaplacianKernel(Kernel):
    """exp(−gamma ‖x−w‖₁), between 0 and 1.

    It costs many times a convolution, as all that needs ‖x−w‖₁; `backward` goes through it, but not
    `torch.func.grad`. scikit-learn: `laplacian_kernel`. Source: Chapelle et al., IEEE TNN 10, 1999.

    Args:
        gamma: how fast likeness falls with distance, greater than 0. None means 1/n, n the length
            of a patch.
        learnable: whether an optimiser may change gamma.
        per_channel: one gamma per filter instead of one for the layer.

    Raises:
        TypeError: `gamma` is not a number.
        ValueError: `gamma` is not finite or not greater than 0.

    >>> import torch
    >>> LaplacianKernel(gamma=0.5).gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]]))
    tensor([[0.3679]])
    """

    def __init__(
        self,
        gamma: float | None = None,
        *,
        learnable: bool = False,
        per_channel: bool = False,
    ) -> None:
        super().__init__()
        self.gamma = Hyper(
            "gamma", gamma, learnable=learnable, per_channel=per_channel, positive=True
        )

    def forward(self, p: Pair) -> Tensor:
        return tails.exponential(p.l1, self.gamma(p))


class RationalQuadraticKernel(Kernel):
    """(1 + gamma ‖x−w‖² / alpha)^(−alpha), between 0 and 1.

    A Gaussian with a heavier tail: alpha=1 is the Cauchy kernel of Wang et al.'s code of 2018, a
    large alpha nears exp(−gamma ‖x−w‖²). Source: Rasmussen & Williams 2006, eq. 4.19. scikit-learn:
    `gaussian_process.kernels.RationalQuadratic` with gamma = 1 / (2 length_scale²).

    Args:
        alpha: the weight of the tail, greater than 0.
        gamma: how fast likeness falls with distance, greater than 0. None means 1/n, n the length
            of a patch.
        learnable: whether an optimiser may change alpha and gamma.
        per_channel: one alpha and one gamma per filter instead of one for the layer.

    Raises:
        TypeError: `alpha` or `gamma` is not a number.
        ValueError: one of them is not finite or not greater than 0.

    >>> import torch
    >>> kernel = RationalQuadraticKernel(alpha=1, gamma=0.5)
    >>> kernel.gram(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]]))
    tensor([[0.3333]])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        gamma: float | None = None,
        *,
        learnable: bool = False,
        per_channel: bool = False,
    ) -> None:
        super().__init__()
        alpha = checked("alpha", alpha, positive=True)
        self.alpha = Hyper(
            "alpha", alpha, learnable=learnable, per_channel=per_channel, positive=True
        )
        self.gamma = Hyper(
            "gamma", gamma, learnable=learnable, per_channel=per_channel, positive=True
        )

    def forward(self, p: Pair) -> Tensor:
        alpha, gamma = self.alpha(p), self.gamma(p)
        return tails.rational_quadratic(p.wide_dot, p.x_sq, p.w_sq, alpha, gamma)


class CosineKernel(Kernel):
    """⟨x, w⟩ / (‖x‖ ‖w‖), between −1 and 1; 0 where a norm is 0, with no gradient there.

    It does not see the contrast of a patch: twice the light gives the same answer. scikit-learn:
    `cosine_similarity`. Source: Luo et al., Cosine Normalization, arXiv 1702.05870.

    >>> import torch
    >>> CosineKernel().gram(torch.tensor([[3.0, 4.0]]), torch.tensor([[5.0, 0.0]]))
    tensor([[0.6000]])
    """

    def forward(self, p: Pair) -> Tensor:
        return tails.product(p.dot, tails.inverse_root(p.x_sq), tails.inverse_root(p.w_sq))


class CorrelationKernel(Kernel):
    """Pearson's correlation of the numbers in the patch with those in the filter, in −1…1.

    (⟨x, w⟩ − Σx Σw / n) / √((‖x‖² − (Σx)²/n + eps) (‖w‖² − (Σw)²/n + eps)), n the length of a
    patch. It sees neither the contrast nor the brightness of a patch. Two things keep a network
    behind it from being as blind: padding with zeros, which are brighter or darker than the
    picture (use padding_mode="reflect"), and data normalised channel by channel. scikit-learn has
    no such kernel. Source: Luo et al., Cosine Normalization, arXiv 1702.05870, "centered cosine".

    Args:
        eps: what is added to both sums of squared deviations, greater than 0. A patch that varies
            less than √eps in all answers with less than its correlation, a flat one with nearly 0.

    Raises:
        TypeError: `eps` is not a number.
        ValueError: `eps` is not finite or not greater than 0.

    Note:
        The deviations are differences of sums, so a patch that is bright and nearly flat loses
        digits: in float32 the sum of squared deviations is wrong by up to about 5e-7 ‖x‖². It
        counts as no less than that. With TF32 (see `Pair`) the numerator loses more: in an
        emulation a flat patch answered with up to 0.2.

    >>> import torch
    >>> x, w = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[20.0, 40.0, 30.0]])
    >>> CorrelationKernel().gram(x, w)
    tensor([[0.5000]])
    """

    def __init__(self, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = checked("eps", eps, positive=True)

    def forward(self, p: Pair) -> Tensor:
        x_var = tails.squared_deviations(p.x_sq, p.x_sum, p.n) + self.eps
        w_var = tails.squared_deviations(p.w_sq, p.w_sum, p.n) + self.eps
        return tails.product(p.centred_dot, x_var.rsqrt(), w_var.rsqrt())

    def extra_repr(self) -> str:
        return f"eps={self.eps:g}"


class ArcCosineKernel(Kernel):
    """With θ the angle between x and w: 1 − θ/π, or ‖x‖ ‖w‖ (sin θ + (π−θ) cos θ)/π.

    The first is of order 0, from 0 to 1, the second of order 1, at least 0: twice the mean product
    of what a step or ReLU unit answers to x and to w, over weights from N(0, I). Where a norm is 0,
    order 0 answers ½ and order 1 answers 0. The slope of order 0 is infinite at θ = 0 and θ = π,
    and bounded there. Source: Cho & Saul, Kernel Methods for Deep Learning, NIPS 2009.

    Args:
        order: 0 or 1.

    Raises:
        ValueError: `order` is neither 0 nor 1.

    >>> import torch
    >>> x, w = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    >>> ArcCosineKernel(0).gram(x, w), ArcCosineKernel(1).gram(x, w)
    (tensor([[0.5000]]), tensor([[1.9099]]))
    """

    def __init__(self, order: int = 1) -> None:
        super().__init__()
        if order not in (0, 1) or isinstance(order, bool):
            raise ValueError(f"order must be 0 or 1, got {order!r}")
        self.order = order

    def forward(self, p: Pair) -> Tensor:
        if self.order == 1:
            return tails.arc_cosine_1(p.wide_dot, p.x_sq, p.w_sq)
        x_inverse, w_inverse = tails.inverse_root(p.x_sq), tails.inverse_root(p.w_sq)
        return tails.arc_cosine(tails.product(p.wide_dot, x_inverse, w_inverse))

    def extra_repr(self) -> str:
        return f"order={self.order}"
