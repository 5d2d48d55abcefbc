"""The page that says what ran, on what, and how long it took: `make status`.

    python book/_ext/status_page.py book/*.ipynb

It runs the given chapters once each, with two threads and without a GPU, and stores
nothing of them but their times. The rows of the other chapters stay as they are.
"""

from __future__ import annotations

import math
import os
import re
import sys
import time
from pathlib import Path

import nbformat
import run_notebooks
import torch
import yaml

from kerv import records

BOOK = Path(__file__).parents[1]
PAGE = BOOK / "status.md"
THREADS = 2

HEAD = """\
# What ran, where, and how long

`make status` ran each chapter from top to bottom, on {threads} CPU threads and without
a GPU, and wrote this page, which is never edited by hand. The time is that of a whole
chapter, its start and its imports included. Where the pictures are *generated*, no
dataset was on the disk. A dash means: not measured yet.

| chapter | seconds | pictures | software | machine |
|---|---|---|---|---|
{rows}

Together: {minutes:.1f} minutes.
"""
ROW = re.compile(r"^\| \[.*?\]\(([^)]+\.ipynb)\) \| (\d+|—) \|.*$", re.MULTILINE)


def seconds(page: str) -> dict[str, int]:
    """The measured times on the page, by the chapter's file."""
    found = {match[1]: match[2] for match in ROW.finditer(page)}
    return {name: int(time) for name, time in found.items() if time != "—"}


def rows(page: str) -> dict[str, str]:
    """The rows of the page, by the chapter's file."""
    return {match[1]: match[0] for match in ROW.finditer(page)}


def chapters() -> list[Path]:
    """The notebooks that are part of the book."""
    parts = yaml.safe_load((BOOK.parent / "_toc.yml").read_text(encoding="utf-8"))[
        "parts"
    ]
    files = [chapter["file"] for part in parts for chapter in part["chapters"]]
    return [
        BOOK.parent / f"{file}.ipynb" for file in files if re.search(r"/\d\d_", file)
    ]


def link(path: Path) -> str:
    title = nbformat.read(path, as_version=4).cells[0].source.split("\n")[0]
    return f"[{int(path.name[:2])}. {title.removeprefix('# ')}]({path.name})"


def row(path: Path) -> str:
    """Run a chapter and say how it went.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    run_notebooks.run(notebook, path.parent)
    took = math.ceil(time.perf_counter() - start)
    ran, machine = records.versions(), records.hardware(torch.device("cpu"))
    pictures = "from `KERV_DATA`" if os.environ.get("KERV_DATA") else "generated"
    software = f"Python {ran['python']}, torch {ran['torch'].split('+')[0]}"
    cells = [
        link(path),
        took,
        pictures,
        software,
        f"{machine['name']}, {machine['vectors']}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def page(found: dict[str, str]) -> str:
    table = "\n".join(
        found.get(path.name, f"| {link(path)} | — | — | — | — |") for path in chapters()
    )
    minutes = sum(seconds(table).values()) / 60
    return HEAD.format(threads=THREADS, rows=table, minutes=minutes)


def main(paths: list[str]) -> int:
    os.environ |= {"OMP_NUM_THREADS": str(THREADS), "CUDA_VISIBLE_DEVICES": ""}
    found = rows(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    PAGE.write_text(page(found), encoding="utf-8")
    for path in map(Path, paths):
        found[path.name] = row(path)
        print(found[path.name], flush=True)
        # After each, so that what ran is kept when a later chapter fails.
        PAGE.write_text(page(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
