"""The plugin of the graders in Otter's environment, where Python itself makes trouble."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[1] / ".venv-otter" / "bin" / "python"
# A kernel that leaves one line for each start, and dies in the first ones.
KERNEL = 'echo >> "{count}"; [ $(wc -l < "{count}") -gt {deaths} ] || exit 1; '
KERNEL += 'exec "{python}" -m ipykernel_launcher -f "$0"'
GRADE = """
from kerv_limits import BoundedExecutor
from nbformat.v4 import new_code_cell, new_notebook

notebook = new_notebook(cells=[new_code_cell("print(6 * 7)")])
BoundedExecutor(20, kernel_name="late").preprocess(notebook, {})
print(notebook.cells[0].outputs[0].text)
"""

pytestmark = [
    pytest.mark.grading,
    pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-otter: make test-grading"),
]


@pytest.mark.parametrize(("deaths", "starts"), [(0, 1), (1, 2), (2, 2)])
def test_a_kernel_that_did_not_start_gets_one_more_try(
    deaths: int, starts: int, tmp_path: Path
) -> None:
    count, kernel = tmp_path / "count", tmp_path / "kernels" / "late"
    script = KERNEL.format(count=count, deaths=deaths, python=PYTHON)
    kernel.mkdir(parents=True)
    spec = {"argv": ["/bin/sh", "-c", script, "{connection_file}"], "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps({**spec, "display_name": "late"}))
    done = subprocess.run(
        [PYTHON, "-c", GRADE],
        env={**os.environ, "JUPYTER_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert len(count.read_text().splitlines()) == starts
    assert ("42" in done.stdout) == (deaths < 2), done.stderr
    assert ("Kernel died" in done.stderr) == (deaths == 2)
