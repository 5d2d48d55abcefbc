"""The check of the Colab path: what it pretends, and what it would notice.

The whole way, with Colab's packages in an environment of their own, is `make colab-check`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import colab_check
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from packaging.requirements import Requirement
from publish import Repository

FORK = Repository("ada", "a-fork")


def test_git_takes_the_copy_for_the_repository(tmp_path: Path) -> None:
    environment = os.environ | colab_check.serve(FORK, tmp_path / "copy")
    ask = ["git", "ls-remote", FORK.code, "HEAD"]
    said = subprocess.run(ask, env=environment, capture_output=True, check=True, text=True).stdout
    head = ["git", "-C", str(tmp_path / "copy"), "rev-parse", "HEAD"]
    assert said.split()[0] == subprocess.run(head, capture_output=True, text=True).stdout.strip()
    for name in ("pyproject.toml", "kerv/__init__.py", "kerv/download.py"):
        assert (tmp_path / "copy" / name).is_file()
    assert not (tmp_path / "copy" / ".venv").exists()


def test_changes_of_packages_are_noticed() -> None:
    before = {"torch": "2.9.0", "numpy": "2.0.2", "six": "1.16"}
    assert colab_check.changes(before, before | {"kerv": "git+https://x@1"}) == []
    after = {"torch": "2.9.0", "numpy": "2.3.0", "kerv": "1", "wheel": "1.0"}
    assert colab_check.changes(before, after) == [
        "numpy: 2.0.2 → 2.3.0",
        "six: 1.16 → gone",
        "wheel: not there → 1.0",
    ]


def test_what_is_installed_is_told() -> None:
    found = colab_check.installed()
    assert found["torch"].split(".")[0].isdigit()


def write(folder: Path, source: str) -> Path:
    folder.mkdir()
    cell = nbformat.v4.new_code_cell(source, id="cell")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "chapter.ipynb")
    return folder / "chapter.ipynb"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_kernel_has_imported_google_colab_and_is_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in colab_check.pretend(tmp_path).items():
        monkeypatch.setenv(name, value)
    source = """import os, sys
assert "google.colab" in sys.modules
assert os.listdir() == ["chapter.ipynb"]
"""
    colab_check.run(write(tmp_path / "alone", source))
    with pytest.raises(CellExecutionError, match="ModuleNotFoundError"):
        colab_check.run(write(tmp_path / "broken", "import not_a_package"))


def test_the_packages_are_pinned_and_none_is_kerv() -> None:
    text = (Path(colab_check.__file__).parent / "colab-packages.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    needed = [Requirement(line) for line in lines]
    for version in ("3.12", "3.13"):
        here = {"python_version": version}
        used = [one for one in needed if one.marker is None or one.marker.evaluate(here)]
        pinned = {one.name: str(one.specifier) for one in used}
        assert len(pinned) == len(used)
        assert all(specifier.startswith("==") for specifier in pinned.values())
        assert pinned["ipywidgets"] == "==7.7.1"
        wanted = {"torch", "torchvision", "numpy", "matplotlib", "ipython", "ipykernel"}
        assert wanted <= pinned.keys()
        assert "kerv" not in pinned
