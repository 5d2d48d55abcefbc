"""Run notebooks from top to bottom and store their outputs: `make notebooks`.

    python book/_ext/run_notebooks.py book/03_kernel_conv.ipynb

Two runs on one machine give the same file, so that a diff shows what a change of the
text or of the code really did. The metadata keep a hash of every code cell that ran;
tests/test_notebooks.py refuses a notebook whose code is newer than its outputs.

A cell with `{"kerv": {"picture": "assets/cover.png"}}` in its metadata also leaves its
picture in that file, for the pages that are not notebooks.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

# They keep out what differs between machines: the reader's own settings of matplotlib
# and IPython, the version that matplotlib writes into pictures.
MATPLOTLIBRC = "svg.hashsalt: kerv\n"
IPYTHON_CONFIG = """
c = get_config()
c.InlineBackend.print_figure_kwargs = {
    "bbox_inches": "tight", "metadata": {"Software": None}
}
"""


def source_hashes(notebook: NotebookNode) -> list[str]:
    """One short hash for each code cell, in order."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return [hashlib.sha256(source.encode()).hexdigest()[:12] for source in code]


def run(notebook: NotebookNode, folder: Path) -> list[str]:
    """Run a notebook in `folder`, in place. Returns what its cells wrote to stderr.

    Raises:
        CellExecutionError: a cell failed.
        CellTimeoutError: a cell took too long.
        DeadKernelError: the kernel died, as a rule for want of memory.
    """
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    complaints = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            noise = [o for o in cell.outputs if o.get("name") == "stderr"]
            complaints += [f"cell {cell.id}: {o.text.strip()}" for o in noise]
            cell.outputs = [o for o in cell.outputs if o not in noise]
            cell.metadata.pop(
                "execution", None
            )  # the times that other programs leave behind
            for output in cell.outputs:
                if "text/html" in output.get("data", {}):
                    # Its name differs at every run, and a page has no kernel to ask.
                    output.data.pop("application/vnd.jupyter.widget-view+json", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    notebook.metadata.kerv = {"executed": source_hashes(notebook)}
    return complaints


def pictures(notebook: NotebookNode) -> dict[str, bytes]:
    """The pictures to keep in files: name and bytes, from the stored outputs."""
    kept = {}
    for cell in notebook.cells:
        if name := cell.metadata.get("kerv", {}).get("picture"):
            [png] = [
                o.data["image/png"]
                for o in cell.outputs
                if "image/png" in o.get("data", {})
            ]
            kept[name] = base64.b64decode(png)
    return kept


def main(paths: list[str]) -> int:
    failed = False
    # Rounding depends on the number of threads, and a trained network on the rounding.
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    with tempfile.TemporaryDirectory() as settings:
        profile = Path(settings, "profile_default")
        profile.mkdir()
        (profile / "ipython_kernel_config.py").write_text(IPYTHON_CONFIG)
        Path(settings, "matplotlibrc").write_text(MATPLOTLIBRC)
        os.environ |= {
            "IPYTHONDIR": settings,
            "MATPLOTLIBRC": settings,
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONHASHSEED": "0",
        }
        for path in map(Path, paths):
            start = time.perf_counter()
            notebook = nbformat.read(path, as_version=4)
            try:
                complaints = run(notebook, path.parent)
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                print(f"{path}: not stored, a cell failed\n{error}", file=sys.stderr)
                failed = True
                continue
            for complaint in complaints:
                print(f"{path}: stderr is not stored: {complaint}", file=sys.stderr)
            nbformat.write(notebook, path)
            for name, png in pictures(notebook).items():
                (path.parent / name).write_bytes(png)
            print(f"{path}: {time.perf_counter() - start:.0f} s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
