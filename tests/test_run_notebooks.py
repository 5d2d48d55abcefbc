"""`make notebooks`: two runs give the same bytes, and what fails is not stored."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import run_notebooks

pytestmark = pytest.mark.slow

CELLS = {
    "text": "import sys\nimport torch\nprint('to stdout')\nprint('to stderr', file=sys.stderr)",
    "set": "print(sorted({'b', 'a'}), hash('a') == hash('a'))\nprint({'ä', 'ö', 'ü'})",
    "figure": "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);",
    "frames": "import kerv\nkerv.widgets.explore_patches(torch.eye(3), torch.ones(2, 2), ['l1'])",
    "random": "torch.manual_seed(0)\ntorch.randn(3)",
}


def write(path: Path, cells: dict[str, str]) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, id=name) for name, source in cells.items()]
    )
    nbformat.write(notebook, path)


def run(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, run_notebooks.__file__, path], capture_output=True, text=True
    )


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "chapter.ipynb"
    write(path, CELLS)
    assert run(path).returncode == 0
    first = path.read_bytes()
    # From other outputs, counts and metadata to the same file.
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.outputs, cell.execution_count = [], 99
        cell.metadata.execution = {"iopub.status.busy": "2030-01-01T00:00:00"}
    notebook.metadata.widgets = {}
    nbformat.write(notebook, path)
    result = run(path)
    assert result.returncode == 0
    assert path.read_bytes() == first
    assert "cell text: to stderr" in result.stderr
    stored = nbformat.read(path, as_version=4)
    assert stored.cells[0].outputs[0].text == "to stdout\n"
    assert [kind for output in stored.cells[2].outputs for kind in output.data] == [
        *("image/png", "text/plain")
    ]
    assert stored.metadata.kerv["executed"] == run_notebooks.source_hashes(stored)


def test_the_number_of_threads_is_not_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chapter.ipynb"
    write(path, {"threads": "import torch\ntorch.get_num_threads()"})
    # torch takes no more threads than there are cores.
    for asked, expected in ((None, min(2, os.cpu_count() or 1)), ("1", 1)):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if asked:
            monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert run(path).returncode == 0
        [cell] = nbformat.read(path, as_version=4).cells
        assert cell.outputs[0].data["text/plain"] == str(expected)


@pytest.mark.parametrize(
    ("bad", "error"), [("1 / 0", "ZeroDivisionError"), ("import os; os._exit(1)", "Kernel died")]
)
def test_what_fails_is_not_stored(tmp_path: Path, bad: str, error: str) -> None:
    path = tmp_path / "chapter.ipynb"
    write(path, {"good": "1 + 1", "bad": bad})
    before = path.read_bytes()
    result = run(path)
    assert result.returncode == 1
    assert "not stored, a cell failed" in result.stderr
    assert error in result.stderr
    assert path.read_bytes() == before
