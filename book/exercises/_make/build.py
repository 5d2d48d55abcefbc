"""`make assignments KEY=…`: notebooks for students and instructors, and archives that grade.

    python book/exercises/_make/build.py _build/assignments 02_kernel_trick

The key comes from the environment variable KEY. For each assignment named, or for all, it writes

    student.ipynb     to hand out: no solution, no grader call
    instructor.ipynb  with solutions, tests and the common wrong answers
    autograder.zip    for Gradescope, and for `otter run -a autograder.zip submission.ipynb`

and grades the solutions with the archive: no key goes out whose assignment cannot be solved.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml
from nbformat import NotebookNode, v4
from otter.assign import main as assign

import source

GRADER = Path(__file__).resolve().parent / "grader"
KERV = source.FOLDER.parents[1] / "kerv"
NO_KEY = """make assignments KEY=… needs a key: any secret text, another one for each class.
It draws the numbers, the kernels, the data and the hidden tests, so that answers do not carry
over from one class to the next. The same key gives the same assignments: write it down."""
# A line for Colab, which jupytext would comment out.
SETUP = """import sys

if "google.colab" in sys.modules:
    %pip install -q --no-deps git+https://github.com/OWNER/kerv"""
CONFIG: dict[str, Any] = {
    "init_cell": False,
    "check_all_cell": False,
    "export_cell": False,
    "tests": {"files": True, "ok_format": False},
    "environment": str(GRADER / "environment.yml"),
    "plugins": [{"kerv_limits.Limits": {"seconds": 60}}],
    "generate": {"logo": False, "print_summary": False},
}


def master(name: str, secret: str) -> NotebookNode:
    """The notebook that Otter-Assign reads."""
    notebook = jupytext.reads(source.assignment(name, secret), fmt="py:percent")
    for cell in notebook.cells:
        if cell.cell_type == "raw" and cell.source.startswith("# BEGIN QUESTION"):
            # The student's notebook calls no grader: its feedback is kerv.check.
            cell.source += "\ncheck_cell: false"
    notebook.cells.insert(0, v4.new_code_cell(SETUP))
    config = v4.new_raw_cell("# ASSIGNMENT CONFIG\n" + yaml.safe_dump(CONFIG))
    notebook.cells.insert(0, config)
    notebook.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return notebook


def tagged(cell: NotebookNode) -> str | None:
    """The question whose answer cell this is: "q1" and so on."""
    [question] = [tag for tag in cell.metadata.get("tags", []) if tag.startswith("q")] or [None]
    return question


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Drop what Otter and jupytext leave in the metadata, and give every cell an id."""
    for index, cell in enumerate(notebook.cells):
        question = tagged(cell)
        cell.metadata = {"tags": [question]} if question else {}
        cell["id"] = f"cell-{index}"
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec}
    notebook.nbformat_minor = 5
    return notebook


def grading_notes(name: str, secret: str, question: str, test: str) -> NotebookNode:
    """What an instructor wants to know of a question: its tests, and what goes wrong."""
    rows = [
        f"| {wrong.name.partition('_')[2]} | {wrong.loses:g} | {wrong.says} |"
        for wrong in source.wrong(name, secret)
        if wrong.question == question
    ]
    table = [
        "| common wrong answer | loses | `kerv.check` says |",
        "|---|---|---|",
        *rows,
    ]
    text = "\n".join(
        [
            f"**Grading of {question}.**",
            "",
            *table,
            "",
            "```python",
            test.strip(),
            "```",
        ]
    )
    return v4.new_markdown_cell(text)


def repack(archive: Path, target: Path) -> None:
    """Add the plugin, beside `run_otter.py`, and the package, beside the notebook."""
    shutil.copy(archive, target)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as package:
        package.write(GRADER / "kerv_limits.py", "kerv_limits.py")
        for path in sorted([*KERV.rglob("*.py"), *KERV.glob("*.json")]):
            package.write(path, f"files/kerv/{path.relative_to(KERV).as_posix()}")


def build(name: str, secret: str, out: Path) -> None:
    """Make the three files of one assignment in the folder `out`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.ipynb")
        nbformat.write(master(name, secret), path)
        assign(str(path), str(Path(folder, "dist")), no_pdfs=True)
        made = Path(folder, "dist")
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        student = nbformat.read(made / "student" / path.name, as_version=4)
        nbformat.write(tidy(student), out / "student.ipynb")

        instructor = tidy(nbformat.read(made / "autograder" / path.name, as_version=4))
        for index in reversed(range(len(instructor.cells))):
            if question := tagged(instructor.cells[index]):
                test = (made / "autograder" / "tests" / f"{question}.py").read_text()
                notes = grading_notes(name, secret, question, test)
                instructor.cells.insert(index + 1, notes)
        for index, cell in enumerate(instructor.cells):
            cell["id"] = f"cell-{index}"
        nbformat.write(instructor, out / "instructor.ipynb")

        [archive] = (made / "autograder").glob("*.zip")
        repack(archive, out / "autograder.zip")


def main(out: Path, chosen: list[str]) -> int:
    secret = os.environ.get("KEY", "")
    if not secret:
        print(NO_KEY, file=sys.stderr)
        return 2
    known = source.names()
    if unknown := sorted(set(chosen) - set(known)):
        print(f"no assignment {unknown}; there are {known}", file=sys.stderr)
        return 2
    for name in chosen or known:
        start = time.perf_counter()
        build(name, secret, out / name)
        print(f"{out / name}: {time.perf_counter() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
