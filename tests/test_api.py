"""The public names, frozen, and that each of them says what it is."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import kerv

# Leaving one out breaks somebody's code; adding one is a decision. Both belong in the change log.
PUBLIC = {
    *("KernelConv1d", "KernelConv2d", "KernelConv3d", "convert_model", "revert_model"),
    *("Kernel", "LinearKernel", "PolynomialKernel", "GaussianKernel", "RBFKernel"),
    *("SigmoidKernel", "LpNormKernel", "LaplacianKernel", "RationalQuadraticKernel"),
    *("CosineKernel", "CorrelationKernel", "ArcCosineKernel"),
    *("FunctionKernel", "SumKernel", "ProductKernel", "get_kernel", "kernel_names"),
    *("Hyper", "Pair", "VectorPair", "ConvPair"),
}
SUBMODULES = {path.stem for path in Path(kerv.__file__).parent.iterdir() if path.suffix == ".py"}
SUBMODULES |= {"check", "plots", "records"}
SUBMODULES -= {"__init__"}
SIGNATURES = {
    "LinearKernel": "()",
    "PolynomialKernel": "(degree=3, c=1.0, *, learnable=False, per_channel=False)",
    "GaussianKernel": "(gamma=None, *, learnable=False, per_channel=False, normalized=False)",
    "SigmoidKernel": "(gamma=1.0, c=0.0, *, learnable=False, per_channel=False)",
    "LpNormKernel": "(p=2, *, squared=False)",
    "LaplacianKernel": "(gamma=None, *, learnable=False, per_channel=False)",
    "RationalQuadraticKernel": "(alpha=1.0, gamma=None, *, learnable=False, per_channel=False)",
    "CosineKernel": "()",
    "CorrelationKernel": "(eps=1e-06)",
    "ArcCosineKernel": "(order=1)",
    "FunctionKernel": "(fn)",
    "get_kernel": "(spec)",
    "kernel_names": "()",
    "convert_model": "(model, kernel, *, where='all', inplace=False)",
    "revert_model": "(model, *, inplace=False)",
    "functional.kernel_conv2d": "(input, weight, bias=None, stride=1, padding=0, dilation=1, "
    "groups=1, *, kernel='linear')",
    "functional.kernel_conv1d": "(input, weight, bias=None, stride=1, padding=0, dilation=1, "
    "groups=1, *, kernel='linear')",
    "functional.kernel_conv3d": "(input, weight, bias=None, stride=1, padding=0, dilation=1, "
    "groups=1, *, kernel='linear')",
    "init.init_from_data": "(model, batch, *, scale=1.0, seed=0)",
    "data.load": "(name, root=None, device='cpu')",
    "train.train": "(config, *, log=None)",
    "records.load": "(name)",
    "testing.check_kernel": "(kernel)",
}


def public() -> set[str]:
    return {n for n in dir(kerv) if not n.startswith("_") and n not in incidental()}


def incidental() -> set[str]:
    """What is there only because kerv imports it: modules behind the public names, and typing."""
    return {n for n, v in vars(kerv).items() if inspect.ismodule(v) and n not in SUBMODULES} | {
        "ModuleType",
        "annotations",
    }


def test_public_names_are_frozen() -> None:
    assert public() == PUBLIC | SUBMODULES


def find(path: str) -> object:
    found: object = kerv
    for name in path.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("path", SIGNATURES)
def test_signatures_are_frozen(path: str) -> None:
    signature = inspect.signature(find(path))  # type: ignore[arg-type]
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    if inspect.isclass(found := find(path)) and SIGNATURES[path] == "()":
        assert "__init__" not in vars(found)  # nn.Module's own, (*args, **kwargs), stands for none
        found()
        return
    shown = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    assert shown == SIGNATURES[path]


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_object_says_what_it_is_and_shows_it(name: str) -> None:
    found = getattr(kerv, name)
    assert found.__doc__
    if name not in ("Pair", "ConvPair"):
        assert ">>>" in found.__doc__, f"{name} has no example"
    if inspect.isclass(found):
        for method, value in vars(found).items():
            if inspect.isfunction(value) and not method.startswith("_"):
                documented = any(
                    getattr(base.__dict__.get(method), "__doc__", None) for base in found.__mro__
                )
                assert documented or method in ("forward", "extra_repr"), f"{name}.{method}"
