"""Grade an assignment's source in this process: no Otter, a tenth of a second.

It reads the same sources as `make assignments` and runs the same tests, so many keys and every
recorded wrong answer can be tried. tests/test_grading.py runs the archives themselves.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass
class Cell:
    """One cell of a source: its kind, and the tags of an answer cell."""

    kind: str
    text: str
    tag: str | None = None


def cells(text: str) -> list[Cell]:
    """The cells of a percent-format script."""
    found = []
    for part in re.split(r"^# %%", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        kind = re.search(r"\[(\w+)\]", head)
        tag = re.search(r'tags=\["(\w+)"\]', head)
        body = body.strip()
        if kind:
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        found.append(Cell(kind[1] if kind else "code", body, tag[1] if tag else None))
    return found


@dataclass
class Question:
    """Its points test by test, its answer cell, its tests, and the cell of feedback after it."""

    points: list[float]
    answer: str = ""
    tests: list[str] = field(default_factory=list)


def questions(text: str) -> dict[str, Question]:
    """The questions of a source by their names."""
    found: dict[str, Question] = {}
    in_tests = False
    for cell in cells(text):
        if cell.kind == "raw" and cell.text.startswith("# BEGIN QUESTION"):
            config = yaml.safe_load(cell.text)
            question = found[config["name"]] = Question(config["points"])
        elif cell.kind == "raw":
            in_tests = cell.text == "# BEGIN TESTS"
        elif cell.kind == "code" and in_tests:
            question.tests.append(cell.text)
        elif cell.tag:
            question.answer = cell.text
    return found


@dataclass
class Graded:
    """The points per question, and what kerv.check said, by the names of the exercises."""

    points: dict[str, float]
    said: dict[str, str]


def call(test: str, names: dict[str, Any]) -> bool:
    space: dict[str, Any] = {}
    exec(test, space)
    [function] = [v for k, v in space.items() if k.startswith("test_")]
    arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
    try:
        function(**{name: names.get(name) for name in arguments})
    except Exception:
        return False
    return True


def without_tests(text: str) -> Iterator[Cell]:
    in_tests = False
    for cell in cells(text):
        if cell.kind == "raw":
            in_tests = cell.text == "# BEGIN TESTS"
        elif cell.kind == "code" and not in_tests:
            yield cell


def grade(text: str, replaced: dict[str, str]) -> Graded:
    """Run a source with some of its answer cells replaced, and test it as Otter would."""
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in without_tests(text):
            exec(replaced.get(cell.tag or "", cell.text), names)
    said = dict(re.findall(r"^(A[\w.]+): (.*)$", printed.getvalue(), re.MULTILINE))
    points = {
        name: sum(
            worth
            for worth, test in zip(question.points, question.tests, strict=True)
            if call(test, names)
        )
        for name, question in questions(text).items()
    }
    return Graded(points, said)


def stub(answer: str) -> str:
    """What Otter-Assign leaves of a solution."""
    block = r"# BEGIN SOLUTION{}\n.*?# END SOLUTION"
    answer = re.sub(block.format(" NO PROMPT"), "", answer, flags=re.DOTALL)
    answer = re.sub(block.format(""), "...", answer, flags=re.DOTALL)
    return re.sub(r"= .*# SOLUTION$", "= ...", answer, flags=re.MULTILINE)


def full_marks(text: str) -> dict[str, float]:
    return {name: sum(question.points) for name, question in questions(text).items()}
