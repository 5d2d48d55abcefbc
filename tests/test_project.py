"""What holds for the project as a whole: its layout, its address, its imports, its set-up."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import publish
import pytest
import yaml
from packaging.requirements import Requirement

import kerv

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
TOP_LEVEL = {
    *("book", "kerv", "tests", "_config.yml", "_toc.yml", "requirements.txt", "README.md"),
    *("pyproject.toml", "Makefile", "LICENSE", "CITATION.cff", "CHANGELOG.md", "CONTRIBUTING.md"),
    *(".ci", ".github", ".gitignore", ".pre-commit-config.yaml"),
}

# A module of kerv may import those that stand before it, and no others.
ORDER = [
    *(
        "l1",
        "tails",
        "pair",
        "hyper",
        "base",
        "kernels",
        "registry",
        "functional",
        "layers",
        "init",
        "convert",
        "fastnet",
        "models",
    ),
    *(
        "textures",
        "download",
        "data",
        "scaling",
        "light",
        "attacks",
        "records",
        "checkpoint",
        "distributed",
        "evaluation",
        "config",
        "loader",
        "optim",
    ),
    *("train", "cli", "plan", "studies", "robustness", "timing"),
    *("plots", "testing", "bench", "audit", "findings", "claims", "widgets", "check"),
]
PYTHON_FLOOR = (3, 10)


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        return []
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file()]


TRACKED = tracked_files()
needs_git = pytest.mark.skipif(not TRACKED, reason="not a git checkout")


def tracked_texts() -> Iterator[tuple[str, str]]:
    """(path, text) of each tracked file that is text."""
    for path in TRACKED:
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def config() -> dict:
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


# Layout


@needs_git
def test_top_level_holds_what_it_should() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in TRACKED} == TOP_LEVEL


@needs_git
def test_files_of_code_are_short() -> None:
    lengths = {
        name: lines_of_code(text) if name.endswith("/assignment.py") else text.count("\n")
        for name, text in tracked_texts()
        if name.endswith(".py")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def lines_of_code(text: str) -> int:
    """Those of an assignment, whose comments are the text and the cells of a notebook."""
    return sum(not re.match(r"#|$", line) for line in text.splitlines())


UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
# Ada is the user of examples.
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:root|work|(?:home|Users)/(?!ada\b)\w+)/")


@needs_git
def test_nothing_is_left_to_do() -> None:
    # Pictures in notebooks are long random-looking words, in which anything can be found.
    texts = [(name, re.sub(r"[A-Za-z0-9+/=]{200,}", "", text)) for name, text in tracked_texts()]
    found = [name for name, text in texts if UNFINISHED.search(text)]
    assert found == []


@needs_git
def test_no_path_of_a_machine() -> None:
    found = [(name, m[0]) for name, text in tracked_texts() for m in MACHINE_PATH.finditer(text)]
    assert found == []


def test_patterns_find_what_they_should() -> None:
    assert UNFINISHED.search("# TO" + "DO: later")
    assert MACHINE_PATH.search("open('/ho" + "me/jo/x')")
    assert MACHINE_PATH.search("see /ro" + "ot/x")
    assert not MACHINE_PATH.search("https://example.org/Users/jo/x and ./Users/jo/x")


# Address, version, requirements

# Not always kerv: a fork may have another name, once `make address` has written it everywhere.
NAME = publish.configured().name
ADDRESS = re.compile(
    rf"github(?:\.com)?/([\w.-]+)/{re.escape(NAME)}\b|\b([\w-]+)\.github\.io/{re.escape(NAME)}\b"
)


def owners(text: str) -> set[str]:
    return {(m[1] or m[2]).lower() for m in ADDRESS.finditer(text)}


@needs_git
def test_address_is_the_same_everywhere() -> None:
    [owner] = owners(config()["repository"]["url"])
    found = {name: owners(text) for name, text in tracked_texts()}
    assert {name: others for name, others in found.items() if others - {owner}} == {}


def test_address_is_found_in_every_form() -> None:
    text = f"""https://github.com/ada/{NAME} git+https://github.com/ben/{NAME}.git
    https://colab.research.google.com/github/cyd/{NAME}/blob/main/x https://dan.github.io/{NAME}/"""
    assert owners(text) == {"ada", "ben", "cyd", "dan"}
    assert owners(f"https://github.com/sair-lab/{NAME}olution") == set()


def test_citation() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == kerv.__version__ == pyproject()["version"]
    assert citation["repository-code"] == config()["repository"]["url"]
    assert citation["references"][0]["doi"] == "10.1109/CVPR.2019.00012"


def test_requirements_are_ranges() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    needed = {r.name: r for r in map(Requirement, filter(None, (x.split("#")[0] for x in lines)))}
    book = {"torch", "torchvision", "jupyter-book", "matplotlib", "nbval", "ipywidgets"}
    assert needed.keys() == book | {"sphinx-mathjax-offline"}
    for requirement in needed.values():
        assert {part.operator for part in requirement.specifier} in ({">="}, {">=", "<"})
    # What the package asks for and what the book asks for must not contradict each other.
    package = pyproject()["dependencies"] + pyproject()["optional-dependencies"]["book"]
    for requirement in map(Requirement, package):
        if requirement.name in needed:
            assert requirement.specifier == needed[requirement.name].specifier


# Code


def imported(source: str, package: tuple[str, ...]) -> set[str]:
    """The modules of kerv that `source`, a module inside `package`, imports anywhere.

    What runs only under `if __name__ == "__main__"` is a command, not an import of the module.
    """
    found = set()
    tree = ast.parse(source)
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))
    ]
    for node in ast.walk(tree):
        names: list[tuple[str, ...]] = []
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            names = [(*base, alias.name) for alias in node.names]
        found |= {name[1] for name in names if name[0] == "kerv" and len(name) > 1}
    return found - {"__version__"}


def forbidden_imports(module: str, source: str, package: tuple[str, ...]) -> set[str]:
    allowed = {*ORDER[: ORDER.index(module)], module}
    return imported(source, package) - allowed


MODULES = sorted((ROOT / "kerv").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts == ("kerv", "__init__"):
        return
    assert parts[1] in ORDER, f"give {parts[1]} its place in ORDER"
    assert forbidden_imports(parts[1], path.read_text(encoding="utf-8"), parts[:-1]) == set()


@pytest.mark.parametrize(
    "line",
    [
        "from .layers import KernelConv2d",
        "from . import layers",
        "import kerv.layers",
        "from kerv.layers import KernelConv2d",
        "def f():\n    from kerv import layers",
    ],
)
def test_import_against_the_order_is_found(line: str) -> None:
    assert forbidden_imports("pair", line, ("kerv",)) == {"layers"}
    assert forbidden_imports("convert", line, ("kerv",)) == set()


def test_import_from_a_subpackage_is_found() -> None:
    assert forbidden_imports("records", "from ..train import train", ("kerv", "records")) == {
        "train"
    }
    assert forbidden_imports("records", "from .x import y", ("kerv", "records")) == set()


def test_kerv_imports_torch_and_nothing_heavier() -> None:
    code = """if True:
        import sys
        import torch
        before = set(sys.modules)
        import kerv
        print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
        """
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert set(out.stdout.split()) - sys.stdlib_module_names == {"kerv"}


def test_submodules_are_loaded_on_first_use() -> None:
    code = """if True:
        import sys, kerv
        print(*sorted({n.split(".")[1] for n in sys.modules if n.startswith("kerv.")}))
        for name in sorted(kerv._SUBMODULES):
            assert getattr(kerv, name).__name__ == "kerv." + name
        """
    environment = {**os.environ, "MPLBACKEND": "agg"}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, env=environment
    )
    first = set(out.stdout.split())
    assert "layers" in first
    assert first <= set(ORDER[: ORDER.index("fastnet")]) - {"init"}


def test_every_file_of_the_package_is_installed() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    listed = {
        path
        for package, patterns in tool["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    files = [path for path in (ROOT / "kerv").rglob("*") if path.is_file()]
    own = {path for path in files if path.suffix not in (".py", ".pyc")}
    assert own == listed != set()
    assert sum(path.stat().st_size for path in own) < 10_000_000
    module, _, name = pyproject()["scripts"]["kerv-train"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def python_sources() -> Iterator[tuple[str, str]]:
    for folder in ("kerv", "tests", "book"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                # Lines that only a notebook understands become empty statements.
                source = re.sub(r"^(\s*)[%!].*", r"\1pass", cell.source, flags=re.MULTILINE)
                yield f"{path.name}, cell {cell.id}", source


def parses(source: str) -> bool:
    try:
        ast.parse(source, feature_version=PYTHON_FLOOR)
    except SyntaxError:
        return False
    return True


def test_syntax_of_the_oldest_python() -> None:
    assert [name for name, source in python_sources() if not parses(source)] == []
    assert not parses("try:\n    pass\nexcept* ValueError:\n    pass")


# Set-up


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "CONDA", "VIRTUAL"))}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=env | environment,
        capture_output=True,
        text=True,
    )


def fake_python(folder: Path, version: str) -> Path:
    """A program that says which Python it is, and writes down how pip was called."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    old = int(version < "3.10")
    python.write_text(
        f"""#!/bin/sh
case "$*" in
  --version) echo Python {version};;
  -c*) exit {old};;
  *) echo "$@" >> "{folder}/calls";;
esac
"""
    )
    python.chmod(0o755)
    return python


def test_make_lists_its_targets() -> None:
    out = make().stdout
    for target in ("book", "test", "check", "notebooks", "format", "clean"):
        assert f"make {target} " in out


def test_make_installs_once_into_the_active_environment(tmp_path: Path) -> None:
    environment = tmp_path / "an environment"
    fake_python(environment, "3.12.1")
    for _ in range(2):
        result = make("setup", VIRTUAL_ENV=str(environment))
        assert result.returncode == 0, result.stderr
    calls = (environment / "calls").read_text().splitlines()
    assert calls == ["-m pip install --quiet -r requirements.txt -e .[book,dev]"]
    # The stamp of another checkout, or of older requirements, does not count.
    (environment / ".kerv-installed").write_text("elsewhere 1 2\n")
    make("setup", VIRTUAL_ENV=str(environment))
    assert len((environment / "calls").read_text().splitlines()) == 2


def test_make_refuses_an_old_python(tmp_path: Path) -> None:
    fake_python(tmp_path, "3.09.2")
    result = make("setup", VIRTUAL_ENV=str(tmp_path))
    assert result.returncode != 0
    assert "Python 3.10 or newer is needed" in result.stdout
    assert "Python 3.09.2" in result.stdout
    assert not (tmp_path / "calls").exists()
