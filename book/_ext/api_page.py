"""The page of the package's public names, from their docstrings: `make api`.

In the repository the page is a list, each name with the first line of its docstring.
When the site is built, `kerv_site` puts the whole docstrings in the place of the list.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "api.md"

HEAD = """\
# The package, name by name

What `import kerv` gives you. The list is made from the docstrings, so
`help(kerv.KernelConv2d)` says the same at your prompt.
"""

SECTIONS = {
    "Kernels": """
        kerv.LinearKernel kerv.PolynomialKernel kerv.GaussianKernel kerv.RBFKernel
        kerv.SigmoidKernel kerv.LpNormKernel kerv.LaplacianKernel
        kerv.RationalQuadraticKernel kerv.CosineKernel kerv.CorrelationKernel
        kerv.ArcCosineKernel kerv.get_kernel kerv.kernel_names
    """,
    "A kernel of your own": """
        kerv.Kernel kerv.FunctionKernel kerv.SumKernel kerv.ProductKernel kerv.Hyper
        kerv.Pair kerv.ConvPair kerv.VectorPair kerv.testing.check_kernel
    """,
    "Layers": """
        kerv.KernelConv1d kerv.KernelConv2d kerv.KernelConv3d
        kerv.functional.kernel_conv1d kerv.functional.kernel_conv2d
        kerv.functional.kernel_conv3d
    """,
    "Networks": """
        kerv.convert_model kerv.revert_model kerv.init.init_from_data kerv.models.build
        kerv.models.names kerv.models.FastNet
    """,
    "Data": "kerv.data.load kerv.data.names kerv.data.Dataset",
    "Training": """
        kerv.train.train kerv.train.TrainConfig kerv.train.recorded_network
        kerv.evaluation.evaluate kerv.records.Record kerv.records.load
        kerv.records.names kerv.records.table kerv.records.tensors_of
    """,
    "Light and attacks": """
        kerv.light.change kerv.light.vary kerv.light.shadow kerv.light.noise
        kerv.attacks.fgsm kerv.attacks.pgd
    """,
    "Costs": "kerv.bench.measure kerv.bench.recorded kerv.bench.report",
    "The recorded comparisons": """
        kerv.studies.get_study kerv.studies.finals kerv.audit.difference
        kerv.audit.scores kerv.audit.search_table kerv.audit.finals_table
        kerv.audit.light_table kerv.claims.table kerv.claims.versus
        kerv.robustness.accuracies
        kerv.robustness.recorded
    """,
    "Figures and feedback": """
        kerv.plots.number_grids kerv.plots.response_maps kerv.plots.walk_curves
        kerv.plots.Numbers kerv.widgets.explore_patches kerv.widgets.explore_surface
        kerv.widgets.explore_light kerv.widgets.explore_filters
        kerv.widgets.explore_training kerv.check.answer kerv.check.exercise
    """,
}


def find(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def summary(name: str) -> str:
    """The first paragraph of a docstring in one line; of an alias, what it is."""
    thing = find(name)
    module, _, own = name.rpartition(".")
    original = getattr(thing, "__name__", own)
    if original != own:
        return f"Another name of `{module}.{original}`."
    first, _, _ = (inspect.getdoc(thing) or "").partition("\n\n")
    return " ".join(first.split())


def page() -> str:
    parts = [HEAD]
    for title, names in SECTIONS.items():
        entries = [f"- `{name}`: {summary(name)}" for name in names.split()]
        parts += [f"## {title}\n", "\n".join(entries) + "\n"]
    return "\n".join(parts)


def with_docstrings(markdown: str) -> str:
    """The page as the site shows it: the whole docstring in the place of each entry."""

    def directive(entry: re.Match[str]) -> str:
        kind = "autoclass" if inspect.isclass(find(entry[1])) else "autofunction"
        return f"```{{eval-rst}}\n.. {kind}:: {entry[1]}\n```\n"

    return re.sub(r"^- `(kerv[\w.]+)`: .*$", directive, markdown, flags=re.MULTILINE)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
