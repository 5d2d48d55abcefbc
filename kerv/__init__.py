"""kerv: kernel convolution (kervolution) for PyTorch.

A convolution compares each patch of a picture with a filter by a dot product. A kernel convolution
compares them by a kernel: a polynomial, a Gaussian of their distance, and others.

>>> import torch
>>> layer = KernelConv2d(3, 64, (3, 3), kernel=GaussianKernel(gamma=0.5))
>>> layer(torch.randn(1, 3, 8, 8)).shape
torch.Size([1, 64, 6, 6])
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from . import functional as functional
from .base import FunctionKernel as FunctionKernel
from .base import Kernel as Kernel
from .base import ProductKernel as ProductKernel
from .base import SumKernel as SumKernel
from .convert import convert_model as convert_model
from .convert import revert_model as revert_model
from .hyper import Hyper as Hyper
from .kernels import ArcCosineKernel as ArcCosineKernel
from .kernels import CorrelationKernel as CorrelationKernel
from .kernels import CosineKernel as CosineKernel
from .kernels import GaussianKernel as GaussianKernel
from .kernels import LaplacianKernel as LaplacianKernel
from .kernels import LinearKernel as LinearKernel
from .kernels import LpNormKernel as LpNormKernel
from .kernels import PolynomialKernel as PolynomialKernel
from .kernels import RationalQuadraticKernel as RationalQuadraticKernel
from .kernels import RBFKernel as RBFKernel
from .kernels import SigmoidKernel as SigmoidKernel
from .layers import KernelConv1d as KernelConv1d
from .layers import KernelConv2d as KernelConv2d
from .layers import KernelConv3d as KernelConv3d
from .pair import ConvPair as ConvPair
from .pair import Pair as Pair
from .pair import VectorPair as VectorPair
from .registry import get_kernel as get_kernel
from .registry import kernel_names as kernel_names

__version__ = "0.1.0"

# Those not yet loaded come when first used: they may need torchvision or matplotlib, which
# `import kerv` must not.
_SUBMODULES = frozenset(module.name for module in pkgutil.iter_modules(__path__))


def __getattr__(name: str) -> ModuleType:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'kerv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES})
